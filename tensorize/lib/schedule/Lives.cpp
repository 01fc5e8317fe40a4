// SPDX-License-Identifier: Apache-2.0
#include "schedule/Lives.h"

namespace tw::tensorize {

std::vector<Life> livesOf(const Segment &segment) {
  std::vector<Life> lives(segment.tensors.size());
  for (size_t t = 0; t != segment.tasks.size(); ++t) {
    const Mapping &mapping = segment.tasks[t].mappings.front();
    for (size_t i = 0; i != mapping.chain->accesses.size(); ++i) {
      const ChainAccess &access = mapping.chain->accesses[i];
      const int o = mapping.binding.operandOf[i];
      if (!isStream(mapping, int(i)))
        continue;
      Life &life = lives[mapping.block.operands[o].tensor];
      if (life.first < 0)
        life.first = int(t);
      life.last = int(t);
      life.mayReside &= access.isStrided;
      life.memory = access.space;
      life.readers += !access.isWritten;
      if (access.isWritten)
        life.producer = int(t);
    }
  }
  return lives;
}

} // namespace tw::tensorize
