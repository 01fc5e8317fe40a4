// SPDX-License-Identifier: Apache-2.0
// What for: what exp, tanh and sums of float32 are here, step by step: every executor of the project gives these bits.
// Called by: the linalg builder, which writes the steps into bodies, and the reference interpreter, which has them in
// code of its own; both take the numbers from here.
// Does not: compute anything.
//
// All steps are float32, rounded to nearest even; fma rounds once.
//   exp(x):  t = x, but at least kExpLeast and at most kExpMost (not a number stays so)
//            n = round half even(t * kLog2E)
//            r = fma(n, -kLn2High, t);  r = fma(n, -kLn2Low, r)             |r| <= ln(2) / 2
//            p = kExp[5];  p = fma(p, r, kExp[i]) for i = 4 .. 0            (e^r - 1 - r) / r^2
//            y = fma(p, r * r, r) + 1
//            exp = y * 2^(n >> 1) * 2^(n - (n >> 1))
//   tanh(x): a = |x|
//            below kTanhSmall: z = x * x;  p = kTanh[4];  p = fma(p, z, kTanh[i]) for i = 3 .. 0;  fma(p * z, x, x)
//            else: 1 - 2 / (exp(a + a) + 1);  either with the sign of x
//   sigmoid(x) = 1 / (1 + exp(-x))
// The polynomials are weighted least squares fits, refined until the largest error is spread evenly; measured against
// double over 2^24 arguments: exp at most 1 ULP, tanh at most 1.5 ULP, sigmoid at most 2.5 ULP (FloatFunctionsTest).
//   Products: sum = fma(x, w, sum) in the order of the reduction, from 0 (a convolution: kernel row, column, channel).
//   Other sums, and products of all elements: in the order of the reduction, from 0 (from 1). But where the input's
//   innermost dimensions are reduced (those of one element do not count), element k of them goes to lane k modulo
//   kSumLanes, and the lanes are combined in order. Of float64 as of float32.
#ifndef TW_IR_FLOATFUNCTIONS_H
#define TW_IR_FLOATFUNCTIONS_H

#include <cstdint>

namespace tw::ir {

inline constexpr float kLog2E = 1.44269504f;
inline constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f; // the first has 9 bits: n times it is exact
inline constexpr float kExpLeast = -105.0f, kExpMost = 89.5f;              // beyond: 0 and infinity
inline constexpr float kExp[] = {0.5f, 0.16666667f, 0.04166627f, 0.008333264f, 0.0013946074f, 0.00019918385f};
inline constexpr float kTanhSmall = 0.625f;
inline constexpr float kTanh[] = {-0.33333284f, 0.13331491f, -0.053743497f, 0.020650586f, -0.0057170447f};

inline constexpr int64_t kSumLanes = 32;

} // namespace tw::ir

#endif // TW_IR_FLOATFUNCTIONS_H
