// SPDX-License-Identifier: Apache-2.0
// Front end of the design: registers, job, fences, semaphores, faults, and the cycles of all that.
#include "Rtl.h"

#include <gmock/gmock.h>

using namespace tw;
using namespace tw::isa;
using namespace tw::test;

namespace {

Line load(int64_t rows, int64_t spm = 0) {
  return Line(Opcode::Ld)
      .set(ld::region, 1)
      .set(ld::spm, spm)
      .set(ld::n0, rows)
      .set(ld::n1, 1)
      .set(ld::n2, 1)
      .set(ld::n3, 1);
}
Line mark(int64_t value) { return Line(Opcode::Mark).set(mark::value, value); }

class ControlTest : public testing::TestWithParam<const char *> {
protected:
  Bench bench{GetParam()};
  JobOutcome run(std::vector<Line> lines) { return bench.run(Job(bench.config, std::move(lines))); }
  uint64_t lineBeats() const { return 64 / bench.config.axiBytes; }
};
INSTANTIATE_TEST_SUITE_P(Configs, ControlTest, testing::Values("tw8", "tw16"));

TEST_P(ControlTest, TellsWhoItIs) {
  EXPECT_EQ(bench.reg(RegisterOffset::Id), 0x314E5754u);
  EXPECT_EQ(bench.reg(RegisterOffset::IsaHashLo), uint32_t(kIsaHash));
  EXPECT_EQ(bench.reg(RegisterOffset::CfgHashHi), uint32_t(configHash(bench.config) >> 32));
  EXPECT_EQ(bench.machine->readRegister(0xF00), 0u);
}

TEST_P(ControlTest, EndsAnEmptyJobInTheCycleOfTheContract) {
  JobOutcome outcome = run({kEnd});
  // Descriptor and line each: latency 20 and their beats; the rest is the front end's pipeline (sections 2 and 4).
  uint64_t consumed = 2 * (20 + lineBeats()) + 7;
  EXPECT_EQ(outcome, (JobOutcome{.finished = true, .hasRecord = true, .cycles = consumed + 1}));
  EXPECT_EQ(bench.trace.of(0).endCycle, consumed);
  EXPECT_EQ(bench.reg(RegisterOffset::Status), 2u);
  EXPECT_EQ(bench.counter(CounterId::Cycles), consumed + 1);
  EXPECT_EQ(bench.counter(CounterId::Lines), 1u);
  EXPECT_EQ(bench.counter(CounterId::StateMxEmpty), consumed + 1);
}

TEST_P(ControlTest, RaisesTheInterruptUntilItIsCleared) {
  run({kEnd});
  EXPECT_FALSE(bench.machine->interrupt());
  bench.machine->writeRegister(uint32_t(RegisterOffset::IrqEnable), 1);
  EXPECT_TRUE(bench.machine->interrupt());
  bench.machine->writeRegister(uint32_t(RegisterOffset::IrqStatus), 1);
  EXPECT_FALSE(bench.machine->interrupt());
}

TEST_P(ControlTest, RetiresControlLinesInOrder) {
  run({mark(1), kFence, mark(2), kEnd});
  ASSERT_EQ(bench.trace.events.size(), 4u);
  for (uint32_t pc = 0; pc != 4; ++pc) {
    EXPECT_EQ(bench.trace.events[pc].pc, pc);
    EXPECT_EQ(bench.trace.events[pc].engine, uint8_t(Engine::FE));
  }
  EXPECT_EQ(bench.trace.events[2].opcode, uint8_t(Opcode::Mark));
}

TEST_P(ControlTest, ChecksAFootprintStepPerCycle) {
  run({load(4), kEnd});
  uint64_t inDecoder = 2 * (20 + lineBeats()) + 6;
  uint64_t steps = Line(Opcode::Ld).row()->footprint.size();
  TraceEvent event = bench.trace.of(0);
  EXPECT_EQ(event.startCycle, inDecoder + steps + 2) << "issued when ready, in the queue a cycle later";
  uint64_t beats = 4 * bench.config.n / bench.config.axiBytes;
  // Requested in s+1, address visible in s+2, first beat 20 later, processed a cycle after the last beat.
  EXPECT_EQ(event.endCycle, event.startCycle + 2 + 20 + beats);
}

TEST_P(ControlTest, NamesTheFaultOfALine) {
  struct Case {
    Line line;
    FaultCode code;
  };
  Line reserved = mark(1);
  auto bytes = reserved.bytes();
  bytes[63] = 0x80;
  std::vector<Case> cases = {
      {Line::fromBytes(std::array<uint8_t, 64>{0x7F}.data()), FaultCode::IllegalOpcode},
      {Line::fromBytes(bytes.data()), FaultCode::ReservedBits},
      {Line(Opcode::Ld), FaultCode::BadShape},
      {load(1, 3), FaultCode::Misaligned},
      {load(2, bench.config.spmBytes - bench.config.n), FaultCode::SpmBounds},
      {load(1).set(ld::region, 7), FaultCode::RegionPermission},
      {load(1).set(ld::offset, 0x60000), FaultCode::RegionBounds},
      {Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::dst, bench.config.paramRows).set(ldp::count, 1),
       FaultCode::ParamBounds},
      {wait(wait(load(1), 4).set(header::wait1_valid, 1).set(header::wait1_sem, 4), 4), FaultCode::BadShape},
  };
  for (const Instruction &row : kInstructions)
    if (row.isPlanned)
      cases.push_back({Line(row.opcode), FaultCode::Unimplemented});
  for (const Case &fault : cases) {
    JobOutcome outcome = bench.runBoth({load(1), Line(fault.line).setTag(9), kEnd});
    EXPECT_EQ(outcome.code, fault.code);
    EXPECT_EQ(outcome.pc, 1u);
    EXPECT_EQ(outcome.engine, Engine::FE);
    EXPECT_EQ(bench.reg(RegisterOffset::FaultPc), 1u);
    EXPECT_EQ(bench.reg(RegisterOffset::Fault) & 0xFF, uint32_t(fault.code));
  }
}

