// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Rewrite.h"

#include "Affine.h"
#include "linalg/Primitives.h"

#include "llvm/Support/MathExtras.h"

namespace tw::tensorize {
namespace {

// The loop over the columns of a kernel that an activation's window has, channels behind them; -1: none.
int columnLoop(const Block &block, int64_t lanes) {
  for (const Operand &x : block.operands) {
    const size_t rank = x.shape.size();
    if (x.constant || x.isWritten || x.hasWholeRows || x.outside == Outside::Skip || rank < 2 ||
        x.index[rank - 2].terms.size() != 2 || x.index[rank - 1].terms.size() != 1 ||
        !isBare(x.index[rank - 1], x.index[rank - 1].terms[0].loop) || 2 * x.shape[rank - 1] > lanes)
      continue;
    const Term &column = x.index[rank - 2].terms[1];
    if (column.factor == 1 && block.loops[column.loop].isReduction && block.loops[column.loop].extent > 2 &&
        block.loops[x.index[rank - 1].terms[0].loop].isReduction)
      return column.loop;
  }
  return -1;
}

} // namespace

std::optional<Block> pairColumns(const Block &block, int64_t lanes) {
  const int column = sumsProducts(block) ? columnLoop(block, lanes) : -1;
  if (column < 0)
    return std::nullopt;
  Block paired = block;
  const int half = int(paired.loops.size());
  paired.loops.push_back({paired.loops[column].name + ".half", 2, true});
  paired.loops[column].extent = int64_t(llvm::divideCeil(paired.loops[column].extent, 2));
  const bool isOdd = block.loops[column].extent % 2 != 0;
  bool hasWeights = false;
  for (Operand &operand : paired.operands)
    for (Index &index : operand.index)
      for (size_t t = 0, e = index.terms.size(); t != e; ++t)
        if (index.terms[t].loop == column) {
          const int64_t factor = index.terms[t].factor;
          index.terms[t].factor = 2 * factor;
          index.terms.push_back({half, factor});
          hasWeights |= operand.constant != nullptr;
          if (isOdd && operand.outside == Outside::Never) // the column behind the last one, whose weights are zero
            operand.outside = Outside::Value;
          break;
        }
  return hasWeights ? std::optional(std::move(paired)) : std::nullopt;
}

} // namespace tw::tensorize
