// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Numerics.h"

#include "ExactArithmetic.h"
#include "tw/isa/Tables.h"

#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <set>

using namespace tw::isa;
using namespace tw::test;

namespace {

// All of it can be evaluated by the compiler; a few values fix the meaning before any test runs.
static_assert(addWrap32(INT32_MAX, 1) == INT32_MIN);
static_assert(mulI8(-128, -128) == 16384);
static_assert(fp32FromInt32(1) == 0x3F800000 && fp32FromInt32(INT32_MIN) == 0xCF000000);
static_assert(requantFp32(5, 0, 0x3F000000, 0) == 2 && requantFp32(7, 0, 0x3F000000, 0) == 4); // 2.5 -> 2, 3.5 -> 4
static_assert(rescale(-5, 1, 0) == -2 && rescale(-7, 1, 0) == -4);

TEST(NumericsTest, SumsWrapModuloTwoToThe32) {
  for (const int32_t a : {0, 1, -1, 12345, INT32_MAX, INT32_MIN})
    for (const int32_t b : {0, 1, -1, 99, INT32_MAX, INT32_MIN})
      EXPECT_EQ(addWrap32(a, b), wrapped(Integer(a) + b, 32));
  EXPECT_EQ(addI8(INT32_MAX, 1), INT32_MIN);
  EXPECT_EQ(addI8(INT32_MIN, -1), INT32_MAX);
  EXPECT_EQ(addI8(1000, -128), 872);
}

TEST(NumericsTest, ProductsMaximaAndClampsAreExactForAllPairs) {
  for (int a = -128; a <= 127; ++a)
    for (int b = -128; b <= 127; ++b) {
      const auto x = static_cast<int8_t>(a), y = static_cast<int8_t>(b);
      ASSERT_EQ(mulI8(x, y), a * b);
      ASSERT_EQ(maxI8(x, y), a > b ? a : b);
      ASSERT_EQ(clampI8(x, y, 127), a > b ? a : b);
      ASSERT_EQ(clampI8(x, -128, y), a < b ? a : b);
    }
  EXPECT_EQ(clampI8(50, -10, 6), 6);
  EXPECT_EQ(clampI8(50, 6, -10), 6) << "lower limit wins when the limits cross";
}

TEST(NumericsTest, SaturationHoldsAtTheInt32Extremes) {
  EXPECT_EQ(sat8(INT32_MIN), -128);
  EXPECT_EQ(sat8(-129), -128);
  EXPECT_EQ(sat8(-128), -128);
  EXPECT_EQ(sat8(127), 127);
  EXPECT_EQ(sat8(128), 127);
  EXPECT_EQ(sat8(INT32_MAX), 127);
}

TEST(NumericsTest, TableEntryZeroServesMinus128) {
  std::array<int8_t, 256> table{};
  for (int q = -128; q <= 127; ++q)
    table[static_cast<size_t>(q + 128)] = static_cast<int8_t>(-1 - q);
  EXPECT_EQ(lutIndex(-128), 0u);
  EXPECT_EQ(lutIndex(127), 255u);
  for (int q = -128; q <= 127; ++q)
    ASSERT_EQ(lutI8(table.data(), static_cast<int8_t>(q)), -1 - q);
}

TEST(NumericsTest, WrapKeepsTheLow48Bits) {
  const int64_t edge = int64_t{1} << 47;
  EXPECT_EQ(wrap48(edge - 1), edge - 1);
  EXPECT_EQ(wrap48(edge), -edge);
  EXPECT_EQ(wrap48(-edge), -edge);
  EXPECT_EQ(wrap48(-edge - 1), edge - 1);
  for (const int64_t x : {INT64_MIN, INT64_MAX, int64_t{-1}, int64_t{0x123456789ABCDEF}})
    EXPECT_EQ(wrap48(x), wrapped(x, 48));
}

std::vector<int32_t> interestingInts() {
  std::vector<int32_t> values{0, INT32_MIN, INT32_MIN + 1, INT32_MAX, INT32_MAX - 1};
  for (int bit = 0; bit < 31; ++bit)
    for (int delta = -3; delta <= 3; ++delta)
      for (const int64_t sign : {1, -1})
        values.push_back(static_cast<int32_t>(sign * ((int64_t{1} << bit) + delta)));
  // Halfway between two float32 values, on both sides of even: 25 bits with the lowest set, and so on upwards.
  for (int drop = 1; drop <= 7; ++drop)
    for (int64_t kept : {int64_t{0x800000}, int64_t{0x800001}, int64_t{0xFFFFFE}, int64_t{0xFFFFFF}})
      for (int64_t delta : {-1, 0, 1})
        for (const int64_t sign : {1, -1})
          values.push_back(static_cast<int32_t>(sign * ((kept << drop) + (int64_t{1} << (drop - 1)) + delta)));
  return values;
}

TEST(NumericsTest, ConversionToFloat32RoundsToNearestEven) {
  for (const int32_t x : interestingInts())
    ASSERT_EQ(valueOfFloat32(fp32FromInt32(x)), nearestFloat32(x)) << x;
}

TEST(NumericsTest, ConversionToFloat32EqualsTheHosts) {
  std::mt19937 random(1);
  for (int i = 0; i < 1'000'000; ++i) {
    const auto x = static_cast<int32_t>(random()) >> (i % 24);
    ASSERT_EQ(fp32FromInt32(x), std::bit_cast<uint32_t>(static_cast<float>(x))) << x;
  }
}

TEST(NumericsTest, ProductRoundsToNearestEven) {
  std::mt19937 random(2);
  const auto check = [](uint32_t a, uint32_t m) {
    ASSERT_EQ(valueOfFloat32(fp32Mul(a, m)), nearestFloat32(valueOfFloat32(a) * valueOfFloat32(m)))
        << std::hex << a << " * " << m;
  };
  std::vector<uint32_t> multipliers{kSmallestMultiplier, kSmallestMultiplier + 1,
                                    kLargestMultiplier,  kLargestMultiplier - 1,
                                    0x3F800000,          0x3F800001,
                                    0x3F7FFFFF,          0x3FC00000,
                                    0x3F000000};
  for (int i = 0; i < 20; ++i)
    multipliers.push_back(kSmallestMultiplier + random() % (kLargestMultiplier - kSmallestMultiplier));
  for (const int32_t x : interestingInts())
    for (const uint32_t m : multipliers)
      check(fp32FromInt32(x), m);
}

TEST(NumericsTest, ProductEqualsTheHosts) {
  std::mt19937 random(3);
  for (int i = 0; i < 1'000'000; ++i) {
    const uint32_t a = fp32FromInt32(static_cast<int32_t>(random()) >> (i % 31));
    const uint32_t m = kSmallestMultiplier + random() % (kLargestMultiplier - kSmallestMultiplier + 1);
    ASSERT_EQ(fp32Mul(a, m), std::bit_cast<uint32_t>(std::bit_cast<float>(a) * std::bit_cast<float>(m)))
        << a << " " << m;
  }
}

TEST(NumericsTest, RoundingToAnIntegerIsExactAndLimited) {
  for (int quarter = -2080; quarter <= 2080; ++quarter) // -520..520 in steps of 1/4: all ties
    for (const int step : {-1, 0, 1}) {
      const float x = static_cast<float>(quarter) / 4;
      const float near = step == 0 ? x : std::nextafter(x, step * std::numeric_limits<float>::max());
      const uint32_t bits = std::bit_cast<uint32_t>(near);
      const Integer expected = nearestEven(valueOfFloat32(bits));
      ASSERT_EQ(fp32RoundToInt(bits), expected < -512  ? Integer(-512)
                                      : expected > 512 ? Integer(512)
                                                       : expected)
          << near;
    }
  EXPECT_EQ(fp32RoundToInt(0x80000000), 0);
  EXPECT_EQ(fp32RoundToInt(0x7F7FFFFF), 512);
  EXPECT_EQ(fp32RoundToInt(0xFF7FFFFF), -512);
  EXPECT_EQ(fp32RoundToInt(1), 0);
}

TEST(NumericsTest, OnlyNormalPositiveMultipliersInRangeAreValid) {
  EXPECT_TRUE(validMultiplier(std::bit_cast<uint32_t>(std::ldexp(1.0f, -40))));
  EXPECT_TRUE(validMultiplier(std::bit_cast<uint32_t>(256.0f)));
  EXPECT_TRUE(validMultiplier(std::bit_cast<uint32_t>(1.0f)));
  EXPECT_FALSE(validMultiplier(std::bit_cast<uint32_t>(std::nextafter(std::ldexp(1.0f, -40), 0.0f))));
  EXPECT_FALSE(validMultiplier(std::bit_cast<uint32_t>(std::nextafter(256.0f, 512.0f))));
  for (const float x :
       {0.0f, -0.0f, -1.0f, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::denorm_min(), 300.0f})
    EXPECT_FALSE(validMultiplier(std::bit_cast<uint32_t>(x))) << x;
}

TEST(NumericsTest, LimitsOfTheMultiplierAreTheTables) {
  EXPECT_EQ(kSmallestMultiplier, static_cast<uint32_t>(kMultiplierMin));
  EXPECT_EQ(kLargestMultiplier, static_cast<uint32_t>(kMultiplierMax));
}

TEST(NumericsTest, HashOfWritesDependsOnSpaceAddressAndByte) {
  std::set<uint64_t> seen;
  for (const uint8_t space : {0, 1, 4})
    for (uint64_t address = 0; address < 64; ++address)
      for (int byte = 0; byte < 256; ++byte)
        ASSERT_TRUE(seen.insert(sumHash(space, address, static_cast<uint8_t>(byte))).second);
  EXPECT_NE(sumHash(0, 0, 0), 0u) << "a zero written to address zero must count";
}

TEST(NumericsTest, SwappingTwoWrittenBytesChangesTheSum) {
  // A plain sum of address * byte would not see some of these.
  for (int a = 0; a < 256; a += 5)
    for (int b = a + 1; b < 256; b += 7)
      ASSERT_NE(sumHash(0, 16, static_cast<uint8_t>(a)) + sumHash(0, 17, static_cast<uint8_t>(b)),
                sumHash(0, 16, static_cast<uint8_t>(b)) + sumHash(0, 17, static_cast<uint8_t>(a)));
}

TEST(NumericsTest, FlippingOneKeyBitFlipsAboutHalfOfTheHash) {
  double flipped = 0;
  int samples = 0;
  for (uint64_t address = 1; address < 2000; address += 13)
    for (int bit = 0; bit < 24; ++bit, ++samples)
      flipped += std::popcount(sumHash(0, address, 7) ^ sumHash(0, address ^ (uint64_t{1} << bit), 7));
  EXPECT_NEAR(flipped / samples, 32, 1);
}

} // namespace
