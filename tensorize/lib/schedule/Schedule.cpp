// SPDX-License-Identifier: Apache-2.0
// The default scheduler: tiles per block by cost, residence by demotion, addresses by lifetimes, then the instructions.
#include "tw/tensorize/Schedule.h"

#include "schedule/TilePlan.h"
#include "tw/tensorize/Allocate.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <map>

namespace tw::tensorize {

std::string Schedule::str(const Segment &segment) const {
  std::string text;
  for (size_t i = 0; i != blocks.size(); ++i) {
    const Mapping &mapping = segment.tasks[i].mappings[blocks[i].mapping];
    text += segment.tasks[i].name + ": " + mapping.chain->name + " tile";
    for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
      if (mapping.block.loops[loop].extent > 1)
        text += " " + mapping.block.loops[loop].name + "=" + std::to_string(blocks[i].tile[loop]) + "/" +
                std::to_string(mapping.block.loops[loop].extent);
    text += (blocks[i].constantsOuter ? ", weights slowest, " : ", pixels slowest, ") +
            std::to_string(blocks[i].cycles) + " cycles bound by " + blocks[i].boundBy + "\n";
  }
  for (size_t t = 0; t != isResident.size(); ++t)
    if (isResident[t])
      text += "on chip: " + segment.tensors[t].name + ", " + std::to_string(segment.tensors[t].bytes) + " bytes\n";
  return text;
}

namespace {

class Scheduler {
public:
  /// `overlap`: how many tasks may begin before the one in front of them has ended.
  Scheduler(const Segment &segment, const Target &target, int overlap)
      : segment(segment), target(target), overlap(overlap) {
    movers.all = moversOf(target);
    findStripes();
    isBarred.assign(segment.tasks.size(), false);
    beginAlone();
  }

  /// Is there a task beside which one of another engine could run?
  bool canOverlap() const { return std::ranges::find(isStriped, true) != isStriped.end(); }

  std::variant<LoweredSegment, ScheduleFailure> run() {
    findLifetimes();
    chooseResidents();
    for (size_t t = 0; t != segment.tasks.size(); ++t)
      percent.push_back(isStriped[t] ? kStripePercent : 100);
    for (;;) {
      std::optional<int> demote;
      if (auto failure = chooseTiles(demote))
        return std::move(*failure);
      int crowded = -1;
      if (!demote && place(crowded))
        break;
      if (!demote && barLinks(crowded))
        continue;
      if (!demote)
        demote = victim(crowded);
      if (demote) {
        result.schedule.isResident[*demote] = false;
        continue;
      }
      // Nothing left to give way: the buffers fit in sum, but not beside each other. Smaller tiles then.
      if ((percent[crowded] = percent[crowded] * 3 / 4) < kLeastPercent)
        return ScheduleFailure{crowded, {"", "memory", "no room on chip for the buffers of its smallest tile"}};
    }
    if (auto failure = emit())
      return std::move(*failure);
    return std::move(result);
  }

private:
  int64_t capacity(int memory) const {
    return int64_t(target.memories[memory].granules * target.memories[memory].granuleBytes);
  }

  // Neighbours on different engines run side by side, stripe by stripe of the image.
  void findStripes() {
    auto engine = [&](size_t t) { return segment.tasks[t].mappings.front().chain->links.front()->engine; };
    isStriped.assign(segment.tasks.size(), false);
    for (size_t t = 1; t < segment.tasks.size(); ++t)
      if (overlap > 0 && engine(t) != engine(t - 1))
        isStriped[t - 1] = isStriped[t] = true;
  }

  // From which task on each one may be at work.
  void beginAlone() {
    begin.clear();
    isLinked.assign(segment.tasks.size(), false);
    for (size_t t = 0; t != segment.tasks.size(); ++t)
      begin.push_back(std::max(0, int(t) - overlap));
  }

