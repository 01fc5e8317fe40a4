// SPDX-License-Identifier: Apache-2.0
// Definitions of Core: life of a job, fetch, decode, issue, faults of the front end (docs/timing.md, section 2).
// Included by the two files that instantiate Core, each for its kernel.
#ifndef TW_SIMULATOR_CYCLE_COREFRONTEND_H
#define TW_SIMULATOR_CYCLE_COREFRONTEND_H

#include "Core.h"
#include <algorithm>

namespace tw::simulator::cycle {

template <class Kernel> void Core<Kernel>::startJob() {
  kernel_.clear();
  state_.startJob();
  parameters_.startJob();
  memory_.startJob();
  readPort_.reset();
  matrix_.reset();
  drain_.reset();
  vector_.reset();
  store_.reset();
  fill_.reset();
  jobState_ = JobState::Desc;
  isDescriptorBad_ = canWriteRecord_ = isStarted_ = false;
  checkAt_ = runFrom_ = abortFrom_ = doneAt_ = kNever;
  result_ = {};
  fault_.reset();
  requested_ = taken_ = pc_ = 0;
  lineCount_ = 0;
  lines_.clear();
  isDecoderFull_ = frontEndWaits_ = false;
  readyAt_ = decodeFaultAt_ = fetchFaultAt_ = kNever;
  for (unsigned e = 0; e != kQueues; ++e) {
    queues_[e].clear();
    inFlight_[e].clear();
    clocks_[e].reset();
  }
  semaphores_ = {};
  walkers_ = {};
  countedLoss_ = {};
  loadBeats_ = countedMoves_ = {};
  filledRows_ = 0;
  matrixFreeFrom_ = 0;
  stepped_ = {};
  meetsInAcc_ = false;
  schedules_.forgetMany();
  changedFrom_ = kNever;
  fillConflicts_ = storeConflicts_ = matrixConflicts_ = drainConflicts_ = vectorConflicts_ = {};
  trace_.clear();
  kernel_.at(Event::Read, 0);
}

template <class Kernel> bool Core<Kernel>::run(Cycle limit) {
  kernel_.run(limit, *this);
  waitForData();
  flushTrace();
  if (jobState_ == JobState::Record && doneAt_ <= limit) // visible in the first cycle that is not done
    finishJob();
  else if (jobState_ == JobState::Record)
    writeRecord(limit);
  return jobState_ == JobState::Idle;
}

template <class Kernel> void Core<Kernel>::abort(Cycle now) {
  if (jobState_ == JobState::Idle || abortFrom_ != kNever)
    return;
  abortFrom_ = now;
  kernel_.at(Event::FrontEnd, now);
}

template <class Kernel> std::optional<isa::MachineState> Core<Kernel>::state(Cycle now) const {
  if (jobState_ == JobState::Idle)
    return std::nullopt;
  isa::MachineState state;
  state.cycle = now;
  for (unsigned e = 0; e != kQueues; ++e) {
    isa::MachineState::Unit &unit = state.engines[e];
    unit.queued = uint32_t(queues_[e].size());
    unit.headPc = queues_[e].empty() ? 0 : queues_[e].front().pc;
    for (const Op &op : inFlight_[e])
      unit.inFlight.push_back(op.pc);
  }
  std::copy(semaphores_.begin(), semaphores_.end(), state.semaphores.begin());
  state.isDecoderFull = isDecoderFull_;
  state.decoderPc = pc_;
  if (const JobFault *fault = fault_.at(now)) {
    state.fault = fault->code;
    state.faultPc = fault->pc;
  }
  return state;
}

template <class Kernel> JobFault Core<Kernel>::faultAt(Cycle now) const {
  if (const JobFault *fault = fault_.at(now))
    return *fault;
  return jobState_ == JobState::Record ? result_ : JobFault{};
}

template <class Kernel> Cycle Core<Kernel>::cyclesAt(Cycle now) const {
  return jobState_ == JobState::Record ? registers_.counter(isa::CounterId::Cycles) : now;
}

template <class Kernel> void Core<Kernel>::handleFrontEnd(Cycle c) {
  switch (jobState_) {
  case JobState::Idle:
    break;
  case JobState::Desc:
    if (c == checkAt_)
      check(c);
    else if (checkAt_ != kNever)
      kernel_.at(Event::FrontEnd, checkAt_);
    break;
  case JobState::Run:
    if (c >= runFrom_)
      runFrontEnd(c);
    else
      kernel_.at(Event::FrontEnd, runFrom_);
    break;
  case JobState::Record:
    if (c < doneAt_)
      return kernel_.at(Event::FrontEnd, doneAt_);
    finishJob();
    break;
  }
}

template <class Kernel> void Core<Kernel>::finishJob() {
  writeRecord(doneAt_);
  const JobFault fault = faultAt(doneAt_);
  jobState_ = JobState::Idle;
  registers_.finish(fault);
}

template <class Kernel> void Core<Kernel>::writeRecord(Cycle now) {
  if (!canWriteRecord_)
    return;
  const uint32_t bytes = store_.recordBytes(recordFrom_, now);
  state_.dram.write(recordAddress_, record_.bytes.data(), bytes);
}

template <class Kernel> void Core<Kernel>::check(Cycle c) {
  namespace d = isa::jobDescriptor;
  state_.dram.read(registers_.jobAddress(), descriptor_.bytes.data(), descriptor_.bytes.size());
  JobStart start = registers_.checkJob(descriptor_, state_);
  canWriteRecord_ = start.canWriteRecord && !isDescriptorBad_;
  if (isDescriptorBad_)
    raise(c, JobFault{isa::FaultCode::AxiRead, Engine::FE, 0, 0, registers_.jobAddress()});
  else if (start.fault)
    raise(c, JobFault{start.fault->code, Engine::FE, 0, 0, start.fault->address});
  codeAddress_ = state_.physical(size_t(isa::RegionRole::Code), descriptor_.get(d::codeOffset) & ~uint64_t{63});
  lineCount_ = uint32_t(descriptor_.get(d::lineCount));
  budget_ = descriptor_.get(d::cycleBudget);
  regions_ = checkedRegions(state_);
  legal_.startJob(regions_);
  jobState_ = JobState::Run;
  runFrom_ = c + 1;
  kernel_.at(Event::Read, runFrom_);
  kernel_.at(Event::FrontEnd, runFrom_);
  if (options_.stepAlways)
    kernel_.at(Event::Dispatch, runFrom_);
}

template <class Kernel> void Core<Kernel>::runFrontEnd(Cycle c) {
  frontEndWaits_ = false;
  if (fault_.isSet(c)) {
    if (isDrained(c))
      endJob(c);
    else
      frontEndWaits_ = true;
    return;
  }
  raiseFrontEndFaults(c);
  bool isReady = isDecoderFull_ && c >= readyAt_;
  if (isReady && canLeave(c)) {
    leaveDecoder(c);
    if (jobState_ != JobState::Run)
      return;
  }
  if (!isDecoderFull_)
    takeLine(c);
  scheduleFrontEnd(c);
}

// The front end's own faults of this cycle, but those of a line that cannot leave.
template <class Kernel> void Core<Kernel>::raiseFrontEndFaults(Cycle c) {
  auto raiseAt = [&](isa::FaultCode code, uint32_t pc, uint64_t address = 0) {
    raise(c, JobFault{code, Engine::FE, 0, pc, address});
  };
  if (isDecoderFull_ && c == decodeFaultAt_)
    raise(c, JobFault{decodeFault_.code, Engine::FE, line_.tag(), pc_, decodeFault_.address});
  if (c == fetchFaultAt_)
    raiseAt(isa::FaultCode::AxiRead, fetchFaultPc_, lineAddress(fetchFaultPc_));
  if (budget_ != 0 && c >= budget_)
    raiseAt(isa::FaultCode::CycleBudget, pc_);
  if (!isDecoderFull_ && requested_ >= lineCount_ && requested_ == taken_)
    raiseAt(isa::FaultCode::NoEnd, pc_);
  if (c >= abortFrom_)
    raiseAt(isa::FaultCode::Aborted, pc_);
}

// The line is ready; when it cannot leave, the front end waits for engines.
template <class Kernel> bool Core<Kernel>::canLeave(Cycle c) {
  const isa::Instruction &row = *line_.row();
  bool may = row.engine == Engine::FE ? row.opcode == isa::Opcode::Mark || isEverythingIdle()
                                      : queues_[unsigned(row.engine)].size() < config_.queueDepth &&
                                            (!registers_.serial() || isEverythingIdle());
  if (!may) {
    frontEndWaits_ = true;
    raiseDeadlock(c);
    return false;
  }
  if (row.opcode == isa::Opcode::End && semaphores_ != decltype(semaphores_){}) {
    raise(c, JobFault{isa::FaultCode::SemLeak, Engine::FE, line_.tag(), pc_, 0});
    return false;
  }
  return true;
}

template <class Kernel> void Core<Kernel>::leaveDecoder(Cycle c) {
  const isa::Instruction &row = *line_.row();
  ++counter(isa::CounterId::Lines);
  isDecoderFull_ = false;
  if (row.engine != Engine::FE) {
    Op op;
    op.line = line_;
    op.pc = pc_++;
    op.opcode = row.opcode;
    op.visible = c + 1;
    op.waits = isa::waits(line_);
    op.posts = isa::posts(line_);
    queues_[unsigned(row.engine)].push_back(std::move(op));
    return kernel_.at(Event::Dispatch, c + 1);
  }
  if (options_.trace)
    retire({pc_, line_.tag(), uint8_t(row.opcode), uint8_t(Engine::FE), c, c, 0});
  if (row.opcode == isa::Opcode::End)
    endJob(c);
  ++pc_;
}

namespace detail {
// The footprint step, from 1 on, that finds the fault of a line which checkLine refused after its static checks.
inline int failingStep(const isa::Line &line, const isa::HwConfig &config, const isa::Regions &regions) {
  const isa::Instruction &row = *line.row();
  int step = 0, access = 0;
  for (const isa::FootprintStep &footprintStep : row.footprint) {
    ++step;
    if (footprintStep.op != isa::StepOp::End)
      continue;
    const isa::Access &operand = row.semantics->accesses[size_t(access)];
    uint64_t end =
        isa::footprint(line, row, access, config) + uint64_t(line.get(row.fields[size_t(operand.baseField)].ref));
    uint64_t size = isa::spaceSize(config, operand.space);
    bool isPermitted = true;
    if (operand.space == isa::Space::DRAM) {
      const uint64_t region = uint64_t(line.get(row.fields[size_t(operand.regionField)].ref));
      isPermitted = isa::isPermitted(regions, region, operand.dir);
      size = regions[region].limit;
    }
    if (!isPermitted || end > size)
      return step;
    ++access;
  }
  return step;
}
} // namespace detail

template <class Kernel> void Core<Kernel>::takeLine(Cycle c) {
  if (lines_.empty() || lines_.front().visible > c || lines_.front().burst.failed)
    return;
  pc_ = lines_.front().pc;
  lines_.pop_front();
  ++taken_;
  isDecoderFull_ = true;
  std::array<uint8_t, isa::kLineBytes> bytes;
  if (data_)
    data_->settle(lineAddress(pc_), bytes.size());
  state_.dram.read(lineAddress(pc_), bytes.data(), bytes.size());
  line_ = isa::Line::fromBytes(bytes.data());
  Cycle inDecoder = c + 1;
  readyAt_ = decodeFaultAt_ = kNever;
  if (legal_.knows(pc_, line_)) {
    readyAt_ = inDecoder + Cycle(line_.row()->footprint.size()) + 1;
  } else if (std::optional<isa::Fault> fault = isa::checkLine(line_, config_, regions_)) {
    decodeFault_ = *fault;
    bool isStatic = isa::checkFields(line_, config_).has_value();
    decodeFaultAt_ = inDecoder + Cycle(isStatic ? 0 : detail::failingStep(line_, config_, regions_));
  } else {
    readyAt_ = inDecoder + Cycle(line_.row()->footprint.size()) + 1;
    legal_.add(pc_, line_);
  }
  kernel_.at(Event::Read, c + 1); // there is room for another line
}

// The next cycle in which the front end can do something by itself.
template <class Kernel> void Core<Kernel>::scheduleFrontEnd(Cycle c) {
  auto wakeAt = [&](Cycle cycle) { // a budget may be any number
    if (cycle < keyCycle(kNever))
      kernel_.at(Event::FrontEnd, std::max(cycle, c + 1));
  };
  auto wakeAfter = [&](Cycle cycle) {
    if (cycle > c)
      wakeAt(cycle);
  };
  if (isDecoderFull_) {
    wakeAfter(std::min(decodeFaultAt_, readyAt_));
  } else if (!lines_.empty()) {
    wakeAfter(lines_.front().visible);
  } else if (requested_ >= lineCount_) {
    wakeAt(c + 1); // NO_END
  }
  wakeAfter(fetchFaultAt_);
  wakeAfter(abortFrom_);
  if (budget_ != 0)
    wakeAfter(budget_);
}

template <class Kernel> bool Core<Kernel>::areEnginesIdle() const {
  return std::all_of(inFlight_.begin(), inFlight_.end(), [](const auto &flight) { return flight.empty(); });
}

template <class Kernel> bool Core<Kernel>::isEverythingIdle() const {
  return areEnginesIdle() &&
         std::all_of(queues_.begin(), queues_.end(), [](const auto &queue) { return queue.empty(); });
}

template <class Kernel> void Core<Kernel>::raiseDeadlock(Cycle c) {
  if (!areEnginesIdle())
    return;
  const Op *lowest = nullptr;
  for (const auto &queue : queues_) {
    if (queue.empty())
      continue;
    if (isSatisfied(queue.front()))
      return;
    if (!lowest || queue.front().pc < lowest->pc)
      lowest = &queue.front();
  }
  if (lowest)
    raise(c, *lowest, isa::FaultCode::Deadlock);
}

template <class Kernel> bool Core<Kernel>::isDrained(Cycle c) {
  return areEnginesIdle() && std::none_of(queues_.begin(), queues_.end(), [&](const auto &queue) {
           return !queue.empty() && queue.front().visible <= c && queue.front().pc < fault_.value().pc &&
                  isSatisfied(queue.front());
         });
}

template <class Kernel> void Core<Kernel>::endJob(Cycle c) {
  flushTrace();
  waitForData();
  uint32_t endPc = pc_;
  bool failed = fault_.isSet(c + 1);
  result_ = failed ? fault_.value() : JobFault{.pc = endPc};
  collectCounters(c + 1);
  jobState_ = JobState::Record;
  Cycle settled = c;
  if (canWriteRecord_) {
    namespace d = isa::jobDescriptor;
    recordAddress_ =
        state_.physical(size_t(isa::RegionRole::Completion), descriptor_.get(d::recordOffset) & ~uint64_t{63});
    record_ = makeCompletionRecord(uint32_t(descriptor_.get(d::sequence)), result_, registers_, config_.n);
    recordFrom_ = c;
    settled = store_.sendRecord(recordAddress_, c);
    if (store_.failedAddress() && !failed)
      fault_.raise(settled, JobFault{isa::FaultCode::AxiWrite, Engine::FE, 0, endPc, recordAddress_});
  }
  doneAt_ = std::max(settled, readPort_.quietFrom()) + 1;
  kernel_.at(Event::FrontEnd, doneAt_);
}

// `cycles` cycles were counted.
template <class Kernel> void Core<Kernel>::collectCounters(Cycle cycles) {
  using isa::CounterId;
  counter(CounterId::Cycles) = cycles;
  for (unsigned e = 0; e != kQueues; ++e) {
    clocks_[e].finish(cycles, queues_[e].empty() ? kNever : queues_[e].front().visible);
    for (unsigned s = 0; s != unsigned(isa::kEngineStates); ++s)
      registers_.counters[unsigned(CounterId::StateLaBusy) + e * isa::kEngineStates + s] = clocks_[e].counts()[s];
  }
  counter(CounterId::BytesReadLa) = loadBeats_[unsigned(Engine::LA)] * config_.axiBytes;
  counter(CounterId::BytesReadLw) = loadBeats_[unsigned(Engine::LW)] * config_.axiBytes;
  uint64_t fetched = isa::kJobDescriptorBytes + uint64_t(taken_) * isa::kLineBytes;
  for (const FetchedLine &line : lines_)
    fetched += uint64_t(readPort_.beatsProcessed(line.burst, cycles - 1)) * config_.axiBytes;
  counter(CounterId::BytesReadFe) = fetched;
  counter(CounterId::BytesWritten) = store_.bytesWritten();
  const isa::LatencyHistogram reads = readPort_.latencies(cycles - 1), &writes = store_.latencies();
  for (size_t i = 0; i != reads.size(); ++i) {
    registers_.counters[unsigned(CounterId::ReadLatency0) + i] = reads[i];
    registers_.counters[unsigned(CounterId::WriteLatency0) + i] = writes[i];
  }
  counter(CounterId::MxRows) = matrix_.rowsIssued();
  counter(CounterId::BankConflicts) = fillConflicts_.requests + storeConflicts_.requests + matrixConflicts_.requests +
                                      drainConflicts_.requests + vectorConflicts_.requests;
}

} // namespace tw::simulator::cycle
#endif
