// SPDX-License-Identifier: Apache-2.0
// What for: a function of elements that stand at the same place of several operands, applied to each part of the result
// that is known by itself: corner, whole, beside each padded axis, at the place there, and what each row has.
// Called by: the rules of operators.
// Does not: decide whether the corner is right.
#ifndef TW_IR_LIB_PADDING_REGIONS_H
#define TW_IR_LIB_PADDING_REGIONS_H

#include "Corner.h"

namespace tw::ir::padding {

/// By axis of the result, the operand's; -1: none, or one that is broadcast.
using Axes = llvm::SmallVector<int, 8>;
struct Operand {
  const Value *value;
  Axes axes;
};
using Function = llvm::function_ref<Range(llvm::ArrayRef<Range>)>;

/// numpy broadcasting; nothing if an axis is broadcast for small dimensions only, or has other extents.
std::optional<Axes> broadcastAxes(const Value &operand, const Value &result);

void applyTo(Value &result, llvm::ArrayRef<Operand> operands, Function function);
/// Without what each row has: of functions that mix elements of a row.
void applyToParts(Value &result, llvm::ArrayRef<Operand> operands, Function function);

} // namespace tw::ir::padding

#endif // TW_IR_LIB_PADDING_REGIONS_H