  // A task on another engine that can start on the first results of the one before, in the order in which both run
  // anyway, begins beside it.
  void linkNeighbours() {
    beginAlone();
    for (size_t t = 1; t < plans.size() && overlap == 0; ++t) {
      auto engine = [&](size_t task) { return plans[task].mapping.chain->links.front()->engine; };
      if (isBarred[t] || engine(t) == engine(t - 1) || !startsEarly(int(t)))
        continue;
      isLinked[t] = true;
      begin[t] = int(t) - 1;
    }
  }

  // Does the task's first tile need only results of early tiles of the one before?
  bool startsEarly(int t) const {
    const std::vector<Ranges> tiles = plans[t].tiles(), before = plans[t - 1].tiles();
    for (const Stream &stream : plans[t].streams) {
      if (stream.isWritten || producer[stream.tensor] != t - 1)
        continue;
      size_t last = 0;
      for (size_t tile = 0; tile != before.size(); ++tile)
        if (isMade(t - 1, before[tile], t, stream, tiles.front()))
          last = tile;
      return tiles.size() > 1 && last + 1 < before.size();
    }
    return false;
  }

  // The links of a task that finds no room are given up first.
  bool barLinks(int crowded) {
    bool isChanged = false;
    for (int t : {crowded, crowded + 1})
      if (t < int(isLinked.size()) && isLinked[t])
        isChanged = isBarred[t] = true;
    return isChanged;
  }

  void findLifetimes() {
    producer.assign(segment.tensors.size(), -1);
    first.assign(segment.tensors.size(), -1);
    last.assign(segment.tensors.size(), -1);
    users.assign(segment.tensors.size(), 0);
    memoryOf.assign(segment.tensors.size(), -1);
    for (size_t t = 0; t != segment.tasks.size(); ++t) {
      const Mapping &mapping = segment.tasks[t].mappings.front();
      for (size_t i = 0; i != mapping.chain->accesses.size(); ++i) {
        int o = mapping.binding.operandOf[i];
        if (o < 0 || !mapping.chain->accesses[i].isStrided)
          continue;
        int tensor = mapping.block.operands[o].tensor;
        if (first[tensor] < 0)
          first[tensor] = int(t);
        last[tensor] = int(t);
        memoryOf[tensor] = mapping.chain->accesses[i].space;
        users[tensor] += !mapping.chain->accesses[i].isWritten;
        if (mapping.chain->accesses[i].isWritten)
          producer[tensor] = int(t);
      }
    }
  }

  // Whatever is read again, if it is small enough to think of.
  void chooseResidents() {
    result.schedule.isResident.assign(segment.tensors.size(), false);
    for (size_t t = 0; t != segment.tensors.size(); ++t) {
      const Tensor &tensor = segment.tensors[t];
      bool isReadAgain = tensor.isInput ? users[t] > 1 : users[t] > 0;
      result.schedule.isResident[t] = first[t] >= 0 && isReadAgain && tensor.bytes <= capacity(memoryOf[t]) * 3 / 4;
    }
  }

  int64_t residentBytes(int task, int memory) const {
    int64_t bytes = 0;
    for (size_t t = 0; t != segment.tensors.size(); ++t)
      if (result.schedule.isResident[t] && memoryOf[t] == memory && begin[first[t]] <= task && task <= last[t])
        bytes += segment.tensors[t].bytes;
    return bytes;
  }

  // The largest resident at this task.
  std::optional<int> victim(int task) const {
    std::optional<int> found;
    for (size_t t = 0; t != segment.tensors.size(); ++t)
      if (result.schedule.isResident[t] && begin[first[t]] <= task && task <= last[t] &&
          (!found || segment.tensors[t].bytes > segment.tensors[*found].bytes))
        found = int(t);
    return found;
  }

