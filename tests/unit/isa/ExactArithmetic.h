// SPDX-License-Identifier: Apache-2.0
// For: the definitions of the machine's arithmetic in arbitrary precision, written without looking at Numerics.h.
// Called by: the unit tests of Numerics.h and Multipliers.h.
// Does not: use floating point or any function of the project.
#ifndef TW_TESTS_UNIT_ISA_EXACTARITHMETIC_H
#define TW_TESTS_UNIT_ISA_EXACTARITHMETIC_H

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>

namespace tw::test {

using Integer = boost::multiprecision::cpp_int;
using Rational = boost::multiprecision::cpp_rational;

inline Rational powerOfTwo(int exponent) {
  const Rational power(Integer(1) << (exponent < 0 ? -exponent : exponent));
  return exponent < 0 ? Rational(1) / power : power;
}

inline Integer floorOf(const Rational &x) {
  const Integer n = numerator(x), d = denominator(x); // d > 0; integer division truncates
  return n >= 0 || n % d == 0 ? Integer(n / d) : Integer(n / d - 1);
}

/// The integer nearest to n / d (d > 0); of two equally near ones, the even one.
inline Integer nearestEven(const Integer &n, const Integer &d) {
  Integer below = n / d; // truncates
  Integer rest = n - below * d;
  if (rest < 0) {
    rest += d;
    --below;
  }
  const Integer twice = 2 * rest;
  const bool odd = (below < 0 ? Integer(-below) : below) % 2 != 0;
  return twice > d || (twice == d && odd) ? Integer(below + 1) : below;
}

inline Integer nearestEven(const Rational &x) { return nearestEven(numerator(x), denominator(x)); }

/// The nearest integer; of two equally near ones, the one farther from zero.
inline Integer nearestAway(const Rational &x) {
  return x >= 0 ? floorOf(x + Rational(1, 2)) : Integer(-floorOf(-x + Rational(1, 2)));
}

inline int8_t saturate8(const Integer &x) { return x < -128 ? -128 : x > 127 ? 127 : static_cast<int8_t>(x); }

/// The two's complement number that the low `width` bits of x hold.
inline Integer wrapped(const Integer &x, unsigned width) {
  const Integer modulus = Integer(1) << width;
  Integer low = x % modulus;
  if (low < 0)
    low += modulus;
  return low >= modulus / 2 ? Integer(low - modulus) : low;
}

/// The nearest number with 24 significant bits, ties to even; the exponent is unbounded.
inline Rational nearestFloat32(const Rational &x) {
  if (x == 0)
    return 0;
  const Rational magnitude = x < 0 ? Rational(-x) : x;
  int exponent = static_cast<int>(msb(numerator(magnitude))) - static_cast<int>(msb(denominator(magnitude)));
  if (powerOfTwo(exponent) > magnitude)
    --exponent;
  const Rational unit = powerOfTwo(exponent - 23);
  return Rational(nearestEven(x / unit)) * unit;
}

/// The value of the bits of a finite float32.
inline Rational valueOfFloat32(uint32_t bits) {
  const int biased = static_cast<int>((bits >> 23) & 0xFF);
  const Integer significand = (bits & 0x7FFFFFu) + (biased == 0 ? 0u : 0x800000u);
  const Rational magnitude = Rational(significand) * powerOfTwo((biased == 0 ? 1 : biased) - 150);
  return (bits >> 31) != 0 ? Rational(-magnitude) : magnitude;
}

/// Requantisation as the specification words it: y = sat8(RNE(fl32(fl32((acc + bias) mod 2^32) * m)) + zp).
inline int8_t exactRequantFp32(int32_t acc, int32_t bias, uint32_t mBits, int8_t zp) {
  const Integer sum = wrapped(Integer(acc) + bias, 32);
  const Rational product = nearestFloat32(nearestFloat32(Rational(sum)) * valueOfFloat32(mBits));
  return saturate8(nearestEven(product) + zp);
}

} // namespace tw::test

#endif // TW_TESTS_UNIT_ISA_EXACTARITHMETIC_H
