// SPDX-License-Identifier: Apache-2.0
#include "schedule/TilePlan.h"

namespace tw::tensorize {

std::string Schedule::str(const Segment &segment) const {
  std::string text;
  for (size_t i = 0; i != blocks.size(); ++i) {
    const Mapping &mapping = segment.tasks[i].mappings[blocks[i].mapping];
    text += segment.tasks[i].name + ": " + mapping.chain->name + " tile";
    for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
      if (mapping.block.loops[loop].extent > 1)
        text += " " + mapping.block.loops[loop].name + "=" + std::to_string(blocks[i].tile[loop]) + "/" +
                std::to_string(mapping.block.loops[loop].extent);
    text += ", " + std::to_string(blocks[i].cycles) + " cycles bound by " + blocks[i].boundBy + "\n";
  }
  for (size_t t = 0; t != isResident.size(); ++t)
    if (isResident[t])
      text += "on chip: " + segment.tensors[t].name + ", " + std::to_string(segment.tensors[t].bytes) + " bytes\n";
  return text;
}

} // namespace tw::tensorize
