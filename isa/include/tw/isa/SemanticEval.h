// SPDX-License-Identifier: Apache-2.0
// What an instruction means: a slow, generic loop over its record. The truth for every model.
// Called by tests that compare fast kernels and the design with it, and where speed does not matter.
// Does not check the line (checkLine comes first), order instructions, or know time.
#ifndef TW_ISA_SEMANTIC_EVAL_H
#define TW_ISA_SEMANTIC_EVAL_H

#include "tw/isa/HwConfig.h"
#include "tw/isa/Line.h"
#include <array>
#include <span>
#include <vector>

namespace tw::isa {

// The memories that instructions see. On-chip ones are owned; regions are views of the caller's memory.
struct Memories {
  explicit Memories(const HwConfig &config, uint8_t poison = 0);

  std::array<std::span<uint8_t>, kRegions> regions;
  std::vector<uint8_t> spm;      // bytes
  std::vector<int32_t> acc;      // [row][N]
  std::vector<uint32_t> params;  // [row][N]
  std::vector<uint8_t> luts;     // [bank][256]
  std::vector<bool> paramLoaded; // per row: written by this job
  std::vector<bool> lutLoaded;   // per bank
};

struct EvalResult {
  FaultCode fault = FaultCode::None; // UNINIT_PARAM or BAD_PARAM; the memories are then undefined where it writes
  uint64_t macs = 0;                 // of MX: rows through the array times N * N
  uint64_t saturations = 0;          // lanes whose requantised value was outside int8
};

// Executes one line that passed checkLine. Parallel loops run in the order of the table, so where an instruction writes
// the same byte twice the last point wins. An instruction that reads bytes it also writes has a meaning only if each
// point reads and writes the same addresses. Control rows change nothing.
EvalResult evaluate(const Line &line, const HwConfig &config, Memories &memories);

} // namespace tw::isa
#endif
