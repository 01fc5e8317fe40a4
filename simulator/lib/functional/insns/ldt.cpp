// SPDX-License-Identifier: Apache-2.0
#include "../Kernels.h"

#include <algorithm>

namespace tw::simulator {

Effects executeLdt(State &state, const isa::Line &line) {
  namespace f = isa::ldt;
  const uint64_t bank = line.get(f::dst), count = line.get(f::count), bytes = count * isa::kLutBytes;
  state.dram.read(state.physical(line.get(f::region), line.get(f::offset)), state.lut.data() + bank * isa::kLutBytes,
                  bytes);
  std::fill_n(state.lutLoaded.begin() + bank, count, 1);
  return {.bytesRead = bytes};
}

} // namespace tw::simulator
