// SPDX-License-Identifier: Apache-2.0
#include "tw/codegen/Synchronise.h"

#include "tw/isa/Encoder.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace tw::codegen {
namespace {

using isa::Value;
using tensorize::Instruction;

int64_t number(const Value &value, const Instruction &instruction, const isa::HwConfig &config) {
  return value.kind == Value::Field ? instruction.values[value.value] : int64_t(isa::fixedValue(value, config.n));
}

// Where an access goes, relative to its base.
void walk(const isa::Access &access, const Instruction &instruction, const isa::HwConfig &config, Touched &touched) {
  const isa::Semantics &sem = *instruction.row->semantics;
  auto extentOf = [&](int loop) { return number(sem.loops[loop].extent, instruction, config); };
  const int64_t elemBytes = tensorize::elemBytes(access.elem);
  const bool isBytes = access.space == isa::Space::SPM || access.space == isa::Space::DRAM;
  // One row of lanes: bytes in a byte memory, one granule elsewhere.
  const int64_t row = isBytes ? (access.lane == isa::LaneKind::Scalar ? elemBytes : elemBytes * config.n) : 1;
  if (!access.isStrided) {
    int64_t steps = 1;
    for (uint8_t loop : access.packed)
      steps *= extentOf(loop);
    if (access.lane == isa::LaneKind::Count)
      steps = (steps + config.n - 1) / config.n;
    int64_t unit = access.unitIsBytes || !isBytes ? access.unit : access.unit * row;
    touched.hi = touched.lo + (access.unitIsBytes ? steps * unit : access.lead * row + (steps - 1) * unit + row);
    return;
  }
  std::vector<std::pair<int64_t, int64_t>> dims; // stride, steps
  touched.hi = touched.lo + row;
  for (const isa::Dim &dim : access.dims) {
    int64_t last = 0;
    for (const isa::Term &term : dim.terms)
      last += number(term.factor, instruction, config) * (extentOf(term.loop) - 1);
    if (dim.extentField >= 0)
      last = instruction.values[dim.extentField] - 1;
    const int64_t stride = number(dim.stride, instruction, config);
    touched.hi += last * stride;
    if (last > 0 && stride > 0)
      dims.push_back({stride, last + 1});
  }
  // Neighbours are one run; what is left repeats it at multiples of one period.
  std::ranges::sort(dims);
  touched.run = row;
  for (auto [stride, steps] : dims)
    if (touched.period == 0 && stride <= touched.run)
      touched.run += (steps - 1) * stride;
    else
      touched.period = std::gcd(touched.period, stride);
  if (touched.run >= touched.period)
    touched.period = 0;
}

int64_t runOf(const Touched &touched) { return touched.period ? touched.run : touched.hi - touched.lo; }

bool areDisjoint(const Touched &a, const Touched &b) {
  if (a.hi <= b.lo || b.hi <= a.lo)
    return true;
  const int64_t period = std::gcd(a.period, b.period);
  if (period == 0)
    return false;
  const int64_t distance = ((b.lo - a.lo) % period + period) % period;
  return distance >= runOf(a) && distance + runOf(b) <= period;
}

bool covers(const Touched &all, const Touched &part) {
  if (part.lo < all.lo || all.hi < part.hi)
    return false;
  return all.period == 0 || (part.period % all.period == 0 && (part.lo - all.lo) % all.period + runOf(part) <= all.run);
}

// Index in stream order of the latest instruction of each queue that has ended; -1: none.
using Knowledge = std::array<int, isa::kEngines>;

void merge(Knowledge &into, const Knowledge &from) {
  for (size_t e = 0; e != into.size(); ++e)
    into[e] = std::max(into[e], from[e]);
}

struct ActiveAccess {
  Touched touched;
  int engine, index;
};

class Synchroniser {
public:
  Synchroniser(std::span<const TaggedInstruction> instructions, const isa::HwConfig &config)
      : instructions(instructions), known(instructions.size()), posts(instructions.size()), waits(instructions.size()),
        fenceBefore(instructions.size(), false) {
    atStart.fill(-1);
    queueKnows.fill(atStart);
    lastOfQueue.fill(-1);
    for (const TaggedInstruction &each : instructions)
      for (const Touched &touched : allTouched.emplace_back(touchedBy(each.instruction, config)))
        if (touched.isWritten)
          isWritten[placeOf(touched)] = true;
  }

