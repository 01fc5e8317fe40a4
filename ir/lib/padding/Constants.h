// SPDX-License-Identifier: Apache-2.0
// What for: constants of both graphs, and what nodes make of nothing but constants, by their numbers: how a graph comes
// to a mask or to places may depend on the size. Called by: Padding.cpp. Does not: touch the graphs.
#ifndef TW_IR_LIB_PADDING_CONSTANTS_H
#define TW_IR_LIB_PADDING_CONSTANTS_H

#include "Corner.h"

#include "llvm/ADT/DenseMap.h"

#include <memory>

namespace tw::ir::padding {

/// The constants of one graph.
class Constants {
public:
  bool isConstant(mlir::Value value);
  /// Null if it cannot be computed.
  std::shared_ptr<const Tensor> tensorOf(mlir::Value value);

private:
  llvm::DenseMap<mlir::Value, bool> known;
  llvm::DenseMap<mlir::Value, std::shared_ptr<const Tensor>> tensors;
};

/// What is known of constants of the large graph that are the same ones for all sizes.
using SameConstants = llvm::DenseMap<mlir::Value, Value>;

/// A constant of both graphs; nothing if its corner is not the small one's. `place` as in Value.
std::optional<Value> lookAtConstant(const Tensor &small, mlir::Value ours, const Tensor &large, int64_t place,
                                    SameConstants &same);

} // namespace tw::ir::padding

#endif // TW_IR_LIB_PADDING_CONSTANTS_H
