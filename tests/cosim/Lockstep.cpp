// SPDX-License-Identifier: Apache-2.0
#include "Lockstep.h"

#include "tw/isa/Disassembler.h"

#include <algorithm>
#include <cstring>
#include <sstream>
#include <tuple>
#include <utility>

namespace tw::cosim {

namespace {

constexpr uint64_t kHangCycles = 1'000'000; // random programs take some thousands

struct Recorder : isa::TraceSink {
  std::vector<isa::TraceEvent> events;
  void retire(const isa::TraceEvent &event) override { events.push_back(event); }
};

uint32_t reg(isa::Machine &machine, uint64_t offset) { return machine.readRegister(static_cast<uint32_t>(offset)); }
uint32_t reg(isa::Machine &machine, isa::RegisterOffset offset) { return reg(machine, static_cast<uint64_t>(offset)); }
void write(isa::Machine &machine, isa::RegisterOffset offset, uint32_t value) {
  machine.writeRegister(static_cast<uint32_t>(offset), value);
}

/// Collects the first difference.
class Comparison {
public:
  Comparison(const Scenario &scenario, const Observation &a, const Observation &b) : scenario(scenario), a(a), b(b) {}

  template <typename T> bool same(const std::string &what, const T &left, const T &right) {
    if (left == right)
      return true;
    std::ostringstream os;
    os << what << ": " << a.model << " " << left << ", " << b.model << " " << right;
    differs(os.str());
    return false;
  }

  void differs(const std::string &text) {
    if (found)
      return;
    found = Divergence{text, std::nullopt};
  }

  std::string at(const isa::TraceEvent &event) const {
    std::ostringstream os;
    os << isa::name(isa::Engine(event.engine)) << " instruction " << event.pc;
    if (event.pc < scenario.assembly.program.lines.size())
      os << " (" << isa::formatLine(scenario.assembly.program.lines[event.pc]) << ")";
    return os.str();
  }

