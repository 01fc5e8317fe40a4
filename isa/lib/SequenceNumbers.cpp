// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/SequenceNumbers.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace tw::isa {
namespace {

constexpr double kUnits = 65280;     // of e: 255 of its high byte
constexpr int kReciprocalShift = 46; // 2^46 / 65280 is below 2^31
constexpr int kFactorShift = 30;
constexpr double kReciprocalError = 0x1p-14 + 0x1p-16; // relative: of the reciprocal, and of what is rounded behind it
constexpr int64_t kMostChannels = (1 << 14) - 1;       // sums of e fit int32

// `steps`: of the output in 1, `top`: the largest that the output holds.
double softmaxBound(double steps, double top, int64_t channels, bool hasRest) {
  const double largest = std::min(steps, top);
  const double ofSum = hasRest ? (0.5 * double(channels) / 256 + 0.5) / kUnits : 0.5 * double(channels) / kUnits;
  // The entry's rounding in the result, and that of the low byte's multiplier: 255 / 2^(shift + 1) is below steps
  // 2^-30.
  const double ofNumerator = steps * (0.5 / kUnits + 0x1p-30);
  return 0.5 + ofNumerator + largest * (ofSum + kReciprocalError);
}

std::vector<int8_t> softmaxTables(double scale, bool hasRest) {
  std::array<std::vector<int8_t>, 3> parts;
  for (int d = -255; d <= 0; ++d) {
    const double e = kUnits * std::exp(scale * d), whole = std::nearbyint(e);
    const int value = int(whole);
    parts[0].push_back(int8_t((value >> 8) - 128));
    parts[1].push_back(int8_t((value & 255) - 128));
    parts[2].push_back(int8_t(std::min(std::nearbyint(256 * (e - whole)), 127.0)));
  }
  std::vector<int8_t> tables;
  for (int part = 0; part != (hasRest ? 3 : 2); ++part)
    tables.insert(tables.end(), parts[size_t(part)].begin(), parts[size_t(part)].end());
  return tables;
}

} // namespace

std::optional<SoftmaxNumbers> softmaxNumbers(double scale, double outScale, int8_t zero, int64_t channels) {
  if (!(scale > 0) || !(outScale > 0) || !std::isfinite(scale) || !std::isfinite(outScale) || channels < 1 ||
      channels > kMostChannels)
    return std::nullopt;
  const double steps = 1 / outScale, top = 127.0 - zero;
  SoftmaxNumbers numbers;
  numbers.zero = zero;
  // The largest multiplier, of a sum of one largest value, has 31 bits.
  const double most = double(std::numeric_limits<int32_t>::max() - 1) / (std::ldexp(1, kReciprocalShift) / kUnits);
  numbers.shift = int(std::floor(std::log2(most * 0.999 * outScale))) + kReciprocalShift - 8;
  if (numbers.shift < 0 || numbers.shift > 55)
    return std::nullopt;
  numbers.factor =
      int32_t(std::nearbyint(std::ldexp(1 / outScale, numbers.shift - (kReciprocalShift - 8) + kFactorShift)));
  bool hasRest = false;
  numbers.bound = softmaxBound(steps, top, channels, hasRest);
  if (numbers.bound >= 1) {
    hasRest = true;
    numbers.bound = softmaxBound(steps, top, channels, hasRest);
  }
  if (numbers.bound >= kStepBound)
    return std::nullopt;
  numbers.tables = softmaxTables(scale, hasRest);
  return numbers;
}

MeanNumbers meanNumbers(int64_t channels, bool isCentred, int8_t center) {
  const int shift = 29 + std::bit_width(uint64_t(channels));
  return {isCentred, center, int32_t(std::nearbyint(std::ldexp(1.0, shift) / double(channels))), shift};
}

std::optional<VarianceNumbers> varianceNumbers(double steps, int8_t zero, const MeanNumbers &mean) {
  VarianceNumbers numbers{mean, 0, 0, zero, 0};
  const double factor = std::ldexp(steps, VarianceNumbers::kStepBits - VarianceNumbers::kVarianceBits);
  if (!(factor > 0x1p-30) || !(factor < 0x1p29))
    return std::nullopt;
  numbers.shift = 29 - std::ilogb(factor);
  numbers.factor = int32_t(std::nearbyint(std::ldexp(factor, numbers.shift)));
  // Of the variance: its own rounding, that of the mean's square, and what the mean's error does to that.
  numbers.bound = 0.5 + steps * 0x1p-13 + 255 * 0x1p-28 + 0x1p-17;
  return numbers.bound < kStepBound ? std::optional(numbers) : std::nullopt;
}

