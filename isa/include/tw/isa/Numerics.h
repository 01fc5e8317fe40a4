// SPDX-License-Identifier: Apache-2.0
// For: every scalar operation of the machine, each written once with every rounding step; docs/numerics.md says why.
// Called by: SemanticEval (one function per scalar primitive of the table), simulator kernels, checks of the RTL.
// Does not: choose multipliers (Multipliers.h), loop over tensors, or depend on the host's floating point: all of it is
// integer arithmetic and constexpr, except requantFp32Fast.
//
// Notation in the comments: RNE rounds to the nearest integer, halves to even; fl32 rounds to the nearest float32,
// halves to even; sat8 limits to -128..127. Every function is defined for every value of its argument types unless it
// says otherwise. A float32 travels as its bits (uint32_t), as it does in parameter memory.
#ifndef TW_ISA_NUMERICS_H
#define TW_ISA_NUMERICS_H

#include <algorithm>
#include <bit>
#include <cstdint>

namespace tw::isa {

//===- Integers ---===//

/// a + b modulo 2^32: ACC, bias and the sums of VX.
constexpr int32_t addWrap32(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}

/// a * b, exact: at most 2^14 in magnitude.
constexpr int32_t mulI8(int8_t a, int8_t b) { return int32_t{a} * int32_t{b}; }

/// (x - zx) * (w - zw), exact: at most 255 * 255 in magnitude. One term of a product of two activations.
constexpr int32_t mulZp(int8_t x, int8_t zx, int8_t w, int8_t zw) {
  return (int32_t{x} - int32_t{zx}) * (int32_t{w} - int32_t{zw});
}

/// sum + a modulo 2^32: one step of an average pool.
constexpr int32_t addI8(int32_t sum, int8_t a) { return addWrap32(sum, a); }

/// The larger: one step of a maximum pool.
constexpr int8_t maxI8(int8_t a, int8_t b) { return std::max(a, b); }

/// The smaller: one step of a minimum over rows.
constexpr int8_t minI8(int8_t a, int8_t b) { return std::min(a, b); }

/// sum + (a - za) modulo 2^32: one step of a sum over rows.
constexpr int32_t sumI8(int32_t sum, int8_t a, int8_t za) { return addWrap32(sum, int32_t{a} - int32_t{za}); }

/// sum + (a - za)^2 modulo 2^32: one step of a sum of squares; a square is at most 255^2.
constexpr int32_t sumsqI8(int32_t sum, int8_t a, int8_t za) {
  const int32_t centred = int32_t{a} - int32_t{za};
  return addWrap32(sum, centred * centred);
}

/// max(lo, min(hi, x)). With lo > hi (no compiler writes that) the result is lo.
constexpr int8_t clampI8(int8_t x, int8_t lo, int8_t hi) { return std::max(lo, std::min(hi, x)); }

/// Limits to -128..127.
constexpr int8_t sat8(int32_t x) { return static_cast<int8_t>(std::clamp(x, -128, 127)); }

/// Place of x in a table of 256 bytes: entry 0 serves -128.
constexpr unsigned lutIndex(int8_t x) { return static_cast<unsigned>(int{x} + 128); }

/// table[x + 128]; `table` has 256 entries.
constexpr int8_t lutI8(const int8_t *table, int8_t x) { return table[lutIndex(x)]; }

/// The low 48 bits of x as a signed number: the width of the fixed-point sums.
constexpr int64_t wrap48(int64_t x) { return static_cast<int64_t>(static_cast<uint64_t>(x) << 16) >> 16; }

/// A rounded value of this magnitude saturates whatever the zero point is: values are limited to it before they are
/// narrowed.
inline constexpr int32_t kRoundLimit = 512;

/// RNE(x / 2^drop); drop 0..63.
constexpr uint64_t shiftRne(uint64_t x, int drop) {
  const uint64_t kept = x >> drop;
  const uint64_t rest = x - (kept << drop);
  const uint64_t half = drop == 0 ? 1 : uint64_t{1} << (drop - 1); // with drop 0 the rest is 0: below the half
  return kept + (rest > half || (rest == half && (kept & 1) != 0) ? 1 : 0);
}

//===- Requantisation through float32 ---===//

inline constexpr uint32_t kSmallestMultiplier = 0x2B800000; // 2^-40
inline constexpr uint32_t kLargestMultiplier = 0x43800000;  // 2^8

/// A positive normal float32 in [2^-40, 2^8]; anything else in a numerics record is a BAD_PARAM fault. Positive floats
/// are ordered as their bits, so two comparisons decide.
constexpr bool validMultiplier(uint32_t mBits) { return mBits >= kSmallestMultiplier && mBits <= kLargestMultiplier; }

/// The multiplier that an instruction goes on with after BAD_PARAM: the sign is not looked at, and the rest is limited
/// to the legal range, infinities and NaNs with the large ones. A legal multiplier stays what it is. A design need not
/// compare: any smaller factor gives 0 for every sum, too, and any larger one saturates every sum but 0.
constexpr uint32_t usedMultiplier(uint32_t mBits) {
  return std::clamp(mBits & 0x7FFFFFFFu, kSmallestMultiplier, kLargestMultiplier);
}

/// fl32(x): exact up to 2^24 in magnitude, then RNE to 24 significant bits.
constexpr uint32_t fp32FromInt32(int32_t x) {
  if (x == 0)
    return 0;
  const uint32_t sign = x < 0 ? 0x80000000u : 0u;
  const uint32_t magnitude = x < 0 ? 0u - static_cast<uint32_t>(x) : static_cast<uint32_t>(x);
  const int drop = std::bit_width(magnitude) - 24;
  const uint32_t significand =
      drop > 0 ? static_cast<uint32_t>(shiftRne(magnitude, drop)) : magnitude << -drop; // 2^23..2^24
  // The significand's leading one adds 1 to the exponent, and a carry to 2^24 adds 2 with a fraction of zero.
  return sign | ((static_cast<uint32_t>(127 + 23 + drop - 1) << 23) + significand);
}

/// fl32(a * m). Domain: a is zero or a normal float32 of magnitude 1..2^31 (what fp32FromInt32 returns), m is a valid
/// multiplier; then the product is zero or normal, and neither infinity nor a subnormal can arise.
constexpr uint32_t fp32Mul(uint32_t a, uint32_t m) {
  const uint32_t sign = (a ^ m) & 0x80000000u;
  if ((a & 0x7FFFFFFFu) == 0)
    return sign;
  const uint64_t product = uint64_t{(a & 0x7FFFFFu) | 0x800000u} * ((m & 0x7FFFFFu) | 0x800000u); // 47 or 48 bits
  const int drop = std::bit_width(product) - 24;
  const uint32_t exponent = ((a >> 23) & 0xFF) + ((m >> 23) & 0xFF) - 127 + static_cast<uint32_t>(drop - 23);
  return sign | (((exponent - 1) << 23) + static_cast<uint32_t>(shiftRne(product, drop))); // carries as above
}

/// RNE(max(-512, min(512, x))), for a finite x: limited first, so the integer always fits.
constexpr int32_t fp32RoundToInt(uint32_t x) {
  const int exponent = static_cast<int>((x >> 23) & 0xFF) - 127;
  int32_t magnitude = 0; // below 1/2
  if (exponent >= 9)
    magnitude = kRoundLimit;
  else if (exponent >= -1)
    magnitude = static_cast<int32_t>(shiftRne((x & 0x7FFFFFu) | 0x800000u, 23 - exponent));
  return (x >> 31) != 0 ? -magnitude : magnitude;
}

/// sat8(RNE(fl32(fl32((acc + bias) mod 2^32) * m)) + zp). Four roundings in this order: to float32, after the product,
/// to an integer, to int8. m is usedMultiplier(mBits).
constexpr int8_t requantFp32(int32_t acc, int32_t bias, uint32_t mBits, int8_t zp) {
  return sat8(fp32RoundToInt(fp32Mul(fp32FromInt32(addWrap32(acc, bias)), usedMultiplier(mBits))) + zp);
}

/// The same function through the host's float32, for loops that a compiler turns into vector code. Needs what every
/// build of this project has: IEEE float32 in its default rounding mode, and no contraction of a product with a sum.
inline int8_t requantFp32Fast(int32_t acc, int32_t bias, uint32_t mBits, int8_t zp) {
  constexpr float kLimit = static_cast<float>(kRoundLimit);
  constexpr float kToInteger = 12582912.0f; // 1.5 * 2^23: adding it leaves RNE(x) in the low bits of the significand
  const float product = static_cast<float>(addWrap32(acc, bias)) * std::bit_cast<float>(usedMultiplier(mBits));
  const float limited = std::min(std::max(product, -kLimit), kLimit);
  const int32_t rounded = std::bit_cast<int32_t>(limited + kToInteger) - std::bit_cast<int32_t>(kToInteger);
  return sat8(rounded + zp);
}

//===- Requantisation as TensorFlow Lite does it ---===//

inline constexpr int32_t kTfliteShiftLimit = 31;

/// floor(a * b / 2^31 + 1/2), limited to int32 (only (-2^31)^2 is): gemmlowp's SaturatingRoundingDoublingHighMul.
constexpr int32_t roundingDoublingHighMul(int32_t a, int32_t b) {
  if (a == INT32_MIN && b == INT32_MIN)
    return INT32_MAX;
  return static_cast<int32_t>((int64_t{a} * b + (int64_t{1} << 30)) >> 31);
}

/// x / 2^exponent, halves away from zero; exponent 0..31: gemmlowp's RoundingDivideByPOT.
constexpr int32_t roundingDivideByPot(int32_t x, int exponent) {
  const int64_t mask = (int64_t{1} << exponent) - 1;
  const int64_t rest = x & mask;
  const int64_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return static_cast<int32_t>((int64_t{x} >> exponent) + (rest > threshold ? 1 : 0));
}

/// A multiplier that is not negative and a shift of -31..31: anything else in a numerics record is a BAD_PARAM fault.
constexpr bool validTfliteMultiplier(int32_t multiplier) { return multiplier >= 0; }
constexpr bool validTfliteShift(int32_t shift) { return shift >= -kTfliteShiftLimit && shift <= kTfliteShiftLimit; }

/// Before saturation: divideByPot(highMul(((acc + bias) * 2^max(shift, 0)) mod 2^32, multiplier), max(-shift, 0)),
/// limited to +-512, plus zp. Total: of a shift that is not valid the low six bits count, signed, and -32 shifts
/// nothing (a faulting drain goes on, and its saturations are counted).
constexpr int32_t requantTfliteWide(int32_t acc, int32_t bias, int32_t multiplier, int32_t shift, int8_t zp) {
  const bool isRight = (shift & 32) != 0;
  const uint32_t sum = static_cast<uint32_t>(addWrap32(acc, bias));
  const int32_t scaled = static_cast<int32_t>(sum << (isRight ? 0 : shift & 31));
  const int32_t high = roundingDoublingHighMul(scaled, multiplier);
  const int32_t rounded = roundingDivideByPot(high, isRight ? (32 - (shift & 31)) & 31 : 0);
  return std::clamp(rounded, -kRoundLimit, kRoundLimit) + zp;
}

/// sat8 of it: two roundings of different kinds. `multiplier` is Q0.31 (2^30..2^31-1 when normalised), shift is
/// -31..31, positive to the left.
constexpr int8_t requantTflite(int32_t acc, int32_t bias, int32_t multiplier, int shift, int8_t zp) {
  return sat8(requantTfliteWide(acc, bias, multiplier, shift, zp));
}

//===- Fixed point: elementwise operations, residuals, pools ---===//
// A real factor f is an integer multiplier m with f = m / 2^shift; zero points are subtracted first, in integers, so
// the product is exact and there is one rounding, at the end. Sums are 48 bits wide.

/// (x - z) * m, exact: 40 bits.
constexpr int64_t scaleI8(int8_t x, int8_t z, int32_t m) { return int64_t{int32_t{x} - int32_t{z}} * m; }

/// sat8(RNE(x / 2^shift) + zy); shift 0..63. The quotient is limited to +-512 before it is narrowed.
constexpr int8_t rescale(int64_t x, int shift, int8_t zy) {
  const int64_t floor = x >> shift;
  const uint64_t rest = static_cast<uint64_t>(x) & ((uint64_t{1} << shift) - 1);
  const uint64_t half = shift == 0 ? 1 : uint64_t{1} << (shift - 1); // with shift 0 the rest is 0: below the half
  const int64_t limited = std::clamp<int64_t>(floor, -kRoundLimit, kRoundLimit);
  const bool up = rest > half || (rest == half && (floor & 1) != 0);
  return sat8(static_cast<int32_t>(limited) + (up ? 1 : 0) + zy);
}

/// sat8(RNE(((a - za) * ma + (b - zb) * mb) / 2^shift) + zy). A negative mb subtracts. Used by EWADD, and by DRQA on
/// the int8 that requantisation has already rounded and saturated.
constexpr int8_t ewAdd(int8_t a, int8_t za, int32_t ma, int8_t b, int8_t zb, int32_t mb, int shift, int8_t zy) {
  return rescale(scaleI8(a, za, ma) + scaleI8(b, zb, mb), shift, zy);
}

/// sat8(RNE((a - za) * (b - zb) * m / 2^shift) + zy). The product needs all 48 bits: 255 * 255 * 2^31 < 2^47.
constexpr int8_t ewMul(int8_t a, int8_t za, int8_t b, int8_t zb, int32_t m, int shift, int8_t zy) {
  return rescale(int64_t{(int32_t{a} - za) * (int32_t{b} - zb)} * m, shift, zy);
}

/// sat8(RNE(min((a - za) * ma, (b - zb) * mb) / 2^shift) + zy): the smaller of both operands rescaled, with one
/// rounding (rescale never decreases, so choosing before or after it is the same).
constexpr int8_t ewMin(int8_t a, int8_t za, int32_t ma, int8_t b, int8_t zb, int32_t mb, int shift, int8_t zy) {
  return rescale(std::min(scaleI8(a, za, ma), scaleI8(b, zb, mb)), shift, zy);
}

/// The larger, in the same way.
constexpr int8_t ewMax(int8_t a, int8_t za, int32_t ma, int8_t b, int8_t zb, int32_t mb, int shift, int8_t zy) {
  return rescale(std::max(scaleI8(a, za, ma), scaleI8(b, zb, mb)), shift, zy);
}

/// sat8(RNE(wrap48(((sum - count * za) mod 2^32) * m) / 2^shift) + zy): `sum` over the `count` elements of the window
/// that lie inside the input, m for that count. A window with count 0 has sum 0 and gives zy. The wrap at 48 bits is
/// there so that any multiplier has one meaning; those of Multipliers.h stay below it.
constexpr int8_t poolAvg(int32_t sum, int32_t count, int8_t za, int32_t m, int shift, int8_t zy) {
  const int32_t zero = static_cast<int32_t>(static_cast<uint32_t>(count) * static_cast<uint32_t>(int32_t{za}));
  const int32_t centred = static_cast<int32_t>(static_cast<uint32_t>(sum) - static_cast<uint32_t>(zero));
  return rescale(wrap48(int64_t{centred} * m), shift, zy);
}

/// sat8(RNE((top - za) * m / 2^shift) + zy): a maximum, rescaled once; with m = 1, shift = 0, za = zy it is the
/// maximum.
constexpr int8_t poolMax(int8_t top, int8_t za, int32_t m, int shift, int8_t zy) {
  return rescale(scaleI8(top, za, m), shift, zy);
}

/// sat8(RNE(((a - za) * m + c) / 2^shift) + zy): a multiplier and an addend for each lane. Below 2^41 in magnitude.
constexpr int8_t ewMad(int8_t a, int8_t za, int32_t m, int32_t c, int shift, int8_t zy) {
  return rescale(scaleI8(a, za, m) + c, shift, zy);
}

/// sat8(RNE(((a - za) * m + (b - zb) * k + c) / 2^shift) + zy). Below 2^42 in magnitude.
constexpr int8_t ewMix(int8_t a, int8_t za, int32_t m, int8_t b, int8_t zb, int32_t k, int32_t c, int shift,
                       int8_t zy) {
  return rescale(scaleI8(a, za, m) + scaleI8(b, zb, k) + c, shift, zy);
}

//===- Wide: int32 in, int32 out ---===//

/// RNE(x / 2^shift) limited to int32; shift 0..63.
constexpr int32_t rescaleWide(int64_t x, int shift) {
  const int64_t floor = x >> shift;
  const uint64_t rest = static_cast<uint64_t>(x) & ((uint64_t{1} << shift) - 1);
  const uint64_t half = shift == 0 ? 1 : uint64_t{1} << (shift - 1); // with shift 0 the rest is 0: below the half
  const bool up = rest > half || (rest == half && (floor & 1) != 0);
  return static_cast<int32_t>(std::clamp<int64_t>(floor + (up ? 1 : 0), INT32_MIN, INT32_MAX));
}

/// rescaleWide((a * ma + b * mb) mod 2^64, shift). The sum wraps for one set of factors only: all four -2^31.
constexpr int32_t wideAdd(int32_t a, int32_t ma, int32_t b, int32_t mb, int shift) {
  const uint64_t sum = static_cast<uint64_t>(int64_t{a} * ma) + static_cast<uint64_t>(int64_t{b} * mb);
  return rescaleWide(static_cast<int64_t>(sum), shift);
}

/// rescaleWide(a * b, shift).
constexpr int32_t wideMul(int32_t a, int32_t b, int shift) { return rescaleWide(int64_t{a} * b, shift); }

/// One stretch of a function that falls from 2^31 to 2^30, by a straight line: base - floor(slope * f / 2^16) for f in
/// 0..2^16 - 1.
struct NormEntry {
  uint32_t base, slope;
};
inline constexpr int kNormEntries = 64;

/// 2^31 / (1 + i/64), rounded; i 0..64. The divisions here make a table; the machine has none.
constexpr uint32_t reciprocalPoint(int i) {
  const uint64_t d = 64 + static_cast<uint64_t>(i);
  return static_cast<uint32_t>(((uint64_t{1} << 37) + d / 2) / d);
}

/// 4 * floor(sqrt(2^63 / d)), about 2^31 / sqrt(d/32), with d = (32 + i % 32) * (i < 32 ? 1 : 2); i 0..64.
constexpr uint32_t rsqrtPoint(int i) {
  const uint64_t d = i == kNormEntries ? 128 : static_cast<uint64_t>(32 + i % 32) << (i / 32);
  uint64_t rest = (uint64_t{1} << 63) / d, root = 0;
  for (uint64_t bit = uint64_t{1} << 62; bit != 0; bit >>= 2) {
    const uint64_t trial = root + bit;
    root >>= 1;
    if (rest >= trial) {
      rest -= trial;
      root += bit;
    }
  }
  return static_cast<uint32_t>(4 * root);
}

struct NormTable {
  NormEntry entries[kNormEntries];
};
template <typename Point> constexpr NormTable makeNormTable(Point point) {
  NormTable table{};
  for (int i = 0; i != kNormEntries; ++i)
    table.entries[i] = {point(i), point(i) - point(i + 1)};
  return table;
}
inline constexpr NormTable kReciprocalTable = makeNormTable(reciprocalPoint);
inline constexpr NormTable kRsqrtTable = makeNormTable(rsqrtPoint);

/// What a line of the table gives for the bits below: `index` is the entry, `fraction` 16 bits.
constexpr uint32_t interpolate(const NormTable &table, uint32_t index, uint32_t fraction) {
  const NormEntry &entry = table.entries[index];
  return entry.base - static_cast<uint32_t>((uint64_t{entry.slope} * fraction) >> 16);
}

/// Finishes both: rescaleWide(value, right), and 2^31 - 1 for a shift to the left (value is at least 2^30).
constexpr int32_t normScale(uint32_t value, int right) {
  return right < 0 ? INT32_MAX : rescaleWide(int64_t{value}, right);
}

/// About 2^shift / x, relative error below 2^-14 before the final rounding; 2^31 - 1 where x <= 0 or the quotient is
/// larger. Powers of two are exact. shift 0..63.
constexpr int32_t normReciprocal(int32_t x, int shift) {
  if (x <= 0)
    return INT32_MAX;
  const int e = std::bit_width(static_cast<uint32_t>(x)) - 1;
  const uint32_t u = static_cast<uint32_t>(x) << (31 - e);
  return normScale(interpolate(kReciprocalTable, u >> 25 & 63, u >> 9 & 0xFFFF), 31 + e - shift);
}

/// About 2^shift / sqrt(x), relative error below 2^-13 before the final rounding; 2^31 - 1 where x <= 0 or the quotient
/// is larger. Powers of four are exact. shift 0..63.
constexpr int32_t normRsqrt(int32_t x, int shift) {
  if (x <= 0)
    return INT32_MAX;
  const int e = std::bit_width(static_cast<uint32_t>(x)) - 1;
  const uint32_t u = static_cast<uint32_t>(x) << (31 - e);
  const uint32_t index = static_cast<uint32_t>(e & 1) << 5 | (u >> 26 & 31);
  return normScale(interpolate(kRsqrtTable, index, u >> 10 & 0xFFFF), 31 + (e >> 1) - shift);
}

//===- Check sums ---===//

/// What one written byte adds (modulo 2^64) to the check sum of an instruction, so that the sum does not depend on the
/// order of the writes. `space` is the number of the memory, `address` its byte address below 2^48. No key is lost
/// before the mixing: two different writes never have the same hash (the finaliser of SplitMix64 is a bijection).
constexpr uint64_t sumHash(uint8_t space, uint64_t address, uint8_t byte) {
  uint64_t x = (uint64_t{space} << 56 | uint64_t{byte} << 48 | (address & 0xFFFFFFFFFFFFu)) + 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

} // namespace tw::isa

#endif // TW_ISA_NUMERICS_H
