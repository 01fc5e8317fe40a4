// SPDX-License-Identifier: Apache-2.0
#include "schedule/TilePlan.h"

#include "Affine.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cassert>
#include <map>

namespace tw::tensorize {
namespace {

bool isLaneLoop(const Mapping &mapping, int loop) {
  return mapping.loopTo[loop] >= 0 && mapping.chain->loops[mapping.loopTo[loop]].isLanes;
}

// Indexes a constant operand, so its tiles are tiles of weights.
bool indexesConstant(const Mapping &mapping, int loop) {
  return std::ranges::any_of(mapping.block.operands, [&](const Operand &o) { return o.constant && uses(o, loop); });
}

} // namespace

TilePlan::TilePlan(const Mapping &mapping, const Target &target, BlockSchedule s, const std::vector<bool> &isResident)
    : mapping(mapping), target(target), schedule(std::move(s)) {
  const Chain &chain = *mapping.chain;
  const Ranges tile = typicalTile();
  for (size_t i = 0; i != chain.accesses.size(); ++i) {
    const ChainAccess &access = chain.accesses[i];
    int o = mapping.binding.operandOf[i];
    if (access.isStrided) {
      if (o < 0)
        continue;
      Stream stream{int(i),        o, mapping.block.operands[o].tensor, access.space, access.isWritten, false,
                    largestBox(o), 1};
      stream.isResident = isResident[stream.tensor];
      for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
        if (uses(mapping.block.operands[o], int(loop)))
          stream.tiles *= tileCount(int(loop));
      streams.push_back(stream);
      continue;
    }
    if (std::ranges::none_of(images, [&](const Image &image) { return image.base == access.base; }))
      images.push_back({access.base, access.space, 0, 1});
  }
  for (Image &image : images) {
    int64_t granule = int64_t(target.memories[image.memory].granuleBytes);
    for (int i : accessesOf(image.base)) {
      const ChainAccess &access = chain.accesses[i];
      int64_t rowBytes = elemBytes(access.elem) * target.lanes, bytes = rowBytes;
      if (access.lane == isa::LaneKind::Scalar) {
        if (int o = mapping.binding.operandOf[i]; o >= 0)
          bytes = int64_t(mapping.block.operands[o].constant->size());
      } else if (access.lane == isa::LaneKind::Count) {
        bytes = access.lead * rowBytes + int64_t(mapping.block.operands[mapping.binding.operandOf[i]].constant->size());
      } else {
        int64_t rows = 1;
        for (int loop : access.packed)
          rows *=
              chain.loops[loop].isLanes ? laneSteps(chain.loops[loop], target.lanes) : chainExtent(mapping, loop, tile);
        bytes = (access.lead + access.unit * (rows - 1) + 1) * rowBytes;
      }
      image.bytes = std::max(image.bytes, int64_t(llvm::alignTo(bytes, granule)));
    }
    for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
      if (usesLoop(image, int(loop)))
        image.tiles *= tileCount(int(loop));
  }
}

// Bytes that a tile may need of an operand. Tiles at a border have less to read, but which one has most depends on the
// padding.
int64_t TilePlan::largestBox(int o) const {
  const Operand &operand = mapping.block.operands[o];
  int64_t bytes = 1;
  for (size_t d = 0; d != operand.shape.size(); ++d) {
    int64_t largest = 1;
    Ranges ranges = typicalTile();
    auto walk = [&](auto &self, size_t t) -> void {
      if (t == operand.index[d].terms.size()) {
        largest = std::max(largest, boxRange(operand, d, ranges).extent);
        return;
      }
      int loop = operand.index[d].terms[t].loop;
      int64_t extent = mapping.block.loops[loop].extent, tile = schedule.tile[loop];
      for (int64_t lo = 0; lo < extent; lo += tile) {
        ranges[loop] = {lo, std::min(tile, extent - lo)};
        self(self, t + 1);
      }
    };
    walk(walk, 0);
    bytes *= largest;
  }
  return bytes;
}

std::vector<int> TilePlan::accessesOf(FieldId base) const {
  std::vector<int> result;
  for (size_t i = 0; i != mapping.chain->accesses.size(); ++i)
    if (mapping.chain->accesses[i].base == base)
      result.push_back(int(i));
  return result;
}

bool TilePlan::isOuterReduction(int loop) const {
  return mapping.loopTo[loop] < 0 && mapping.block.loops[loop].isReduction && mapping.block.loops[loop].extent > 1;
}

bool TilePlan::isFirstPass(const Ranges &ranges) const {
  for (size_t loop = 0; loop != ranges.size(); ++loop)
    if (isOuterReduction(int(loop)) && ranges[loop].lo != 0)
      return false;
  return true;
}

bool TilePlan::isLastPass(const Ranges &ranges) const {
  for (size_t loop = 0; loop != ranges.size(); ++loop)
    if (isOuterReduction(int(loop)) && ranges[loop].lo + ranges[loop].extent != mapping.block.loops[loop].extent)
      return false;
  return true;
}

bool TilePlan::isConstantLoop(int loop) const { return indexesConstant(mapping, loop); }

// The contents depend on the loop: an operand of the image is indexed by it, or the image has a row for each step.
bool TilePlan::usesLoop(const Image &image, int loop) const {
  for (int i : accessesOf(image.base)) {
    if (int o = mapping.binding.operandOf[i]; o >= 0 && uses(mapping.block.operands[o], loop))
      return true;
    for (int packed : mapping.chain->accesses[i].packed)
      if (mapping.loopTo[loop] == packed)
        return true;
  }
  return false;
}

int64_t TilePlan::tileCount(int loop) const {
  return int64_t(llvm::divideCeil(mapping.block.loops[loop].extent, schedule.tile[loop]));
}

int64_t TilePlan::constantTiles() const {
  int64_t tiles = 1;
  for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
    if (isConstantLoop(int(loop)))
      tiles *= tileCount(int(loop));
  return tiles;
}

int64_t TilePlan::otherTiles() const {
  int64_t tiles = 1;
  for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
    if (!isConstantLoop(int(loop)))
      tiles *= tileCount(int(loop));
  return tiles;
}

Ranges TilePlan::typicalTile() const {
  Ranges ranges;
  for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop) {
    int64_t extent = mapping.block.loops[loop].extent, tile = schedule.tile[loop];
    int64_t middle = extent / tile / 2 * tile; // no tile needs more of its input than one in the middle
    ranges.push_back({std::min(middle, extent - tile), tile});
  }
  return ranges;
}

