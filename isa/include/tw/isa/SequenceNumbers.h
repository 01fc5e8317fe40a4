// SPDX-License-Identifier: Apache-2.0
// What for: the numbers with which softmax and the parts of a layer norm of quantised values are sequences of
// instructions (Sequences.h), and how far their results may be from the real ones. docs/rationale/vector-reductions.md
// derives both. Called by: the compiler, which fuses only what stays within a step of the nearest result; tests. Does
// not: know instructions, or a machine.
#ifndef TW_ISA_SEQUENCENUMBERS_H
#define TW_ISA_SEQUENCENUMBERS_H

#include <cstdint>
#include <optional>
#include <vector>

namespace tw::isa {

/// y = softmax(scale * x), stored as round(y / outScale) + zero. With d = x - max in -255..0 and e = 65280 exp(scale
/// d), the entries d + 255 of the tables add up to e: 256 high + low + rest / 256.
struct SoftmaxNumbers {
  std::vector<int8_t> tables; // 256 entries each: high - 128; low - 128; the rest, where the sum needs it
  int32_t factor = 0;         // of the reciprocal 2^46 / sum, in units of 2^-30
  int shift = 0;              // result = (high * multiplier + low * multiplier / 256) / 2^shift
  int8_t zero = 0;
  double bound = 0; // steps between a result and the real value, the last rounding included

  bool hasRest() const { return tables.size() > 512; }
};

/// Between a result and the nearest one there is no more than one step as long as the real value is nearer than this.
constexpr double kStepBound = 1.5;

/// With a rest only where without it the bound would not be below one step; nothing if that is not below kStepBound
/// either. `scale` and `outScale` are positive.
std::optional<SoftmaxNumbers> softmaxNumbers(double scale, double outScale, int8_t zero, int64_t channels);

/// -mean of x - center in units of 2^-22, as round(sum * -inverse / 2^(shift - 22)): inverse / 2^shift is 1 / channels.
struct MeanNumbers {
  static constexpr int kMeanBits = 22;
  bool isCentred = true; // else the mean counts as zero, and `center` is the zero point
  int8_t center = 0;
  int32_t inverse = 0;
  int shift = 0;
};
MeanNumbers meanNumbers(int64_t channels, bool isCentred, int8_t center);

/// mean((x - mean)^2) in units of 2^-14, times factor / 2^shift in units of 2^-16 of a step.
struct VarianceNumbers {
  static constexpr int kVarianceBits = 14, kStepBits = 16;
  MeanNumbers mean;
  int32_t factor = 0;
  int shift = 0;
  int8_t zero = 0;
  double bound = 0; // steps between a result and the real value
};

/// The result has `steps` steps for a unit of x squared.
std::optional<VarianceNumbers> varianceNumbers(double steps, int8_t zero, const MeanNumbers &mean);

/// (x - mean) * factor(v), where v is an int8 of the token.
struct NormaliseNumbers {
  MeanNumbers mean;
  std::vector<int8_t> tables; // 256 entries each, by v + 128: three bytes of the factor in units of 2^-shift, each less
                              // 128; where some factor is so large that only the sign counts, 127 for those, else 0
  int shift = 0, farShift = 0;
  int8_t zero = 0;
  double bound = 0;

  bool hasFar() const { return tables.size() > 768; }
};

/// `factors`: steps of the result for a unit of x, for each v from -128 on; infinite ones are allowed, and none (NaN)
/// where the result is the zero point.
std::optional<NormaliseNumbers> normaliseNumbers(const std::vector<double> &factors, int8_t zero, int64_t channels,
                                                 const MeanNumbers &mean);

/// (x - mean) / sqrt(variance + eps) of whole rows as 64 high + low in units of `unit`: 14 bits, so that numbers of the
/// channels may follow. W = channels 2^q (variance + eps) is an integer but for one rounding.
struct NormNumbers {
  static constexpr int kLowBits = 6;
  MeanNumbers mean;
  int32_t means = 0; // W = (sum (x - k)^2 2^30 - (sum x - k)^2 means) / 2^varianceShift, with k next to the mean, + eps
  int varianceShift = 0;
  int32_t eps = 0;
  int rootShift = 0; // 2^rootShift / sqrt(W) times factor / 2^factorShift is the factor of x in units of 2^-shift
  int32_t factor = 0;
  int factorShift = 0, shift = 0;
  double unit = 0;
  // How far 64 high + low is from the real value: of itself, and in units.
  double relative = 0, absolute = 0;
};

/// `eps` in squared units of x; nothing where the smallest variance would have too few bits.
std::optional<NormNumbers> normNumbers(double eps, int64_t channels, const MeanNumbers &mean);

} // namespace tw::isa
#endif // TW_ISA_SEQUENCENUMBERS_H
