// SPDX-License-Identifier: Apache-2.0
#include "Range.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

namespace tw::ir {
namespace {

struct Limits {
  double lo, hi;
};

Limits limitsOf(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return {-FLT_MAX, FLT_MAX};
  case ElementType::F64:
    return {-DBL_MAX, DBL_MAX};
  case ElementType::F16:
    return {-65504, 65504};
  case ElementType::BF16:
    return {-3.38e38, 3.38e38};
  case ElementType::Bool:
    return {0, 1};
  case ElementType::I8:
    return {-128, 127};
  case ElementType::U8:
    return {0, 255};
  case ElementType::I16:
    return {-32768, 32767};
  case ElementType::U16:
    return {0, 65535};
  case ElementType::I32:
    return {-2147483648.0, 2147483647.0};
  case ElementType::U32:
    return {0, 4294967295.0};
  case ElementType::I64:
    return {-0x1p63, 0x1p63};
  case ElementType::U64:
    return {0, 0x1p64};
  }
  llvm_unreachable("all element types are listed");
}

} // namespace

Range anyOf(ElementType type) {
  if (isReal(type))
    return {};
  const Limits limits = limitsOf(type);
  return Range::between(limits.lo, limits.hi);
}

Range hull(const Range &a, const Range &b) {
  return {std::min(a.lo, b.lo), std::max(a.hi, b.hi), a.mayBeNan || b.mayBeNan};
}

Range ofCorners(const Range &a, const Range &b, llvm::function_ref<double(double, double)> function) {
  Range result{INFINITY, -INFINITY, a.mayBeNan || b.mayBeNan};
  for (double x : {a.lo, a.hi})
    for (double y : {b.lo, b.hi}) {
      const double value = function(x, y);
      if (std::isnan(value))
        return {};
      result.lo = std::min(result.lo, value);
      result.hi = std::max(result.hi, value);
    }
  return result;
}

Range ofEnds(const Range &a, llvm::function_ref<double(double)> function) {
  return ofCorners(a, Range::exactly(0), [&](double x, double) { return function(x); });
}

Range rounded(const Range &exact, ElementType type, double roundings) {
  const Limits limits = limitsOf(type);
  Range result = exact;
  if (!isReal(type)) // a bound beyond 2^53 is not exact, but then it is near one of the type's own
    return result.mayBeNan || result.lo < limits.lo || result.hi > limits.hi ? anyOf(type) : result;
  // Twice the unit of the narrowest arithmetic that there is for the type, and what is too small for it.
  const double share = roundings * (type == ElementType::F16 || type == ElementType::BF16 ? 0x1p-7 : 0x1p-23);
  constexpr double kSmall = 1e-37;
  if (std::isfinite(result.lo))
    result.lo -= std::fabs(result.lo) * share;
  if (std::isfinite(result.hi))
    result.hi += std::fabs(result.hi) * share;
  if (result.lo > 0 && result.lo < kSmall)
    result.lo = 0;
  if (result.hi < 0 && result.hi > -kSmall)
    result.hi = 0;
  if (result.lo < limits.lo)
    result.lo = -INFINITY;
  if (result.hi > limits.hi)
    result.hi = INFINITY;
  // What leaves the type is infinite, so a bound may not lie between its end and infinity.
  result.lo = std::min(result.lo, limits.hi);
  result.hi = std::max(result.hi, limits.lo);
  return result;
}

Range timesCount(const Range &range, int64_t count) {
  const double times = double(count);
  return {range.lo == 0 ? 0 : range.lo * times, range.hi == 0 ? 0 : range.hi * times,
          range.mayBeNan || (std::isinf(range.lo) && std::isinf(range.hi))};
}

} // namespace tw::ir
