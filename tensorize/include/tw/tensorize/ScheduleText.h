// SPDX-License-Identifier: Apache-2.0
// What for: schedules as text, so that people and other programs can keep, change and give back what decides: mapping,
// tiles, order, residence, overlap. Called by: code generation, which writes what it chose and obeys what it is given.
// Does not: read files, or say whether there is room (placeSchedule does).
//
// One line, one decision; what follows a # is for people. Blocks, tensors and loops have the names that they have in
// the network; of equal names the second is "name":2, and so on.
//
//   machine tw16 0x3fd1...            the machine and the hash of its configuration
//   segment 1                         blocks from here to the next segment run as one job
//   prefetch yes                      constants are loaded while the block before still runs
//   tensor "stem" on-chip             or in-dram
//   block "res1"
//   chain conv+drq 1                  instructions, and which of the block's mappings on them
//   tile oh 4/8                       four of eight steps are one tile
//   order oc oh                       loops by whose tiles it goes, the slowest first
//   begin 1 lead 4                    blocks before it beside which it has its buffers; tiles behind (0: not beside)
#ifndef TW_TENSORIZE_SCHEDULETEXT_H
#define TW_TENSORIZE_SCHEDULETEXT_H

#include "tw/isa/Diag.h"
#include "tw/tensorize/Schedule.h"

#include <span>

namespace tw::tensorize {

/// The machine that schedules are for.
struct MachineId {
  std::string name;
  uint64_t hash = 0;
};

std::string printSchedule(const Segment &segment, const Schedule &schedule);
std::string printSchedules(const MachineId &machine, std::span<const Segment> segments,
                           std::span<const Schedule> schedules);

/// Schedules with the lines in which their blocks stand.
struct GivenSchedules {
  std::vector<Schedule> schedules;
  std::vector<std::vector<int>> lines; // per segment, per block
};

/// What `text` says of these segments: all of it, once. Places of errors are `file` and line.
Result<GivenSchedules> readSchedules(std::string_view text, const std::string &file, const MachineId &machine,
                                     std::span<const Segment> segments);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_SCHEDULETEXT_H
