// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Rewrite.h"

#include "Affine.h"

namespace tw::tensorize {

std::optional<Block> readThroughReshape(const Block &given, int tensor, const std::vector<int64_t> &shape) {
  Block block = given;
  for (size_t o = 0; o != block.operands.size(); ++o) {
    Operand &operand = block.operands[o];
    if (operand.tensor != tensor || operand.isWritten || operand.shape == shape)
      continue;
    // Leading dimensions agree; one dimension of ours is the product of the rest of theirs.
    size_t d = 0;
    while (d < operand.shape.size() && d < shape.size() && operand.shape[d] == shape[d])
      ++d;
    if (d + 1 != operand.shape.size() || operand.index[d].terms.size() != 1 || operand.index[d].terms[0].factor != 1 ||
        operand.index[d].constant != 0 || operand.outside != Outside::Never)
      return std::nullopt;
    const int split = operand.index[d].terms[0].loop;
    const Loop old = block.loops[split];
    if (old.extent != operand.shape[d])
      return std::nullopt;
    // The loop becomes the last of the new ones; the others are appended.
    std::vector<std::pair<int, int64_t>> parts; // (loop, its step in the old one)
    int64_t step = 1;
    std::vector<Index> index(shape.size() - d);
    for (size_t e = shape.size(); e-- > d;) {
      int loop = e + 1 == shape.size() ? split : int(block.loops.size());
      if (loop == split)
        block.loops[split].extent = shape[e];
      else
        block.loops.push_back({old.name + std::to_string(e), shape[e], old.isReduction});
      parts.push_back({loop, step});
      index[e - d] = {{{loop, 1}}, 0};
      step *= shape[e];
    }
    if (step != old.extent)
      return std::nullopt;
    for (size_t other = 0; other != block.operands.size(); ++other)
      if (other != o)
        for (Index &i : block.operands[other].index)
          for (size_t t = 0, n = i.terms.size(); t != n; ++t)
            if (i.terms[t].loop == split) {
              int64_t factor = i.terms[t].factor;
              for (auto [loop, s] : parts)
                if (loop != split)
                  i.terms.push_back({loop, factor * s});
            }
    operand.index.erase(operand.index.begin() + ptrdiff_t(d), operand.index.end());
    operand.index.insert(operand.index.end(), index.begin(), index.end());
    operand.shape = shape;
  }
  return block;
}

} // namespace tw::tensorize
