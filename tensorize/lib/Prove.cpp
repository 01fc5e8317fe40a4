// SPDX-License-Identifier: Apache-2.0
// Exhaustive check of a mapping on a small instance of its own block: the chain's walk against the block's definition.
#include "tw/tensorize/Realise.h"

#include <algorithm>
#include <cstring>

namespace tw::tensorize {
namespace {

constexpr int64_t kSteps = 3; // per loop: first, middle and last behave differently

class Prover {
public:
  Prover(const Mapping &full, const Target &target) : mapping(full), target(target) { shrink(); }

  std::string run() {
    for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
      ranges.push_back({0, mapping.block.loops[loop].extent});
    const Chain &chain = *mapping.chain;
    Placement placement;
    placement.views.resize(chain.accesses.size());
    placement.bases.assign(chain.accesses.size(), 0);
    placement.meetingBases.assign(chain.meetings.size(), 0);
    for (size_t i = 0; i != chain.accesses.size(); ++i)
      if (int o = mapping.binding.operandOf[i]; o >= 0 && chain.accesses[i].isStrided) {
        Box whole{std::vector<int64_t>(mapping.block.operands[o].shape.size(), 0), mapping.block.operands[o].shape};
        placement.views[i] = denseView(whole, 0);
      }
    // Loops that the chain does not run are the caller's: prove their first step.
    for (size_t loop = 0; loop != ranges.size(); ++loop)
      if (mapping.loopTo[loop] < 0)
        ranges[loop].extent = 1;
    std::vector<Instruction> links;
    if (auto rejection = realise(mapping, ranges, placement, links))
      return rejection->str();
    for (size_t i = 0; i != chain.accesses.size(); ++i)
      images.push_back(chain.accesses[i].isStrided ? std::vector<uint8_t>{}
                                                   : constantImage(mapping, target, chain.accesses[i].base, ranges));
    return walk(links);
  }

private:
  void shrink() {
    for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
      if (mapping.loopTo[loop] < 0 || !mapping.chain->loops[mapping.loopTo[loop]].isLanes)
        mapping.block.loops[loop].extent = std::min(mapping.block.loops[loop].extent, kSteps);
    for (LaneSplit &split : mapping.splits)
      split.extent = std::min(split.extent, mapping.block.loops[split.blockLoop].extent * target.lanes);
    uint32_t state = 1;
    for (size_t o = 0; o != mapping.block.operands.size(); ++o) {
      Operand &operand = mapping.block.operands[o];
      int64_t elements = 1;
      for (size_t d = 0; d != operand.shape.size(); ++d) {
        if (mapping.isPhysical[o] && !operand.hasWholeRows && d + 1 == operand.shape.size()) {
          elements *= operand.shape[d]; // rows stay whole, also where the chain walks a part of one
          continue;
        }
        int64_t last = operand.index[d].constant;
        for (const Term &term : operand.index[d].terms)
          last += term.factor * (mapping.block.loops[term.loop].extent - 1);
        // Where the block reads outside, keep the far side's padding in the small instance.
        bool mayLeave = operand.outside != Outside::Never && operand.index[d].terms.size() > 1;
        operand.shape[d] = std::max<int64_t>(1, std::min(operand.shape[d], last + (mayLeave ? 0 : 1)));
        elements *= operand.shape[d];
      }
      if (!operand.constant)
        continue;
      auto bytes = std::make_shared<std::vector<uint8_t>>(elements * elemBytes(operand.elem));
      for (uint8_t &byte : *bytes)
        byte = uint8_t((state = state * 1664525u + 1013904223u) >> 24);
      operand.constant = bytes;
    }
  }

  int64_t number(const std::vector<Instruction> &links, const Quantity &q) const {
    return q.kind == Quantity::Field   ? links[q.field.link].values[q.field.field]
           : q.kind == Quantity::Lanes ? target.lanes
                                       : q.literal;
  }

  int64_t stepsOf(const ChainLoop &loop, const std::vector<Instruction> &links) const {
    if (loop.isLanes)
      return laneSteps(loop, target.lanes);
    return loop.fixed != 0 ? loop.fixed : loop.extents.empty() ? 1 : number(links, loop.extents[0]);
  }

