// SPDX-License-Identifier: Apache-2.0
// Evaluates the linalg form of a block, one scalar at a time: it checks lowerings, it is not meant to be fast.
#ifndef TW_IR_LIB_INTERPRETER_LINALGEVALUATOR_H
#define TW_IR_LIB_INTERPRETER_LINALGEVALUATOR_H

#include "tw/ir/Tensor.h"

#include "mlir/IR/Operation.h"

namespace tw::ir {

// One operation of the upstream dialects that ToLinalg uses. A scalar is a tensor of rank 0. `lookup` gives the values
// that the operation reads, captured ones included.
llvm::Expected<Tensor> evaluateTensorOp(mlir::Operation *op, llvm::function_ref<const Tensor *(mlir::Value)> lookup);

} // namespace tw::ir

#endif // TW_IR_LIB_INTERPRETER_LINALGEVALUATOR_H
