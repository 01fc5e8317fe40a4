// SPDX-License-Identifier: Apache-2.0
#include "Wide.h"

namespace tw::simulator {

Effects executeWmul(State &state, const isa::Line &line) {
  return executeWidePair(state, line,
                         [](int32_t a, int32_t b, const RecordHead &p) { return isa::wideMul(a, b, p.shift); });
}

} // namespace tw::simulator
