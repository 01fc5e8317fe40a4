// SPDX-License-Identifier: Apache-2.0
// What is right is proved, and whatever is wrong about a mapping or a tile is found.
#include "PairMachine.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

Mapping right() { return pair::match(pair::window(6, 6, 7, 3, 1, 1)).front(); }

struct Tile {
  Tile(const Mapping &mapping, Range m) : mapping(mapping) {
    for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
      ranges.push_back({0, mapping.loopTo[loop] < 0 ? 1 : mapping.block.loops[loop].extent});
    ranges[0] = m;
    placement.views = {denseView(boxOf(mapping, 0, ranges), 100), {}, {}, {}, {},
                       denseView(boxOf(mapping, 4, ranges), 500)};
    placement.bases = {0, 300, 5, 5, 5, 0};
    placement.meetingBases = {8};
    EXPECT_FALSE(realise(mapping, ranges, placement, links));
  }
  std::string prove() const { return proveTile(mapping, pair::machine(), ranges, placement, links); }

  const Mapping &mapping;
  Ranges ranges;
  Placement placement;
  std::vector<Instruction> links;
};

} // namespace

TEST(ProveTest, WindowsOfAnyStrideAndPaddingAreProved) {
  int proved = 0;
  for (int64_t taps : {1, 2, 3})
    for (int64_t stride : {1, 2, 3})
      for (int64_t pad : {0, 1, 2})
        for (int64_t channels : {3, 4, 9}) {
          if (pad >= taps)
            continue;
          for (const Mapping &mapping : pair::match(pair::window(9, channels, 6, taps, stride, pad))) {
            EXPECT_EQ(proveMapping(mapping, pair::machine()), "")
                << taps << " " << stride << " " << pad << " " << channels;
            ++proved;
          }
        }
  EXPECT_GT(proved, 50);
}

TEST(ProveTest, AWrongStepIsFound) {
  Mapping mapping = right();
  mapping.fixedFields[{0, pair::kStep}] = 2;
  EXPECT_NE(proveMapping(mapping, pair::machine()), "");
  mapping = pair::match(pair::window(6, 6, 7, 3, 1, 0)).front();
  mapping.fixedFields[{0, pair::kStep}] = 2;
  EXPECT_NE(proveMapping(mapping, pair::machine()), "");
}

// Two rows, three apart for the instruction: the second is none of those that it may read.
TEST(ProveTest, WhatTheInstructionTakesForPaddingIsFound) {
  Mapping mapping = pair::match(pair::window(2, 4, 4, 1, 1, 0)).front();
  mapping.fixedFields[{0, pair::kStep}] = 3;
  EXPECT_EQ(proveMapping(mapping, pair::machine()), "operand x: padding begins at another element");
}

TEST(ProveTest, LoopsThatRunInEachOthersPlaceAreFound) {
  Mapping mapping = right();
  std::swap(mapping.loopTo[2], mapping.loopTo[3]); // taps as blocks of channels
  EXPECT_NE(proveMapping(mapping, pair::machine()), "");
  mapping = right();
  std::swap(mapping.loopTo[4], mapping.loopTo[5]); // lanes of channels as lanes of outputs
  EXPECT_NE(proveMapping(mapping, pair::machine()), "");
}

TEST(ProveTest, ADimensionThatIsWalkedAsAnotherIsFound) {
  Mapping mapping = right();
  std::swap(mapping.dimOf[0][0], mapping.dimOf[0][1]);
  EXPECT_NE(proveMapping(mapping, pair::machine()), "");
}

// A result is never padded: nothing but its address tells that its rows are as far apart as its lanes' blocks.
TEST(ProveTest, AResultAtAnotherAddressIsFound) {
  Mapping mapping = right();
  mapping.dimOf[5][0] = 1;
  EXPECT_EQ(proveMapping(mapping, pair::machine()), "operand y: address 4 instead of 8");
}

TEST(ProveTest, PointsThatNoStepVisitsAreFound) {
  Mapping mapping = pair::match(pair::window(6, 4, 4, 3, 1, 0)).front();
  ASSERT_EQ(proveMapping(mapping, pair::machine()), "");
  mapping.block.loops[4].extent = 8; // lanes of channels: the instruction has four
  EXPECT_EQ(proveMapping(mapping, pair::machine()), "the chain makes 144 steps, the block has 288 points");
}

TEST(ProveTest, TwoLoopsInOnePlaceDoNotVisitEveryPoint) {
  Mapping mapping = right();
  mapping.loopTo[1] = 0; // blocks of outputs beside the rows
  EXPECT_NE(proveMapping(mapping, pair::machine()), "");
}

// Eight rows of which the window of the last reaches the padding behind: no step of the walk may read it as a row.
TEST(ProveTest, EveryFieldThatIsWalkedIsFoundWrongInEveryKindOfTile) {
  const Mapping mapping = pair::match(pair::window(8, 8, 8, 3, 1, 1)).front();
  for (Range rows : {Range{0, 3}, Range{3, 3}, Range{6, 2}}) {
    const Tile tile(mapping, rows);
    ASSERT_EQ(tile.prove(), "");
    for (auto [link, fields] : {std::pair{size_t(0), std::vector<int>{pair::kX, pair::kXRows, pair::kStep, pair::kPad,
                                                                      pair::kMacM, pair::kTaps, pair::kK}},
                                {size_t(1), std::vector<int>{pair::kY, pair::kYRows, pair::kDrainM}}})
      for (int field : fields)
        for (int64_t change : {1, -1}) {
          Tile wrong = tile;
          wrong.links[link].values[size_t(field)] += change;
          EXPECT_NE(wrong.prove(), "") << "link " << link << ", field " << field << ", rows from " << rows.lo;
        }
  }
}

TEST(ProveTest, RowsThatAreHeldAreFoundTooFewAndTooManyWhereSomethingReadsThem) {
  const Mapping mapping = pair::match(pair::window(8, 8, 8, 3, 1, 1)).front();
  for (Range rows : {Range{0, 3}, Range{3, 3}, Range{6, 2}}) {
    Tile fewer(mapping, rows);
    --fewer.links[0].values[pair::kXRowsHeld];
    EXPECT_NE(fewer.prove(), "") << rows.lo;
  }
  Tile more(mapping, {6, 2}); // the last window's third row lies outside
  ++more.links[0].values[pair::kXRowsHeld];
  EXPECT_NE(more.prove(), "");
}

TEST(ProveTest, StepsThatNothingRunsAreFound) {
  const Mapping mapping = pair::match(pair::window(8, 8, 8, 3, 1, 1)).front();
  Tile tile(mapping, {0, 3});
  tile.ranges[1] = {0, 2}; // both blocks of outputs in one tile
  EXPECT_EQ(tile.prove(), "loop oc has 2 steps in a tile, and nothing runs them");
}
