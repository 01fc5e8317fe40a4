// SPDX-License-Identifier: Apache-2.0
// Programs that random ones reach too rarely, on the cycle model and the design: data, counters and cycles.
#include "Lockstep.h"

#include "tw/isa/Numerics.h"
#include "tw/isa/RandomProgram.h"
#include "tw/support/Paths.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

using namespace tw;
using namespace tw::cosim;

namespace {

/// `.dram` lines of 32-bit words in region 1.
std::string words(uint64_t offset, const std::vector<uint32_t> &values) {
  std::string text;
  char digits[32];
  for (uint32_t value : values) {
    std::snprintf(digits, sizeof digits, "%02x%02x%02x%02x", value & 255, value >> 8 & 255, value >> 16 & 255,
                  value >> 24);
    text += ".dram 1 " + std::to_string(offset) + " " + digits + "\n";
    offset += 4;
  }
  return text;
}

// What is written after BAD_PARAM, and the lanes that saturate, are results like any other (numerics.md).
TEST(DirectedTest, AnIllegalMultiplierCountsAsTheNearestLegalOneOnCycleModelAndRtl) {
  const std::vector<uint32_t> multipliers = {0,          1,          0x7F800000, 0x7FC00000,  // 0, subnormal, inf, NaN
                                             0xFFFFFFFF, 0xBF000000, 0x43800001, 0x3C000000}; // -NaN, -0.5, 2^8+, 2^-7
  const std::vector<int32_t> sums = {INT32_MIN, -300, -1, 0, 1, 300, INT32_MAX};
  constexpr int8_t kZero = 3;
  std::string program = ".region 1 0x1000 r\n" + words(0, {0x007F8000u | kZero}) + words(64, multipliers);
  for (size_t i = 0; i != sums.size(); ++i)
    program += words(256 + 32 * i, std::vector<uint32_t>(8, uint32_t(sums[i])));
  program += R"(
.random 1 1024 512 17
ldp region=1 offset=0 dst=0 count=3 post(3)
ld region=1 offset=256 spm=0 n0=28 n1=1 n2=1 n3=1 post(4)
ld region=1 offset=1024 spm=512 n0=64 n1=1 n2=1 n3=1 post(6)
rsw acc=0 oc_n=1 oh_n=1 ow_n=7 x=0 x_ws=32 wait(4) post(5)
drq acc=0 oc_n=1 oh_n=1 ow_n=7 y=2048 y_ws=8 param=0 wait(3, 5) post(7)
dwconv x=512 x_h=4 x_w=4 x_hs=32 x_ws=8 stride_h=1 stride_w=1 dil_h=1 dil_w=1 kh_n=1 kw_n=1 oc_n=1 oh_n=4 ow_n=4 y=4096 y_hs=32 y_ws=8 param=0 w=768 wait(6, 7)
end
)";
  Scenario scenario;
  scenario.config = test::testConfig("tw8");
  auto assembly = isa::assemble(program, "multipliers.twasm");
  ASSERT_TRUE(assembly) << assembly.diag().str();
  scenario.assembly = *assembly;

  const auto cycle = observe(cycleModel(), scenario);
  ASSERT_TRUE(cycle) << cycle.diag().str();
  EXPECT_EQ(cycle->outcome.code, isa::FaultCode::BadParam);
  const uint8_t *spm = cycle->spaces[size_t(isa::Space::SPM)].data() + 2048;
  for (size_t i = 0; i != sums.size(); ++i)
    for (size_t lane = 0; lane != multipliers.size(); ++lane)
      EXPECT_EQ(int8_t(spm[i * 8 + lane]), isa::requantFp32(sums[i], 0, isa::usedMultiplier(multipliers[lane]), kZero))
          << sums[i] << " times " << multipliers[lane];

  const auto rtl = observe(rtlModel(), scenario);
  if (!rtl)
    GTEST_SKIP() << rtl.diag().str();
  const auto divergence = firstDivergence(scenario, *cycle, *rtl);
  EXPECT_FALSE(divergence) << divergence->text;
}

/// A sum and a multiplier whose product is half an integer, or so near it that rounding to float32 makes it one.
struct Halfway {
  int32_t sum;
  uint32_t multiplier;
};

/// (2 * odd + 1) * 2^(shift - 1) + off, times 2^-shift: beyond 2^24 the sum itself is rounded.
Halfway sumHalfway(int shift, int32_t odd, int32_t off) {
  return {int32_t((2 * odd + 1) * (int64_t(1) << (shift - 1)) + off), uint32_t(127 - shift) << 23};
}

