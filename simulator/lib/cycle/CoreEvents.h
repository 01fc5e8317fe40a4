// SPDX-License-Identifier: Apache-2.0
// Definitions of Core: read port, queues, the units that meet in the scratchpad, ends of instructions. Included by the
// two files that instantiate Core, each for its kernel.
#ifndef TW_SIMULATOR_CYCLE_COREEVENTS_H
#define TW_SIMULATOR_CYCLE_COREEVENTS_H

#include "Core.h"
#include "tw/isa/Numerics.h"
#include <algorithm>
#include <utility>

namespace tw::simulator::cycle {

template <class Kernel>
Core<Kernel>::Core(State &state, Registers &registers, const isa::MemoryTimingConfig &memory,
                   const CoreOptions &options)
    : state_(state), registers_(registers), config_(state.config), options_(options), memory_(memory, config_.axiBytes),
      banks_(config_), parameters_(state), readPort_(config_, banks_, memory_), matrix_(config_, banks_),
      drain_(config_, banks_, parameters_, 7), vector_(config_, banks_, parameters_, 8),
      store_(config_, banks_, memory_), fill_(config_, banks_), schedules_(banks_) {
  if (!options_.timingOnly && !(options_.trace && options_.hashWrites))
    data_ = std::make_unique<DataThread>(state_, options_.dataThread);
}

template <class Kernel> void Core<Kernel>::handle(Event event, Cycle c) {
  switch (event) {
  case Event::Read:
    handleRead(c);
    break;
  case Event::FrontEnd:
    handleFrontEnd(c);
    break;
  case Event::Dispatch:
    handleDispatch(c);
    break;
  case Event::Banks:
    handleBanks(c);
    break;
  case Event::Matrix:
    matrix_.advance(c + 1);
    matrixIssuedLast(c);
    break;
  case Event::Drain:
    drain_.advance(c + 1);
    endOldest(Engine::RQ, c);
    break;
  case Event::Vector:
    vector_.advance(c + 1);
    endOldest(Engine::VX, c);
    break;
  case Event::Store:
    handleStore(c);
    break;
  case Event::EndLa:
    handleLoadEnd(Engine::LA, c);
    break;
  case Event::EndLw:
    handleLoadEnd(Engine::LW, c);
    break;
  case Event::EndMatrix:
    endOldest(Engine::MX, c);
    if (const auto &flight = inFlight_[unsigned(Engine::MX)]; !flight.empty() && flight.front().end != kNever)
      kernel_.at(Event::EndMatrix, flight.front().end);
    break;
  case Event::EndStore:
    endOldest(Engine::ST, c);
    break;
  }
  if (options_.stepAlways && jobState_ == JobState::Run && event <= Event::Dispatch)
    kernel_.at(event, c + 1);
}

//--- Reads: docs/timing.md, section 4
//-------------------------------------------------------------------------------------

template <class Kernel> bool Core<Kernel>::isFetchRequested(Cycle c) {
  if (jobState_ == JobState::Desc)
    return !isStarted_;
  return jobState_ == JobState::Run && c >= runFrom_ && requested_ < lineCount_ &&
         requested_ - taken_ < config_.fetchLines && !fault_.isSet(c);
}

template <class Kernel> bool Core<Kernel>::isAnythingRequested() const {
  return walkers_[0].isActive || walkers_[1].isActive || !isStarted_ ||
         (jobState_ == JobState::Run && requested_ < lineCount_ && requested_ - taken_ < config_.fetchLines);
}

template <class Kernel> void Core<Kernel>::handleRead(Cycle c) {
  if (!isAnythingRequested())
    return;
  if (Cycle possible = readPort_.nextGrant(c); possible > c)
    return kernel_.at(Event::Read, possible);
  // Who requests does not change before `until`: bursts that are granted until then are granted now.
  const Cycle now = c;
  Cycle until = std::min(unchangedUntil(now), store_.notBefore());
  while (true) {
    if (isFetchRequested(c)) {
      grantFetch(c);
      until = std::min(until, unchangedUntil(now));
    } else if (const Engine engine = isLoadRequested(Engine::LW, c) ? Engine::LW : Engine::LA;
               isLoadRequested(engine, c)) {
      c = grantLoads(engine, c, now, until); // nobody else comes in between
      if (!walkers_[unsigned(engine)].isActive)
        until = std::min(until, unchangedUntil(now));
    } else {
      return;
    }
    if (!isAnythingRequested())
      return;
    c = readPort_.nextGrant(c + 1);
    if (c >= until)
      return kernel_.at(Event::Read, c);
  }
}

template <class Kernel> bool Core<Kernel>::isLoadRequested(Engine engine, Cycle c) const {
  const Walker &walker = walkers_[unsigned(engine)];
  return walker.isActive && walker.requestFrom <= c;
}

template <class Kernel> void Core<Kernel>::grantFetch(Cycle c) {
  if (!isStarted_) {
    isStarted_ = true;
    isa::ReadBurst burst = readPort_.grant(c, registers_.jobAddress(), isa::kJobDescriptorBytes);
    isDescriptorBad_ = burst.failed;
    checkAt_ = burst.last + 2;
    kernel_.at(Event::FrontEnd, checkAt_);
    return;
  }
  uint32_t pc = requested_++;
  isa::ReadBurst burst = readPort_.grant(c, lineAddress(pc), isa::kLineBytes);
  lines_.push_back({pc, burst.last + 2, burst});
  if (burst.failed && fetchFaultAt_ == kNever) {
    fetchFaultAt_ = burst.last + 2;
    fetchFaultPc_ = pc;
  }
  kernel_.at(Event::FrontEnd, burst.last + 2);
}

// Bursts of one load, the first in cycle `c`, as long as they are granted before `until`; the cycle of the last grant.
template <class Kernel> Cycle Core<Kernel>::grantLoads(Engine engine, Cycle c, Cycle now, Cycle until) {
  Walker &walker = walkers_[unsigned(engine)];
  Op &op = inFlight_[unsigned(engine)].back();
  while (true) {
    const isa::Burst burst = walker.bursts.next();
    const isa::ReadBurst read = readPort_.grant(c, burst.address, burst.bytes);
    if (op.groups != 0)
      readPort_.writesScratchpad(read, burst.spm, now);
    if (read.failed && !op.failed) {
      op.failed = true;
      op.failedAddress = burst.address;
    }
    loadBeats_[unsigned(engine)] += read.beats;
    if (walker.bursts.done()) {
      walker.isActive = false;
      op.end = read.last + 1;
      break;
    }
    const Cycle next = readPort_.nextGrant(c + 1);
    if (next >= until)
      break;
    c = next;
  }
  walker.requestFrom = c + 1;
  if (walker.isActive)
    return c;
  walker.freeFrom = c + 1;
  kernel_.at(engine == Engine::LA ? Event::EndLa : Event::EndLw, op.end);
  if (!queues_[unsigned(engine)].empty())
    kernel_.at(Event::Dispatch, c + 1);
  return c;
}

template <class Kernel> void Core<Kernel>::handleLoadEnd(Engine engine, Cycle c) {
  if (engine == Engine::LA && isFilling()) {
    fill_.advance(c + 1);
    return handleFilled(c);
  }
  endOldest(engine, c);
  const auto &flight = inFlight_[unsigned(engine)];
  if (!flight.empty() && flight.front().end != kNever)
    kernel_.at(engine == Engine::LA ? Event::EndLa : Event::EndLw, flight.front().end);
}

// The last row of a fill, or of padding, was written in `c`.
template <class Kernel> void Core<Kernel>::handleFilled(Cycle c) {
  filledRows_ += fill_.rows();
  if (!walkers_[unsigned(Engine::LA)].isActive)
    return endOldest(Engine::LA, c);
  startReading(Engine::LA, c);
  unitsChanged(c);
}

// The bursts of the youngest load are requested from c + 1 on.
template <class Kernel> void Core<Kernel>::startReading(Engine engine, Cycle c) {
  Op &op = inFlight_[unsigned(engine)].back();
  isa::DmaWalk walk = isa::DmaWalk::of(op.line, config_);
  walkers_[unsigned(engine)].requestFrom = c + 1;
  if (walk.toSpm) {
    int64_t end = int64_t(walk.spm + walk.runBytes);
    for (int d = 0; d != 3; ++d)
      end += int64_t(walk.extents[d] - 1) * int64_t(walk.spmStrides[d]);
    op.groups = banks_.groups(walk.spm, end);
  }
  kernel_.at(Event::Read, c + 1);
}

//--- Queues and starts: section 3
//-----------------------------------------------------------------------------------------

template <class Kernel> bool Core<Kernel>::canTake(Engine engine, Cycle c) const {
  const auto &flight = inFlight_[unsigned(engine)];
  switch (engine) {
  case Engine::LA:
  case Engine::LW: {
    // What fills is alone in its engine until it has.
    if (engine == Engine::LA && !flight.empty() && (isFilling() || fills(queues_[unsigned(engine)].front().opcode)))
      return false;
    const Walker &walker = walkers_[unsigned(engine)];
    return !walker.isActive && walker.freeFrom <= c && flight.size() < config_.loadDepth;
  }
  case Engine::MX:
    return !matrix_.isFrontBusy() && matrixFreeFrom_ <= c;
  case Engine::RQ:
  case Engine::VX:
  case Engine::ST:
    return flight.empty();
  case Engine::FE:
    break;
  }
  return false;
}

template <class Kernel> bool Core<Kernel>::isSatisfied(const Op &op) const {
  return std::all_of(op.waits.begin(), op.waits.end(),
                     [&](const isa::SyncAction &wait) { return semaphores_[wait.semaphore] >= wait.amount; });
}

template <class Kernel> void Core<Kernel>::handleDispatch(Cycle c) {
  bool starts[kQueues];
  for (unsigned e = 0; e != kQueues; ++e) {
    const auto &queue = queues_[e];
    starts[e] = !queue.empty() && queue.front().visible <= c && canTake(Engine(e), c) && isSatisfied(queue.front()) &&
                (!fault_.isSet(c) || queue.front().pc < fault_.value().pc);
    // What the read port and the front end did counts from a later cycle on.
    if (queue.empty())
      continue;
    Cycle from = queue.front().visible;
    if (e < walkers_.size() && !walkers_[e].isActive)
      from = std::max(from, walkers_[e].freeFrom);
    if (from > c)
      kernel_.at(Event::Dispatch, from);
  }
  for (unsigned e = 0; e != kQueues; ++e)
    if (starts[e])
      startEngine(Engine(e), c);
}

template <class Kernel> void Core<Kernel>::startEngine(Engine engine, Cycle c) {
  auto &queue = queues_[unsigned(engine)];
  auto &flight = inFlight_[unsigned(engine)];
  if (flight.empty())
    clocks_[unsigned(engine)].startsFromIdle(c, queue.front().visible);
  flight.push_back(std::move(queue.front()));
  queue.pop_front();
  Op &op = flight.back();
  op.start = c;
  for (const isa::SyncAction &wait : op.waits)
    semaphores_[wait.semaphore] = (semaphores_[wait.semaphore] - wait.amount) & isa::kSemaphoreMax;
  switch (engine) {
  case Engine::LA:
  case Engine::LW: {
    if (fills(op.opcode))
      fill_.start(op.line, c);
    if (op.opcode == isa::Opcode::Fill)
      break;
    isa::DmaWalk walk = isa::DmaWalk::of(op.line, config_);
    Walker &walker = walkers_[unsigned(engine)];
    walker.bursts = isa::BurstWalk(walk, state_.regions[walk.region].base, config_);
    walker.isActive = walk.bytes() != 0;
    walker.requestFrom = kNever;
    if (!fills(op.opcode) || !isFilling())
      startReading(engine, c);
    break;
  }
  case Engine::MX:
    matrix_.start(op.line, c);
    op.accHalves = matrix_.accHalves();
    break;
  case Engine::RQ:
    drain_.start(op.line, c);
    break;
  case Engine::VX:
    vector_.start(op.line, c);
    break;
  case Engine::ST: {
    store_.start(op.line, state_.regions[isa::DmaWalk::of(op.line, config_).region].base, c);
    break;
  }
  case Engine::FE:
    break;
  }
  unitsChanged(c);
  wakeFrontEnd(c + 1);
}

//--- Units in the scratchpad: sections 5 to 7
//-----------------------------------------------------------------------------

template <class Kernel> void Core<Kernel>::chooseModes(Cycle c) {
  // A unit that was started in this very cycle begins in the next.
  bool fill = isFilling() && fill_.now() <= c, store = store_.isReading() && store_.now() <= c,
       matrix = matrix_.isFrontBusy() && matrix_.now() <= c, drain = drain_.isBusy() && drain_.now() <= c,
       vector = vector_.isBusy() && vector_.now() <= c;
  GroupSet loads = 0;
  for (Engine engine : {Engine::LA, Engine::LW})
    for (const Op &op : inFlight_[unsigned(engine)])
      loads |= op.groups;
  const bool meetsBeats = loads != 0; // in the port, whatever the bank
  if (fill)
    loads |= fill_.groups();
  unsigned halves = 0;
  for (const Op &op : inFlight_[unsigned(Engine::MX)])
    halves |= op.accHalves;
  GroupSet s = store ? store_.groups() : 0, m = matrix ? matrix_.activationGroups() | matrix_.weightGroups() : 0,
           d = drain ? drain_.groups() : 0, v = vector ? vector_.groups() : 0;
  const bool meetsInAcc = meetsInAcc_ = drain && (drain_.accHalves() & halves);
  Modes next;
  next.fill = fill && (options_.stepAlways || meetsBeats || (fill_.groups() & (s | m | d | v)));
  next.store = store && (options_.stepAlways || (s & (loads | m | d | v)));
  next.matrix = matrix && (options_.stepAlways || meetsInAcc || (m & (loads | s | d | v)) ||
                           (matrix_.activationGroups() & matrix_.weightGroups()));
  next.drain = drain && (options_.stepAlways || meetsInAcc || drain_.meetsItself() || drain_.hasParameterFault() ||
                         (d & (loads | s | m | v)));
  next.vector = vector && (options_.stepAlways || vector_.meetsItself() || vector_.hasParameterFault() ||
                           (v & (loads | s | m | d)));
  // A unit that was alone is brought here; a unit that is alone gets its own event.
  auto place = [&](bool active, bool wasStepped, bool steps, Event event, auto bring, auto predict) {
    if (active && steps && !wasStepped) {
      bring();
      kernel_.cancel(event);
    } else if (active && !steps) {
      kernel_.at(event, predict());
    }
  };
  place(fill, stepped_.fill, next.fill, Event::EndLa, [&] { fill_.advance(c); }, [&] { return fill_.end(); });
  place(
      store, stepped_.store, next.store, Event::Store, [&] { store_.advance(c); }, [&] { return store_.burstRead(); });
  place(
      matrix, stepped_.matrix, next.matrix, Event::Matrix, [&] { matrix_.advance(c); },
      [&] { return matrix_.lastIssue(); });
  place(drain, stepped_.drain, next.drain, Event::Drain, [&] { drain_.advance(c); }, [&] { return drain_.end(); });
  place(
      vector, stepped_.vector, next.vector, Event::Vector, [&] { vector_.advance(c); }, [&] { return vector_.end(); });
  stepped_ = next;
}

// No instruction starts or ends, and the front end does nothing, before this cycle; but for the end of a store.
// Conflicts only delay: what ends alone not before a cycle does not end before it in company.
template <class Kernel> Cycle Core<Kernel>::unchangedUntil(Cycle c) const {
  if (options_.stepAlways)
    return c + 1;
  Cycle until = std::min(kernel_.unchangedUntil(), changedFrom_);
  if (stepped_.fill)
    until = std::min(until, fill_.end());
  if (stepped_.matrix)
    until = std::min(until, matrix_.lastIssue());
  if (stepped_.drain)
    until = std::min(until, meetsInAcc_ || drain_.hasParameterFault() ? c + 1 : drain_.end());
  if (stepped_.vector)
    until = std::min(until, vector_.hasParameterFault() ? c + 1 : vector_.end());
  return until;
}

// Takes all stepped units as far before `until` as what they ask for follows a rule; the cycle reached.
template <class Kernel> Cycle Core<Kernel>::leap(Cycle c, Cycle until) {
  if (options_.stepAlways || stepped_.fill || stepped_.vector || meetsInAcc_)
    return c;
  if (stepped_.matrix && !stepped_.drain) {
    if (!stepped_.store)
      return leapMatrix(c, until);
    if (const Cycle asks = store_.asksFrom(); asks > c) { // it awaits a buffer
      const Cycle reached = leapMatrix(c, std::min(until, asks));
      store_.leap(reached - c, 0, false);
      return reached;
    }
  }
  Streams streams;
  uint64_t cycles = std::min<uint64_t>(until - c, 1u << 30);
  if (!readPort_.beats(c, streams[kBeats], cycles))
    return c;
  const Stream &beats = streams[kBeats];
  const GroupSet rows = matrix_.activationGroups(), weights = matrix_.weightGroups();
  const GroupSet others = (stepped_.store ? store_.groups() : 0) | (stepped_.drain ? drain_.groups() : 0) |
                          (beats.kind == Stream::Asking ? GroupSet(1) << beats.group : 0);
  const bool isMatrixAlone = stepped_.matrix && !(rows & weights) && !((rows | weights) & others);
  if (isMatrixAlone)
    cycles = std::min(cycles, matrix_.lastIssue() - c);
  if (cycles == 0 || (stepped_.matrix && !isMatrixAlone && !matrix_.requests(streams)) ||
      (stepped_.store && !store_.requests(streams[kStoreRows], cycles)) ||
      (stepped_.drain && !drain_.requests(streams)))
    return c;
  const Schedule *schedule = streams.areApart() ? nullptr : &schedules_.of(streams);
  if (schedule)
    cycles = std::min(cycles, schedule->known());
  for (unsigned i = 0; i != kClients; ++i)
    if (const Stream &stream = streams.of[i]; stream.kind != Stream::Absent && stream.left < cycles)
      cycles = std::min(cycles, schedule ? schedule->cyclesFor(Client(i), stream.left) : stream.left);
  Schedule::Counts counts;
  if (schedule) {
    counts = schedule->after(uint32_t(cycles));
  } else {
    for (unsigned i = 0; i != kClients; ++i)
      counts.of[i] = streams.of[i].kind == Stream::Absent ? 0 : uint32_t(cycles);
    if (streams.loads != 0)
      counts.of[kWeights] = std::min(streams.loads, uint32_t(cycles) - 1);
    counts.pipe = streams.pipe;
  }
  readPort_.skipBeats(counts.of[kBeats]);
  if (stepped_.store) {
    store_.leap(cycles, counts.of[kStoreRows], streams[kStoreRows].kind != Stream::Absent);
    storeConflicts_.requests += counts.of[Schedule::kStoreLost];
    storeConflicts_.cycles += counts.of[Schedule::kStoreLost];
  }
  if (isMatrixAlone) {
    matrix_.advance(c + cycles);
  } else if (stepped_.matrix) {
    matrix_.leap(cycles, schedule, counts.of[kActivations], counts.of[kWeights]);
    matrixConflicts_.requests += counts.of[Schedule::kMatrixLost];
    matrixConflicts_.cycles += counts.of[Schedule::kMatrixLosing];
  }
  if (stepped_.drain) {
    drain_.leap(cycles, counts.of[kDrainWrites], counts.of[kDrainSteps], counts.of[kDrainMoves], counts.pipe);
    drainConflicts_.requests += counts.of[Schedule::kDrainLost];
    drainConflicts_.cycles += counts.of[Schedule::kDrainLosing];
  }
  return c + cycles;
}

// Only MX and beats; as leap().
template <class Kernel> Cycle Core<Kernel>::leapMatrix(Cycle c, Cycle until) {
  const GroupSet rows = matrix_.activationGroups(), weights = matrix_.weightGroups();
  while (c != until) {
    Stream beats;
    uint64_t cycles = std::min<uint64_t>(until - c, 1u << 30);
    if (!readPort_.beats(c, beats, cycles))
      return c;
    const bool asks = beats.kind == Stream::Asking;
    if (asks)
      cycles = std::min(cycles, beats.left);
    if (!(rows & weights) && !((rows | weights) & (asks ? GroupSet(1) << beats.group : 0))) {
      cycles = std::min(cycles, matrix_.lastIssue() - c);
      matrix_.advance(c + cycles);
    } else {
      cycles = matrix_.walk(cycles, beats, matrixConflicts_);
    }
    if (cycles == 0)
      return c;
    if (asks)
      readPort_.skipBeats(cycles);
    c += cycles;
  }
  return c;
}

template <class Kernel> void Core<Kernel>::stepUnits(Cycle c) {
  BankSet taken = readPort_.bankWritten(c);
  if (stepped_.fill && fill_.step(taken, fillConflicts_)) {
    stepped_.fill = false;
    handleFilled(c);
  }
  if (stepped_.store) {
    store_.step(taken, storeConflicts_);
    if (!store_.isReading()) {
      stepped_.store = false;
      storeReadBurst();
    }
  }
  if (stepped_.matrix && matrix_.step(taken, matrixConflicts_)) {
    stepped_.matrix = false;
    matrixIssuedLast(c);
  }
  if (stepped_.drain) {
    LanePipe::Outcome outcome = drain_.step(taken, drainConflicts_);
    const Op &op = inFlight_[unsigned(Engine::RQ)].front();
    if (outcome.fault)
      raise(c, op, *outcome.fault);
    if (outcome.accHalf & matrix_.accHalvesUsed(c))
      raise(c, op, isa::FaultCode::AccConflict);
    if (outcome.ended) {
      stepped_.drain = false;
      endOldest(Engine::RQ, c);
    }
  }
  if (stepped_.vector) {
    LanePipe::Outcome outcome = vector_.step(taken, vectorConflicts_);
    if (outcome.fault)
      raise(c, inFlight_[unsigned(Engine::VX)].front(), *outcome.fault);
    if (outcome.ended) {
      stepped_.vector = false;
      endOldest(Engine::VX, c);
    }
  }
}

template <class Kernel> void Core<Kernel>::handleBanks(Cycle c) {
  while (true) {
    if (changedFrom_ != kNever) {
      kernel_.cancel(Event::Banks); // this is the visit that the change asked for
      chooseModes(c);
      if (changedFrom_ > c)
        kernel_.at(Event::Banks, c + 1);
      else
        changedFrom_ = kNever;
    }
    if (!stepped_.any())
      return;
    const Cycle free = kernel_.freeUntil(Event::Banks);
    const Cycle reached = changedFrom_ == kNever && free > c + 1 ? leap(c, free) : c;
    if (reached == c)
      stepUnits(c);
    c = std::max(reached, c + 1);
    if (c >= kernel_.freeUntil(Event::Banks))
      return kernel_.at(Event::Banks, c);
  }
}

template <class Kernel> void Core<Kernel>::matrixIssuedLast(Cycle c) {
  Op &op = inFlight_[unsigned(Engine::MX)].back();
  op.end = c + config_.n + 2;
  kernel_.at(Event::EndMatrix, op.end);
  matrixFreeFrom_ = c + 1;
  if (!queues_[unsigned(Engine::MX)].empty())
    kernel_.at(Event::Dispatch, c + 1);
  if (stepped_.any())
    unitsChanged(c);
}

// ST alone: no other unit meets it before the next change, nor does it meet another one.
template <class Kernel> void Core<Kernel>::handleStore(Cycle c) {
  const Cycle until = std::min(unchangedUntil(c), kernel_.pending(Event::Read)); // a grant may say when a load ends
  do {
    store_.advance(c + 1);
    c = store_.burstRead();
  } while (store_.isReading() && c < until);
  storeReadBurst();
}

// The last row of a burst was read.
template <class Kernel> void Core<Kernel>::storeReadBurst() {
  if (store_.isReading())
    return kernel_.at(Event::Store, store_.burstRead());
  Op &op = inFlight_[unsigned(Engine::ST)].front();
  op.end = store_.end();
  op.failed = store_.failedAddress().has_value();
  op.failedAddress = store_.failedAddress().value_or(0);
  kernel_.at(Event::EndStore, op.end);
}

//--- Ends
//-----------------------------------------------------------------------------------------------------------------

template <class Kernel> void Core<Kernel>::endOldest(Engine engine, Cycle c) {
  auto &flight = inFlight_[unsigned(engine)];
  Op op = std::move(flight.front());
  flight.pop_front();
  compute(op);
  for (const isa::SyncAction &post : op.posts)
    if (int &value = semaphores_[post.semaphore]; (value += post.amount) > isa::kSemaphoreMax) {
      value = isa::kSemaphoreMax;
      raise(c, op, isa::FaultCode::SemOverflow);
    }
  if (op.failed)
    raise(c, op, engine == Engine::ST ? isa::FaultCode::AxiWrite : isa::FaultCode::AxiRead, op.failedAddress);
  if (options_.trace) {
    isa::TraceEvent event{op.pc, op.line.tag(), uint8_t(op.opcode), uint8_t(engine), op.start, c, 0};
    if (options_.hashWrites && !options_.timingOnly)
      event.writtenHash = writtenHash(state_, op.line);
    retire(event);
  }
  if (flight.empty())
    countStretch(engine, c);
  kernel_.at(Event::Dispatch, c + 1);
  wakeFrontEnd(c + 1);
  if (stepped_.any())
    unitsChanged(c);
}

template <class Kernel> void Core<Kernel>::compute(const Op &op) {
  const bool isParameter = op.opcode == isa::Opcode::Ldp || op.opcode == isa::Opcode::Ldt;
  if (isParameter) {
    if (data_) {
      const isa::DmaWalk walk = isa::DmaWalk::of(op.line, config_);
      data_->settle(state_.physical(walk.region, walk.offset), walk.bytes());
    }
    parameters_.load(op.line);
  }
  if (data_)
    data_->push(op.line);
  else if (isParameter || !options_.timingOnly)
    counter(isa::CounterId::Saturations) += execute(state_, op.line).saturations;
}

template <class Kernel> void Core<Kernel>::waitForData() {
  if (data_)
    counter(isa::CounterId::Saturations) += data_->wait();
}

template <class Kernel> void Core<Kernel>::countStretch(Engine engine, Cycle end) {
  EngineClock &clock = clocks_[unsigned(engine)];
  const uint64_t losses[kQueues] = {fillConflicts_.cycles,   0,
                                    matrixConflicts_.cycles, drainConflicts_.cycles,
                                    vectorConflicts_.cycles, storeConflicts_.cycles};
  uint64_t lost = losses[unsigned(engine)] - countedLoss_[unsigned(engine)];
  countedLoss_[unsigned(engine)] += lost;
  if (engine == Engine::LA || engine == Engine::LW) {
    uint64_t moves = loadBeats_[unsigned(engine)] + (engine == Engine::LA ? filledRows_ : 0);
    clock.becomesIdle(end, moves - std::exchange(countedMoves_[unsigned(engine)], moves), lost,
                      isa::EngineState::WaitRead);
  } else if (engine == Engine::ST) {
    clock.becomesIdle(end, store_.takeBusyCycles(), lost, isa::EngineState::WaitWrite);
  } else {
    clock.becomesIdle(end, 0, lost, isa::EngineState::Busy);
  }
}

template <class Kernel> void Core<Kernel>::raise(Cycle c, const Op &op, isa::FaultCode code, uint64_t address) {
  raise(c, JobFault{code, op.line.row()->engine, op.line.tag(), op.pc, address});
}

template <class Kernel> void Core<Kernel>::raise(Cycle c, const JobFault &fault) {
  fault_.raise(c, fault);
  kernel_.at(Event::FrontEnd, c + 1);
}

// Instructions that end in one cycle are told in the order of the engines.
template <class Kernel> void Core<Kernel>::retire(const isa::TraceEvent &event) {
  if (!trace_.empty() && trace_.front().endCycle != event.endCycle)
    flushTrace();
  trace_.push_back(event);
}

template <class Kernel> void Core<Kernel>::flushTrace() {
  std::sort(trace_.begin(), trace_.end(),
            [](const isa::TraceEvent &a, const isa::TraceEvent &b) { return a.engine < b.engine; });
  for (const isa::TraceEvent &event : trace_)
    options_.trace->retire(event);
  trace_.clear();
}

} // namespace tw::simulator::cycle
#endif
