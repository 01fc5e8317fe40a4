// SPDX-License-Identifier: Apache-2.0
// What for: a tensor value outside MLIR: element type, shape and row-major little-endian bytes. It owns its bytes.
// Called by: the interpreter, constant handling, the code generator's weight packing, tools and tests.
// Does not: compute; it only converts element types where a reader needs one.
#ifndef TW_IR_TENSOR_H
#define TW_IR_TENSOR_H

#include "tw/ir/Shapes.h"

#include "llvm/Support/ErrorHandling.h"

#include <cassert>
#include <string_view>
#include <vector>

namespace tw::ir {

// Float16 and BFloat16 are held, moved and converted; nothing is computed in them.
enum class ElementType : uint8_t { F32, I8, U8, I32, I64, F64, F16, BF16, Bool, I16, U16, U32, U64 };
inline constexpr ElementType kElementTypes[] = {
    ElementType::F32, ElementType::I8,  ElementType::U8,   ElementType::I32,  ElementType::I64,
    ElementType::F64, ElementType::F16, ElementType::BF16, ElementType::Bool, ElementType::I16,
    ElementType::U16, ElementType::U32, ElementType::U64};

int64_t byteWidth(ElementType type);
std::string_view elementTypeName(ElementType type); // as numpy calls them: float32, int8, bool, ...
bool isReal(ElementType type);                      // float16, bfloat16, float32, float64
bool isUnsignedInteger(ElementType type);           // bool is none

// The bits of a number in another format. Conversion to the narrow ones rounds half to even.
struct Float16 {
  uint16_t bits = 0;
  Float16() = default;
  explicit Float16(double value);
  explicit operator double() const;
  bool operator==(const Float16 &) const = default;
};
struct BFloat16 {
  uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(double value);
  explicit operator double() const;
  bool operator==(const BFloat16 &) const = default;
};

template <typename T> struct ElementTypeOf;
#define TW_ELEMENT_TYPE(T, NAME)                                                                                       \
  template <> struct ElementTypeOf<T> {                                                                                \
    static constexpr ElementType value = ElementType::NAME;                                                            \
  };
TW_ELEMENT_TYPE(float, F32)
TW_ELEMENT_TYPE(double, F64)
TW_ELEMENT_TYPE(Float16, F16)
TW_ELEMENT_TYPE(BFloat16, BF16)
TW_ELEMENT_TYPE(bool, Bool)
TW_ELEMENT_TYPE(int8_t, I8)
TW_ELEMENT_TYPE(int16_t, I16)
TW_ELEMENT_TYPE(int32_t, I32)
TW_ELEMENT_TYPE(int64_t, I64)
TW_ELEMENT_TYPE(uint8_t, U8)
TW_ELEMENT_TYPE(uint16_t, U16)
TW_ELEMENT_TYPE(uint32_t, U32)
TW_ELEMENT_TYPE(uint64_t, U64)
#undef TW_ELEMENT_TYPE

// Calls visit(T()) with the C++ type of an element type.
template <typename Visit> auto withElementType(ElementType type, const Visit &visit) {
  switch (type) {
  case ElementType::F32:
    return visit(float());
  case ElementType::F64:
    return visit(double());
  case ElementType::F16:
    return visit(Float16());
  case ElementType::BF16:
    return visit(BFloat16());
  case ElementType::Bool:
    return visit(bool());
  case ElementType::I8:
    return visit(int8_t());
  case ElementType::I16:
    return visit(int16_t());
  case ElementType::I32:
    return visit(int32_t());
  case ElementType::I64:
    return visit(int64_t());
  case ElementType::U8:
    return visit(uint8_t());
  case ElementType::U16:
    return visit(uint16_t());
  case ElementType::U32:
    return visit(uint32_t());
  case ElementType::U64:
    return visit(uint64_t());
  }
  llvm_unreachable("all element types are listed");
}

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
  template <typename T> llvm::ArrayRef<T> values() const {
    return llvm::ArrayRef<T>(data<T>(), static_cast<size_t>(size()));
  }

  // Element of any integer type (uint64 by its bits), or a real truncated towards zero.
  int64_t integerAt(int64_t index) const;
  double numberAt(int64_t index) const;
  // Rounded to the type if it is real, wrapped if it is an integer; to bool: whether it is not 0.
  void setInteger(int64_t index, int64_t value);
  void setNumber(int64_t index, double value);

  bool operator==(const Tensor &other) const = default;
};

// Row-major strides in elements.
Shape stridesOf(Dims shape);

} // namespace tw::ir

#endif // TW_IR_TENSOR_H
