// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Multipliers.h"

#include "ExactArithmetic.h"
#include "tw/isa/Numerics.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace tw::isa;
using namespace tw::test;
using testing::HasSubstr;

namespace {

Rational exact(float x) { return valueOfFloat32(std::bit_cast<uint32_t>(x)); }
Rational exact(const ScaleRatio &r) { return exact(r.a) * exact(r.b) / (exact(r.y) * Rational(r.count)); }

float randomScale(std::mt19937 &random, int lowest, int highest) {
  const auto exponent = static_cast<int>(random() % static_cast<unsigned>(highest - lowest + 1)) + lowest;
  return std::ldexp(1.0f + static_cast<float>(random() & 0x7FFFFF) * 0x1p-23f, exponent);
}

TEST(MultipliersTest, RequantMultiplierRoundsTheProductThenTheQuotient) {
  std::mt19937 random(31);
  int otherOrderDiffers = 0;
  for (int i = 0; i < 20'000; ++i) {
    const float sx = randomScale(random, -10, 0), sw = randomScale(random, -12, -4), sy = randomScale(random, -10, 0);
    const auto m = requantMultiplier(sx, sw, sy);
    ASSERT_TRUE(m);
    ASSERT_EQ(valueOfFloat32(*m), nearestFloat32(nearestFloat32(exact(sx) * exact(sw)) / exact(sy)));
    otherOrderDiffers += valueOfFloat32(*m) != nearestFloat32(exact(sx) * nearestFloat32(exact(sw) / exact(sy)));
  }
  EXPECT_GT(otherOrderDiffers, 4000) << "the order of product and quotient matters";
}

TEST(MultipliersTest, RequantMultiplierRefusesWhatTheMachineRefuses) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const auto &[sx, sw, sy] :
       {std::array{1.0f, 0.0f, 1.0f}, std::array{-1.0f, 1.0f, 1.0f}, std::array{1.0f, 1.0f, infinity},
        std::array{512.0f, 1.0f, 1.0f}, std::array{0x1p-41f, 1.0f, 1.0f}, std::array{1.0f, 1.0f, 0.0f},
        std::array{-1.0f, -1.0f, 1.0f}, std::array{std::nanf(""), 1.0f, 1.0f}}) {
    const auto m = requantMultiplier(sx, sw, sy);
    ASSERT_FALSE(m) << sx << " " << sw << " " << sy;
    EXPECT_THAT(m.diag().str(), HasSubstr("quantise the model with other scales"));
  }
}

TEST(MultipliersTest, FixedPointMultiplierIsRoundedOnceFromTheExactRatio) {
  std::mt19937 random(37);
  for (int i = 0; i < 30'000; ++i) {
    const ScaleRatio ratio{randomScale(random, -30, 8), i % 2 ? randomScale(random, -20, 4) : 1.0f,
                           randomScale(random, -20, 8), i % 3 ? 1u : 1 + static_cast<uint32_t>(random() % 70000)};
    const int shift = static_cast<int>(random() % 64);
    const Integer expected = nearestEven(exact(ratio) * powerOfTwo(shift));
    const Integer limit = Integer(1) << 40;
    ASSERT_EQ(fixedPointMultiplier(ratio, shift), expected > limit ? limit : expected);
  }
}

TEST(MultipliersTest, FixedPointMultiplierBreaksTiesToEven) {
  EXPECT_EQ(fixedPointMultiplier({0.5f, 1, 1, 1}, 0), 0);
  EXPECT_EQ(fixedPointMultiplier({1.5f, 1, 1, 1}, 0), 2);
  EXPECT_EQ(fixedPointMultiplier({2.5f, 1, 1, 1}, 0), 2);
  EXPECT_EQ(fixedPointMultiplier({5, 1, 1, 2}, 0), 2);
  EXPECT_EQ(fixedPointMultiplier({0x1p-149f, 0x1p-149f, 0x1p100f, 1}, 0), 0);
  EXPECT_EQ(fixedPointMultiplier({0x1p-140f, 1, 0x1p-149f, 1}, 0), 512) << "subnormal scales are exact, too";
}

TEST(MultipliersTest, ShiftIsTheLargestThatKeepsEveryMultiplierBelowTwoToThe30) {
  std::mt19937 random(41);
  for (int i = 0; i < 2000; ++i) {
    const ScaleRatio ratios[] = {{randomScale(random, -10, 5), 1, randomScale(random, -10, 5)},
                                 {randomScale(random, -10, 5), 1, randomScale(random, -10, 5)}};
    const auto shift = chooseShift(ratios);
    ASSERT_TRUE(shift);
    ASSERT_LE(*shift, 30);
    const auto largest = [&](int s) {
      return std::max(fixedPointMultiplier(ratios[0], s), fixedPointMultiplier(ratios[1], s));
    };
    ASSERT_LT(largest(*shift), int64_t{1} << 30);
    ASSERT_TRUE(*shift == 30 || largest(*shift + 1) >= int64_t{1} << 30);
  }
}

TEST(MultipliersTest, ShiftRefusesRatiosThatNoMultiplierExpresses) {
  const ScaleRatio large[] = {{0x1p31f, 1, 1}};
  ASSERT_FALSE(chooseShift(large));
  EXPECT_THAT(chooseShift(large).diag().str(), HasSubstr("is not below 2^30"));
  for (const ScaleRatio &bad :
       {ScaleRatio{0, 1, 1}, ScaleRatio{1, -1, 1}, ScaleRatio{1, 1, std::nanf("")}, ScaleRatio{1, 1, 1, 0}}) {
    const ScaleRatio ratios[] = {bad};
    ASSERT_FALSE(chooseShift(ratios));
    EXPECT_THAT(chooseShift(ratios).diag().str(), HasSubstr("must all be positive and finite"));
  }
}

TEST(MultipliersTest, TfliteMultiplierIsNormalisedAndNear) {
  std::mt19937_64 random(43);
  for (int i = 0; i < 10'000; ++i) {
    const double factor = std::ldexp(1.0 + static_cast<double>(random() >> 11) * 0x1p-53, i % 40 - 30);
    const TfliteMultiplier t = tfliteMultiplier(factor);
    ASSERT_GE(t.multiplier, 1 << 30);
    ASSERT_LE(std::abs(std::ldexp(static_cast<double>(t.multiplier), t.shift - 31) / factor - 1), 0x1p-30);
  }
  EXPECT_EQ(tfliteMultiplier(0.5).multiplier, 1 << 30);
  EXPECT_EQ(tfliteMultiplier(0.5).shift, 0);
  EXPECT_EQ(tfliteMultiplier(std::nextafter(1.0, 0.0)).shift, 1) << "rounding up to 1 moves to the next power of two";
  EXPECT_EQ(tfliteMultiplier(0x1p-40).multiplier, 0);
}

} // namespace
