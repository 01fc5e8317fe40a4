// SPDX-License-Identifier: Apache-2.0
// Cycle model against RTL, to the cycle: start and end of every instruction, every fault, every counter. Programs are
// made to collide (and race), so only times and faults are compared here; data have their own tests.
#include "tw/isa/Disassembler.h"
#include "tw/isa/Encoder.h"
#include "tw/rtl/Model.h"
#include "tw/simulator/Cycle.h"
#include "tw/support/CyclePrograms.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

using namespace tw;
using namespace tw::isa;
using test::Job;
using test::JobOutcome;

namespace {

struct Log : TraceSink {
  void retire(const TraceEvent &event) override { events.push_back(event); }
  std::vector<TraceEvent> events;
};

struct Seen {
  Log log;
  JobOutcome outcome;
  std::array<uint64_t, kCounters> counters{};
  std::array<uint32_t, 5> snapshot{};
};

/// A program and everything that decides its times.
struct Stimulus {
  Job job;
  MemoryTimingConfig memory;
  std::optional<uint64_t> abortAt; // ABORT is written in this cycle
  bool hasBadMultipliers = false;
};

void run(Machine &machine, const Stimulus &stimulus, Seen &seen) {
  auto memory = machine.memory();
  for (size_t i = 0; i != memory.size(); ++i) // every word is a legal multiplier ...
    memory[i] = i % 4 == 3 ? 0x3F : uint8_t(i * 7);
  for (size_t i = Job::kConstBase + 3; stimulus.hasBadMultipliers && i < Job::kConstBase + 0x8000; i += 4 * 61)
    memory[i] = 0x10; // ... but these
  prepareJob(machine, stimulus.job);
  machine.writeRegister(uint32_t(RegisterOffset::Doorbell), 1);
  if (stimulus.abortAt && !machine.runUntilIdle(*stimulus.abortAt + 1))
    machine.writeRegister(uint32_t(RegisterOffset::Abort), 1);
  bool finished = machine.runUntilIdle();
  seen.outcome = readOutcome(machine, stimulus.job);
  seen.outcome.finished = finished;
  seen.outcome.saturations = 0; // of data
  for (unsigned i = 0; i != unsigned(kCounters); ++i) {
    uint32_t offset = uint32_t(kCounterRegisters) + 8 * i;
    seen.counters[i] = machine.readRegister(offset) | uint64_t(machine.readRegister(offset + 4)) << 32;
  }
  seen.counters[unsigned(CounterId::Saturations)] = 0;
  const RegisterOffset registers[] = {RegisterOffset::Status, RegisterOffset::Fault, RegisterOffset::FaultPc,
                                      RegisterOffset::FaultAddrLo, RegisterOffset::FaultAddrHi};
  for (size_t i = 0; i != std::size(registers); ++i)
    seen.snapshot[i] = machine.readRegister(uint32_t(registers[i]));
}

/// Breaks one thing, so that most programs end with a fault.
void breakSomething(Stimulus &stimulus, std::mt19937_64 &random) {
  Job &job = stimulus.job;
  auto oneIn = [&](uint64_t n) { return random() % n == 0; };
  size_t at = 3 + random() % (job.lines.size() - 3);
  Line &line = job.lines[at];
  bool syncs = line.row()->hasSync;
  switch (random() % 10) {
  case 0: // parameters or tables are missing
    job.lines[oneIn(2) ? 0 : 1] = Line(Opcode::Mark);
    break;
  case 1:
    job.lineCount = uint32_t(oneIn(4) ? random() % 3 * 2500 : job.lines.size() - 1); // no END
    break;
  case 2:
  case 3: { // a line is not legal, or another one
    auto bytes = line.bytes();
    for (int i = 0; i != 3; ++i)
      bytes[random() % (oneIn(4) ? 64 : 40)] ^= uint8_t(1 << random() % 8);
    line = Line::fromBytes(bytes.data());
    break;
  }
  case 4: // DEADLOCK
    if (syncs)
      line.set(header::wait2_valid, 1).set(header::wait2_sem, 31).set(header::wait2_amount, 7);
    break;
  case 5: // SEM_LEAK
    if (syncs)
      line.set(header::post2_valid, 1).set(header::post2_sem, 30).set(header::post2_amount, 3);
    break;
  case 6: // SEM_OVERFLOW
    for (Line &other : job.lines)
      if (other.row()->hasSync)
        other.set(header::post2_valid, 1).set(header::post2_sem, 29).set(header::post2_amount, 7);
    break;
  case 7:
    stimulus.hasBadMultipliers = true;
    break;
  case 8:
    line = Line(Opcode(random() % 64));
    break;
  case 9: // the memory refuses a line, the descriptor, the record, or data
    for (uint64_t base : {uint64_t(0x10000), uint64_t(0), uint64_t(0x1000), Job::kConstBase, Job::kArenaBase})
      if (oneIn(3)) {
        uint64_t begin = base + (base == 0x10000 ? random() % 32 : base > 0x10000 ? random() % 0x400 : 0) * 64;
        stimulus.memory.errors.push_back({begin, begin + 64});
      }
    break;
  }
  if (oneIn(10))
    job.regions[random() % 4] = {0, 0, false, false, false};
  if (oneIn(20))
    job.isaHash ^= 1;
  if (oneIn(8))
    job.cycleBudget = 1 + random() % 3000;
  if (oneIn(8))
    stimulus.abortAt = random() % 3000;
  if (oneIn(8))
    job.serial = true;
}

/// Lets any queue post and await a few semaphores, its own posts and those of the same line among them.
void tangle(Job &job, std::mt19937_64 &random) {
  const auto below = [&](uint64_t n) { return random() % n; };
  const auto names = [](const SyncActions &actions, uint8_t semaphore) {
    return std::ranges::any_of(actions, [&](const SyncAction &action) { return action.semaphore == semaphore; });
  };
  const uint64_t semaphores = 1 + below(3), postsPerWait = 1 + below(3);
  for (Line &line : job.lines) {
    const uint8_t semaphore = uint8_t(below(semaphores));
    if (!line.row()->hasSync || below(3) == 0)
      continue;
    if (!names(posts(line), semaphore))
      (void)addPost(line, {semaphore, uint8_t(1 + below(8))});
    const uint8_t other = below(2) ? semaphore : uint8_t(below(semaphores));
    if (below(postsPerWait + 1) == 0 && !names(waits(line), other))
      (void)addWait(line, {other, uint8_t(1 + below(4))});
  }
}

class CycleRtlTest : public testing::TestWithParam<const char *> {
protected:
  HwConfig config = test::testConfig(GetParam());