  std::optional<ScheduleFailure> chooseTiles(std::optional<int> &demote) {
    result.schedule.blocks.clear();
    beginAlone();
    for (size_t t = 0; t != segment.tasks.size(); ++t) {
      const Task &task = segment.tasks[t];
      std::optional<BlockSchedule> best;
      uint64_t bestCost = 0;
      Rejection why{"", "memory", "no mapping"};
      for (size_t m = 0; m != std::min<size_t>(task.mappings.size(), kMappings); ++m)
        for (const BlockSchedule &candidate : tileCandidates(task.mappings[m], int(m))) {
          TilePlan plan(task.mappings[m], target, candidate, result.schedule.isResident);
          bool fits = true;
          for (size_t memory = 0; memory != target.memories.size(); ++memory)
            if (int64_t need = plan.bufferBytes(int(memory)),
                have = (capacity(int(memory)) - residentBytes(int(t), int(memory))) * percent[t] / 100;
                need > have && !target.memories[memory].isExternal) {
              fits = false;
              why = {task.mappings[m].chain->name, "memory",
                     "the tile needs " + std::to_string(need) + " bytes of " + target.memories[memory].name + ", " +
                         std::to_string(have) + " are free"};
            }
          if (!fits)
            continue;
          if (auto rejection = plan.check()) {
            why = *rejection;
            continue;
          }
          plan.estimate(movers);
          uint64_t cost = plan.schedule.cycles;
          if (isStriped[t]) { // the neighbour waits for the first stripe, which must hold all channels
            if (candidate.constantsOuter && plan.constantTiles() > 1)
              continue;
            cost += cost / uint64_t(std::min(plan.otherTiles(), kStripes));
          }
          if (!best || cost < bestCost) {
            best = plan.schedule;
            bestCost = cost;
          }
        }
      if (!best) {
        demote = victim(int(t));
        if (demote)
          return std::nullopt;
        return ScheduleFailure{int(t), why};
      }
      result.schedule.blocks.push_back(*best);
    }
    return std::nullopt;
  }

  struct Buffer {
    int memory, task; // task -1: a resident
    int tensor, image, stream, slot;
  };

  // Addresses in every memory; false if the buffers of task `crowded` found no room.
  bool place(int &crowded) {
    plans.clear();
    for (size_t t = 0; t != segment.tasks.size(); ++t)
      plans.emplace_back(segment.tasks[t].mappings[result.schedule.blocks[t].mapping], target,
                         result.schedule.blocks[t], result.schedule.isResident);
    linkNeighbours();
    return tryPlace(true, crowded) || tryPlace(false, crowded);
  }

  bool tryPlace(bool prefetch, int &failedTask) {
    result.peakBytes = result.peakBound = 0;
    residentAddress.assign(segment.tensors.size(), -1);
    imageAddress.assign(plans.size(), {});
    streamAddress.assign(plans.size(), {});
    for (size_t memory = 0; memory != target.memories.size(); ++memory) {
      if (target.memories[memory].isExternal)
        continue;
      std::vector<Buffer> buffers;
      std::vector<Lifetime> lives;
      const int64_t group = capacity(int(memory)) / target.memories[memory].groups;
      const int groups = target.memories[memory].groups;
      for (size_t t = 0; t != segment.tensors.size(); ++t)
        if (result.schedule.isResident[t] && memoryOf[t] == int(memory)) {
          buffers.push_back({int(memory), -1, int(t), -1, -1, 0});
          lives.push_back({segment.tensors[t].bytes, begin[first[t]], last[t], group * ((first[t] % 2 * 2) % groups)});
        }
      for (size_t t = 0; t != plans.size(); ++t) {
        int from = std::min(begin[t], std::max(0, int(t) - (prefetch ? 1 : 0)));
        for (size_t i = 0; i != plans[t].images.size(); ++i)
          for (int64_t s = 0; s != TilePlan::slots(plans[t].images[i].tiles); ++s)
            if (plans[t].images[i].memory == int(memory)) {
              buffers.push_back({int(memory), int(t), -1, int(i), -1, int(s)});
              lives.push_back({plans[t].images[i].bytes, from, int(t), group * ((1 + int(t) % 2 * 2) % groups)});
            }
        for (size_t i = 0; i != plans[t].streams.size(); ++i)
          for (int64_t s = 0; s != TilePlan::slots(plans[t].streams[i].tiles); ++s)
            if (plans[t].streams[i].memory == int(memory) && !plans[t].streams[i].isResident) {
              buffers.push_back({int(memory), int(t), -1, -1, int(i), int(s)});
              lives.push_back({plans[t].streams[i].bytes, begin[t], int(t),
                               group * ((plans[t].streams[i].isWritten ? 2 : 0) % groups)});
            }
      }
      Allocation allocation = allocate(lives, capacity(int(memory)),
                                       std::max<int64_t>(target.lanes, int64_t(target.memories[memory].granuleBytes)));
      if (allocation.failed >= 0) {
        failedTask =
            buffers[allocation.failed].task >= 0 ? buffers[allocation.failed].task : lives[allocation.failed].first;
        return false;
      }
      if (int64_t(result.peakBytes) < allocation.peak && target.memories[memory].granuleBytes == 1) {
        result.peakBytes = uint64_t(allocation.peak);
        result.peakBound = uint64_t(allocation.bound);
      }
      for (size_t b = 0; b != buffers.size(); ++b) {
        const Buffer &buffer = buffers[b];
        int64_t address = allocation.address[b] / int64_t(target.memories[memory].granuleBytes);
        if (buffer.tensor >= 0)
          residentAddress[buffer.tensor] = address;
        else if (buffer.image >= 0)
          imageAddress[buffer.task][{buffer.image, buffer.slot}] = address;
        else
          streamAddress[buffer.task][{buffer.stream, buffer.slot}] = address;
      }
    }
    return true;
  }

