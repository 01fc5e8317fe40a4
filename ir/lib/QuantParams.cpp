// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/QuantParams.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace tw::ir {

float requantMultiplier(float inScale, float weightScale, float outScale) {
  float product = inScale * weightScale;
  return product / outScale;
}

bool isLegalMultiplier(float multiplier) {
  return std::isnormal(multiplier) && multiplier >= std::ldexp(1.0f, -40) && multiplier <= std::ldexp(1.0f, 8);
}

std::optional<FixedPoint> fixedPoint(std::span<const double> ratios) {
  constexpr double kLimit = 1 << 30;
  for (int shift = 30; shift >= 0; --shift) {
    FixedPoint result{{}, shift};
    for (double ratio : ratios) {
      double scaled = std::nearbyint(std::ldexp(ratio, shift));
      if (!(std::abs(scaled) < kLimit))
        break;
      result.multipliers.push_back(static_cast<int32_t>(scaled));
    }
    if (result.multipliers.size() == ratios.size())
      return result;
  }
  return std::nullopt;
}

std::optional<EltwiseParams> eltwiseParams(EltwiseFunction function, float lhsScale, float rhsScale, float outScale) {
  double a = lhsScale, b = rhsScale, y = outScale;
  if (function == EltwiseFunction::Mul) {
    const double ratio[] = {a * b / y};
    auto fixed = fixedPoint(ratio);
    return fixed ? std::optional(EltwiseParams{fixed->multipliers[0], 0, fixed->shift}) : std::nullopt;
  }
  const double ratios[] = {a / y, b / y};
  auto fixed = fixedPoint(ratios);
  if (!fixed)
    return std::nullopt;
  int32_t sign = function == EltwiseFunction::Sub ? -1 : 1;
  return EltwiseParams{fixed->multipliers[0], sign * fixed->multipliers[1], fixed->shift};
}

int32_t AverageParams::multiplierFor(int64_t count) const {
  auto found = std::ranges::lower_bound(counts, count);
  assert(found != counts.end() && *found == count && "counts lists every count that occurs");
  return fixed.multipliers[found - counts.begin()];
}

std::optional<AverageParams> averageParams(float inScale, float outScale, std::vector<int64_t> counts) {
  std::vector<double> ratios;
  for (int64_t count : counts)
    ratios.push_back(static_cast<double>(inScale) / (static_cast<double>(outScale) * static_cast<double>(count)));
  auto fixed = fixedPoint(ratios);
  if (!fixed)
    return std::nullopt;
  for (size_t i = 0; i < counts.size(); ++i)
    if (255 * counts[i] >= (int64_t(1) << 47) / std::max(fixed->multipliers[i], 1))
      return std::nullopt;
  return AverageParams{std::move(counts), std::move(*fixed)};
}

std::vector<int64_t> averageCounts(std::array<int64_t, 2> image, std::array<int64_t, 2> output,
                                   std::array<int64_t, 2> kernel, std::array<int64_t, 2> strides,
                                   std::array<int64_t, 4> pads, bool countIncludePad) {
  if (countIncludePad)
    return {kernel[0] * kernel[1]};
  std::vector<int64_t> perDim[2], counts;
  for (int d = 0; d < 2; ++d)
    for (int64_t o = 0; o < output[d]; ++o) {
      int64_t begin = o * strides[d] - pads[d];
      perDim[d].push_back(std::min(begin + kernel[d], image[d]) - std::max<int64_t>(begin, 0));
    }
  for (int64_t h : perDim[0])
    for (int64_t w : perDim[1])
      counts.push_back(h * w);
  std::ranges::sort(counts);
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

int8_t quantizeToInt8(float value, float scale, int32_t zero) {
  float scaled = std::nearbyint(value / scale);
  if (std::isnan(scaled))
    scaled = 0;
  // Clamp before the conversion: an out-of-range float has no integer.
  float bounded = std::min(std::max(scaled, -65536.0f), 65536.0f);
  return static_cast<int8_t>(std::clamp(static_cast<int32_t>(bounded) + zero, -128, 127));
}

float dequantize(int32_t value, float scale, int32_t zero) { return static_cast<float>(value - zero) * scale; }

std::array<int8_t, 256> lutTable(float inScale, int32_t inZero, float outScale, int32_t outZero,
                                 const std::function<float(float)> &function) {
  std::array<int8_t, 256> table;
  for (int q = -128; q <= 127; ++q)
    table[q + 128] = quantizeToInt8(function(dequantize(q, inScale, inZero)), outScale, outZero);
  return table;
}

ClampRange clampRange(float lo, float hi, float outScale, int32_t outZero) {
  ClampRange range;
  if (lo != -INFINITY)
    range.lo = quantizeToInt8(lo, outScale, outZero);
  if (hi != INFINITY)
    range.hi = quantizeToInt8(hi, outScale, outZero);
  return range;
}

} // namespace tw::ir
