// SPDX-License-Identifier: Apache-2.0
#include "tw/simulator/FunctionalMachine.h"

#include "../LegalLines.h"
#include "../Registers.h"
#include "Execute.h"
#include "tw/isa/ProgramChecker.h"
#include "tw/isa/Timing.h"

#include <algorithm>
#include <string>

namespace tw::simulator {

namespace {

/// A job that takes this many times hangCycles is given up: this model is that much faster than a design in simulation.
constexpr uint64_t kPatience = 100;

/// Work below this is no endless job, whatever the budget: one that is too small on purpose is about time, which this
/// model does not have.
constexpr uint64_t kLeastBudget = 1000000;

/// Instructions of one engine overlap: their times add up to less than this many times the time of all of them.
constexpr uint64_t kOverlap = 4;

class Functional final : public FunctionalMachine {
public:
  Functional(const isa::HwConfig &config, uint64_t memoryBytes, const isa::MachineOptions &options)
      : state(config, memoryBytes, options.poison), registers(config), options(options) {}

  std::string_view modelName() const override { return "functional"; }

  isa::RegisterRead readPort(uint32_t offset) override { return registers.read(offset, state); }
  isa::AxiResponse writePort(uint32_t offset, uint32_t value, uint8_t strobes) override {
    return registers.write(offset, value, strobes, state).response;
  }
  std::span<uint8_t> memory() override { return state.dram.bytes(); }
  bool interrupt() const override { return registers.interrupt(); }
  std::span<const Diag> races() const override { return foundRaces; }

  bool runUntilIdle(uint64_t) override {
    if (registers.busy() && !isEndless)
      runJob();
    return !registers.busy();
  }

  void reset() override {
    state.reset(options.poison);
    registers.reset();
    foundRaces.clear();
    isEndless = false;
  }

  std::vector<uint8_t> dumpSpace(int space) const override {
    const auto bytes = state.bytesOf(isa::Space(space));
    return {bytes.begin(), bytes.end()};
  }

private:
  void runJob() {
    namespace d = isa::jobDescriptor;
    state.startJob();
    semaphores = {};
    foundRaces.clear();
    MemoryRecord descriptor;
    state.dram.read(registers.jobAddress(), descriptor.bytes.data(), descriptor.bytes.size());
    registers.counter(isa::CounterId::BytesReadFe) += descriptor.bytes.size();

    const JobStart start = registers.checkJob(descriptor, state);
    JobFault fault;
    if (start.fault)
      fault = {start.fault->code, isa::Engine::FE, 0, 0, start.fault->address};
    else
      fault = runStream(state.physical(size_t(isa::RegionRole::Code), descriptor.get(d::codeOffset) & ~uint64_t{63}),
                        static_cast<uint32_t>(descriptor.get(d::lineCount)), descriptor.get(d::cycleBudget));
    if (isEndless)
      return; // busy until a reset
    if (start.canWriteRecord) {
      const auto sequence = static_cast<uint32_t>(descriptor.get(d::sequence));
      const MemoryRecord record = makeCompletionRecord(sequence, fault, registers, state.n);
      state.dram.write(
          state.physical(size_t(isa::RegionRole::Completion), descriptor.get(d::recordOffset) & ~uint64_t{63}),
          record.bytes.data(), record.bytes.size());
    }
    registers.finish(fault);
  }

