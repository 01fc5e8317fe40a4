// SPDX-License-Identifier: Apache-2.0
// What for: elementary functions of float64, of one number or of each lane of a vector: the same text, and so the same
// bits, whichever `real` is.
// Called by: Scalar.c and Vector*.c, which say what they are made for: LANES and NAME.
// Does not: branch, but for arguments that hardly occur; call anything.
//
// Special values are C99's (annex F). Errors, which tests/unit/codegen/FunctionsTest.cpp measures, stay below 2 units
// in the last place, of tan below 2.3. Polynomials are Taylor's, or interpolate at Chebyshev's points: then their error
// is given.

#ifndef TW_CODEGEN_RUNTIME_MATH_FUNCTIONS_H
#define TW_CODEGEN_RUNTIME_MATH_FUNCTIONS_H

#include "scalar.h"

#if LANES == 1
typedef double real;
typedef int64_t whole;
typedef int mask;
#define BITS(x) bits_of(x)
#define NUMBER(x) number_of(x)
#define ANY(x) (x)
#else
typedef double real __attribute__((ext_vector_type(LANES)));
typedef int64_t whole __attribute__((ext_vector_type(LANES)));
typedef whole mask;
#define BITS(x) ((whole)(x))
#define NUMBER(x) ((real)(x))
#define ANY(x) __builtin_reduce_or(x)
#endif

#define FMA(a, b, c) __builtin_elementwise_fma((real)(a), (real)(b), (real)(c))
#define ABS(x) __builtin_elementwise_abs(x)
#define SQRT(x) __builtin_elementwise_sqrt(x)
#define FLOOR(x) __builtin_elementwise_floor(x)
#define WITH_SIGN_OF(size, sign) __builtin_elementwise_copysign((real)(size), sign)
#define SELECT(which, a, b) ((which) ? (real)(a) : (real)(b))

// c[0] + c[1] x + ...
#define POLYNOMIAL(x, ...)                                                                                             \
  ({                                                                                                                   \
    static const double c[] = {__VA_ARGS__};                                                                           \
    real sum = c[sizeof c / sizeof *c - 1];                                                                            \
    _Pragma("clang loop unroll(full)") for (int i = sizeof c / sizeof *c - 2; i >= 0; --i) sum = FMA(sum, x, c[i]);    \
    sum;                                                                                                               \
  })

// A number and what it lacks.
struct pair {
  real high, low;
};

INLINE struct pair sum_of(real a, real b) {
  const real high = a + b, part = high - a;
  return (struct pair){high, (a - (high - part)) + (b - part)};
}
INLINE struct pair product_of(real a, real b) {
  const real high = a * b;
  return (struct pair){high, FMA(a, b, -high)};
}

// x * 2^n, |n| below 2046, rounded once.
INLINE real scaled(real x, whole n) {
  const whole half = n >> 1;
  return x * NUMBER((half + 1023) << 52) * NUMBER((n - half + 1023) << 52);
}

// The nearest whole number as kShift + n: n stands in the low bits.
INLINE real shifted(real x, double factor) { return FMA(x, factor, kShift); }
INLINE real real_of(whole n) { return NUMBER(n + kShiftBits) - kShift; } // |n| below 2^51

//===- Exponentials -----------------------------------------------------------------------------------------------===//

// e^r - 1 for |r| <= ln 2 / 2.
INLINE real small_expm1(real r) {
  const real q = POLYNOMIAL(r, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880,
                            1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800);
  return FMA(r * r, q, r);
}

// 2^extra e^(x + low)
INLINE real exp_of(real x, real low, int extra) {
  const mask outside = ABS(x) > 800;
  x = SELECT(outside, WITH_SIGN_OF(800, x), x);
  low = SELECT(outside, 0, low);
  const real shift = shifted(x, kLog2E), n = shift - kShift;
  const real r = FMA(n, -kLn2Low, FMA(n, -kLn2, x)) + low; // the inner one is exact
  return scaled(1 + small_expm1(r), BITS(shift) - kShiftBits + extra);
}

real NAME(exp)(real x) { return exp_of(x, 0, 0); }