std::vector<Ranges> TilePlan::tiles() const {
  // Loops in order of execution, slowest first.
  std::vector<int> order;
  for (bool constants : {schedule.constantsOuter, !schedule.constantsOuter})
    for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
      if (!isLaneLoop(mapping, int(loop)) && isConstantLoop(int(loop)) == constants && !isOuterReduction(int(loop)))
        order.push_back(int(loop));
  for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
    if (isOuterReduction(int(loop)))
      order.push_back(int(loop));
  std::vector<Ranges> result;
  Ranges ranges(mapping.block.loops.size());
  for (size_t loop = 0; loop != ranges.size(); ++loop)
    ranges[loop] = {0, mapping.block.loops[loop].extent};
  auto walk = [&](auto &self, size_t next) -> void {
    if (next == order.size()) {
      result.push_back(ranges);
      return;
    }
    int loop = order[next];
    int64_t extent = mapping.block.loops[loop].extent, tile = schedule.tile[loop];
    for (int64_t lo = 0; lo < extent; lo += tile) {
      ranges[loop] = {lo, std::min(tile, extent - lo)};
      self(self, next + 1);
    }
  };
  walk(walk, 0);
  return result;
}

int64_t TilePlan::bufferBytes(int memory) const {
  int64_t bytes = 0;
  for (const Image &image : images)
    if (image.memory == memory)
      bytes += image.bytes * slots(image.tiles);
  for (const Stream &stream : streams)
    if (stream.memory == memory && !stream.isResident)
      bytes += stream.bytes * slots(stream.tiles);
  return bytes;
}

std::optional<Rejection> TilePlan::check() const {
  const Ranges tile = typicalTile();
  for (const Meeting &meeting : mapping.chain->meetings) {
    const Memory &memory = target.memories[meeting.space];
    int64_t rows = meetingRows(mapping, meeting, tile), most = int64_t(memory.granules) / memory.halves;
    if (rows > most)
      return Rejection{mapping.chain->name, "memory",
                       "the tile needs " + std::to_string(rows) + " rows of " + memory.name + ", half of it has " +
                           std::to_string(most)};
  }
  Placement placement{std::vector<View>(mapping.chain->accesses.size()),
                      std::vector<int64_t>(mapping.chain->accesses.size(), 0),
                      std::vector<int64_t>(mapping.chain->meetings.size(), 0)};
  for (const Stream &stream : streams)
    placement.views[stream.access] = denseView(boxOf(mapping, stream.operand, tile), 0);
  std::vector<Instruction> links;
  return realise(mapping, tile, placement, links);
}

const Mover &Movers::load(const Target &target, int memory, bool isConstant) const {
  const Mover *found = nullptr;
  for (const Mover &mover : all)
    if (target.memories[mover.from].isExternal && mover.to == memory && (!found || isConstant))
      found = &mover;
  assert(found && "every memory with operands can be loaded");
  return *found;
}

const Mover &Movers::store(const Target &target, int memory) const {
  for (const Mover &mover : all)
    if (target.memories[mover.to].isExternal && mover.from == memory)
      return mover;
  assert(false && "every memory with results can be stored");
  return all.front();
}

