// SPDX-License-Identifier: Apache-2.0
// Is a schedule possible? Its numbers first, then each kind of tile, then addresses by lifetimes.
#include "schedule/Place.h"

#include "schedule/Lives.h"
#include "tw/tensorize/Allocate.h"

#include <algorithm>

namespace tw::tensorize {
namespace {

std::string number(int64_t value) { return std::to_string(value); }

// What no schedule of this block may say; empty: it is one.
std::optional<Rejection> wrongBlock(const Task &task, const BlockSchedule &block, int t) {
  auto refuse = [](std::string text) { return Rejection{"", "parameter", std::move(text)}; };
  if (block.mapping < 0 || block.mapping >= int(task.mappings.size()))
    return refuse("mapping " + number(block.mapping) + " of " + number(int64_t(task.mappings.size())) +
                  " does not exist");
  const Mapping &mapping = task.mappings[block.mapping];
  const std::vector<Loop> &loops = mapping.block.loops;
  if (block.tile.size() != loops.size())
    return refuse(number(int64_t(block.tile.size())) + " tile sizes for " + number(int64_t(loops.size())) + " loops");
  for (size_t loop = 0; loop != loops.size(); ++loop) {
    const int64_t tile = block.tile[loop];
    const Range sizes = tileRange(mapping, int(loop));
    if (tile < sizes.lo || tile >= sizes.lo + sizes.extent)
      return refuse("a tile of " + number(tile) + " steps of loop " + loops[loop].name + ", which takes " +
                    number(sizes.lo) + (sizes.extent == 1 ? "" : " to " + number(sizes.lo + sizes.extent - 1)));
  }
  std::vector<int> order = block.order;
  std::ranges::sort(order);
  if (const std::vector<int> cut = tileLoops(mapping); order != cut)
    return refuse("an order of " + number(int64_t(block.order.size())) + " loops that is not one of its " +
                  number(int64_t(cut.size())) + " loops with tiles");
  if (block.ahead < 0 || block.ahead > t || block.lead < 0 || (block.lead > 0 && block.ahead == 0))
    return refuse("it begins " + number(block.ahead) + " blocks ahead with a lead of " + number(block.lead) + ", " +
                  number(t) + " are before it");
  return std::nullopt;
}

std::optional<ScheduleFailure> wrongSchedule(const Segment &segment, const Schedule &schedule,
                                             const std::vector<Life> &lives) {
  for (size_t t = 0; t != segment.tasks.size(); ++t)
    if (auto wrong = wrongBlock(segment.tasks[t], schedule.blocks[t], int(t)))
      return ScheduleFailure{int(t), *wrong};
  for (size_t i = 0; i != segment.tensors.size(); ++i)
    if (schedule.isResident[i] && lives[i].first < 0)
      return ScheduleFailure{0, {"", "parameter", "no block reads tensor " + segment.tensors[i].name}};
  for (size_t i = 0; i != segment.tensors.size(); ++i)
    if (schedule.isResident[i] && !lives[i].mayReside)
      return ScheduleFailure{lives[i].last,
                             {"", "parameter",
                              "tensor " + segment.tensors[i].name +
                                  " is read in an order that only a copy of each tile makes: it lies in-dram"}};
  return std::nullopt;
}

} // namespace

std::variant<MemoryMap, Crowded> placeOnChip(const Segment &segment, const Target &target, const Schedule &schedule,
                                             const std::vector<TilePlan> &plans) {
  struct Buffer {
    int64_t *address; // where its place is to be written
    int task;         // -1: a resident
  };
  const std::vector<Life> lives = livesOf(segment);
  auto begin = [&](int t) { return t - schedule.blocks[t].ahead; };
  MemoryMap map;
  map.residents.assign(segment.tensors.size(), -1);
  map.images.resize(plans.size());
  map.streams.resize(plans.size());
  for (size_t t = 0; t != plans.size(); ++t) {
    for (const Image &image : plans[t].images)
      map.images[t].emplace_back(TilePlan::slots(image.tiles), -1);
    for (const Stream &stream : plans[t].streams)
      map.streams[t].emplace_back(stream.isResident ? 0 : TilePlan::slots(stream.tiles), -1);
  }
  for (size_t m = 0; m != target.memories.size(); ++m) {
    const Memory &memory = target.memories[m];
    if (memory.isExternal)
      continue;
    std::vector<Buffer> buffers;
    std::vector<Lifetime> times;
    // Parts of the memory in which producer and consumer do not meet.
    auto part = [&](int index) { return capacityOf(memory) / memory.groups * (index % memory.groups); };
    for (size_t i = 0; i != segment.tensors.size(); ++i)
      if (schedule.isResident[i] && lives[i].memory == int(m)) {
        buffers.push_back({&map.residents[i], -1});
        times.push_back({segment.tensors[i].bytes, begin(lives[i].first), lives[i].last, part(lives[i].first % 2 * 2)});
      }
    for (int t = 0; t != int(plans.size()); ++t) {
      const int fetched = std::min(begin(t), std::max(0, t - int(schedule.prefetches)));
      for (size_t i = 0; i != plans[t].images.size(); ++i)
        for (int64_t &address : map.images[t][i])
          if (plans[t].images[i].memory == int(m)) {
            buffers.push_back({&address, t});
            times.push_back({plans[t].images[i].bytes, fetched, t, part(1 + t % 2 * 2)});
          }
      for (size_t i = 0; i != plans[t].streams.size(); ++i)
        for (int64_t &address : map.streams[t][i])
          if (plans[t].streams[i].memory == int(m)) {
            buffers.push_back({&address, t});
            times.push_back({plans[t].streams[i].bytes, begin(t), t, part(plans[t].streams[i].isWritten ? 2 : 0)});
          }
    }
    const Allocation allocation =
        allocate(times, capacityOf(memory), std::max<int64_t>(target.lanes, int64_t(memory.granuleBytes)));
    if (allocation.failed >= 0) {
      const Buffer &failed = buffers[allocation.failed];
      return Crowded{failed.task >= 0 ? failed.task : times[allocation.failed].first, int(m),
                     times[allocation.failed].bytes};
    }
    if (int64_t(map.peakBytes) < allocation.peak && memory.granuleBytes == 1) {
      map.peakBytes = uint64_t(allocation.peak);
      map.peakBound = uint64_t(allocation.bound);
    }
    for (size_t b = 0; b != buffers.size(); ++b)
      *buffers[b].address = allocation.address[b] / int64_t(memory.granuleBytes);
  }
  return map;
}

std::variant<MemoryMap, ScheduleFailure> placeSchedule(const Segment &segment, const Target &target,
                                                       const Schedule &schedule) {
  if (auto wrong = wrongSchedule(segment, schedule, livesOf(segment)))
    return *wrong;
  const std::vector<TilePlan> plans = plansOf(segment, target, schedule);
  for (size_t t = 0; t != plans.size(); ++t)
    for (auto rejection : {plans[t].check(), plans[t].checkTiles()})
      if (rejection)
        return ScheduleFailure{int(t), *rejection};
  auto placed = placeOnChip(segment, target, schedule, plans);
  if (auto *map = std::get_if<MemoryMap>(&placed))
    return std::move(*map);
  const Crowded &crowded = std::get<Crowded>(placed);
  const Memory &memory = target.memories[crowded.memory];
  return ScheduleFailure{crowded.task,
                         {plans[crowded.task].mapping.chain->name, "memory",
                          "no room for " + number(crowded.bytes) + " bytes of " + memory.name +
                              " beside what else is there then, it has " + number(capacityOf(memory)) +
                              " in all: smaller tiles, or fewer tensors on chip"}};
}

} // namespace tw::tensorize
