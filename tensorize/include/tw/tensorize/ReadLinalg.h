// SPDX-License-Identifier: Apache-2.0
// What for: the loops of a block function (ir/ToLinalg.h), as one call of it uses them, become a Block for the matcher.
// Called by: code generation when it tries a block on the accelerator.
// Does not: know operators: any function of linalg.generic, tensor.pad and reshapes is read the same way.
#ifndef TW_TENSORIZE_READLINALG_H
#define TW_TENSORIZE_READLINALG_H

#include "tw/tensorize/Block.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <functional>
#include <variant>

namespace tw::tensorize {

/// The function gives this argument under another shape.
struct Renaming {
  unsigned argument = 0;
};

/// The kind of a rejection of what has no loops at all.
inline constexpr const char *kLibrary = "library";

/// `numberOf`: the caller's numbers of the call's operands and of its result. Constant operands become part of the
/// block, integers of one element become numbers in its body.
std::variant<Block, Renaming, Rejection> readBlock(mlir::func::FuncOp function, mlir::func::CallOp call,
                                                   const std::function<int(mlir::Value)> &numberOf);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_READLINALG_H