  Result<std::vector<isa::Line>> run(SyncCounts *counts) {
    for (size_t i = 0; i != instructions.size(); ++i)
      order(int(i));
    return lines(counts);
  }

private:
  static size_t placeOf(const Touched &touched) {
    return size_t(touched.space) * isa::kRegions + size_t(touched.region);
  }
  int engineOf(int i) const { return int(instructions[i].instruction.row->engine); }

  std::vector<int> dependences(int i) {
    std::vector<int> result;
    for (Touched &touched : allTouched[size_t(i)]) {
      if (!isWritten[placeOf(touched)])
        continue; // nothing to wait for
      std::vector<ActiveAccess> &active = spaces[placeOf(touched)];
      if (active.size() > kExact) // keeps the list short: whatever lies between its ends is covered
        touched.period = 0;
      std::erase_if(active, [&](const ActiveAccess &old) {
        if (old.index == i || areDisjoint(old.touched, touched))
          return false;
        bool isConflict = old.touched.isWritten || touched.isWritten;
        if (isConflict && old.engine != engineOf(i))
          result.push_back(old.index);
        // Whoever meets the old access later meets this one, too, and is ordered after it.
        return covers(touched, old.touched) &&
               (touched.isWritten || (!old.touched.isWritten && old.engine == engineOf(i)));
      });
      active.push_back({touched, engineOf(i), i});
    }
    std::ranges::sort(result, std::greater<>());
    result.erase(std::unique(result.begin(), result.end()), result.end());
    return result;
  }

  void order(int i) {
    const int engine = engineOf(i);
    Knowledge knows = queueKnows[engine];
    if (lastOfQueue[engine] >= 0)
      knows[engine] = lastOfQueue[engine];
    std::vector<int> needed = dependences(i);
    Knowledge attempt = knows;
    std::vector<int> posters;
    bool mustFence = false;
    for (int d : needed) {
      if (attempt[engineOf(d)] >= d)
        continue;
      int poster = posterFor(d, i);
      if (poster < 0 || posters.size() == isa::kSyncSlots || !counterFits(poster, engine)) {
        mustFence = true;
        break;
      }
      posters.push_back(poster);
      merge(attempt, known[poster]);
      attempt[engineOf(poster)] = std::max(attempt[engineOf(poster)], poster);
    }
    if (mustFence) {
      fence(i);
      attempt = atStart;
    } else {
      for (int poster : posters)
        connect(poster, i);
    }
    known[i] = queueKnows[engine] = attempt;
    lastOfQueue[engine] = i;
  }

  // d itself, or a later instruction of its queue that still has a free slot.
  int posterFor(int d, int i) const {
    for (int j = d; j < i; ++j)
      if (engineOf(j) == engineOf(d) && posts[j].size() < isa::kSyncSlots &&
          std::ranges::find(posts[j], engineOf(i), &Edge::peer) == posts[j].end())
        return j;
    return -1;
  }

  // Posts that may be pending at once stay countable: the waiter of the one kWindow edges ago has started before this
  // post.
  bool counterFits(int poster, int engine) const {
    const std::vector<int> &waiters = edges[engineOf(poster) * isa::kEngines + engine];
    return waiters.size() < kWindow || known[poster][engine] >= waiters[waiters.size() - kWindow];
  }

  void connect(int poster, int waiter) {
    posts[poster].push_back({engineOf(waiter)});
    waits[waiter].push_back({engineOf(poster)});
    edges[engineOf(poster) * isa::kEngines + engineOf(waiter)].push_back(waiter);
  }

