// SPDX-License-Identifier: Apache-2.0
#include "Corner.h"

#include <cmath>

namespace tw::ir::padding {

Value::Value(Dims small, Dims large, ElementType type, int64_t place)
    : small(small.begin(), small.end()), large(large.begin(), large.end()), type(type), corner(anyOf(type)),
      whole(anyOf(type)), beside(large.size(), anyOf(type)), peak(large.size(), -INFINITY),
      trough(large.size(), INFINITY), place(place), there(large.size(), anyOf(type)) {}

bool Value::fits() const {
  if (small.size() != large.size())
    return false;
  for (size_t axis = 0; axis != rank(); ++axis)
    if (small[axis] > large[axis])
      return false;
  return true;
}

void Value::close() {
  auto narrow = [](Range &part, const Range &all) {
    part.lo = std::max(part.lo, all.lo);
    part.hi = std::min(part.hi, all.hi);
    part.mayBeNan = part.mayBeNan && all.mayBeNan;
  };
  narrow(corner, whole);
  for (size_t axis = 0; axis != rank(); ++axis) {
    narrow(beside[axis], whole);
    peak[axis] = std::max(peak[axis], corner.lo);
    trough[axis] = std::min(trough[axis], corner.hi);
    narrow(there[axis], corner);
    peak[axis] = std::max(peak[axis], there[axis].lo);
    trough[axis] = std::min(trough[axis], there[axis].hi);
  }
}

} // namespace tw::ir::padding
