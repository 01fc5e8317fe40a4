// SPDX-License-Identifier: Apache-2.0
// Waits and posts from what lines touch. The program checker compares exact bytes (Footprints.h) and remembers who was
// there last; here an access has a form that takes no time to compare and may hold a few bytes more.
#include "tw/isa/Synchronise.h"

#include "Random.h"
#include "tw/isa/Encoder.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <numeric>
#include <optional>

namespace tw::isa {
namespace {

/// Granules that a line touches, or a few more: those at lo + k * period + 0..run-1, below hi. Period 0: all.
struct Reach {
  Space space;
  int region = 0; // of DRAM
  int64_t lo = 0, hi = 0;
  bool isWritten = false;
  int64_t run = 0, period = 0;
};

int64_t number(const Value &value, const Line &line, const HwConfig &config) {
  return value.kind == Value::Field ? line.get(line.row()->fields[size_t(value.value)].ref)
                                    : int64_t(fixedValue(value, config.n));
}

int64_t fieldOf(const Line &line, int field) { return line.get(line.row()->fields[size_t(field)].ref); }

// Where an access goes, relative to its base.
void walk(const Access &access, const Line &line, const HwConfig &config, Reach &reach) {
  const Semantics &sem = *line.row()->semantics;
  auto extentOf = [&](int loop) { return number(sem.loops[size_t(loop)].extent, line, config); };
  const int64_t elemBytes = access.elem == Elem::I8 ? 1 : 4;
  const bool isBytes = access.space == Space::SPM || access.space == Space::DRAM;
  // One row of lanes: bytes in a byte memory, one granule elsewhere.
  const int64_t row = isBytes ? (access.lane == LaneKind::Scalar ? elemBytes : elemBytes * config.n) : 1;
  if (!access.isStrided) {
    int64_t steps = 1;
    for (uint8_t loop : access.packed)
      steps *= extentOf(loop);
    if (access.lane == LaneKind::Count)
      steps = (steps + config.n - 1) / config.n;
    int64_t unit = access.unitIsBytes || !isBytes ? access.unit : access.unit * row;
    reach.hi = reach.lo + (access.unitIsBytes ? steps * unit : access.lead * row + (steps - 1) * unit + row);
    return;
  }
  std::vector<std::pair<int64_t, int64_t>> dims; // stride, steps
  reach.hi = reach.lo + row;
  for (const Dim &dim : access.dims) {
    int64_t last = 0;
    for (const Term &term : dim.terms)
      last += number(term.factor, line, config) * (extentOf(term.loop) - 1);
    if (dim.extentField >= 0)
      last = fieldOf(line, dim.extentField) - 1;
    const int64_t stride = number(dim.stride, line, config);
    reach.hi += last * stride;
    if (last > 0 && stride > 0)
      dims.push_back({stride, last + 1});
  }
  // Neighbours are one run; what is left repeats it at multiples of one period.
  std::ranges::sort(dims);
  reach.run = row;
  for (auto [stride, steps] : dims)
    if (reach.period == 0 && stride <= reach.run)
      reach.run += (steps - 1) * stride;
    else
      reach.period = std::gcd(reach.period, stride);
  if (reach.run >= reach.period)
    reach.period = 0;
}

std::vector<Reach> reachesOf(const Line &line, const HwConfig &config) {
  std::vector<Reach> result;
  if (!line.row()->semantics)
    return result;
  for (const Access &access : line.row()->semantics->accesses) {
    Reach reach{access.space, access.regionField < 0 ? 0 : int(fieldOf(line, access.regionField)),
                fieldOf(line, access.baseField), 0, access.dir != Dir::Read};
    walk(access, line, config, reach);
    if (access.space == Space::ACC) { // the two units may not even meet in one half
      const int64_t half = config.accRows / 2;
      reach.lo = reach.lo / half * half;
      reach.hi = (reach.hi + half - 1) / half * half;
    }
    result.push_back(reach);
  }
  return result;
}

int64_t runOf(const Reach &reach) { return reach.period ? reach.run : reach.hi - reach.lo; }

bool areDisjoint(const Reach &a, const Reach &b) {
  if (a.hi <= b.lo || b.hi <= a.lo)
    return true;
  const int64_t period = std::gcd(a.period, b.period);
  if (period == 0)
    return false;
  const int64_t distance = ((b.lo - a.lo) % period + period) % period;
  return distance >= runOf(a) && distance + runOf(b) <= period;
}

bool covers(const Reach &all, const Reach &part) {
  if (part.lo < all.lo || all.hi < part.hi)
    return false;
  return all.period == 0 || (part.period % all.period == 0 && (part.lo - all.lo) % all.period + runOf(part) <= all.run);
}

constexpr int kQueues = kEngines - 1;

// Line of the latest instruction of each queue that has ended; -1: none.
using Knowledge = std::array<int, kQueues>;

void merge(Knowledge &into, const Knowledge &from) {
  for (size_t q = 0; q != into.size(); ++q)
    into[q] = std::max(into[q], from[q]);
}

class Synchroniser {
public:
  Synchroniser(const Program &program, const HwConfig &config, uint64_t seed)
      : program(program), known(program.lines.size()), posts(program.lines.size()), waits(program.lines.size()),
        fenceBefore(program.lines.size(), false), reaches(program.lines.size()) {
    std::iota(semaphores.begin(), semaphores.end(), uint8_t(0));
    if (seed) {
      variety.emplace(seed);
      for (size_t i = semaphores.size() - 1; i > 0; --i)
        std::swap(semaphores[i], semaphores[variety->below(i + 1)]);
    }
    atStart.fill(-1);
    queueKnows.fill(atStart);
    lastOfQueue.fill(-1);
    for (size_t i = 0; i != program.lines.size(); ++i) {
      if (!isQueued(int(i)))
        continue;
      reaches[i] = reachesOf(program.lines[i], config);
      for (const Reach &reach : reaches[i])
        if (reach.isWritten)
          isWritten[placeOf(reach)] = true;
    }
  }