  const Scenario &scenario;
  const Observation &a, &b;
  std::optional<Divergence> found;
};

std::vector<isa::TraceEvent> ofEngine(const Observation &o, int engine) {
  std::vector<isa::TraceEvent> result;
  std::ranges::copy_if(o.events, std::back_inserter(result),
                       [&](const isa::TraceEvent &e) { return e.engine == engine; });
  return result;
}

/// In two timed models the whole list, in its order; else each engine's list without cycles.
void compareTraces(Comparison &c, const std::vector<isa::TraceEvent> &left, const std::vector<isa::TraceEvent> &right,
                   bool timed) {
  for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    const isa::TraceEvent &l = left[i], &r = right[i];
    if (!c.same("retired " + std::to_string(i) + "th, line", l.pc, r.pc))
      return;
    const std::string place = c.at(l);
    c.same(place + ", tag", l.tag, r.tag);
    c.same(place + ", opcode", int(l.opcode), int(r.opcode));
    if (timed) {
      c.same(place + ", start", l.startCycle, r.startCycle);
      c.same(place + ", end", l.endCycle, r.endCycle);
    }
    if (l.writtenHash != 0 && r.writtenHash != 0)
      c.same(place + ", hash of the bytes written", l.writtenHash, r.writtenHash);
  }
  c.same("number of retired instructions", left.size(), right.size());
}

void compareBytes(Comparison &c, const std::string &what, const std::vector<uint8_t> &left,
                  const std::vector<uint8_t> &right) {
  if (!c.same("size of " + what, left.size(), right.size()))
    return;
  const auto [l, r] = std::ranges::mismatch(left, right);
  if (l != left.end())
    c.same(what + " byte " + std::to_string(l - left.begin()), int(*l), int(*r));
}

bool isDeadlock(isa::FaultCode code) {
  return code == isa::FaultCode::Deadlock || code == isa::FaultCode::UncoveredWait;
}

/// Counters that do not depend on time.
constexpr isa::CounterId kWork[] = {isa::CounterId::Lines,       isa::CounterId::BytesReadLa,
                                    isa::CounterId::BytesReadLw, isa::CounterId::BytesWritten,
                                    isa::CounterId::MxRows,      isa::CounterId::Saturations};

/// What the machine says, also where no record could be written.
isa::FaultCode codeOf(const Observation &seen) { return isa::FaultCode(seen.fault & 0xFF); }

/// A fault that one of the models cannot meet: not a row of it.
bool isBeyond(const Observation &model, isa::FaultCode code) {
  const auto row = std::ranges::find(isa::kFaults, code, &isa::FaultInfo::code);
  return !model.isTimed && !row->onFunctional && !isDeadlock(code);
}

void compareOutcomes(Comparison &c, bool timed) {
  test::JobOutcome left = c.a.outcome, right = c.b.outcome;
  if (!timed) {
    if (isBeyond(c.a, codeOf(c.b)) || isBeyond(c.b, codeOf(c.a)))
      return;
    left.cycles = right.cycles = 0;
    if (isDeadlock(left.code) && isDeadlock(right.code))
      return; // one names the first wait that is not covered, the other the oldest that waits
    if (left.code != isa::FaultCode::None) { // how far the others came depends on time
      left.bytesRead = left.bytesWritten = left.macs = left.saturations = 0;
      right.bytesRead = right.bytesWritten = right.macs = right.saturations = 0;
    }
  }
  c.same("outcome", left, right);
  if (timed)
    c.same("STATUS", c.a.status, c.b.status);
}

/// Puts a job and its data into memory.
void prepare(isa::Machine &machine, const test::Job &job, const isa::Assembly &assembly) {
  for (const isa::RegionData &data : assembly.data)
    std::ranges::copy(data.bytes, machine.memory().begin() + ptrdiff_t(job.regions[data.region].base + data.offset));
  test::prepareJob(machine, job);
}

/// What the scenario's host does, on a model without pins: each access in the cycle in which the contract has it
/// happen.
std::vector<isa::HostAnswer> doAccesses(isa::Machine &machine, const std::vector<isa::HostAccess> &accesses) {
  struct Event {
    uint64_t cycle; // it is seen
    size_t index;
  };
  const std::vector<uint64_t> times = isa::accessTimes(accesses);
  std::vector<Event> events;
  for (size_t i = 0; i != times.size(); ++i) // a read sees what is visible in the cycle after its address
    events.push_back({times[i] + !accesses[i].isWrite, i});
  std::ranges::sort(events, {}, [&](const Event &event) {
    return std::tuple(event.cycle, accesses[event.index].isWrite, event.index);
  });
  std::vector<isa::HostAnswer> answers(accesses.size());
  uint64_t now = 0;
  for (const Event &event : events) {
    if (event.cycle > now)
      machine.runUntilIdle(event.cycle - now);
    const isa::HostAccess &access = accesses[event.index];
    isa::HostAnswer &answer = answers[event.index];
    if (access.isWrite) {
      answer.response = machine.writePort(access.offset, access.value, access.strobes);
    } else {
      const isa::RegisterRead read = machine.readPort(access.offset);
      answer.value = read.value;
      answer.response = read.response;
    }
    now = event.cycle + access.isWrite;
    answer.cycle = times[event.index];
    answer.interrupt = machine.interrupt();
    answer.isAnswered = true;
  }
  return answers;
}

/// Rings the doorbell and lets the job run, with the reset or abort of the scenario. True when it ended.
bool runWithInterruption(const BuiltMachine &built, const Scenario &scenario, Observation &seen) {
  isa::Machine &machine = *built.machine;
  if (built.schedule)
    built.schedule(scenario.host);
  write(machine, isa::RegisterOffset::Doorbell, 1);
  if (!scenario.host.empty() && machine.state()) { // a model with time
    if (!built.schedule)
      seen.host = doAccesses(machine, scenario.host);
    bool finished = machine.runUntilIdle();
    if (built.answers) {
      seen.host = built.answers();
      finished = machine.runUntilIdle() && finished; // a late doorbell starts the job again
    }
    return finished;
  }
  if (scenario.abortAt && !machine.runUntilIdle(*scenario.abortAt))
    write(machine, isa::RegisterOffset::Abort, 1);
  if (!scenario.resetAt)
    return machine.runUntilIdle();
  const bool finished = machine.runUntilIdle(*scenario.resetAt);
  seen.stateAtReset = machine.state();
  return finished;
}

/// What registers and memory from `begin` on hold after a job.
void look(isa::Machine &machine, const test::Job &job, uint64_t begin, Observation &seen) {
  std::memset(machine.memory().data() + job.regions[size_t(isa::RegionRole::Completion)].base, 0,
              isa::kCompletionRecordBytes);
  const std::span<uint8_t> memory = machine.memory().subspan(begin);
  seen.dram.assign(memory.begin(), memory.end());
  seen.status = reg(machine, isa::RegisterOffset::Status);
  seen.fault = reg(machine, isa::RegisterOffset::Fault);
  seen.faultPc = reg(machine, isa::RegisterOffset::FaultPc);
  seen.faultAddress =
      reg(machine, isa::RegisterOffset::FaultAddrLo) | uint64_t{reg(machine, isa::RegisterOffset::FaultAddrHi)} << 32;
  for (size_t i = 0; i < seen.counters.size(); ++i) {
    const uint64_t offset = isa::kCounterRegisters + 8 * i;
    seen.counters[i] = reg(machine, offset) | uint64_t{reg(machine, offset + 4)} << 32;
  }
}

/// A machine of a scenario that stands before its first job.
class Bench {
public:
  static Result<std::unique_ptr<Bench>> build(const Model &model, const Scenario &scenario) {
    auto bench = std::make_unique<Bench>();
    bench->layout = layOut(scenario);
    const auto memory = memoryOf(scenario, bench->layout);
    if (!memory)
      return memory.diag();
    isa::MachineOptions options;
    options.trace = &bench->recorder;
    options.hashWrites = true;
    options.poison = scenario.poison;
    options.hangCycles = kHangCycles;
    auto built = model.build(scenario.config, bench->layout.memoryBytes, options, *memory);
    if (!built)
      return built.diag();
    bench->built = std::move(*built);
    return bench;
  }

