// SPDX-License-Identifier: Apache-2.0
// Exhaustive check of a mapping on a small instance of its own block, whole and cut into tiles: the chain's walk
// against the block's definition. A real tile is checked by its fields alone: everything in it is affine in the steps.
#include "tw/tensorize/Realise.h"

#include "Affine.h"
#include "Walk.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace tw::tensorize {
namespace {

constexpr int64_t kSteps = 3;     // per loop: first, middle and last behave differently
constexpr int64_t kMostSteps = 8; // where wide padding needs more to get past it

// Where the block's element lies.
int64_t meantAddress(const View &view, const Operand &operand, const std::vector<int64_t> &at) {
  int64_t address = view.address;
  for (size_t d = 0; d != operand.shape.size(); ++d)
    address += (valueAt(operand.index[d], at) - view.lo[d]) * view.stride[d];
  return address;
}

// Where an access whose rows follow one another is at a step of each loop of the chain.
int64_t packedAddress(const std::vector<Instruction> &links, const Mapping &mapping, int i, const Ranges &ranges,
                      const std::vector<int64_t> &step, int lanes) {
  const ChainAccess &access = mapping.chain->accesses[i];
  const std::vector<int64_t> extents = packedExtents(mapping, access, ranges, lanes);
  int64_t row = 0;
  for (size_t k = 0; k != extents.size(); ++k)
    row = row * extents[k] + step[access.packed[k]];
  return links[access.base.link].values[access.base.field] + packedOffset(access, row, lanes) +
         step[access.laneLoop] * elemBytes(access.elem);
}

class Prover {
public:
  Prover(const Mapping &full, const Target &target) : mapping(full), target(target) { shrink(); }

  std::string run() {
    const Chain &chain = *mapping.chain;
    placement.views.resize(chain.accesses.size());
    placement.bases.assign(chain.accesses.size(), 0);
    placement.meetingBases.assign(chain.meetings.size(), 0);
    for (size_t i = 0; i != chain.accesses.size(); ++i)
      if (int o = mapping.binding.operandOf[i]; isStream(mapping, int(i)) && chain.accesses[i].isStrided) {
        Box whole{std::vector<int64_t>(mapping.block.operands[o].shape.size(), 0), mapping.block.operands[o].shape};
        placement.views[i] = denseView(whole, 0);
      }
    // Loops that the chain does not run are the caller's: one step of them at a time.
    for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
      ranges.push_back({0, mapping.loopTo[loop] < 0 ? 1 : mapping.block.loops[loop].extent});
    if (std::string wrong = proveRanges(); !wrong.empty())
      return wrong;
    return proveCut(0);
  }

private:
  // Every tile of one step along the loops that a scheduler cuts. The walk is told again where constants change.
  std::string proveCut(size_t loop) {
    while (loop != ranges.size() && !isCut(loop))
      ++loop;
    if (loop == ranges.size()) {
      std::vector<int64_t> key;
      for (size_t l = 0; l != ranges.size(); ++l)
        key.push_back(indexesConstant(int(l)) ? ranges[l].lo : 0);
      if (walked.insert(std::move(key)).second)
        return proveRanges();
      std::vector<Instruction> links;
      placePacked();
      if (auto rejection = realise(mapping, ranges, placement, links))
        return rejection->diag().str();
      return proveTile(mapping, target, ranges, placement, links);
    }
    for (int64_t step = 0; step != mapping.block.loops[loop].extent; ++step) {
      ranges[loop] = {step, 1};
      if (std::string wrong = proveCut(loop + 1); !wrong.empty())
        return wrong;
    }
    return "";
  }

  // tileCandidates() cuts no reduction that the chain runs, and no lanes.
  bool isCut(size_t loop) const {
    const int q = mapping.loopTo[loop];
    return mapping.block.loops[loop].extent > 1 &&
           (q < 0 || (!mapping.chain->loops[q].isLanes && !mapping.block.loops[loop].isReduction));
  }

  bool indexesConstant(int loop) const {
    return std::ranges::any_of(mapping.block.operands,
                               [&](const Operand &operand) { return operand.constant && uses(operand, loop); });
  }

