// SPDX-License-Identifier: Apache-2.0
// When each tensor of a segment is made and read, in numbers of tasks, and where it lies on chip.
// Called by choosing, placing and emitting. Does not know what a schedule decides.
#ifndef TW_TENSORIZE_LIB_SCHEDULE_LIVES_H
#define TW_TENSORIZE_LIB_SCHEDULE_LIVES_H

#include "tw/tensorize/Schedule.h"

namespace tw::tensorize {

struct Life {
  int producer = -1;         // task; -1: an input of the segment
  int first = -1, last = -1; // tasks that touch it
  int readers = 0;
  int memory = -1;
  bool mayReside = true; // some task wants it in an order of its own (isPackedStream): it comes by a copy for each tile
};

std::vector<Life> livesOf(const Segment &segment);

/// Bytes of a memory; 0 for one outside the machine.
inline int64_t capacityOf(const Memory &memory) { return int64_t(memory.granules * memory.granuleBytes); }

} // namespace tw::tensorize

#endif // TW_TENSORIZE_LIB_SCHEDULE_LIVES_H