  void SetUp() override {
    if (!std::filesystem::exists(rtl::modelDirectory() + "/tw_rtl_" + config.name + ".so"))
      GTEST_SKIP() << "the plug-in tw_rtl_" << config.name << " is not built";
  }

  void compare(const Stimulus &stimulus, FaultCode *code = nullptr) {
    Seen cycle, design;
    simulator::CycleOptions options;
    options.trace = &cycle.log;
    options.memory = stimulus.memory;
    options.timingOnly = true;
    run(*simulator::createCycleMachine(config, Job::kMemoryBytes, options), stimulus, cycle);
    MachineOptions rtlOptions;
    rtlOptions.trace = &design.log;
    rtlOptions.hangCycles = 2'000'000;
    auto model = rtl::loadModel(config.name, rtlOptions, stimulus.memory, Job::kMemoryBytes);
    ASSERT_TRUE(model) << model.diag().str();
    run(**model, stimulus, design);
    EXPECT_TRUE((*model)->protocolErrors().empty());
    for (size_t i = 0; i != std::min(cycle.log.events.size(), design.log.events.size()); ++i) {
      const TraceEvent &a = cycle.log.events[i], &b = design.log.events[i];
      ASSERT_EQ(a, b) << "event " << i << ": cycle pc " << a.pc << " from " << a.startCycle << " to " << a.endCycle
                      << ", rtl pc " << b.pc << " from " << b.startCycle << " to " << b.endCycle << "\n"
                      << formatLine(stimulus.job.lines[a.pc]);
    }
    ASSERT_EQ(cycle.log.events.size(), design.log.events.size());
    ASSERT_EQ(cycle.outcome, design.outcome);
    for (unsigned i = 0; i != unsigned(kCounters); ++i)
      ASSERT_EQ(cycle.counters[i], design.counters[i]) << name(CounterId(i));
    ASSERT_EQ(cycle.snapshot, design.snapshot);
    if (code)
      *code = cycle.outcome.code;
  }

  Stimulus draw(uint64_t seed) {
    MemoryTimingConfig memory = seed % 3 == 0   ? MemoryTimingConfig::ideal()
                                : seed % 3 == 1 ? MemoryTimingConfig::randomKind(seed)
                                                : MemoryTimingConfig::rowsKind();
    return {Job(config, test::CyclePrograms(config, seed).program(int(20 + seed % 40))), memory, std::nullopt};
  }
};

TEST_P(CycleRtlTest, EveryInstructionStartsAndEndsInTheSameCycle) {
  for (uint64_t seed = 0; seed != 60 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    compare(draw(seed));
  }
}

TEST_P(CycleRtlTest, EveryFaultComesInTheSameCycle) {
  std::mt19937_64 random(7);
  for (uint64_t seed = 1000; seed != 1150 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Stimulus stimulus = draw(seed);
    breakSomething(stimulus, random);
    compare(stimulus);
  }
}

TEST_P(CycleRtlTest, ManyPostersAndWaitersOfOneSemaphoreMeetInTheSameCycle) {
  std::mt19937_64 random(11);
  std::map<FaultCode, int> codes;
  for (uint64_t seed = 2000; seed != 2120 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Stimulus stimulus = draw(seed);
    tangle(stimulus.job, random);
    FaultCode code{};
    compare(stimulus, &code);
    ++codes[code];
  }
  for (FaultCode code : {FaultCode::Deadlock, FaultCode::SemLeak, FaultCode::SemOverflow})
    EXPECT_GT(codes[code], 0) << name(code);
}

INSTANTIATE_TEST_SUITE_P(Machines, CycleRtlTest, testing::Values("tw8", "tw16"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
