// SPDX-License-Identifier: Apache-2.0
// What for: which element of which argument each element of a block's result is, for blocks in loop form that only move
// bytes: what an executor needs that has no loops for moves.
// Called by: code generation for the accelerator.
// Does not: move anything, or know how tensors lie in memory.
#ifndef TW_IR_ELEMENTSOURCES_H
#define TW_IR_ELEMENTSOURCES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace tw::ir {

// An element: number `index` in row-major order of argument `argument`, or, where that is -1, the byte `index`.
struct ElementSource {
  int argument = -1;
  int64_t index = 0;
};

// Whether the block moves bytes and does nothing else with them.
bool onlyMoves(mlir::func::FuncOp block);

// Per element of the result, row-major. Nothing if it does more than move, or if where a byte
// goes depends on a value that `call` does not give as a constant.
std::optional<std::vector<ElementSource>> elementSources(mlir::func::FuncOp block, mlir::func::CallOp call);

} // namespace tw::ir

#endif // TW_IR_ELEMENTSOURCES_H
