// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Numerics.h"

#include "ExactArithmetic.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace tw::isa;
using namespace tw::test;

namespace {

uint32_t bitsOf(float x) { return std::bit_cast<uint32_t>(x); }

void expectAllEqual(int32_t acc, int32_t bias, uint32_t m, int8_t zp) {
  const int8_t exact = exactRequantFp32(acc, bias, m, zp);
  ASSERT_EQ(requantFp32(acc, bias, m, zp), exact) << acc << " + " << bias << ", m = " << m << ", zp = " << int{zp};
  ASSERT_EQ(requantFp32Fast(acc, bias, m, zp), exact) << acc << " + " << bias << ", m = " << m << ", zp = " << int{zp};
}

TEST(NumericsRequantTest, HalvesGoToTheEvenInteger) {
  for (int exponent = -1; exponent >= -20; --exponent) {
    const uint32_t m = bitsOf(std::ldexp(1.0f, exponent));
    for (int twice = -263; twice <= 263; twice += 2) // twice / 2 is a half
      for (const int8_t zp : {int8_t{0}, int8_t{-128}, int8_t{127}, int8_t{3}})
        expectAllEqual(static_cast<int32_t>(std::ldexp(twice, -exponent - 1)), 0, m, zp);
  }
}

TEST(NumericsRequantTest, ProductIsRoundedBeforeTheInteger) {
  // fl32(x * m) is k + 1/2 while the exact product lies beside it: rounding once would give another integer. Search for
  // such pairs rather than trusting one; each one also tells a fused multiply-add from two operations.
  std::mt19937 random(5);
  int found = 0;
  for (int tries = 0; tries < 20'000; ++tries) {
    const auto acc = static_cast<int32_t>(random() % (1u << 24)) + 1;
    const Rational half = Rational(2 * static_cast<int>(random() % 127) + 1, 2);
    const Rational wanted = nearestFloat32(half / acc);
    const uint32_t m = bitsOf(static_cast<float>(wanted));
    if (!validMultiplier(m))
      continue;
    const Rational product = valueOfFloat32(m) * acc;
    if (product != nearestFloat32(product) && nearestFloat32(product) == half &&
        nearestEven(product) != nearestEven(half)) {
      ++found;
      expectAllEqual(acc, 0, m, 0);
      expectAllEqual(-acc, 0, m, 0);
    }
  }
  EXPECT_GT(found, 200);
}

TEST(NumericsRequantTest, SumIsRoundedToFloat32BeforeTheProduct) {
  // 2^24 + 1 is a tie and becomes 2^24; times 2^-25 that is 1/2 and goes to 0. Unrounded it would exceed 1/2 and go
  // to 1.
  const uint32_t m = bitsOf(std::ldexp(1.0f, -25));
  EXPECT_EQ(requantFp32((1 << 24) + 1, 0, m, 0), 0);
  EXPECT_EQ(requantFp32((1 << 24) + 2, 0, m, 0), 1);
  for (int32_t delta = -9; delta <= 9; ++delta)
    for (const int exponent : {24, 25, 26, 29})
      for (const int sign : {1, -1})
        for (const int back : {1, 2, 7})
          expectAllEqual(sign * ((1 << exponent) + delta), 0, bitsOf(std::ldexp(1.0f, -exponent - 2 + back)), 0);
}

TEST(NumericsRequantTest, ZeroPointIsAddedAfterRounding) {
  // 0.5 + 1 rounded together would be 2; rounding 0.5 first gives 0 + 1.
  EXPECT_EQ(requantFp32(1, 0, bitsOf(0.5f), 1), 1);
  EXPECT_EQ(requantFp32(3, 0, bitsOf(0.5f), 1), 3);
  EXPECT_EQ(requantFp32(-1, 0, bitsOf(0.5f), 1), 1);
}

TEST(NumericsRequantTest, BiasWrapsModuloTwoToThe32) {
  expectAllEqual(INT32_MAX, 1, bitsOf(std::ldexp(1.0f, -30)), 0);
  EXPECT_EQ(requantFp32(INT32_MAX, 1, bitsOf(std::ldexp(1.0f, -30)), 0), -2);
  expectAllEqual(INT32_MIN, -1, bitsOf(std::ldexp(1.0f, -30)), 0);
  expectAllEqual(INT32_MIN, INT32_MIN, bitsOf(256.0f), 7);
}

TEST(NumericsRequantTest, ExtremesOfSumsAndMultipliersSaturateTheRightWay) {
  for (const int32_t acc : {INT32_MIN, INT32_MIN + 1, -1, 0, 1, INT32_MAX - 1, INT32_MAX})
    for (const uint32_t m :
         {kSmallestMultiplier, kSmallestMultiplier + 1, bitsOf(1.0f), kLargestMultiplier - 1, kLargestMultiplier})
      for (const int8_t zp : {int8_t{-128}, int8_t{0}, int8_t{127}})
        expectAllEqual(acc, 0, m, zp);
}

TEST(NumericsRequantTest, AnIllegalMultiplierCountsAsTheNearestLegalOneWithoutItsSign) {
  const uint32_t infinity = bitsOf(INFINITY), sign = 0x80000000u;
  const std::pair<uint32_t, uint32_t> cases[] = {{0, kSmallestMultiplier},
                                                 {1, kSmallestMultiplier}, // subnormal
                                                 {kSmallestMultiplier - 1, kSmallestMultiplier},
                                                 {kLargestMultiplier + 1, kLargestMultiplier},
                                                 {infinity, kLargestMultiplier},
                                                 {infinity | 1, kLargestMultiplier}, // NaN
                                                 {0xFFFFFFFFu, kLargestMultiplier},
                                                 {sign | bitsOf(0.5f), bitsOf(0.5f)}};
  for (const auto &[m, counts] : cases)
    for (const int32_t acc : {INT32_MIN, -300, -1, 0, 1, 77, INT32_MAX})
      for (const int8_t zp : {int8_t{-128}, int8_t{0}, int8_t{127}}) {
        ASSERT_FALSE(validMultiplier(m));
        ASSERT_EQ(requantFp32(acc, 0, m, zp), exactRequantFp32(acc, 0, counts, zp)) << acc << " " << m;
        ASSERT_EQ(requantFp32Fast(acc, 0, m, zp), exactRequantFp32(acc, 0, counts, zp)) << acc << " " << m;
      }
}

TEST(NumericsRequantTest, RandomValuesEqualTheDefinition) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 30'000; ++i) {
    const uint64_t r = random();
    const uint32_t m =
        kSmallestMultiplier + static_cast<uint32_t>(random()) % (kLargestMultiplier - kSmallestMultiplier + 1);
    expectAllEqual(static_cast<int32_t>(r) >> (i % 31), static_cast<int32_t>(r >> 32) >> (i % 29), m,
                   static_cast<int8_t>(r >> 20));
  }
}

