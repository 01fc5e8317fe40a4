// SPDX-License-Identifier: Apache-2.0
#include "../Kernels.h"

#include <algorithm>

namespace tw::simulator {

Effects executeLdp(State &state, const isa::Line &line) {
  namespace f = isa::ldp;
  const uint64_t row = line.get(f::dst), count = line.get(f::count), bytes = count * state.n * isa::kWordBytes;
  state.dram.read(state.physical(line.get(f::region), line.get(f::offset)), state.param.data() + row * state.n, bytes);
  std::fill_n(state.paramLoaded.begin() + row, count, 1);
  return {.bytesRead = bytes};
}

} // namespace tw::simulator
