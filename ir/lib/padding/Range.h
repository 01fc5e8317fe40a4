// SPDX-License-Identifier: Apache-2.0
// What for: bounds of the elements of a tensor as its type computes them, and of functions of such elements.
// Called by: the proof that padding changes nothing.
// Does not: know operators or shapes.
#ifndef TW_IR_LIB_PADDING_RANGE_H
#define TW_IR_LIB_PADDING_RANGE_H

#include "tw/ir/Tensor.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <limits>

namespace tw::ir {

/// Every element lies from lo to hi, or is no number where that may be. At first: anything.
struct Range {
  double lo = -std::numeric_limits<double>::infinity(), hi = std::numeric_limits<double>::infinity();
  bool mayBeNan = true;

  static Range exactly(double value) { return {value, value, false}; }
  static Range between(double lo, double hi) { return {lo, hi, false}; }
  bool isZero() const { return lo == 0 && hi == 0 && !mayBeNan; }
  /// Of numbers, and no infinite one.
  bool isFinite() const {
    return !mayBeNan && lo > -std::numeric_limits<double>::infinity() && hi < std::numeric_limits<double>::infinity();
  }
};

/// Anything that the type can hold.
Range anyOf(ElementType type);
/// What holds for elements of either.
Range hull(const Range &a, const Range &b);

/// A function of two numbers, monotone in each: of the four pairs of ends.
Range ofCorners(const Range &a, const Range &b, llvm::function_ref<double(double, double)> function);
/// A monotone function of one.
Range ofEnds(const Range &a, llvm::function_ref<double(double)> function);

/// A result computed in the type, after `roundings` of it: wider by what they may add, infinite or wrapped where it
/// leaves the type. Zero stays exactly zero.
Range rounded(const Range &exact, ElementType type, double roundings = 1);

/// The sum of `count` elements, each in the range.
Range timesCount(const Range &range, int64_t count);

} // namespace tw::ir

#endif // TW_IR_LIB_PADDING_RANGE_H
