// SPDX-License-Identifier: Apache-2.0
#include "Regions.h"

#include <algorithm>

namespace tw::ir::padding {

std::optional<Axes> broadcastAxes(const Value &operand, const Value &result) {
  Axes axes(result.rank(), -1);
  const size_t offset = result.rank() - operand.rank();
  for (size_t k = 0; k != operand.rank(); ++k) {
    if (operand.isOne(k))
      continue;
    if (operand.small[k] != result.small[k + offset] || operand.large[k] != result.large[k + offset])
      return std::nullopt;
    axes[k + offset] = int(k);
  }
  return axes;
}

namespace {

bool isPaddedAlong(const Operand &operand, size_t axis) {
  return operand.axes[axis] >= 0 && operand.value->isPadded(size_t(operand.axes[axis]));
}

llvm::SmallVector<Range, 4> cornersOf(llvm::ArrayRef<Operand> operands) {
  llvm::SmallVector<Range, 4> ranges;
  for (const Operand &operand : operands)
    ranges.push_back(operand.value->corner);
  return ranges;
}

} // namespace

void applyToParts(Value &result, llvm::ArrayRef<Operand> operands, Function function) {
  llvm::SmallVector<Range, 4> ranges = cornersOf(operands);
  result.corner = function(ranges);
  for (size_t axis = 0; axis != result.rank(); ++axis) {
    if (!result.isPadded(axis))
      continue;
    for (size_t i = 0; i != operands.size(); ++i)
      ranges[i] = isPaddedAlong(operands[i], axis) ? operands[i].value->beside[size_t(operands[i].axes[axis])]
                                                   : operands[i].value->corner;
    result.beside[axis] = function(ranges);
  }
  for (size_t i = 0; i != operands.size(); ++i)
    ranges[i] = operands[i].value->whole;
  result.whole = function(ranges);
}

void applyTo(Value &result, llvm::ArrayRef<Operand> operands, Function function) {
  applyToParts(result, operands, function);
  llvm::SmallVector<Range, 4> ranges = cornersOf(operands);
  for (size_t axis = 0; axis != result.rank(); ++axis) {
    for (size_t i = 0; i != operands.size(); ++i)
      if (isPaddedAlong(operands[i], axis))
        ranges[i] = operands[i].value->there[size_t(operands[i].axes[axis])];
    result.there[axis] = function(ranges);
    ranges = cornersOf(operands);
    for (size_t i = 0; i != operands.size(); ++i) {
      if (!result.isPadded(axis) || !isPaddedAlong(operands[i], axis))
        continue;
      // Where this operand has the element that is known, the others have any.
      const Value &value = *operands[i].value;
      const size_t its = size_t(operands[i].axes[axis]);
      for (auto [lo, hi] :
           {std::pair(value.peak[its], value.corner.hi), std::pair(value.corner.lo, value.trough[its])}) {
        ranges[i] = {lo, hi, value.corner.mayBeNan};
        const Range there = function(ranges);
        result.peak[axis] = std::max(result.peak[axis], there.lo);
        result.trough[axis] = std::min(result.trough[axis], there.hi);
      }
      ranges[i] = value.corner;
    }
  }
}

} // namespace tw::ir::padding
