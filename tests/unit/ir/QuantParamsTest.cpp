// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/QuantParams.h"

#include "interpreter/Kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace tw::ir {
namespace {

using ::testing::ElementsAre;

TEST(QuantParamsTest, TheMultiplierIsTheProductRoundedThenTheQuotientRounded) {
  // For these scales the other order, sx * (sw / sy), gives another float32: the order is part of the definition.
  int different = 0;
  std::mt19937 random(3);
  std::uniform_real_distribution<float> scale(0.001f, 0.1f);
  for (int i = 0; i < 1000; ++i) {
    float x = scale(random), w = scale(random), y = scale(random);
    volatile float product = x * w, quotient = w / y;
    volatile float first = product / y, second = x * quotient;
    EXPECT_EQ(requantMultiplier(x, w, y), first);
    different += first != second;
  }
  EXPECT_GT(different, 100);
}

TEST(QuantParamsTest, OnlyNormalMultipliersInRangeAreLegal) {
  EXPECT_TRUE(isLegalMultiplier(std::ldexp(1.0f, -40)));
  EXPECT_TRUE(isLegalMultiplier(256.0f));
  for (float bad : {std::nextafter(std::ldexp(1.0f, -40), 0.0f), std::nextafter(256.0f, 300.0f), 0.0f, -1.0f,
                    std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(),
                    std::numeric_limits<float>::denorm_min()})
    EXPECT_FALSE(isLegalMultiplier(bad)) << bad;
}

TEST(QuantParamsTest, TheShiftIsTheLargestForWhichEveryMultiplierStaysBelowTwoToThe30) {
  const double small[] = {0.25, 0.5}, one[] = {1.0}, large[] = {1000.0}, limit[] = {std::ldexp(1.0, 30)};
  EXPECT_EQ(fixedPoint(small)->shift, 30);
  EXPECT_THAT(fixedPoint(small)->multipliers, ElementsAre(1 << 28, 1 << 29));
  EXPECT_EQ(fixedPoint(one)->shift, 29);
  EXPECT_EQ(fixedPoint(large)->shift, 20);
  EXPECT_FALSE(fixedPoint(limit));
}

TEST(QuantParamsTest, MultipliersRoundHalfToEven) {
  // ratio * 2^shift lies exactly between two integers when the ratio has one bit too many.
  const double even[] = {std::ldexp(4.5, -30)}, odd[] = {std::ldexp(5.5, -30)};
  EXPECT_THAT(fixedPoint(even)->multipliers, ElementsAre(4));
  EXPECT_THAT(fixedPoint(odd)->multipliers, ElementsAre(6));
}

TEST(QuantParamsTest, SubtractionNegatesTheSecondMultiplier) {
  auto add = eltwiseParams(EltwiseFunction::Add, 0.1f, 0.2f, 0.3f),
       sub = eltwiseParams(EltwiseFunction::Sub, 0.1f, 0.2f, 0.3f);
  EXPECT_EQ(add->multA, sub->multA);
  EXPECT_EQ(add->multB, -sub->multB);
  EXPECT_EQ(add->shift, sub->shift);
}

TEST(QuantParamsTest, AnAverageHasOneMultiplierForEachCountThatOccurs) {
  EXPECT_THAT(averageCounts({4, 4}, {2, 2}, {3, 3}, {2, 2}, {1, 1, 0, 0}, false), ElementsAre(4, 6, 9));
  EXPECT_THAT(averageCounts({4, 4}, {2, 2}, {3, 3}, {2, 2}, {1, 1, 0, 0}, true), ElementsAre(9));
  auto params = averageParams(1.0f, 1.0f, {4, 6, 9});
  EXPECT_EQ(params->fixed.shift, 30);
  EXPECT_EQ(params->multiplierFor(4), 1 << 28);
  EXPECT_EQ(params->multiplierFor(6), 178956971);
}

TEST(QuantParamsTest, AnAverageWhoseProductsLeave48BitsHasNoForm) {
  EXPECT_TRUE(averageParams(1.0f, 1.0f, {1 << 20}));
  EXPECT_FALSE(averageParams(1e6f, 1.0f, {1 << 20}));
}

// Q(min(max(v, lo), hi)) = clamp(Q(v)) for values around every rounding tie and far outside.
TEST(QuantParamsTest, AClampOfTheResultIsExactlyReluOrClipBeforeQuantize) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (float scale : {0.05f, 0.0235294122f, 1.0f, 0.3333333f})
    for (int32_t zero : {-128, -60, 0, 5, 127})
      for (auto [lo, hi] :
           {std::pair(0.0f, infinity), std::pair(0.0f, 6.0f), std::pair(-1.0f, 1.0f), std::pair(-infinity, 2.5f)}) {
        ClampRange range = clampRange(lo, hi, scale, zero);
        for (int half = -600; half <= 600; ++half)
          for (float nudge : {-1.0f, 0.0f, 1.0f}) {
            float tie = static_cast<float>(half) * 0.5f * scale;
            float v = nudge == 0 ? tie : std::nextafter(tie, nudge * infinity);
            int expected = quantizeToInt8(std::min(std::max(v, lo), hi), scale, zero);
            int actual = std::clamp<int>(quantizeToInt8(v, scale, zero), range.lo, range.hi);
            ASSERT_EQ(actual, expected) << v << " scale " << scale << " zero " << zero << " in [" << lo << ", " << hi
                                        << "]";
          }
      }
}

