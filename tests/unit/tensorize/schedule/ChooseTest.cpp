// SPDX-License-Identifier: Apache-2.0
#include "Network.h"
#include "tw/tensorize/ScheduleText.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

TEST(ChooseTest, WhatIsChosenIsPlacedAndRight) {
  for (const char *name : {"tw8", "tw16", "tw32"})
    for (uint64_t bytes : {0, 32768}) {
      Network network(machine(name, bytes));
      addBottleneck(network, 8, 20, 36);
      auto chosen = chooseSchedules(network.segment(), network.target());
      ASSERT_TRUE(std::holds_alternative<std::vector<Schedule>>(chosen))
          << std::get<ScheduleFailure>(chosen).rejection.diag().str();
      const std::vector<Schedule> &schedules = std::get<std::vector<Schedule>>(chosen);
      for (size_t i = 0; i != schedules.size(); ++i) {
        EXPECT_EQ(network.run(schedules[i]), "") << name << ", " << bytes << " bytes, schedule " << i;
        EXPECT_EQ(std::ranges::count(schedules, schedules[i]), 1);
      }
    }
}

// A wait of each tile makes fewer of them the better choice.
TEST(ChooseTest, VariantsDifferInTilesAndInWhoWorksBesideWhom) {
  Network network(machine("tw8"));
  addBottleneck(network, 16, 20, 36);
  auto chosen = chooseSchedules(network.segment(), network.target());
  const std::vector<Schedule> &schedules = std::get<std::vector<Schedule>>(chosen);
  EXPECT_GT(schedules.size(), 2u);
  auto isBeside = [](const Schedule &schedule) {
    return std::ranges::any_of(schedule.blocks, [](const BlockSchedule &block) { return block.ahead == 2; });
  };
  EXPECT_TRUE(std::ranges::any_of(schedules, isBeside));
  EXPECT_FALSE(std::ranges::all_of(schedules, isBeside));
}

TEST(ChooseTest, ATensorStaysOnChipUnlessThereIsNoRoom) {
  for (auto [bytes, most] : {std::pair<uint64_t, size_t>{0, 5}, {4096, 2}}) {
    Network network(machine("tw8", bytes));
    addBottleneck(network, 16, 8, 24);
    auto chosen = chooseSchedules(network.segment(), network.target());
    ASSERT_TRUE(std::holds_alternative<std::vector<Schedule>>(chosen));
    const auto kept = std::ranges::count(std::get<std::vector<Schedule>>(chosen).front().isResident, true);
    EXPECT_TRUE(bytes == 0 ? size_t(kept) == most : size_t(kept) <= most) << kept;
  }
}

// Placement puts a block on the accelerator if it fits alone; the segment must then find room for it.
TEST(ChooseTest, WhatFitsAloneFitsInASegment) {
  int fits = 0, fails = 0;
  for (uint64_t bytes = 512; bytes <= 8192; bytes += 512) {
    Network network(machine("tw8", bytes));
    addBottleneck(network, 24, 8, 24);
    const auto least = leastMemory(network.segment(), network.target());
    const auto *failure = std::get_if<ScheduleFailure>(&least);
    auto chosen = chooseSchedules(network.segment(), network.target());
    EXPECT_EQ(failure != nullptr, std::holds_alternative<ScheduleFailure>(chosen))
        << bytes << " bytes: "
        << (failure ? failure->rejection.diag().str() : std::get<ScheduleFailure>(chosen).rejection.diag().str());
    if (failure)
      EXPECT_EQ(failure->rejection.kind, "memory");
    else
      EXPECT_LE(std::get<uint64_t>(least), bytes);
    (failure ? fails : fits) += 1;
  }
  EXPECT_GT(fits, 3);
  EXPECT_GT(fails, 0);
}

TEST(ChooseTest, SameSegmentSameSchedule) {
  Network a(machine("tw16")), b(machine("tw16"));
  addBottleneck(a, 8, 20, 36);
  addBottleneck(b, 8, 20, 36);
  EXPECT_EQ(
      printSchedule(a.segment(), std::get<std::vector<Schedule>>(chooseSchedules(a.segment(), a.target())).front()),
      printSchedule(b.segment(), std::get<std::vector<Schedule>>(chooseSchedules(b.segment(), b.target())).front()));
}
