// SPDX-License-Identifier: Apache-2.0
// Registers, job, record and faults of the functional model.
#include "tw/simulator/FunctionalMachine.h"

#include "tw/isa/Numerics.h"
#include "tw/support/Job.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

using namespace tw;
using namespace tw::isa;
using test::Job;
using test::JobOutcome;
using test::runJob;

namespace {

class FunctionalMachineTest : public testing::Test {
protected:
  HwConfig config = test::testConfig("tw8");
  MachineOptions options;
  std::unique_ptr<simulator::FunctionalMachine> machine = simulator::createFunctionalMachine(config, Job::kMemoryBytes);

  uint32_t reg(RegisterOffset offset) { return machine->readRegister(uint32_t(offset)); }
  JobOutcome run(std::vector<Line> lines) { return runJob(*machine, Job(config, std::move(lines))); }
};

Line post(Line line, int semaphore, int amount = 1) {
  return line.set(header::post0_valid, 1).set(header::post0_sem, semaphore).set(header::post0_amount, amount - 1);
}
Line wait(Line line, int semaphore, int amount = 1) {
  return line.set(header::wait0_valid, 1).set(header::wait0_sem, semaphore).set(header::wait0_amount, amount - 1);
}

/// Rows from the read-only region to SPM row 0 on.
Line load(int64_t rows = 1) {
  return Line(Opcode::Ld).set(ld::region, 1).set(ld::n0, rows).set(ld::n1, 1).set(ld::n2, 1).set(ld::n3, 1);
}
/// Rows from SPM row 0 on to the arena.
Line store(int64_t rows = 1) {
  return Line(Opcode::St).set(st::region, 2).set(st::n0, rows).set(st::n1, 1).set(st::n2, 1).set(st::n3, 1);
}
const Line kEnd(Opcode::End);

TEST_F(FunctionalMachineTest, CopiesThroughTheScratchpadAndReportsTheBytes) {
  auto memory = machine->memory();
  std::iota(memory.begin() + Job::kConstBase, memory.begin() + Job::kConstBase + 800, 1);
  JobOutcome outcome = run({post(load(100), 3), wait(store(100), 3), kEnd});
  JobOutcome expected{.finished = true, .hasRecord = true, .pc = 2, .bytesRead = 800, .bytesWritten = 800};
  EXPECT_EQ(outcome, expected);
  EXPECT_TRUE(std::equal(memory.begin() + Job::kConstBase, memory.begin() + Job::kConstBase + 800,
                         memory.begin() + Job::kArenaBase));
  EXPECT_EQ(memory[Job::kArenaBase + 800], 0) << "nothing beyond the last row";
  EXPECT_EQ(reg(RegisterOffset::Status), 2u);
}

TEST_F(FunctionalMachineTest, GivesUpAJobThatIsLegalButAllButEndless) {
  const Line fill =
      Line(Opcode::Fill).set(fill::n0, 1000).set(fill::n1, 60000).set(fill::n2, 60000).set(fill::n3, 60000);
  const JobOutcome outcome = run({fill, kEnd});
  EXPECT_FALSE(outcome.finished);
  EXPECT_FALSE(outcome.hasRecord);
  EXPECT_EQ(reg(RegisterOffset::Status) & 1, 1u) << "busy";
  EXPECT_FALSE(machine->runUntilIdle()) << "and it does not begin again";
  machine->reset();
  EXPECT_EQ(reg(RegisterOffset::Status) & 1, 0u);
  EXPECT_TRUE(run({load(), kEnd}).finished);
}

TEST_F(FunctionalMachineTest, GivesUpWhereTheOptionsSay) {
  options.hangCycles = 10; // 1000 cycles
  machine = simulator::createFunctionalMachine(config, Job::kMemoryBytes, options);
  const auto filling = [](int64_t rows) {
    return Line(Opcode::Fill).set(fill::n0, rows).set(fill::n1, 1).set(fill::n2, 1).set(fill::n3, 1);
  };
  EXPECT_TRUE(run({filling(500), filling(480), kEnd}).finished);
  EXPECT_FALSE(run({filling(500), filling(620), kEnd}).finished);
}

TEST_F(FunctionalMachineTest, TellsWhoItIs) {
  EXPECT_EQ(reg(RegisterOffset::Id), 0x314E5754u);
  EXPECT_EQ(reg(RegisterOffset::IsaHashLo), uint32_t(kIsaHash));
  EXPECT_EQ(reg(RegisterOffset::IsaHashHi), uint32_t(kIsaHash >> 32));
  EXPECT_EQ(reg(RegisterOffset::CfgHashLo), uint32_t(configHash(config)));
  EXPECT_EQ(reg(RegisterOffset::CfgHashHi), uint32_t(configHash(config) >> 32));
  EXPECT_EQ(machine->readRegister(0xF00), 0u) << "an unmapped offset reads zero";
}

TEST_F(FunctionalMachineTest, RaisesTheInterruptUntilItIsCleared) {
  run({kEnd});
  EXPECT_FALSE(machine->interrupt()) << "not enabled";
  machine->writeRegister(uint32_t(RegisterOffset::IrqEnable), 1);
  EXPECT_TRUE(machine->interrupt());
  machine->writeRegister(uint32_t(RegisterOffset::IrqStatus), 1);
  EXPECT_FALSE(machine->interrupt());
}

TEST_F(FunctionalMachineTest, NamesTheLineOfAFault) {
  JobOutcome outcome = run({load(), Line(Opcode::Ld).setTag(77), kEnd});
  EXPECT_EQ(outcome.code, FaultCode::BadShape);
  EXPECT_EQ(outcome.engine, Engine::FE);
  EXPECT_EQ(outcome.pc, 1u);
  EXPECT_EQ(outcome.tag, 77);
  EXPECT_EQ(reg(RegisterOffset::FaultPc), 1u);
  EXPECT_EQ(reg(RegisterOffset::Fault), uint32_t(FaultCode::BadShape) | 6u << 8 | 77u << 16);
  EXPECT_EQ(reg(RegisterOffset::Status), 2u | uint32_t(FaultCode::BadShape) << 8);
}

TEST_F(FunctionalMachineTest, FaultsOfSemaphoresNameTheirLine) {
  EXPECT_EQ(run({wait(load(), 5), kEnd}).code, FaultCode::UncoveredWait);
  EXPECT_EQ(run({post(load(), 5), kEnd}).code, FaultCode::SemLeak);
  std::vector<Line> many(8, post(load(), 0, 8));
  JobOutcome outcome = run(many);
  EXPECT_EQ(outcome.code, FaultCode::SemOverflow);
  EXPECT_EQ(outcome.pc, 7u);
  EXPECT_EQ(outcome.engine, Engine::LA);
}

TEST_F(FunctionalMachineTest, AStreamWithoutEndIsAFault) {
  JobOutcome outcome = run({load()});
  EXPECT_EQ(outcome.code, FaultCode::NoEnd);
  EXPECT_EQ(outcome.pc, 1u);
}

TEST_F(FunctionalMachineTest, ParametersMustBeLoadedInTheSameJob) {
  Line drain = Line(Opcode::Drq).set(drq::oc_n, 1).set(drq::oh_n, 1).set(drq::ow_n, 1);
  Line params = Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::count, 3);
  auto word = [&](int row, int lane) { return machine->memory().data() + Job::kConstBase + (row * 8 + lane) * 4; };
  for (int lane = 0; lane < 8; ++lane)
    word(2, lane)[3] = 0x3F; // 0.5
  EXPECT_EQ(run({params, drain, kEnd}).code, FaultCode::None);
  EXPECT_EQ(run({drain, kEnd}).code, FaultCode::UninitParam) << "the job before does not count";
  word(2, 7)[3] = 0xBF; // -0.5
  JobOutcome outcome = run({params, drain, kEnd});
  EXPECT_EQ(outcome.code, FaultCode::BadParam);
  EXPECT_EQ(outcome.engine, Engine::RQ);
}

