// SPDX-License-Identifier: Apache-2.0
#include "Reduction.h"

namespace tw::simulator {

Effects executeRedsq(State &state, const isa::Line &line) {
  return executeSum(state, line, [](int32_t x) __attribute__((always_inline)) { return x * x; });
}

} // namespace tw::simulator
