// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Moves.h"

#include "Network.h"

#include <gtest/gtest.h>

#include <random>

using namespace tw::tensorize;
namespace test = tw::test;

namespace {

// The rows that boxes say, one by one; each is said once.
std::vector<RowSource> spelled(const std::vector<RowBox> &boxes, size_t rows) {
  std::vector<RowSource> result(rows);
  std::vector<bool> isSaid(rows, false);
  for (const RowBox &box : boxes) {
    auto visit = [&](auto &self, size_t level, int64_t to, int64_t from) -> void {
      if (level == 0) {
        ASSERT_LT(size_t(to), rows);
        EXPECT_FALSE(isSaid[size_t(to)]) << "row " << to << " twice";
        isSaid[size_t(to)] = true;
        result[size_t(to)] = {box.tensor, from};
        return;
      }
      const RowBox::Level &its = box.levels[level - 1];
      EXPECT_GE(its.from, 0);
      for (int64_t i = 0; i != its.extent; ++i)
        self(self, level - 1, to + i * its.to, from + i * its.from);
    };
    visit(visit, box.levels.size(), box.to, box.from);
  }
  for (size_t row = 0; row != rows; ++row)
    EXPECT_TRUE(isSaid[row]) << "row " << row << " never";
  return result;
}

void expectBoxes(const std::vector<RowSource> &rows, size_t most) {
  std::vector<RowBox> boxes = boxesOf(rows);
  EXPECT_LE(boxes.size(), most);
  EXPECT_EQ(spelled(boxes, rows.size()), rows);
}

} // namespace

TEST(MovesTest, WhatLiesEvenlyIsOneBox) {
  std::vector<RowSource> same, twice, turned, beside;
  for (int64_t y = 0; y != 6; ++y)
    for (int64_t x = 0; x != 8; ++x) {
      same.push_back({0, y * 8 + x});
      twice.push_back({0, y / 2 * 4 + x / 2});
      turned.push_back({0, x * 6 + y});
      beside.push_back(x < 3 ? RowSource{0, y * 3 + x} : RowSource{1, y * 5 + x - 3});
    }
  expectBoxes(same, 1);
  expectBoxes(twice, 1);
  expectBoxes(turned, 1);
  expectBoxes(beside, 2);
}

TEST(MovesTest, BackwardsIsRowByRow) {
  expectBoxes({{0, 4}, {0, 3}, {0, 2}, {0, 1}}, 4);
  expectBoxes({{0, 4}, {0, 5}, {0, 2}, {0, 3}}, 2);
}

TEST(MovesTest, BytesOfTheirOwnAreBoxesByValue) { expectBoxes({{-1, 7}, {-1, 7}, {0, 0}, {-1, 9}, {-1, 7}}, 4); }

TEST(MovesTest, AnyRowsAreSaidOnce) {
  std::mt19937 random(5);
  for (int round = 0; round != 200; ++round) {
    std::vector<RowSource> rows(1 + random() % 60);
    for (RowSource &row : rows) {
      row.tensor = int(random() % 3) - 1;
      row.row = int64_t(random() % 4);
    }
    expectBoxes(rows, rows.size());
  }
}

namespace {

// Tensors of random bytes in rows of lanes, and the last one, which moves make of them.
class Rows {
public:
  Rows(const std::string &name, uint64_t spmBytes, std::vector<int64_t> rows, uint32_t seed)
      : config(test::machine(name, spmBytes)), target(makeTwTarget(config)), random(seed) {
    for (int64_t count : rows) {
      offset.push_back(int64_t(arena.size()));
      moves.tensors.emplace_back().bytes = count * target.lanes;
      for (int64_t i = 0; i != count * target.lanes; ++i)
        arena.push_back(uint8_t(random()));
      arena.resize((arena.size() + 63) / 64 * 64);
    }
    moves.result = int(rows.size()) - 1;
  }
  int64_t lanes() const { return target.lanes; }
  int64_t below(int64_t count) { return int64_t(random() % uint64_t(count)); }
  uint8_t byte(int tensor, int64_t row, int64_t lane) const {
    return arena[size_t(offset[size_t(tensor)] + row * lanes() + lane)];
  }
  /// What a row's lane is: of a tensor, or a byte of its own.
  uint8_t byte(const RowSource &row, int64_t lane) const {
    return row.tensor < 0 ? uint8_t(row.row) : byte(row.tensor, row.row, lane);
  }
  void run() { ASSERT_EQ(test::execute(emitMoves(moves, target), config, target, offset, arena), ""); }