TEST_F(FunctionalMachineTest, ADescriptorForAnotherMachineIsRefused) {
  Job job(config, {kEnd});
  job.configHash ^= 1;
  JobOutcome outcome = runJob(*machine, job);
  EXPECT_EQ(outcome.code, FaultCode::IsaVersion);
  EXPECT_EQ(outcome.engine, Engine::FE);
}

TEST_F(FunctionalMachineTest, ARecordIsOnlyWrittenWhereItMay) {
  Job job(config, {kEnd});
  job.recordOffset = 0x1000; // the region's end
  EXPECT_FALSE(runJob(*machine, job).hasRecord);
  EXPECT_EQ(reg(RegisterOffset::Status) >> 8, uint32_t(FaultCode::RegionBounds));
  job.recordOffset = 0;
  job.regions[3].write = false;
  EXPECT_FALSE(runJob(*machine, job).hasRecord);
  EXPECT_EQ(reg(RegisterOffset::Status) >> 8, uint32_t(FaultCode::RegionPermission));
}

TEST_F(FunctionalMachineTest, CodeMustLieInItsRegion) {
  Job job(config, {kEnd});
  job.lineCount = 0x10000 / 64 + 1;
  EXPECT_EQ(runJob(*machine, job).code, FaultCode::RegionBounds);
  job = Job(config, {kEnd});
  job.regions[0].execute = false;
  EXPECT_EQ(runJob(*machine, job).code, FaultCode::RegionPermission);
}

