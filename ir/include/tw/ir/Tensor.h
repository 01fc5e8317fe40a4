// SPDX-License-Identifier: Apache-2.0
// What for: a tensor value outside MLIR: element type, shape and row-major little-endian bytes. It owns its bytes.
// Called by: the interpreter, constant handling, the code generator's weight packing, tools and tests.
// Does not: compute; it only converts element types where a reader needs one.
#ifndef TW_IR_TENSOR_H
#define TW_IR_TENSOR_H

#include "tw/ir/Shapes.h"

#include <cassert>
#include <string_view>
#include <vector>

namespace tw::ir {

enum class ElementType : uint8_t { F32, I8, U8, I32, I64 };

int64_t byteWidth(ElementType type);
std::string_view elementTypeName(ElementType type); // float32, int8, uint8, int32, int64

template <typename T> struct ElementTypeOf;
template <> struct ElementTypeOf<float> {
  static constexpr ElementType value = ElementType::F32;
};
template <> struct ElementTypeOf<int8_t> {
  static constexpr ElementType value = ElementType::I8;
};
template <> struct ElementTypeOf<uint8_t> {
  static constexpr ElementType value = ElementType::U8;
};
template <> struct ElementTypeOf<int32_t> {
  static constexpr ElementType value = ElementType::I32;
};
template <> struct ElementTypeOf<int64_t> {
  static constexpr ElementType value = ElementType::I64;
};

struct Tensor {
  ElementType type = ElementType::F32;
  Shape shape;
  std::vector<char> bytes;

  Tensor() = default;
  Tensor(ElementType elementType, Dims dims)
      : type(elementType), shape(dims.begin(), dims.end()), bytes(elementCount(dims) * byteWidth(elementType)) {}

  template <typename T> static Tensor of(Dims dims, llvm::ArrayRef<T> values) {
    Tensor tensor(ElementTypeOf<T>::value, dims);
    assert(static_cast<int64_t>(values.size()) == tensor.size() && "one value per element");
    llvm::copy(values, tensor.data<T>());
    return tensor;
  }

  int64_t size() const { return elementCount(shape); }
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }

  template <typename T> T *data() {
    assert(type == ElementTypeOf<T>::value && "element type");
    return reinterpret_cast<T *>(bytes.data());
  }
  template <typename T> const T *data() const {
    assert(type == ElementTypeOf<T>::value && "element type");
    return reinterpret_cast<const T *>(bytes.data());
  }
  template <typename T> llvm::ArrayRef<T> values() const { return {data<T>(), static_cast<size_t>(size())}; }

  // Element of any integer type, or a float truncated towards zero.
  int64_t integerAt(int64_t index) const;
  double numberAt(int64_t index) const;

  bool operator==(const Tensor &other) const = default;
};

// Row-major strides in elements.
Shape stridesOf(Dims shape);

} // namespace tw::ir

#endif // TW_IR_TENSOR_H
