// SPDX-License-Identifier: Apache-2.0
// int32 in, int32 out: sums, products and norms against exact arithmetic.
#include "tw/isa/Numerics.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace tw::isa;

namespace {

using Exact = __int128;

// RNE(x / 2^shift), limited, written with a division.
int32_t rounded(Exact x, int shift) {
  const Exact unit = Exact{1} << shift;
  Exact whole = x / unit, rest = x % unit;
  if (rest < 0)
    rest += unit, --whole;
  if (2 * rest > unit || (2 * rest == unit && whole % 2 != 0))
    ++whole;
  return int32_t(std::max(Exact{INT32_MIN}, std::min(Exact{INT32_MAX}, whole)));
}

int32_t anyWord(std::mt19937_64 &random) { return int32_t(random()) >> (random() % 32); }

TEST(NumericsWideTest, SumsAndProductsAreRoundedOnceAndLimited) {
  std::mt19937_64 random(1);
  for (int i = 0; i != 300000; ++i) {
    const int32_t a = anyWord(random), ma = anyWord(random), b = anyWord(random), mb = anyWord(random);
    const int shift = int(random() % 64);
    ASSERT_EQ(wideAdd(a, ma, b, mb, shift), rounded(Exact{a} * ma + Exact{b} * mb, shift))
        << a << " " << b << " " << shift;
    ASSERT_EQ(wideMul(a, b, shift), rounded(Exact{a} * b, shift)) << a << " " << b << " " << shift;
  }
  EXPECT_EQ(wideAdd(INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, 32), INT32_MIN); // 2^63 wraps
  EXPECT_EQ(wideMul(INT32_MIN, INT32_MIN, 31), INT32_MAX);
}

TEST(NumericsWideTest, HalvesGoToEven) {
  EXPECT_EQ(wideMul(3, 1, 1), 2);
  EXPECT_EQ(wideMul(5, 1, 1), 2);
  EXPECT_EQ(wideMul(-3, 1, 1), -2);
  EXPECT_EQ(wideMul(-5, 1, 1), -2);
}

TEST(NumericsWideTest, AMultiplierAndAnAddendPerLaneAreRoundedOnce) {
  std::mt19937_64 random(2);
  for (int i = 0; i != 300000; ++i) {
    const auto a = int8_t(random()), za = int8_t(random()), zy = int8_t(random());
    const int32_t m = anyWord(random), c = anyWord(random);
    const int shift = int(random() % 48);
    const Exact whole = Exact{rounded(Exact{a - za} * m + c, shift)} + zy;
    ASSERT_EQ(ewMad(a, za, m, c, shift, zy), std::max(Exact{-128}, std::min(Exact{127}, whole)));
    const auto b = int8_t(random()), zb = int8_t(random());
    const int32_t k = anyWord(random);
    const Exact mixed = Exact{rounded(Exact{a - za} * m + Exact{b - zb} * k + c, shift)} + zy;
    ASSERT_EQ(ewMix(a, za, m, b, zb, k, c, shift, zy), std::max(Exact{-128}, std::min(Exact{127}, mixed)));
  }
}

// Largest relative error of a norm over all mantissas of 20 bits, with results of 30 bits.
template <typename Norm, typename Real> double worst(Norm norm, Real real, int bits) {
  double result = 0;
  for (int e = 29; e != 31; ++e) // both parities
    for (uint32_t m = 0; m != 1u << 20; ++m) {
      const auto x = int32_t((uint32_t{1} << e) + (m << (e - 20)));
      const double exact = real(double(x));
      const int shift = bits + e;
      result = std::max(
          result, std::abs(double(norm(x, shift > 63 ? 63 : shift)) / std::ldexp(exact, shift > 63 ? 63 : shift) - 1));
    }
  return result;
}

TEST(NumericsWideTest, NormsAreWithinTheirBounds) {
  EXPECT_LT(worst(normReciprocal, [](double x) { return 1 / x; }, 29), std::ldexp(1.0, -14));
  EXPECT_LT(worst(normRsqrt, [](double x) { return 1 / std::sqrt(x); }, 14), std::ldexp(1.0, -13));
}

TEST(NumericsWideTest, NormsOfPowersAreExact) {
  for (int e = 0; e != 31; ++e)
    for (int shift = 0; shift != 64; ++shift) {
      const int32_t x = int32_t{1} << e;
      EXPECT_EQ(normReciprocal(x, shift), rounded(Exact{1} << shift, e)) << e << " " << shift;
      if (e % 2 == 0)
        EXPECT_EQ(normRsqrt(x, shift), rounded(Exact{1} << shift, e / 2)) << e << " " << shift;
    }
}

TEST(NumericsWideTest, NormsOfZeroAndBelowAreTheLargestNumber) {
  for (int32_t x : {0, -1, INT32_MIN})
    for (int shift : {0, 1, 31, 63}) {
      EXPECT_EQ(normReciprocal(x, shift), INT32_MAX);
      EXPECT_EQ(normRsqrt(x, shift), INT32_MAX);
    }
  EXPECT_EQ(normReciprocal(1, 31), INT32_MAX);
  EXPECT_EQ(normReciprocal(INT32_MAX, 0), 0);
}

TEST(NumericsWideTest, NormsNeverRise) {
  for (uint32_t x = 1; x < 1u << 16; ++x) {
    ASSERT_GE(normReciprocal(int32_t(x), 40), normReciprocal(int32_t(x + 1), 40)) << x;
    ASSERT_GE(normRsqrt(int32_t(x), 30), normRsqrt(int32_t(x + 1), 30)) << x;
  }
}

} // namespace