/// The multiplier for which the product is nearest to odd + 1/2, and neighbours of it: with a small sum within half a
/// unit of the product's last place, but not on it; with one of 24 bits a unit beside it.
Halfway productHalfway(int32_t sum, int32_t odd, int32_t off = 0) {
  const double wanted = (odd + 0.5) / sum; // of the same sign
  return {sum, std::bit_cast<uint32_t>(float(wanted)) + uint32_t(off)};
}

TEST(DirectedTest, HalvesGoToEvenInEachRoundingOfTheDrainOnCycleModelAndRtl) {
  constexpr size_t kLanes = 8;
  std::vector<Halfway> cases;
  for (int shift = 1; shift <= 24; ++shift)
    for (int32_t off : {-1, 0, 1})
      cases.push_back(sumHalfway(shift, (shift * 37 + off) % 60, off));
  for (int32_t off : {-64, -33, -32, -31, 31, 32, 33, 64})
    cases.push_back(sumHalfway(24, off % 2 ? 30 : 31, off)); // ulp of the sum: 64
  for (int32_t i = 0; i != 112; ++i)
    cases.push_back(productHalfway((i % 2 ? -1 : 1) * (16411 + i * 7919), i % 2 ? -1 - i : i));
  for (int32_t i = 0; i != 120; ++i)
    cases.push_back(productHalfway(8388617 + i * 68111, i, i % 3 - 1));
  ASSERT_EQ(cases.size() % kLanes, 0u);
  const size_t rows = cases.size() / kLanes;

  std::string program = ".region 1 0x4000 r\n", drains;
  std::vector<uint32_t> records, sums;
  for (size_t row = 0; row != rows; ++row) {
    std::vector<uint32_t> head(kLanes), bias(kLanes), multipliers;
    head[0] = 0x007F8000; // clamp to int8
    for (size_t lane = 0; lane != kLanes; ++lane) {
      const Halfway &halfway = cases[row * kLanes + lane];
      sums.push_back(uint32_t(halfway.sum));
      multipliers.push_back(halfway.multiplier);
    }
    for (const auto *part : {&head, &bias, &multipliers})
      records.insert(records.end(), part->begin(), part->end());
    drains += "drq acc=" + std::to_string(row) + " oc_n=1 oh_n=1 ow_n=1 y=" + std::to_string(8192 + 8 * row) +
              " param=" + std::to_string(3 * row) + "\n";
  }
  const std::string count = std::to_string(rows);
  program += words(0, records) + words(8192, sums) + "ldp region=1 offset=0 dst=0 count=" + std::to_string(3 * rows) +
             "\nld region=1 offset=8192 spm=0 n0=" + std::to_string(4 * rows) +
             " n1=1 n2=1 n3=1\nfence\nrsw acc=0 oc_n=1 oh_n=1 ow_n=" + count + " x=0 x_ws=32\nfence\n" + drains +
             "end\n";
  Scenario scenario;
  scenario.config = test::testConfig("tw8");
  auto assembly = isa::assemble(program, "halves.twasm");
  ASSERT_TRUE(assembly) << assembly.diag().str();
  scenario.assembly = *assembly;

  const auto cycle = observe(cycleModel(), scenario);
  ASSERT_TRUE(cycle) << cycle.diag().str();
  EXPECT_EQ(cycle->outcome.code, isa::FaultCode::None);
  const uint8_t *spm = cycle->spaces[size_t(isa::Space::SPM)].data() + 8192;
  for (size_t i = 0; i != cases.size(); ++i)
    EXPECT_EQ(int8_t(spm[i]), isa::requantFp32(cases[i].sum, 0, cases[i].multiplier, 0))
        << cases[i].sum << " times " << std::bit_cast<float>(cases[i].multiplier);

  const auto rtl = observe(rtlModel(), scenario);
  if (!rtl)
    GTEST_SKIP() << rtl.diag().str();
  const auto divergence = firstDivergence(scenario, *cycle, *rtl);
  EXPECT_FALSE(divergence) << divergence->text;
}