TEST(NumericsRequantTest, FastFormEqualsTheIntegerFormOn12MillionValues) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 12'000'000; ++i) {
    const uint64_t r = random();
    const int width = 1 + i % 31;
    const auto acc = static_cast<int32_t>(static_cast<int64_t>(r) >> (64 - width - 1));
    // Exponent chosen so that results cover int8 and a little more; every sixteenth multiplier is anywhere in the
    // range.
    uint32_t m = (static_cast<uint32_t>(127 + 8 - width + (r & 1)) << 23) | static_cast<uint32_t>(r >> 8 & 0x7FFFFF);
    if (i % 16 == 0)
      m = kSmallestMultiplier + static_cast<uint32_t>(r >> 3) % (kLargestMultiplier - kSmallestMultiplier + 1);
    m = std::min(m, kLargestMultiplier);
    const auto zp = static_cast<int8_t>(r >> 1);
    ASSERT_EQ(requantFp32Fast(acc, 0, m, zp), requantFp32(acc, 0, m, zp)) << acc << " " << m << " " << int{zp};
  }
}

// The build must not fuse a product and a sum into one rounding (-ffp-contract=off): with a machine that has such an
// instruction, both compilers do it when they are not told otherwise. (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24 is a tie, and
// rounds to 1 + 2^-11.
#if defined(__x86_64__)
__attribute__((noinline, target("fma"))) float multiplyThenAdd(float x, float m, float addend) {
  return x * m + addend;
}

TEST(NumericsRequantTest, BuildDoesNotContractProductAndSum) {
  if (!__builtin_cpu_supports("fma"))
    GTEST_SKIP() << "this processor has no fused multiply-add";
  volatile float x = 1.0f + 0x1p-12f, addend = -(1.0f + 0x1p-11f); // volatile: the compiler must not evaluate it itself
  EXPECT_EQ(multiplyThenAdd(x, x, addend), 0.0f);
  EXPECT_EQ(std::fma(x, x, addend), 0x1p-24f) << "the case must tell the two apart";
}
#endif

