// SPDX-License-Identifier: Apache-2.0
#include "Lockstep.h"

#include "tw/isa/Disassembler.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace tw::cosim {

namespace {

constexpr uint64_t kPage = 4096;

struct Recorder : isa::TraceSink {
  std::vector<isa::TraceEvent> events;
  void retire(const isa::TraceEvent &event) override { events.push_back(event); }
};

uint32_t reg(isa::Machine &machine, uint64_t offset) { return machine.readRegister(static_cast<uint32_t>(offset)); }

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
    std::ostringstream os;
    os << text << "\n  (" << scenario.config.name << ", memory " << scenario.memory << ", serial " << scenario.serial
       << ", poison " << int(scenario.poison) << ")";
    found = os.str();
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
  std::optional<std::string> found;
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

void compareOutcomes(Comparison &c, bool timed) {
  test::JobOutcome left = c.a.outcome, right = c.b.outcome;
  if (!timed) {
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

} // namespace

Layout layOut(const Scenario &scenario) {
  Layout layout{test::Job(scenario.config, scenario.assembly.program.lines), 0};
  test::Job &job = layout.job;
  job.serial = scenario.serial;
  job.descriptorAddress = 0;
  uint64_t next = kPage;
  for (size_t i = 0; i < job.regions.size(); ++i) {
    const isa::Region &region = scenario.assembly.regions[i];
    job.regions[i] = {next, region.limit, region.canRead, region.canWrite, false};
    if (i == size_t(isa::RegionRole::Code))
      job.regions[i] = {next, std::max<uint64_t>(job.lines.size(), 1) * isa::kLineBytes, false, false, true};
    if (i == size_t(isa::RegionRole::Completion))
      job.regions[i] = {next, isa::kCompletionRecordBytes, false, true, false};
    next += (job.regions[i].limit + kPage - 1) / kPage * kPage;
  }
  layout.memoryBytes = next;
  return layout;
}

Result<Observation> observe(const Model &model, const Scenario &scenario) {
  const Layout layout = layOut(scenario);
  auto timing = isa::parseMemoryTiming(scenario.memory);
  if (!timing)
    return Diag{scenario.memory, "is no memory: use ideal, ideal:<latency>, rows or random:<seed>"};
  timing->memoryBytes = layout.memoryBytes;
  Recorder recorder;
  isa::MachineOptions options;
  options.trace = &recorder;
  options.hashWrites = true;
  options.poison = scenario.poison;
  options.hangCycles = 20'000'000;
  auto machine = model.build(scenario.config, layout.memoryBytes, options, *timing);
  if (!machine)
    return machine.diag();
  const std::span<uint8_t> memory = (*machine)->memory();
  for (const isa::RegionData &data : scenario.assembly.data)
    std::ranges::copy(data.bytes, memory.begin() + layout.job.regions[data.region].base + data.offset);

  Observation seen;
  seen.model = model.name;
  seen.isTimed = model.isTimed;
  seen.outcome = test::runJob(**machine, layout.job);
  seen.events = std::move(recorder.events);
  std::memset(memory.data() + layout.job.regions[size_t(isa::RegionRole::Completion)].base, 0,
              isa::kCompletionRecordBytes);
  seen.dram.assign(memory.begin(), memory.end());
  for (size_t space = 0; space < seen.spaces.size(); ++space)
    seen.spaces[space] = (*machine)->dumpSpace(static_cast<int>(space));
  seen.status = reg(**machine, static_cast<uint64_t>(isa::RegisterOffset::Status));
  for (size_t i = 0; i < seen.counters.size(); ++i) {
    const uint64_t offset = isa::kCounterRegisters + 8 * i;
    seen.counters[i] = reg(**machine, offset) | uint64_t{reg(**machine, offset + 4)} << 32;
  }
  return seen;
}

std::optional<std::string> firstDivergence(const Scenario &scenario, const Observation &a, const Observation &b) {
  Comparison c(scenario, a, b);
  const bool timed = a.isTimed && b.isTimed;
  const bool failed = a.outcome.code != isa::FaultCode::None || b.outcome.code != isa::FaultCode::None;
  c.same("the machine became idle", a.outcome.finished, b.outcome.finished);
  if (timed) {
    compareTraces(c, a.events, b.events, true);
  } else if (!failed) {
    for (int engine = 0; engine < isa::kEngines; ++engine)
      compareTraces(c, ofEngine(a, engine), ofEngine(b, engine), false);
  }
  compareOutcomes(c, timed);
  if (failed && !timed)
    return c.found;
  for (isa::CounterId id : kWork)
    c.same(std::string("counter ") + std::string(isa::name(id)), a.counters[size_t(id)], b.counters[size_t(id)]);
  if (timed)
    for (size_t i = 0; i < a.counters.size(); ++i)
      c.same(std::string("counter ") + std::string(isa::kCounterNames[i]), a.counters[i], b.counters[i]);
  if (failed)
    return c.found; // memory after a fault is undefined
  compareBytes(c, "DRAM", a.dram, b.dram);
  for (size_t space = 0; space < a.spaces.size(); ++space)
    compareBytes(c, std::string(isa::name(isa::Space(space))), a.spaces[space], b.spaces[space]);
  return c.found;
}

void writeKit(const std::string &folder, const Scenario &scenario, const std::string &divergence, const Observation &a,
              const Observation &b) {
  std::filesystem::create_directories(folder);
  const auto open = [&](const std::string &name) { return std::ofstream(folder + "/" + name); };
  open("program.twasm") << "// " << divergence.substr(0, divergence.find('\n')) << "\n"
                        << isa::formatAssembly(scenario.assembly);
  for (const Observation *o : {&a, &b}) {
    std::ofstream os = open(o->model + ".txt");
    os << o->outcome << "\n";
    for (const isa::TraceEvent &e : o->events)
      os << isa::name(isa::Engine(e.engine)) << " pc " << e.pc << " tag " << e.tag << " start " << e.startCycle
         << " end " << e.endCycle << " hash " << e.writtenHash << "\n";
    for (size_t i = 0; i < o->counters.size(); ++i)
      os << isa::kCounterNames[i] << " " << o->counters[i] << "\n";
    for (size_t space = 0; space < o->spaces.size(); ++space)
      open(o->model + "." + std::string(isa::name(isa::Space(space))) + ".bin")
          .write(reinterpret_cast<const char *>(o->spaces[space].data()), std::streamsize(o->spaces[space].size()));
    open(o->model + ".DRAM.bin").write(reinterpret_cast<const char *>(o->dram.data()), std::streamsize(o->dram.size()));
  }
  open("README") << divergence << "\n\nRepeat: tw-cosim --replay program.twasm --config " << scenario.config.name
                 << " --memory " << scenario.memory << " --serial " << scenario.serial << " --poison "
                 << int(scenario.poison) << "\n";
}

} // namespace tw::cosim
