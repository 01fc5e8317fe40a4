// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Multipliers.h"

#include "tw/isa/Numerics.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <string>

namespace tw::isa {
namespace {

constexpr int kMaxShift = 30;
constexpr int64_t kMultiplierLimit = int64_t{1} << 30;
constexpr uint64_t kQuotientLimit = uint64_t{1} << 42; // two bits below the integer are kept for rounding

bool isScale(float x) { return std::isfinite(x) && x > 0; }

/// A positive float32 as significand * 2^exponent.
struct Parts {
  uint64_t significand;
  int exponent;
};

Parts split(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const int biased = static_cast<int>(bits >> 23);
  return biased == 0 ? Parts{bits, -149} : Parts{(bits & 0x7FFFFFu) | 0x800000u, biased - 150};
}

/// RNE of a quotient that carries two bits below the integer; `lost` if anything non-zero lies below those.
int64_t roundQuarters(uint64_t quarters, bool lost) {
  return static_cast<int64_t>(shiftRne(quarters << 1 | (lost ? 1 : 0), 3));
}

/// As short as it can be read back; std::to_string would print small scales as 0.000000.
std::string text(float x) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), x).ptr;
  return {buffer.data(), end};
}

} // namespace

Result<uint32_t> requantMultiplier(float sx, float sw, float sy) {
  const float product = sx * sw;
  const float m = product / sy;
  const uint32_t bits = std::bit_cast<uint32_t>(m);
  if (!isScale(sx) || !isScale(sw) || !isScale(sy) || !validMultiplier(bits))
    return Diag{"requantisation", "scales " + text(sx) + " * " + text(sw) + " / " + text(sy) + " give the multiplier " +
                                      text(m) +
                                      ", the machine takes 2^-40 to 2^8: quantise the model with other scales"};
  return bits;
}

int64_t fixedPointMultiplier(const ScaleRatio &ratio, int shift) {
  const Parts a = split(ratio.a), b = split(ratio.b), y = split(ratio.y);
  const uint64_t numerator = a.significand * b.significand; // below 2^48
  const uint64_t denominator = y.significand * ratio.count; // below 2^56
  int exponent = a.exponent + b.exponent - y.exponent + shift + 2;
  uint64_t quotient = numerator / denominator;
  uint64_t rest = numerator % denominator;
  if (exponent < 0) {
    const int drop = -exponent;
    const uint64_t kept = drop < 64 ? quotient >> drop : 0;
    const uint64_t dropped = drop < 64 ? quotient - (kept << drop) : quotient;
    return roundQuarters(kept, dropped != 0 || rest != 0);
  }
  for (; exponent > 0 && quotient < kQuotientLimit; --exponent) { // long division: one more bit each time
    rest *= 2;
    quotient = quotient * 2 + (rest >= denominator ? 1 : 0);
    rest = rest >= denominator ? rest - denominator : rest;
  }
  return quotient < kQuotientLimit ? roundQuarters(quotient, rest != 0) : static_cast<int64_t>(kQuotientLimit >> 2);
}

Result<int> chooseShift(std::span<const ScaleRatio> ratios) {
  for (const ScaleRatio &ratio : ratios)
    if (!isScale(ratio.a) || !isScale(ratio.b) || !isScale(ratio.y) || ratio.count == 0)
      return Diag{"scales", "scales " + text(ratio.a) + ", " + text(ratio.b) + ", " + text(ratio.y) +
                                " and the count " + std::to_string(ratio.count) + " must all be positive and finite"};
  int shift = kMaxShift;
  for (const ScaleRatio &ratio : ratios)
    while (fixedPointMultiplier(ratio, shift) >= kMultiplierLimit)
      if (--shift < 0)
        return Diag{"scales", "factor " + text(ratio.a) + " * " + text(ratio.b) + " / " + text(ratio.y) +
                                  " is not below 2^30, the largest multiplier: quantise the model with other scales"};
  return shift;
}

TfliteMultiplier tfliteMultiplier(double factor) {
  int shift = 0;
  const double fraction = std::frexp(factor, &shift); // 1/2 <= fraction < 1
  int64_t multiplier = std::llround(fraction * 2147483648.0);
  if (multiplier == int64_t{1} << 31) {
    multiplier /= 2;
    ++shift;
  }
  if (shift < -31)
    return {0, 0};
  return {static_cast<int32_t>(multiplier), shift};
}

} // namespace tw::isa
