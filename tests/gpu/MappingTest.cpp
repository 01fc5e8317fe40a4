// SPDX-License-Identifier: Apache-2.0
#include "gpu/Mapping.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Builders.h"

#include <gtest/gtest.h>

using namespace tw::codegen;
using namespace mlir;

namespace {

struct GpuMappingTest : testing::Test {
  GpuMappingTest() {
    context.loadDialect<arith::ArithDialect, linalg::LinalgDialect>();
    for (HostArray::Kind kind : {HostArray::Argument, HostArray::Argument, HostArray::Result})
      function.addArray({kind, Float32Type::get(&context), 0});
  }

  // Running value and so many factors added up.
  Block *body(unsigned factors) {
    function.bodies.push_back(std::make_unique<Region>());
    Block *block = &function.bodies.back()->emplaceBlock();
    const Location at = UnknownLoc::get(&context);
    for (unsigned i = 0; i != factors + 1; ++i)
      block->addArgument(Float32Type::get(&context), at);
    OpBuilder builder(&context);
    builder.setInsertionPointToEnd(block);
    Value sum = block->getArgument(0);
    for (unsigned i = 1; i != factors + 1; ++i)
      sum = builder.create<arith::AddFOp>(at, sum, block->getArgument(i));
    builder.create<linalg::YieldOp>(at, sum);
    return block;
  }

  using Numbers = SmallVector<int64_t, 8>;
  HostNest nestOf(Numbers extents, ArrayRef<bool> isReduction, ArrayRef<Numbers> inputs, Numbers output) {
    HostNest nest;
    nest.extents = std::move(extents);
    nest.isReduction.assign(isReduction.begin(), isReduction.end());
    nest.isReduced = llvm::is_contained(isReduction, true);
    if (nest.isReduced)
      nest.initial = TypedAttr(FloatAttr::get(Float32Type::get(&context), 0.0));
    Stage stage;
    stage.body = body(unsigned(inputs.size()));
    for (auto [i, steps] : llvm::enumerate(inputs))
      stage.inputs.push_back(HostAccess{unsigned(i), 0, steps});
    nest.stages.push_back(std::move(stage));
    nest.output = {2, 0, std::move(output)};
    return nest;
  }
  HostNest product(int64_t m, int64_t n, int64_t k) {
    return nestOf({m, n, k}, {false, false, true}, {{k, 0, 1}, {0, 1, n}}, {n, 1, 0});
  }
  std::string mapped(const HostNest &nest) {
    return chooseMapping(function, nest, llvm::cantFail(gpuProcessorOf("sm_80"))).text();
  }

  MLIRContext context;
  HostFunction function;
};

} // namespace

TEST_F(GpuMappingTest, LargeProductsHaveLargeTiles) {
  EXPECT_EQ(mapped(product(4096, 4096, 4096)),
            "tiles of 128 x 128, 8 x 8 each thread, slices of 8: 1024 blocks of 256 threads");
}

TEST_F(GpuMappingTest, SmallProductsAreSpread) {
  const GpuMapping mapping = chooseMapping(function, product(64, 64, 256), llvm::cantFail(gpuProcessorOf("sm_80")));
  EXPECT_EQ(mapping.kind, GpuMapping::Tiles);
  EXPECT_GE(mapping.blocks, 4);
}

TEST_F(GpuMappingTest, TooThinProductsHaveAThreadForEachResult) {
  EXPECT_EQ(mapped(product(1, 1000, 256)), "points: 4 blocks of 256 threads");
  EXPECT_EQ(mapped(product(1000, 1000, 2)), "points: 3907 blocks of 256 threads");
}

// The result of the second one is transposed.
TEST_F(GpuMappingTest, NeighboursOfTheResultAreThoseOfTheRightSide) {
  HostNest nest = product(64, 32, 16), turned = nest;
  turned.output.steps = {1, 64, 0};
  const GpuProcessor processor = llvm::cantFail(gpuProcessorOf("sm_80"));
  const GpuMapping straight = chooseMapping(function, nest, processor),
                   other = chooseMapping(function, turned, processor);
  EXPECT_EQ(straight.right.input, 1u);
  EXPECT_EQ(straight.right.extent, 32);
  EXPECT_TRUE(straight.left.isDepthFirst);
  EXPECT_FALSE(straight.right.isDepthFirst);
  EXPECT_EQ(other.right.input, 0u);
  EXPECT_EQ(other.right.extent, 64);
}

TEST_F(GpuMappingTest, LoopsOfBothFactorsAreProductsOfTheirOwn) {
  const GpuMapping mapping = chooseMapping(
      function, nestOf({3, 16, 16, 8}, {false, false, false, true}, {{128, 8, 0, 1}, {128, 0, 1, 16}}, {256, 16, 1, 0}),
      llvm::cantFail(gpuProcessorOf("sm_80")));
  EXPECT_EQ(mapping.kind, GpuMapping::Tiles);
  EXPECT_EQ(mapping.loops, (SmallVector<unsigned, 4>{0}));
  EXPECT_EQ(mapping.blocks % 3, 0);
}

TEST_F(GpuMappingTest, SumsAlongNeighboursHaveAWarpEach) {
  EXPECT_EQ(mapped(nestOf({100, 50}, {false, true}, {Numbers{50, 1}}, {1, 0})), "lanes: 13 blocks of 256 threads");
  EXPECT_EQ(mapped(nestOf({100, 50}, {false, true}, {Numbers{1, 100}}, {1, 0})), "points: 1 blocks of 128 threads");
}

TEST_F(GpuMappingTest, ElementwiseNestsHaveAThreadForEachResult) {
  EXPECT_EQ(mapped(nestOf({100, 50}, {false, false}, {Numbers{50, 1}}, {50, 1})), "points: 20 blocks of 256 threads");
}

TEST(GpuProcessorTest, AnUnknownChipIsRefusedWithThoseThatThereAre) {
  EXPECT_EQ(llvm::toString(gpuProcessorOf("sm_20").takeError()),
            "GPU code for 'sm_20': no such chip; there are sm_70, sm_75, sm_80, sm_86, sm_89, sm_90");
}
