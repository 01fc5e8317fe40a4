// SPDX-License-Identifier: Apache-2.0
// Numerics.h in forms that a compiler turns into vector code; bit-identical to it.
#ifndef TW_SIMULATOR_FUNCTIONAL_VECTOR_H
#define TW_SIMULATOR_FUNCTIONAL_VECTOR_H

#include "tw/isa/Numerics.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace tw::simulator {

#define TW_ALWAYS_INLINE inline __attribute__((always_inline))

/// RNE of a float limited to +-512 (isa::kRoundLimit).
TW_ALWAYS_INLINE int32_t roundLimited(float x) {
  constexpr float kLimit = static_cast<float>(isa::kRoundLimit);
  constexpr float kToInteger = 12582912.0f; // 1.5 * 2^23
  const float limited = std::min(std::max(x, -kLimit), kLimit);
  return std::bit_cast<int32_t>(limited + kToInteger) - std::bit_cast<int32_t>(kToInteger);
}

/// The same of a double. Fixed-point sums have at most 48 bits, so a double holds them and their quotient by a power of
/// two exactly.
TW_ALWAYS_INLINE int32_t roundLimited(double x) {
  constexpr double kLimit = isa::kRoundLimit;
  constexpr double kToInteger = 6755399441055744.0; // 1.5 * 2^52
  const double limited = std::min(std::max(x, -kLimit), kLimit);
  return static_cast<int32_t>(std::bit_cast<int64_t>(limited + kToInteger) - std::bit_cast<int64_t>(kToInteger));
}

/// Before saturation: RNE(fl32(fl32(acc + bias) * m)) + zp.
TW_ALWAYS_INLINE int32_t requantWide(int32_t acc, int32_t bias, int32_t multiplierBits, int32_t zp) {
  const float multiplier = std::bit_cast<float>(isa::usedMultiplier(static_cast<uint32_t>(multiplierBits)));
  return roundLimited(static_cast<float>(isa::addWrap32(acc, bias)) * multiplier) + zp;
}

TW_ALWAYS_INLINE int32_t limit(int32_t x, int32_t lo, int32_t hi) { return std::max(lo, std::min(hi, x)); }
TW_ALWAYS_INLINE int32_t saturate(int32_t x) { return limit(x, -128, 127); }

/// 2^-shift, exactly.
TW_ALWAYS_INLINE double inversePower(int32_t shift) {
  return std::bit_cast<double>(static_cast<uint64_t>(1023 - shift) << 52);
}

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_VECTOR_H
