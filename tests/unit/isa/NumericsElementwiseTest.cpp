// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Numerics.h"

#include "ExactArithmetic.h"

#include <gtest/gtest.h>
#include <random>

using namespace tw::isa;
using namespace tw::test;

namespace {

int8_t exactRescale(const Integer &x, int shift, int8_t zy) {
  return saturate8(nearestEven(x, Integer(1) << shift) + zy);
}

struct Operand {
  int8_t z;
  int32_t m;
};
struct Case {
  Operand a, b;
  int shift;
  int8_t zy;
};

// Ties at every step; unequal scales; subtraction; zero points at the ends; a shift of 0; the largest multipliers.
constexpr Case kCases[] = {
    {{0, 1}, {0, 1}, 1, 0},
    {{3, 5}, {-7, 3}, 4, -2},
    {{-128, 1 << 20}, {127, -(3 << 18)}, 20, 11},
    {{-128, 536870911}, {4, 1073741823}, 30, -128},
    {{127, 1}, {-128, -1}, 0, 127},
    {{-5, INT32_MIN}, {9, INT32_MAX}, 38, 1},
};

template <typename Function, typename Definition> void forAllPairs(Function function, Definition definition) {
  for (const Case &c : kCases) {
    for (int a = -128; a <= 127; ++a)
      for (int b = -128; b <= 127; ++b)
        ASSERT_EQ(function(c, static_cast<int8_t>(a), static_cast<int8_t>(b)),
                  exactRescale(definition(c, Integer(a) - c.a.z, Integer(b) - c.b.z), c.shift, c.zy))
            << a << ", " << b << " with shift " << c.shift;
  }
}

TEST(NumericsElementwiseTest, AdditionEqualsItsDefinitionForAllPairs) {
  forAllPairs([](const Case &c, int8_t a, int8_t b) { return ewAdd(a, c.a.z, c.a.m, b, c.b.z, c.b.m, c.shift, c.zy); },
              [](const Case &c, const Integer &a, const Integer &b) { return Integer(a * c.a.m + b * c.b.m); });
}

TEST(NumericsElementwiseTest, ProductEqualsItsDefinitionForAllPairs) {
  forAllPairs([](const Case &c, int8_t a, int8_t b) { return ewMul(a, c.a.z, b, c.b.z, c.a.m, c.shift, c.zy); },
              [](const Case &c, const Integer &a, const Integer &b) { return Integer(a * b * c.a.m); });
}

// The definition of minimum and maximum is on rescaled operands: rescale both, then choose.
TEST(NumericsElementwiseTest, MinimumAndMaximumEqualTheChoiceBetweenRescaledOperandsForAllPairs) {
  for (const Case &c : kCases) {
    for (int a = -128; a <= 127; ++a)
      for (int b = -128; b <= 127; ++b) {
        const int8_t left = exactRescale((Integer(a) - c.a.z) * c.a.m, c.shift, c.zy);
        const int8_t right = exactRescale((Integer(b) - c.b.z) * c.b.m, c.shift, c.zy);
        const auto x = static_cast<int8_t>(a), y = static_cast<int8_t>(b);
        ASSERT_EQ(ewMin(x, c.a.z, c.a.m, y, c.b.z, c.b.m, c.shift, c.zy), std::min(left, right)) << a << ", " << b;
        ASSERT_EQ(ewMax(x, c.a.z, c.a.m, y, c.b.z, c.b.m, c.shift, c.zy), std::max(left, right)) << a << ", " << b;
      }
  }
}

TEST(NumericsElementwiseTest, SumsAndProductsFitIn48Bits) {
  for (const int8_t extreme : {int8_t{-128}, int8_t{127}})
    for (const int8_t zero : {int8_t{-128}, int8_t{127}})
      for (const int32_t m : {INT32_MIN, INT32_MAX}) {
        const int64_t sum = 2 * scaleI8(extreme, zero, m);
        const int64_t product = int64_t{(extreme - zero) * (extreme - zero)} * m;
        EXPECT_EQ(wrap48(sum), sum);
        EXPECT_EQ(wrap48(product), product);
      }
}

TEST(NumericsElementwiseTest, RescaleRoundsHalvesToEvenAtEveryShift) {
  std::mt19937_64 random(23);
  for (int shift = 0; shift <= 63; ++shift) {
    const auto check = [&](const Integer &x) {
      if (x < INT64_MIN || x > INT64_MAX)
        return;
      for (const int8_t zy : {int8_t{-128}, int8_t{0}, int8_t{127}})
        ASSERT_EQ(rescale(static_cast<int64_t>(x), shift, zy), exactRescale(x, shift, zy)) << x << " / 2^" << shift;
    };
    for (int twice = -515; twice <= 515; twice += 1) // every half and every integer of interest, and both neighbours
      for (const int delta : {-1, 0, 1})
        check(Integer(twice) * (Integer(1) << shift) / 2 + delta);
    for (const int64_t x : {INT64_MIN, INT64_MIN + 1, INT64_MAX, int64_t{0}})
      check(x);
    for (int i = 0; i < 100; ++i)
      check(static_cast<int64_t>(random()) >> (i % 48));
  }
}

TEST(NumericsElementwiseTest, AverageEqualsItsDefinition) {
  std::mt19937_64 random(29);
  for (int i = 0; i < 60'000; ++i) {
    const uint64_t r = random();
    const int32_t count = i % 5 == 0 ? static_cast<int32_t>(r & 0xFFFF) : 1 + static_cast<int32_t>(r % 64);
    const auto za = static_cast<int8_t>(r >> 16), zy = static_cast<int8_t>(r >> 24);
    const int32_t sum =
        i % 7 == 0 ? static_cast<int32_t>(random()) : static_cast<int32_t>(random() % (256 * count + 1)) - 128 * count;
    const auto m = static_cast<int32_t>(random()) >> (i % 31);
    const int shift = i % 64;
    const Integer centred = wrapped(Integer(sum) - Integer(count) * za, 32);
    ASSERT_EQ(poolAvg(sum, count, za, m, shift, zy), exactRescale(wrapped(centred * m, 48), shift, zy))
        << sum << " " << count << " " << m << " " << shift;
  }
}

TEST(NumericsElementwiseTest, AverageOfAnEmptyWindowIsTheZeroPoint) {
  EXPECT_EQ(poolAvg(0, 0, -5, INT32_MAX, 3, 17), 17);
}

TEST(NumericsElementwiseTest, AverageOfHalvesGoesToEven) {
  const int32_t half = 1 << 29;
  EXPECT_EQ(poolAvg(5, 2, 0, half, 30, 0), 2);
  EXPECT_EQ(poolAvg(7, 2, 0, half, 30, 0), 4);
  EXPECT_EQ(poolAvg(-5, 2, 0, half, 30, 0), -2);
}

TEST(NumericsElementwiseTest, MaximumIsRescaledOnceForAllValues) {
  for (const Case &c : kCases)
    for (int x = -128; x <= 127; ++x)
      ASSERT_EQ(poolMax(static_cast<int8_t>(x), c.a.z, c.a.m, c.shift, c.zy),
                exactRescale((Integer(x) - c.a.z) * c.a.m, c.shift, c.zy));
  for (int x = -128; x <= 127; ++x)
    ASSERT_EQ(poolMax(static_cast<int8_t>(x), -9, 1, 0, -9), x) << "equal scales leave the maximum as it is";
}

// The residual of DRQA is the addition applied to an int8 that is already rounded and saturated: rounding once at the
// end would give other values.
TEST(NumericsElementwiseTest, ResidualKeepsTheMiddleRounding) {
  const uint32_t half = 0x3F000000;
  const int8_t middle = requantFp32(1, 0, half, 0); // 0.5 -> 0
  EXPECT_EQ(middle, 0);
  EXPECT_EQ(ewAdd(middle, 0, 4, 1, 0, 3, 2, 0), 1) << "0 + 0.75 -> 1; without the middle rounding 1.25 -> 1 as well";
  EXPECT_EQ(ewAdd(requantFp32(3, 0, half, 0), 0, 4, 1, 0, 1, 2, 0), 2) << "1.5 -> 2, 2.25 -> 2";
  EXPECT_EQ(ewAdd(requantFp32(5, 0, half, 0), 0, 4, 3, 0, 1, 2, 0), 3) << "2.5 -> 2, 2.75 -> 3; in one step 3.25 -> 3";
  EXPECT_EQ(ewAdd(requantFp32(300, 0, half, 0), 0, 4, -40, 0, 4, 2, 0), 87)
      << "150 saturates to 127 before 40 is taken away";
}

} // namespace