TEST_P(ControlTest, RefusesAForeignJob) {
  Job job(bench.config, {kEnd});
  job.isaHash ^= 1;
  EXPECT_EQ(bench.run(job).code, FaultCode::IsaVersion);
  Job noCode(bench.config, {kEnd});
  noCode.regions[0].execute = false;
  EXPECT_EQ(bench.run(noCode).code, FaultCode::RegionPermission);
  Job noRecord(bench.config, {kEnd});
  noRecord.regions[3].write = false;
  JobOutcome outcome = bench.run(noRecord);
  EXPECT_TRUE(outcome.finished);
  EXPECT_FALSE(outcome.hasRecord);
  EXPECT_EQ(bench.reg(RegisterOffset::Fault) & 0xFF, uint32_t(FaultCode::RegionPermission));
}

TEST_P(ControlTest, MissesAnEnd) {
  JobOutcome outcome = run({mark(1), mark(2)});
  EXPECT_EQ(outcome.code, FaultCode::NoEnd);
  EXPECT_EQ(outcome.pc, 2u);
}

TEST_P(ControlTest, OrdersQueuesBySemaphores) {
  JobOutcome outcome =
      run({post(load(40), 3, 2),
           wait(Line(Opcode::Ldw).set(ldw::region, 1).set(ldw::n0, 1).set(ldw::n1, 1).set(ldw::n2, 1).set(ldw::n3, 1),
                3, 2),
           kEnd});
  EXPECT_EQ(outcome.code, FaultCode::None);
  EXPECT_EQ(bench.trace.of(1).startCycle, bench.trace.of(0).endCycle + 1);
}

TEST_P(ControlTest, FindsLeaksOverflowsAndDeadlocks) {
  JobOutcome leak = run({post(load(1), 3), kEnd});
  EXPECT_EQ(leak.code, FaultCode::SemLeak);
  EXPECT_EQ(leak.pc, 1u);
  std::vector<Line> tooMany(8, post(load(1), 5, 8));
  tooMany.push_back(kEnd);
  JobOutcome overflow = run(tooMany);
  EXPECT_EQ(overflow.code, FaultCode::SemOverflow);
  EXPECT_EQ(overflow.pc, 7u);
  EXPECT_EQ(overflow.engine, Engine::LA);
  JobOutcome deadlock = run({load(1), wait(load(1).setTag(77), 6), kEnd});
  EXPECT_EQ(deadlock.code, FaultCode::Deadlock);
  EXPECT_EQ(deadlock.pc, 1u);
  EXPECT_EQ(deadlock.engine, Engine::LA);
  EXPECT_EQ(deadlock.tag, 77);
  EXPECT_EQ(run({load(1), kEnd}).code, FaultCode::None) << "the next job starts clean";
}

TEST_P(ControlTest, KeepsTheBudget) {
  Job job(bench.config, {load(1000), kEnd});
  job.cycleBudget = 200;
  JobOutcome outcome = bench.run(job);
  EXPECT_EQ(outcome.code, FaultCode::CycleBudget);
  EXPECT_EQ(outcome.pc, 1u);
}

TEST_P(ControlTest, StopsWhenTold) {
  prepareJob(*bench.machine, Job(bench.config, {load(2000), load(2000), kEnd}));
  bench.machine->writeRegister(uint32_t(RegisterOffset::Doorbell), 1);
  EXPECT_FALSE(bench.machine->runUntilIdle(300));
  bench.machine->writeRegister(uint32_t(RegisterOffset::Abort), 1);
  EXPECT_TRUE(bench.machine->runUntilIdle());
  EXPECT_EQ(bench.reg(RegisterOffset::Fault) & 0xFF, uint32_t(FaultCode::Aborted));
}

TEST_P(ControlTest, ReportsAFailedReadWithItsAddress) {
  MemoryTimingConfig timing = MemoryTimingConfig::ideal();
  timing.errors.push_back({Job::kConstBase + 512, Job::kConstBase + 520, AxiResponse::SlaveError, true, true});
  Bench failing(GetParam(), timing);
  JobOutcome outcome = failing.run(Job(failing.config, {load(1), load(128), kEnd}));
  EXPECT_EQ(outcome.code, FaultCode::AxiRead);
  EXPECT_EQ(outcome.pc, 1u);
  EXPECT_EQ(outcome.engine, Engine::LA);
  uint64_t burst = failing.config.axiBurstBeats * failing.config.axiBytes;
  EXPECT_EQ(outcome.address, (Job::kConstBase + 512) / burst * burst);
}

TEST(LoaderTest, NamesTheCommandThatBuildsAMissingModel) {
  // A machine with a file in isa/configs has a target; another one gets it by such a file.
  rtl::ModelOptions options;
  options.variant = "absent";
  auto known = rtl::loadModel("tw64", options, MemoryTimingConfig::ideal(), 1 << 20);
  ASSERT_FALSE(known);
  EXPECT_THAT(known.diag().text, testing::HasSubstr("--target tw_rtl_tw64_absent"));
  EXPECT_THAT(known.diag().text, testing::Not(testing::HasSubstr("isa/configs")));
  auto unknown = rtl::loadModel("tw99", {}, MemoryTimingConfig::ideal(), 1 << 20);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.diag().text, testing::HasSubstr("isa/configs/tw99.yaml, then run"));
  EXPECT_THAT(unknown.diag().text, testing::HasSubstr("--target tw_rtl_tw99'"));
}

} // namespace
