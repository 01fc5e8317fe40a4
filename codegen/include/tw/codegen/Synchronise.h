// SPDX-License-Identifier: Apache-2.0
// What for: a list of instructions in stream order gets the fewest waits, posts and fences that make overlap safe, as
// lines. Called by: the pipeline, last, when every address is final. Does not: reorder instructions, or know how long
// anything takes.
#ifndef TW_CODEGEN_SYNCHRONISE_H
#define TW_CODEGEN_SYNCHRONISE_H

#include "tw/isa/Diag.h"
#include "tw/isa/HwConfig.h"
#include "tw/isa/Program.h"
#include "tw/tensorize/Target.h"

#include <span>
#include <vector>

namespace tw::codegen {

/// An instruction with its operator's tag.
struct TaggedInstruction {
  tensorize::Instruction instruction;
  uint16_t tag = 0;
};

/// Granules that an instruction touches, or a few more: those at lo + k * period + 0..run-1, below hi. Period 0: all.
struct Touched {
  isa::Space space;
  int region = 0; // of DRAM
  int64_t lo = 0, hi = 0;
  bool isWritten = false;
  int64_t run = 0, period = 0;
};
std::vector<Touched> touchedBy(const tensorize::Instruction &instruction, const isa::HwConfig &config);

struct SyncCounts {
  int waits = 0, fences = 0;
};

/// Lines with an END. Dependences are found by the bytes touched (ACC by halves), dropped when order in a queue or an
/// earlier wait already implies them, and carried by one semaphore per pair of queues; a FENCE stands where slots or
/// counters do not suffice.
Result<std::vector<isa::Line>> synchronise(std::span<const TaggedInstruction> instructions, const isa::HwConfig &config,
                                           SyncCounts *counts = nullptr);

} // namespace tw::codegen

#endif // TW_CODEGEN_SYNCHRONISE_H
