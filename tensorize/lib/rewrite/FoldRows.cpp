// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Rewrite.h"

#include "Affine.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace tw::tensorize {
namespace {

// Dimension d of a constant operand is the window's column and d + 1 all of its channels; -1: none.
int kernelColumn(const Operand &operand, int column, int channel, int64_t channels) {
  for (size_t d = 0; operand.constant && d + 1 < operand.index.size(); ++d)
    if (isBare(operand.index[d], column) && isBare(operand.index[d + 1], channel) && operand.shape[d + 1] == channels)
      return int(d);
  return -1;
}

} // namespace

std::optional<Block> foldRows(const Block &block, int64_t lanes) {
  for (size_t o = 0; o != block.operands.size(); ++o) {
    const Operand &x = block.operands[o];
    const size_t rank = x.shape.size();
    if (x.constant || x.isWritten || x.outside == Outside::Skip || rank < 2 || x.index[rank - 2].terms.size() != 2 ||
        x.index[rank - 1].terms.size() != 1)
      continue;
    const int channel = x.index[rank - 1].terms[0].loop, pixel = x.index[rank - 2].terms[0].loop,
              column = x.index[rank - 2].terms[1].loop;
    const int64_t channels = x.shape[rank - 1];
    if (!isBare(x.index[rank - 1], channel) || x.index[rank - 2].terms[1].factor != 1 ||
        !block.loops[column].isReduction || !block.loops[channel].isReduction ||
        block.loops[channel].extent != channels)
      continue;
    Block folded = block;
    bool hasKernel = false;
    for (Operand &operand : folded.operands)
      if (int d = kernelColumn(operand, column, channel, channels); d >= 0) {
        operand.shape[d] *= channels;
        operand.shape.erase(operand.shape.begin() + d + 1);
        operand.index.erase(operand.index.begin() + d + 1);
        hasKernel = true;
      }
    if (!hasKernel || std::ranges::any_of(folded.operands, [&](const Operand &operand) {
          return &operand != &folded.operands[o] &&
                 (uses(operand, channel) || (!operand.constant && uses(operand, column)));
        }))
      continue;
    Operand &rows = folded.operands[o];
    rows.index[rank - 2] = {{{pixel, x.index[rank - 2].terms[0].factor * channels}, {column, 1}},
                            x.index[rank - 2].constant * channels};
    rows.index.pop_back();
    rows.shape[rank - 2] = int64_t(llvm::alignTo(x.shape[rank - 2] * channels, lanes));
    rows.shape.pop_back();
    rows.hasWholeRows = true;
    folded.loops[column].name += "*" + folded.loops[channel].name;
    folded.loops[column].extent *= channels;
    folded.loops[channel].extent = 1;
    return folded;
  }
  return std::nullopt;
}

} // namespace tw::tensorize
