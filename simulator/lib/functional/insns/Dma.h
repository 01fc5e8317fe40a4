// SPDX-License-Identifier: Apache-2.0
// The 4-D walk that ld, ldw, st and stb share: runs of contiguous bytes on both sides.
#ifndef TW_SIMULATOR_FUNCTIONAL_INSNS_DMA_H
#define TW_SIMULATOR_FUNCTIONAL_INSNS_DMA_H

#include "../Kernels.h"

namespace tw::simulator {

// The rows of the table have one list of fields, so the positions are equal.
static_assert(isa::ld::ss3.lsb == isa::st::ss3.lsb && isa::ldw::ss3.lsb == isa::st::ss3.lsb);
static_assert(isa::stb::ss3.lsb == isa::st::ss3.lsb);

/// Calls run(physical DRAM address, SPM address, bytes) for each run, in stream order; returns the bytes of all runs.
template <typename Run> uint64_t forEachRun(const State &state, const isa::Line &line, Run run) {
  namespace f = isa::ld;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const uint64_t bytes = get(f::n0) * state.n;
  const uint64_t n1 = get(f::n1), n2 = get(f::n2), n3 = get(f::n3);
  const uint64_t dram = state.physical(get(f::region), get(f::offset)), spm = get(f::spm);
  const uint64_t ds1 = get(f::ds1), ds2 = get(f::ds2), ds3 = get(f::ds3);
  const uint64_t ss1 = get(f::ss1), ss2 = get(f::ss2), ss3 = get(f::ss3);
  for (uint64_t i3 = 0; i3 < n3; ++i3)
    for (uint64_t i2 = 0; i2 < n2; ++i2)
      for (uint64_t i1 = 0; i1 < n1; ++i1)
        run(dram + i3 * ds3 + i2 * ds2 + i1 * ds1, spm + i3 * ss3 + i2 * ss2 + i1 * ss1, bytes);
  return bytes * n1 * n2 * n3;
}

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_INSNS_DMA_H
