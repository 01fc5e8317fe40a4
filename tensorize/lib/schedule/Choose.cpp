// SPDX-License-Identifier: Apache-2.0
// The default policy: tiles per block by cost, residence by demotion, neighbours on different engines side by side.
#include "schedule/Lives.h"
#include "schedule/Place.h"

#include <algorithm>
#include <map>
#include <utility>

namespace tw::tensorize {
namespace {

constexpr size_t kMostMappings = 6; // tried per block

isa::Engine engineOf(const Mapping &mapping) { return mapping.chain->links.front()->engine; }

// Tiles with which a task can run when nothing else is on chip, or why there are none. The smallest tile is the first
// to fit; where it cannot be encoded, a larger one may.
struct AloneFit {
  BlockSchedule block;
  uint64_t peakBytes;
};
std::optional<AloneFit> aloneFit(const Segment &segment, const Target &target, int t, Rejection &why) {
  const Task &task = segment.tasks[t];
  const Segment alone{segment.tensors, {task}};
  const std::vector<bool> nothing(segment.tensors.size(), false);
  bool isFirst = true;
  auto fit = [&](const BlockSchedule &block) -> std::optional<AloneFit> {
    auto placed = placeSchedule(alone, target, {{block}, nothing});
    if (auto *map = std::get_if<MemoryMap>(&placed))
      return AloneFit{block, map->peakBytes};
    if (std::exchange(isFirst, false))
      why = std::get<ScheduleFailure>(placed).rejection;
    return std::nullopt;
  };
  for (size_t m = 0; m != std::min(task.mappings.size(), kMostMappings); ++m) {
    if (auto found = fit(smallestTiles(task.mappings[m], int(m))))
      return found;
    for (const BlockSchedule &candidate : tileCandidates(task.mappings[m], int(m)))
      if (auto found = fit(candidate))
        return found;
  }
  return std::nullopt;
}

/// What the cost cannot know: whether tasks side by side win more by their neighbours than they lose by smaller tiles,
/// and for how long a tile waits for the outer memory with nobody else at work.
struct Policy {
  int overlap = 0;         // how many tasks may begin before the one in front of them has ended
  uint64_t waitCycles = 0; // of each tile
  bool keeps = true;       // tensors on chip that are read again, while tiles get what room is left
};

/// A way to cut a task into tiles, and what is known of it whatever else lies on chip.
struct Candidate {
  BlockSchedule block;
  std::vector<int64_t> bytes; // per memory: what its buffers need
  int64_t tiles = 1, otherTiles = 1;
  bool constantsSlowest = false;
  bool isJudged = false;            // the rest is known: only of those that found room somewhere
  std::optional<Rejection> refused; // it cannot be encoded
};

/// Candidates of each task, once for all policies: they depend on which of its own tensors are resident and on nothing
/// else that a policy decides.
class Candidates {
public:
  Candidates(const Segment &segment, const Target &target)
      : segment(segment), target(target), movers(target), known(segment.tasks.size()) {}

  /// `isResident`: of the task's own tensors, as tensorsOf lists them.
  std::vector<Candidate> &of(int t, const Schedule &schedule) {
    std::vector<bool> isResident;
    for (int tensor : tensorsOf(t))
      isResident.push_back(schedule.isResident[tensor]);
    auto [found, isNew] = known[t].try_emplace(std::move(isResident));
    if (isNew)
      found->second = listOf(segment.tasks[t], schedule);
    return found->second;
  }

  std::vector<int> tensorsOf(int t) const {
    std::vector<int> tensors;
    for (const Operand &operand : segment.tasks[t].mappings.front().block.operands)
      if (operand.tensor >= 0)
        tensors.push_back(operand.tensor);
    return tensors;
  }

  /// Can it be encoded, and what does it cost?
  void judge(int t, const Schedule &schedule, Candidate &candidate) const {
    if (std::exchange(candidate.isJudged, true))
      return;
    TilePlan plan(segment.tasks[t].mappings[candidate.block.mapping], target, candidate.block, schedule.isResident);
    candidate.refused = plan.check();
    if (candidate.refused)
      return;
    plan.estimate(movers);
    candidate.block = plan.schedule;
    candidate.tiles = plan.constantTiles() * plan.otherTiles();
    candidate.otherTiles = plan.otherTiles();
    candidate.constantsSlowest = plan.constantsSlowest();
  }

private:
  std::vector<Candidate> listOf(const Task &task, const Schedule &schedule) const {
    std::vector<Candidate> list;
    for (size_t m = 0; m != std::min(task.mappings.size(), kMostMappings); ++m)
      for (BlockSchedule &block : tileCandidates(task.mappings[m], int(m))) {
        const TilePlan plan(task.mappings[m], target, block, schedule.isResident);
        Candidate candidate;
        candidate.block = std::move(block);
        for (size_t memory = 0; memory != target.memories.size(); ++memory)
          candidate.bytes.push_back(plan.bufferBytes(int(memory)));
        list.push_back(std::move(candidate));
      }
    return list;
  }