  isa::Machine &machine() { return *built.machine; }

  Observation runFirst(const Scenario &scenario) {
    Observation seen;
    prepare(machine(), layout.job, scenario.assembly);
    const bool finished = runWithInterruption(built, scenario, seen);
    seen.outcome = test::readOutcome(machine(), layout.job);
    seen.outcome.finished = finished;
    seen.events = std::exchange(recorder.events, {});
    if (scenario.resetAt)
      machine().reset();
    for (size_t space = 0; space < seen.spaces.size(); ++space)
      seen.spaces[space] = machine().dumpSpace(static_cast<int>(space));
    look(machine(), layout.job, 0, seen);
    return seen;
  }

  void prepareNext(const Scenario &scenario) { prepare(machine(), *layout.next, *scenario.next); }

  Observation runNext(const Scenario &scenario) {
    Observation seen;
    prepareNext(scenario);
    write(machine(), isa::RegisterOffset::Doorbell, 1);
    const bool finished = machine().runUntilIdle();
    seen.outcome = test::readOutcome(machine(), *layout.next);
    seen.outcome.finished = finished;
    seen.events = std::exchange(recorder.events, {});
    look(machine(), *layout.next, layout.nextBegin, seen);
    return seen;
  }

  Recorder recorder;
  Layout layout{test::Job({}, {}), std::nullopt, 0, 0};
  BuiltMachine built;
};

/// The cycle in which two runs of timed models first differ: in a start, an end, or an instruction that one never met.
std::optional<uint64_t> firstCycle(const Observation &a, const Observation &b) {
  std::optional<uint64_t> cycle;
  const auto candidate = [&](uint64_t value) { cycle = std::min(cycle.value_or(value), value); };
  for (int engine = 0; engine < isa::kEngines; ++engine) {
    const std::vector<isa::TraceEvent> left = ofEngine(a, engine), right = ofEngine(b, engine);
    for (size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
      if (i >= left.size() || i >= right.size()) {
        candidate((i < left.size() ? left : right)[i].startCycle);
        break;
      }
      if (left[i].startCycle != right[i].startCycle)
        candidate(std::min(left[i].startCycle, right[i].startCycle));
      if (left[i].endCycle != right[i].endCycle)
        candidate(std::min(left[i].endCycle, right[i].endCycle));
    }
  }
  return cycle;
}

/// The end, in a timed model, of the first instruction whose results or identity differ.
std::optional<uint64_t> firstWrongEnd(const Observation &timed, const Observation &other) {
  std::optional<uint64_t> cycle;
  for (int engine = 0; engine < isa::kEngines; ++engine) {
    const std::vector<isa::TraceEvent> left = ofEngine(timed, engine), right = ofEngine(other, engine);
    for (size_t i = 0; i < std::min(left.size(), right.size()); ++i)
      if (left[i].pc != right[i].pc || left[i].opcode != right[i].opcode ||
          (left[i].writtenHash != 0 && right[i].writtenHash != 0 && left[i].writtenHash != right[i].writtenHash)) {
        cycle = std::min(cycle.value_or(left[i].endCycle), left[i].endCycle);
        break;
      }
  }
  return cycle;
}

std::optional<Place> locate(const Observation &a, const Observation &b) {
  std::optional<uint64_t> cycle;
  if (a.isTimed && b.isTimed)
    cycle = firstCycle(a, b);
  if (!cycle && (a.isTimed || b.isTimed))
    cycle = a.isTimed ? firstWrongEnd(a, b) : firstWrongEnd(b, a);
  if (!cycle) // only the end of the run shows it
    for (const Observation *o : {&a, &b})
      for (const isa::TraceEvent &event : o->events)
        if (o->isTimed)
          cycle = std::max(cycle.value_or(0), event.endCycle);
  return cycle ? std::optional<Place>({false, *cycle}) : std::nullopt;
}

/// What a host met: the same answers in the same cycles. While a job runs only the counter of cycles is told on the
/// way.
void compareHosts(Comparison &c) {
  if (!c.same("accesses of the host", c.a.host.size(), c.b.host.size()))
    return;
  for (size_t i = 0; i != c.a.host.size(); ++i) {
    const isa::HostAccess &access = c.scenario.host[i];
    isa::HostAnswer left = c.a.host[i], right = c.b.host[i];
    std::ostringstream os;
    os << "access " << i << " of the host, " << (access.isWrite ? "a write of " : "a read of ") << access.offset;
    const uint32_t counter = (access.offset - uint32_t(isa::kCounterRegisters)) / 8;
    if (counter != uint32_t(isa::CounterId::Cycles) && counter < uint32_t(isa::kCounters) &&
        left.cycle < c.a.outcome.cycles)
      left.value = right.value = 0;
    c.same(os.str() + ", cycle", left.cycle, right.cycle);
    c.same(os.str() + ", value", left.value, right.value);
    c.same(os.str() + ", response", int(left.response), int(right.response));
    c.same(os.str() + ", interrupt line", left.interrupt, right.interrupt);
    c.same(os.str() + ", answered", left.isAnswered, right.isAnswered);
  }
}

/// One job of both; memory and spaces only where they are defined.
std::optional<Divergence> compareJobs(const Scenario &scenario, const Observation &a, const Observation &b) {
  Comparison c(scenario, a, b);
  const bool timed = a.isTimed && b.isTimed;
  const bool failed = codeOf(a) != isa::FaultCode::None || codeOf(b) != isa::FaultCode::None || !a.outcome.finished ||
                      !b.outcome.finished;
  for (const Observation *o : {&a, &b})
    if (!o->protocolErrors.empty())
      c.differs(o->model + " breaks the rules of AXI4: " + o->protocolErrors.front());
  c.same("the machine became idle", a.outcome.finished, b.outcome.finished);
  if (timed) {
    compareTraces(c, a.events, b.events, true);
    compareHosts(c);
    if (a.stateAtReset != b.stateAtReset)
      c.differs("state at the reset: queues, semaphores, decoder or fault register");
  } else if (!failed) {
    for (int engine = 0; engine < isa::kEngines; ++engine)
      compareTraces(c, ofEngine(a, engine), ofEngine(b, engine), false);
  }
  compareOutcomes(c, timed);
  if (failed && !timed)
    return c.found;
  for (isa::CounterId id : kWork)
    c.same(std::string("counter ") + std::string(isa::name(id)), a.counters[size_t(id)], b.counters[size_t(id)]);
  if (timed) {
    for (size_t i = 0; i < a.counters.size(); ++i)
      c.same(std::string("counter ") + std::string(isa::kCounterNames[i]), a.counters[i], b.counters[i]);
    c.same("FAULT", a.fault, b.fault);
    c.same("FAULT_PC", a.faultPc, b.faultPc);
    c.same("FAULT_ADDR", a.faultAddress, b.faultAddress);
  }
  if (failed)
    return c.found; // memory after a fault is undefined
  compareBytes(c, "DRAM", a.dram, b.dram);
  for (size_t space = 0; space < a.spaces.size(); ++space)
    compareBytes(c, std::string(isa::name(isa::Space(space))), a.spaces[space], b.spaces[space]);
  return c.found;
}

std::string stateText(const isa::MachineState &state, const isa::Assembly &assembly) {
  std::ostringstream os;
  const auto line = [&](uint32_t pc) {
    os << "line " << pc;
    if (pc < assembly.program.lines.size())
      os << " (" << isa::formatLine(assembly.program.lines[pc]) << ")";
  };
  os << "cycle " << state.cycle << "\ndecoder: " << (state.isDecoderFull ? "holds " : "empty, next is ");
  line(state.decoderPc);
  os << "\nfault: " << isa::name(state.fault);
  if (state.fault != isa::FaultCode::None)
    os << " at line " << state.faultPc;
  os << "\n";
  for (size_t e = 0; e < state.engines.size(); ++e) {
    const isa::MachineState::Unit &unit = state.engines[e];
    os << isa::kEngineNames[e] << ": ";
    if (unit.inFlight.empty()) {
      os << "idle";
    } else {
      os << unit.inFlight.size() << " in flight, the oldest ";
      line(unit.inFlight.front());
    }
    os << "; queue " << unit.queued;
    if (unit.queued) {
      os << ", head ";
      line(unit.headPc);
    }
    os << "\n";
  }
  os << "semaphores:";
  for (size_t i = 0; i < state.semaphores.size(); ++i)
    if (state.semaphores[i])
      os << " " << i << "=" << int(state.semaphores[i]);
  os << " (others 0)\n";
  return os.str();
}

} // namespace