TEST(QuantParamsTest, QuantizeRoundsTiesToEvenAndSaturates) {
  EXPECT_EQ(quantizeToInt8(0.5f, 1.0f, 0), 0);
  EXPECT_EQ(quantizeToInt8(1.5f, 1.0f, 0), 2);
  EXPECT_EQ(quantizeToInt8(-0.5f, 1.0f, 3), 3);
  EXPECT_EQ(quantizeToInt8(1e30f, 1e-3f, 0), 127);
  EXPECT_EQ(quantizeToInt8(-1e30f, 1e-3f, 100), -128);
}

TEST(QuantParamsTest, ATableIsTheFunctionBetweenDequantizeAndQuantize) {
  auto table = lutTable(0.5f, 3, 0.25f, -7, [](float x) { return std::abs(x); });
  for (int q = -128; q <= 127; ++q)
    EXPECT_EQ(table[q + 128], std::clamp(std::abs(q - 3) * 2 - 7, -128, 127)) << q;
}

TEST(IntegerArithmeticTest, RequantizeRoundsTheSumThenTheProductThenToTheInteger) {
  EXPECT_EQ(requantize(5, 0.5f, 0), 2); // 2.5
  EXPECT_EQ(requantize(7, 0.5f, 0), 4); // 3.5
  EXPECT_EQ(requantize(-5, 0.5f, 1), -1);
  EXPECT_EQ(requantize(0x7fffffff, 256.0f, -128), 127);
  EXPECT_EQ(requantize(-0x7fffffff - 1, 256.0f, 127), -128);
  // 2^24 + 1 has no float32: it becomes 2^24, so that the product is a tie to even.
  EXPECT_EQ(requantize((1 << 24) + 1, std::ldexp(0.5f, -24), 0), 0);
}

TEST(IntegerArithmeticTest, RescaleRoundsHalfToEvenLikeExactDivision) {
  for (int shift = 0; shift <= 6; ++shift)
    for (int64_t sum = -1000; sum <= 1000; ++sum) {
      double exact = std::nearbyint(std::ldexp(static_cast<double>(sum), -shift));
      EXPECT_EQ(rescale(sum, shift, 0), std::clamp(exact, -128.0, 127.0)) << sum << " / 2^" << shift;
    }
  EXPECT_EQ(rescale(int64_t(1) << 45, 30, 127), 127);
  EXPECT_EQ(rescale(-(int64_t(1) << 45), 30, -128), -128);
}

} // namespace
} // namespace tw::ir