  Program run() {
    for (size_t i = 0; i != program.lines.size(); ++i)
      if (program.lines[i].opcodeByte() == unsigned(Opcode::Fence))
        passFence();
      else if (isQueued(int(i)))
        order(int(i));
    return result();
  }

private:
  struct Active {
    Reach reach;
    int queue, line;
  };
  struct Edge {
    int waiter, amount;
  };

  static size_t placeOf(const Reach &reach) { return size_t(reach.space) * kRegions + size_t(reach.region); }
  bool isQueued(int i) const {
    const Instruction *row = program.lines[size_t(i)].row();
    return row && row->engine != Engine::FE;
  }
  int queueOf(int i) const { return int(program.lines[size_t(i)].row()->engine); }

  std::vector<int> dependences(int i) {
    std::vector<int> result;
    for (Reach &reach : reaches[size_t(i)]) {
      if (!isWritten[placeOf(reach)])
        continue; // nothing to wait for
      std::vector<Active> &active = spaces[placeOf(reach)];
      if (active.size() > kExact) // keeps the list short: whatever lies between its ends is covered
        reach.period = 0;
      std::erase_if(active, [&](const Active &old) {
        if (old.line == i || areDisjoint(old.reach, reach))
          return false;
        bool isConflict = old.reach.isWritten || reach.isWritten;
        if (isConflict && old.queue != queueOf(i))
          result.push_back(old.line);
        // Whoever meets the old access later meets this one, too, and is ordered after it.
        return covers(reach, old.reach) && (reach.isWritten || (!old.reach.isWritten && old.queue == queueOf(i)));
      });
      active.push_back({reach, queueOf(i), i});
    }
    return latestOfQueues(std::move(result));
  }

  // Of each queue the last one, the latest first: what it knows may imply the others.
  std::vector<int> latestOfQueues(std::vector<int> lines) const {
    std::ranges::sort(lines, std::greater<>());
    std::vector<int> result;
    for (int line : lines)
      if (std::ranges::none_of(result, [&](int other) { return queueOf(other) == queueOf(line); }))
        result.push_back(line);
    return result;
  }

  void order(int i) {
    const int queue = queueOf(i);
    Knowledge knows = queueKnows[size_t(queue)];
    knows[size_t(queue)] = std::max(knows[size_t(queue)], lastOfQueue[size_t(queue)]);
    Knowledge attempt = knows;
    std::vector<std::pair<int, int>> posters; // line, amount
    auto waitFor = [&](int d) {
      const int poster = posterFor(d, i), amount = poster < 0 ? 0 : amountFor(poster, queue);
      if (amount == 0 || posters.size() == kSyncSlots)
        return false;
      posters.push_back({poster, amount});
      merge(attempt, known[size_t(poster)]);
      attempt[size_t(queueOf(poster))] = std::max(attempt[size_t(queueOf(poster))], poster);
      return true;
    };
    std::vector<int> needed = dependences(i);
    if (variety && needed.size() <= kSyncSlots && variety->oneIn(2)) // waits that others imply
      std::ranges::reverse(needed);
    const bool isOrdered =
        std::ranges::all_of(needed, [&](int d) { return attempt[size_t(queueOf(d))] >= d || waitFor(d); });
    if (!isOrdered) {
      fenceBefore[size_t(i)] = true;
      passFence();
      attempt = atStart;
    } else {
      if (variety && variety->oneIn(4)) // an order that no byte asks for
        if (const int from = int(variety->below(kQueues)), last = lastOfQueue[size_t(from)];
            from != queue && last > attempt[size_t(from)] &&
            std::ranges::none_of(posters, [&](auto poster) { return queueOf(poster.first) == from; }))
          waitFor(last);
      for (auto [poster, amount] : posters)
        connect(poster, i, amount);
    }
    known[size_t(i)] = queueKnows[size_t(queue)] = attempt;
    lastOfQueue[size_t(queue)] = i;
  }

