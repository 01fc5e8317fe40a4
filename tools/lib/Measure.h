// SPDX-License-Identifier: Apache-2.0
// What for: where the cycles of a package go, layer by layer, by the trace of a timed run.
// Called by: Prepare (the figures of compile's report) and profile.
// Does not: compile, or print.
#ifndef TW_TOOLS_LIB_MEASURE_H
#define TW_TOOLS_LIB_MEASURE_H

#include "Session.h"

#include <array>

namespace tw::tools {

/// What an instruction's tag stands for, in the time of its job.
struct LayerTime {
  uint16_t tag = 0;
  uint64_t from = 0, cycles = 0;  // its time: from the end of the layer before to its own end
  uint64_t span = 0;              // from the start of its first compute instruction to its end; neighbours may overlap
  std::array<uint64_t, 6> busy{}; // by isa::Engine: cycles of its time in which the engine works for it
};

/// Time goes to the layer whose last instruction ends it, so the sum over layers is the job without its end (completion
/// record, last responses). What a layer did ahead of its time (prefetched weights) was free.
std::vector<LayerTime> layerTimesOf(const Job &job);

/// The engine that works longest, as the kind of work that it does, and for how much of the layer's time.
std::string boundBy(const LayerTime &layer);

/// The cycles of the package's jobs at ideal memory: the cycle model runs them without data, and no host code at all.
llvm::Expected<std::vector<codegen::JobTime>> measure(const isa::Package &package);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_MEASURE_H
