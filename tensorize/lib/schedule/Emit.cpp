// SPDX-License-Identifier: Apache-2.0
// The instructions of a placed schedule, tile by tile in the order in which the blocks run.
#include "schedule/Lives.h"
#include "schedule/TilePlan.h"

#include "Walk.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <map>

namespace tw::tensorize {
namespace {

Box wholeBox(const Operand &operand) { return {std::vector<int64_t>(operand.shape.size(), 0), operand.shape}; }

int64_t addressIn(const View &view, const Box &box) {
  int64_t address = view.address;
  for (size_t d = 0; d != box.lo.size(); ++d)
    address += (box.lo[d] - view.lo[d]) * view.stride[d];
  return address;
}

class Emitter {
public:
  Emitter(const Segment &segment, const Target &target, const Schedule &schedule, const MemoryMap &map,
          ConstantBytes constants)
      : segment(segment), target(target), schedule(schedule), map(map), constants(constants), movers(target),
        lives(livesOf(segment)), plans(plansOf(segment, target, schedule)) {}

  // Tiles in stream order: of the last task that may begin and whose input is there, so that results are used early. A
  // task that is in the middle of a sum goes on: its half of the accumulators is its own until it is drained.
  std::variant<LoweredSegment, ScheduleFailure> run() {
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
    size_t chosen = 0;
    bool isAmidSum = false; // of the chosen one
    for (size_t front = 0; front != plans.size();) {
      if (progress[front].isDone()) {
        ++front;
        continue;
      }
      if (!isAmidSum) {
        chosen = front;
        for (size_t t = front + 1; t < plans.size() && mayBegin(t, front); ++t)
          if (!progress[t].isDone() && isInputThere(int(t)))
            chosen = t;
      }
      if (auto rejection = emitTile(int(chosen)))
        return ScheduleFailure{int(chosen), *rejection};
      isAmidSum = !plans[chosen].isLastPass(progress[chosen].tiles[progress[chosen].next - 1]);
    }
    return std::move(result);
  }

private:
  /// How far a task is, and what its buffers hold.
  struct Progress {
    std::vector<Ranges> tiles;
    size_t next = 0;
    std::vector<std::vector<std::pair<Ranges, int64_t>>> imageHeld;
    std::vector<std::vector<std::pair<Box, int64_t>>> streamHeld;
    std::vector<int> nextImage, nextStream;
    bool isDone() const { return next == tiles.size(); }
  };

  bool mayBegin(size_t t, size_t front) const {
    const BlockSchedule &block = schedule.blocks[t];
    return block.lead > 0 && t - size_t(block.ahead) <= front;
  }

  // Has every tile been emitted that makes what the task's next tile reads?
  bool isInputThere(int t) const {
    for (const Stream &stream : plans[t].streams) {
      const int p = lives[stream.tensor].producer;
      if (stream.isWritten || p < 0)
        continue;
      // The last tiles are at work while this one waits: the producer stays ahead.
      const Progress &made = progress[p];
      const size_t lead = stream.isResident ? 1 : size_t(schedule.blocks[t].lead);
      const size_t from = made.isDone() ? made.next : made.next - std::min(made.next, lead);
      for (size_t tile = from; tile != made.tiles.size(); ++tile)
        if (isMade(plans[p], made.tiles[tile], plans[t], stream, progress[t].tiles[progress[t].next]))
          return false;
    }
    return true;
  }

  void append(std::vector<Instruction> instructions, uint16_t tag, Relocation relocation = {}) {
    for (Instruction &instruction : instructions)
      result.instructions.push_back({std::move(instruction), tag, relocation});
  }