  JobFault runStream(uint64_t code, uint32_t lineCount, uint64_t budget) {
    const isa::Regions regions = checkedRegions(state);
    legal.startJob(regions);
    uint64_t cycles = 0; // at least, if nothing ran at the same time
    std::array<uint64_t, isa::kEngines> engineCycles{};
    uint64_t decoderCycles = 0;
    if (options.checkRaces)
      findRaces(code, lineCount, regions);
    for (uint32_t pc = 0; pc != lineCount; ++pc) {
      std::array<uint8_t, isa::kLineBytes> bytes;
      state.dram.read(code + uint64_t{pc} * isa::kLineBytes, bytes.data(), bytes.size());
      registers.counter(isa::CounterId::BytesReadFe) += bytes.size();
      const isa::Line line = isa::Line::fromBytes(bytes.data());
      auto fault = [&](isa::FaultCode faultCode, isa::Engine engine, uint64_t address = 0) {
        return JobFault{faultCode, engine, line.tag(), pc, address};
      };

      if (!legal.knows(pc, line)) {
        if (const auto illegal = isa::checkLine(line, state.config, regions))
          return fault(illegal->code, isa::Engine::FE, illegal->address);
        legal.add(pc, line);
      }
      const isa::Engine engine = line.row()->engine;
      if (!take(line))
        return fault(isa::FaultCode::UncoveredWait, engine);
      if (isa::Opcode(line.opcodeByte()) == isa::Opcode::End && semaphores != decltype(semaphores){})
        return fault(isa::FaultCode::SemLeak, isa::Engine::FE);
      const uint64_t least = leastCycles(line);
      engineCycles[size_t(engine)] += least;
      decoderCycles += isa::decodeCycles(line.row()->opcode);
      cycles += least;
      const uint64_t surely = std::max(engineCycles[size_t(engine)] / kOverlap, decoderCycles);
      isEndless = cycles / kPatience > options.hangCycles || (budget != 0 && surely > std::max(budget, kLeastBudget));
      if (isEndless)
        return {};
      ++registers.counter(isa::CounterId::Lines);
      if (const auto missing = checkParameters(state, line))
        return fault(missing->code, engine);
      count(execute(state, line), engine);
      if (!post(line))
        return fault(isa::FaultCode::SemOverflow, engine);
      retire(line, pc, engine);
      if (isa::Opcode(line.opcodeByte()) == isa::Opcode::End)
        return {.code = isa::FaultCode::None, .pc = pc};
    }
    return {isa::FaultCode::NoEnd, isa::Engine::FE, 0, lineCount, 0};
  }

  /// What the line takes on a timed machine at least.
  uint64_t leastCycles(const isa::Line &line) const {
    const isa::Opcode opcode = line.row()->opcode;
    return isa::hasBursts(opcode) ? isa::DmaWalk::of(line, state.config).bytes() / state.config.axiBytes
                                  : isa::cycles(line, state.config);
  }

  /// Nothing in a stream depends on data, so its races can be found before it runs.
  void findRaces(uint64_t code, uint32_t lineCount, const isa::Regions &regions) {
    isa::Program program;
    for (uint32_t pc = 0; pc != lineCount; ++pc) {
      std::array<uint8_t, isa::kLineBytes> bytes;
      state.dram.read(code + uint64_t{pc} * isa::kLineBytes, bytes.data(), bytes.size());
      program.lines.push_back(isa::Line::fromBytes(bytes.data()));
    }
    for (const isa::Finding &finding : isa::checkProgram(program, state.config, regions))
      if (finding.kind == isa::FindingKind::Race || finding.kind == isa::FindingKind::SelfOverlap)
        foundRaces.push_back({"line " + std::to_string(finding.line), finding.text});
  }

  /// All waits at once, or none.
  bool take(const isa::Line &line) {
    const isa::SyncActions waits = isa::waits(line);
    for (const isa::SyncAction &wait : waits)
      if (semaphores[wait.semaphore] < wait.amount)
        return false;
    for (const isa::SyncAction &wait : waits)
      semaphores[wait.semaphore] -= wait.amount;
    return true;
  }

  bool post(const isa::Line &line) {
    bool fits = true;
    for (const isa::SyncAction &action : isa::posts(line)) {
      semaphores[action.semaphore] += action.amount;
      fits &= semaphores[action.semaphore] <= isa::kSemaphoreMax;
    }
    return fits;
  }

  void count(const Effects &effects, isa::Engine engine) {
    using isa::CounterId;
    registers.counter(engine == isa::Engine::LA ? CounterId::BytesReadLa : CounterId::BytesReadLw) += effects.bytesRead;
    registers.counter(CounterId::BytesWritten) += effects.bytesWritten;
    registers.counter(CounterId::MxRows) += effects.mxRows;
    registers.counter(CounterId::Saturations) += effects.saturations;
  }

  void retire(const isa::Line &line, uint32_t pc, isa::Engine engine) {
    if (!options.trace)
      return;
    isa::TraceEvent event;
    event.pc = pc;
    event.tag = line.tag();
    event.opcode = static_cast<uint8_t>(line.opcodeByte());
    event.engine = static_cast<uint8_t>(engine);
    if (options.hashWrites)
      event.writtenHash = writtenHash(state, line);
    options.trace->retire(event);
  }

  State state;
  Registers registers;
  LegalLines legal;
  isa::MachineOptions options;
  std::array<int, isa::kSemaphores> semaphores{};
  std::vector<Diag> foundRaces;
  bool isEndless = false; // the job was given up
};

} // namespace

std::unique_ptr<FunctionalMachine> createFunctionalMachine(const isa::HwConfig &config, uint64_t memoryBytes,
                                                           const isa::MachineOptions &options) {
  return std::make_unique<Functional>(config, memoryBytes, options);
}

} // namespace tw::simulator
