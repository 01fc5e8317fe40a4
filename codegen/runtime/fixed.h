// SPDX-License-Identifier: Apache-2.0
// What for: the fixed-point steps of the vector unit (docs/numerics.md) for the host's code of its sequences.
// Called by: the C files beside it.
// Does not: saturate where the machine wraps: what is computed here stays inside int64.
#ifndef TW_CODEGEN_RUNTIME_FIXED_H
#define TW_CODEGEN_RUNTIME_FIXED_H

#include <stdint.h>

// x / 2^shift, halves to even; shift 0 to 63.
static inline int64_t tw_lib_round_shift(int64_t x, int shift) {
  const int64_t floor = x >> shift, rest = x - (int64_t)((uint64_t)floor << shift);
  const int64_t half = shift == 0 ? 1 : (int64_t)1 << (shift - 1);
  return floor + (rest > half || (rest == half && (floor & 1)));
}

static inline int64_t tw_lib_limit(int64_t x, int64_t lo, int64_t hi) { return x < lo ? lo : x > hi ? hi : x; }
static inline int8_t tw_lib_sat8(int64_t x) { return (int8_t)tw_lib_limit(x, -128, 127); }
static inline int32_t tw_lib_sat32(int64_t x) { return (int32_t)tw_lib_limit(x, INT32_MIN, INT32_MAX); }

// 2^31 / (1 + i / 64).
static inline int64_t tw_lib_reciprocal_point(int64_t i) {
  const int64_t d = 64 + i;
  return (((int64_t)1 << 37) + d / 2) / d;
}

// About 2^shift / x by a straight line from the table entry of the leading bits.
static inline int32_t tw_lib_reciprocal(int32_t x, int shift) {
  if (x <= 0)
    return INT32_MAX;
  const int e = 31 - __builtin_clz((unsigned)x), right = 31 + e - shift;
  const uint32_t u = (uint32_t)x << (31 - e);
  const int64_t base = tw_lib_reciprocal_point(u >> 25 & 63),
                slope = base - tw_lib_reciprocal_point((u >> 25 & 63) + 1);
  const int64_t value = base - ((slope * (int64_t)(u >> 9 & 0xFFFF)) >> 16);
  return right < 0 ? INT32_MAX : tw_lib_sat32(tw_lib_round_shift(value, right));
}

// 4 floor(sqrt(2^63 / d)), about 2^31 / sqrt(d / 32), bit by bit from the top.
static inline int64_t tw_lib_root_point(int64_t d) {
  const uint64_t under = ((uint64_t)1 << 63) / (uint64_t)d;
  uint64_t root = 0;
  for (int bit = 29; bit >= 0; --bit) {
    const uint64_t next = root | (uint64_t)1 << bit;
    if (next * next <= under)
      root = next;
  }
  return (int64_t)(4 * root);
}

// About 2^shift / sqrt(x), by the parity of the exponent and the five bits below the leading one.
static inline int32_t tw_lib_inverse_root(int32_t x, int shift) {
  if (x <= 0)
    return INT32_MAX;
  const int e = 31 - __builtin_clz((unsigned)x), odd = e & 1, right = 31 + (e >> 1) - shift;
  const uint32_t u = (uint32_t)x << (31 - e);
  const int64_t d = 32 + (u >> 26 & 31), base = tw_lib_root_point(d << odd),
                slope = base - tw_lib_root_point((d + 1) << odd);
  const int64_t value = base - ((slope * (int64_t)(u >> 10 & 0xFFFF)) >> 16);
  return right < 0 ? INT32_MAX : tw_lib_sat32(tw_lib_round_shift(value, right));
}

#endif // TW_CODEGEN_RUNTIME_FIXED_H
