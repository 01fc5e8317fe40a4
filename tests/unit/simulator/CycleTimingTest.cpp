// SPDX-License-Identifier: Apache-2.0
// The closed forms of Timing.h against the cycle model: one instruction alone on the machine, with an ideal memory.
#include "cycle/LanePipe.h"
#include "cycle/MatrixUnit.h"
#include "tw/isa/Disassembler.h"
#include "tw/isa/Timing.h"
#include "tw/simulator/Cycle.h"
#include "tw/support/CyclePrograms.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace tw;
using namespace tw::isa;
using test::Job;

namespace {

struct Log : TraceSink {
  void retire(const TraceEvent &event) override { events.push_back(event); }
  std::vector<TraceEvent> events;
};

class CycleTimingTest : public testing::TestWithParam<const char *> {
protected:
  HwConfig config = test::testConfig(GetParam());
  IdealMemory ideal{.readLatency = 17, .writeLatency = 6};

  TraceEvent alone(const Line &line) {
    Log log;
    simulator::CycleOptions options;
    options.trace = &log;
    options.memory = MemoryTimingConfig::ideal(ideal.readLatency, ideal.writeLatency);
    auto machine = simulator::createCycleMachine(config, Job::kMemoryBytes, options);
    auto memory = machine->memory();
    std::fill(memory.begin(), memory.end(), 0x3F); // legal multipliers
    if (DrainKind::has(line.row()->opcode) && DrainKind::of(line.row()->opcode).isTflite)
      for (uint64_t block = 1; block != 4; ++block) // and shifts
        std::memset(&memory[Job::kConstBase + 3 * block * config.n * kWordBytes], 0, config.n * kWordBytes);
    runJob(*machine, Job(config, {Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::count, config.paramRows),
                                  Line(Opcode::Ldt).set(ldt::region, 1).set(ldt::count, config.lutBanks),
                                  Line(Opcode::Fence), line, Line(Opcode::End)}));
    return log.events.at(3);
  }

  /// Two clients of one unit in one group may collide: the closed forms are for instructions where none do.
  bool meetsItself(const Line &line) {
    struct AllLoaded final : simulator::cycle::ParameterView {
      bool isRowInitialised(uint64_t) const override { return true; }
      bool isTableInitialised(uint64_t) const override { return true; }
      bool areLegal(simulator::cycle::ParameterRow, uint64_t) const override { return true; }
    } parameters;
    simulator::cycle::Banks banks(config);
    Engine engine = line.row()->engine;
    if (engine == Engine::MX) {
      simulator::cycle::MatrixUnit unit(config, banks);
      unit.start(line, 0);
      return unit.activationGroups() & unit.weightGroups();
    }
    if (engine == Engine::RQ || engine == Engine::VX) {
      simulator::cycle::LanePipe unit(config, banks, parameters, 8);
      unit.start(line, 0);
      return unit.meetsItself();
    }
    return false;
  }
};

TEST_P(CycleTimingTest, AnInstructionAloneTakesItsClosedForm) {
  int compared = 0;
  for (uint64_t seed = 0; compared != 150; ++seed) {
    Line line = test::CyclePrograms(config, seed).line();
    if (!line.row()->semantics || meetsItself(line))
      continue;
    TraceEvent event = alone(line);
    ASSERT_EQ(event.endCycle - event.startCycle, cycles(line, config, ideal)) << formatLine(line);
    ++compared;
  }
}

TEST_P(CycleTimingTest, ADrainTakesACycleForEachRowOfItsRecordAndForItsTable) {
  for (Opcode opcode : {Opcode::Drqt, Opcode::Drqta, Opcode::Drql, Opcode::Drqal, Opcode::Drqtl, Opcode::Drqtal})
    for (int blocks = 1; blocks != 4; ++blocks) {
      Line line = Line(opcode).set(drq::oc_n, blocks).set(drq::oh_n, 2).set(drq::ow_n, 5);
      line.set(drq::y, config.spmBytes / 2).set(drq::y_ws, config.n).set(drq::y_hs, 5 * config.n);
      const DrainKind kind = DrainKind::of(opcode);
      const uint64_t expected =
          1 + uint64_t(blocks) * (kind.isTflite ? 4 : 3) + uint64_t(blocks) * 10 + (kind.looksUp ? 8 : 7);
      EXPECT_EQ(cycles(line, config, ideal), expected) << formatLine(line);
      TraceEvent event = alone(line);
      EXPECT_EQ(event.endCycle - event.startCycle, expected) << formatLine(line);
    }
}