INLINE real expm1_of(real x) {
  real bounded = SELECT(x > 800, 800, x);
  bounded = SELECT(bounded < -50, -50, bounded);
  const real shift = shifted(bounded, kLog2E), n = shift - kShift;
  const real first = FMA(n, -kLn2, bounded), r = FMA(n, -kLn2Low, first);
  // What r lacks is felt where the result is about as small as r.
  const real lost = FMA(n, -kLn2Low, first - r), p = small_expm1(r) + lost;
  // 2^n p + 2^n - 1, by halves: 2^1024 is no number
  whole exponent = BITS(shift) - kShiftBits;
  exponent = exponent > 1023 ? (whole)1024 : exponent;
  const real half = NUMBER((exponent + 1022) << 52);
  const real result = 2 * FMA(half, p, half - 0.5);
  return SELECT(x == 0, x, SELECT(x > 709.9, kInfinity, result));
}

real NAME(expm1)(real x) { return expm1_of(x); }

// sinh(x) - x for |x| < 1.
INLINE real small_sinh(real x) {
  const real z = x * x;
  return x * z *
         POLYNOMIAL(z, 1.0 / 6, 1.0 / 120, 1.0 / 5040, 1.0 / 362880, 1.0 / 39916800, 1.0 / 6227020800,
                    1.0 / 1307674368000, 1.0 / 355687428096000, 1.0 / 121645100408832000);
}

real NAME(sinh)(real x) {
  const real size = ABS(x), half = exp_of(size, 0, -1); // e^|x| / 2
  return SELECT(size < 1, x + small_sinh(x), WITH_SIGN_OF(half - 0.25 / half, x));
}

real NAME(cosh)(real x) {
  const real half = exp_of(ABS(x), 0, -1);
  return half + 0.25 / half;
}

real NAME(tanh)(real x) {
  // sinh / cosh = sinh - sinh (1 - 1 / cosh), as x and what is added to it
  const real size = ABS(x), rest = small_sinh(size), s = size + rest, c = SQRT(FMA(s, s, 1));
  const real inner = size + (rest - s * s * s / FMA(c, c, c)), outer = 1 - 2 / (exp_of(2 * size, 0, 0) + 1);
  return WITH_SIGN_OF(SELECT(size < 0.55, inner, outer), x);
}

// (erf(x) / x - 2 / sqrt(pi)) / x^2 for x^2 <= 1 (7e-18), and erfc(x) e^(x^2) of (x - 3) / (x + 3) for 1 <= x <= 6
// (8e-19 of erf).
real NAME(erf)(real x) {
  const real size = ABS(x), z = x * x;
  const real p =
      POLYNOMIAL(z, -0x1.812746b0379e7p-2, 0x1.ce2f21a042bd7p-4, -0x1.b82ce312882f8p-6, 0x1.565bcd0e434bbp-8,
                 -0x1.c02db3f4735cbp-11, 0x1.f9a324ddf0f34p-14, -0x1.f4d21efdafc7dp-17, 0x1.b9e2333703249p-20,
                 -0x1.5f39372686202p-23, 0x1.f8d476ab1a455p-27, -0x1.3c1e91b012003p-30, 0x1.0f8a27a51ad26p-34);
  // 2 / sqrt(pi) is 1 and about an eighth: the sum ends with x itself.
  const real inner = FMA(x, 0x1.06eba8214db68p-3, FMA(x, 0x1.1ae3a914fed80p-56, x * z * p)) + x;
  const real bounded = SELECT(size > 6, 6, size), y = (bounded - 3) / (bounded + 3);
  const real q = POLYNOMIAL(y, 0x1.6e9827d229d2dp-3, -0x1.4e102b9cf8513p-2, 0x1.f6ff204105976p-3, -0x1.336ffbef08b18p-3,
                            0x1.258b13b017934p-4, -0x1.8fa58eb5e1d42p-6, 0x1.17c838eec7b56p-8, 0x1.73101ea1b3803p-11,
                            -0x1.39084c8034bb3p-11, 0x1.7ba0ce14ddbbep-15, 0x1.0cac3a11fe28fp-14,
                            -0x1.af7cf3e087bcfp-17, -0x1.0bafe44deb848p-17, 0x1.1b86fc353f5b6p-19,
                            0x1.4e75dccc737abp-20, -0x1.20ffd2643b2abp-22, -0x1.b521f5e62b937p-23);
  const real outer = FMA(-q, exp_of(-bounded * bounded, 0, 0), 1);
  return WITH_SIGN_OF(SELECT(size < 1, inner, SELECT(x != x, x, outer)), x);
}

