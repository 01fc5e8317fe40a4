// SPDX-License-Identifier: Apache-2.0
#include "linalg/Primitives.h"

namespace tw::tensorize {
namespace {

Pattern param(int index, ParamKind kind) { return {true, index, kind}; }
Pattern byte(int index) { return param(index, ParamKind::Byte); }
Pattern word(int index) { return param(index, ParamKind::Word); }
Pattern number(int index) { return param(index, ParamKind::Number); }
Pattern constant(int index) { return param(index, ParamKind::Constant); }
Pattern count(int index) { return param(index, ParamKind::Count); }
Pattern perCount(int index) { return param(index, ParamKind::PerCount); }

Pattern operation(Scalar::Kind kind, int bits, std::vector<Pattern> args) {
  return {false, 0, ParamKind::Byte, kind, bits, std::move(args)};
}
Pattern operator+(Pattern a, Pattern b) { return operation(Scalar::Add, 64, {std::move(a), std::move(b)}); }
Pattern operator-(Pattern a, Pattern b) { return operation(Scalar::Sub, 0, {std::move(a), std::move(b)}); }
Pattern operator*(Pattern a, Pattern b) { return operation(Scalar::Mul, 0, {std::move(a), std::move(b)}); }
Pattern wrapping(Pattern a, Pattern b) { return operation(Scalar::Add, 32, {std::move(a), std::move(b)}); }
Pattern larger(Pattern a, Pattern b) { return operation(Scalar::Max, 0, {std::move(a), std::move(b)}); }
Pattern smaller(Pattern a, Pattern b) { return operation(Scalar::Min, 0, {std::move(a), std::move(b)}); }
Pattern requantize(Pattern sum, Pattern multiplier, Pattern zero) {
  return operation(Scalar::Requantize, 8, {std::move(sum), std::move(multiplier), std::move(zero)});
}
Pattern rescale(Pattern sum, Pattern shift, Pattern zero) {
  return operation(Scalar::Rescale, 8, {std::move(sum), std::move(shift), std::move(zero)});
}
Pattern table(Pattern entries, Pattern x) { return operation(Scalar::Lut, 8, {std::move(entries), std::move(x)}); }

// (x - zero) * multiplier
Pattern scaled(int x, int zero, int multiplier) { return (byte(x) - number(zero)) * number(multiplier); }

} // namespace

const std::vector<PrimitiveForm> &primitiveForms() {
  static const std::vector<PrimitiveForm> forms = {
      {"requant_fp32", 4, 8, requantize(wrapping(word(0), constant(1)), constant(2), number(3))},
      {"ew_add", 8, 8, rescale(scaled(0, 1, 2) + scaled(3, 4, 5), number(6), number(7))},
      {"ew_min", 8, 8, rescale(smaller(scaled(0, 1, 2), scaled(3, 4, 5)), number(6), number(7))},
      {"ew_max", 8, 8, rescale(larger(scaled(0, 1, 2), scaled(3, 4, 5)), number(6), number(7))},
      {"ew_mul", 7, 8, rescale((byte(0) - number(1)) * (byte(2) - number(3)) * number(4), number(5), number(6))},
      {"pool_avg", 6, 8, rescale((word(0) - count(1) * number(2)) * perCount(3), number(4), number(5))},
      {"pool_max", 5, 8, rescale(scaled(0, 1, 2), number(3), number(4))},
      {"clamp_i8", 3, 8, smaller(larger(byte(0), number(1)), number(2))},
      {"lut_i8", 2, 8, table(constant(0), byte(1))},
      {"max_i8", 2, 8, larger(byte(0), byte(1))},
      {"add_i8", 2, 32, wrapping(word(0), byte(1))},
      {"add_wrap32", 2, 32, wrapping(word(0), word(1))},
      {"mul_i8", 2, 32, byte(0) * byte(1)},
      {"mul_zp", 4, 32, (byte(0) - number(1)) * (byte(2) - number(3))},
  };
  return forms;
}

bool givesByte(std::string_view primitive) {
  for (const PrimitiveForm &form : primitiveForms())
    if (form.name == primitive)
      return form.resultBits == 8;
  return false;
}

bool sumsProducts(const Block &block) {
  return block.isReduced() && block.body.size() == 2 && block.body[0].primitive == "mul_i8" &&
         block.body[1].primitive == "add_wrap32";
}

} // namespace tw::tensorize
