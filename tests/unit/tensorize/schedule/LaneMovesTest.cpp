// SPDX-License-Identifier: Apache-2.0
#include "MovedRows.h"
#include "PairMachine.h"

using namespace tw::tensorize;
using namespace tw::test;

namespace {

// Each channel of each pixel is what the moves say of it.
void expectChannels(const MovedRows &rows, const std::string &what) {
  const LaneMoves &lanes = *rows.moves.lanes;
  const int64_t n = rows.lanes(), width = int64_t(lanes.channels.size()) / n;
  for (int64_t p = 0; p != lanes.pixels; ++p)
    for (int64_t channel = 0; channel != width * n; ++channel) {
      const RowSource &its = lanes.channels[size_t(channel)];
      RowSource row = its;
      if (its.tensor >= 0) {
        const LaneMoves::Source &source = lanes.sources[size_t(its.tensor)];
        row = {source.tensor, source.pixels[size_t(p)] + source.rows[size_t(its.row / n)]};
      }
      ASSERT_EQ(rows.byte(rows.moves.result, p * width + channel / n, channel % n), rows.byte(row, its.row % n))
          << what << ", pixel " << p << ", channel " << channel;
    }
}

// One pixel's channels in reverse, `width` rows of them.
LaneMoves reversed(int64_t pixels, int64_t width, int64_t n) {
  LaneMoves lanes;
  lanes.pixels = pixels;
  lanes.sources = {{0, {}, {}}};
  for (int64_t p = 0; p != pixels; ++p)
    lanes.sources[0].pixels.push_back(p * width);
  for (int64_t row = 0; row != width; ++row)
    lanes.sources[0].rows.push_back(row);
  for (int64_t channel = 0; channel != width * n; ++channel)
    lanes.channels.push_back({0, width * n - 1 - channel});
  return lanes;
}

} // namespace

TEST(LaneMovesTest, ChannelsComeFromAnyLaneOfAnyTensor) {
  for (uint32_t seed = 0; seed != 40; ++seed) {
    const int64_t pixels = 1 + seed * 7 % 40, n = seed % 2 ? 16 : 8, width = 1 + seed % 3;
    MovedRows rows(seed % 2 ? "tw16" : "tw8", seed % 3 ? 16384 : 0, {pixels * 3, pixels * 2 + 5, pixels * width}, seed);
    LaneMoves lanes;
    lanes.pixels = pixels;
    lanes.sources = {{0, {}, {2, 0}}, {1, {}, {0, 3, 1}}};
    for (int64_t p = 0; p != pixels; ++p) {
      lanes.sources[0].pixels.push_back(3 * p);
      lanes.sources[1].pixels.push_back(rows.below(pixels * 2 + 1));
    }
    for (int64_t channel = 0; channel != width * n; ++channel) {
      const int source = int(rows.below(3)) - 1;
      lanes.channels.push_back({source, source < 0 ? rows.below(256) - 128 : rows.below((source + 2) * n)});
    }
    rows.moves.lanes = lanes;
    ASSERT_FALSE(cannotMove(lanes, rows.target));
    rows.run();
    expectChannels(rows, "seed " + std::to_string(seed));
  }
}

// 32 rows of 16 pixels take all of 16 KiB: one buffer, no second one to load meanwhile.
TEST(LaneMovesTest, WhatTakesTheWholeScratchpadStillMoves) {
  for (int64_t pixels : {1, 15, 16, 17, 33}) {
    MovedRows rows("tw16", 16384, {pixels * 16, pixels * 16}, 5);
    rows.moves.lanes = reversed(pixels, 16, 16);
    ASSERT_FALSE(cannotMove(*rows.moves.lanes, rows.target));
    rows.run();
    expectChannels(rows, std::to_string(pixels) + " pixels");
  }
}

TEST(LaneMovesTest, OneRowMoreIsRefusedWithBothNumbers) {
  const Target target = makeTwTarget(machine("tw16", 16384));
  LaneMoves lanes = reversed(1, 16, 16);
  lanes.channels.resize(17 * 16, {-1, 0});
  auto why = cannotMove(lanes, target);
  ASSERT_TRUE(why);
  EXPECT_NE(why->text.find("16 pixels of them take 16896 bytes of SPM, which has 16384"), std::string::npos)
      << why->text;
}

TEST(LaneMovesTest, AMachineThatCannotTransposeSaysSo) {
  auto why = cannotMove(reversed(1, 1, 4), pair::machine());
  ASSERT_TRUE(why);
  EXPECT_EQ(why->text, "bytes change their lanes, and no instruction of the machine transposes");
}
