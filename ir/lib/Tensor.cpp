// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Tensor.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/ErrorHandling.h"

#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

namespace tw::ir {
namespace {

uint16_t bitsOf(double value, const llvm::fltSemantics &format) {
  llvm::APFloat number(value);
  bool isInexact;
  number.convert(format, llvm::APFloat::rmNearestTiesToEven, &isInexact);
  return static_cast<uint16_t>(number.bitcastToAPInt().getZExtValue());
}

double numberOf(uint16_t bits, const llvm::fltSemantics &format) {
  return llvm::APFloat(format, llvm::APInt(16, bits)).convertToDouble();
}

template <typename T> constexpr bool kIsNarrow = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

// What is outside the range of int64 goes to its ends, what is no number to 0.
int64_t truncated(double value) {
  if (std::isnan(value))
    return 0;
  if (value >= 0x1p63)
    return std::numeric_limits<int64_t>::max();
  return value <= -0x1p63 ? std::numeric_limits<int64_t>::min() : static_cast<int64_t>(value);
}

} // namespace

Float16::Float16(double value) : bits(bitsOf(value, llvm::APFloat::IEEEhalf())) {}
Float16::operator double() const { return numberOf(bits, llvm::APFloat::IEEEhalf()); }
BFloat16::BFloat16(double value) : bits(bitsOf(value, llvm::APFloat::BFloat())) {}
BFloat16::operator double() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

int64_t byteWidth(ElementType type) {
  return withElementType(type, [](auto value) -> int64_t { return sizeof(value); });
}

std::string_view elementTypeName(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return "float32";
  case ElementType::F64:
    return "float64";
  case ElementType::F16:
    return "float16";
  case ElementType::BF16:
    return "bfloat16";
  case ElementType::Bool:
    return "bool";
  case ElementType::I8:
    return "int8";
  case ElementType::I16:
    return "int16";
  case ElementType::I32:
    return "int32";
  case ElementType::I64:
    return "int64";
  case ElementType::U8:
    return "uint8";
  case ElementType::U16:
    return "uint16";
  case ElementType::U32:
    return "uint32";
  case ElementType::U64:
    return "uint64";
  }
  llvm_unreachable("all element types are listed");
}

bool isReal(ElementType type) {
  return type == ElementType::F32 || type == ElementType::F64 || type == ElementType::F16 || type == ElementType::BF16;
}

bool isUnsignedInteger(ElementType type) {
  return type == ElementType::U8 || type == ElementType::U16 || type == ElementType::U32 || type == ElementType::U64;
}

double Tensor::numberAt(int64_t index) const {
  return withElementType(type, [&](auto element) { return static_cast<double>(data<decltype(element)>()[index]); });
}

int64_t Tensor::integerAt(int64_t index) const {
  return withElementType(type, [&](auto element) -> int64_t {
    using T = decltype(element);
    if constexpr (std::is_integral_v<T>)
      return static_cast<int64_t>(data<T>()[index]);
    else
      return truncated(static_cast<double>(data<T>()[index]));
  });
}

void Tensor::setInteger(int64_t index, int64_t value) {
  withElementType(type, [&](auto element) {
    using T = decltype(element);
    if constexpr (kIsNarrow<T>)
      data<T>()[index] = T(static_cast<double>(value));
    else
      data<T>()[index] = static_cast<T>(value);
  });
}

void Tensor::setNumber(int64_t index, double value) {
  withElementType(type, [&](auto element) {
    using T = decltype(element);
    if constexpr (std::is_same_v<T, bool>)
      data<T>()[index] = value != 0;
    else if constexpr (std::is_same_v<T, uint64_t>)
      data<T>()[index] = value >= 0x1p64   ? std::numeric_limits<T>::max()
                         : value >= 0x1p63 ? static_cast<T>(value)
                                           : static_cast<T>(truncated(value));
    else if constexpr (std::is_integral_v<T>)
      data<T>()[index] = static_cast<T>(truncated(value));
    else
      data<T>()[index] = static_cast<T>(value);
  });
}

Shape stridesOf(Dims shape) {
  Shape strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}

} // namespace tw::ir
