// SPDX-License-Identifier: Apache-2.0
// Evaluates what nodes compute of constants while a model is imported: exporters compute shapes, axes and sizes by
// nodes, and builders need their values.
#ifndef TW_IR_LIB_ONNX_FOLDER_H
#define TW_IR_LIB_ONNX_FOLDER_H

#include "tw/ir/Tensor.h"

#include "mlir/IR/Builders.h"

#include <optional>

namespace tw::ir::onnx {

// Has it no elements?
inline bool isEmpty(mlir::Value value) {
  return llvm::is_contained(llvm::cast<mlir::RankedTensorType>(value.getType()).getShape(), 0);
}

class Folder {
public:
  explicit Folder(mlir::OpBuilder &graphBuilder) : builder(graphBuilder) {}

  // The value, or a constant in its place if its operation's operands are constants and its result is no large tensor;
  // then nobody reads the operation any more. The integers of a weight stay behind their DequantizeLinear: fusion wants
  // to see them.
  mlir::Value fold(mlir::Value value);
  // The same for all operations behind `before` (null: from the beginning), and for `values`.
  void foldBehind(mlir::Operation *before, llvm::MutableArrayRef<mlir::Value> values);
  // What a value is, if constants decide it, of any size; the graph stays as it is.
  std::optional<Tensor> valueOf(mlir::Value value) { return valueOf(value, kMostSteps); }

private:
  static constexpr int kMostSteps = 8; // what is left for valueOf is large tensors: no long chain of them is asked for

  bool isAffordable(mlir::Operation *op);
  std::optional<Tensor> evaluate(mlir::Operation *op);
  std::optional<Tensor> valueOf(mlir::Value value, int steps);

  mlir::OpBuilder &builder;
  int64_t workBytes = 0; // read and made so far: a model must not be able to make this endless
};

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_FOLDER_H