  const Segment &segment;
  const Target &target;
  const Movers movers;
  std::vector<std::map<std::vector<bool>, std::vector<Candidate>>> known; // per task
};

class Chooser {
public:
  Chooser(const Segment &segment, const Target &target, Candidates &candidates, const Policy &policy)
      : segment(segment), target(target), candidates(candidates), overlap(policy.overlap),
        waitCycles(policy.waitCycles), keeps(policy.keeps), lives(livesOf(segment)) {
    findStripes();
    isBarred.assign(segment.tasks.size(), false);
  }

  /// Is there a task beside which one of another engine could run?
  bool canOverlap() const { return std::ranges::find(isStriped, true) != isStriped.end(); }

  std::variant<Schedule, ScheduleFailure> run() {
    chooseResidents();
    for (size_t t = 0; t != segment.tasks.size(); ++t)
      percent.push_back(isStriped[t] ? kStripePercent : 100);
    for (;;) {
      std::optional<int> demote;
      if (auto failure = chooseTiles(demote))
        return std::move(*failure);
      int crowded = -1;
      if (!demote && place(crowded))
        return std::move(schedule);
      if (!demote && barLinks(crowded))
        continue;
      if (!demote)
        demote = victim(crowded);
      if (demote) {
        schedule.isResident[*demote] = false;
        continue;
      }
      // Nothing left to give way: the buffers fit in sum, but not beside each other. Smaller tiles then.
      if (percent[crowded] == 0)
        return ScheduleFailure{crowded, {"", "memory", "no room on chip for the buffers of its smallest tile"}};
      percent[crowded] = percent[crowded] * 3 / 4;
    }
  }

private:
  // Neighbours on different engines run side by side, stripe by stripe of the image.
  void findStripes() {
    auto engine = [&](size_t t) { return engineOf(segment.tasks[t].mappings.front()); };
    isStriped.assign(segment.tasks.size(), false);
    for (size_t t = 1; t < segment.tasks.size(); ++t)
      if (overlap > 0 && engine(t) != engine(t - 1))
        isStriped[t - 1] = isStriped[t] = true;
  }

  /// The task's schedule as far as its neighbours decide it, before links.
  void beginAlone(int t, BlockSchedule &block) const {
    block.ahead = std::min(t, overlap);
    block.lead = t > 0 && overlap > 0 && isStriped[t - 1] && isStriped[t] ? 1 : 0;
  }

  // A task on another engine that can start on the first results of the one before, in the order in which both run
  // anyway, begins beside it.
  void linkNeighbours(const std::vector<TilePlan> &plans) {
    for (size_t t = 0; t != plans.size(); ++t) {
      BlockSchedule &block = schedule.blocks[t];
      beginAlone(int(t), block);
      if (t == 0 || overlap > 0 || isBarred[t] || engineOf(plans[t].mapping) == engineOf(plans[t - 1].mapping) ||
          !startsEarly(plans, int(t)))
        continue;
      block.ahead = 1;
      block.lead = kLead;
    }
  }

  // Does the task's first tile need only results of early tiles of the one before?
  bool startsEarly(const std::vector<TilePlan> &plans, int t) const {
    const std::vector<Ranges> tiles = plans[t].tiles(), before = plans[t - 1].tiles();
    for (const Stream &stream : plans[t].streams) {
      if (stream.isWritten || lives[stream.tensor].producer != t - 1)
        continue;
      size_t last = 0;
      for (size_t tile = 0; tile != before.size(); ++tile)
        if (isMade(plans[t - 1], before[tile], plans[t], stream, tiles.front()))
          last = tile;
      return tiles.size() > 1 && last + 1 < before.size();
    }
    return false;
  }

  // The links of a task that finds no room are given up first.
  bool barLinks(int crowded) {
    bool isChanged = false;
    for (int t : {crowded, crowded + 1})
      if (overlap == 0 && t < int(schedule.blocks.size()) && schedule.blocks[t].lead > 0)
        isChanged = isBarred[t] = true;
    return isChanged;
  }

