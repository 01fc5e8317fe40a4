// SPDX-License-Identifier: Apache-2.0
// The least that a block costs: no schedule has less work for an engine or for the memory outside.
#include "tw/tensorize/LeastWork.h"
#include "Network.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

// What the instructions of a schedule take, each from its start to its end, and what they read of constants.
LeastWork emitted(const LoweredSegment &lowered, const Target &target) {
  LeastWork work;
  for (const ScheduledInstruction &scheduled : lowered.instructions) {
    const isa::Instruction &row = *scheduled.instruction.row;
    work.cycles[size_t(row.engine)] += target.cycles(scheduled.instruction);
    if (scheduled.relocation.kind != Relocation::Constant)
      continue;
    uint64_t steps = 1;
    for (const isa::Loop &loop : row.semantics->loops)
      steps *= loop.extent.kind == isa::Value::Field ? uint64_t(scheduled.instruction.values[loop.extent.value])
                                                     : isa::fixedValue(loop.extent, target.lanes);
    work.bytesRead += steps * uint64_t(elemBytes(row.semantics->accesses.front().elem));
  }
  return work;
}

LeastWork leastOf(const Network &network) {
  LeastWork least;
  for (const Task &task : network.segment().tasks)
    least += leastWork(task, network.target());
  return least;
}

// The least that any of many schedules takes.
void expectBound(const Network &network, unsigned seed) {
  const LeastWork least = leastOf(network);
  EXPECT_GT(least.bound(network.target()), 0u);
  std::mt19937 random(seed);
  int placed = 0;
  for (int trial = 0; trial != 40; ++trial) {
    const Schedule schedule = randomSchedule(network.segment(), random);
    auto map = placeSchedule(network.segment(), network.target(), schedule);
    if (!std::holds_alternative<MemoryMap>(map))
      continue;
    auto lowered = emitSchedule(network.segment(), network.target(), schedule, std::get<MemoryMap>(map));
    ASSERT_TRUE(std::holds_alternative<LoweredSegment>(lowered));
    const LeastWork work = emitted(std::get<LoweredSegment>(lowered), network.target());
    for (isa::Engine engine : {isa::Engine::MX, isa::Engine::RQ, isa::Engine::VX})
      EXPECT_LE(least.cycles[size_t(engine)], work.cycles[size_t(engine)]) << "engine " << int(engine);
    EXPECT_LE(least.bytesRead, work.bytesRead);
    ++placed;
  }
  EXPECT_GT(placed, 5);
}

} // namespace

TEST(LeastWorkTest, NoScheduleOfANetworkHasLess) {
  for (const char *name : {"tw8", "tw16", "tw32"}) {
    Network network(machine(name));
    addBottleneck(network, 9, 12, 40);
    expectBound(network, 3);
  }
}

// Two passes of products, one of drains.
TEST(LeastWorkTest, PassesRepeatTheProductsAlone) {
  Network network(machine("tw8"));
  const int x = network.input({1, 6, 6, 3});
  network.add(inTwoParts(conv2d({1, 6, 6, 3, 12, 3, 3, 1, 1, 1})), {x}, true);
  expectBound(network, 4);
  const LeastWork least = leastOf(network);
  EXPECT_EQ(least.cycles[size_t(isa::Engine::MX)], 2u * 2 * 9 * 36); // passes, blocks of outputs, taps, pixels
  EXPECT_EQ(least.cycles[size_t(isa::Engine::RQ)], 2u * 36);
}

TEST(LeastWorkTest, MovesCarryEachRowInAndOut) {
  const isa::HwConfig config = machine("tw8");
  const Target target = makeTwTarget(config);
  Moves moves;
  moves.boxes = {{0, 0, 4, {{5, 1, 1}, {3, 5, 7}}}, {-1, 15, 3, {{2, 1, 0}}}};
  const LeastWork work = leastWork(moves, target);
  EXPECT_EQ(work.bytesRead, 17u * 8);
  EXPECT_EQ(work.bytesWritten, 17u * 8);
  EXPECT_EQ(work.bound(target), 17u * 8 / uint64_t(config.axiBytes));
  EXPECT_EQ(chipBytesOf(moves, target), 2u * 15 * 8); // two pieces, each as large as the larger
}
