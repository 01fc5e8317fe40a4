// SPDX-License-Identifier: Apache-2.0
// Signatures: how each operand's index uses a loop, on both sides, and which loops may stand for each other.
#include "tw/tensorize/Match.h"

namespace tw::tensorize {

LoopUse useOf(const Operand &operand, int loop, const std::vector<Loop> &loops) {
  LoopUse result;
  for (const Index &index : operand.index)
    for (const Term &term : index.terms)
      if (term.loop == loop) {
        result.coefficient = term.factor;
        for (const Term &other : index.terms)
          if (other.loop != loop && loops[other.loop].extent > 1)
            result.partners.push_back(other.loop);
        result.use = result.partners.empty() ? Use::Direct : Use::Windowed;
        return result;
      }
  return result;
}

LoopUse useOf(const ChainAccess &access, int loop) {
  LoopUse result;
  if (access.laneLoop == loop)
    result.use = Use::Direct;
  for (int packed : access.packed)
    if (packed == loop)
      result.use = Use::Direct;
  for (const ChainDim &dim : access.dims)
    for (const ChainTerm &term : dim.terms)
      if (term.loop == loop) {
        for (const ChainTerm &other : dim.terms)
          if (other.loop != loop)
            result.partners.push_back(other.loop);
        result.use = result.partners.empty() ? Use::Direct : Use::Windowed;
      }
  return result;
}

namespace {

// A chain access repeats its rows along a loop if that loop's stride can be zero.
bool canRepeat(const ChainAccess &access, int loop) {
  if (!access.isStrided || access.laneLoop == loop)
    return false;
  for (const ChainDim &dim : access.dims)
    for (const ChainTerm &term : dim.terms)
      if (term.loop == loop && dim.stride.kind != Quantity::Field)
        return false;
  return true;
}

} // namespace

bool areCompatible(const Block &block, int loop, const Chain &chain, int chainLoop, const Binding &binding) {
  if (block.loops[loop].isReduction != chain.loops[chainLoop].isReduction || chain.loops[chainLoop].isUnit)
    return false;
  for (size_t i = 0; i != chain.accesses.size(); ++i) {
    if (binding.operandOf[i] < 0)
      continue;
    const ChainAccess &access = chain.accesses[i];
    if (access.lane == isa::LaneKind::Count) // a table that is indexed by the number of elements, not by loops
      continue;
    Use theirs = useOf(access, chainLoop).use;
    Use ours = useOf(block.operands[binding.operandOf[i]], loop, block.loops).use;
    bool canBeRepeated =
        canRepeat(access, chainLoop) || (!access.isStrided && block.operands[binding.operandOf[i]].constant);
    if (ours == Use::Absent ? theirs != Use::Absent && !canBeRepeated : theirs == Use::Absent)
      return false;
  }
  return true;
}

} // namespace tw::tensorize
