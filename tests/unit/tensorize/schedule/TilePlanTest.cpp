// SPDX-License-Identifier: Apache-2.0
// What a block in tiles of a size needs and costs, by hand: a window of three rows over six, of six and of eight
// channels, on the machine of PairMachine.h.
#include "schedule/TilePlan.h"

#include "PairMachine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

// Loops of the mapping's block: m, blocks of outputs, taps, blocks of channels, lanes of channels, lanes of outputs.
constexpr int kM = 0, kOutputs = 1;
const Mapping &windows() {
  static const Mapping mapping = pair::mappingOf(pair::window(6, 8, 8, 3, 1, 1));
  return mapping;
}

TilePlan plan(int64_t rows, std::vector<int> order, const Mapping &mapping = windows()) {
  return TilePlan(mapping, pair::machine(), {.tile = {rows, 1, 3, 2, 4, 4}, .order = std::move(order)}, {false, false});
}

Ranges tile(Range m, int64_t outputs) { return {m, {outputs, 1}, {0, 3}, {0, 2}, {0, 4}, {0, 4}}; }

} // namespace

TEST(TilePlanTest, TilesFollowOneAnotherInTheOrderOfTheSchedule) {
  const std::vector<Ranges> byOutputs = plan(4, {kOutputs, kM}).tiles();
  EXPECT_EQ(byOutputs, (std::vector<Ranges>{tile({0, 4}, 0), tile({4, 2}, 0), tile({0, 4}, 1), tile({4, 2}, 1)}));
  const std::vector<Ranges> byRows = plan(4, {kM, kOutputs}).tiles();
  EXPECT_EQ(byRows, (std::vector<Ranges>{tile({0, 4}, 0), tile({0, 4}, 1), tile({4, 2}, 0), tile({4, 2}, 1)}));
}

TEST(TilePlanTest, ABufferHasRoomForTheLargestTile) {
  const TilePlan made = plan(2, {kOutputs, kM});
  ASSERT_EQ(made.streams.size(), 2u);
  EXPECT_EQ(made.streams[0].bytes, 4 * 8); // rows 1 to 4 in the middle; at a border there are three
  EXPECT_EQ(made.streams[0].tiles, 3);
  EXPECT_FALSE(made.streams[0].isWritten);
  EXPECT_EQ(made.streams[1].bytes, 2 * 4);
  EXPECT_EQ(made.streams[1].tiles, 3 * 2);
  EXPECT_TRUE(made.streams[1].isWritten);
  ASSERT_EQ(made.images.size(), 2u);
  EXPECT_EQ(made.images[0].bytes, 3 * 8 * 4); // weights of four outputs
  EXPECT_EQ(made.images[0].tiles, 2);
  EXPECT_EQ(made.images[1].bytes, 3 * 16); // their record
  EXPECT_EQ(made.images[1].memory, pair::kParams);
  // Two of each, as all of them change.
  EXPECT_EQ(made.bufferBytes(pair::kBuffer), 2 * (32 + 8 + 96));
  EXPECT_EQ(made.bufferBytes(pair::kParams), 2 * 48);
}

TEST(TilePlanTest, WhatStaysOnChipNeedsNoBufferAndWhatNeverChangesNeedsOne) {
  const TilePlan resident(windows(), pair::machine(), {.tile = {6, 1, 3, 2, 4, 4}, .order = {kOutputs, kM}},
                          {true, false});
  EXPECT_TRUE(resident.streams[0].isResident);
  EXPECT_EQ(resident.bufferBytes(pair::kBuffer), 2 * (24 + 96)); // y and weights, by outputs
  const Mapping narrow = pair::mappingOf(pair::window(6, 8, 4, 3, 1, 1));
  EXPECT_EQ(plan(6, {kM}, narrow).bufferBytes(pair::kBuffer), 48 + 24 + 96);
}

TEST(TilePlanTest, TilesOfConstantsAreCountedApart) {
  const TilePlan byOutputs = plan(2, {kOutputs, kM}), byRows = plan(2, {kM, kOutputs});
  EXPECT_EQ(byOutputs.constantTiles(), 2);
  EXPECT_EQ(byOutputs.otherTiles(), 3);
  EXPECT_TRUE(byOutputs.constantsSlowest());
  EXPECT_FALSE(byRows.constantsSlowest());
  for (const Image &image : byOutputs.images) {
    EXPECT_TRUE(byOutputs.usesLoop(image, kOutputs));
    EXPECT_FALSE(byOutputs.usesLoop(image, kM));
  }
}

// Weights as a sum of two parts: both go over one result.
TEST(TilePlanTest, AnOuterSumComesInPassesBehindAllOtherLoops) {
  const Block block = inTwoParts(pair::window(6, 8, 8, 3, 1, 1));
  const Mapping mapping = pair::mappingOf(block);
  const TilePlan made(mapping, pair::machine(), {.tile = {6, 1, 3, 2, 1, 4, 4}, .order = {kOutputs}}, {false, false});
  const std::vector<Ranges> tiles = made.tiles();
  ASSERT_EQ(tiles.size(), 4u);
  for (size_t i = 0; i != 4; ++i) {
    EXPECT_EQ(tiles[i][kOutputs].lo, int64_t(i / 2));
    EXPECT_EQ(tiles[i][4], (Range{int64_t(i % 2), 1}));
    EXPECT_EQ(made.isFirstPass(tiles[i]), i % 2 == 0);
    EXPECT_EQ(made.isLastPass(tiles[i]), i % 2 == 1);
  }
}

