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

std::vector<int64_t> packedStrides(const Mapping &mapping, int access, const Ranges &ranges, int lanes) {
  const ChainAccess &its = mapping.chain->accesses[access];
  const Operand &operand = mapping.block.operands[mapping.binding.operandOf[access]];
  const std::vector<int64_t> extents = packedExtents(mapping, its, ranges, lanes);
  std::vector<int64_t> bytesOf(mapping.chain->loops.size(), 0); // per step of a packed loop
  int64_t bytes = lanes * elemBytes(its.elem);
  for (size_t k = extents.size(); k-- > 0;) {
    bytesOf[its.packed[k]] = bytes;
    bytes *= extents[k];
  }
  std::vector<int64_t> strides(operand.shape.size(), 0);
  strides.back() = 1;
  for (size_t d = 0; d + 1 != operand.shape.size(); ++d)
    for (const Term &term : operand.index[d].terms) {
      const int loop = mapping.loopTo[term.loop];
      if (loop < 0 || bytesOf[loop] == 0)
        continue; // one step in a tile
      if (bytesOf[loop] % term.factor != 0 || (strides[d] != 0 && strides[d] != bytesOf[loop] / term.factor))
        return {};
      strides[d] = bytesOf[loop] / term.factor;
    }
  return strides;
}

int64_t packedBytes(const Mapping &mapping, int access, const Ranges &ranges, int lanes) {
  const ChainAccess &its = mapping.chain->accesses[access];
  int64_t bytes = lanes * elemBytes(its.elem);
  for (int64_t extent : packedExtents(mapping, its, ranges, lanes))
    bytes *= extent;
  return bytes;
}

View tileView(const Mapping &mapping, int access, const Box &box, const Ranges &ranges, int64_t address, int lanes) {
  View view = denseView(box, address);
  if (isPackedStream(mapping, access))
    view.stride = packedStrides(mapping, access, ranges, lanes);
  return view;
}

} // namespace tw::tensorize