std::optional<NormaliseNumbers> normaliseNumbers(const std::vector<double> &factors, int8_t zero, int64_t channels,
                                                 const MeanNumbers &mean) {
  constexpr int kFactorBits = 23;
  NormaliseNumbers numbers{mean, {}, 0, 0, zero, 0};
  // From there on each x that is not the mean, from which it is 1 / channels away at least, gives the largest result.
  const double far = 256.0 * (mean.isCentred ? double(channels) : 1);
  double most = 0;
  bool hasFar = false;
  for (double factor : factors) {
    if (factor < 0)
      return std::nullopt;
    hasFar |= factor >= far;
    most = factor < far ? std::max(most, factor) : most;
  }
  numbers.shift = most > 0 ? std::min(kFactorBits - 1 - std::ilogb(most), 40) : 0;
  // 127 * 2^16 / 2^farShift / channels is at least 64, of which 4 are more than all steps.
  numbers.farShift = 16 - std::bit_width(uint64_t(channels));
  if (numbers.shift < 0 || (hasFar && numbers.farShift < 3)) // an error of the mean must not count there
    return std::nullopt;
  std::array<std::vector<int8_t>, 4> parts;
  for (double factor : factors) {
    const bool isFar = factor >= far;
    const double exact = isFar || std::isnan(factor) ? 0 : std::ldexp(factor, numbers.shift);
    const auto entry = int32_t(std::nearbyint(exact));
    for (int part = 0; part != 3; ++part)
      parts[size_t(part)].push_back(int8_t((entry >> (16 - 8 * part) & 255) - 128));
    parts[3].push_back(isFar ? 127 : 0);
    if (exact > 0) // the entry's rounding in the largest result, the mean's error, the addend's rounding
      numbers.bound = std::max(numbers.bound, 255 * 0.5 / exact + factor * 0x1p-22);
  }
  numbers.bound += 0.5 + std::ldexp(0.5, -numbers.shift);
  for (int part = 0; part != (hasFar ? 4 : 3); ++part)
    numbers.tables.insert(numbers.tables.end(), parts[size_t(part)].begin(), parts[size_t(part)].end());
  return numbers.bound < kStepBound ? std::optional(numbers) : std::nullopt;
}

std::optional<NormNumbers> normNumbers(double eps, int64_t channels, const MeanNumbers &mean) {
  constexpr double kMost = std::numeric_limits<int32_t>::max(), kUnits = 8100; // of 127 * 64 + 32
  const auto count = double(channels);
  if (!(eps >= 0) || channels < 2 || channels > kMostChannels)
    return std::nullopt;
  NormNumbers numbers;
  numbers.mean = mean;
  numbers.unit = std::sqrt(count) / kUnits; // one that stands out alone is sqrt(channels - 1) deviations away
  // 127.5^2, or 255^2 about another centre: the largest mean of squares.
  const int places = std::min(int(std::floor(std::log2(kMost / count / ((mean.isCentred ? 16257 : 65026) + eps)))), 30);
  if (places < 0)
    return std::nullopt;
  numbers.varianceShift = 30 - places;
  numbers.means = mean.isCentred ? int32_t(std::nearbyint(0x1p30 / count)) : 0;
  const double exact = std::ldexp(eps * count, places), entry = std::nearbyint(exact);
  if (entry >= 0x1p30) // such a constant could not be made
    return std::nullopt;
  numbers.eps = int32_t(entry);
  // All values but one are the mean's neighbour: the least that is not zero.
  const double least = std::ldexp(mean.isCentred ? (count - 1) / count : 1, places) + exact;
  const double ofVariance =
      std::abs(entry - exact) + (mean.isCentred ? 0.5 + std::ldexp(count * count, places - 33) : 0);
  numbers.rootShift = int(std::floor(31 + std::log2(least) / 2 - 0.001));
  // The multiplier stays below 2^24, so that its product with a mean fits int32.
  const double gain = std::sqrt(std::ldexp(count, places)) / numbers.unit;
  numbers.shift = int(std::floor(std::log2(0x1.ep23 / kMost / gain) + numbers.rootShift));
  const double factor = std::ldexp(gain, numbers.shift - numbers.rootShift);
  numbers.factorShift = 29 - std::ilogb(factor);
  if (numbers.rootShift > 63 || numbers.shift < 4 || numbers.shift > 40 || numbers.factorShift > 63)
    return std::nullopt;
  numbers.factor = int32_t(std::nearbyint(std::ldexp(factor, numbers.factorShift)));
  // Of the root: the table's, its rounding, and half of the variance's.
  numbers.relative = 0x1p-13 + 0x1p-16 + 0.51 * ofVariance / least;
  // The last rounding, that of the multiplier times an x, the mean's error times the multiplier, the addend's rounding.
  numbers.absolute = 0.5 + std::ldexp(127.5 + 4 + 0.5, -numbers.shift);
  return ofVariance < least / 100 ? std::optional(numbers) : std::nullopt;
}

} // namespace tw::isa
