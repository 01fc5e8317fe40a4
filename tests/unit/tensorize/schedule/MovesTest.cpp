// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Moves.h"

#include <gtest/gtest.h>

#include <random>

using namespace tw::tensorize;

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
