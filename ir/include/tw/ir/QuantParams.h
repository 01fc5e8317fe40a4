// SPDX-License-Identifier: Apache-2.0
// What for: the numbers that a quantised operator is executed with (multipliers, shifts, tables, clamps), computed from
// its scales in one place, and the written meaning of each. Pure functions, no MLIR. Called by: the reference
// interpreter, fusion (is it representable?), the linalg builder and the code generator. Does not: execute; the
// executing arithmetic is written down here in words and lives in the interpreter and in isa.
#ifndef TW_IR_QUANTPARAMS_H
#define TW_IR_QUANTPARAMS_H

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace tw::ir {

// Requantise (convolution, fully connected, matmul):
//   y = sat8(RNE(fl32(fl32_rne(acc + bias) * m)) + zero),  m = fl32(fl32(sx * sw) / sy) per output channel
// The sum is exact. The machine's is one modulo 2^32: it gets those that are proved to fit (wideSumOf in QuantOps.h).
// RNE = round half to even; zero is added as an integer after rounding; fl32 = one float32 rounding.
float requantMultiplier(float inScale, float weightScale, float outScale);
// A multiplier that hardware accepts: positive, normal, within [2^-40, 2^8].
bool isLegalMultiplier(float multiplier);

// Fixed-point rescaling (elementwise, average pooling):
//   q = sat8(RNE(sum / 2^shift) + zero)
// with int32 multipliers M = RNE(ratio * 2^shift), ratios in double, shift the largest in 0..30 for which every
// |M| < 2^30. No shift exists when a ratio is 2^30 or more: then the operator cannot be represented.
struct FixedPoint {
  std::vector<int32_t> multipliers; // one per ratio, same order
  int shift = 0;
};
std::optional<FixedPoint> fixedPoint(std::span<const double> ratios);

// add, sub: sum = (a - za) * multA + (b - zb) * multB (sub has -multB)
// min, max: sum = min or max of (a - za) * multA and (b - zb) * multB
// mul:      sum = (a - za) * (b - zb) * multA, multB unused
struct EltwiseParams {
  int32_t multA = 0, multB = 0;
  int shift = 0;
};
enum class EltwiseFunction { Add, Sub, Mul, Min, Max };
std::optional<EltwiseParams> eltwiseParams(EltwiseFunction function, float lhsScale, float rhsScale, float outScale);

// Average over `count` elements: sum = (sum of elements - count * za) * multiplier(count).
struct AverageParams {
  std::vector<int64_t> counts; // ascending; the counts that occur
  FixedPoint fixed;            // one multiplier per count: sa / (sy * count)
  int32_t multiplierFor(int64_t count) const;
};
// The shift is the one of the largest multiplier, hence of the smallest count. None when a sum times its multiplier
// could leave 48 bits.
std::optional<AverageParams> averageParams(float inScale, float outScale, std::vector<int64_t> counts);
// The in-image element counts that occur when a window of `kernel` slides over an image (or only the kernel's size when
// padding counts). All pairs are [H, W]; pads is [top, left, bottom, right].
std::vector<int64_t> averageCounts(std::array<int64_t, 2> image, std::array<int64_t, 2> output,
                                   std::array<int64_t, 2> kernel, std::array<int64_t, 2> strides,
                                   std::array<int64_t, 4> pads, bool countIncludePad);

// Table of a function of one int8: entry[uint8(q + 128)] = Q(f(DQ(q))), DQ and Q as in ONNX, in float32.
std::array<int8_t, 256> lutTable(float inScale, int32_t inZero, float outScale, int32_t outZero,
                                 const std::function<float(float)> &function);

// ONNX QuantizeLinear of one value to int8, and DequantizeLinear.
int8_t quantizeToInt8(float value, float scale, int32_t zero);
float dequantize(int32_t value, float scale, int32_t zero);

// ReLU or Clip between an operator and its QuantizeLinear is a clamp of the int8 result: Q is monotone, so
// Q(min(max(v, lo), hi)) = min(max(Q(v), Q(lo)), Q(hi)) for every v. Infinite bounds give -128 and 127.
struct ClampRange {
  int8_t lo = -128, hi = 127;
};
ClampRange clampRange(float lo, float hi, float outScale, int32_t outZero);

} // namespace tw::ir

#endif // TW_IR_QUANTPARAMS_H
