// SPDX-License-Identifier: Apache-2.0
#include "schedule/MoveWriter.h"

#include "MovedRows.h"
#include "PairMachine.h"

using namespace tw::tensorize;
using namespace tw::test;

TEST(MoveWriterTest, TensorsComeToTheMemoryThatIsLoadedAndStored) {
  EXPECT_EQ(memoryOfTensors(pair::machine()), int(pair::kBuffer));
  Target noStore = pair::target();
  noStore.instructions = std::span(pair::kInstructions).first(4); // st is the last
  EXPECT_EQ(memoryOfTensors(noStore), -1);
}

TEST(MoveWriterTest, RowsGoThroughTheChipByAnyLevels) {
  for (const char *name : {"tw8", "tw16"}) {
    MovedRows rows(name, 0, {24, 24}, 3);
    MoveWriter writer(rows.moves, rows.target);
    // [2][3][4] rows, loaded with the outer loops exchanged and moved back on chip, behind themselves.
    writer.load({0, 0, 0, {{4, 1, 1}, {3, 8, 4}, {2, 4, 12}}}, 0);
    writer.move({0, 0, 0, {{4, 1, 1}, {3, 4, 8}, {2, 12, 4}}}, 0, 24 * rows.lanes());
    writer.store({1, 0, 0, {{24, 1, 1}}}, 24 * rows.lanes());
    rows.run(writer.take());
    for (int64_t row = 0; row != 24; ++row)
      for (int64_t lane = 0; lane != rows.lanes(); ++lane)
        ASSERT_EQ(rows.byte(1, row, lane), rows.byte(0, row, lane)) << name << ", row " << row;
  }
}

// A row of it is kept once, whatever boxes ask for it, and read at every step.
TEST(MoveWriterTest, AByteOfItsOwnIsOneRowOfConstants) {
  MovedRows rows("tw16", 0, {9}, 4);
  MoveWriter writer(rows.moves, rows.target);
  writer.load({-1, 0, -128, {{4, 1, 5}}}, 0);
  writer.load({-1, 4, 127, {{1, 1, 1}}}, 0);
  writer.load({-1, 5, -128, {{2, 1, 0}, {2, 2, 0}}}, 0);
  writer.store({0, 0, 0, {{9, 1, 1}}}, 0);
  LoweredSegment lowered = writer.take();
  EXPECT_EQ(lowered.constants.size(), 128u) << "two bytes, each aligned";
  EXPECT_EQ(lowered.isInDram, std::vector<bool>{true});
  rows.run(lowered);
  for (int64_t row = 0; row != 9; ++row)
    for (int64_t lane = 0; lane != 16; ++lane)
      ASSERT_EQ(rows.byte(0, row, lane), row == 4 ? 127 : 128) << row;
}

TEST(MoveWriterTest, WhatIsOnlyOnChipHasNoPlaceInTheOuterMemory) {
  MovedRows rows("tw16", 0, {4, 4, 4}, 5);
  MoveWriter writer(rows.moves, rows.target);
  writer.load({1, 0, 0, {{4, 1, 1}}}, 0);
  writer.store({2, 0, 0, {{4, 1, 1}}}, 0);
  EXPECT_EQ(writer.take().isInDram, (std::vector<bool>{false, true, true}));
}

// Two blocks of rows that lie between each other, turned into blocks one behind the other.
TEST(MoveWriterTest, BlocksAreTurnedWhereverTheirRowsLie) {
  for (const char *name : {"tw8", "tw16"}) {
    MovedRows rows(name, 0, {64, 64}, 6);
    const int64_t n = rows.lanes();
    MoveWriter writer(rows.moves, rows.target);
    writer.load({0, 0, 0, {{2 * n, 1, 1}}}, 0);
    writer.transpose({-1, 0, 0, {{2, n, 1}}}, 0, 2, 4 * n * n, 1);
    writer.store({1, 0, 0, {{2 * n, 1, 1}}}, 4 * n * n);
    rows.run(writer.take());
    for (int64_t row = 0; row != 2 * n; ++row)
      for (int64_t lane = 0; lane != n; ++lane)
        ASSERT_EQ(rows.byte(1, row, lane), rows.byte(0, 2 * lane + row / n, row % n)) << name << ", row " << row;
  }
}