// Cycles for which a box keeps the mover busy: without the latency that the next copy hides.
uint64_t TilePlan::copyCycles(const Movers &movers, const Stream &stream, const Box &box) const {
  const Mover &mover =
      stream.isWritten ? movers.store(target, stream.memory) : movers.load(target, stream.memory, false);
  const Operand &operand = mapping.block.operands[stream.operand];
  const View dram = denseView({std::vector<int64_t>(operand.shape.size(), 0), operand.shape}, 0),
             chip = denseView(box, 0);
  const View &from = stream.isWritten ? chip : dram, &to = stream.isWritten ? dram : chip;
  auto unit = copyBox(mover, {mover.unitBytes}, {1}, 0, {1}, 0, 0);
  const uint64_t latency = target.cycles(unit.front());
  uint64_t cycles = 0;
  for (const Instruction &copy : copyBox(mover, box.extent, from.stride, 0, to.stride, 0, 0))
    cycles += target.cycles(copy) - latency + 1;
  return std::max(cycles, uint64_t(boxBytes(box) / target.externalBytesPerCycle));
}

void TilePlan::estimate(const Movers &movers) {
  const Ranges tile = typicalTile();
  Placement placement{std::vector<View>(mapping.chain->accesses.size()),
                      std::vector<int64_t>(mapping.chain->accesses.size(), 0),
                      std::vector<int64_t>(mapping.chain->meetings.size(), 0)};
  for (const Stream &stream : streams)
    placement.views[stream.access] = denseView(boxOf(mapping, stream.operand, tile), 0);
  std::vector<Instruction> links;
  if (realise(mapping, tile, placement, links))
    return;
  int64_t tiles = 1, constantTiles = 1;
  for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop) {
    tiles *= tileCount(int(loop));
    if (isConstantLoop(int(loop)))
      constantTiles *= tileCount(int(loop));
  }
  std::map<std::string, uint64_t> busy;
  uint64_t tail = 0; // what nothing can hide: the first loads and the last links
  for (const Instruction &link : links) {
    uint64_t cycles = target.cycles(link);
    busy[std::string(link.row->mnemonic)] += cycles * uint64_t(tiles);
    tail = cycles;
  }
  uint64_t readCycles = 0, writtenCycles = 0;
  int64_t readBytes = 0, firstBytes = 0;
  for (const Image &image : images) {
    bool isReloaded = !schedule.constantsOuter && tiles > constantTiles && image.tiles > slots(image.tiles);
    readBytes += image.bytes * (isReloaded ? tiles : image.tiles);
    firstBytes += image.bytes;
  }
  for (const Stream &stream : streams) {
    if (stream.isResident)
      continue;
    bool isReloaded = schedule.constantsOuter && constantTiles > 1 && stream.tiles > slots(stream.tiles);
    (stream.isWritten ? writtenCycles : readCycles) +=
        copyCycles(movers, stream, boxOf(mapping, stream.operand, tile)) * uint64_t(isReloaded ? tiles : stream.tiles);
    firstBytes += stream.bytes;
  }
  busy["read"] = readCycles + uint64_t(readBytes / target.externalBytesPerCycle);
  busy["write"] = writtenCycles;
  schedule.cycles = 0;
  for (auto &[engine, cycles] : busy)
    if (cycles > schedule.cycles) {
      schedule.cycles = cycles;
      schedule.boundBy = engine;
    }
  schedule.cycles += tail + uint64_t(firstBytes / target.externalBytesPerCycle);
}

std::vector<BlockSchedule> tileCandidates(const Mapping &mapping, int mappingIndex) {
  const std::vector<Loop> &loops = mapping.block.loops;
  std::vector<int> constants, others;
  std::vector<int64_t> whole(loops.size(), 1);
  for (size_t loop = 0; loop != loops.size(); ++loop) {
    if (mapping.loopTo[loop] < 0)
      continue;
    whole[loop] = loops[loop].extent;
    if (!isLaneLoop(mapping, int(loop)) && !loops[loop].isReduction)
      (indexesConstant(mapping, int(loop)) ? constants : others).push_back(int(loop));
  }
  // Tiles of the constants' loops: all of them whole, or one cut to a power of two.
  std::vector<std::vector<int64_t>> constantTiles{whole};
  for (int loop : constants)
    for (int64_t step = 1; step < loops[loop].extent; step *= 2) {
      std::vector<int64_t> tile = whole;
      for (int outer : constants)
        if (outer < loop)
          tile[outer] = 1;
      tile[loop] = step;
      constantTiles.push_back(tile);
    }
  std::vector<BlockSchedule> result;
  auto add = [&](const std::vector<int64_t> &tile) {
    for (bool constantsOuter : {true, false})
      result.push_back({mappingIndex, tile, constantsOuter, 0, ""});
  };
  for (const std::vector<int64_t> &base : constantTiles) {
    add(base);
    // One loop cut, those outside it at one step, those inside whole.
    for (size_t k = 0; k != others.size(); ++k) {
      std::vector<int64_t> tile = base;
      for (size_t outer = 0; outer != k; ++outer)
        tile[others[outer]] = 1;
      int64_t extent = loops[others[k]].extent, last = extent;
      for (int64_t parts : {2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 256, 512, 1024}) {
        const int64_t step = int64_t(llvm::divideCeil(extent, parts));
        if (step == last)
          continue;
        last = step;
        tile[others[k]] = step;
        add(tile);
      }
    }
  }
  return result;
}

} // namespace tw::tensorize