  //===- Instructions
  //--------------------------------------------------------------------------------------------------===//

  void append(std::vector<Instruction> instructions, uint16_t tag, Relocation relocation = {}) {
    for (Instruction &instruction : instructions)
      result.instructions.push_back({std::move(instruction), tag, relocation});
  }

  static Box wholeBox(const Operand &operand) { return {std::vector<int64_t>(operand.shape.size(), 0), operand.shape}; }

  static int64_t addressIn(const View &view, const Box &box) {
    int64_t address = view.address;
    for (size_t d = 0; d != box.lo.size(); ++d)
      address += (box.lo[d] - view.lo[d]) * view.stride[d];
    return address;
  }

  void loadBox(const Operand &operand, int tensor, const Box &box, const View &chip, int memory, uint16_t tag) {
    const Mover &mover = movers.load(target, memory, false);
    View dram = denseView(wholeBox(operand), 0);
    const Bytes &constant = segment.tensors[tensor].constant;
    if (constant)
      dram.address = constantAt(*constant);
    append(copyBox(mover, box.extent, dram.stride, addressIn(dram, box), chip.stride, addressIn(chip, box),
                   constant ? target.constantRegion : target.arenaRegion),
           tag, {constant ? Relocation::Constant : Relocation::TensorBase, mover.fromBase, tensor});
    result.isInDram[tensor] = true;
  }

  void storeBox(const Operand &operand, int tensor, const Box &box, const View &chip, int memory, uint16_t tag) {
    const Mover &mover = movers.store(target, memory);
    View dram = denseView(wholeBox(operand), 0);
    append(copyBox(mover, box.extent, chip.stride, addressIn(chip, box), dram.stride, addressIn(dram, box),
                   target.arenaRegion),
           tag, {Relocation::TensorBase, mover.toBase, tensor});
    result.isInDram[tensor] = true;
  }

  // Offset of these bytes among the constants; equal bytes are kept once.
  int64_t constantAt(const std::vector<uint8_t> &image) {
    auto [found, isNew] = constantOffset.try_emplace(image, int64_t(result.constants.size()));
    if (isNew) {
      result.constants.insert(result.constants.end(), image.begin(), image.end());
      result.constants.resize(llvm::alignTo(result.constants.size(), kConstantAlign));
    }
    return found->second;
  }

