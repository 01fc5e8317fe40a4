// SPDX-License-Identifier: Apache-2.0
#include "TensorReader.h"

#include "HeldTypes.h"
#include "tw/isa/DiagError.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

#include <cstring>

namespace tw::ir::onnx {
namespace {

// Numbers that share a byte.
const HeldType *findPacked(int dataType) {
  const HeldType *type = findHeldType(dataType);
  return type && type->bits < 8 ? type : nullptr;
}

// Bytes hold `count` numbers of few bits each.
Tensor unpacked(const HeldType &type, Dims shape, llvm::ArrayRef<char> bytes) {
  Tensor tensor(type.element, shape);
  const int perByte = 8 / type.bits;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const int shift = static_cast<int>(i % perByte) * type.bits;
    const int value = (static_cast<unsigned char>(bytes[i / perByte]) >> shift) & ((1 << type.bits) - 1);
    const bool isNegative = type.isSigned() && value >> (type.bits - 1);
    tensor.setInteger(i, isNegative ? value - (1 << type.bits) : value);
  }
  return tensor;
}

Tensor fromBytes(ElementType type, Dims shape, llvm::ArrayRef<char> bytes) {
  Tensor tensor(type, shape);
  llvm::copy(bytes, tensor.bytes.begin());
  if (type == ElementType::Bool) // any other byte would be no bool
    for (char &byte : tensor.bytes)
      byte = byte != 0;
  return tensor;
}

// A field of numbers, one for each element or packed byte, narrowed to T.
template <typename T, typename Field>
llvm::Expected<std::vector<char>> fieldBytes(const Field &field, int64_t wanted, Dims shape) {
  if (field.size() != wanted)
    return errorAt("", "has " + llvm::Twine(field.size()) + " values, the shape " + shapeText(shape) + " needs " +
                           llvm::Twine(wanted));
  std::vector<char> bytes(wanted * sizeof(T));
  for (int i = 0; i < field.size(); ++i) {
    const T value = static_cast<T>(field.Get(i));
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
  return bytes;
}

llvm::Expected<std::vector<char>> typedBytes(const ::onnx::TensorProto &proto, ElementType type, int64_t wanted,
                                             Dims shape) {
  switch (type) {
  case ElementType::F32:
    return fieldBytes<float>(proto.float_data(), wanted, shape);
  case ElementType::F64:
    return fieldBytes<double>(proto.double_data(), wanted, shape);
  case ElementType::F16: // by their bits
  case ElementType::BF16:
  case ElementType::U16:
    return fieldBytes<uint16_t>(proto.int32_data(), wanted, shape);
  case ElementType::Bool:
  case ElementType::I8:
  case ElementType::U8:
    return fieldBytes<uint8_t>(proto.int32_data(), wanted, shape);
  case ElementType::I16:
    return fieldBytes<int16_t>(proto.int32_data(), wanted, shape);
  case ElementType::I32:
    return fieldBytes<int32_t>(proto.int32_data(), wanted, shape);
  case ElementType::I64:
    return fieldBytes<int64_t>(proto.int64_data(), wanted, shape);
  case ElementType::U32:
    return fieldBytes<uint32_t>(proto.uint64_data(), wanted, shape);
  case ElementType::U64:
    return fieldBytes<uint64_t>(proto.uint64_data(), wanted, shape);
  }
  llvm_unreachable("all element types are listed");
}

llvm::Expected<Shape> readShape(const ::onnx::TensorProto &proto) {
  Shape shape;
  int64_t count = 1;
  for (int64_t d : proto.dims()) {
    if (d < 0)
      return errorAt("", "dimension " + llvm::Twine(d) + " is negative");
    if (d > 0 && count > kMaxElements / d) // nothing at all is a legal constant: an unused roi of Resize
      return errorAt("", "has more than " + llvm::Twine(kMaxElements) + " elements");
    count *= d;
    shape.push_back(d);
  }
  return shape;
}

struct Header {
  ElementType type;
  const HeldType *packed; // null when each number has bytes of its own
  Shape shape;

  // Elements, or the bytes that hold packed ones.
  int64_t numbers() const {
    const int perByte = packed ? 8 / packed->bits : 1;
    return (elementCount(shape) + perByte - 1) / perByte;
  }
  int64_t sizeBytes() const { return numbers() * byteWidth(type); }
};

llvm::Expected<Header> readHeader(const ::onnx::TensorProto &proto) {
  if (proto.has_segment())
    return errorAt("", "segmented tensors are not supported");
  const auto type = storedTypeOfOnnx(proto.data_type());
  if (!type)
    return errorAt("", unsupportedType(proto.data_type()));
  auto shape = readShape(proto);
  if (!shape)
    return shape.takeError();
  return Header{*type, findPacked(proto.data_type()), *std::move(shape)};
}

} // namespace

std::string onnxTypeName(int dataType) {
  if (const HeldType *held = findHeldType(dataType))
    return held->name.str();
  if (!::onnx::TensorProto_DataType_IsValid(dataType))
    return "type " + std::to_string(dataType);
  return llvm::StringRef(::onnx::TensorProto_DataType_Name(static_cast<::onnx::TensorProto_DataType>(dataType)))
      .lower();
}

std::optional<ElementType> elementTypeOfOnnx(int dataType) {
  switch (dataType) {
  case ::onnx::TensorProto_DataType_FLOAT:
    return ElementType::F32;
  case ::onnx::TensorProto_DataType_DOUBLE:
    return ElementType::F64;
  case ::onnx::TensorProto_DataType_FLOAT16:
    return ElementType::F16;
  case ::onnx::TensorProto_DataType_BFLOAT16:
    return ElementType::BF16;
  case ::onnx::TensorProto_DataType_BOOL:
    return ElementType::Bool;
  case ::onnx::TensorProto_DataType_INT8:
    return ElementType::I8;
  case ::onnx::TensorProto_DataType_INT16:
    return ElementType::I16;
  case ::onnx::TensorProto_DataType_INT32:
    return ElementType::I32;
  case ::onnx::TensorProto_DataType_INT64:
    return ElementType::I64;
  case ::onnx::TensorProto_DataType_UINT8:
    return ElementType::U8;
  case ::onnx::TensorProto_DataType_UINT16:
    return ElementType::U16;
  case ::onnx::TensorProto_DataType_UINT32:
    return ElementType::U32;
  case ::onnx::TensorProto_DataType_UINT64:
    return ElementType::U64;
  default: // an open enumeration: any number may stand in a file
    return std::nullopt;
  }
}

std::optional<ElementType> storedTypeOfOnnx(int dataType) {
  const HeldType *held = findHeldType(dataType);
  return held ? held->element : elementTypeOfOnnx(dataType);
}

std::string unsupportedType(int dataType) { return "is " + onnxTypeName(dataType) + ", which is not supported"; }

llvm::Expected<Tensor> readTensor(const ::onnx::TensorProto &proto, ExternalData &external) {
  auto header = readHeader(proto);
  if (!header)
    return header.takeError();
  FileBytes file;
  std::vector<char> listed;
  if (isExternal(proto)) {
    auto found = external.find(proto, header->sizeBytes());
    if (!found)
      return found.takeError();
    file = *std::move(found);
  } else if (proto.has_raw_data()) {
    file.bytes = {proto.raw_data().data(), proto.raw_data().size()};
    if (static_cast<int64_t>(file.bytes.size()) != header->sizeBytes())
      return errorAt("", "has " + llvm::Twine(file.bytes.size()) + " bytes of data, the shape " +
                             shapeText(header->shape) + " needs " + llvm::Twine(header->sizeBytes()));
  } else {
    auto values = typedBytes(proto, header->type, header->numbers(), header->shape);
    if (!values)
      return values.takeError();
    listed = *std::move(values);
    file.bytes = listed;
  }
  return header->packed ? unpacked(*header->packed, header->shape, file.bytes)
                        : fromBytes(header->type, header->shape, file.bytes);
}

llvm::Expected<std::optional<MappedTensor>> mapTensor(const ::onnx::TensorProto &proto, ExternalData &external) {
  auto header = readHeader(proto);
  if (!header)
    return header.takeError();
  if (!isExternal(proto) || header->packed || header->type == ElementType::Bool)
    return std::optional<MappedTensor>();
  auto found = external.find(proto, header->sizeBytes());
  if (!found)
    return found.takeError();
  return MappedTensor{header->type, header->shape, *std::move(found)};
}

} // namespace tw::ir::onnx
