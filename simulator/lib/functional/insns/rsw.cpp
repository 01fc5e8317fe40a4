// SPDX-License-Identifier: Apache-2.0
#include "Words.h"

#include <cstring>

namespace tw::simulator {

Effects executeRsw(State &state, const isa::Line &line) {
  forEachWordRow(state, line, [](int32_t *acc, int8_t *words, uint64_t bytes) { std::memcpy(acc, words, bytes); });
  return {};
}

} // namespace tw::simulator