  void loadImage(const std::vector<uint8_t> &image, int memory, int64_t address, uint16_t tag) {
    const Mover &mover = movers.load(target, memory, true);
    std::vector<int64_t> extent{int64_t(image.size())}, stride{1};
    append(copyBox(mover, extent, stride, constantAt(image), stride, address, target.constantRegion), tag,
           {Relocation::Constant, mover.fromBase, -1});
  }

  /// How far a task is, and what its buffers hold.
  struct Progress {
    std::vector<Ranges> tiles;
    size_t next = 0;
    std::vector<std::vector<std::pair<Ranges, int64_t>>> imageHeld;
    std::vector<std::vector<std::pair<Box, int64_t>>> streamHeld;
    std::vector<int> nextImage, nextStream;
    bool isDone() const { return next == tiles.size(); }
  };

  // Tiles in stream order: of the last task that may begin and whose input is there, so that results are used early.
  std::optional<ScheduleFailure> emit() {
    result.isInDram.assign(segment.tensors.size(), false);
    isLoaded.assign(segment.tensors.size(), false);
    for (const TilePlan &plan : plans) {
      Progress p;
      p.tiles = plan.tiles();
      p.imageHeld.resize(plan.images.size());
      p.streamHeld.resize(plan.streams.size());
      p.nextImage.assign(plan.images.size(), 0);
      p.nextStream.assign(plan.streams.size(), 0);
      progress.push_back(std::move(p));
    }
    for (size_t front = 0; front != plans.size();) {
      if (progress[front].isDone()) {
        ++front;
        continue;
      }
      size_t chosen = front;
      for (size_t t = front + 1; t < plans.size() && begin[t] <= int(front) && mayOverlap(t); ++t)
        if (!progress[t].isDone() && isInputThere(int(t)))
          chosen = t;
      if (auto rejection = emitTile(int(chosen)))
        return ScheduleFailure{int(chosen), *rejection};
    }
    return std::nullopt;
  }

