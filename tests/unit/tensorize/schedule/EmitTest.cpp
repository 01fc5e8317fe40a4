// SPDX-License-Identifier: Apache-2.0
#include "Network.h"
#include "tw/tensorize/ScheduleText.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

// Tiles, order, residence, overlap: nothing that a schedule may say changes what is computed.
TEST(EmitTest, AnyScheduleThatIsPlacedComputesTheSame) {
  std::mt19937 random(11);
  int placed = 0;
  for (const char *name : {"tw8", "tw16"})
    for (uint64_t bytes : {0, 8192}) {
      Network network(machine(name, bytes));
      addBottleneck(network, 6, 12, 20);
      for (int trial = 0; trial != 15; ++trial) {
        std::string refused;
        const Schedule schedule = randomSchedule(network.segment(), random);
        EXPECT_EQ(network.run(schedule, &refused), "") << name << ", trial " << trial << "\n"
                                                       << printSchedule(network.segment(), schedule);
        placed += refused.empty();
      }
    }
  EXPECT_GT(placed, 25);
}

// A reduction that no instruction runs whole comes in passes: the first begins the sums, the last drains them.
TEST(EmitTest, PassesOverOneResultAddUp) {
  std::mt19937 random(12);
  Network network(machine("tw8"));
  const int x = network.input({1, 6, 6, 3});
  network.add(inTwoParts(conv2d({1, 6, 6, 3, 12, 3, 3, 1, 1, 1})), {x}, true);
  int placed = 0;
  for (int trial = 0; trial != 30; ++trial) {
    std::string refused;
    const Schedule schedule = randomSchedule(network.segment(), random);
    EXPECT_EQ(network.run(schedule, &refused), "") << printSchedule(network.segment(), schedule);
    placed += refused.empty();
  }
  EXPECT_GT(placed, 10);
}

// Between the first pass and the last one the accumulators are the block's alone, whoever else may begin.
TEST(EmitTest, NeighboursDoNotComeBetweenPasses) {
  std::mt19937 random(13);
  Network network(machine("tw8"));
  const int x = network.input({1, 6, 6, 3});
  const int y = network.add(inTwoParts(conv2d({1, 6, 6, 3, 12, 3, 3, 1, 1, 1})), {x});
  network.add(inTwoParts(conv2d({1, 6, 6, 12, 10, 3, 3, 1, 1, 1})), {y}, true);
  network.add(conv2d({1, 6, 6, 12, 9, 1, 1, 1, 1, 0}), {y}, true);
  int placed = 0;
  for (int trial = 0; trial != 40; ++trial) {
    std::string refused;
    const Schedule schedule = randomSchedule(network.segment(), random);
    EXPECT_EQ(network.run(schedule, &refused), "") << printSchedule(network.segment(), schedule);
    placed += refused.empty();
  }
  EXPECT_GT(placed, 15);
}

TEST(EmitTest, ConstantsOfEqualBytesAreKeptOnce) {
  Network network(machine("tw8"));
  const int x = network.input({1, 5, 5, 8});
  Block block = addition({1, 5, 5, 8});
  const int y = network.add(block, {x, x});
  network.add(block, {y, x}, true);
  auto chosen = chooseSchedules(network.segment(), network.target());
  ASSERT_TRUE(std::holds_alternative<std::vector<Schedule>>(chosen));
  auto placed = placeSchedule(network.segment(), network.target(), std::get<std::vector<Schedule>>(chosen).front());
  ASSERT_TRUE(std::holds_alternative<MemoryMap>(placed));
  auto emitted = emitSchedule(network.segment(), network.target(), std::get<std::vector<Schedule>>(chosen).front(),
                              std::get<MemoryMap>(placed));
  ASSERT_TRUE(std::holds_alternative<LoweredSegment>(emitted));
  EXPECT_EQ(std::get<LoweredSegment>(emitted).constants.size(), 64u);
}

// Who only times a schedule needs no weights: the same instructions, whose weights all lie at one place.
TEST(EmitTest, CountedConstantsChangeNothingButWhereTheyLie) {
  Network network(machine("tw8"));
  addBottleneck(network, 6, 12, 20);
  auto chosen = chooseSchedules(network.segment(), network.target());
  ASSERT_TRUE(std::holds_alternative<std::vector<Schedule>>(chosen));
  const Schedule &schedule = std::get<std::vector<Schedule>>(chosen).front();
  auto placed = placeSchedule(network.segment(), network.target(), schedule);
  ASSERT_TRUE(std::holds_alternative<MemoryMap>(placed));
  const auto &map = std::get<MemoryMap>(placed);
  auto packed = emitSchedule(network.segment(), network.target(), schedule, map);
  auto counted = emitSchedule(network.segment(), network.target(), schedule, map, ConstantBytes::Counted);
  ASSERT_TRUE(std::holds_alternative<LoweredSegment>(packed));
  ASSERT_TRUE(std::holds_alternative<LoweredSegment>(counted));
  const auto &full = std::get<LoweredSegment>(packed), &light = std::get<LoweredSegment>(counted);
  ASSERT_EQ(full.instructions.size(), light.instructions.size());
  int constants = 0;
  for (size_t i = 0; i != full.instructions.size(); ++i) {
    Instruction expected = full.instructions[i].instruction;
    const Relocation &relocation = full.instructions[i].relocation;
    if (relocation.kind == Relocation::Constant) {
      expected.values[size_t(relocation.field)] = light.instructions[i].instruction.values[size_t(relocation.field)];
      EXPECT_LT(expected.values[size_t(relocation.field)], int64_t(light.constants.size()));
      ++constants;
    }
    EXPECT_EQ(expected.row, light.instructions[i].instruction.row);
    EXPECT_EQ(expected.values, light.instructions[i].instruction.values) << "instruction " << i;
  }
  EXPECT_GT(constants, 2);
  EXPECT_LT(light.constants.size(), full.constants.size());
}
