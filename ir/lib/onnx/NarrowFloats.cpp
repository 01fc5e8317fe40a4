// SPDX-License-Identifier: Apache-2.0
#include "NarrowFloats.h"

#include "Compose.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

namespace tw::ir::onnx {
namespace {

// A magnitude's bits, beyond the largest finite one as if exponents went on. Brought to below two by powers of two,
// which changes no digit; each power counts as often as the exponent has it.
Value magnitudeBits(Compose &compose, Value magnitude, const FloatForm &form) {
  const double one = 1 << form.mantissa; // the least number with a leading digit, in steps of the smallest
  // What is larger overflows as well, and its product would.
  Value steps = compose.min(magnitude, std::exp2(form.leastExponent + form.exponents));
  steps = compose.mul(steps, std::exp2(form.mantissa - form.leastExponent));
  Value bits = compose.number(steps, 0);
  for (int power = 1 << llvm::Log2_32(form.exponents); power > 0; power /= 2) {
    Value isLarge = compose.compare(CompareKind::GreaterOrEqual, steps, compose.number(steps, one * std::exp2(power)));
    bits = compose.add(bits, compose.where(isLarge, compose.number(steps, power * one), compose.number(steps, 0)));
    steps = compose.where(isLarge, compose.mul(steps, std::exp2(-power)), steps);
  }
  return compose.add(bits, compose.apply(UnaryKind::Round, steps));
}

} // namespace

Value numbersOfBits(Node &node, Value bits, const HeldType &type) {
  Compose compose(node);
  return compose.gather(node.constant(type.name, numbersOf(type)), compose.cast(bits, ElementType::I32), 0);
}

FailureOr<Value> bitsOfNumbers(Node &node, Value numbers, const HeldType &type, bool saturate) {
  if (type.name == "float8e8m0")
    return node.fail("makes float8e8m0 of numbers, which is not supported");
  const FloatForm form = formOf(type);
  Compose compose(node);
  Value real = elementTypeOf(numbers.getType()) == ElementType::F64 ? numbers : compose.cast(numbers, ElementType::F32);
  auto number = [&](double value) { return compose.number(real, value); };
  Value bits = magnitudeBits(compose, compose.apply(UnaryKind::Abs, real), form);
  bits = compose.where(compose.compare(CompareKind::Greater, bits, number(form.largest)),
                       number(saturate || type.bits < 8 ? form.largest : form.infinity), bits);
  // A sign has a bit of its own. Only its inverse tells a negative zero from zero.
  Value zero = compose.compare(CompareKind::Equal, real, number(0));
  Value sign = compose.where(zero, compose.div(number(1), real), real);
  Value isNegative = compose.compare(CompareKind::Less, sign, number(0));
  if (!form.hasNegativeZero) { // those bits are what is no number, which has no sign either
    Value isSigned = compose.apply(BinaryKind::And, compose.compare(CompareKind::Greater, bits, number(0)),
                                   compose.compare(CompareKind::LessOrEqual, bits, number(form.largest)));
    isNegative = compose.apply(BinaryKind::And, isNegative, isSigned);
  }
  bits = compose.add(bits, compose.where(isNegative, number(1 << (type.bits - 1)), number(0)));
  bits = compose.where(compose.compare(CompareKind::Equal, real, real), bits, number(form.notANumber));
  Value result = compose.cast(compose.cast(bits, ElementType::I32), type.element);
  if (!result)
    return mlir::failure();
  return result;
}

} // namespace tw::ir::onnx
