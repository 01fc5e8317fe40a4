// SPDX-License-Identifier: Apache-2.0
#include "Affine.h"

#include "Blocks.h"

#include <gtest/gtest.h>

using namespace tw::tensorize;
using namespace tw::test;

TEST(AffineTest, ALoopIsBareIfItIsAllOfTheIndex) {
  EXPECT_EQ(bareLoop(at(3)), 3);
  EXPECT_TRUE(isBare(at(3), 3));
  for (const Index &index : {at(3, 2), at(3, 1, 1), Index{}, Index{{{3, 1}, {4, 1}}, 0}}) {
    EXPECT_EQ(bareLoop(index), -1);
    EXPECT_FALSE(isBare(index, 3));
    EXPECT_FALSE(isBare(index, -1));
  }
}

TEST(AffineTest, AnOperandUsesALoopWhereverItMovesADimension) {
  const Operand x = conv2d({}).operands[0];
  for (int loop : {0, 1, 2, 4, 5, 6})
    EXPECT_TRUE(uses(x, loop)) << loop;
  EXPECT_FALSE(uses(x, 3));
  EXPECT_EQ(dimOf(x, 6), 3);
  EXPECT_EQ(dimOf(x, 1), -1); // with the window's row
}

TEST(AffineTest, AnElementIsNumberedRowByRowAndMayLieOutside) {
  const Operand x = conv2d({2, 8, 6, 4, 4, 3, 3, 2, 1, 1}).operands[0];
  std::vector<int64_t> point{1, 2, 0, 9, 1, 2, 3};
  EXPECT_EQ(valueAt(x.index[1], point), 4);
  EXPECT_EQ(elementAt(x, point), ((1 * 8 + 4) * 6 + 1) * 4 + 3);
  point[5] = 0;
  EXPECT_EQ(elementAt(x, point), std::nullopt);
}

TEST(AffineTest, EveryPointOfAShapeIsVisitedOnceInOrder) {
  std::vector<std::vector<int64_t>> seen;
  forEach({2, 3}, [&](int64_t flat, const std::vector<int64_t> &at) {
    EXPECT_EQ(flat, int64_t(seen.size()));
    seen.push_back(at);
  });
  EXPECT_EQ(seen, (std::vector<std::vector<int64_t>>{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}}));
  int points = 0;
  forEach({}, [&](int64_t, const auto &) { ++points; });
  EXPECT_EQ(points, 1);
  forEach({2, 0}, [&](int64_t, const auto &) { ++points; });
  EXPECT_EQ(points, 1);
}
