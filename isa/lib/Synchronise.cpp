// SPDX-License-Identifier: Apache-2.0
// Waits and posts from what lines touch.
#include "Hazards.h"
#include "Random.h"
#include "tw/isa/Encoder.h"
#include "tw/isa/RandomProgram.h"
#include <numeric>
#include <utility>

namespace tw::isa {
namespace {

class Synchroniser {
public:
  Synchroniser(const HwConfig &config, uint64_t seed) : config(config), random(seed), isPlain(seed == 0) {
    std::iota(permutation.begin(), permutation.end(), 0);
    if (!isPlain)
      for (int i = kSemaphores - 1; i > 0; --i)
        std::swap(permutation[i], permutation[random.below(i + 1)]);
  }

  Program run(const Program &program) {
    out.tags = program.tags;
    for (Line line : program.lines) {
      for (const auto *slots : {&kWaitSlots, &kPostSlots})
        for (const SyncSlot &slot : *slots)
          line.set(slot.valid, 0).set(slot.sem, 0).set(slot.amount, 0);
      if (line.opcodeByte() == unsigned(Opcode::Fence))
        addFence();
      else
        addLine(line);
    }
    return std::move(out);
  }

private:
  struct Issued {
    int line; // in the output
    Clock end;
  };
  struct Pair {
    int lastPosted = -1; // index in the poster's queue
    int outstanding = 0; // posted since the last fence, taken or not
  };

  void addFence() {
    ordering.takeFence();
    history.clear();
    for (auto &row : pairs)
      for (Pair &pair : row)
        pair.outstanding = 0;
    out.lines.emplace_back(Opcode::Fence);
  }

  void addLine(Line line) {
    const Instruction *row = line.row();
    if (!row || row->engine == Engine::FE) {
      out.lines.push_back(line);
      return;
    }
    int queue = int(row->engine);
    std::vector<Touched> touched = orderedBy(line, config);
    Clock clock = ordering.start(queue);
    if (!order(line, queue, touched, clock)) {
      addFence();
      clock = ordering.start(queue);
    } else if (!isPlain && random.below(4) == 0) {
      addNeedless(line, queue, clock);
    }
    int index = ordering.next(queue);
    for (const Touched &t : touched)
      history.add(t, queue, {index, int(out.lines.size())});
    issued[queue].push_back({int(out.lines.size()), ordering.issue(queue, clock)});
    out.lines.push_back(line);
  }

  // Adds the waits that this line needs; false, with everything as before, when a fence must stand before it.
  bool order(Line &line, int queue, const std::vector<Touched> &touched, Clock &clock) {
    std::array<int, kQueues> need;
    need.fill(-1);
    for (const Touched &t : touched)
      history.forEachConflict(t, queue, [&](int q, Mark mark, Run) { need[q] = std::max(need[q], mark.index); });
    Line savedLine = line;
    Clock savedClock = clock;
    std::vector<std::pair<int, Line>> changed; // posters as they were
    auto savedPairs = pairs;
    for (int q = 0; q != kQueues; ++q)
      if (need[q] >= clock.ended[q] && !connect(line, q, queue, need[q], clock, changed)) {
        for (auto it = changed.rbegin(); it != changed.rend(); ++it)
          out.lines[it->first] = it->second;
        pairs = savedPairs;
        line = savedLine;
        clock = savedClock;
        return false;
      }
    return true;
  }

  // Lets `line` of queue `to` wait for the instruction `index` of queue `from`, or for a later one with a free slot.
  bool connect(Line &line, int from, int to, int index, Clock &clock, std::vector<std::pair<int, Line>> &changed) {
    Pair &pair = pairs[from][to];
    int amount = isPlain ? 1 : int(1 + random.below(random.below(3) ? 1 : 8));
    amount = std::min(amount, kSemaphoreMax - pair.outstanding);
    if (amount <= 0 || waits(line).count == kSyncSlots)
      return false;
    for (index = std::max(index, pair.lastPosted + 1); index < int(issued[from].size()); ++index) {
      Issued &poster = issued[from][index];
      SyncAction action{uint8_t(permutation[from * (kQueues - 1) + (to > from ? to - 1 : to)]), uint8_t(amount)};
      Line changedPoster = out.lines[poster.line];
      if (!addPost(changedPoster, action))
        continue;
      if (!addWait(line, action))
        return false;
      changed.emplace_back(poster.line, out.lines[poster.line]);
      out.lines[poster.line] = changedPoster;
      pair.lastPosted = index;
      pair.outstanding += amount;
      clock.join(poster.end);
      return true;
    }
    return false;
  }

  // An order that no byte asks for.
  void addNeedless(Line &line, int queue, Clock &clock) {
    int from = int(random.below(kQueues));
    int last = int(issued[from].size()) - 1;
    std::vector<std::pair<int, Line>> changed;
    if (from != queue && last >= clock.ended[from])
      connect(line, from, queue, last, clock, changed);
  }

  const HwConfig &config;
  Random random;
  bool isPlain;
  std::array<int, kSemaphores> permutation;
  Program out;
  Ordering ordering;
  AccessHistory history;
  std::array<std::vector<Issued>, kQueues> issued;
  std::array<std::array<Pair, kQueues>, kQueues> pairs;
};

} // namespace

Program synchronise(const Program &program, const HwConfig &config, uint64_t seed) {
  return Synchroniser(config, seed).run(program);
}

} // namespace tw::isa
