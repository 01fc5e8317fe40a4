// SPDX-License-Identifier: Apache-2.0
// What for: types of a model that no element type has: integers of two and four bits, which are held in int8 and uint8,
// and floats of eight and fewer bits, which are held as their bits in uint8.
// Called by: the reader of tensors, the importer, which follows such a type from value to value, and builders.
// Does not: compute in them; a builder sees an integer as what it is held in, and has a float made float32.
#ifndef TW_IR_LIB_ONNX_HELDTYPES_H
#define TW_IR_LIB_ONNX_HELDTYPES_H

#include "tw/ir/Tensor.h"

namespace tw::ir::onnx {

struct HeldType {
  int dataType; // ONNX's number
  llvm::StringRef name;
  ElementType element; // what it is held in
  int bits;            // fewer than eight share a byte in a file, the first in its low bits
  int floatSince;      // the opset in which ONNX's operators first took this float; 0: an integer

  bool isFloat() const { return floatSince != 0; }
  bool isSigned() const { return element == ElementType::I8; }
};

// Null for the types that are element types, and for what is not supported.
const HeldType *findHeldType(int dataType);

// How the bits of a float mean a number: `mantissa` bits of fraction, exponents from `leastExponent` on.
struct FloatForm {
  int mantissa, leastExponent, exponents; // how many exponents there are
  int largest, infinity, notANumber;      // bits of these, without a sign; where there is no infinity, notANumber's
  bool hasNegativeZero;
};
// Of one that has fractions: not float8e8m0.
FloatForm formOf(const HeldType &type);

// The number that each pattern of bits means, in their order.
Tensor numbersOf(const HeldType &type);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_HELDTYPES_H