TEST_F(FunctionalMachineTest, ResetPoisonsAndForgets) {
  options.poison = 0xA5;
  machine = simulator::createFunctionalMachine(config, Job::kMemoryBytes, options);
  run({load(4), kEnd});
  EXPECT_EQ(machine->dumpSpace(int(Space::SPM))[0], 0);
  machine->reset();
  for (Space space : {Space::SPM, Space::ACC, Space::PARAM, Space::LUT})
    EXPECT_EQ(std::ranges::count(machine->dumpSpace(int(space)), 0xA5), int64_t(machine->dumpSpace(int(space)).size()));
  EXPECT_EQ(reg(RegisterOffset::Status), 0u);
  EXPECT_EQ(machine->readRegister(kRegionRegisters + 4 * uint32_t(RegionRegister::LimitLo)), 0u);
}

TEST_F(FunctionalMachineTest, ReportsBothInstructionsOfARace) {
  options.checkRaces = true;
  machine = simulator::createFunctionalMachine(config, Job::kMemoryBytes, options);
  EXPECT_EQ(run({load(4), store(4), kEnd}).code, FaultCode::None) << "stream order is the result all the same";
  ASSERT_EQ(machine->races().size(), 1u);
  EXPECT_EQ(machine->races()[0].place, "line 1");
  EXPECT_NE(machine->races()[0].text.find("ld region=1"), std::string::npos) << machine->races()[0].text;
  EXPECT_NE(machine->races()[0].text.find("st region=2"), std::string::npos) << machine->races()[0].text;
  run({post(load(4), 0), wait(store(4), 0), kEnd});
  EXPECT_TRUE(machine->races().empty());
}

struct Recorder : TraceSink {
  std::vector<TraceEvent> events;
  void retire(const TraceEvent &event) override { events.push_back(event); }
};

TEST_F(FunctionalMachineTest, TracesEachInstructionWithTheBytesItWrote) {
  Recorder recorder;
  options.trace = &recorder;
  options.hashWrites = true;
  machine = simulator::createFunctionalMachine(config, Job::kMemoryBytes, options);
  machine->memory()[Job::kConstBase] = 9;
  run({load().setTag(4), Line(Opcode::Mark), kEnd});
  ASSERT_EQ(recorder.events.size(), 3u);
  uint64_t expected = 0;
  for (int i = 0; i < 8; ++i)
    expected += sumHash(uint8_t(Space::SPM), i, i == 0 ? 9 : 0);
  EXPECT_EQ(recorder.events[0], (TraceEvent{.pc = 0, .tag = 4, .opcode = 0x10, .engine = 0, .writtenHash = expected}));
  EXPECT_EQ(recorder.events[2].pc, 2u);
  EXPECT_EQ(recorder.events[2].engine, uint8_t(Engine::FE));
}

} // namespace
