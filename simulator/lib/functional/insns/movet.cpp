// SPDX-License-Identifier: Apache-2.0
#include "../Kernels.h"

namespace tw::simulator {

Effects executeMovet(State &state, const isa::Line &line) {
  namespace f = isa::movet;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const uint64_t n1 = get(f::n1), n2 = get(f::n2), n = state.n;
  for (uint64_t i2 = 0; i2 < n2; ++i2)
    for (uint64_t i1 = 0; i1 < n1; ++i1) {
      const uint64_t from = get(f::a) + i2 * get(f::a_s2) + i1 * get(f::a_s1), step = get(f::a_s0);
      const uint64_t to = get(f::y) + i2 * get(f::y_s2) + i1 * get(f::y_s1);
      for (uint64_t row = 0; row < n; ++row) {
        int8_t *y = state.spmAt(to + row * get(f::y_s0));
        for (uint64_t lane = 0; lane < n; ++lane)
          y[lane] = *state.spmAt(from + lane * step + row);
      }
    }
  return {};
}

} // namespace tw::simulator
