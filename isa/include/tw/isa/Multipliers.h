// SPDX-License-Identifier: Apache-2.0
// For: turning the float32 scales of a quantised model into the multipliers that numerics records hold.
// Called by: codegen when it writes records, and tests that compare the machine with other implementations.
// Does not: look at zero points, ranges or accuracy, or decide which operations are fused.
#ifndef TW_ISA_MULTIPLIERS_H
#define TW_ISA_MULTIPLIERS_H

#include "tw/isa/Diag.h"

#include <cstdint>
#include <span>

namespace tw::isa {

/// m = fl32(fl32(sx * sw) / sy), as float32 bits: the product is what DequantizeLinear gives a convolution or matrix
/// product, the division is QuantizeLinear's. Fails if m is not a valid multiplier (see validMultiplier).
Result<uint32_t> requantMultiplier(float sx, float sw, float sy);

/// The real factor (a * b) / (y * count), exactly: float32 scales, positive and finite, and the size of a pool's
/// window. Addition uses {sa, 1, sy}, a product {sa, sb, sy}, an average {sa, 1, sy, count}.
struct ScaleRatio {
  float a = 1;
  float b = 1;
  float y = 1;
  uint32_t count = 1;
};

/// RNE(ratio * 2^shift), computed without an intermediate rounding; limited to 2^40. shift 0..63.
int64_t fixedPointMultiplier(const ScaleRatio &ratio, int shift);

/// The largest shift in 0..30 with which every multiplier stays below 2^30: all ratios of one record share it. Fails if
/// a scale is not positive and finite or a ratio is too large even for shift 0.
Result<int> chooseShift(std::span<const ScaleRatio> ratios);

/// TensorFlow Lite's form of a positive factor: multiplier (Q0.31, 2^30..2^31-1) and shift with
/// factor = multiplier * 2^(shift - 31), rounded half away from zero; {0, 0} for a factor below 2^-32.
struct TfliteMultiplier {
  int32_t multiplier;
  int shift;
};
TfliteMultiplier tfliteMultiplier(double factor);

} // namespace tw::isa

#endif // TW_ISA_MULTIPLIERS_H
