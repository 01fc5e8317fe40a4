// SPDX-License-Identifier: Apache-2.0
// How far the declared exp, tanh and sigmoid are from the numbers that they stand for, in steps of float32.
#include "tw/ir/FloatFunctions.h"
#include "Material.h"
#include "interpreter/Kernels.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

using namespace mlir;

namespace tw::ir::test {
namespace {

// Steps of the float32 nearest to `exact` between it and `value`.
double stepsOff(float value, double exact) {
  const double step = std::ldexp(1.0, std::max(std::ilogb(exact), -126) - 23);
  return std::fabs(double(value) - exact) / step;
}

// Every 2^8th float32, both signs: 2^24 arguments.
template <typename Exact>
double worst(const std::function<float(float)> &function, float least, float most, const Exact &exact) {
  double result = 0;
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += 256) {
    const float x = std::bit_cast<float>(uint32_t(bits));
    if (x >= least && x <= most)
      result = std::max(result, stepsOff(function(x), exact(double(x))));
  }
  return result;
}

std::function<float(float)> functionOf(MLIRContext *context, const std::string &name) {
  auto module = parseSourceString<ModuleOp>("func.func @main(%x: tensor<f32>) -> tensor<f32> {\n  %y = tw." + name +
                                                " %x : (tensor<f32>) -> tensor<f32>\n  return %y : tensor<f32>\n}",
                                            context);
  return unaryFunction(&module->lookupSymbol<func::FuncOp>("main").front().front());
}

} // namespace

TEST(FloatFunctionsTest, AreAsNearAsTheHeaderSays) {
  auto context = makeContext();
  // Results that are normal numbers.
  EXPECT_LE(worst(exponential, -87, 88.7f, [](double x) { return std::exp(x); }), 1);
  EXPECT_LE(worst(functionOf(context.get(), "tanh"), -50, 50, [](double x) { return std::tanh(x); }), 1.5);
  EXPECT_LE(worst(functionOf(context.get(), "sigmoid"), -87, 50, [](double x) { return 1 / (1 + std::exp(-x)); }), 2.5);
}

TEST(FloatFunctionsTest, HaveTheirLimits) {
  auto context = makeContext();
  auto tanh = functionOf(context.get(), "tanh"), sigmoid = functionOf(context.get(), "sigmoid");
  const float infinity = std::numeric_limits<float>::infinity(), nothing = std::nanf("");
  EXPECT_EQ(exponential(infinity), infinity);
  EXPECT_EQ(exponential(-infinity), 0);
  EXPECT_EQ(exponential(0), 1);
  EXPECT_GT(exponential(-100), 0); // below the normal numbers, not 0
  EXPECT_TRUE(std::isnan(exponential(nothing)));
  EXPECT_EQ(tanh(infinity), 1);
  EXPECT_EQ(tanh(-infinity), -1);
  EXPECT_TRUE(std::signbit(tanh(-0.0f)) && tanh(-0.0f) == 0);
  EXPECT_TRUE(std::isnan(tanh(nothing)));
  EXPECT_EQ(sigmoid(infinity), 1);
  EXPECT_EQ(sigmoid(-infinity), 0);
  EXPECT_TRUE(std::isnan(sigmoid(nothing)));
}

} // namespace tw::ir::test