  // Whatever is read again, if it is small enough to think of.
  void chooseResidents() {
    schedule.isResident.assign(segment.tensors.size(), false);
    for (size_t i = 0; i != segment.tensors.size(); ++i) {
      const Tensor &tensor = segment.tensors[i];
      const bool isReadAgain = lives[i].readers > (tensor.isInput ? 1 : 0);
      schedule.isResident[i] = keeps && lives[i].first >= 0 && lives[i].mayReside && isReadAgain &&
                               tensor.bytes <= capacityOf(target.memories[lives[i].memory]) * 3 / 4;
    }
  }

  bool isAlive(size_t tensor, int task) const {
    return schedule.isResident[tensor] && std::max(0, lives[tensor].first - overlap) <= task &&
           task <= lives[tensor].last;
  }

  int64_t residentBytes(int task, int memory) const {
    int64_t bytes = 0;
    for (size_t i = 0; i != segment.tensors.size(); ++i)
      if (lives[i].memory == memory && isAlive(i, task))
        bytes += segment.tensors[i].bytes;
    return bytes;
  }

  // The largest resident at this task.
  std::optional<int> victim(int task) const {
    std::optional<int> found;
    for (size_t i = 0; i != segment.tensors.size(); ++i)
      if (isAlive(i, task) && (!found || segment.tensors[i].bytes > segment.tensors[*found].bytes))
        found = int(i);
    return found;
  }

  // The cheapest of the task's tiles that have room beside the residents; nothing, and why, if none has.
  std::optional<BlockSchedule> cheapest(int t, Rejection &why) {
    if (percent[t] == 0) {
      auto alone = aloneFit(segment, target, t, why);
      return alone ? std::optional(std::move(alone->block)) : std::nullopt;
    }
    std::vector<int64_t> room;
    for (size_t m = 0; m != target.memories.size(); ++m)
      room.push_back((capacityOf(target.memories[m]) - residentBytes(t, int(m))) * percent[t] / 100);
    const Candidate *best = nullptr;
    uint64_t bestCost = 0;
    for (Candidate &candidate : candidates.of(t, schedule)) {
      if (auto rejection = findsRoom(t, candidate, room)) {
        why = *rejection;
        continue;
      }
      candidates.judge(t, schedule, candidate);
      if (candidate.refused) {
        why = *candidate.refused;
        continue;
      }
      uint64_t cost = candidate.block.cycles + waitCycles * uint64_t(candidate.tiles);
      if (isStriped[t]) { // the neighbour waits for the first stripe, which must hold all channels
        if (candidate.constantsSlowest)
          continue;
        cost += cost / uint64_t(std::min(candidate.otherTiles, kStripes));
      }
      if (!best || cost < bestCost) {
        best = &candidate;
        bestCost = cost;
      }
    }
    return best ? std::optional(best->block) : std::nullopt;
  }

  std::optional<Rejection> findsRoom(int t, const Candidate &candidate, const std::vector<int64_t> &room) const {
    for (size_t m = target.memories.size(); m-- > 0;)
      if (candidate.bytes[m] > room[m] && !target.memories[m].isExternal)
        return Rejection{segment.tasks[t].mappings[candidate.block.mapping].chain->name, "memory",
                         "the tile needs " + std::to_string(candidate.bytes[m]) + " bytes of " +
                             target.memories[m].name + ", " + std::to_string(room[m]) + " are free"};
    return std::nullopt;
  }

  std::optional<ScheduleFailure> chooseTiles(std::optional<int> &demote) {
    schedule.blocks.clear();
    for (size_t t = 0; t != segment.tasks.size(); ++t) {
      Rejection why{"", "memory", "no mapping"};
      std::optional<BlockSchedule> best = cheapest(int(t), why);
      if (!best) {
        demote = victim(int(t));
        if (demote)
          return std::nullopt;
        if (overlap == 0 && percent[t] != 0 && percent[t] != 100) {
          percent[t] = 0; // what it was allowed is less than it takes: as little as possible, then
          best = cheapest(int(t), why);
        }
        if (!best)
          return ScheduleFailure{int(t), why};
      }
      schedule.blocks.push_back(std::move(*best));
    }
    return std::nullopt;
  }

