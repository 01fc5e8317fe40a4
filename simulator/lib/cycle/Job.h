// SPDX-License-Identifier: Apache-2.0
// What a job leaves behind and what it shares between units: instructions in queues, the fault register, engine clocks.
// Used by the core only. Each class is small enough to be read beside docs/timing.md, sections 2, 3 and 8.
#ifndef TW_SIMULATOR_CYCLE_JOB_H
#define TW_SIMULATOR_CYCLE_JOB_H

#include "../Registers.h"
#include "Banks.h"
#include "tw/isa/Check.h"
#include "tw/isa/Line.h"
#include <array>

namespace tw::simulator::cycle {

/// Whether the instruction writes rows that nobody reads from memory (FillUnit).
inline bool fills(isa::Opcode opcode) { return opcode == isa::Opcode::Fill || opcode == isa::Opcode::Ldpad; }

/// An instruction between issue and end.
struct Op {
  isa::Line line;
  uint32_t pc = 0;
  isa::Opcode opcode{};
  Cycle visible = 0; // first cycle in the queue
  Cycle start = 0;
  Cycle end = kNever; // as soon as it is known
  isa::SyncActions waits, posts;
  uint64_t failedAddress = 0;
  bool failed = false;    // a burst of it was refused
  GroupSet groups = 0;    // loads: what they write
  unsigned accHalves = 0; // MX: halves of ACC that its rows meet
};

/// The fault register: what is raised in c is seen from c + 1 on; the lowest PC stays, then the first, then the lowest
/// engine, then the lowest code.
class FaultRegister {
public:
  void reset() { *this = {}; }
  void raise(Cycle c, const JobFault &fault) {
    commit(c);
    if (!raised_ || isBefore(fault, pending_))
      pending_ = fault;
    raised_ = true;
    cycle_ = c;
  }
  bool isSet(Cycle c) {
    commit(c);
    return set_;
  }
  /// What is visible in c, without settling it.
  const JobFault *at(Cycle c) const {
    if (raised_ && cycle_ < c && (!set_ || pending_.pc < fault_.pc))
      return &pending_;
    return set_ ? &fault_ : nullptr;
  }
  /// Valid if isSet().
  const JobFault &value() const { return fault_; }

private:
  static bool isBefore(const JobFault &a, const JobFault &b) {
    if (a.pc != b.pc)
      return a.pc < b.pc;
    return a.engine != b.engine ? a.engine < b.engine : a.code < b.code;
  }
  void commit(Cycle c) {
    if (!raised_ || cycle_ >= c)
      return;
    if (!set_ || pending_.pc < fault_.pc)
      fault_ = pending_;
    set_ = true;
    raised_ = false;
  }
  bool set_ = false, raised_ = false;
  Cycle cycle_ = 0;
  JobFault fault_, pending_;
};

/// Counts in which state an engine spends its cycles: idle stretches at starts, stretches in flight at ends.
class EngineClock {
public:
  void reset() { *this = {}; }
  /// An instruction that was in the queue from `visible` on starts in `start` while nothing is in flight.
  void startsFromIdle(Cycle start, Cycle visible) {
    idleUntil(start, visible);
    count(isa::EngineState::Busy) += 1;
    counted_ = start + 1;
  }
  /// Nothing is in flight any more after `end`; the rest of the stretch is in state `rest`.
  void becomesIdle(Cycle end, uint64_t busy, uint64_t bank, isa::EngineState rest) {
    uint64_t cycles = end + 1 - counted_;
    if (rest == isa::EngineState::Busy)
      busy = cycles - bank;
    else
      count(rest) += cycles - busy - bank;
    count(isa::EngineState::Busy) += busy;
    count(isa::EngineState::WaitBank) += bank;
    counted_ = end + 1;
  }
  /// The job ends; `cycles` cycles were counted. `visible`: of the queue's head, kNever if the queue is empty.
  void finish(Cycle cycles, Cycle visible) { idleUntil(cycles, visible); }
  const std::array<uint64_t, isa::kEngineStates> &counts() const { return counts_; }

private:
  uint64_t &count(isa::EngineState state) { return counts_[unsigned(state)]; }
  void idleUntil(Cycle to, Cycle visible) {
    Cycle waits = std::clamp(visible, counted_, std::max(counted_, to));
    count(isa::EngineState::Empty) += waits - counted_;
    count(isa::EngineState::WaitSem) += std::max(counted_, to) - waits;
    counted_ = std::max(counted_, to);
  }
  Cycle counted_ = 0; // cycles before this one are counted
  std::array<uint64_t, isa::kEngineStates> counts_{};
};

} // namespace tw::simulator::cycle
#endif
