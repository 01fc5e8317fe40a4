// SPDX-License-Identifier: Apache-2.0
#include "Dma.h"

#include <algorithm>

namespace tw::simulator {

Effects executeStb(State &state, const isa::Line &line) {
  const uint64_t stored = std::min<uint64_t>(line.get(isa::stb::bytes), state.n);
  return {.bytesWritten = forEachRun(state, line, [&](uint64_t dram, uint64_t spm, uint64_t bytes) {
            for (uint64_t row = 0; row < bytes; row += state.n)
              state.dram.write(dram + row, state.spmAt(spm + row), stored);
          })};
}

} // namespace tw::simulator