  std::string walk(const std::vector<Instruction> &links) {
    const Chain &chain = *mapping.chain;
    std::vector<int64_t> extent, step(chain.loops.size(), 0);
    for (const ChainLoop &loop : chain.loops)
      extent.push_back(stepsOf(loop, links));
    std::vector<bool> seen;
    size_t visited = 0;
    for (;;) {
      std::vector<int64_t> at(mapping.block.loops.size(), 0);
      for (size_t loop = 0; loop != at.size(); ++loop)
        if (mapping.loopTo[loop] >= 0)
          at[loop] = step[mapping.loopTo[loop]];
      size_t point = 0;
      for (size_t loop = 0; loop != at.size(); ++loop)
        point = point * size_t(ranges[loop].extent) + size_t(at[loop]);
      if (seen.size() <= point)
        seen.resize(point + 1);
      if (seen[point])
        return "two steps of the chain are one point of the block";
      seen[point] = true;
      ++visited;
      for (size_t i = 0; i != chain.accesses.size(); ++i)
        if (std::string wrong = check(links, int(i), step, at); !wrong.empty())
          return wrong;
      size_t q = step.size();
      while (q-- > 0 && ++step[q] == extent[q])
        step[q] = 0;
      if (q == size_t(-1))
        break;
    }
    size_t points = 1;
    for (const Range &range : ranges)
      points *= size_t(range.extent);
    return visited == points ? ""
                             : "the chain makes " + std::to_string(visited) + " steps, the block has " +
                                   std::to_string(points) + " points";
  }

  std::string check(const std::vector<Instruction> &links, int i, const std::vector<int64_t> &step,
                    const std::vector<int64_t> &at) {
    const ChainAccess &access = mapping.chain->accesses[i];
    int o = mapping.binding.operandOf[i];
    if (o < 0 || (access.lane != isa::LaneKind::Loop && !access.isStrided))
      return "";
    const Operand &operand = mapping.block.operands[o];
    // Address of the element that the block means; -1: outside.
    int64_t expected = 0;
    for (size_t d = 0; d != operand.shape.size(); ++d) {
      int64_t index = operand.index[d].constant;
      for (const Term &term : operand.index[d].terms)
        index += term.factor * at[term.loop];
      if (index < 0 || index >= operand.shape[d]) {
        expected = -1;
        break;
      }
      expected = expected * operand.shape[d] + index;
    }
    if (!access.isStrided) {
      int64_t row = 0;
      for (int loop : access.packed)
        row = row * (mapping.chain->loops[loop].isLanes ? laneSteps(mapping.chain->loops[loop], target.lanes)
                                                        : chainExtent(mapping, loop, ranges)) +
              step[loop];
      const int64_t bytes = elemBytes(access.elem);
      int64_t offset = ((access.lead + access.unit * row) * target.lanes + step[access.laneLoop]) * bytes;
      // Weights of padding are zero, so what lies in the lanes beside them does not matter.
      if (access.elem == isa::Elem::I8 && isPadding(mapping, at, target.lanes))
        return images[i][offset] == 0 ? "" : "packed operand " + operand.name + " is not zero in padding";
      if (access.elem == isa::Elem::I8 && expected < 0)
        return images[i][offset] == 0 ? "" : "packed operand " + operand.name + " is not zero outside its shape";
      if (expected >= 0 && !isPadding(mapping, at, target.lanes) &&
          std::memcmp(&images[i][offset], &(*operand.constant)[expected * bytes], size_t(bytes)) != 0)
        return "packed operand " + operand.name + " holds another element at row " + std::to_string(row);
      return "";
    }
    int64_t address =
        links[access.base.link].values[access.base.field] + (access.laneLoop < 0 ? 0 : step[access.laneLoop]);
    bool isInside = true;
    for (const ChainDim &dim : access.dims) {
      int64_t index = dim.origin ? -links[dim.origin.link].values[dim.origin.field] : 0;
      for (const ChainTerm &term : dim.terms)
        index += step[term.loop] * number(links, term.factor);
      isInside &= !dim.extent || (index >= 0 && index < links[dim.extent.link].values[dim.extent.field]);
      address += index * number(links, dim.stride);
    }
    if (isInside != (expected >= 0))
      return "operand " + operand.name + ": padding begins at another element";
    if (isInside && address != expected)
      return "operand " + operand.name + ": address " + std::to_string(address) + " instead of " +
             std::to_string(expected);
    return "";
  }

  Mapping mapping;
  const Target &target;
  Ranges ranges;
  std::vector<std::vector<uint8_t>> images;
};

} // namespace

std::string proveMapping(const Mapping &mapping, const Target &target) { return Prover(mapping, target).run(); }

} // namespace tw::tensorize