// Blocks that follow each other faster than a swap goes down the array: two swaps are under way, from two shadows, each
// with its own direction and zero point.
TEST(DirectedTest, ShortProductsOfEveryKindFollowEachOtherWhereWeightsComeByTwoRowsOnCycleModelAndRtl) {
  Scenario scenario;
  scenario.config = test::testConfig((test::sourceDir() / "isa/configs/odd/odd8_most.yaml").string().c_str());
  ASSERT_EQ(scenario.config.weightRows, 2u);
  std::string program = R"(
.region 1 0x4000 r
.random 1 0 16384 29
ld region=1 offset=0 spm=0 n0=1024 n1=1 n2=1 n3=1
ld region=1 offset=8192 spm=65536 n0=1024 n1=1 n2=1 n3=1
fence
gemm x=65536 x_ms=8 m_n=300 k_n=1 oc_n=1 w=0 acc=0
)";
  uint32_t state = 1, acc = 300;
  const auto below = [&](uint32_t limit) { return (state = state * 1664525 + 1013904223) / 65536 % limit; };
  const auto field = [](const char *name, int64_t value) {
    return std::string(" ") + name + "=" + std::to_string(value);
  };
  for (int i = 0; i != 400; ++i) {
    const char *const kinds[] = {"gemm", "gemmz", "gemmz", "gemmzt"};
    const uint32_t kind = below(4), rows = 1 + below(3), blocks = 1 + below(4), columns = 1 + below(2);
    program += kinds[kind] + field("x", 65536 + 8 * below(64)) + field("x_ms", 8) + field("x_ks", 8 * below(16)) +
               field("m_n", rows) + field("k_n", blocks) + field("oc_n", columns) + field("w", 8 * below(900)) +
               field("acc", acc) +
               (kind == 0 ? "" : field("x_zp", int(below(256)) - 128) + field("w_zp", int(below(256)) - 128)) + "\n";
    acc += rows * columns;
  }
  auto assembly = isa::assemble(program + "end\n", "products.twasm");
  ASSERT_TRUE(assembly) << assembly.diag().str();
  scenario.assembly = *assembly;

  const auto functional = observe(functionalModel(), scenario), cycle = observe(cycleModel(), scenario);
  ASSERT_TRUE(functional && cycle);
  EXPECT_EQ(cycle->outcome.code, isa::FaultCode::None);
  const auto between = firstDivergence(scenario, *functional, *cycle);
  EXPECT_FALSE(between) << between->text;

  const auto rtl = observe(rtlModel(), scenario);
  if (!rtl)
    GTEST_SKIP() << rtl.diag().str();
  const auto divergence = firstDivergence(scenario, *cycle, *rtl);
  EXPECT_FALSE(divergence) << divergence->text;
}

/// Resets in the middle of programs that are mostly of one instruction; then a job that must not notice.
TEST(DirectedTest, AResetInTheMiddleOfEachInstructionLeavesNothingBehindOnCycleModelAndRtl) {
  Scenario scenario;
  scenario.config = test::testConfig("tw8");
  if (const auto rtl = observe(rtlModel(), scenario); !rtl)
    GTEST_SKIP() << rtl.diag().str();
  for (const isa::Instruction &row : isa::kInstructions) {
    if (row.isPlanned || !row.semantics)
      continue;
    const isa::RandomOptions options{.seed = uint64_t(row.opcode), .instructions = 16, .only = row.opcode};
    scenario.assembly = isa::randomProgram(scenario.config, options);
    scenario.next.reset();
    scenario.resetAt.reset();
    const auto whole = observe(cycleModel(), scenario);
    ASSERT_TRUE(whole) << whole.diag().str();
    scenario.next = isa::randomProgram(scenario.config, options);
    std::vector<uint64_t> inside; // of the instruction, once early and once late
    for (const isa::TraceEvent &event : whole->events)
      if (event.opcode == uint8_t(row.opcode) && event.endCycle > event.startCycle + 2 && inside.size() < 8)
        inside.insert(inside.end(), {event.startCycle + 2, event.endCycle - 1});
    for (uint64_t cycle : inside) {
      scenario.resetAt = cycle;
      const auto divergence =
          firstDivergence(scenario, *observe(cycleModel(), scenario), *observe(rtlModel(), scenario));
      EXPECT_FALSE(divergence) << row.mnemonic << ", reset at " << cycle << ": " << divergence->text;
    }
  }
}

