// SPDX-License-Identifier: Apache-2.0
// Each primitive's expression against its function in isa/Numerics.h, on random arguments.
#include "linalg/Primitives.h"
#include "tw/isa/Numerics.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

using namespace tw;
using namespace tw::tensorize;

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

int64_t numerics(std::string_view name, const Args &a, const std::vector<int8_t> &table) {
  auto b = [&](size_t i) { return int8_t(a[i]); };
  auto w = [&](size_t i) { return int32_t(a[i]); };
  if (name == "requant_fp32")
    return isa::requantFp32(w(0), w(1), uint32_t(a[2]), b(3));
  if (name == "ew_add")
    return isa::ewAdd(b(0), b(1), w(2), b(3), b(4), w(5), int(a[6]), b(7));
  if (name == "ew_min")
    return isa::ewMin(b(0), b(1), w(2), b(3), b(4), w(5), int(a[6]), b(7));
  if (name == "ew_max")
    return isa::ewMax(b(0), b(1), w(2), b(3), b(4), w(5), int(a[6]), b(7));
  if (name == "ew_mul")
    return isa::ewMul(b(0), b(1), b(2), b(3), w(4), int(a[5]), b(6));
  if (name == "pool_avg")
    return isa::poolAvg(w(0), w(1), b(2), w(3), int(a[4]), b(5));
  if (name == "pool_max")
    return isa::poolMax(b(0), b(1), w(2), int(a[3]), b(4));
  if (name == "clamp_i8")
    return isa::clampI8(b(0), std::min(b(1), b(2)), std::max(b(1), b(2)));
  if (name == "lut_i8")
    return isa::lutI8(table.data(), b(1));
  if (name == "max_i8")
    return isa::maxI8(b(0), b(1));
  if (name == "add_i8")
    return isa::addI8(w(0), b(1));
  if (name == "add_wrap32")
    return isa::addWrap32(w(0), w(1));
  if (name == "mul_i8")
    return isa::mulI8(b(0), b(1));
  ADD_FAILURE() << "no function for " << name;
  return 0;
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
      ASSERT_EQ(evaluate(form.form, args, table), numerics(form.name, args, table)) << form.name << ", trial " << trial;
    }
  }
}
