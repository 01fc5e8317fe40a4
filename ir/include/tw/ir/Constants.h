// SPDX-License-Identifier: Apache-2.0
// What for: the one way from constants in the IR to tensors and back (dense values when small, resources when large).
// Called by: the importer, passes, the interpreter, and the code generator when it packs weights.
// Does not: evaluate; a value that is not a tw.constant is not constant here.
#ifndef TW_IR_CONSTANTS_H
#define TW_IR_CONSTANTS_H

#include "tw/ir/GraphDialect.h"
#include "tw/ir/Tensor.h"

#include "mlir/IR/Builders.h"

#include <optional>

namespace tw::ir {

mlir::RankedTensorType toMlirType(mlir::MLIRContext *context, ElementType type, Dims shape);
ElementType elementTypeOf(mlir::Type type); // of a tensor that a tw op accepts
inline Dims shapeOf(mlir::Value value) { return llvm::cast<mlir::RankedTensorType>(value.getType()).getShape(); }

mlir::ElementsAttr makeConstantAttr(mlir::MLIRContext *context, llvm::StringRef name, const Tensor &tensor);
Tensor readConstant(mlir::ElementsAttr attr);

// A new tw.constant at the builder's insertion point; the name becomes the resource's name.
ConstantOp makeConstant(mlir::OpBuilder &builder, mlir::Location location, llvm::StringRef name, const Tensor &tensor);

bool isConstant(mlir::Value value);
std::optional<Tensor> constantOf(mlir::Value value);
// Constant tensors as plain vectors. The value must be constant.
std::vector<float> constantFloats(mlir::Value value);
std::vector<int64_t> constantInts(mlir::Value value);

} // namespace tw::ir

#endif // TW_IR_CONSTANTS_H