  // Is there room for it all? Else the task whose buffers found none.
  bool place(int &crowded) {
    for (size_t t = 0; t != schedule.blocks.size(); ++t)
      beginAlone(int(t), schedule.blocks[t]);
    const std::vector<TilePlan> plans = plansOf(segment, target, schedule);
    linkNeighbours(plans);
    for (bool prefetches : {true, false}) {
      schedule.prefetches = prefetches;
      auto placed = placeOnChip(segment, target, schedule, plans);
      if (std::holds_alternative<MemoryMap>(placed))
        return true;
      crowded = std::get<Crowded>(placed).task;
    }
    return false;
  }

  static constexpr int64_t kStripes = 6;        // more do not help: each costs a start, and an engine's queue is short
  static constexpr int64_t kStripePercent = 40; // of the free memory, for a task that shares it with its neighbours
  static constexpr int kLead = 4; // tiles that a producer is ahead when its results go through the outer memory

  const Segment &segment;
  const Target &target;
  Candidates &candidates;
  const int overlap;
  const uint64_t waitCycles;
  const bool keeps;
  const std::vector<Life> lives; // per tensor
  std::vector<bool> isStriped;   // per task
  std::vector<bool> isBarred;    // per task: must not be linked
  std::vector<int64_t> percent;  // per task: of the free memory that its buffers may take; 0: as little as they can
  Schedule schedule;
};

int64_t residentBytes(const Segment &segment, const Schedule &schedule) {
  int64_t bytes = 0;
  for (size_t t = 0; t != segment.tensors.size(); ++t)
    bytes += schedule.isResident[t] ? segment.tensors[t].bytes : 0;
  return bytes;
}

// By the estimate of each block.
uint64_t cyclesOf(const Schedule &schedule) {
  uint64_t cycles = 0;
  for (const BlockSchedule &block : schedule.blocks)
    cycles += block.cycles;
  return cycles;
}

constexpr int kOverlap = 2;                      // expand, depthwise and project of one block at once
constexpr uint64_t kWaitCycles[] = {0, 30, 100}; // one burst of an ideal memory takes 30

} // namespace

std::variant<std::vector<Schedule>, ScheduleFailure> chooseSchedules(const Segment &segment, const Target &target) {
  Candidates candidates(segment, target);
  std::vector<Schedule> schedules;
  for (uint64_t waitCycles : kWaitCycles) {
    auto plain = Chooser(segment, target, candidates, {0, waitCycles}).run();
    if (auto *failure = std::get_if<ScheduleFailure>(&plain))
      return *failure;
    schedules.push_back(std::move(std::get<Schedule>(plain)));
    Chooser overlapping(segment, target, candidates, {kOverlap, waitCycles});
    if (!overlapping.canOverlap())
      continue;
    auto overlapped = overlapping.run();
    if (auto *schedule = std::get_if<Schedule>(&overlapped)) {
      // Tasks side by side need more room: not first if tensors must leave the chip for it.
      const bool isFirst =
          schedules.size() == 1 && residentBytes(segment, *schedule) >= residentBytes(segment, schedules[0]);
      schedules.insert(isFirst ? schedules.begin() : schedules.end(), std::move(*schedule));
    }
  }
  // What stays on chip through a large product leaves it tiles that read everything again and again.
  auto bare = Chooser(segment, target, candidates, {0, 0, false}).run();
  if (auto *schedule = std::get_if<Schedule>(&bare))
    if (std::ranges::all_of(schedules, [&](const Schedule &other) { return cyclesOf(*schedule) < cyclesOf(other); }))
      schedules.push_back(std::move(*schedule));
  for (size_t i = 0; i != schedules.size(); ++i)
    schedules.erase(std::remove(schedules.begin() + ptrdiff_t(i) + 1, schedules.end(), schedules[i]), schedules.end());
  return schedules;
}

void estimate(const Segment &segment, const Target &target, Schedule &schedule) {
  const Movers movers(target);
  std::vector<TilePlan> plans = plansOf(segment, target, schedule);
  for (size_t t = 0; t != plans.size(); ++t) {
    plans[t].estimate(movers);
    schedule.blocks[t] = plans[t].schedule;
  }
}

std::variant<uint64_t, ScheduleFailure> leastMemory(const Segment &segment, const Target &target) {
  uint64_t most = 0;
  for (int t = 0; t != int(segment.tasks.size()); ++t) {
    Rejection why;
    auto alone = aloneFit(segment, target, t, why);
    if (!alone)
      return ScheduleFailure{t, why};
    most = std::max(most, alone->peakBytes);
  }
  return most;
}

} // namespace tw::tensorize
