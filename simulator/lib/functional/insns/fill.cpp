// SPDX-License-Identifier: Apache-2.0
#include "../Kernels.h"

#include <cstring>

namespace tw::simulator {

Effects executeFill(State &state, const isa::Line &line) {
  namespace f = isa::fill;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const uint64_t bytes = get(f::n0) * state.n, n1 = get(f::n1), n2 = get(f::n2), n3 = get(f::n3);
  const int value = static_cast<int>(line.get(f::value));
  for (uint64_t i3 = 0; i3 < n3; ++i3)
    for (uint64_t i2 = 0; i2 < n2; ++i2)
      for (uint64_t i1 = 0; i1 < n1; ++i1)
        std::memset(state.spmAt(get(f::spm) + i3 * get(f::ss3) + i2 * get(f::ss2) + i1 * get(f::ss1)), value, bytes);
  return {};
}

} // namespace tw::simulator