  // d itself, or a later instruction of its queue that still has a free slot.
  int posterFor(int d, int i) const {
    for (int j = d; j < i; ++j)
      if (isQueued(j) && queueOf(j) == queueOf(d) && posts[size_t(j)].size() < kSyncSlots &&
          std::ranges::find(posts[size_t(j)], semaphoreOf(queueOf(j), queueOf(i)), &SyncAction::semaphore) ==
              posts[size_t(j)].end())
        return j;
    return -1;
  }

  // Posts that may be pending at once stay countable. Those that may be are of waits that the poster does not know to
  // be over; 0: none more.
  int amountFor(int poster, int queue) {
    constexpr int kMost = 8; // of one post
    const int wanted = variety && variety->oneIn(3) ? 1 + int(variety->below(kMost)) : 1;
    const std::vector<Edge> &pair = edges[size_t(queueOf(poster) * kQueues + queue)];
    int room = kWindow;
    for (auto edge = pair.rbegin();
         edge != pair.rend() && room > 0 && known[size_t(poster)][size_t(queue)] < edge->waiter; ++edge)
      room -= edge->amount;
    return std::clamp(wanted, 0, std::max(room, 0));
  }

  void connect(int poster, int waiter, int amount) {
    const SyncAction action{semaphoreOf(queueOf(poster), queueOf(waiter)), uint8_t(amount)};
    posts[size_t(poster)].push_back(action);
    waits[size_t(waiter)].push_back(action);
    edges[size_t(queueOf(poster) * kQueues + queueOf(waiter))].push_back({waiter, amount});
  }

  void passFence() {
    atStart = lastOfQueue;
    queueKnows.fill(atStart);
    for (std::vector<Edge> &pair : edges)
      pair.clear();
  }

  uint8_t semaphoreOf(int poster, int waiter) const {
    return semaphores[size_t(poster * (kQueues - 1) + (waiter > poster ? waiter - 1 : waiter))];
  }

  Program result() const {
    Program made{{}, program.tags};
    for (size_t i = 0; i != program.lines.size(); ++i) {
      Line line = program.lines[i];
      if (fenceBefore[i])
        made.lines.push_back(Line(Opcode::Fence).setTag(line.tag()));
      for (const auto *slots : {&kWaitSlots, &kPostSlots})
        for (const SyncSlot &slot : *slots)
          line.set(slot.valid, 0).set(slot.sem, 0).set(slot.amount, 0);
      auto add = [](const Status &added) {
        assert(added && "slots, semaphores and amounts were chosen to fit");
        (void)added;
      };
      for (SyncAction wait : waits[i])
        add(addWait(line, wait));
      for (SyncAction post : posts[i])
        add(addPost(line, post));
      made.lines.push_back(line);
    }
    return made;
  }

  static constexpr int kWindow = 60;    // below the largest value of a counter
  static constexpr size_t kExact = 512; // accesses of a memory that are kept apart within their ranges

  const Program &program;
  std::optional<Random> variety;
  std::array<uint8_t, kSemaphores> semaphores; // of each pair of queues
  std::vector<Knowledge> known;                // what has ended when an instruction starts
  std::vector<std::vector<SyncAction>> posts, waits;
  std::vector<bool> fenceBefore;
  Knowledge atStart;
  std::array<Knowledge, kQueues> queueKnows;
  std::array<int, kQueues> lastOfQueue;
  std::array<std::vector<Edge>, kQueues * kQueues> edges; // of a pair of queues, since the last fence
  std::vector<std::vector<Reach>> reaches;                // per line
  std::array<std::vector<Active>, kSpaces.size() * kRegions> spaces;
  std::array<bool, kSpaces.size() * kRegions> isWritten{}; // by any instruction
};

} // namespace

Program synchronise(const Program &program, const HwConfig &config, uint64_t seed) {
  return Synchroniser(program, config, seed).run();
}

} // namespace tw::isa
