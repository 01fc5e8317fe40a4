// SPDX-License-Identifier: Apache-2.0
#include "schedule/Names.h"
#include "tw/tensorize/ScheduleText.h"

#include "llvm/Support/FormatVariadic.h"

namespace tw::tensorize {

std::string printSchedule(const Segment &segment, const Schedule &schedule) {
  const std::vector<std::string> tasks = taskNames(segment), tensors = tensorNames(segment);
  std::string text = llvm::formatv("prefetch {0}\n", schedule.prefetches ? "yes" : "no");
  for (size_t i = 0; i != tensors.size(); ++i)
    text += llvm::formatv("tensor {0} {1}  # {2} bytes\n", tensors[i], schedule.isResident[i] ? "on-chip" : "in-dram",
                          segment.tensors[i].bytes);
  for (size_t t = 0; t != tasks.size(); ++t) {
    const BlockSchedule &block = schedule.blocks[t];
    const Mapping &mapping = segment.tasks[t].mappings[block.mapping];
    const std::vector<std::string> loops = loopNames(mapping);
    text += llvm::formatv("block {0}  # {1} cycles, bound by {2}\n  chain {3}\n", tasks[t], block.cycles, block.boundBy,
                          mappingNames(segment.tasks[t])[block.mapping]);
    for (int loop : tileLoops(mapping))
      text += llvm::formatv("  tile {0} {1}/{2}\n", loops[loop], block.tile[loop], mapping.block.loops[loop].extent);
    text += "  order";
    for (int loop : block.order)
      text += " " + loops[loop];
    text += llvm::formatv("\n  begin {0} lead {1}\n", block.ahead, block.lead);
  }
  return text;
}

std::string printSchedules(const MachineId &machine, std::span<const Segment> segments,
                           std::span<const Schedule> schedules) {
  std::string text = llvm::formatv("machine {0} {1:x16}\n", machine.name, machine.hash);
  for (size_t s = 0; s != segments.size(); ++s)
    text += llvm::formatv("segment {0}\n", s + 1).str() + printSchedule(segments[s], schedules[s]);
  return text;
}

} // namespace tw::tensorize
