// SPDX-License-Identifier: Apache-2.0
// The interpreter's arithmetic and the machine's were written apart; here they meet.
#include "tw/isa/Numerics.h"
#include "tw/ir/QuantParams.h"
#include "tw/isa/Multipliers.h"

#include "Material.h"
#include "interpreter/Kernels.h"

#include "mlir/Parser/Parser.h"

#include <bit>
#include <random>

using namespace mlir;

namespace tw::ir::test {
namespace {

void expectSameRequantise(int32_t acc, float multiplier, int zero) {
  ASSERT_EQ(requantize(acc, multiplier, zero),
            isa::requantFp32(acc, 0, std::bit_cast<uint32_t>(multiplier), static_cast<int8_t>(zero)))
      << acc << " * " << multiplier << " + " << zero;
}

TEST(NumericsTest, RequantiseAgreesOnTiesAndOnRandomValues) {
  for (int exponent = -40; exponent <= 8; ++exponent)
    for (int32_t acc = -1100; acc <= 1100; ++acc)
      expectSameRequantise(acc, std::ldexp(1.0f, exponent), acc % 127);
  std::mt19937_64 random(11);
  for (int i = 0; i < 2'000'000; ++i) {
    uint32_t bits = isa::kSmallestMultiplier +
                    static_cast<uint32_t>(random() % (isa::kLargestMultiplier - isa::kSmallestMultiplier + 1));
    int32_t acc = static_cast<int32_t>(random()) >> (random() % 32);
    expectSameRequantise(acc, std::bit_cast<float>(bits), static_cast<int8_t>(random()));
  }
}

TEST(NumericsTest, MultipliersAgree) {
  std::mt19937_64 random(12);
  std::uniform_real_distribution<float> scale(1e-4f, 4.0f);
  for (int i = 0; i < 100'000; ++i) {
    float a = scale(random), b = scale(random), y = scale(random);
    auto multiplier = isa::requantMultiplier(a, b, y);
    ASSERT_EQ(isLegalMultiplier(requantMultiplier(a, b, y)), static_cast<bool>(multiplier));
    if (multiplier)
      EXPECT_EQ(std::bit_cast<uint32_t>(requantMultiplier(a, b, y)), *multiplier);
    auto sum = eltwiseParams(EltwiseFunction::Add, a, b, y);
    const isa::ScaleRatio ratios[] = {{a, 1, y}, {b, 1, y}};
    ASSERT_EQ(sum->shift, *isa::chooseShift(ratios));
    EXPECT_EQ(sum->multA, isa::fixedPointMultiplier(ratios[0], sum->shift));
    EXPECT_EQ(sum->multB, isa::fixedPointMultiplier(ratios[1], sum->shift));
    auto product = eltwiseParams(EltwiseFunction::Mul, a, b, y);
    const isa::ScaleRatio ratio[] = {{a, b, y}};
    ASSERT_EQ(product->shift, *isa::chooseShift(ratio));
    EXPECT_EQ(product->multA, isa::fixedPointMultiplier(ratio[0], product->shift));
  }
}

// Every pair of int8 values through the interpreter and through the machine's function.
void checkEveryPair(const std::string &kind, EltwiseFunction function,
                    const std::function<int8_t(int8_t, int8_t, EltwiseParams)> &machine) {
  constexpr float kLhs = 0.0731f, kRhs = 0.0212f, kOut = 0.0559f;
  auto params = eltwiseParams(function, kLhs, kRhs, kOut);
  ASSERT_TRUE(params);
  auto context = makeContext();
  std::string type = "tensor<f32>, tensor<i8>";
  auto module = parseSourceString<ModuleOp>(
      "func.func @main(%a: tensor<256x1xi8>, %b: tensor<256xi8>, %as: tensor<f32>, %bs: tensor<f32>, %ys: tensor<f32>, "
      "%az: "
      "tensor<i8>, %bz: tensor<i8>, %yz: tensor<i8>) -> tensor<256x256xi8> {\n %r = tw.qeltwise <" +
          kind + "> %a(%as, %az), %b(%bs, %bz) out(%ys, %yz) : (tensor<256x1xi8>, " + type + ", tensor<256xi8>, " +
          type + ", " + type + ") -> tensor<256x256xi8>\n return %r : tensor<256x256xi8>\n}",
      context.get());
  ASSERT_TRUE(module);
  std::vector<int8_t> all(256);
  for (int q = 0; q < 256; ++q)
    all[q] = static_cast<int8_t>(q - 128);
  auto number = [](auto value) { return Tensor::of<decltype(value)>({}, {value}); };
  Interpreter interpreter(*module);
  Tensor result = runSingle(interpreter, *module,
                            {Tensor::of<int8_t>({256, 1}, all), Tensor::of<int8_t>({256}, all), number(kLhs),
                             number(kRhs), number(kOut), number(int8_t(-7)), number(int8_t(31)), number(int8_t(5))});
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b)
      ASSERT_EQ(result.data<int8_t>()[a * 256 + b], machine(all[a], all[b], *params))
          << kind << " " << a - 128 << ", " << b - 128;
}

TEST(NumericsTest, ElementwiseAgreesOnEveryPair) {
  using P = EltwiseParams;
  auto sum = [](int8_t a, int8_t b, P p) { return isa::ewAdd(a, -7, p.multA, b, 31, p.multB, p.shift, 5); };
  checkEveryPair("add", EltwiseFunction::Add, sum);
  checkEveryPair("sub", EltwiseFunction::Sub, sum);
  checkEveryPair("mul", EltwiseFunction::Mul,
                 [](int8_t a, int8_t b, P p) { return isa::ewMul(a, -7, b, 31, p.multA, p.shift, 5); });
  checkEveryPair("min", EltwiseFunction::Min,
                 [](int8_t a, int8_t b, P p) { return isa::ewMin(a, -7, p.multA, b, 31, p.multB, p.shift, 5); });
  checkEveryPair("max", EltwiseFunction::Max,
                 [](int8_t a, int8_t b, P p) { return isa::ewMax(a, -7, p.multA, b, 31, p.multB, p.shift, 5); });
}

} // namespace
} // namespace tw::ir::test
