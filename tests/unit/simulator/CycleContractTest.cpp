// SPDX-License-Identifier: Apache-2.0
// Single sentences of docs/timing.md, with the cycles worked out by hand: tw16, 20 cycles to the first beat of a read,
// 10 from the last beat of a write to its response, 4 beats a line.
#include "tw/isa/Timing.h"
#include "tw/simulator/Cycle.h"
#include "tw/support/Job.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::isa;
using test::Job;
using test::JobOutcome;

namespace {

class CycleContractTest : public testing::Test, public TraceSink {
protected:
  void retire(const TraceEvent &event) override { events.push_back(event); }
  JobOutcome run(Job job) {
    events.clear();
    options.trace = this;
    options.memory = MemoryTimingConfig::ideal(20, 10);
    machine = simulator::createCycleMachine(config, Job::kMemoryBytes, options);
    auto memory = machine->memory();
    std::fill(memory.begin(), memory.end(), 0x3F); // legal multipliers
    return runJob(*machine, job);
  }
  JobOutcome run(std::vector<Line> lines) { return run(Job(config, std::move(lines))); }
  uint64_t counter(CounterId id) { return machine->readRegister(uint32_t(kCounterRegisters) + 8 * uint32_t(id)); }
  uint64_t start(size_t event) { return events.at(event).startCycle; }
  uint64_t end(size_t event) { return events.at(event).endCycle; }

  static Line walk(Opcode opcode, int64_t spm, int64_t rows) {
    return Line(opcode)
        .set(ld::region, opcode == Opcode::St ? 2 : 1)
        .set(ld::spm, spm)
        .set(ld::n0, rows)
        .set(ld::n1, 1)
        .set(ld::n2, 1)
        .set(ld::n3, 1);
  }

  HwConfig config = test::testConfig("tw16");
  simulator::CycleOptions options;
  std::unique_ptr<Machine> machine;
  std::vector<TraceEvent> events;