  const tw::isa::HwConfig config;
  const Target target;
  Moves moves;

private:
  std::mt19937 random;
  std::vector<int64_t> offset;
  std::vector<uint8_t> arena;
};

} // namespace

TEST(MovesTest, ChannelsComeFromAnyLaneOfAnyTensor) {
  for (uint32_t seed = 0; seed != 40; ++seed) {
    const int64_t pixels = 1 + seed * 7 % 40, n = seed % 2 ? 16 : 8, width = 1 + seed % 3;
    Rows rows(seed % 2 ? "tw16" : "tw8", seed % 3 ? 16384 : 0, {pixels * 3, pixels * 2 + 5, pixels * width}, seed);
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
    for (int64_t p = 0; p != pixels; ++p)
      for (int64_t channel = 0; channel != width * n; ++channel) {
        const RowSource &its = lanes.channels[size_t(channel)];
        RowSource row = its;
        if (its.tensor >= 0) {
          const LaneMoves::Source &source = lanes.sources[size_t(its.tensor)];
          row = {source.tensor, source.pixels[size_t(p)] + source.rows[size_t(its.row / n)]};
        }
        ASSERT_EQ(rows.byte(2, p * width + channel / n, channel % n), rows.byte(row, its.row % n))
            << "seed " << seed << ", pixel " << p << ", channel " << channel;
      }
  }
}

TEST(MovesTest, RowsBecomeLanes) {
  for (uint32_t seed = 0; seed != 40; ++seed) {
    const int64_t n = seed % 2 ? 16 : 8, blocks = 1 + seed % 9, made = 1 + seed % 13;
    Rows rows(seed % 2 ? "tw16" : "tw8", seed % 3 ? 16384 : 0, {20, 9, made}, seed);
    TurnMoves turns;
    for (int64_t i = 0; i != blocks * n; ++i) {
      const int tensor = int(rows.below(3)) - 1;
      turns.rows.push_back({tensor, tensor < 0 ? rows.below(256) - 128 : rows.below(tensor ? 9 : 20)});
    }
    for (int64_t row = 0; row != made; ++row)
      turns.made.push_back({row, rows.below(blocks * n)});
    rows.moves.turns = turns;
    ASSERT_FALSE(cannotMove(turns, rows.target));
    rows.run();
    for (const TurnMoves::Made &row : turns.made)
      for (int64_t lane = 0; lane != n; ++lane)
        ASSERT_EQ(rows.byte(2, row.row, lane), rows.byte(turns.rows[size_t(row.turned / n * n + lane)], row.turned % n))
            << "seed " << seed << ", row " << row.row << ", lane " << lane;
  }
}

TEST(MovesTest, WhatDoesNotFitIsRefusedWithBothNumbers) {
  const Target target = makeTwTarget(test::machine("tw16", 16384));
  LaneMoves lanes;
  lanes.pixels = 1;
  lanes.channels.resize(17 * 16, {-1, 0});
  lanes.sources = {{0, {0}, std::vector<int64_t>(16, 0)}};
  auto why = cannotMove(lanes, target);
  ASSERT_TRUE(why);
  EXPECT_NE(why->text.find("16896 bytes of SPM, which has 16384"), std::string::npos) << why->text;
}