//===- Logarithms -------------------------------------------------------------------------------------------------===//

// x = 2^k m with m from sqrt(1/2) to sqrt(2); x is normal and positive.
INLINE whole split(real x, real *m) {
  const whole bits = BITS(x), k = (bits - 0x3fe6a09e667f3bcd) >> 52;
  *m = NUMBER(bits - (k << 52));
  return k;
}

// ln(2^k (1 + f) (1 + low)) for f = m - 1
INLINE real log_of(real k, real f, real low) {
  const real s = f / (2 + f), z = s * s, half = 0.5 * f * f; // ln(1 + f) = 2 artanh(s)
  const real series =
      z * POLYNOMIAL(z, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21);
  const real rest = f - (half - (s * (half + series) + FMA(k, kLn2Low, low)));
  return FMA(k, kLn2, rest);
}

INLINE real normal(real x, real *lowered) {
  const mask is_subnormal = x < 0x1p-1022;
  *lowered = SELECT(is_subnormal, 54, 0);
  return SELECT(is_subnormal, x * 0x1p54, x);
}

INLINE real log_special(real x, real result) {
  result = SELECT(x > 0, result, SELECT(x == 0, -kInfinity, kNan));
  return SELECT((x != x) | (x == kInfinity), x, result);
}

INLINE real positive_log(real x) {
  real lowered, m;
  const whole k = split(normal(x, &lowered), &m);
  return log_of(real_of(k) - lowered, m - 1, 0);
}

real NAME(log)(real x) { return log_special(x, positive_log(x)); }

INLINE real log1p_of(real x) {
  const struct pair u = sum_of((real)1, x);
  real m;
  const whole k = split(u.high, &m);
  const real f = m - 1, low = SELECT(x > 0x1p60, 0, u.low * NUMBER((1023 - k) << 52));
  const real result = log_of(real_of(k), f, low * FMA(f, f - 1, 1)); // low / m
  return SELECT(x == 0, x, log_special(1 + x, result));
}

real NAME(log1p)(real x) { return log1p_of(x); }

real NAME(asinh)(real x) {
  const real size = ABS(x), square = size * size;
  const real near = log1p_of(size + square / (1 + SQRT(1 + square))), far = positive_log(size) + kLn2;
  return WITH_SIGN_OF(SELECT(size == kInfinity, size, SELECT(size > 0x1p28, far, near)), x);
}

real NAME(acosh)(real x) {
  const real t = x - 1, near = log1p_of(t + SQRT(FMA(t, t, 2 * t))), far = positive_log(x) + kLn2;
  const real result = SELECT(x == kInfinity, x, SELECT(x > 0x1p28, far, near));
  return SELECT(x >= 1, result, SELECT(x != x, x, kNan));
}

real NAME(atanh)(real x) {
  const real size = ABS(x), twice = 2 * size;
  return SELECT(size <= 1, WITH_SIGN_OF(0.5 * log1p_of(twice + twice * size / (1 - size)), x), SELECT(x != x, x, kNan));
}

// ln x as a pair, exact to 2^-64 and better.
INLINE struct pair log_pair(real x) {
  real lowered, m;
  const whole n = split(normal(x, &lowered), &m);
  const real k = real_of(n) - lowered, f = m - 1;
  // s = f / (2 + f), z = s^2, both as pairs
  const struct pair sum = sum_of((real)2, f);
  const real s = f / sum.high, sLow = FMA(-s, sum.low, FMA(-s, sum.high, f)) / sum.high;
  const struct pair square = product_of(s, s);
  const real z = square.high, zLow = FMA(2 * s, sLow, square.low);
  // artanh(s) / s - 1 = z / 3 + z^2 (1 / 5 + ...)
  const struct pair third = product_of(z, (real)(0x1.5555555555555p-2));
  const real more =
      z * z * POLYNOMIAL(z, 1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21);
  const struct pair c = sum_of(third.high, more);
  const real cLow = c.low + FMA(z, 0x1.5555555555555p-56, FMA(zLow, 1.0 / 3, third.low));
  const struct pair sc = product_of(s, c.high);
  const struct pair a = sum_of(s, sc.high);
  const real aLow = a.low + (sc.low + FMA(s, cLow, FMA(sLow, c.high, sLow)));
  const struct pair whole = product_of(k, (real)kLn2), all = sum_of(whole.high, 2 * a.high);
  const real low = all.low + FMA(2, aLow, FMA(k, kLn2Low, whole.low));
  return (struct pair){all.high, low};
}

