// SPDX-License-Identifier: Apache-2.0
// Each primitive's expression against its function in isa/Numerics.h, on random arguments.
#include "linalg/Primitives.h"
#include "Evaluate.h"
#include "tw/isa/Numerics.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

using namespace tw;
using namespace tw::tensorize;
using tw::test::evaluatePrimitive;

namespace {

using Args = std::vector<int64_t>; // multipliers of requant_fp32 as float32 bits

int8_t saturated(double rounded, int64_t zero) {
  return isa::sat8(int32_t(std::clamp(rounded, -65536.0, 65536.0)) + int32_t(zero));
}

// The expression's meaning, with the interpreter's arithmetic of requantize and rescale.
int64_t evaluate(const Pattern &pattern, const Args &args, const std::vector<int8_t> &table) {
  if (pattern.isParam)
    return args[size_t(pattern.param)];
  auto at = [&](size_t i) { return evaluate(pattern.args[i], args, table); };
  switch (pattern.kind) {
  case Scalar::Add:
    return pattern.bits == 32 ? int64_t(int32_t(uint32_t(at(0)) + uint32_t(at(1)))) : at(0) + at(1);
  case Scalar::Sub:
    return at(0) - at(1);
  case Scalar::Mul:
    return at(0) * at(1);
  case Scalar::Max:
    return std::max(at(0), at(1));
  case Scalar::Min:
    return std::min(at(0), at(1));
  case Scalar::Requantize:
    return saturated(std::nearbyintf(float(int32_t(at(0))) * std::bit_cast<float>(uint32_t(at(1)))), at(2));
  case Scalar::Rescale:
    return saturated(std::nearbyint(std::ldexp(double(at(0)), -int(at(1)))), at(2));
  case Scalar::Lut:
    return table[size_t(at(1) + 128)];
  default:
    ADD_FAILURE() << "no form has this";
    return 0;
  }
}

class Arguments {
public:
  explicit Arguments(const PrimitiveForm &form) : form(form), random(unsigned(form.arity) * 7 + form.name.size()) {}

  Args next() {
    Args args(size_t(form.arity), 0);
    draw(form.form, args, false);
    if (form.name == "clamp_i8" && args[1] > args[2])
      std::swap(args[1], args[2]);
    return args;
  }

private:
  int64_t between(int64_t lo, int64_t hi) { return std::uniform_int_distribution<int64_t>(lo, hi)(random); }

  // Numbers beside a byte are zero points or bounds, factors are multipliers, the others by their place.
  void draw(const Pattern &pattern, Args &args, bool isFactor) {
    for (size_t i = 0; i != pattern.args.size(); ++i) {
      const Pattern &arg = pattern.args[i];
      const bool isScaling = pattern.kind == Scalar::Mul && i == 1;
      if (!arg.isParam) {
        draw(arg, args, isScaling);
        continue;
      }
      int64_t &value = args[size_t(arg.param)];
      if (pattern.kind == Scalar::Rescale && i == 1)
        value = between(0, 30);
      else if (pattern.kind == Scalar::Requantize && i == 1)
        value = std::bit_cast<uint32_t>(
            float(std::ldexp(1.0 + double(between(0, 1 << 20)) / (1 << 20), int(between(-20, 2)))));
      else if (arg.paramKind == ParamKind::Word ||
               (arg.paramKind == ParamKind::Constant && pattern.kind == Scalar::Add))
        value = form.name == "pool_avg" ? between(-4000, 4000) : between(-(1 << 24), 1 << 24);
      else if (arg.paramKind == ParamKind::Count)
        value = between(0, 49);
      else if (arg.paramKind == ParamKind::PerCount ||
               (arg.paramKind == ParamKind::Number && isScaling && !isFactor && !isCountProduct(pattern)))
        value = between(-(1 << 29), 1 << 29);
      else
        value = between(-128, 127);
    }
  }
  static bool isCountProduct(const Pattern &pattern) {
    return pattern.args[0].isParam && pattern.args[0].paramKind == ParamKind::Count;
  }

  const PrimitiveForm &form;
  std::mt19937_64 random;
};

} // namespace

TEST(PrimitivesTest, EveryFormComputesWhatItsFunctionDoes) {
  std::vector<int8_t> table;
  for (int i = 0; i != 256; ++i)
    table.push_back(int8_t(i * 73 + 5));
  for (const PrimitiveForm &form : primitiveForms()) {
    Arguments arguments(form);
    for (int trial = 0; trial != 2000; ++trial) {
      Args args = arguments.next();
      ASSERT_EQ(evaluate(form.form, args, table), evaluatePrimitive(form.name, args, table))
          << form.name << ", trial " << trial;
    }
  }
}
