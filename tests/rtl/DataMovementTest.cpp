// SPDX-License-Identifier: Apache-2.0
// Loads and stores of the design: every byte, every burst, under stalls, and their closed forms.
#include "Rtl.h"

#include "tw/isa/Disassembler.h"

using namespace tw;
using namespace tw::isa;
using namespace tw::test;

namespace {

struct Walk {
  int64_t n[4];
  int64_t dram[3], spm[3]; // strides in rows
};

Line walk(Opcode opcode, int64_t n, const Walk &walk, int64_t offset, int64_t spm) {
  return Line(opcode)
      .set(ld::region, opcode == Opcode::St || opcode == Opcode::Stb ? 2 : 1)
      .set(ld::offset, offset)
      .set(ld::spm, spm)
      .set(ld::n0, walk.n[0])
      .set(ld::n1, walk.n[1])
      .set(ld::n2, walk.n[2])
      .set(ld::n3, walk.n[3])
      .set(ld::ds1, walk.dram[0] * n)
      .set(ld::ds2, walk.dram[1] * n)
      .set(ld::ds3, walk.dram[2] * n)
      .set(ld::ss1, walk.spm[0] * n)
      .set(ld::ss2, walk.spm[1] * n)
      .set(ld::ss3, walk.spm[2] * n);
}

struct Setting {
  const char *config, *memory;
};
class DataMovementTest : public testing::TestWithParam<Setting> {
protected:
  Bench bench{GetParam().config, *parseMemoryTiming(GetParam().memory)};
  int64_t n = bench.config.n;
};
INSTANTIATE_TEST_SUITE_P(Settings, DataMovementTest,
                         testing::Values(Setting{"tw8", "ideal"}, Setting{"tw16", "ideal"}, Setting{"tw8", "random:1"},
                                         Setting{"tw16", "random:2"}, Setting{"tw16", "rows"}));

TEST_P(DataMovementTest, CopiesRowsThroughTheScratchpad) {
  Walk plain{{100, 1, 1, 1}, {0, 0, 0}, {0, 0, 0}};
  JobOutcome outcome = bench.runBoth(
      {post(walk(Opcode::Ld, n, plain, 3 * n, 5 * n), 1), wait(walk(Opcode::St, n, plain, 7 * n, 5 * n), 1), kEnd});
  EXPECT_EQ(outcome.bytesRead, uint64_t(100 * n));
  EXPECT_EQ(bench.counter(CounterId::BytesReadLa), uint64_t(100 * n));
}

TEST_P(DataMovementTest, WalksFourDimensions) {
  Walk tile{{3, 4, 5, 2}, {9, 40, 333}, {3, 16, 100}};
  Walk repeat{{7, 3, 2, 1}, {0, 11, 0}, {7, 21, 0}};
  bench.runBoth({post(walk(Opcode::Ld, n, tile, 0, 0), 1), post(walk(Opcode::Ldw, n, repeat, 50 * n, 300 * n), 2),
                 wait(walk(Opcode::St, n, {{200, 1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 0, 0), 1)
                     .set(header::wait1_valid, 1)
                     .set(header::wait1_sem, 2),
                 walk(Opcode::St, n, {{3, 4, 5, 2}, {5, 37, 400}, {3, 16, 100}}, 300 * n, 0),
                 walk(Opcode::St, n, repeat, 2000 * n, 300 * n), kEnd});
}

TEST_P(DataMovementTest, PadsATileOnEachSide) {
  std::mt19937 random(12);
  auto draw = [&](int64_t low, int64_t high) { return low + int64_t(random() % uint64_t(high - low + 1)); };
  for (int round = 0; round != 40; ++round) {
    Walk tile{{draw(1, 3), draw(1, 7), draw(1, 6), draw(1, 2)}, {draw(1, 4), draw(5, 30), draw(0, 200)}, {3, 21, 126}};
    std::vector<Line> lines = {walk(Opcode::Ld, n, {{300, 1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 64 * n, 0)};
    for (int i = 0; i != 3; ++i) // one after the other, and beside a load of the other queue
      lines.push_back(walk(Opcode::Ldpad, n, tile, draw(0, 60) * n, i * 260 * n)
                          .set(ldpad::x1_n, draw(1, 6))
                          .set(ldpad::x2_n, draw(1, 5))
                          .set(ldpad::pad1, draw(0, 8))
                          .set(ldpad::pad2, draw(0, round % 4 ? 2 : 7))
                          .set(ldpad::pad_value, draw(-128, 127)));
    lines.push_back(walk(Opcode::Ldw, n, {{200, 1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 0, 800 * n));
    lines.push_back(Line(Opcode::Fence));
    lines.push_back(walk(Opcode::St, n, {{1000, 1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 0, 0));
    lines.push_back(kEnd);
    bench.runBoth(lines);
    ASSERT_FALSE(HasFailure()) << formatLine(lines[1]) << formatLine(lines[2]) << formatLine(lines[3]);
  }
}

TEST_P(DataMovementTest, StoresTheFirstBytesOfRowsAndLeavesTheRest) {
  for (int64_t bytes : {int64_t(1), n / 2, n / 2 + 1, n - 1, n, n + 1, int64_t(64)})
    bench.runBoth(
        {post(walk(Opcode::Ld, n, {{200, 1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 0, 0), 1),
         wait(walk(Opcode::Stb, n, {{37, 2, 2, 1}, {40, 100, 0}, {37, 74, 0}}, 3 * n, 5 * n), 1).set(stb::bytes, bytes),
         walk(Opcode::St, n, {{4, 1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 500 * n, 0), kEnd});
}

TEST_P(DataMovementTest, LoadsParametersAndTables) {
  Line ldp = Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::offset, 5 * n).set(ldp::dst, 3).set(ldp::count, 20);
  Line ldt = Line(Opcode::Ldt).set(ldt::region, 1).set(ldt::offset, 9 * n).set(ldt::dst, 2).set(ldt::count, 3);
  JobOutcome outcome = bench.runBoth({ldp, ldt, kEnd});
  EXPECT_EQ(outcome.bytesRead, uint64_t(20 * 4 * n + 3 * 256));
}

TEST_P(DataMovementTest, RandomWalksAgreeWithTheFunctionalModel) {
  std::mt19937 random(11);
  auto draw = [&](int64_t low, int64_t high) { return low + int64_t(random() % uint64_t(high - low + 1)); };
  for (int round = 0; round != 12; ++round) {
    std::vector<Line> lines;
    for (int i = 0; i != 3; ++i) {
      Walk in{{draw(1, 9), draw(1, 4), draw(1, 3), draw(1, 2)}, {draw(0, 30), draw(0, 90), draw(0, 200)}, {0, 0, 0}};
      in.spm[0] = in.n[0], in.spm[1] = in.spm[0] * in.n[1], in.spm[2] = in.spm[1] * in.n[2];
      Walk out = in;
      out.dram[0] = in.n[0] + draw(0, 3), out.dram[1] = out.dram[0] * in.n[1], out.dram[2] = out.dram[1] * in.n[2] + 2;
      lines.push_back(post(walk(i & 1 ? Opcode::Ldw : Opcode::Ld, n, in, draw(0, 60) * n, i * 600 * n), i));
      lines.push_back(wait(walk(Opcode::St, n, out, (i * 2000 + draw(0, 60)) * n, i * 600 * n), i));
    }
    lines.push_back(kEnd);
    bench.runBoth(lines);
  }
}

TEST_P(DataMovementTest, IdleAndBusyCyclesAddUp) {
  bench.runBoth({post(walk(Opcode::Ld, n, {{300, 1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 0, 0), 1),
                 wait(walk(Opcode::St, n, {{300, 1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 0, 0), 1), kEnd});
  uint64_t cycles = bench.counter(CounterId::Cycles);
  for (int engine = 0; engine != 6; ++engine) {
    uint64_t sum = 0;
    for (int state = 0; state != kEngineStates; ++state)
      sum += bench.counter(CounterId(int(CounterId::StateLaBusy) + engine * kEngineStates + state));
    EXPECT_EQ(sum, cycles) << "engine " << engine;
  }
}

TEST(DataMovementTimeTest, AStoreTakesTheCyclesOfTheContract) {
  Bench bench("tw16");
  bench.run(Job(bench.config, {walk(Opcode::St, 16, {{40, 1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 0, 0), kEnd}));
  // Bursts of 16, 16 and 8 rows. The first is full 2 cycles after its last row, s+16; address a cycle later, data a
  // cycle after that: beats in s+20 .. s+35. Idle in s+36, the next is long staged: beats in s+38 .. s+53, then s+56 ..
  // s+63; its response after 10, and the end a cycle later.
  TraceEvent event = bench.trace.of(0);
  EXPECT_EQ(event.endCycle - event.startCycle, 63u + 10 + 1);
}

} // namespace
