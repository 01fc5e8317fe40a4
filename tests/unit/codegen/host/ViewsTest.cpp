// SPDX-License-Identifier: Apache-2.0
#include "host/Views.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Block.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

#include <gtest/gtest.h>

using namespace tw::codegen;
using namespace mlir;

namespace {

struct ViewsTest : testing::Test {
  Value tensor(ArrayRef<int64_t> shape) {
    return block.addArgument(RankedTensorType::get(shape, Float32Type::get(&context)), UnknownLoc::get(&context));
  }
  AffineExpr d(unsigned position) { return getAffineDimExpr(position, &context); }
  AffineMap map(unsigned dims, ArrayRef<AffineExpr> results) { return AffineMap::get(dims, 0, results, &context); }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  Block block;
};

} // namespace

TEST_F(ViewsTest, ATensorLiesRowByRow) {
  const View view = denseView(7, tensor({2, 3, 4}));
  EXPECT_EQ(view.array, 7u);
  EXPECT_EQ(view.offset, 0);
  EXPECT_EQ(view.steps, (Steps{12, 4, 1}));
  EXPECT_TRUE(denseView(0, tensor({})).steps.empty());
}

TEST_F(ViewsTest, AViewIsDenseIfEveryStepThatIsTakenIsThatOfItsShape) {
  EXPECT_TRUE(isDense({0, 5, {12, 4, 1}}, {2, 3, 4}));
  EXPECT_FALSE(isDense({0, 0, {24, 4, 1}}, {2, 3, 4}));
  EXPECT_FALSE(isDense({0, 0, {1, 2}}, {2, 3})) << "by columns";
  EXPECT_TRUE(isDense({0, 0, {99, 4, 1}}, {1, 3, 4})) << "nobody goes along a dimension of one";
}

// (i, j) -> [2j + 1][i] of rows of ten.
TEST_F(ViewsTest, AnIndexIsAStepForEachLoopAndAConstant) {
  const auto found = linear(map(2, {d(1) * 2 + 1, d(0)}), {10, 1});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->first, (Steps{1, 20}));
  EXPECT_EQ(found->second, 10);
  const auto twice = linear(map(2, {d(0) + d(1), d(1)}), {10, 1});
  ASSERT_TRUE(twice);
  EXPECT_EQ(twice->first, (Steps{10, 11}));
}

TEST_F(ViewsTest, WhatIsDividedIsNoStep) {
  EXPECT_FALSE(linear(map(1, {d(0).floorDiv(3)}), {1}));
  EXPECT_FALSE(linear(map(1, {d(0) % 3}), {1}));
}