// Engines are looked at in their order, in which the lowest line is the last.
TEST(DirectedTest, ADeadlockNamesTheLowestLineThatWaitsOnCycleModelAndRtl) {
  Scenario scenario;
  scenario.config = test::testConfig("tw8");
  const auto assembly = isa::assemble(".region 1 0x1000 rw\n"
                                      "st region=1 offset=0 spm=0 n0=1 n1=1 n2=1 n3=1 wait(1)\n"
                                      "ldw region=1 offset=0 spm=64 n0=1 n1=1 n2=1 n3=1 wait(2)\n"
                                      "ld region=1 offset=0 spm=128 n0=1 n1=1 n2=1 n3=1 wait(3)\n"
                                      "end\n",
                                      "deadlock.twasm");
  ASSERT_TRUE(assembly) << assembly.diag().str();
  scenario.assembly = *assembly;
  const auto cycle = observe(cycleModel(), scenario), rtl = observe(rtlModel(), scenario);
  ASSERT_TRUE(cycle) << cycle.diag().str();
  EXPECT_EQ(cycle->outcome.code, isa::FaultCode::Deadlock);
  EXPECT_EQ(cycle->outcome.pc, 0u);
  EXPECT_EQ(cycle->outcome.engine, isa::Engine::ST);
  if (!rtl)
    GTEST_SKIP() << rtl.diag().str();
  const auto divergence = firstDivergence(scenario, *cycle, *rtl);
  EXPECT_FALSE(divergence) << divergence->text;
}

/// From the doorbell to the completion record's response, and with lines behind END.
TEST(DirectedTest, AResetInAnyCycleOfAShortJobFindsTheSameStateOnCycleModelAndRtl) {
  Scenario scenario;
  scenario.config = test::testConfig("tw8");
  for (const char *program : {"mark value=1\nend\n", "mark value=1\nend\nmark value=2\nmark value=3\nend\n"}) {
    const auto assembly = isa::assemble(program, "short.twasm");
    ASSERT_TRUE(assembly) << assembly.diag().str();
    scenario.assembly = *assembly;
    scenario.resetAt.reset();
    const auto whole = observe(cycleModel(), scenario);
    ASSERT_TRUE(whole) << whole.diag().str();
    if (const auto rtl = observe(rtlModel(), scenario); !rtl)
      GTEST_SKIP() << rtl.diag().str();
    const uint64_t end = whole->events.back().endCycle;
    for (uint64_t cycle = 1; cycle != end + 40; ++cycle) {
      scenario.resetAt = cycle;
      const auto divergence =
          firstDivergence(scenario, *observe(cycleModel(), scenario), *observe(rtlModel(), scenario));
      EXPECT_FALSE(divergence) << "reset at " << cycle << " of " << end << ": " << divergence->text;
    }
  }
}

// Longer than a host needs from the reset to the next doorbell.
TEST(DirectedTest, AFillDoesNotOutliveAResetOnCycleModelAndRtl) {
  Scenario scenario;
  scenario.config = test::testConfig("tw8");
  const auto fill = isa::assemble("fill spm=0 n0=8192 n1=1 n2=1 n3=1 value=7\nend\n", "fill.twasm");
  const auto small = isa::assemble("fill spm=0 n0=1 n1=1 n2=1 n3=1 value=1\nend\n", "small.twasm");
  ASSERT_TRUE(fill && small);
  scenario.assembly = *fill;
  scenario.next = *small;
  scenario.resetAt = 100;
  const auto cycle = observe(cycleModel(), scenario), rtl = observe(rtlModel(), scenario);
  ASSERT_TRUE(cycle) << cycle.diag().str();
  if (!rtl)
    GTEST_SKIP() << rtl.diag().str();
  const auto divergence = firstDivergence(scenario, *cycle, *rtl);
  EXPECT_FALSE(divergence) << divergence->text;
}

/// As many lines as no random program has, so that each bit of a line's number counts up to the thousands.
TEST(DirectedTest, ThousandsOfLinesRunOnCycleModelAndRtl) {
  std::string program;
  for (int i = 0; i != 3000; ++i)
    program += "mark value=" + std::to_string(i) + "\n";
  Scenario scenario;
  scenario.config = test::testConfig("tw8");
  const auto assembly = isa::assemble(program + "end\n", "lines.twasm");
  ASSERT_TRUE(assembly) << assembly.diag().str();
  scenario.assembly = *assembly;
  const auto cycle = observe(cycleModel(), scenario), rtl = observe(rtlModel(), scenario);
  ASSERT_TRUE(cycle) << cycle.diag().str();
  EXPECT_EQ(cycle->events.size(), 3001u);
  if (!rtl)
    GTEST_SKIP() << rtl.diag().str();
  const auto divergence = firstDivergence(scenario, *cycle, *rtl);
  EXPECT_FALSE(divergence) << divergence->text;
}

} // namespace
