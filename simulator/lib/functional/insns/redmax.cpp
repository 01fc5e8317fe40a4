// SPDX-License-Identifier: Apache-2.0
#include "Reduction.h"

namespace tw::simulator {

Effects executeRedmax(State &state, const isa::Line &line) {
  return executeExtreme(state, line, -128,
                        [](int32_t x, int32_t y) __attribute__((always_inline)) { return std::max(x, y); });
}

} // namespace tw::simulator