TEST(TilePlanTest, ATileThatDoesNotFitWhateverElseLiesThereIsRefused) {
  EXPECT_FALSE(plan(6, {kM}).check());
  const Mapping longer = pair::mappingOf(pair::window(12, 8, 8, 3, 1, 1));
  auto rejection = plan(9, {kM}, longer).check();
  ASSERT_TRUE(rejection);
  EXPECT_EQ(rejection->diag().str(), "mac+drain: memory: the tile needs 9 rows of SUMS, half of it has 8");
}

// The first of two tiles has 3 rows in front of it: the field takes them; the second would need x_h = 32.
TEST(TilePlanTest, EachKindOfTileIsEncoded) {
  const Mapping tall = pair::mappingOf(pair::window(80, 4, 4, 7, 3, 3));
  const TilePlan good(tall, pair::machine(), {.tile = {8, 1, 7, 1, 4, 4}, .order = {kM}}, {false, false});
  EXPECT_FALSE(good.checkTiles());
  Mapping wide = tall;
  wide.block.operands[0].index[0].constant = -4; // more padding in front than the field takes
  const TilePlan bad(wide, pair::machine(), {.tile = {8, 1, 7, 1, 4, 4}, .order = {kM}}, {false, false});
  EXPECT_FALSE(bad.check()) << "the tile in the middle has none";
  auto rejection = bad.checkTiles();
  ASSERT_TRUE(rejection);
  EXPECT_EQ(rejection->diag().str(), "mac+drain: descriptor: pad = 4 is outside -3..3");
}

TEST(TilePlanTest, OnlyLoopsThatTheChainRunsAndDoesNotReduceAreCut) {
  EXPECT_EQ(tileLoops(windows()), (std::vector<int>{kM, kOutputs}));
  const std::vector<Range> expected{{1, 6}, {1, 1}, {3, 1}, {2, 1}, {4, 1}, {4, 1}};
  for (int loop = 0; loop != 6; ++loop)
    EXPECT_EQ(tileRange(windows(), loop), expected[size_t(loop)]) << loop;
  const BlockSchedule smallest = smallestTiles(windows(), 5);
  EXPECT_EQ(smallest.mapping, 5);
  EXPECT_EQ(smallest.tile, (std::vector<int64_t>{1, 1, 3, 2, 4, 4}));
  EXPECT_EQ(smallest.order, (std::vector<int>{kM, kOutputs}));
}

TEST(TilePlanTest, CandidatesAreTilesThatAreAllowedInBothOrders) {
  const std::vector<BlockSchedule> candidates = tileCandidates(windows(), 2);
  std::set<int64_t> rows;
  for (const BlockSchedule &candidate : candidates) {
    EXPECT_EQ(candidate.mapping, 2);
    rows.insert(candidate.tile[kM]);
    EXPECT_EQ(std::vector<int64_t>(candidate.tile.begin() + 1, candidate.tile.end()),
              (std::vector<int64_t>{1, 3, 2, 4, 4}));
    EXPECT_TRUE(std::ranges::any_of(candidates, [&](const BlockSchedule &other) {
      return other.tile == candidate.tile &&
             other.order == std::vector<int>(candidate.order.rbegin(), candidate.order.rend());
    }));
  }
  EXPECT_EQ(rows, (std::set<int64_t>{6, 3, 2, 1})); // whole, halves, thirds, sixths
}

// Rows 0 and 1 are made; the window of row 2 begins at row 1, that of row 4 at row 3.
TEST(TilePlanTest, ATileIsMadeByThoseWhoseRowsItReads) {
  const Mapping first = windows();
  Block second = pair::window(6, 8, 8, 3, 1, 1);
  second.operands[0].tensor = 1;
  second.operands[4].tensor = 2;
  const Mapping reader = pair::mappingOf(second);
  const std::vector<bool> isResident(3, false);
  const BlockSchedule schedule{.tile = {2, 1, 3, 2, 4, 4}, .order = {kM, kOutputs}};
  const TilePlan made(first, pair::machine(), schedule, isResident),
      read(reader, pair::machine(), schedule, isResident);
  const Stream &stream = read.streams[0];
  ASSERT_EQ(stream.tensor, 1);
  EXPECT_TRUE(isMade(made, tile({0, 2}, 0), read, stream, tile({2, 2}, 0)));
  EXPECT_FALSE(isMade(made, tile({0, 2}, 0), read, stream, tile({4, 2}, 0)));
  EXPECT_TRUE(isMade(made, tile({2, 2}, 1), read, stream, tile({4, 2}, 0)));
  EXPECT_FALSE(isMade(read, tile({0, 2}, 0), made, made.streams[0], tile({0, 2}, 0))) << "another tensor";
}

// Six tiles, every instruction 10 cycles, four bytes a cycle. Rows of x come again for each block of outputs.
TEST(TilePlanTest, TheCostIsTheBusiestEngineAndWhatNothingHides) {
  const Movers movers(pair::machine());
  TilePlan byOutputs = plan(2, {kOutputs, kM});
  byOutputs.estimate(movers);
  // x: 32 bytes in 8 cycles, six times; weights and records: twice 144 bytes in 36.
  EXPECT_EQ(byOutputs.schedule.boundBy, "read");
  // Before it the first of everything: 96 + 48 + 32 + 8 bytes; behind it the last drain.
  EXPECT_EQ(byOutputs.schedule.cycles, uint64_t(6 * 8 + 2 * 36 + (96 + 48 + 32 + 8) / 4 + 10));
  // Rows slowest: x comes once, both blocks of weights stay in their two places.
  TilePlan byRows = plan(2, {kM, kOutputs});
  byRows.estimate(movers);
  EXPECT_EQ(byRows.schedule.boundBy, "read");
  EXPECT_EQ(byRows.schedule.cycles, uint64_t(3 * 8 + 2 * 36 + (96 + 48 + 32 + 8) / 4 + 10));
}
