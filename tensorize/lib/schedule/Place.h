// SPDX-License-Identifier: Apache-2.0
// Addresses for what a schedule keeps on chip, for who has its plans already. Called by choosing, again and again, and
// by placeSchedule. Does not look at what the schedule says beyond room.
#ifndef TW_TENSORIZE_LIB_SCHEDULE_PLACE_H
#define TW_TENSORIZE_LIB_SCHEDULE_PLACE_H

#include "schedule/TilePlan.h"

namespace tw::tensorize {

/// A buffer that found no room: at this task, in this memory.
struct Crowded {
  int task = 0, memory = 0;
  int64_t bytes = 0;
};

std::variant<MemoryMap, Crowded> placeOnChip(const Segment &segment, const Target &target, const Schedule &schedule,
                                             const std::vector<TilePlan> &plans);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_LIB_SCHEDULE_PLACE_H
