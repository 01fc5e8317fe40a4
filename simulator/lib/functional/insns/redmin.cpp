// SPDX-License-Identifier: Apache-2.0
#include "Reduction.h"

namespace tw::simulator {

Effects executeRedmin(State &state, const isa::Line &line) {
  return executeExtreme(state, line, 127,
                        [](int32_t x, int32_t y) __attribute__((always_inline)) { return std::min(x, y); });
}

} // namespace tw::simulator