  // Pixels and channel blocks of a box: linear range over the leading dimensions, range of the one before the lanes.
  struct Extent {
    int64_t lo, hi, blockLo, blockHi;
  };
  static Extent extentOf(const Box &box, const std::vector<int64_t> &shape) {
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

  bool mayOverlap(size_t t) const { return isLinked[t] || (overlap > 0 && isStriped[t - 1] && isStriped[t]); }

  // Does this tile of a task make something that a tile of another reads?
  bool isMade(int maker, const Ranges &made, int reader, const Stream &read, const Ranges &ranges) const {
    const Operand &operand = plans[reader].mapping.block.operands[read.operand];
    Extent wanted = extentOf(boxOf(plans[reader].mapping, read.operand, ranges), operand.shape);
    for (const Stream &stream : plans[maker].streams) {
      if (!stream.isWritten || stream.tensor != read.tensor)
        continue;
      const Operand &written = plans[maker].mapping.block.operands[stream.operand];
      Extent part = extentOf(boxOf(plans[maker].mapping, stream.operand, made), written.shape);
      bool sameBlocks = written.shape[written.shape.size() - 2] == operand.shape[operand.shape.size() - 2];
      if (!sameBlocks || (part.lo < wanted.hi && wanted.lo < part.hi && part.blockLo < wanted.blockHi &&
                          wanted.blockLo < part.blockHi))
        return true;
    }
    return false;
  }

  // Has every tile been emitted that makes what the task's next tile reads?
  bool isInputThere(int t) const {
    const TilePlan &plan = plans[t];
    for (const Stream &stream : plan.streams) {
      int p = producer[stream.tensor];
      if (stream.isWritten || p < 0)
        continue;
      // The last tiles are at work while this one waits: the producer stays ahead.
      const size_t lead = isLinked[t] && !stream.isResident ? kLead : 1;
      const size_t from = progress[p].isDone() ? progress[p].next : progress[p].next - std::min(progress[p].next, lead);
      for (size_t tile = from; tile != progress[p].tiles.size(); ++tile)
        if (isMade(p, progress[p].tiles[tile], t, stream, progress[t].tiles[progress[t].next]))
          return false;
    }
    return true;
  }

  std::optional<Rejection> emitTile(int t) {
    const TilePlan &plan = plans[t];
    const Mapping &mapping = plan.mapping;
    const uint16_t tag = segment.tasks[t].tag;
    Progress &now = progress[t];
    const Ranges &ranges = now.tiles[now.next++];
    Placement placement{
        std::vector<View>(mapping.chain->accesses.size()), std::vector<int64_t>(mapping.chain->accesses.size(), 0), {}};
    for (size_t i = 0; i != plan.images.size(); ++i) {
      int64_t address = imageFor(t, int(i), ranges, now.imageHeld[i], now.nextImage[i], tag);
      for (size_t a = 0; a != mapping.chain->accesses.size(); ++a)
        if (mapping.chain->accesses[a].base == plan.images[i].base)
          placement.bases[a] = address;
    }
    const bool isLast = plan.isLastPass(ranges);
    for (size_t i = 0; i != plan.streams.size(); ++i)
      placement.views[plan.streams[i].access] =
          plan.streams[i].isWritten && !isLast ? denseView(boxOf(mapping, plan.streams[i].operand, ranges), 0)
                                               : viewFor(t, int(i), ranges, now.streamHeld[i], now.nextStream[i], tag);
    for (const Meeting &meeting : mapping.chain->meetings) {
      const Memory &memory = target.memories[meeting.space];
      placement.meetingBases.push_back(int64_t(memory.granules) / memory.halves * (half % memory.halves));
    }
    half += isLast && !mapping.chain->meetings.empty();
    std::vector<Instruction> links;
    if (auto rejection = realise(mapping, ranges, placement, links)) // a tile at a border, which was not tried before
      return rejection;
    if (std::string wrong = proveTile(mapping, target, ranges, placement, links); !wrong.empty())
      return Rejection{mapping.chain->name, "proof", wrong};
    if (const FieldId accumulate = mapping.chain->accumulate; accumulate && !plan.isFirstPass(ranges))
      links[accumulate.link].values[accumulate.field] = 1;
    if (!isLast)
      links.resize(1);
    append(std::move(links), tag);
    for (const Stream &stream : plan.streams)
      if (isLast && stream.isWritten && (!stream.isResident || segment.tensors[stream.tensor].isOutput)) {
        const Operand &operand = mapping.block.operands[stream.operand];
        storeBox(operand, stream.tensor, boxOf(mapping, stream.operand, ranges), placement.views[stream.access],
                 stream.memory, tag);
      }
    return std::nullopt;
  }

  // The part of the ranges that the image depends on, as a key.
  Ranges keyOf(const TilePlan &plan, int image, const Ranges &ranges) const {
    Ranges key(ranges.size());
    for (size_t loop = 0; loop != ranges.size(); ++loop)
      if (plan.usesLoop(plan.images[image], int(loop)))
        key[loop] = ranges[loop];
    return key;
  }

  int64_t imageFor(int t, int i, const Ranges &ranges, std::vector<std::pair<Ranges, int64_t>> &held, int &next,
                   uint16_t tag) {
    const TilePlan &plan = plans[t];
    Ranges key = keyOf(plan, i, ranges);
    auto same = [&](const std::pair<Ranges, int64_t> &entry) {
      for (size_t loop = 0; loop != key.size(); ++loop)
        if (entry.first[loop].lo != key[loop].lo || entry.first[loop].extent != key[loop].extent)
          return false;
      return true;
    };
    if (auto found = std::ranges::find_if(held, same); found != held.end())
      return found->second;
    int slot = next++ % int(TilePlan::slots(plan.images[i].tiles));
    int64_t address = imageAddress[t].at({i, slot});
    std::erase_if(held, [&](auto &entry) { return entry.second == address; });
    held.push_back({key, address});
    loadImage(constantImage(plan.mapping, target, plan.images[i].base, ranges), plan.images[i].memory, address, tag);
    return address;
  }

  View viewFor(int t, int i, const Ranges &ranges, std::vector<std::pair<Box, int64_t>> &held, int &next,
               uint16_t tag) {
    const Stream &stream = plans[t].streams[i];
    const Operand &operand = plans[t].mapping.block.operands[stream.operand];
    if (stream.isResident) {
      View view = denseView(wholeBox(operand), residentAddress[stream.tensor]);
      if (segment.tensors[stream.tensor].isInput && !isLoaded[stream.tensor]) {
        isLoaded[stream.tensor] = true;
        loadBox(operand, stream.tensor, wholeBox(operand), view, stream.memory, tag);
      }
      return view;
    }
    Box box = boxOf(plans[t].mapping, stream.operand, ranges);
    if (!stream.isWritten)
      if (auto found = std::ranges::find(held, box, &std::pair<Box, int64_t>::first); found != held.end())
        return denseView(box, found->second);
    int slot = next++ % int(TilePlan::slots(stream.tiles));
    int64_t address = streamAddress[t].at({i, slot});
    View view = denseView(box, address);
    if (!stream.isWritten) {
      std::erase_if(held, [&](auto &entry) { return entry.second == address; });
      held.push_back({box, address});
      loadBox(operand, stream.tensor, box, view, stream.memory, tag);
    }
    return view;
  }

  static constexpr size_t kMappings = 6; // tried per block
  static constexpr int64_t kLeastPercent = 15;
  static constexpr int64_t kStripes = 6;        // more do not help: each costs a start, and an engine's queue is short
  static constexpr int64_t kStripePercent = 40; // of the free memory, for a task that shares it with its neighbours
  static constexpr size_t kLead = 4; // tiles that a producer is ahead when its results go through the outer memory
  static constexpr int64_t kConstantAlign = 64;

  const Segment &segment;
  const Target &target;
  const int overlap;
  std::vector<bool> isStriped; // per task
  std::vector<bool> isLinked;  // per task: begins beside the one before
  std::vector<bool> isBarred;  // per task: must not be linked
  std::vector<int> begin;      // per task: the first task beside which it may be at work
  Movers movers;
  LoweredSegment result;
  std::vector<int> first, last, users, memoryOf, producer; // per tensor
  std::vector<bool> isLoaded;                              // per tensor: a resident input is on chip
  std::vector<Progress> progress;                          // per task
  std::vector<TilePlan> plans;
  std::vector<int64_t> residentAddress;
  std::vector<std::map<std::pair<int, int>, int64_t>> imageAddress, streamAddress; // per task: (which, slot)
  std::map<std::vector<uint8_t>, int64_t> constantOffset;
  std::vector<int64_t> percent; // per task: of the free memory that its buffers may take
  int half = 0;
};

int64_t residentBytes(const Segment &segment, const LoweredSegment &lowered) {
  int64_t bytes = 0;
  for (size_t t = 0; t != segment.tensors.size(); ++t)
    bytes += lowered.schedule.isResident[t] ? segment.tensors[t].bytes : 0;
  return bytes;
}

constexpr int kOverlap = 2; // expand, depthwise and project of one block at once

} // namespace

std::variant<LoweredSegment, ScheduleFailure> scheduleSegment(const Segment &segment, const Target &target) {
  auto plain = Scheduler(segment, target, 0).run();
  Scheduler overlapping(segment, target, kOverlap);
  if (!std::holds_alternative<LoweredSegment>(plain) || !overlapping.canOverlap())
    return plain;
  auto overlapped = overlapping.run();
  // Tasks side by side need more room: not if tensors must leave the chip for it.
  if (auto *lowered = std::get_if<LoweredSegment>(&overlapped))
    if (residentBytes(segment, *lowered) >= residentBytes(segment, std::get<LoweredSegment>(plain)))
      return overlapped;
  return plain;
}

} // namespace tw::tensorize
