// SPDX-License-Identifier: Apache-2.0
#include "Dma.h"

namespace tw::simulator {

Effects executeLd(State &state, const isa::Line &line) {
  return {.bytesRead = forEachRun(state, line, [&](uint64_t dram, uint64_t spm, uint64_t bytes) {
            state.dram.read(dram, state.spmAt(spm), bytes);
          })};
}

} // namespace tw::simulator