Result<Observation> observe(const Model &model, const Scenario &scenario) {
  auto bench = Bench::build(model, scenario);
  if (!bench)
    return bench.diag();
  const auto name = [&](Observation &seen) {
    seen.model = model.name;
    seen.isTimed = model.isTimed;
  };
  Observation seen;
  for (int lap = 1; lap < scenario.laps; ++lap) { // only what they leave on chip is looked at
    (void)(*bench)->runFirst(scenario);
    if (scenario.next)
      (void)(*bench)->runNext(scenario);
  }
  if (!scenario.isNextAlone)
    seen = (*bench)->runFirst(scenario);
  name(seen);
  if (scenario.next) {
    Observation next = (*bench)->runNext(scenario);
    name(next);
    seen.next = std::make_shared<Observation>(std::move(next));
  }
  if ((*bench)->built.protocolErrors)
    seen.protocolErrors = *(*bench)->built.protocolErrors;
  return seen;
}

Result<std::string> describeState(const Model &model, const Scenario &scenario, const Place &place) {
  auto built = Bench::build(model, scenario);
  if (!built)
    return built.diag();
  Bench &bench = **built;
  if (place.isInNext) {
    if (!scenario.isNextAlone)
      (void)bench.runFirst(scenario);
    bench.prepareNext(scenario);
  } else {
    prepare(bench.machine(), bench.layout.job, scenario.assembly);
  }
  isa::Machine &machine = bench.machine();
  write(machine, isa::RegisterOffset::Doorbell, 1);
  machine.runUntilIdle(std::max<uint64_t>(place.cycle, 1));
  std::ostringstream os;
  const std::optional<isa::MachineState> state = machine.state();
  os << (state ? stateText(*state, place.isInNext ? *scenario.next : scenario.assembly) : "no job runs\n");
  using enum isa::RegisterOffset;
  for (const auto &[name, offset] : {std::pair{"CONTROL", Control},
                                     {"STATUS", Status},
                                     {"IRQ_STATUS", IrqStatus},
                                     {"FAULT", Fault},
                                     {"FAULT_PC", FaultPc},
                                     {"FAULT_ADDR_LO", FaultAddrLo}})
    os << name << " 0x" << std::hex << reg(machine, offset) << std::dec << "\n";
  return os.str();
}

std::optional<Divergence> firstDivergence(const Scenario &scenario, const Observation &a, const Observation &b) {
  std::optional<Divergence> found;
  // Without time a job ends before its reset.
  if (!scenario.isNextAlone && (!scenario.resetAt || (a.isTimed && b.isTimed))) {
    found = compareJobs(scenario, a, b);
    if (found)
      found->place = locate(a, b);
  }
  if (!found && a.next && b.next) {
    Scenario second = scenario;
    second.assembly = *scenario.next;
    found = compareJobs(second, *a.next, *b.next);
    if (found) {
      found->text = "in the next job: " + found->text;
      found->place = locate(*a.next, *b.next);
      if (found->place)
        found->place->isInNext = true;
    }
  }
  return found;
}

} // namespace tw::cosim