TEST_P(CycleTimingTest, ADwconvTakesAKernelRowAtOnceWhereItsWindowsShareTheirColumns) {
  config.dwTaps = 3;
  const int64_t n = config.n, group = config.spmBytes / 4;
  Line line =
      Line(Opcode::Dwconv).set(dwconv::x_h, 6).set(dwconv::x_w, 5).set(dwconv::x_ws, n).set(dwconv::x_hs, 5 * n);
  line.set(dwconv::w, group).set(dwconv::y, 2 * group).set(dwconv::y_ws, n).set(dwconv::y_hs, 8 * n);
  line.set(dwconv::y_cs, 16 * n).set(dwconv::oc_n, 2).set(dwconv::oh_n, 2).set(dwconv::pad_l, 1);
  line.set(dwconv::stride_h, 2).set(dwconv::dil_h, 2);
  struct Case {
    int kernelH, kernelW, strideW, dilationW, columns, steps; // output columns; steps of a channel block
  };
  for (const Case &c : {
           Case{3, 3, 1, 1, 5, 9 + 2 * 7 * 3}, // weights, then seven columns
           Case{3, 3, 2, 1, 5, 9 + 2 * 11 * 3},
           Case{1, 3, 1, 1, 3, 3 + 2 * 5},
           Case{3, 2, 1, 1, 2, 6 + 2 * 3 * 3},
           Case{3, 3, 3, 1, 5, 2 * 5 * 9}, // no column in two windows
           Case{3, 3, 1, 2, 5, 2 * 5 * 9}, // windows of a column are not neighbours
           Case{3, 3, 1, 1, 2, 2 * 2 * 9}, // fewer windows than taps
           Case{4, 3, 1, 1, 5, 2 * 5 * 12},
           Case{3, 4, 1, 1, 5, 2 * 5 * 12},
           Case{3, 1, 1, 1, 5, 2 * 5 * 3},
       }) {
    line.set(dwconv::kh_n, c.kernelH).set(dwconv::kw_n, c.kernelW).set(dwconv::stride_w, c.strideW);
    line.set(dwconv::dil_w, c.dilationW).set(dwconv::ow_n, c.columns);
    const uint64_t expected = 4 + 2 * uint64_t(c.steps) + 3 + 8;
    EXPECT_EQ(cycles(line, config, ideal), expected) << formatLine(line);
    TraceEvent event = alone(line);
    EXPECT_EQ(event.endCycle - event.startCycle, expected) << formatLine(line);
  }
  config.dwTaps = 1;
  EXPECT_EQ(cycles(line.set(dwconv::kw_n, 3), config, ideal), 4u + 2 * 2 * 5 * 9 + 3 + 8);
}

TEST_P(CycleTimingTest, ATransposedBlockHoldsTheLoaderOfTheNextOne) {
  const int64_t n = config.n, group = config.spmBytes / 4, load = n / config.weightRows;
  Line line = Line(Opcode::Gemmzt).set(gemm::x_ms, n).set(gemm::x_ks, 40 * n).set(gemm::w, group).set(gemm::oc_n, 1);
  for (auto [rows, blocks] : {std::pair<int64_t, int64_t>{1, 1}, {1, 3}, {n, 2}, {2 * n - 1, 3}, {2 * n, 3}}) {
    line.set(gemm::m_n, rows).set(gemm::k_n, blocks);
    const int64_t expected = (load + 1) + (blocks - 1) * std::max(rows, load + n - 1) + (rows - 1) + (n + 2);
    EXPECT_EQ(cycles(line, config, ideal), uint64_t(expected));
    TraceEvent event = alone(line);
    EXPECT_EQ(event.endCycle - event.startCycle, uint64_t(expected)) << formatLine(line);
  }
}

TEST_P(CycleTimingTest, PaddingTakesACycleARowBeforeTheLoad) {
  Line line = Line(Opcode::Ldpad).set(ldpad::region, 1).set(ldpad::n0, 2).set(ldpad::n1, 6).set(ldpad::n2, 5);
  line.set(ldpad::n3, 2).set(ldpad::ss1, 2 * config.n).set(ldpad::ss2, 12 * config.n).set(ldpad::ss3, 60 * config.n);
  line.set(ldpad::ds1, 2 * config.n).set(ldpad::ds2, 8 * config.n).set(ldpad::x1_n, 4).set(ldpad::x2_n, 3);
  line.set(ldpad::pad1, 1).set(ldpad::pad2, 1);
  Line load = Line(Opcode::Ld).set(ld::region, 1).set(ld::n0, 2).set(ld::n1, 4).set(ld::n2, 3).set(ld::n3, 2);
  load.set(ld::ds1, 2 * config.n).set(ld::ds2, 8 * config.n).set(ld::ss1, 2 * config.n).set(ld::ss2, 12 * config.n);
  const uint64_t rows = 2 * 2 * (6 * 5 - 4 * 3);
  EXPECT_EQ(cycles(line, config, ideal), rows + cycles(load, config, ideal));
  TraceEvent event = alone(line);
  EXPECT_EQ(event.endCycle - event.startCycle, cycles(line, config, ideal));
  line.set(ldpad::pad2, 5); // nothing inside
  EXPECT_EQ(cycles(line, config, ideal), 2u * 2 * 6 * 5);
  event = alone(line);
  EXPECT_EQ(event.endCycle - event.startCycle, 2u * 2 * 6 * 5);
}

TEST_P(CycleTimingTest, BurstsCoverTheirBytesAndStayInTheirBlocks) {
  for (uint64_t seed = 0; seed != 300; ++seed) {
    Line line = test::CyclePrograms(config, seed).line();
    if (!hasBursts(line.row()->opcode))
      continue;
    DmaWalk walk = DmaWalk::of(line, config);
    uint64_t block = uint64_t(config.axiBurstBeats) * config.axiBytes, bytes = 0, count = 0;
    for (BurstWalk bursts(walk, 0x80000, config); !bursts.done(); ++count) {
      Burst burst = bursts.next();
      ASSERT_NE(burst.bytes, 0u);
      ASSERT_EQ(burst.address / block, (burst.address + burst.bytes - 1) / block);
      ASSERT_EQ(burst.bytes % config.axiBytes, 0u);
      bytes += burst.bytes;
    }
    EXPECT_EQ(bytes, walk.bytes());
    EXPECT_EQ(count, bursts(line, config).bursts);
    EXPECT_EQ(bytes, bursts(line, config).beats * config.axiBytes);
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, CycleTimingTest, testing::Values("tw8", "tw16", "tw32", "tw64"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