  void fence(int i) {
    fenceBefore[i] = true;
    for (size_t e = 0; e != atStart.size(); ++e)
      atStart[e] = lastOfQueue[e];
    queueKnows.fill(atStart);
    for (std::vector<int> &waiters : edges)
      waiters.clear();
  }

  static uint8_t semaphoreOf(int poster, int waiter) {
    return uint8_t(poster * (isa::kEngines - 2) + (waiter > poster ? waiter - 1 : waiter));
  }

  Result<std::vector<isa::Line>> lines(SyncCounts *counts) const {
    std::vector<isa::Line> result;
    for (size_t i = 0; i != instructions.size(); ++i) {
      const Instruction &instruction = instructions[i].instruction;
      if (fenceBefore[i]) {
        result.push_back(isa::Line(isa::Opcode::Fence).setTag(instructions[i].tag));
        if (counts)
          ++counts->fences;
      }
      std::vector<isa::FieldValue> fields;
      for (size_t f = 0; f != instruction.values.size(); ++f)
        fields.push_back({instruction.row->fields[f].name, instruction.values[f]});
      std::vector<isa::SyncAction> waitActions, postActions;
      for (const Edge &edge : waits[i])
        waitActions.push_back({semaphoreOf(edge.peer, engineOf(int(i))), 1});
      for (const Edge &edge : posts[i])
        postActions.push_back({semaphoreOf(engineOf(int(i)), edge.peer), 1});
      if (counts)
        counts->waits += int(waitActions.size());
      auto line = isa::encode(instruction.row->opcode, fields, waitActions, postActions, instructions[i].tag);
      if (!line)
        return line.diag();
      result.push_back(*line);
    }
    result.push_back(isa::Line(isa::Opcode::End));
    return result;
  }

  struct Edge {
    int peer; // engine at the other end
  };
  static constexpr size_t kWindow = 60; // below the largest value of a counter
  static constexpr size_t kExact = 512; // accesses of a memory that are kept apart within their ranges

  std::span<const TaggedInstruction> instructions;
  std::vector<Knowledge> known; // what has ended when an instruction starts
  std::vector<std::vector<Edge>> posts, waits;
  std::vector<bool> fenceBefore;
  Knowledge atStart;
  std::array<Knowledge, isa::kEngines> queueKnows;
  std::array<int, isa::kEngines> lastOfQueue;
  std::array<std::vector<int>, isa::kEngines * isa::kEngines> edges; // waiters since the last fence
  std::vector<std::vector<Touched>> allTouched;                      // per instruction
  std::array<std::vector<ActiveAccess>, isa::kSpaces.size() * isa::kRegions> spaces;
  std::array<bool, isa::kSpaces.size() * isa::kRegions> isWritten{}; // by any instruction
};

} // namespace

std::vector<Touched> touchedBy(const Instruction &instruction, const isa::HwConfig &config) {
  std::vector<Touched> result;
  if (!instruction.row->semantics)
    return result;
  for (const isa::Access &access : instruction.row->semantics->accesses) {
    Touched touched{access.space, access.regionField < 0 ? 0 : int(instruction.values[access.regionField]),
                    instruction.values[access.baseField], 0, access.dir != isa::Dir::Read};
    walk(access, instruction, config, touched);
    if (access.space == isa::Space::ACC) { // the two units may not even meet in one half
      const int64_t half = config.accRows / 2;
      touched.lo = touched.lo / half * half;
      touched.hi = (touched.hi + half - 1) / half * half;
    }
    result.push_back(touched);
  }
  return result;
}

Result<std::vector<isa::Line>> synchronise(std::span<const TaggedInstruction> instructions, const isa::HwConfig &config,
                                           SyncCounts *counts) {
  return Synchroniser(instructions, config).run(counts);
}

} // namespace tw::codegen
