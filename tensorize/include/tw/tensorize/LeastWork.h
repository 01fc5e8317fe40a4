// SPDX-License-Identifier: Apache-2.0
// What for: what a block costs however it is scheduled: no schedule is faster than the busiest engine of these.
// Called by: code generation, which compares executors by it before anything is scheduled.
// Does not: know tiles. What another schedule would spare, such as loading a tensor that may be on chip, is left out.
#ifndef TW_TENSORIZE_LEASTWORK_H
#define TW_TENSORIZE_LEASTWORK_H

#include "tw/tensorize/Moves.h"
#include "tw/tensorize/Schedule.h"

#include <array>

namespace tw::tensorize {

struct LeastWork {
  std::array<uint64_t, isa::kEngines> cycles{}; // that an engine computes
  uint64_t bytesRead = 0, bytesWritten = 0;     // of the outer memory

  LeastWork &operator+=(const LeastWork &other);
  /// Of all engines side by side, and of the two ways to the outer memory.
  uint64_t bound(const Target &target) const;
};

/// Of the mapping that has least of each. Its constants come from outside, once; its tensors may be on chip.
LeastWork leastWork(const Task &task, const Target &target);
LeastWork leastWork(const Moves &moves, const Target &target);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_LEASTWORK_H
