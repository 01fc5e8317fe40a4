// SPDX-License-Identifier: Apache-2.0
#include "Walk.h"

namespace tw::tensorize {

int64_t numberOf(const std::vector<Instruction> &links, const Quantity &quantity, int lanes) {
  switch (quantity.kind) {
  case Quantity::Field:
    return links[quantity.field.link].values[quantity.field.field];
  case Quantity::Lanes:
    return lanes;
  case Quantity::Literal:
    return quantity.literal;
  }
  return 0;
}

int64_t walkIndex(const std::vector<Instruction> &links, const ChainDim &dim, const std::vector<int64_t> &step,
                  int lanes) {
  int64_t index = dim.origin ? -links[dim.origin.link].values[dim.origin.field] : 0;
  for (const ChainTerm &term : dim.terms)
    index += step[term.loop] * numberOf(links, term.factor, lanes);
  return index;
}

int64_t walkAddress(const std::vector<Instruction> &links, const ChainAccess &access, const std::vector<int64_t> &step,
                    int lanes) {
  int64_t address = links[access.base.link].values[access.base.field] +
                    (access.laneLoop < 0 ? 0 : step[access.laneLoop] * elemBytes(access.elem));
  for (const ChainDim &dim : access.dims)
    address += walkIndex(links, dim, step, lanes) * numberOf(links, dim.stride, lanes);
  return address;
}

std::vector<int64_t> packedExtents(const Mapping &mapping, const ChainAccess &access, const Ranges &ranges, int lanes) {
  std::vector<int64_t> extents;
  for (int loop : access.packed) {
    const ChainLoop &own = mapping.chain->loops[loop];
    extents.push_back(own.isLanes ? laneSteps(own, lanes) : chainExtent(mapping, loop, ranges));
  }
  return extents;
}

} // namespace tw::tensorize
