// SPDX-License-Identifier: Apache-2.0
#include "../Kernels.h"

#include "tw/isa/Timing.h"

#include <cstring>

namespace tw::simulator {

Effects executeLdpad(State &state, const isa::Line &line) {
  namespace f = isa::ldpad;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const uint64_t bytes = get(f::n0) * state.n, n3 = get(f::n3), ss1 = get(f::ss1), ss2 = get(f::ss2);
  const uint64_t dram = state.physical(get(f::region), get(f::offset));
  const int value = static_cast<int>(line.get(f::pad_value));
  const isa::Padding padding = isa::Padding::of(line);
  // Calls run(i1, i2, i3, SPM address) for each run of a box.
  auto forEachRun = [&](const isa::Padding::Box &box, auto run) {
    for (uint64_t i3 = 0; i3 < n3; ++i3)
      for (uint64_t i2 = 0; i2 < box.n2; ++i2)
        for (uint64_t i1 = 0; i1 < box.n1; ++i1)
          run(i1, i2, i3, state.spmAt(box.spm + i3 * get(f::ss3) + i2 * ss2 + i1 * ss1));
  };
  for (const isa::Padding::Box &box : padding.boxes)
    forEachRun(box, [&](uint64_t, uint64_t, uint64_t, int8_t *spm) { std::memset(spm, value, bytes); });
  forEachRun(padding.inside, [&](uint64_t i1, uint64_t i2, uint64_t i3, int8_t *spm) {
    state.dram.read(dram + i3 * get(f::ds3) + i2 * get(f::ds2) + i1 * get(f::ds1), spm, bytes);
  });
  return {.bytesRead = bytes * n3 * padding.inside.n2 * padding.inside.n1};
}

} // namespace tw::simulator
