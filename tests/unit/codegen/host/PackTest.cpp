// SPDX-License-Identifier: Apache-2.0
#include "host/Pack.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/BuiltinTypes.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::codegen;

namespace {

// y[m][n] += x[m][k] * w[n][k], m 4, n 5, k 3; results in lanes along n, two at a time. w[n][k] is 10 * n + k.
struct PackTest : testing::Test {
  PackTest() {
    context.loadDialect<mlir::linalg::LinalgDialect>();
    const mlir::Type byte = mlir::IntegerType::get(&context, 8);
    function.addArray({HostArray::Argument, byte, 12, 0});
    function.addArray({HostArray::Argument, byte, 15, 1, true});
    function.addArray({HostArray::Result, mlir::IntegerType::get(&context, 32), 20});
    nest.extents = {4, 5, 3};
    nest.isReduction = {false, false, true};
    nest.isReduced = true;
    Stage stage;
    stage.inputs = {HostAccess{0, 0, {3, 0, 1}}, HostAccess{1, 0, {0, 3, 1}}};
    nest.stages.push_back(std::move(stage));
    nest.output = {2, 0, {5, 1, 0}};
    tiling.lanes = 1;
    tiling.vectorWidth = 2;
    tiling.tile = {1, 2, 1};
    for (int64_t n = 0; n != 5; ++n)
      for (int64_t k = 0; k != 3; ++k)
        weights.setInteger(n * 3 + k, 10 * n + k);
  }

  HostAccess &input(size_t i) { return std::get<HostAccess>(nest.stages[0].inputs[i]); }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  HostFunction function;
  HostNest nest;
  Tiling tiling;
  ir::Tensor weights{ir::ElementType::I8, {5, 3}};
};

} // namespace

// Tiles of lanes one behind the other; in each, for every step of the sum, its lanes.
TEST_F(PackTest, ConstantsLieInTheOrderInWhichTilesReadThem) {
  EXPECT_TRUE(packOperands(function, nest, tiling).empty());
  ASSERT_EQ(function.arrays.size(), 4u);
  EXPECT_EQ(input(1).array, 3u);
  EXPECT_TRUE(input(1).isPacked);
  EXPECT_EQ(function.arrays[3].constant.arguments, std::vector<unsigned>{1});
  const ir::Tensor packed = function.arrays[3].constant.compute({weights});
  const std::vector<int> expected{0, 10, 1, 11, 2, 12, 20, 30, 21, 31, 22, 32, 40, 41, 42}; // the last tile has one
  ASSERT_EQ(packed.size(), 15);
  for (size_t i = 0; i != expected.size(); ++i)
    EXPECT_EQ(packed.data<int8_t>()[i], expected[i]) << i;
  EXPECT_EQ(input(0).array, 0u) << "the same for all lanes: as it was";
}

// Two neighbours of the sum to a lane, int16, less the zero point; a third has none.
TEST_F(PackTest, FactorsOfADotProductLieInGroups) {
  nest.dot = Dot::Pairs;
  nest.zeroOfWeights = 1;
  packOperands(function, nest, tiling);
  EXPECT_EQ(nest.extents[2], 2);
  EXPECT_EQ(input(0).steps[2], 2) << "two bytes of x a step";
  const ir::Tensor packed = function.arrays[3].constant.compute({weights});
  const auto *values = reinterpret_cast<const int16_t *>(packed.bytes.data());
  const std::vector<int> expected{-1, 0, 9, 10, 1, 0, 11, 0, 19, 20, 29, 30, 21, 0, 31, 0, 39, 40, 41, 0};
  ASSERT_EQ(packed.bytes.size(), expected.size() * 2);
  for (size_t i = 0; i != expected.size(); ++i)
    EXPECT_EQ(values[i], expected[i]) << i;
}

TEST_F(PackTest, WhatIsNotKnownIsCopiedWithLanesAsNeighbours) {
  function.arrays[1].isConstant = false;
  const std::vector<HostNest> before = packOperands(function, nest, tiling);
  ASSERT_EQ(before.size(), 1u);
  EXPECT_EQ(before[0].extents, (llvm::SmallVector<int64_t, 8>{3, 5})); // k, then lanes
  EXPECT_EQ(std::get<HostAccess>(before[0].stages[0].inputs[0]).steps, (llvm::SmallVector<int64_t, 8>{1, 3}));
  EXPECT_EQ(before[0].output.steps, (llvm::SmallVector<int64_t, 8>{5, 1}));
  EXPECT_EQ(before[0].output.array, input(1).array);
  EXPECT_EQ(function.arrays[input(1).array].kind, HostArray::Scratch);
  EXPECT_EQ(input(1).steps, (llvm::SmallVector<int64_t, 8>{0, 1, 5}));
  EXPECT_FALSE(input(1).isPacked);
}

TEST_F(PackTest, WhatLiesInLanesAlreadyStays) {
  function.arrays[1].isConstant = false;
  input(1).steps = {0, 1, 5};
  EXPECT_TRUE(packOperands(function, nest, tiling).empty());
  EXPECT_EQ(input(1).array, 1u);
  tiling.lanes = -1;
  input(1).steps = {0, 3, 1};
  EXPECT_TRUE(packOperands(function, nest, tiling).empty()) << "without lanes nothing is packed";
  EXPECT_EQ(input(1).array, 1u);
}

// Two sets of weights, of which a loop outside the tiles takes one, behind what other operands have of the same array.
TEST_F(PackTest, WeightsMayBeginAnywhereAndHaveLoopsOutsideTheTiles) {
  nest.extents = {2, 5, 3};
  nest.output = {2, 0, {5, 1, 0}};
  input(0).steps = {3, 0, 1};
  input(1).offset = 4;
  input(1).steps = {20, 3, 1};
  function.arrays[1].count = 60;
  packOperands(function, nest, tiling);
  ir::Tensor many(ir::ElementType::I8, {60});
  for (int64_t i = 0; i != 60; ++i)
    many.setInteger(i, i);
  const ir::Tensor packed = function.arrays[3].constant.compute({many});
  ASSERT_EQ(packed.size(), 30);
  const HostAccess &access = input(1);
  EXPECT_TRUE(access.isPacked);
  for (int64_t set = 0; set != 2; ++set)
    for (int64_t n = 0; n != 5; ++n)
      for (int64_t k = 0; k != 3; ++k) {
        const int64_t tile = n / 2 * 2, width = std::min<int64_t>(2, 5 - tile);
        EXPECT_EQ(packed.data<int8_t>()[set * access.steps[0] + tile * 3 + k * width + n - tile],
                  4 + 20 * set + 3 * n + k)
            << set << ", " << n << ", " << k;
      }
}
