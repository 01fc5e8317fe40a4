// SPDX-License-Identifier: Apache-2.0
#include "Elementwise.h"

namespace tw::simulator {

Effects executeEwmax(State &state, const isa::Line &line) {
  return executeElementwise(state, line, [](double a, double b, const RecordHead &p) __attribute__((always_inline)) {
    return std::max(a * p.ma, b * p.mb);
  });
}

} // namespace tw::simulator
