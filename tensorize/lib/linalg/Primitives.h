// SPDX-License-Identifier: Apache-2.0
// The scalar primitives of the instruction tables as expressions, so that a body written in plain arithmetic is
// recognised whatever operator it came from. A test evaluates each against its function in isa/Numerics.h.
#ifndef TW_TENSORIZE_LIB_LINALG_PRIMITIVES_H
#define TW_TENSORIZE_LIB_LINALG_PRIMITIVES_H

#include "linalg/Nest.h"

#include <string_view>

namespace tw::tensorize {

/// What may stand for a parameter. Byte: a value of 8 bits. Word: one of 32. Number: known. Constant: known per element
/// (a number or a constant operand). Count: the number of elements. PerCount: constant, and a function of the count.
enum class ParamKind : uint8_t { Byte, Word, Number, Constant, Count, PerCount };

struct Pattern {
  bool isParam = false;
  int param = 0;
  ParamKind paramKind = ParamKind::Byte;
  Scalar::Kind kind = Scalar::Number; // of an operation
  int bits = 0;                       // its width; 0: any
  std::vector<Pattern> args{};
};

struct PrimitiveForm {
  std::string_view name;
  int arity;
  int resultBits;
  Pattern form;
};

/// Larger forms before those they contain.
const std::vector<PrimitiveForm> &primitiveForms();

/// Does the primitive give a value of 8 bits (which a tensor could hold)?
bool givesByte(std::string_view primitive);

/// Is the block's reduction a sum of products of two values, to which a factor of zero adds nothing?
bool sumsProducts(const Block &block);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_LIB_LINALG_PRIMITIVES_H
