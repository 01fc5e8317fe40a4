// SPDX-License-Identifier: Apache-2.0
// The requantiser of the design against Numerics.h: 10^8 random sums in each mode, and, where asked for
// (scripts/requantiser.sh), every sum there is with directed multipliers.
#include "Vrequantiser.h"

#include "tw/isa/Numerics.h"
#include "tw/isa/Tables.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>

using namespace tw::isa;

namespace {

constexpr size_t kLanes = 64; // parameter of requantiser

/// What a channel is requantised with. The shift is TensorFlow Lite's, positive to the left.
struct Channel {
  bool isTflite = false;
  uint32_t multiplier = 0;
  int shift = 0;
  int8_t zero = 0;
};

class RequantiserTest : public testing::TestWithParam<Channel> {
protected:
  /// Empty when the design's result and its note of saturation are those of Numerics.h on all lanes.
  std::string difference(const Channel &c, const std::array<int32_t, kLanes> &sums) {
    top.tflite_i = c.isTflite;
    top.mult_i = c.multiplier;
    top.shift_i = uint8_t(c.shift & 63);
    top.zp_i = uint8_t(c.zero);
    for (size_t i = 0; i != kLanes; ++i)
      top.sums_i[i] = uint32_t(sums[i]);
    top.eval();
    for (size_t i = 0; i != kLanes; ++i) {
      const uint32_t found = top.q_o[i / 2] >> (i % 2 * 16) & 0xFFFF;
      const int8_t expected = c.isTflite ? requantTflite(sums[i], 0, int32_t(c.multiplier), c.shift, c.zero)
                                         : requantFp32(sums[i], 0, c.multiplier, c.zero);
      if (int8_t(found) != expected)
        return "sum " + std::to_string(sums[i]) + ", multiplier " + std::to_string(c.multiplier) + ", shift " +
               std::to_string(c.shift) + ", zero point " + std::to_string(c.zero) + ": the design gives " +
               std::to_string(int8_t(found)) + ", expected " + std::to_string(expected);
      // Saturated means that the value before the limit was another one: it is an end then.
      if ((found >> 8 & 1) != 0 && expected != -128 && expected != 127)
        return "sum " + std::to_string(sums[i]) + ": marked as saturated, but it is " + std::to_string(expected);
    }
    return "";
  }

  /// xorshift64*: the tests spend their time in the design.
  uint64_t random() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545F4914F6CDD1Dull;
  }

  /// Sums of up to `width` bits and a sign, and a multiplier that brings most of them near the ends of int8.
  Channel randomChannel(bool isTflite, int width) {
    const uint64_t r = random();
    Channel c{isTflite, 0, 0, int8_t(r)};
    if (isTflite) {
      c.multiplier = (1u << 30) | uint32_t(r >> 8 & ((1u << 30) - 1));
      c.shift = std::clamp(9 - width - int(r >> 40 & 1), -31, 31);
    } else {
      const uint32_t exponent = uint32_t(127 + 8 - width + int(r >> 40 & 1));
      c.multiplier = std::min(exponent << 23 | uint32_t(r >> 8 & 0x7FFFFF), kLargestMultiplier);
    }
    if ((r >> 41 & 15) == 0) // anything that a program may say
      c.multiplier = isTflite ? uint32_t(r >> 9) : uint32_t(r >> 16);
    return c;
  }

  void expectEqualOnRandomSums(bool isTflite) {
    constexpr uint64_t kSums = 100'000'000;
    std::array<int32_t, kLanes> sums;
    for (uint64_t done = 0; done < kSums; done += kLanes) {
      const int width = 1 + int(done / kLanes % 31);
      const Channel channel = randomChannel(isTflite, width);
      for (int32_t &sum : sums)
        sum = int32_t(int64_t(random()) >> (63 - width));
      const std::string found = difference(channel, sums);
      ASSERT_EQ(found, "");
    }
  }

  Vrequantiser top{new VerilatedContext};
  uint64_t state = 0x9E3779B97F4A7C15ull;
};

TEST_F(RequantiserTest, Float32ModeEqualsItsDefinitionOn100MillionRandomSums) { expectEqualOnRandomSums(false); }

TEST_F(RequantiserTest, TfliteModeEqualsItsDefinitionOn100MillionRandomSums) { expectEqualOnRandomSums(true); }

TEST_P(RequantiserTest, DISABLED_EverySumThereIs) {
  std::array<int32_t, kLanes> sums;
  uint32_t sum = 0;
  do {
    for (int32_t &s : sums)
      s = int32_t(sum++);
    const std::string found = difference(GetParam(), sums);
    ASSERT_EQ(found, "");
  } while (sum != 0);
}

/// Powers of two make ties; neighbours of them round the product; the others come from trained networks.
std::vector<Channel> directed() {
  const auto bits = [](double x) { return std::bit_cast<uint32_t>(float(x)); };
  std::vector<Channel> channels;
  for (const auto &[multiplier, zero] :
       std::initializer_list<std::pair<uint32_t, int8_t>>{{bits(0.5), 0},
                                                          {bits(0.25), -128},
                                                          {bits(std::ldexp(1, -8)), 127},
                                                          {bits(std::ldexp(1, -16)), 0},
                                                          {bits(std::ldexp(1, -24)), 3},
                                                          {bits(std::ldexp(1, -25)), 0},
                                                          {bits(std::ldexp(1, -31)), -128},
                                                          {kSmallestMultiplier, 0},
                                                          {kLargestMultiplier, -1},
                                                          {bits(1), 0},
                                                          {bits(1) + 1, 5},
                                                          {bits(1) - 1, 5},
                                                          {bits(std::ldexp(1, -24)) - 1, 0},
                                                          {bits(std::ldexp(1.5, -23)), -7},
                                                          {bits(0.00471), -128},
                                                          {bits(0.000213), 11}})
    channels.push_back({false, multiplier, 0, zero});
  for (const auto &[multiplier, shift, zero] :
       std::initializer_list<std::tuple<uint32_t, int, int8_t>>{{1u << 30, 0, 0},
                                                                {1u << 30, -7, -128},
                                                                {1u << 30, -23, 127},
                                                                {1u << 30, -31, 0},
                                                                {1u << 30, 1, 3},
                                                                {1u << 30, 31, 0},
                                                                {(1u << 30) + 1, -16, 5},
                                                                {(1u << 31) - 1, 0, 0},
                                                                {(1u << 31) - 1, -8, -1},
                                                                {(1u << 31) - 1, -24, 0},
                                                                {(1u << 31) - 1, -31, -128},
                                                                {3u << 29, -12, -7},
                                                                {3u << 29, -22, 0},
                                                                {1'653'921'024u, -9, -128},
                                                                {1'101'004'811u, -11, 11},
                                                                {0xC0000000u, -5, 0}})
    channels.push_back({true, multiplier, shift, zero});
  return channels;
}

INSTANTIATE_TEST_SUITE_P(Directed, RequantiserTest, testing::ValuesIn(directed()), [](const auto &info) {
  return std::string(info.param.isTflite ? "tflite_" : "float_") + std::to_string(info.index % 16);
});

} // namespace