real NAME(pow)(real x, real y) {
  const real size = ABS(x), bounded = SELECT(ABS(y) > 0x1p80, WITH_SIGN_OF(0x1p80, y), y);
  const struct pair log = log_pair(size), product = product_of(bounded, log.high);
  real result = exp_of(product.high, FMA(bounded, log.low, product.low), 0);
  // 0, infinity, 1
  const mask shrinks = (size < 1) != (y < 0); // towards 0 as |y| grows
  const mask is_end = (size == 0) | (size == kInfinity) | ((ABS(y) == kInfinity) & (size != 1));
  result = SELECT(is_end, SELECT(shrinks, 0, kInfinity), result);
  const mask is_whole = FLOOR(y) == y, is_odd = is_whole & (FLOOR(0.5 * y) != 0.5 * y);
  result = SELECT((x < 0) & (size != kInfinity) & (is_whole == 0), kNan, result);
  const mask is_negative = BITS(x) < 0;
  result = SELECT(is_negative & is_odd, -result, result);
  result = SELECT((x != x) | (y != y), x + y, result);
  return SELECT((y == 0) | (x == 1) | ((x == -1) & (ABS(y) == kInfinity)), 1, result);
}

//===- Circular functions -----------------------------------------------------------------------------------------===//

// x = n pi / 2 + angle with |angle| <= pi / 4; the low bits of the result are those of n.
INLINE whole reduced(real x, struct pair *angle) {
  const real shift = shifted(x, kTwoOverPi), n = shift - kShift;
  const real first = FMA(n, -kHalfPi, x); // exact
  const struct pair second = product_of(n, (real)kHalfPiLow);
  *angle = sum_of(first, -second.high);
  angle->low = FMA(n, -kHalfPiLast, angle->low - second.low);
  whole quadrant = BITS(shift);
  if (ANY(ABS(x) > 0x1p30)) // n times the error of kHalfPiLast would be felt
    for (int i = 0; i != LANES; ++i)
      if (__builtin_fabs(((double *)&x)[i]) > 0x1p30)
        ((int64_t *)&quadrant)[i] =
            reduced_exactly(((double *)&x)[i], &((double *)&angle->high)[i], &((double *)&angle->low)[i]);
  return quadrant;
}

INLINE real small_sin(struct pair angle) {
  const real x = angle.high, z = x * x;
  const real p = POLYNOMIAL(z, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800, 1.0 / 6227020800,
                            -1.0 / 1307674368000, 1.0 / 355687428096000);
  return FMA(x * z, p, FMA(z, -0.5, 1) * angle.low) + x;
}
INLINE real small_cos(struct pair angle) {
  const real x = angle.high, z = x * x, half = 0.5 * z, w = 1 - half;
  const real p = POLYNOMIAL(z, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800, 1.0 / 479001600, -1.0 / 87178291200,
                            1.0 / 20922789888000);
  return w + (((1 - w) - half) + FMA(z * z, p, -x * angle.low));
}

INLINE real sine(real x, int64_t quarter) {
  struct pair angle;
  const whole n = reduced(x, &angle) + quarter;
  const real result = SELECT((n & 1) != 0, small_cos(angle), small_sin(angle));
  return SELECT((n & 2) != 0, -result, result);
}

real NAME(sin)(real x) { return SELECT(x == 0, x, sine(x, 0)); }
real NAME(cos)(real x) { return sine(x, 1); }

real NAME(tan)(real x) {
  struct pair angle;
  const mask is_odd = (reduced(x, &angle) & 1) != 0;
  const real s = small_sin(angle), c = small_cos(angle);
  return SELECT(x == 0, x, SELECT(is_odd, -c, s) / SELECT(is_odd, s, c));
}

