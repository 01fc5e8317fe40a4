// SPDX-License-Identifier: Apache-2.0
#include "../Kernels.h"

#include <cstring>

namespace tw::simulator {

Effects executeMove(State &state, const isa::Line &line) {
  namespace f = isa::move;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const TileWalk a{get(f::a), get(f::a_s0), get(f::a_s1), get(f::a_s2)},
      y{get(f::y), get(f::y_s0), get(f::y_s1), get(f::y_s2)};
  const uint64_t n0 = get(f::n0), n1 = get(f::n1), n2 = get(f::n2);
  for (uint64_t i2 = 0; i2 < n2; ++i2)
    for (uint64_t i1 = 0; i1 < n1; ++i1)
      for (uint64_t i0 = 0; i0 < n0; ++i0)
        std::memmove(state.spmAt(y.at(i2, i0, i1)), state.spmAt(a.at(i2, i0, i1)), state.n);
  return {};
}

} // namespace tw::simulator
