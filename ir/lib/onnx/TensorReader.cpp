// SPDX-License-Identifier: Apache-2.0
#include "TensorReader.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

namespace tw::ir::onnx {
namespace {

// Values that stand one by one in a repeated field, narrowed to T.
template <typename T, typename Field> llvm::Error readField(Tensor &tensor, const Field &field, llvm::StringRef name) {
  if (field.size() != tensor.size())
    return llvm::createStringError(name + llvm::Twine(" has ") + llvm::Twine(field.size()) + " values, the shape " +
                                   shapeText(tensor.shape) + " needs " + llvm::Twine(tensor.size()));
  for (int i = 0; i < field.size(); ++i)
    tensor.data<T>()[i] = static_cast<T>(field.Get(i));
  return llvm::Error::success();
}

llvm::Error readTypedField(Tensor &tensor, const ::onnx::TensorProto &proto) {
  switch (tensor.type) {
  case ElementType::F32:
    return readField<float>(tensor, proto.float_data(), "float_data");
  case ElementType::I8:
    return readField<int8_t>(tensor, proto.int32_data(), "int32_data");
  case ElementType::U8:
    return readField<uint8_t>(tensor, proto.int32_data(), "int32_data");
  case ElementType::I32:
    return readField<int32_t>(tensor, proto.int32_data(), "int32_data");
  case ElementType::I64:
    return readField<int64_t>(tensor, proto.int64_data(), "int64_data");
  default:
    break;
  }
  llvm_unreachable("all element types are listed");
}

} // namespace

std::string onnxTypeName(int dataType) {
  if (!::onnx::TensorProto_DataType_IsValid(dataType))
    return "type " + std::to_string(dataType);
  return llvm::StringRef(::onnx::TensorProto_DataType_Name(static_cast<::onnx::TensorProto_DataType>(dataType)))
      .lower();
}

std::optional<ElementType> elementTypeOfOnnx(int dataType) {
  switch (dataType) {
  case ::onnx::TensorProto_DataType_FLOAT:
    return ElementType::F32;
  case ::onnx::TensorProto_DataType_INT8:
    return ElementType::I8;
  case ::onnx::TensorProto_DataType_UINT8:
    return ElementType::U8;
  case ::onnx::TensorProto_DataType_INT32:
    return ElementType::I32;
  case ::onnx::TensorProto_DataType_INT64:
    return ElementType::I64;
  default: // an open enumeration: any number may stand in a file
    return std::nullopt;
  }
}

llvm::Expected<Tensor> readTensor(const ::onnx::TensorProto &proto) {
  if (proto.data_location() == ::onnx::TensorProto_DataLocation_EXTERNAL || proto.external_data_size() > 0)
    return llvm::createStringError(
        "its data lies in an external file, which is not supported; save the model as one file");
  if (proto.has_segment())
    return llvm::createStringError("segmented tensors are not supported");
  auto type = elementTypeOfOnnx(proto.data_type());
  if (!type)
    return llvm::createStringError("is " + onnxTypeName(proto.data_type()) +
                                   ", only float32, int8, uint8, int32 and int64 are supported");
  Shape shape;
  int64_t count = 1;
  for (int64_t d : proto.dims()) {
    if (d < 0)
      return llvm::createStringError("dimension " + llvm::Twine(d) + " is negative");
    if (d > 0 && count > kMaxElements / d) // nothing at all is a legal constant: an unused roi of Resize
      return llvm::createStringError("has more than " + llvm::Twine(kMaxElements) + " elements");
    count *= d;
    shape.push_back(d);
  }
  size_t rawSize = proto.raw_data().size();
  if (proto.has_raw_data() && static_cast<int64_t>(rawSize) != count * byteWidth(*type))
    return llvm::createStringError("has " + llvm::Twine(rawSize) + " bytes of data, the shape " + shapeText(shape) +
                                   " needs " + llvm::Twine(count * byteWidth(*type)));
  int64_t listed = proto.float_data_size() + proto.int32_data_size() + proto.int64_data_size();
  if (!proto.has_raw_data() && listed != count)
    return llvm::createStringError("has " + llvm::Twine(listed) + " values, the shape " + shapeText(shape) + " needs " +
                                   llvm::Twine(count));
  Tensor tensor(*type, shape);
  if (proto.has_raw_data()) {
    llvm::copy(proto.raw_data(), tensor.bytes.begin());
    return tensor;
  }
  if (auto error = readTypedField(tensor, proto))
    return error;
  return tensor;
}

} // namespace tw::ir::onnx
