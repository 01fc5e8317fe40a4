// SPDX-License-Identifier: Apache-2.0
// Bounds-checked reading of an ONNX TensorProto.
#ifndef TW_IR_LIB_ONNX_TENSORREADER_H
#define TW_IR_LIB_ONNX_TENSORREADER_H

#include "ExternalData.h"

#include "tw/ir/Tensor.h"

#include <optional>

namespace tw::ir::onnx {

// No tensor of a model may have more elements than this: a corrupt size must not become an allocation.
constexpr int64_t kMaxElements = int64_t(1) << 31;

std::string onnxTypeName(int dataType);
std::optional<ElementType> elementTypeOfOnnx(int dataType);
// The same, and what a type without an element type is held in (HeldTypes.h).
std::optional<ElementType> storedTypeOfOnnx(int dataType);
// "is string, which is not supported": what to say of a type without an element type.
std::string unsupportedType(int dataType);

// Numbers of two and four bits come unpacked.
llvm::Expected<Tensor> readTensor(const ::onnx::TensorProto &proto, ExternalData &external);

// A tensor in an external file whose bytes are what a constant holds: it need not be copied. Nothing when it must.
struct MappedTensor {
  ElementType type;
  Shape shape;
  FileBytes data;
};
llvm::Expected<std::optional<MappedTensor>> mapTensor(const ::onnx::TensorProto &proto, ExternalData &external);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_TENSORREADER_H