// (arcsin(x) / x - 1) / x^2 of x^2 <= 1/4 (6e-18)
INLINE real arcsine_series(real z) {
  return POLYNOMIAL(z, 0x1.5555555555556p-3, 0x1.3333333332ecap-4, 0x1.6db6db6e31f13p-5, 0x1.f1c71c1db0623p-6,
                    0x1.6e8bb1c8209a2p-6, 0x1.1c4d35cf95421p-6, 0x1.c9cf07674736ap-7, 0x1.782651caa6547p-7,
                    0x1.52420b04b37bep-7, 0x1.65a9c4dfcf8b2p-8, 0x1.1d189408314eep-6, -0x1.e6aaa8a0a04ccp-7,
                    0x1.d72b2bc8155f8p-6);
}

// arcsin(sqrt((1 - size) / 2)) as a number and what is added to it
INLINE struct pair arcsine_of_rest(real size) {
  const real z = 0.5 * (1 - size), s = SQRT(z), lost = FMA(-s, s, z) / (2 * s);
  return (struct pair){s, FMA(s * z, arcsine_series(z), SELECT(z == 0, 0, lost))};
}

real NAME(asin)(real x) {
  const real size = ABS(x), z = x * x, inner = FMA(x * z, arcsine_series(z), x);
  const struct pair rest = arcsine_of_rest(size);
  const struct pair top = sum_of((real)kHalfPi, -2 * rest.high);
  const real outer = top.high + (top.low + (kHalfPiLow - 2 * rest.low));
  return SELECT(size <= 0.5, inner, WITH_SIGN_OF(outer, x));
}

real NAME(acos)(real x) {
  const real size = ABS(x), z = x * x, more = x * z * arcsine_series(z);
  const struct pair middle = sum_of((real)kHalfPi, -x);
  const real inner = middle.high + (middle.low + (kHalfPiLow - more));
  const struct pair rest = arcsine_of_rest(size);
  const struct pair back = sum_of((real)(2 * kHalfPi), -2 * rest.high);
  const real outer =
      SELECT(x > 0, 2 * (rest.high + rest.low), back.high + (back.low + (2 * kHalfPiLow - 2 * rest.low)));
  return SELECT(size <= 0.5, inner, outer);
}

// (arctan(x) / x - 1) / x^2 of |x| <= tan(pi / 8) (3e-18)
real NAME(atan)(real x) {
  const real size = ABS(x);
  const mask is_middle = size > 0.41421356237309503, is_far = size > 2.414213562373095;
  // arctan(x) = offset + arctan(top / bottom)
  const struct pair above = sum_of(size, (real)-1), below = sum_of(size, (real)1);
  const real top = SELECT(is_far, -1, SELECT(is_middle, above.high, size)),
             topLow = SELECT(is_middle & (is_far == 0), above.low, 0),
             bottom = SELECT(is_far, size, SELECT(is_middle, below.high, 1)),
             bottomLow = SELECT(is_middle & (is_far == 0), below.low, 0);
  const real t = top / bottom, remains = FMA(-t, bottom, top) + FMA(-t, bottomLow, topLow);
  const real low = SELECT(size < kInfinity, remains / bottom, 0);
  const real z = t * t;
  const real series =
      POLYNOMIAL(z, -0x1.5555555555555p-2, 0x1.9999999999953p-3, -0x1.249249248d7dcp-3, 0x1.c71c71c303dbbp-4,
                 -0x1.745d165dc9713p-4, 0x1.3b1392d519db1p-4, -0x1.110e87b4357d2p-4, 0x1.e19a0bfa3eef9p-5,
                 -0x1.ac7a5a79b3f26p-5, 0x1.74dccfb93fff0p-5, -0x1.1b311bb48c215p-5, 0x1.0acd9e91a5a35p-6);
  const real more = FMA(t * z, series, low);
  const real offset = SELECT(is_far, kHalfPi, SELECT(is_middle, 0.5 * kHalfPi, 0)),
             offsetLow = SELECT(is_far, kHalfPiLow, SELECT(is_middle, 0.5 * kHalfPiLow, 0));
  const struct pair sum = sum_of(offset, t);
  return WITH_SIGN_OF(sum.high + (sum.low + (more + offsetLow)), x);
}

//===- Rests ------------------------------------------------------------------------------------------------------===//

real NAME(fmod)(real x, real y) {
  real result;
  for (int i = 0; i != LANES; ++i)
    ((double *)&result)[i] = remainder_of(((double *)&x)[i], ((double *)&y)[i]);
  return result;
}

#endif // TW_CODEGEN_RUNTIME_MATH_FUNCTIONS_H
