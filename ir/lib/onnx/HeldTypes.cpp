// SPDX-License-Identifier: Apache-2.0
#include "HeldTypes.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <limits>

namespace tw::ir::onnx {
namespace {

// Their numbers came to ONNX after the library that parses it.
enum : int { kE4M3FN = 17, kE4M3FNUZ = 18, kE5M2 = 19, kE5M2FNUZ = 20, kE2M1 = 23, kE8M0 = 24 };

constexpr HeldType kHeldTypes[] = {{kE4M3FN, "float8e4m3fn", ElementType::U8, 8, 19},
                                   {kE4M3FNUZ, "float8e4m3fnuz", ElementType::U8, 8, 19},
                                   {kE5M2, "float8e5m2", ElementType::U8, 8, 19},
                                   {kE5M2FNUZ, "float8e5m2fnuz", ElementType::U8, 8, 19},
                                   {21, "uint4", ElementType::U8, 4, 0},
                                   {22, "int4", ElementType::I8, 4, 0},
                                   {kE2M1, "float4e2m1", ElementType::U8, 4, 23},
                                   {kE8M0, "float8e8m0", ElementType::U8, 8, 24},
                                   {25, "uint2", ElementType::U8, 2, 0},
                                   {26, "int2", ElementType::I8, 2, 0}};

const llvm::fltSemantics &semanticsOf(const HeldType &type) {
  switch (type.dataType) {
  case kE4M3FN:
    return llvm::APFloat::Float8E4M3FN();
  case kE4M3FNUZ:
    return llvm::APFloat::Float8E4M3FNUZ();
  case kE5M2:
    return llvm::APFloat::Float8E5M2();
  case kE5M2FNUZ:
    return llvm::APFloat::Float8E5M2FNUZ();
  default:
    assert(type.dataType == kE2M1 && "a float with fractions");
    return llvm::APFloat::Float4E2M1FN();
  }
}

int bitsOf(const llvm::APFloat &number) { return static_cast<int>(number.bitcastToAPInt().getZExtValue()); }

// Exponents alone, by their distance from the least one; the last pattern is no number.
float powerOfTwo(int bits) {
  return bits == 255 ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0f, bits - 127);
}

} // namespace

const HeldType *findHeldType(int dataType) {
  const HeldType *row = llvm::find_if(kHeldTypes, [&](const HeldType &type) { return type.dataType == dataType; });
  return row == std::end(kHeldTypes) ? nullptr : row;
}

FloatForm formOf(const HeldType &type) {
  const llvm::fltSemantics &semantics = semanticsOf(type);
  const int least = llvm::APFloat::semanticsMinExponent(semantics);
  FloatForm form{static_cast<int>(llvm::APFloat::semanticsPrecision(semantics)) - 1,
                 least,
                 llvm::APFloat::semanticsMaxExponent(semantics) - least + 1,
                 bitsOf(llvm::APFloat::getLargest(semantics)),
                 0,
                 0,
                 type.dataType != kE4M3FNUZ && type.dataType != kE5M2FNUZ};
  // float4e2m1 has neither; what is no number becomes its negative zero, as others have it.
  form.notANumber = type.dataType == kE2M1 ? 8 : bitsOf(llvm::APFloat::getQNaN(semantics));
  form.infinity = type.dataType == kE5M2 ? bitsOf(llvm::APFloat::getInf(semantics)) : form.notANumber;
  return form;
}

Tensor numbersOf(const HeldType &type) {
  Tensor numbers(ElementType::F32, {int64_t(1) << type.bits});
  for (int bits = 0; bits < numbers.size(); ++bits)
    numbers.data<float>()[bits] =
        type.dataType == kE8M0
            ? powerOfTwo(bits)
            : static_cast<float>(llvm::APFloat(semanticsOf(type), llvm::APInt(type.bits, bits)).convertToDouble());
  return numbers;
}

} // namespace tw::ir::onnx
