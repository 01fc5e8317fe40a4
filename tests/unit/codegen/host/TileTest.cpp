// SPDX-License-Identifier: Apache-2.0
#include "host/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace tw;
using namespace tw::codegen;
using namespace mlir;

namespace {

struct TileTest : testing::Test {
  TileTest() {
    context.loadDialect<arith::ArithDialect, linalg::LinalgDialect>();
    for (HostArray::Kind kind : {HostArray::Argument, HostArray::Argument, HostArray::Result})
      function.addArray({kind, Float32Type::get(&context), 0});
  }

  // a + b of two arguments, or, for a sum, running + a * b.
  Block *body(bool isProduct, Type type) {
    function.bodies.push_back(std::make_unique<Region>());
    Block *block = &function.bodies.back()->emplaceBlock();
    const Location at = UnknownLoc::get(&context);
    for (int i = 0; i != (isProduct ? 3 : 2); ++i)
      block->addArgument(type, at);
    OpBuilder builder(&context);
    builder.setInsertionPointToEnd(block);
    Value value = isProduct
                      ? builder.create<arith::MulFOp>(at, block->getArgument(0), block->getArgument(1)).getResult()
                      : block->getArgument(0);
    Value other = block->getArguments().back();
    builder.create<linalg::YieldOp>(at, ValueRange(builder.create<arith::AddFOp>(at, other, value).getResult()));
    return block;
  }

  HostNest nestOf(ArrayRef<int64_t> extents, ArrayRef<bool> isReduction, ArrayRef<SmallVector<int64_t, 8>> inputs,
                  ArrayRef<int64_t> output, Block *body) {
    HostNest nest;
    nest.extents.assign(extents.begin(), extents.end());
    nest.isReduction.assign(isReduction.begin(), isReduction.end());
    nest.isReduced = llvm::is_contained(isReduction, true);
    Stage stage;
    stage.body = body;
    for (auto [i, steps] : llvm::enumerate(inputs))
      stage.inputs.push_back(HostAccess{unsigned(i), 0, steps});
    nest.stages.push_back(std::move(stage));
    nest.output = {2, 0, {}};
    nest.output.steps.assign(output.begin(), output.end());
    return nest;
  }
  HostNest product(int64_t m, int64_t n, int64_t k) {
    return nestOf({m, n, k}, {false, false, true}, {{k, 0, 1}, {0, 1, n}}, {n, 1, 0},
                  body(true, Float32Type::get(&context)));
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  HostFunction function;
  HostProcessor avx2{"x86_64-unknown-linux-gnu", "x86-64-v3", "", 256, 16, Dot::Pairs, true};
};

int64_t tilesOf(const HostNest &nest, const Tiling &tiling, unsigned loop) {
  return int64_t(llvm::divideCeil(nest.extents[loop], tiling.tile[loop]));
}

} // namespace

TEST_F(TileTest, NeighboursInMemoryLieInLanesAsManyAsAVectorHolds) {
  const HostNest nest =
      nestOf({30, 100}, {false, false}, {{100, 1}, {100, 1}}, {100, 1}, body(false, Float32Type::get(&context)));
  const Tiling tiling = chooseTiling(function, nest, avx2);
  EXPECT_EQ(tiling.lanes, 1);
  EXPECT_EQ(tiling.vectorWidth, 8); // of float32 in 256 bits
  EXPECT_EQ(tiling.tile[1] % 8, 0);
  HostProcessor scalar = avx2;
  scalar.vectorBits = 8;
  EXPECT_EQ(chooseTiling(function, nest, scalar).vectorWidth, 1);
}

TEST_F(TileTest, AVectorIsNotWiderThanWhatThereIs) {
  for (auto [extent, width] : {std::pair<int64_t, int64_t>{1, 1}, {2, 2}, {3, 4}, {4, 4}, {5, 8}, {8, 8}, {9, 8}}) {
    const HostNest nest = nestOf({extent}, {false}, {{1}, {1}}, {1}, body(false, Float32Type::get(&context)));
    EXPECT_EQ(chooseTiling(function, nest, avx2).vectorWidth, width) << extent;
  }
}

// Elements of float64 fill twice as many vectors.
TEST_F(TileTest, TheWidestNumberOfABodySaysHowManyLanesThereAre) {
  for (HostArray &array : function.arrays)
    array.element = Float64Type::get(&context);
  const HostNest nest = nestOf({100}, {false}, {{1}, {1}}, {1}, body(false, Float64Type::get(&context)));
  EXPECT_EQ(chooseTiling(function, nest, avx2).vectorWidth, 4);
}

TEST_F(TileTest, ASumAlongNeighboursIsAddedInLanes) {
  const HostNest nest = nestOf({50, 1000}, {false, true}, {{1000, 1}}, {1, 0}, body(false, Float32Type::get(&context)));
  const Tiling tiling = chooseTiling(function, nest, avx2);
  EXPECT_EQ(tiling.reduceLanes, 1);
  EXPECT_EQ(tiling.lanes, -1);
  EXPECT_EQ(tiling.order, (SmallVector<unsigned, 8>{0}));
  // By columns, the results are neighbours and lie in lanes.
  const HostNest columns =
      nestOf({50, 1000}, {false, true}, {{1, 50}}, {1, 0}, body(false, Float32Type::get(&context)));
  EXPECT_EQ(chooseTiling(function, columns, avx2).reduceLanes, -1);
  EXPECT_EQ(chooseTiling(function, columns, avx2).lanes, 0);
}

// Whatever the shape: sums and what is multiplied by them stay in registers, tiles cover each loop, and the order has
// each parallel loop once.
TEST_F(TileTest, TilesOfAProductStayInRegisters) {
  std::mt19937 random(3);
  for (int trial = 0; trial != 300; ++trial) {
    auto draw = [&] { return int64_t(1 + random() % (random() % 2 ? 9 : 700)); };
    const HostNest nest = product(draw(), draw(), draw());
    HostProcessor processor = avx2;
    if (random() % 2)
      processor.vectorBits = 512, processor.registers = 32;
    const Tiling tiling = chooseTiling(function, nest, processor);
    SCOPED_TRACE(testing::Message() << nest.extents[0] << " x " << nest.extents[1] << " x " << nest.extents[2]);
    ASSERT_EQ(tiling.lanes, 1);
    EXPECT_EQ(tiling.tile[1] % tiling.vectorWidth, 0);
    const int64_t vectors = tiling.tile[1] / tiling.vectorWidth, rows = tiling.tile[0];
    EXPECT_GE(rows, 1);
    EXPECT_LE(rows, nest.extents[0]);
    if (vectors * rows > 1)
      EXPECT_LE(vectors * rows + vectors + 1, int64_t(processor.registers));
    SmallVector<unsigned, 8> order = tiling.order;
    llvm::sort(order);
    EXPECT_EQ(order, (SmallVector<unsigned, 8>{0, 1}));
    EXPECT_EQ(tiling.extent, tilesOf(nest, tiling, tiling.order[0]));
    // Threads share the tiles of the first loop: one of a single tile comes first only where both are.
    if (tiling.extent < 2)
      EXPECT_EQ(tilesOf(nest, tiling, tiling.order[1]), 1);
  }
}