  // The descriptor's grant in 0, its beats on the bus in 21 to 24, CHECK in 26, RUN from 27. Line 0 is granted in 27,
  // on the bus in 48 to 51, in the buffer at 53, in the decoder at 54; each further line is in the buffer 4 cycles
  // after the last.
  static constexpr uint64_t kCheck = 26, kFirstDecoded = 54;
  static constexpr Line kEnd{Opcode::End};
};

TEST_F(CycleContractTest, MarkIsConsumedInTheCycleAfterItsDecode) {
  JobOutcome outcome = run({Line(Opcode::Mark), kEnd});
  EXPECT_EQ(start(0), kFirstDecoded + 1);
  EXPECT_EQ(end(1), kFirstDecoded + 5) << "END: in the buffer at 57, in the decoder at 58";
  EXPECT_EQ(outcome.cycles, kFirstDecoded + 6) << "cycles count the one that ends the job";
  EXPECT_EQ(counter(CounterId::Lines), 2u);
  EXPECT_EQ(counter(CounterId::BytesReadFe), 3u * 64);
}

TEST_F(CycleContractTest, ADescriptorOfAnotherMachineEndsTheJobAfterCheck) {
  Job job(config, {kEnd});
  job.isaHash += 1;
  JobOutcome outcome = run(job);
  EXPECT_EQ(outcome.code, FaultCode::IsaVersion);
  EXPECT_EQ(outcome.cycles, kCheck + 2) << "raised in 26, drained in 27";
}

TEST_F(CycleContractTest, ALoadIsIssuedAfterItsFootprintStepsAndEndsWithItsLastBeat) {
  run({walk(Opcode::Ld, 0, 4), kEnd});
  uint64_t issued = kFirstDecoded + uint64_t(footprintSteps(Opcode::Ld)) + 1;
  EXPECT_EQ(start(0), issued + 1) << "it starts when it is first seen in the queue";
  EXPECT_EQ(end(0), start(0) + 1 + 1 + 20 + 4) << "grant, address, latency, four beats; processed one cycle later";
  EXPECT_EQ(counter(CounterId::StateLaBusy), 1u + 4) << "the start and the beats";
  EXPECT_EQ(counter(CounterId::StateLaWaitRead), end(0) - start(0) - 4);
}

TEST_F(CycleContractTest, LoadsOfOneEngineOverlap) {
  run({walk(Opcode::Ld, 0, 40), walk(Opcode::Ld, 1024, 4), kEnd});
  EXPECT_LT(start(1), end(0));
  // 40 rows are bursts of 16, 16 and 8 beats, the second load has one of 4: gap-free on the bus.
  EXPECT_EQ(end(0), start(0) + 22 + 40);
  EXPECT_GE(end(1), end(0) + 4);
}

TEST_F(CycleContractTest, AStoreEndsAfterItsLastResponse) {
  run({walk(Opcode::St, 0, 4), kEnd});
  // Rows s+1..s+4, buffer full s+6, AW s+7, beats s+8..s+11, response s+21.
  EXPECT_EQ(end(0) - start(0), 22u);
  EXPECT_EQ(counter(CounterId::StateStBusy), 1u + 4 + 4) << "the start, four rows, four beats";
  EXPECT_EQ(counter(CounterId::BytesWritten), 64u);
}

TEST_F(CycleContractTest, EveryBurstIsInAHistogramOfLatencies) {
  run({walk(Opcode::Ld, 0, 40), walk(Opcode::St, 0, 4), kEnd});
  // Grant to address 1, latency 20, then the beats of the burst and of those before it on the bus.
  EXPECT_EQ(counter(CounterId::ReadLatency0), 4u) << "the descriptor in 25 cycles, three lines in 25, 28 and 31";
  EXPECT_EQ(counter(CounterId::ReadLatency32), 3u) << "16, 16 and 8 beats in 37, 52 and 59 cycles";
  EXPECT_EQ(counter(CounterId::ReadLatency64), 0u);
  EXPECT_EQ(counter(CounterId::WriteLatency0), 1u) << "16 cycles; the completion record does not count";
}

TEST_F(CycleContractTest, LatenciesCountByPowersOfTwo) {
  EXPECT_EQ(latencyBucket(0), 0u);
  EXPECT_EQ(latencyBucket(31), 0u);
  EXPECT_EQ(latencyBucket(32), 1u);
  EXPECT_EQ(latencyBucket(2047), 6u);
  EXPECT_EQ(latencyBucket(2048), 7u);
  EXPECT_EQ(latencyBucket(~uint64_t{0}), 7u);
}

TEST_F(CycleContractTest, APostIsSeenInTheNextCycle) {
  Line load = walk(Opcode::Ld, 0, 4).set(header::post0_valid, 1);
  Line store = walk(Opcode::St, 0, 4).set(header::wait0_valid, 1);
  run({load, store, kEnd});
  EXPECT_EQ(start(1), end(0) + 1);
}

TEST_F(CycleContractTest, AProductTakesItsWeightsBlockByBlock) {
  Line gemm = Line(Opcode::Gemm).set(gemm::x_ms, 16).set(gemm::x_ks, 1024).set(gemm::m_n, 40).set(gemm::k_n, 2);
  gemm.set(gemm::oc_n, 1).set(gemm::w, 0x10000); // another group
  run({gemm, kEnd});
  // Weights s+1..s+16, rows from s+17 on, 40 each; the last in s+96; ACC is written 18 cycles later.
  EXPECT_EQ(end(0) - start(0), 17u + 40 + 39 + 18);
  EXPECT_EQ(counter(CounterId::MxRows), 80u);
  gemm.set(gemm::m_n, 3); // shorter than the weights of the next block
  run({gemm, kEnd});
  EXPECT_EQ(end(0) - start(0), 17u + 17 + 2 + 18);
}

TEST_F(CycleContractTest, TheNextProductStartsWhenTheLastRowIsIssued) {
  Line gemm = Line(Opcode::Gemm).set(gemm::x_ms, 16).set(gemm::m_n, 60).set(gemm::k_n, 1).set(gemm::oc_n, 1);
  gemm.set(gemm::w, 0x10000);
  run({gemm, gemm, kEnd});
  EXPECT_EQ(start(1), end(0) - 18 + 1);
}

TEST_F(CycleContractTest, WeightsAndActivationsInOneBankTakeTurns) {
  // One block, one row: the weights come first, nothing collides. Two blocks of five rows, all activations and all
  // weights in bank 0 of group 0: rows of x at a stride of 4 rows, and weight rows walk through all four banks.
  Line gemm = Line(Opcode::Gemm)
                  .set(gemm::x, 0x4000)
                  .set(gemm::x_ms, 64)
                  .set(gemm::m_n, 5)
                  .set(gemm::k_n, 2)
                  .set(gemm::oc_n, 1);
  run({gemm, kEnd});
  // Block 0 is full at s+17, rows s+17..s+21. Weight rows of block 1 from s+18 on: s+18 (bank 0) loses to the row of
  // s+18 and to every further one; at s+22 the rows are through. Sixteen rows s+22..s+37, full s+38, rows s+38..s+42.
  EXPECT_EQ(counter(CounterId::BankConflicts), 4u);
  EXPECT_EQ(end(0) - start(0), 42u + 18);
  EXPECT_EQ(counter(CounterId::StateMxWaitBank), 4u);
}

TEST_F(CycleContractTest, TwoRowsOfWeightsACycleLoadABlockInHalfTheCycles) {
  config.weightRows = 2;
  Line gemm = Line(Opcode::Gemm).set(gemm::x_ms, 16).set(gemm::x_ks, 1024).set(gemm::m_n, 40).set(gemm::k_n, 2);
  gemm.set(gemm::oc_n, 1).set(gemm::w, 0x10000); // another group
  run({gemm, kEnd});
  // Weights s+1..s+8, rows from s+9 on, 40 each; the last in s+88; ACC is written 18 cycles later.
  EXPECT_EQ(end(0) - start(0), 9u + 40 + 39 + 18);
  gemm.set(gemm::m_n, 3); // shorter than the weights of the next block, which begins in the array two blocks later
  run({gemm.set(gemm::k_n, 4), kEnd});
  EXPECT_EQ(end(0) - start(0), 9u + 3 * 9 + 2 + 18);
  EXPECT_EQ(counter(CounterId::MxRows), 12u);
}

TEST_F(CycleContractTest, ThreeShortProductsAreInTheArrayAtOnceWhenWeightsComeByTwoRows) {
  config.weightRows = 2;
  Line gemm = Line(Opcode::Gemm).set(gemm::x_ms, 16).set(gemm::m_n, 1).set(gemm::k_n, 1).set(gemm::oc_n, 1);
  gemm.set(gemm::w, 0x10000);
  Line first = gemm;
  first.set(gemm::m_n, 200); // meanwhile the others are decoded
  run({first, gemm, gemm, gemm, gemm, kEnd});
  // Weights s+1..s+8, the row in s+9, the front is free at s+10.
  EXPECT_EQ(end(1) - start(1), 9u + 18);
  for (size_t i = 2; i != 5; ++i) {
    EXPECT_EQ(start(i), start(i - 1) + 10);
    EXPECT_EQ(end(i), end(i - 1) + 10);
  }
  EXPECT_LT(start(3), end(1));
}

TEST_F(CycleContractTest, TwoRowsOfWeightsAreGrantedTogetherOrNotAtAll) {
  config.weightRows = 2;
  // Two blocks of five rows in one bank of group 0. Block 0 is full at s+9, its rows go in s+9..s+13, and the loader
  // asks for block 1 from s+10 on: in groups of four banks.
  const auto cyclesOf = [&](int64_t x, int64_t w) {
    run({Line(Opcode::Gemm)
             .set(gemm::x, x)
             .set(gemm::x_ms, 64)
             .set(gemm::m_n, 5)
             .set(gemm::k_n, 2)
             .set(gemm::oc_n, 1)
             .set(gemm::w, w),
         kEnd});
    EXPECT_EQ(counter(CounterId::StateMxWaitBank), counter(CounterId::BankConflicts));
    return end(0) - start(0);
  };
  // Rows 0 and 1 lose to activations in bank 0 as to those in bank 1; from s+14 on eight pairs, full at s+22.
  EXPECT_EQ(cyclesOf(0x4000, 0), 26u + 18);
  EXPECT_EQ(counter(CounterId::BankConflicts), 4u);
  EXPECT_EQ(cyclesOf(0x4010, 0), 26u + 18);
  EXPECT_EQ(counter(CounterId::BankConflicts), 4u);
  // Activations in bank 2: the first pair goes in s+10, the second waits.
  EXPECT_EQ(cyclesOf(0x4020, 0), 25u + 18);
  EXPECT_EQ(counter(CounterId::BankConflicts), 3u);
  // Weights from row 1 on, activations in bank 0: banks 1 and 2 in s+10, then 3 and 0 wait.
  EXPECT_EQ(cyclesOf(0x4000, 0x10), 25u + 18);
  EXPECT_EQ(counter(CounterId::BankConflicts), 3u);
}

TEST_F(CycleContractTest, TwoRowsOfWeightsAtTheEndOfAGroupTakeABankOfTheNextOne) {
  config.weightRows = 2;
  // Block 1 begins in the last row of group 0: bank 3 there, bank 0 of group 1 for the row after it.
  Line gemm = Line(Opcode::Gemm).set(gemm::x_ms, 64).set(gemm::m_n, 5).set(gemm::k_n, 2).set(gemm::oc_n, 1);
  gemm.set(gemm::w, 0x10000 - 17 * 16);
  run({gemm.set(gemm::x, 0x4000), kEnd}); // bank 0 of group 0: free for both
  EXPECT_EQ(end(0) - start(0), 9u + 9 + 4 + 18);
  EXPECT_EQ(counter(CounterId::BankConflicts), 0u);
  run({gemm.set(gemm::x, 0x14000), kEnd}); // bank 0 of group 1
  EXPECT_EQ(end(0) - start(0), 26u + 18);
  EXPECT_EQ(counter(CounterId::BankConflicts), 4u);
}

TEST_F(CycleContractTest, ADrainReloadsItsParametersForEachBlock) {
  Line drain =
      Line(Opcode::Drq).set(drq::oc_n, 2).set(drq::oh_n, 3).set(drq::ow_n, 5).set(drq::y_hs, 80).set(drq::y_ws, 16);
  drain.set(drq::y_cs, 256);
  run({Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::count, 8), Line(Opcode::Fence), drain, kEnd});
  EXPECT_EQ(end(2) - start(2), 4u + 30 + 3 + 7);
}