  void loadBox(const Operand &operand, int tensor, const Box &box, const View &chip, int memory, uint16_t tag) {
    const Mover &mover = movers.load(target, memory, false);
    View dram = denseView(wholeBox(operand), 0);
    const Bytes &constant = segment.tensors[tensor].constant;
    if (constant)
      dram.address = constants == ConstantBytes::Counted ? constantAt(constant->size()) : constantAt(*constant);
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

  // All in one place, with room for the largest.
  int64_t constantAt(size_t bytes) {
    result.constants.resize(std::max(result.constants.size(), llvm::alignTo(bytes, kConstantAlign)));
    return 0;
  }

  // Weights: any bytes are legal. What else there is, a device may refuse.
  static bool holdsWeights(const Mapping &mapping, FieldId base) {
    return std::ranges::all_of(mapping.chain->accesses, [&](const ChainAccess &access) {
      return access.base != base || (elemBytes(access.elem) == 1 && access.lane != isa::LaneKind::Scalar);
    });
  }

  void loadImage(const TilePlan &plan, const Image &image, const Ranges &ranges, int64_t address, uint16_t tag) {
    const Mover &mover = movers.load(target, image.memory, true);
    const int64_t bytes = constantImageBytes(plan.mapping, target, image.base, ranges);
    const int64_t from = constants == ConstantBytes::Counted && holdsWeights(plan.mapping, image.base)
                             ? constantAt(size_t(bytes))
                             : constantAt(constantImage(plan.mapping, target, image.base, ranges));
    append(copyBox(mover, {bytes}, {1}, from, {1}, address, target.constantRegion), tag,
           {Relocation::Constant, mover.fromBase, -1});
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
    if (auto rejection = realise(mapping, ranges, placement, links))
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
    if (auto found = std::ranges::find(held, key, &std::pair<Ranges, int64_t>::first); found != held.end())
      return found->second;
    const std::vector<int64_t> &slots = map.images[t][i];
    const int64_t address = slots[size_t(next++) % slots.size()];
    std::erase_if(held, [&](auto &entry) { return entry.second == address; });
    held.push_back({key, address});
    loadImage(plan, plan.images[i], ranges, address, tag);
    return address;
  }

  View viewFor(int t, int i, const Ranges &ranges, std::vector<std::pair<Box, int64_t>> &held, int &next,
               uint16_t tag) {
    const Stream &stream = plans[t].streams[i];
    const Operand &operand = plans[t].mapping.block.operands[stream.operand];
    if (stream.isResident) {
      View view = denseView(wholeBox(operand), map.residents[stream.tensor]);
      if (segment.tensors[stream.tensor].isInput && !isLoaded[stream.tensor]) {
        isLoaded[stream.tensor] = true;
        loadBox(operand, stream.tensor, wholeBox(operand), view, stream.memory, tag);
      }
      return view;
    }
    Box box = boxOf(plans[t].mapping, stream.operand, ranges);
    auto viewAt = [&](int64_t address) {
      return tileView(plans[t].mapping, stream.access, box, ranges, address, target.lanes);
    };
    if (!stream.isWritten)
      if (auto found = std::ranges::find(held, box, &std::pair<Box, int64_t>::first); found != held.end())
        return viewAt(found->second);
    const std::vector<int64_t> &slots = map.streams[t][i];
    const int64_t address = slots[size_t(next++) % slots.size()];
    View view = viewAt(address);
    if (!stream.isWritten) {
      std::erase_if(held, [&](auto &entry) { return entry.second == address; });
      held.push_back({box, address});
      loadBox(operand, stream.tensor, box, view, stream.memory, tag);
    }
    return view;
  }

  static constexpr int64_t kConstantAlign = 64;

  const Segment &segment;
  const Target &target;
  const Schedule &schedule;
  const MemoryMap &map;
  const ConstantBytes constants;
  const Movers movers;
  const std::vector<Life> lives; // per tensor
  const std::vector<TilePlan> plans;
  std::vector<Progress> progress; // per task
  std::vector<bool> isLoaded;     // per tensor: a resident input is on chip
  std::map<std::vector<uint8_t>, int64_t> constantOffset;
  int half = 0;
  LoweredSegment result;
};

} // namespace

std::variant<LoweredSegment, ScheduleFailure> emitSchedule(const Segment &segment, const Target &target,
                                                           const Schedule &schedule, const MemoryMap &map,
                                                           ConstantBytes constants) {
  return Emitter(segment, target, schedule, map, constants).run();
}

} // namespace tw::tensorize
