// SPDX-License-Identifier: Apache-2.0
// Bounds-checked reading of an ONNX TensorProto.
#ifndef TW_IR_LIB_ONNX_TENSORREADER_H
#define TW_IR_LIB_ONNX_TENSORREADER_H

#include "tw/ir/Tensor.h"

#include <onnx/onnx_pb.h>
#include <optional>

namespace tw::ir::onnx {

// No tensor of a model may have more elements than this: a corrupt size must not become an allocation.
constexpr int64_t kMaxElements = int64_t(1) << 31;

std::string onnxTypeName(int dataType);
std::optional<ElementType> elementTypeOfOnnx(int dataType);
llvm::Expected<Tensor> readTensor(const ::onnx::TensorProto &proto);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_TENSORREADER_H
