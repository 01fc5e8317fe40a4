// SPDX-License-Identifier: Apache-2.0
#include "schedule/TilePlan.h"

#include "Affine.h"
#include "Walk.h"

#include "llvm/ADT/STLExtras.h"
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
    if (access.isStrided && o < 0)
      continue;
    if (isStream(mapping, int(i))) {
      Stream stream{int(i), o, mapping.block.operands[o].tensor, access.space, access.isWritten, false, 0, 1};
      stream.bytes = access.isStrided ? largestBox(o) : packedBytes(mapping, int(i), largestTile(), target.lanes);
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
    image.bytes = constantImageBytes(mapping, target, image.base, tile);
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

Ranges TilePlan::largestTile() const {
  Ranges ranges;
  for (int64_t tile : schedule.tile)
    ranges.push_back({0, tile});
  return ranges;
}

bool TilePlan::constantsSlowest() const {
  bool isBehindConstants = false;
  for (int loop : schedule.order)
    if (tileCount(loop) > 1) {
      if (!isConstantLoop(loop) && isBehindConstants)
        return true;
      isBehindConstants |= isConstantLoop(loop);
    }
  return false;
}

// Loops with tiles, the slowest first: passes over one result follow one another.
std::vector<int> TilePlan::tileOrder() const {
  std::vector<int> order = schedule.order;
  for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
    if (isOuterReduction(int(loop)))
      order.push_back(int(loop));
  return order;
}

int64_t TilePlan::loadsOf(llvm::function_ref<bool(int loop)> changesWith) const {
  int64_t loads = 1, contents = 1; // contents: while the loops that were looked at run once
  const std::vector<int> order = tileOrder();
  for (int loop : llvm::reverse(order)) {
    const bool isChange = changesWith(loop);
    if (isChange || contents > slots(contents))
      loads *= tileCount(loop);
    if (isChange)
      contents *= tileCount(loop);
  }
  return loads;
}

std::vector<Ranges> TilePlan::tiles() const {
  const std::vector<int> order = tileOrder();
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
  std::vector<Instruction> links;
  return encode(tile, links);
}

// The tile's instructions as if all operands began at address 0.
std::optional<Rejection> TilePlan::encode(const Ranges &ranges, std::vector<Instruction> &links) const {
  Placement placement{std::vector<View>(mapping.chain->accesses.size()),
                      std::vector<int64_t>(mapping.chain->accesses.size(), 0),
                      std::vector<int64_t>(mapping.chain->meetings.size(), 0)};
  for (const Stream &stream : streams)
    placement.views[stream.access] =
        tileView(mapping, stream.access, boxOf(mapping, stream.operand, ranges), ranges, 0, target.lanes);
  return realise(mapping, ranges, placement, links);
}

// Tiles of a loop that may be encoded differently: the first, one in the middle, the last, and whatever reads outside.
std::vector<Range> TilePlan::kindsOf(int loop) const {
  const std::vector<Loop> &loops = mapping.block.loops;
  auto readsOutside = [&](const Range &range) {
    for (const Operand &operand : mapping.block.operands)
      for (size_t d = 0; d != operand.index.size() && operand.outside != Outside::Never; ++d) {
        int64_t low = operand.index[d].constant, high = low;
        bool isMoved = false;
        for (const Term &term : operand.index[d].terms) {
          const Range steps = term.loop == loop ? range : Range{0, loops[term.loop].extent};
          isMoved |= term.loop == loop;
          low += term.factor * (term.loop == loop ? steps.lo : 0);
          high += term.factor * (steps.lo + steps.extent - 1);
        }
        if (isMoved && (low < 0 || high >= operand.shape[d]))
          return true;
      }
    return false;
  };
  std::vector<Range> kinds;
  const int64_t extent = loops[loop].extent, tile = schedule.tile[loop], middle = extent / tile / 2 * tile;
  for (int64_t lo = 0; lo < extent; lo += tile) {
    const Range range{lo, std::min(tile, extent - lo)};
    if (lo == 0 || lo == middle || lo + range.extent == extent || readsOutside(range))
      kinds.push_back(range);
  }
  return kinds;
}

std::optional<Rejection> TilePlan::checkTiles() const {
  Ranges ranges(mapping.block.loops.size());
  auto walk = [&](auto &self, size_t loop) -> std::optional<Rejection> {
    if (loop == ranges.size()) {
      std::vector<Instruction> links;
      return encode(ranges, links);
    }
    for (const Range &range : kindsOf(int(loop))) {
      ranges[loop] = range;
      if (auto rejection = self(self, loop + 1))
        return rejection;
    }
    return std::nullopt;
  };
  return walk(walk, 0);
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

const Mover *Movers::within(int memory) const {
  for (const Mover &mover : all)
    if (mover.from == memory && mover.to == memory)
      return &mover;
  return nullptr;
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
  std::vector<Instruction> links;
  if (encode(tile, links))
    return;
  uint64_t tiles = 1, passes = 1;
  for (int loop : tileOrder()) {
    tiles *= uint64_t(tileCount(loop));
    passes *= isOuterReduction(loop) ? uint64_t(tileCount(loop)) : 1;
  }
  std::map<std::string, uint64_t> busy;
  uint64_t tail = 0; // what nothing can hide: the first loads and the last links
  for (const Instruction &link : links) {
    uint64_t cycles = target.cycles(link);
    busy[std::string(link.row->mnemonic)] += cycles * (&link == &links.front() ? tiles : tiles / passes);
    tail = cycles;
  }
  uint64_t readCycles = 0, writtenCycles = 0;
  int64_t readBytes = 0, streamBytes = 0, firstBytes = 0;
  for (const Image &image : images) {
    readBytes += image.bytes * loadsOf([&](int loop) { return usesLoop(image, loop); });
    firstBytes += image.bytes;
  }
  for (const Stream &stream : streams) {
    if (stream.isResident)
      continue;
    const Operand &operand = mapping.block.operands[stream.operand];
    const int64_t copies = stream.isWritten ? stream.tiles : loadsOf([&](int loop) { return uses(operand, loop); });
    const Box box = boxOf(mapping, stream.operand, tile);
    (stream.isWritten ? writtenCycles : readCycles) += copyCycles(movers, stream, box) * uint64_t(copies);
    streamBytes += boxBytes(box) * copies;
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
  schedule.externalBytes = uint64_t(readBytes + streamBytes);
}

std::vector<TilePlan> plansOf(const Segment &segment, const Target &target, const Schedule &schedule) {
  std::vector<TilePlan> plans;
  plans.reserve(segment.tasks.size());
  for (size_t t = 0; t != segment.tasks.size(); ++t)
    plans.emplace_back(segment.tasks[t].mappings[schedule.blocks[t].mapping], target, schedule.blocks[t],
                       schedule.isResident);
  return plans;
}

namespace {

// Pixels and channel blocks of a box: linear range over the leading dimensions, range of the one before the lanes.
struct Extent {
  int64_t lo, hi, blockLo, blockHi;
};
Extent extentOf(const Box &box, const std::vector<int64_t> &shape) {
  Extent extent{0, 0, 0, 1};
  for (size_t d = 0; d + 2 < shape.size(); ++d) {
    extent.lo = extent.lo * shape[d] + box.lo[d];
    extent.hi = extent.hi * shape[d] + box.lo[d] + box.extent[d] - 1;
  }
  ++extent.hi;
  if (shape.size() >= 2) {
    extent.blockLo = box.lo[shape.size() - 2];
    extent.blockHi = extent.blockLo + box.extent[shape.size() - 2];
  }
  return extent;
}

} // namespace

bool isMade(const TilePlan &maker, const Ranges &made, const TilePlan &reader, const Stream &read,
            const Ranges &ranges) {
  const Operand &operand = reader.mapping.block.operands[read.operand];
  const Extent wanted = extentOf(boxOf(reader.mapping, read.operand, ranges), operand.shape);
  for (const Stream &stream : maker.streams) {
    if (!stream.isWritten || stream.tensor != read.tensor)
      continue;
    const Operand &written = maker.mapping.block.operands[stream.operand];
    const Extent part = extentOf(boxOf(maker.mapping, stream.operand, made), written.shape);
    const bool sameBlocks = written.shape[written.shape.size() - 2] == operand.shape[operand.shape.size() - 2];
    if (!sameBlocks ||
        (part.lo < wanted.hi && wanted.lo < part.hi && part.blockLo < wanted.blockHi && wanted.blockLo < part.blockHi))
      return true;
  }
  return false;
}

std::vector<int> tileLoops(const Mapping &mapping) {
  std::vector<int> loops;
  for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
    if (mapping.block.loops[loop].extent > 1 && !mapping.block.loops[loop].isReduction &&
        !isLaneLoop(mapping, int(loop)))
      loops.push_back(int(loop));
  return loops;
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
  // Two orders: tiles of constants slowest, or fastest.
  std::vector<int> order, constantsLast;
  for (bool isConstant : {true, false})
    for (int loop : tileLoops(mapping))
      if (indexesConstant(mapping, loop) == isConstant)
        order.push_back(loop);
  for (bool isConstant : {false, true})
    for (int loop : order)
      if (indexesConstant(mapping, loop) == isConstant)
        constantsLast.push_back(loop);
  auto add = [&](const std::vector<int64_t> &tile) {
    result.push_back({.mapping = mappingIndex, .tile = tile, .order = order});
    if (constantsLast != order)
      result.push_back({.mapping = mappingIndex, .tile = tile, .order = constantsLast});
  };
  for (const std::vector<int64_t> &base : constantTiles) {
    add(base);
    // One loop cut, those outside it at one step, those inside whole.
    for (size_t k = 0; k != others.size(); ++k) {
      std::vector<int64_t> tile = base;
      for (size_t outer = 0; outer != k; ++outer)
        tile[others[outer]] = 1;
      int64_t extent = loops[others[k]].extent, last = extent;
      std::vector<int64_t> cuts{2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128};
      while (cuts.back() < extent)
        cuts.push_back(cuts.back() * 2);
      for (int64_t parts : cuts) {
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

Range tileRange(const Mapping &mapping, int loop) {
  const Loop &own = mapping.block.loops[loop];
  if (mapping.loopTo[loop] < 0)
    return {1, 1};
  return own.isReduction || isLaneLoop(mapping, loop) ? Range{own.extent, 1} : Range{1, own.extent};
}

BlockSchedule smallestTiles(const Mapping &mapping, int mappingIndex) {
  BlockSchedule result{.mapping = mappingIndex, .order = tileLoops(mapping)};
  for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
    result.tile.push_back(tileRange(mapping, int(loop)).lo);
  return result;
}

} // namespace tw::tensorize
