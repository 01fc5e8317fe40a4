// SPDX-License-Identifier: Apache-2.0
// The cycle model as a whole: closed forms against stepping, one kernel against the other, counters.
#include "tw/simulator/Cycle.h"
#include "tw/support/CyclePrograms.h"
#include "tw/support/Paths.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::isa;
using test::Job;
using test::JobOutcome;

namespace tw::isa {
// What gtest prints when two logs differ.
void PrintTo(const TraceEvent &event, std::ostream *os) {
  *os << "pc " << event.pc << " " << name(Opcode(event.opcode)) << " " << event.startCycle << ".." << event.endCycle
      << " hash " << event.writtenHash;
}
} // namespace tw::isa

namespace {

struct Log : TraceSink {
  void retire(const TraceEvent &event) override { events.push_back(event); }
  std::vector<TraceEvent> events;
};

struct JobLog {
  Log log;
  JobOutcome outcome;
  std::array<uint64_t, kCounters> counters{};
};

uint64_t readCounter(Machine &machine, unsigned index) {
  uint32_t offset = uint32_t(kCounterRegisters) + 8 * index;
  return machine.readRegister(offset) | uint64_t(machine.readRegister(offset + 4)) << 32;
}

JobLog run(const HwConfig &config, const Job &job, simulator::CycleOptions options,
           std::vector<uint8_t> *memories = nullptr) {
  JobLog result;
  options.trace = &result.log;
  options.hangCycles = 2'000'000;
  std::unique_ptr<Machine> machine = simulator::createCycleMachine(config, Job::kMemoryBytes, options);
  auto memory = machine->memory();
  for (size_t i = 0; i != memory.size(); ++i) // multipliers must be legal: 0x3Fxxxxxx
    memory[i] = i % 4 == 3 ? 0x3F : uint8_t(i * 7);
  result.outcome = runJob(*machine, job);
  for (unsigned i = 0; i != unsigned(kCounters); ++i)
    result.counters[i] = readCounter(*machine, i);
  if (memories) {
    memories->assign(memory.begin(), memory.end());
    for (Space space : {Space::SPM, Space::ACC, Space::PARAM, Space::LUT}) {
      std::vector<uint8_t> bytes = machine->dumpSpace(int(space));
      memories->insert(memories->end(), bytes.begin(), bytes.end());
    }
  }
  return result;
}

void expectSame(const JobLog &a, const JobLog &b) {
  size_t common = std::min(a.log.events.size(), b.log.events.size());
  for (size_t i = 0; i != common; ++i)
    ASSERT_EQ(a.log.events[i], b.log.events[i]) << "event " << i;
  ASSERT_EQ(a.log.events.size(), b.log.events.size());
  ASSERT_EQ(a.outcome, b.outcome);
  ASSERT_EQ(a.outcome, b.outcome);
  for (unsigned i = 0; i != unsigned(kCounters); ++i)
    EXPECT_EQ(a.counters[i], b.counters[i]) << name(CounterId(i));
}

HwConfig oddConfig() {
  HwConfig config = test::testConfig("tw16");
  config.name = "odd";
  config.axiBytes = 8; // two beats a row
  config.spmBytes = 65536;
  config.spmBanks = 8;
  config.weightRows = 2; // both banks of a group
  config.axiOutstandingReads = 2;
  config.queueDepth = 2;
  config.loadDepth = 2;
  config.fetchLines = 2;
  return config;
}

HwConfig oddMachine(const std::string &name) {
  return test::testConfig((test::sourceDir() / "isa/configs/odd" / (name + ".yaml")).string().c_str());
}

struct Case {
  HwConfig config;
  MemoryTimingConfig memory;
};
std::vector<Case> cases(uint64_t seed) {
  return {{test::testConfig("tw8"), MemoryTimingConfig::ideal()},
          {test::testConfig("tw16"), MemoryTimingConfig::randomKind(seed)},
          {oddConfig(), MemoryTimingConfig::rowsKind()},
          {test::testConfig("tw64"), MemoryTimingConfig::ideal(3, 1)},
          {test::testConfig("tw32"), MemoryTimingConfig::ideal()},
          {test::testConfig("tw16"), MemoryTimingConfig::rowsKind()},
          {oddMachine("odd8_most"), MemoryTimingConfig::ideal()},
          {oddMachine("odd32_deep"), MemoryTimingConfig::rowsKind()},
          {oddMachine("odd16_oneread"), MemoryTimingConfig::ideal()},
          {test::testConfig("tw16"), MemoryTimingConfig::ideal()}};
}

TEST(CycleMachineTest, JumpingAndSteppingGiveTheSameCycles) {
  for (uint64_t seed = 0; seed != 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Case c = cases(seed)[seed % 10];
    Job job(c.config, test::CyclePrograms(c.config, seed).program(int(10 + seed % 90)));
    simulator::CycleOptions options;
    options.memory = c.memory;
    options.timingOnly = true;
    JobLog jumps = run(c.config, job, options);
    options.stepAlways = true;
    ASSERT_TRUE(jumps.outcome.finished);
    JobLog steps = run(c.config, job, options);
    expectSame(jumps, steps);
    if (testing::Test::HasFatalFailure() || testing::Test::HasNonfatalFailure())
      return;
  }
}

TEST(CycleMachineTest, BothKernelsGiveTheSameLog) {
  for (uint64_t seed = 100; seed != 120; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Case c = cases(seed)[seed % 4];
    Job job(c.config, test::CyclePrograms(c.config, seed).program(40));
    simulator::CycleOptions options;
    options.memory = c.memory;
    options.hashWrites = true;
    JobLog plain = run(c.config, job, options);
    options.kernel = simulator::CycleKernel::SystemC;
    JobLog systemC = run(c.config, job, options);
    expectSame(plain, systemC);
    if (testing::Test::HasFatalFailure())
      return;
  }
}

TEST(CycleMachineTest, DataOnAThreadOfTheirOwnAreTheSame) {
  for (uint64_t seed = 300; seed != 360; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Case c = cases(seed)[seed % 10];
    Job job(c.config, test::CyclePrograms(c.config, seed).program(60));
    std::vector<uint8_t> memories[2];
    JobLog logs[2];
    for (bool isApart : {false, true}) {
      simulator::CycleOptions options;
      options.memory = c.memory;
      options.dataThread = isApart;
      logs[isApart] = run(c.config, job, options, &memories[isApart]);
    }
    expectSame(logs[0], logs[1]);
    ASSERT_EQ(memories[0], memories[1]);
  }
}

TEST(CycleMachineTest, StatesOfEachEngineSumToTheCycles) {
  HwConfig config = test::testConfig("tw8");
  for (uint64_t seed = 200; seed != 210; ++seed) {
    JobLog result = run(config, Job(config, test::CyclePrograms(config, seed).program(50)), {});
    for (unsigned engine = 0; engine != unsigned(kEngines) - 1; ++engine) {
      uint64_t sum = 0;
      for (unsigned state = 0; state != unsigned(kEngineStates); ++state)
        sum += result.counters[unsigned(CounterId::StateLaBusy) + engine * kEngineStates + state];
      EXPECT_EQ(sum, result.counters[unsigned(CounterId::Cycles)]) << name(Engine(engine)) << ", seed " << seed;
    }
    EXPECT_EQ(result.counters[unsigned(CounterId::Cycles)], result.outcome.cycles);
  }
}

} // namespace