TEST(NumericsRequantTest, HighMulEqualsItsDefinition) {
  const Rational scale = powerOfTwo(31);
  const auto check = [&](int32_t a, int32_t b) {
    Integer expected = floorOf(Rational(Integer(a) * b) / scale + Rational(1, 2));
    if (expected > INT32_MAX)
      expected = INT32_MAX;
    ASSERT_EQ(roundingDoublingHighMul(a, b), expected) << a << " * " << b;
  };
  const std::vector<int32_t> edges{INT32_MIN, INT32_MIN + 1, -(1 << 30),    -3,       -1, 0, 1,
                                   2,         1 << 30,       INT32_MAX - 1, INT32_MAX};
  for (const int32_t a : edges)
    for (const int32_t b : edges)
      check(a, b);
  for (int32_t odd = -301; odd <= 301; odd += 2)
    check(odd, 1 << 30); // every one a tie
  std::mt19937_64 random(13);
  for (int i = 0; i < 50'000; ++i) {
    const uint64_t r = random();
    check(static_cast<int32_t>(r) >> (i % 31), static_cast<int32_t>(r >> 32));
  }
}

TEST(NumericsRequantTest, DivisionByAPowerOfTwoRoundsHalvesAwayFromZero) {
  std::mt19937 random(17);
  for (int exponent = 0; exponent <= 31; ++exponent) {
    const Rational divisor = powerOfTwo(exponent);
    const auto check = [&](int64_t x) {
      if (x < INT32_MIN || x > INT32_MAX)
        return;
      ASSERT_EQ(roundingDivideByPot(static_cast<int32_t>(x), exponent), nearestAway(Rational(x) / divisor))
          << x << " / 2^" << exponent;
    };
    for (int64_t twice = -21; twice <= 21; ++twice)
      for (const int64_t delta : {-1, 0, 1})
        check(twice * (int64_t{1} << exponent) / 2 + delta);
    for (const int64_t x : {int64_t{INT32_MIN}, int64_t{INT32_MAX}})
      check(x);
    for (int i = 0; i < 500; ++i)
      check(static_cast<int32_t>(random()));
  }
}

TEST(NumericsRequantTest, TfliteFormEqualsItsDefinition) {
  std::mt19937_64 random(19);
  for (int i = 0; i < 30'000; ++i) {
    const uint64_t r = random();
    const int32_t acc = static_cast<int32_t>(r) >> (i % 31), bias = static_cast<int32_t>(r >> 32) >> (i % 27);
    const auto multiplier = static_cast<int32_t>((1u << 30) + static_cast<uint32_t>(random() >> 34));
    const int shift = i % 63 - 31;
    const auto zp = static_cast<int8_t>(r >> 7);
    const Integer sum = wrapped(Integer(acc) + bias, 32);
    const Integer shifted = shift > 0 ? wrapped(sum * (Integer(1) << shift), 32) : sum;
    const Integer high = floorOf(Rational(shifted * multiplier) / powerOfTwo(31) + Rational(1, 2));
    const Integer rounded = nearestAway(Rational(high) / powerOfTwo(shift < 0 ? -shift : 0));
    ASSERT_EQ(requantTflite(acc, bias, multiplier, shift, zp), saturate8(rounded + zp))
        << acc << " " << bias << " " << multiplier << " " << shift;
  }
}

TEST(NumericsRequantTest, TfliteFormRoundsTwice) {
  // 2^30 / 2^31 * 5 = 2.5 goes up to 3, 3 / 2 goes away from zero to 2; one rounding of 1.25 would give 1.
  EXPECT_EQ(requantTflite(5, 0, 1 << 30, -1, 0), 2);
}

TEST(NumericsRequantTest, TfliteFormIsDefinedForBadRecords) {
  EXPECT_EQ(roundingDoublingHighMul(INT32_MIN, INT32_MIN), INT32_MAX);
  EXPECT_EQ(requantTflite(INT32_MIN, 0, INT32_MIN, -31, 0), 1) << "2^31 - 1 divided by 2^31, not -1";
  EXPECT_EQ(requantTflite(100, 0, -(1 << 30), 0, 0), -50);
  // The low six bits of a shift, signed: 32 is -32 and shifts nothing, 33 is -31, -64 is 0.
  EXPECT_EQ(requantTflite(100, 0, 1 << 30, 32, 0), 50);
  EXPECT_EQ(requantTflite(100, 0, 1 << 30, 33, 0), 0);
  EXPECT_EQ(requantTflite(100, 0, 1 << 30, -64, 0), 50);
  EXPECT_EQ(requantTflite(25, 0, 1 << 30, INT32_MIN + 1, 0), 25);
}

} // namespace
