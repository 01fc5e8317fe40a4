// SPDX-License-Identifier: Apache-2.0
// What for: bounds of what an elementwise operator makes of bounds of its operands.
// Called by: the rules of operators.
// Does not: know shapes.
#ifndef TW_IR_LIB_PADDING_ELEMENTS_H
#define TW_IR_LIB_PADDING_ELEMENTS_H

#include "Range.h"

#include "mlir/IR/Operation.h"

#include <functional>

namespace tw::ir::padding {

/// As the operator computes it; empty if its result's element does not stand where those of its operands do.
std::function<Range(llvm::ArrayRef<Range>)> elementFunction(mlir::Operation *op);

} // namespace tw::ir::padding

#endif // TW_IR_LIB_PADDING_ELEMENTS_H