TEST_F(CycleContractTest, TwoOperandsInOneBankTakeTwoCyclesAStep) {
  Line add = Line(Opcode::Ewadd).set(ewadd::n0, 10).set(ewadd::n1, 1).set(ewadd::n2, 1).set(ewadd::a_s0, 16);
  add.set(ewadd::b, 0x400).set(ewadd::b_s0, 16).set(ewadd::y, 0x10000).set(ewadd::y_s0, 16);
  run({Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::count, 8), Line(Opcode::Fence), add, kEnd});
  // A is granted in s+5, B in s+6, and so on; the last step in s+24, its write eight cycles later.
  EXPECT_EQ(end(2) - start(2), 32u);
  EXPECT_EQ(counter(CounterId::BankConflicts), 10u);
  EXPECT_EQ(counter(CounterId::StateVxWaitBank), 10u);
}

TEST_F(CycleContractTest, ADwconvReadsItsWeightsBeforeItsColumnsAndThenOneRowAStep) {
  config.dwTaps = 2;
  Line dw = Line(Opcode::Dwconv).set(dwconv::x_h, 3).set(dwconv::x_w, 4).set(dwconv::x_ws, 16).set(dwconv::x_hs, 64);
  dw.set(dwconv::kh_n, 2).set(dwconv::kw_n, 2).set(dwconv::oh_n, 2).set(dwconv::ow_n, 3);
  dw.set(dwconv::stride_h, 1).set(dwconv::stride_w, 1).set(dwconv::dil_h, 1).set(dwconv::dil_w, 1).set(dwconv::oc_n, 1);
  dw.set(dwconv::w, 0x400).set(dwconv::y, 0x10000).set(dwconv::y_ws, 16).set(dwconv::y_hs, 64);
  const std::vector<Line> head = {Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::count, 8), Line(Opcode::Fence)};
  run({head[0], head[1], dw, kEnd});
  // Weights in s+5 to s+8, four columns of two rows for each of two output rows in s+9 to s+24, the last write in s+32.
  EXPECT_EQ(end(2) - start(2), 32u);
  EXPECT_EQ(counter(CounterId::BankConflicts), 0u) << "weights and activations lie in one group";
  // Columns 1 to 3 end a result each: in s+12, s+14 and s+16, written in s+20, s+22 and s+24, now in bank 1. In s+20
  // the step reads column 1, bank 1, too, and loses; in the others it reads columns 2 and 3.
  run({head[0], head[1], dw.set(dwconv::y, 0x1010).set(dwconv::y_ws, 0x40).set(dwconv::y_hs, 0x100), kEnd});
  EXPECT_EQ(end(2) - start(2), 33u);
  EXPECT_EQ(counter(CounterId::BankConflicts), 1u);
}

