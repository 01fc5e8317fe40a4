// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Match.h"

#include "Affine.h"

#include <algorithm>

namespace tw::tensorize {

namespace {

// The loop over blocks of lanes that the chain reduces, without padding behind the last; -1: there is none.
int reducedBlocks(const Mapping &mapping, int64_t lanes) {
  for (const LaneSplit &split : mapping.splits)
    if (const Loop &blocks = mapping.block.loops[split.blockLoop];
        blocks.isReduction && mapping.loopTo[split.blockLoop] >= 0 && split.extent == blocks.extent * lanes)
      return split.blockLoop;
  return -1;
}

Mapping withPasses(const Mapping &mapping, int blocks, int64_t count) {
  Mapping result = mapping;
  const int pass = int(result.block.loops.size());
  Loop &part = result.block.loops[blocks];
  part.extent /= count;
  const int64_t step = part.extent;
  result.block.loops.push_back({part.name + ".pass", count, true});
  result.loopTo.push_back(-1);
  std::erase_if(result.splits, [&](const LaneSplit &split) { return split.blockLoop == blocks; }); // it has no padding
  for (Operand &operand : result.block.operands)
    for (Index &index : operand.index)
      for (size_t t = 0, terms = index.terms.size(); t != terms; ++t)
        if (index.terms[t].loop == blocks)
          index.terms.push_back({pass, index.terms[t].factor * step});
  return result;
}

// Elements in lanes that a pass adds. Sums of no more than the first length leave room enough in one pass.
constexpr int64_t kLengths[] = {1024, 512};

} // namespace

std::vector<Mapping> inPasses(const Mapping &mapping, const Target &target) {
  std::vector<Mapping> result;
  const int blocks = reducedBlocks(mapping, target.lanes);
  if (!mapping.chain->accumulate || mapping.chain->meetings.empty() || blocks < 0)
    return result;
  const int64_t whole = mapping.block.loops[blocks].extent;
  if (whole * target.lanes <= kLengths[0])
    return result;
  for (int64_t length : kLengths) {
    int64_t part = length / target.lanes;
    while (part > 1 && whole % part != 0)
      --part;
    if (part >= 1 && (result.empty() || result.back().block.loops[blocks].extent != part))
      result.push_back(withPasses(mapping, blocks, whole / part));
  }
  return result;
}

} // namespace tw::tensorize