  // What comes in an order of its own has a place of its own for each tile.
  void placePacked() {
    for (size_t i = 0; i != mapping.chain->accesses.size(); ++i)
      if (isPackedStream(mapping, int(i)))
        placement.views[i] =
            tileView(mapping, int(i), boxOf(mapping, mapping.binding.operandOf[i], ranges), ranges, 0, target.lanes);
  }

  std::string proveRanges() {
    const Chain &chain = *mapping.chain;
    std::vector<Instruction> links;
    placePacked();
    if (auto rejection = realise(mapping, ranges, placement, links))
      return rejection->diag().str();
    images.clear();
    packed.clear();
    for (const ChainAccess &access : chain.accesses)
      packed.push_back(packedExtents(mapping, access, ranges, target.lanes));
    for (size_t i = 0; i != chain.accesses.size(); ++i)
      images.push_back(chain.accesses[i].isStrided || isPackedStream(mapping, int(i))
                           ? std::vector<uint8_t>{}
                           : constantImage(mapping, target, chain.accesses[i].base, ranges));
    return walk(links);
  }

  // Steps of a loop in the small instance: enough for one that no padding in front reaches.
  int64_t stepsFor(size_t loop) const {
    int64_t steps = kSteps;
    if (!mapping.block.loops[loop].isReduction)
      for (const Operand &operand : mapping.block.operands)
        for (const Index &index : operand.index)
          for (const Term &term : index.terms)
            if (term.loop == int(loop) && term.factor > 0 && index.constant < 0)
              steps = std::max(steps, int64_t(llvm::divideCeil(-index.constant, term.factor)) + 2);
    return std::min({steps, kMostSteps, mapping.block.loops[loop].extent});
  }

  void shrink() {
    std::vector<int64_t> extents; // of all that the block does
    for (const Loop &loop : mapping.block.loops)
      extents.push_back(loop.extent);
    for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
      if (mapping.loopTo[loop] < 0 || !mapping.chain->loops[mapping.loopTo[loop]].isLanes)
        mapping.block.loops[loop].extent = stepsFor(loop);
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
        int64_t last = operand.index[d].constant, lastOfAll = last;
        for (const Term &term : operand.index[d].terms) {
          last += term.factor * (mapping.block.loops[term.loop].extent - 1);
          lastOfAll += term.factor * (extents[term.loop] - 1);
        }
        // Where the block reads outside, keep the far side's padding in the small instance; a dimension that it never
        // leaves, such as that of a bundle's rows of lanes, must not get any.
        const bool mayLeave =
            operand.outside != Outside::Never && (operand.index[d].constant < 0 || lastOfAll >= operand.shape[d]);
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
    return numberOf(links, q, target.lanes);
  }

  int64_t stepsOf(const ChainLoop &loop, const std::vector<Instruction> &links) const {
    if (loop.isLanes)
      return laneSteps(loop, target.lanes);
    return loop.fixed != 0 ? loop.fixed : loop.extents.empty() ? 1 : number(links, loop.extents[0]);
  }