TEST_F(CycleContractTest, FaultsNameTheirLineAndItsOwnCycle) {
  Line wait = walk(Opcode::Ld, 0, 1).setTag(9).set(header::wait0_valid, 1).set(header::wait0_sem, 7);
  JobOutcome outcome = run({Line(Opcode::Mark), wait, kEnd});
  EXPECT_EQ(outcome.code, FaultCode::Deadlock);
  EXPECT_EQ(outcome.engine, Engine::LA);
  EXPECT_EQ(outcome.pc, 1u);
  EXPECT_EQ(outcome.tag, 9);
  EXPECT_EQ(counter(CounterId::StateLaWaitSem) + counter(CounterId::StateLaEmpty), outcome.cycles);

  Line far = walk(Opcode::Ld, config.spmBytes - 16, 2);
  outcome = run({far, kEnd});
  EXPECT_EQ(outcome.code, FaultCode::SpmBounds);
  EXPECT_EQ(outcome.address, config.spmBytes + 16);
  EXPECT_EQ(outcome.cycles, kFirstDecoded + uint64_t(footprintSteps(Opcode::Ld)) + 2)
      << "raised in the last step, drained in the next cycle";
}

TEST_F(CycleContractTest, ABudgetEndsTheJobInItsCycle) {
  Job job(config, {walk(Opcode::Ld, 0, 40), kEnd});
  job.cycleBudget = 60;
  JobOutcome outcome = run(job);
  EXPECT_EQ(outcome.code, FaultCode::CycleBudget);
  EXPECT_EQ(outcome.cycles, 62u) << "raised in 60, nothing is in flight in 61";
}

