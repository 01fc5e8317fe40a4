// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Rewrite.h"

#include "Affine.h"
#include "linalg/Primitives.h"

#include <algorithm>

namespace tw::tensorize {
namespace {

/// Loops that are groups, outputs of a group, and its reduction.
struct Groups {
  int group, output, depth;
};

// A block whose groups have one channel and several outputs, x[.., g] and y[.., g * P + o], with a loop of one step
// over the channels of a group: x[.., g + c].
Block withDepth(const Block &block) {
  const std::vector<Index> &result = block.operands[writtenOperand(block)].index;
  if (result.empty() || result.back().terms.size() != 2 || !block.isReduced())
    return block;
  const int group = result.back().terms[0].loop, depth = int(block.loops.size());
  Block deep = block;
  deep.loops.push_back({block.loops[group].name + ".in", 1, true});
  bool hasDepth = false;
  for (Operand &operand : deep.operands) {
    if (!operand.constant && !operand.isWritten && !operand.index.empty() && isBare(operand.index.back(), group)) {
      operand.index.back().terms.push_back({depth, 1});
      hasDepth = true;
    } else if (operand.constant && operand.elem == isa::Elem::I8 && dimOf(operand, group) >= 0) {
      operand.shape.push_back(1);
      operand.index.push_back({{{depth, 1}}, 0});
    }
  }
  return hasDepth ? deep : block;
}

// x[.., g * C + c], y[.., g * P + o]
std::optional<Groups> groupsOf(const Block &block) {
  Groups groups{-1, -1, -1};
  for (const Operand &operand : block.operands) {
    if (operand.constant || operand.index.empty() || operand.index.back().terms.size() != 2)
      continue;
    const std::vector<Term> &terms = operand.index.back().terms;
    const Loop &inner = block.loops[terms[1].loop];
    if (operand.index.back().constant != 0 || terms[1].factor != 1 || terms[0].factor != inner.extent ||
        block.loops[terms[0].loop].isReduction)
      continue;
    groups.group = terms[0].loop;
    (inner.isReduction ? groups.depth : groups.output) = terms[1].loop;
  }
  return groups.output >= 0 && groups.depth >= 0 ? std::optional(groups) : std::nullopt;
}

// Rearranges a constant: without the dimension of groups, that of outputs as long as all groups together, and so the
// reduction's, with zeros between groups.
bool densifyConstant(Operand &operand, const Groups &groups, int64_t groupCount) {
  const int g = dimOf(operand, groups.group), o = dimOf(operand, groups.output), c = dimOf(operand, groups.depth);
  if (g < 0 && o < 0 && c < 0)
    return true;
  if (g < 0 || o < 0)
    return false;
  const std::vector<int64_t> old = operand.shape;
  operand.shape[o] *= groupCount;
  if (c >= 0)
    operand.shape[c] *= groupCount;
  operand.shape.erase(operand.shape.begin() + g);
  operand.index.erase(operand.index.begin() + g);
  const int64_t bytes = int64_t(operand.constant->size()) / productOf(old);
  auto dense = std::make_shared<std::vector<uint8_t>>(productOf(operand.shape) * bytes, 0);
  forEach(old, [&](int64_t flat, const std::vector<int64_t> &at) {
    int64_t to = 0;
    for (size_t d = 0, e = 0; d != old.size(); ++d) {
      if (int(d) == g)
        continue;
      const bool isSpread = int(d) == o || int(d) == c;
      to = to * operand.shape[e++] + at[d] + (isSpread ? at[g] * old[d] : 0);
    }
    std::copy_n(operand.constant->begin() + flat * bytes, bytes, dense->begin() + to * bytes);
  });
  operand.constant = dense;
  operand.tensor = -1;
  return true;
}

} // namespace

std::optional<Block> densifyGroups(const Block &given) {
  const Block block = withDepth(given);
  std::optional<Groups> groups = sumsProducts(block) ? groupsOf(block) : std::nullopt;
  if (!groups)
    return std::nullopt;
  Block dense = block;
  const int64_t count = block.loops[groups->group].extent;
  for (Operand &operand : dense.operands) {
    if (operand.constant) {
      if (!densifyConstant(operand, *groups, count))
        return std::nullopt;
      continue;
    }
    for (Index &index : operand.index)
      if (index.terms.size() == 2 && index.terms[0].loop == groups->group)
        index.terms.erase(index.terms.begin());
    if (uses(operand, groups->group))
      return std::nullopt;
  }
  dense.loops[groups->output].extent *= count;
  dense.loops[groups->depth].extent *= count;
  dense.loops[groups->group].extent = 1;
  return dense;
}

} // namespace tw::tensorize
