// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Match.h"

#include <algorithm>

namespace tw::tensorize {

std::vector<LoopMap> enumerateMappings(const Block &block, const Chain &chain, const Binding &binding, bool fuse,
                                       bool mustCover) {
  std::vector<LoopMap> result;
  LoopMap map(block.loops.size(), -1);
  std::vector<int> users(chain.loops.size(), 0);
  auto covers = [&] {
    for (size_t q = 0; q != chain.loops.size(); ++q)
      if (users[q] == 0 && !chain.loops[q].isUnit)
        return false;
    return true;
  };
  auto assign = [&](auto &self, size_t loop) -> void {
    if (loop == block.loops.size()) {
      if (!mustCover || covers())
        result.push_back(map);
      return;
    }
    for (size_t q = 0; q != chain.loops.size(); ++q)
      if ((fuse || users[q] == 0) && areCompatible(block, int(loop), chain, int(q), binding)) {
        map[loop] = int(q);
        ++users[q];
        self(self, loop + 1);
        --users[q];
      }
    map[loop] = -1;
    self(self, loop + 1);
  };
  assign(assign, 0);
  return result;
}

bool needsWindowCopy(const Block &block, const Chain &chain, const Binding &binding, const LoopMap &map) {
  for (size_t i = 0; i != chain.accesses.size(); ++i) {
    const ChainAccess &access = chain.accesses[i];
    if (binding.operandOf[i] < 0 || access.laneLoop < 0)
      continue;
    const Operand &operand = block.operands[binding.operandOf[i]];
    bool isSplit = false, hasBareLane = false;
    for (size_t loop = 0; loop != map.size(); ++loop) {
      if (map[loop] < 0)
        continue;
      LoopUse use = useOf(operand, int(loop), block.loops);
      if (map[loop] == access.laneLoop && use.use == Use::Direct)
        hasBareLane = true;
      for (int partner : use.partners)
        isSplit |= map[partner] >= 0 && map[partner] != map[loop];
    }
    if (isSplit && !hasBareLane)
      return true;
  }
  return false;
}

} // namespace tw::tensorize
