// SPDX-License-Identifier: Apache-2.0
#include "Dma.h"

namespace tw::simulator {

Effects executeSt(State &state, const isa::Line &line) {
  return {.bytesWritten = forEachRun(state, line, [&](uint64_t dram, uint64_t spm, uint64_t bytes) {
            state.dram.write(dram, state.spmAt(spm), bytes);
          })};
}

} // namespace tw::simulator