  std::string walk(const std::vector<Instruction> &links) {
    const Chain &chain = *mapping.chain;
    std::vector<int64_t> extent, step(chain.loops.size(), 0), at(mapping.block.loops.size(), 0);
    for (const ChainLoop &loop : chain.loops)
      extent.push_back(stepsOf(loop, links));
    std::vector<bool> seen;
    size_t visited = 0;
    do {
      for (size_t loop = 0; loop != at.size(); ++loop)
        at[loop] = mapping.loopTo[loop] < 0 ? 0 : step[mapping.loopTo[loop]];
      for (size_t loop = 0; loop != at.size(); ++loop)
        if (at[loop] >= ranges[loop].extent)
          return "loop " + mapping.block.loops[loop].name + " takes more steps than its tile has";
      size_t point = 0;
      for (size_t loop = 0; loop != at.size(); ++loop)
        point = point * size_t(ranges[loop].extent) + size_t(at[loop]);
      if (seen.size() <= point)
        seen.resize(point + 1);
      if (seen[point])
        return "two steps of the chain are one point of the block";
      seen[point] = true;
      ++visited;
      for (size_t loop = 0; loop != at.size(); ++loop)
        at[loop] += ranges[loop].lo;
      for (size_t i = 0; i != chain.accesses.size(); ++i)
        if (std::string wrong = check(links, int(i), step, at); !wrong.empty())
          return wrong;
    } while (advance(step, extent));
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
    if (isPackedStream(mapping, i))
      return checkPacked(links, i, step, at);
    // Address of the element that the block means; -1: outside.
    const int64_t expected = elementAt(operand, at).value_or(-1);
    if (!access.isStrided) {
      const std::vector<int64_t> &extents = packed[i];
      int64_t row = 0;
      for (size_t k = 0; k != extents.size(); ++k)
        row = row * extents[k] + step[access.packed[k]];
      const int64_t bytes = elemBytes(access.elem),
                    offset = packedOffset(access, row, target.lanes) + step[access.laneLoop] * bytes;
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
    bool isInside = true;
    for (const ChainDim &dim : access.dims)
      if (dim.extent) {
        const int64_t index = walkIndex(links, dim, step, target.lanes);
        isInside &= index >= 0 && index < links[dim.extent.link].values[dim.extent.field];
      }
    const int64_t address = walkAddress(links, access, step, target.lanes);
    if (isInside != (expected >= 0))
      return "operand " + operand.name + ": padding begins at another element";
    if (isInside && address != expected)
      return "operand " + operand.name + ": address " + std::to_string(address) + " instead of " +
             std::to_string(expected);
    return "";
  }

  // Rows beside the tensor hold anything: the other factor is its zero point there.
  std::string checkPacked(const std::vector<Instruction> &links, int i, const std::vector<int64_t> &step,
                          const std::vector<int64_t> &at) {
    const Operand &operand = mapping.block.operands[mapping.binding.operandOf[i]];
    if (!elementAt(operand, at))
      return isPadding(mapping, at, target.lanes) ? "" : "operand " + operand.name + " is read outside its shape";
    const int64_t address = packedAddress(links, mapping, i, ranges, step, target.lanes),
                  expected = meantAddress(placement.views[i], operand, at);
    return address == expected ? ""
                               : "operand " + operand.name + ": address " + std::to_string(address) + " instead of " +
                                     std::to_string(expected);
  }

  Mapping mapping;
  const Target &target;
  Placement placement;
  Ranges ranges;
  std::set<std::vector<int64_t>> walked;    // first steps of constants' tiles
  std::vector<std::vector<uint8_t>> images; // per access
  std::vector<std::vector<int64_t>> packed; // per access: extents of its loops
};

/// The fields of one real tile. Indices and addresses are affine in the steps: what is right at the first step and one
/// step further along each loop is right everywhere; padding is an interval per dimension.
class TileProver {
public:
  TileProver(const Mapping &mapping, const Target &target, const Ranges &ranges, const Placement &placement,
             const std::vector<Instruction> &links)
      : mapping(mapping), chain(*mapping.chain), target(target), ranges(ranges), placement(placement), links(links) {}

  std::string run() const {
    for (size_t loop = 0; loop != ranges.size(); ++loop)
      if (ranges[loop].extent > 1 && mapping.loopTo[loop] < 0)
        return "loop " + mapping.block.loops[loop].name + " has " + std::to_string(ranges[loop].extent) +
               " steps in a tile, and nothing runs them";
    for (size_t q = 0; q != chain.loops.size(); ++q)
      for (const Quantity &extent : chain.loops[q].extents)
        if (numberOf(links, extent, target.lanes) != chainExtent(mapping, int(q), ranges))
          return "loop " + chain.loops[q].name + " runs " + std::to_string(numberOf(links, extent, target.lanes)) +
                 " steps, the tile has " + std::to_string(chainExtent(mapping, int(q), ranges));
    for (size_t i = 0; i != chain.accesses.size(); ++i)
      if (isStream(mapping, int(i)))
        if (std::string wrong = chain.accesses[i].isStrided ? proveAccess(int(i)) : provePacked(int(i)); !wrong.empty())
          return "operand " + mapping.block.operands[mapping.binding.operandOf[i]].name + ": " + wrong;
    return "";
  }

private:
  /// A step of each loop of the chain, and the point of the block that it stands for.
  struct Point {
    std::vector<int64_t> step, at;
  };
  /// The first point, or one step further along loop q.
  Point pointAt(int q) const {
    Point point{std::vector<int64_t>(chain.loops.size(), 0), {}};
    if (q >= 0)
      point.step[q] = 1;
    for (size_t loop = 0; loop != ranges.size(); ++loop)
      point.at.push_back(ranges[loop].lo + (mapping.loopTo[loop] < 0 ? 0 : point.step[mapping.loopTo[loop]]));
    return point;
  }