TEST_F(CycleContractTest, AnAbortIsSeenInTheNextCycleAndRunningInstructionsFinish) {
  Job job(config, {walk(Opcode::Ld, 0, 40), kEnd});
  run(job);
  uint64_t ends = end(0);
  test::prepareJob(*machine, job);
  machine->writeRegister(uint32_t(RegisterOffset::Doorbell), 1);
  EXPECT_FALSE(machine->runUntilIdle(90));
  machine->writeRegister(uint32_t(RegisterOffset::Abort), 1);
  EXPECT_TRUE(machine->runUntilIdle());
  JobOutcome outcome = test::readOutcome(*machine, job);
  EXPECT_EQ(outcome.code, FaultCode::Aborted);
  EXPECT_EQ(outcome.pc, 1u);
  EXPECT_EQ(outcome.cycles, ends + 2) << "idle from the cycle after the load's end on";
}

TEST_F(CycleContractTest, SerialExecutionOverlapsNothing) {
  Job job(config, {walk(Opcode::Ld, 0, 40), walk(Opcode::Ldw, 0x10000, 40), kEnd});
  run(job);
  EXPECT_LT(start(1), end(0));
  job.serial = true;
  run(job);
  EXPECT_GT(start(1), end(0));
}

TEST_F(CycleContractTest, ResetForgetsAJob) {
  Job job(config, {walk(Opcode::Ld, 0, 40), kEnd});
  JobOutcome whole = run(job);
  test::prepareJob(*machine, job);
  machine->writeRegister(uint32_t(RegisterOffset::Doorbell), 1);
  EXPECT_FALSE(machine->runUntilIdle(50));
  machine->reset();
  EXPECT_TRUE(machine->runUntilIdle());
  EXPECT_EQ(runJob(*machine, job), whole);
}

} // namespace
