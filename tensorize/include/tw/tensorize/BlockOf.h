// SPDX-License-Identifier: Apache-2.0
// What for: the integer operators of a graph as blocks, zero points folded into biases, constants as bytes.
// Called by: code generation when it tries an operator on the accelerator.
// Does not: match; accept operators whose weights, scales or zero points are not constants.
#ifndef TW_TENSORIZE_BLOCKOF_H
#define TW_TENSORIZE_BLOCKOF_H

#include "tw/tensorize/Block.h"

#include "mlir/IR/Operation.h"

#include <functional>
#include <variant>

namespace tw::tensorize {

/// The caller's numbers of tensors: of a value, and of a new one between two blocks of the same operator.
struct TensorNumbers {
  std::function<int(mlir::Value)> of;
  std::function<int(const std::vector<int64_t> &shape)> fresh;
};

/// The blocks of an operator in order of execution, or why it has none.
std::variant<std::vector<Block>, Rejection> blocksOf(mlir::Operation *op, const TensorNumbers &tensors);

/// Reads `tensor` in the shape in which it lies rather than in the one the block has: a reshape becomes part of the
/// access, by splitting the loop that walks the dimension in which they differ. False if no loop can be split so.
bool readThroughReshape(Block &block, int tensor, const std::vector<int64_t> &shape);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_BLOCKOF_H