  bool hasSteps(size_t q) const {
    return (chain.loops[q].isLanes ? laneSteps(chain.loops[q], target.lanes) : chainExtent(mapping, int(q), ranges)) >
           1;
  }

  std::string provePacked(int i) const {
    const Operand &operand = mapping.block.operands[mapping.binding.operandOf[i]];
    std::vector<Point> points{pointAt(-1)};
    for (size_t q = 0; q != chain.loops.size(); ++q)
      if (hasSteps(q))
        points.push_back(pointAt(int(q)));
    for (const Point &point : points) {
      const int64_t address = packedAddress(links, mapping, i, ranges, point.step, target.lanes),
                    meant = meantAddress(placement.views[i], operand, point.at);
      if (address != meant)
        return "address " + std::to_string(address) + " instead of " + std::to_string(meant);
    }
    return "";
  }

  std::string proveAccess(int i) const {
    const ChainAccess &access = chain.accesses[i];
    const Operand &operand = mapping.block.operands[mapping.binding.operandOf[i]];
    std::vector<Point> points{pointAt(-1)};
    for (size_t q = 0; q != chain.loops.size(); ++q)
      if (hasSteps(q))
        points.push_back(pointAt(int(q)));
    bool readsSomething = true;
    for (size_t j = 0; j != access.dims.size(); ++j) {
      const ChainDim &dim = access.dims[j];
      const int d = mapping.dimOf[i][j];
      if (d < 0)
        continue;
      const int64_t shift =
          valueAt(operand.index[d], points[0].at) - walkIndex(links, dim, points[0].step, target.lanes);
      for (const Point &point : points)
        if (valueAt(operand.index[d], point.at) - walkIndex(links, dim, point.step, target.lanes) != shift)
          return "a step moves dimension " + std::to_string(d) + " by another number of elements";
      // Elements low to high are meant. Inside is what the tensor has of them, and the instruction must agree.
      int64_t low = valueAt(operand.index[d], points[0].at), high = low;
      for (const Term &term : operand.index[d].terms)
        (term.factor < 0 ? low : high) += term.factor * (ranges[term.loop].extent - 1);
      auto cut = [&](int64_t from, int64_t to) {
        const std::pair<int64_t, int64_t> kept{std::max(from, low), std::min(to, high + 1)};
        return kept.first < kept.second ? kept : std::pair<int64_t, int64_t>{0, 0};
      };
      const auto meant = cut(0, operand.shape[d]);
      const auto walked =
          dim.extent ? cut(shift, shift + links[dim.extent.link].values[dim.extent.field]) : cut(low, high + 1);
      if (walked != meant)
        return "padding begins at another element: " + std::to_string(walked.first) + " to " +
               std::to_string(walked.second) + " of dimension " + std::to_string(d) + " are read, " +
               std::to_string(meant.first) + " to " + std::to_string(meant.second) + " are there";
      readsSomething &= meant.first < meant.second;
    }
    for (const Point &point : points)
      if (readsSomething &&
          walkAddress(links, access, point.step, target.lanes) != meantAddress(placement.views[i], operand, point.at))
        return "address " + std::to_string(walkAddress(links, access, point.step, target.lanes)) + " instead of " +
               std::to_string(meantAddress(placement.views[i], operand, point.at));
    return "";
  }

  const Mapping &mapping;
  const Chain &chain;
  const Target &target;
  const Ranges &ranges;
  const Placement &placement;
  const std::vector<Instruction> &links;
};

} // namespace

std::string proveMapping(const Mapping &mapping, const Target &target) { return Prover(mapping, target).run(); }

std::string proveTile(const Mapping &mapping, const Target &target, const Ranges &ranges, const Placement &placement,
                      const std::vector<Instruction> &links) {
  return TileProver(mapping, target, ranges, placement, links).run();
}

} // namespace tw::tensorize
