// SPDX-License-Identifier: Apache-2.0
// What for: lines in stream order get the fewest waits, posts and fences that make overlap safe.
// Called by: the compiler, last, when every address is final; random programs, which want variety, and what shrinks
// them. Does not: reorder lines, know how long anything takes, or share anything with the program checker, which judges
// it.
#ifndef TW_ISA_SYNCHRONISE_H
#define TW_ISA_SYNCHRONISE_H

#include "tw/isa/HwConfig.h"
#include "tw/isa/Program.h"

namespace tw::isa {

/// Waits and posts that are there are dropped, fences stay. Dependences are found by the bytes touched (ACC by halves),
/// dropped when order in a queue or an earlier wait already implies them, and carried by one semaphore per pair of
/// queues; a FENCE is added where slots or counters do not suffice. With a seed, for tests of machines: semaphores are
/// shuffled, amounts vary, and some dependences are added that nobody needs.
Program synchronise(const Program &program, const HwConfig &config, uint64_t seed = 0);

} // namespace tw::isa

#endif // TW_ISA_SYNCHRONISE_H
