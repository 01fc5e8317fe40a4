// SPDX-License-Identifier: Apache-2.0
// What for: constants of the elementary functions, and what is done for one number at a time whatever the vector is.
// Called by: functions.h.
// Does not: know vectors.
#ifndef TW_CODEGEN_RUNTIME_MATH_SCALAR_H
#define TW_CODEGEN_RUNTIME_MATH_SCALAR_H

#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

#define kInfinity __builtin_inf()
#define kNan __builtin_nan("")
// pi / 2 and ln 2, each as a sum of float64.
#define kHalfPi 0x1.921fb54442d18p+0
#define kHalfPiLow 0x1.1a62633145c07p-54
#define kHalfPiLast -0x1.f1976b7ed8fbcp-110
#define kTwoOverPi 0x1.45f306dc9c883p-1
#define kLn2 0x1.62e42fefa39efp-1
#define kLn2Low 0x1.abc9e3b39803fp-56
#define kLog2E 0x1.71547652b82fep+0
// Added to a number below 2^51 it rounds it to a whole one, which then stands in the low bits.
#define kShift 0x1.8p52
#define kShiftBits INT64_C(0x4338000000000000)

INLINE int64_t bits_of(double x) {
  int64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}
INLINE double number_of(int64_t bits) {
  double x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

// The bits of 2 / pi behind the binary point, 64 zeros in front of them.
static const uint64_t kTwoOverPiBits[] = {
    0x0000000000000000, 0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
    0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41,
    0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7,
    0x4f463f669e5fea2d, 0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab,
    0xf0cfbc209af4361d};

// x = n pi / 2 + high + low for |x| >= 2^30; gives n, of which the last two bits are right (M. Payne, R. Hanek, 1983).
static int64_t reduced_exactly(double x, double *high, double *low) {
  const int64_t bits = bits_of(x);
  const int exponent = (int)(bits >> 52 & 0x7ff) - 1075; // |x| = significand 2^exponent
  if (exponent == 0x7ff - 1075) {
    *high = *low = kNan;
    return 0;
  }
  const uint64_t significand = ((uint64_t)bits & 0xfffffffffffff) | 0x10000000000000;
  // x 2 / pi modulo 4, with 190 bits behind the point: multiples of 4 come from what stands in front of bit `from`.
  const unsigned from = (unsigned)(exponent - 2 + 64), word = from / 64, shift = from % 64;
  uint64_t window[3];
  for (unsigned i = 0; i != 3; ++i)
    window[i] = kTwoOverPiBits[word + i] << shift | (shift ? kTwoOverPiBits[word + i + 1] >> (64 - shift) : 0);
  const unsigned __int128 last = (unsigned __int128)significand * window[2],
                          middle = (unsigned __int128)significand * window[1] + (uint64_t)(last >> 64);
  const uint64_t top = significand * window[0] + (uint64_t)(middle >> 64);
  // The nearest n: what remains is a signed fraction of 190 bits.
  int64_t n = (int64_t)(top >> 62);
  uint64_t a = top << 2 | (uint64_t)middle >> 62, b = (uint64_t)middle << 2 | (uint64_t)last >> 62,
           c = (uint64_t)last << 2;
  const int is_negative = a >> 63;
  if (is_negative) {
    ++n;
    c = ~c + 1;
    b = ~b + (c == 0);
    a = ~a + (c == 0 && b == 0);
  }
  int scale = -64;
  while (a == 0) {
    a = b, b = c, c = 0;
    scale -= 64;
  }
  const int zeros = __builtin_clzll(a);
  if (zeros) {
    a = a << zeros | b >> (64 - zeros);
    b = b << zeros | c >> (64 - zeros);
  }
  scale -= zeros;
  const double unit = number_of((int64_t)(scale + 11 + 1023) << 52);
  const double first = (double)(a >> 11) * unit, second = (double)((a & 0x7ff) << 42 | b >> 22) * unit * 0x1p-53;
  const double product = first * kHalfPi;
  const double rest = __builtin_fma(first, kHalfPi, -product) + (first * kHalfPiLow + second * kHalfPi);
  const double sum = product + rest, lost = (product - sum) + rest;
  const int flips = is_negative != (bits < 0);
  *high = flips ? -sum : sum;
  *low = flips ? -lost : lost;
  return bits < 0 ? -n : n;
}

// x - y trunc(x / y), exactly.
static double remainder_of(double x, double y) {
  const uint64_t sign = (uint64_t)bits_of(x) & UINT64_C(1) << 63;
  uint64_t a = (uint64_t)bits_of(x) & INT64_MAX, b = (uint64_t)bits_of(y) & INT64_MAX;
  if (b == 0 || a >= UINT64_C(0x7ff) << 52 || b > UINT64_C(0x7ff) << 52)
    return (x * y) / (x * y);
  if (a < b)
    return x;
  int64_t exponent = (int64_t)(a >> 52), least = (int64_t)(b >> 52);
  const uint64_t kFraction = (UINT64_C(1) << 52) - 1;
  a = (a & kFraction) | (uint64_t)(exponent != 0) << 52;
  b = (b & kFraction) | (uint64_t)(least != 0) << 52;
  exponent += exponent == 0;
  least += least == 0;
  for (a %= b; exponent != least && a != 0;) {
    const int64_t step = exponent - least < 11 ? exponent - least : 11;
    a = (a << step) % b;
    exponent -= step;
  }
  if (a == 0)
    return number_of((int64_t)sign);
  // Up to a leading bit, unless the number is subnormal.
  int64_t up = __builtin_clzll(a) - 11;
  if (up > least - 1)
    up = least - 1;
  a <<= up;
  least -= up;
  const uint64_t fields = a >> 52 ? (a & kFraction) | (uint64_t)least << 52 : a;
  return number_of((int64_t)(sign | fields));
}

#endif // TW_CODEGEN_RUNTIME_MATH_SCALAR_H
