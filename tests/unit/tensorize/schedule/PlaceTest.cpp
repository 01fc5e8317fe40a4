// SPDX-License-Identifier: Apache-2.0
#include "Network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;
using testing::HasSubstr;

namespace {

struct PlaceScheduleTest : testing::Test {
  PlaceScheduleTest() : network(machine("tw8")) {
    addBottleneck(network, 9, 20, 36);
    auto chosen = chooseSchedules(network.segment(), network.target());
    schedule = std::get<std::vector<Schedule>>(chosen).front();
  }
  std::string refusal() const {
    auto placed = placeSchedule(network.segment(), network.target(), schedule);
    auto *failure = std::get_if<ScheduleFailure>(&placed);
    return failure ? std::to_string(failure->task) + " " + failure->rejection.diag().str() : "";
  }
  const std::vector<Loop> &loopsOf(size_t task) const {
    return network.segment().tasks[task].mappings[size_t(schedule.blocks[task].mapping)].block.loops;
  }
  Network network;
  Schedule schedule;
};

} // namespace

TEST_F(PlaceScheduleTest, WhatWasChosenIsPossible) { EXPECT_EQ(refusal(), ""); }

TEST_F(PlaceScheduleTest, NumbersThatAreNoScheduleAreRefused) {
  const Schedule good = schedule;
  const int cut = good.blocks[1].order.front();
  auto after = [&](auto change) {
    schedule = good;
    change(schedule.blocks[1]);
    return refusal();
  };
  const std::string name = loopsOf(1)[size_t(cut)].name, extent = std::to_string(loopsOf(1)[size_t(cut)].extent);
  for (int64_t tile : {int64_t(0), int64_t(-3), loopsOf(1)[size_t(cut)].extent + 1})
    EXPECT_EQ(after([&](BlockSchedule &block) { block.tile[size_t(cut)] = tile; }),
              "1 parameter: a tile of " + std::to_string(tile) + " steps of loop " + name + ", which takes 1 to " +
                  extent);
  const auto lane = std::ranges::find_if(loopsOf(1), [](const Loop &loop) { return loop.name == "c.lane"; });
  ASSERT_NE(lane, loopsOf(1).end());
  EXPECT_EQ(after([&](BlockSchedule &block) { block.tile[size_t(lane - loopsOf(1).begin())] = 4; }),
            "1 parameter: a tile of 4 steps of loop c.lane, which takes 8");
  EXPECT_EQ(after([&](BlockSchedule &block) { block.mapping = 99; }),
            "1 parameter: mapping 99 of " + std::to_string(network.segment().tasks[1].mappings.size()) +
                " does not exist");
  EXPECT_THAT(after([&](BlockSchedule &block) { block.tile.pop_back(); }), HasSubstr("tile sizes for"));
  EXPECT_THAT(after([&](BlockSchedule &block) { block.order.pop_back(); }), HasSubstr("an order of "));
  EXPECT_THAT(after([&](BlockSchedule &block) { block.order.back() = block.order.front(); }),
              HasSubstr("an order of "));
  EXPECT_THAT(after([&](BlockSchedule &block) { block.ahead = 2; }), HasSubstr("begins 2 blocks ahead"));
  EXPECT_THAT(after([&](BlockSchedule &block) { block.ahead = 0, block.lead = 1; }), HasSubstr("with a lead of 1"));
}

TEST_F(PlaceScheduleTest, MoreThanTheMemoryHoldsIsRefusedWithBothNumbers) {
  Network small(machine("tw8", 8192));
  addBottleneck(small, 16, 20, 36);
  schedule = std::get<std::vector<Schedule>>(chooseSchedules(small.segment(), small.target())).front();
  schedule.isResident.assign(schedule.isResident.size(), true);
  auto placed = placeSchedule(small.segment(), small.target(), schedule);
  ASSERT_TRUE(std::holds_alternative<ScheduleFailure>(placed));
  EXPECT_THAT(std::get<ScheduleFailure>(placed).rejection.diag().str(), HasSubstr("it has 8192 in all"));
}

// 300 rows of padding are more than the field has: the tile in the middle does not show it.
TEST_F(PlaceScheduleTest, TilesAtABorderMustBeEncodedToo) {
  Network padded(machine("tw8"));
  Block block = conv2d({1, 4, 4, 8, 8, 3, 3, 1, 1, 1});
  block.operands[0].index[1].constant = -300;
  block.loops[1].extent = block.operands[4].shape[1] = 4 + 2 * 300 - 2;
  padded.add(block, {padded.input({1, 4, 4, 8})}, true, false);
  const Mapping &mapping = padded.segment().tasks[0].mappings[0];
  BlockSchedule tiles{.mapping = 0, .order = tileLoops(mapping)};
  for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
    tiles.tile.push_back(mapping.block.loops[loop].name == "oh" ? 4 : mapping.block.loops[loop].extent);
  auto placed = placeSchedule(padded.segment(), padded.target(), {{tiles}, {false, false}});
  ASSERT_TRUE(std::holds_alternative<ScheduleFailure>(placed));
  EXPECT_THAT(std::get<ScheduleFailure>(placed).rejection.diag().str(),
              HasSubstr("descriptor: pad_t = 300 is outside 0..255"));
}

// Whatever is alive in the same task lies beside each other, inside the memory.
TEST_F(PlaceScheduleTest, BuffersOfOneTaskDoNotOverlap) {
  std::mt19937 random(21);
  int placed = 0;
  for (int trial = 0; trial != 100; ++trial) {
    const Segment &segment = network.segment();
    schedule = randomSchedule(segment, random);
    auto result = placeSchedule(segment, network.target(), schedule);
    if (!std::holds_alternative<MemoryMap>(result))
      continue;
    ++placed;
    const MemoryMap &map = std::get<MemoryMap>(result);
    for (size_t i = 0; i != segment.tensors.size(); ++i)
      EXPECT_EQ(map.residents[i] >= 0, schedule.isResident[i]);
    std::vector<std::pair<int64_t, int64_t>> residents;
    for (size_t i = 0; i != segment.tensors.size(); ++i)
      for (size_t k = 0; k != segment.tensors.size(); ++k) {
        auto lives = [&](size_t tensor) { // tensor t + 1 is made by task t; all are read until task 4 at the latest
          return std::pair{tensor == 0 ? 0 : int(tensor) - 1, tensor == 0 ? 3 : int(tensor)};
        };
        if (i == k || !schedule.isResident[i] || !schedule.isResident[k] || lives(i).first > lives(k).second ||
            lives(k).first > lives(i).second)
          continue;
        const int64_t a = map.residents[i], b = map.residents[k];
        EXPECT_TRUE(a + segment.tensors[i].bytes <= b || b + segment.tensors[k].bytes <= a) << i << ", " << k;
      }
    EXPECT_GE(map.peakBytes, map.peakBound);
  }
  EXPECT_GT(placed, 30);
}
