// SPDX-License-Identifier: Apache-2.0
#include "host/Products.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::codegen;
using namespace mlir;

namespace {

struct ProductsTest : testing::Test {
  ProductsTest() {
    context.loadDialect<arith::ArithDialect, func::FuncDialect, linalg::LinalgDialect, tensor::TensorDialect>();
  }

  // y[m][n] (+)= ... of x[m][k] and w[n][k].
  std::optional<std::pair<Factor, Factor>> read(const std::string &body) {
    module = parseSourceString<ModuleOp>(R"(
func.func @f(%x: tensor<4x3xi8>, %w: tensor<5x3xi8>, %y: tensor<4x5xi32>) -> tensor<4x5xi32> {
  %z = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<4x3xi8>, tensor<5x3xi8>) outs(%y : tensor<4x5xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %three = arith.constant 3 : i32
    %minus = arith.constant -7 : i32
)" + body + R"(
    linalg.yield %sum : i32
  } -> tensor<4x5xi32>
  return %z : tensor<4x5xi32>
})",
                                         &context);
    EXPECT_TRUE(module);
    linalg::GenericOp op;
    module->walk([&](linalg::GenericOp found) { op = found; });
    return dotOf(op);
  }

  // m n k
  static HostNest product(int64_t m, int64_t n, int64_t k) {
    HostNest nest;
    nest.extents = {m, n, k};
    nest.isReduction = {false, false, true};
    nest.output.steps = {n, 1, 0};
    return nest;
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
};

} // namespace

TEST_F(ProductsTest, AProductOfBytesLessTheirZeroPointsIsADotProduct) {
  auto found = read("%s = arith.subi %a32, %three : i32\n%t = arith.subi %b32, %minus : i32\n"
                    "%p = arith.muli %s, %t : i32\n%sum = arith.addi %o, %p : i32");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->first.argument, 0u);
  EXPECT_EQ(found->first.zero, 3);
  EXPECT_EQ(found->second.argument, 1u);
  EXPECT_EQ(found->second.zero, -7);
  auto exchanged = read("%p = arith.muli %b32, %a32 : i32\n%sum = arith.addi %o, %p : i32");
  ASSERT_TRUE(exchanged);
  EXPECT_EQ(exchanged->first.argument, 1u);
  EXPECT_EQ(exchanged->first.zero, 0);
}

TEST_F(ProductsTest, ASquareAMaximumAndALongerSumAreNone) {
  EXPECT_FALSE(read("%p = arith.muli %a32, %a32 : i32\n%sum = arith.addi %o, %p : i32"));
  EXPECT_FALSE(read("%p = arith.muli %a32, %b32 : i32\n%sum = arith.maxsi %o, %p : i32"));
  EXPECT_FALSE(read("%p = arith.muli %a32, %b32 : i32\n%q = arith.addi %p, %three : i32\n"
                    "%sum = arith.addi %o, %q : i32"));
}

// x[m][k] and w[n][k]: neighbours along k, results along n differ in w only.
TEST_F(ProductsTest, ADotProductNeedsNeighboursInBothFactorsAndLanesInOne) {
  const HostNest nest = product(4, 8, 16);
  EXPECT_EQ(dotFor(nest, Dot::Quads, {16, 0, 1}, {0, 16, 1}, 0), Dot::Quads);
  EXPECT_EQ(dotFor(nest, Dot::Pairs, {16, 0, 1}, {0, 16, 1}, 0), Dot::Pairs);
  EXPECT_EQ(dotFor(nest, Dot::None, {16, 0, 1}, {0, 16, 1}, 0), Dot::None);
  EXPECT_EQ(dotFor(nest, Dot::Quads, {16, 0, 1}, {0, 1, 8}, 0), Dot::None) << "w by columns";
  EXPECT_EQ(dotFor(nest, Dot::Quads, {16, 1, 1}, {0, 16, 1}, 0), Dot::None) << "x differs between results";
}

// The quads' second factor is an int8: one less a zero point is none.
TEST_F(ProductsTest, WeightsWithAZeroPointAreMultipliedInPairs) {
  EXPECT_EQ(dotFor(product(4, 8, 16), Dot::Quads, {16, 0, 1}, {0, 16, 1}, 5), Dot::Pairs);
}

TEST_F(ProductsTest, ASumOfTooFewIsNotWorthIt) {
  EXPECT_EQ(dotFor(product(4, 8, 2), Dot::Quads, {2, 0, 1}, {0, 2, 1}, 0), Dot::None);
  EXPECT_EQ(dotFor(product(4, 8, 3), Dot::Quads, {3, 0, 1}, {0, 3, 1}, 0), Dot::Quads);
  EXPECT_EQ(dotFor(product(4, 8, 1), Dot::Pairs, {1, 0, 1}, {0, 1, 1}, 0), Dot::None);
  EXPECT_EQ(dotFor(product(4, 8, 2), Dot::Pairs, {2, 0, 1}, {0, 2, 1}, 0), Dot::Pairs);
}

// m n and a window of kw by c.
TEST_F(ProductsTest, NeighboursOfAllLoopsOfTheSumCount) {
  auto window = [](int64_t kw, int64_t c) {
    HostNest nest = product(4, 8, c);
    nest.extents = {4, 8, kw, c};
    nest.isReduction = {false, false, true, true};
    nest.output.steps = {8, 1, 0, 0};
    return dotFor(nest, Dot::Pairs, {kw * c, 0, c, 1}, {0, kw * c, c, 1}, 0);
  };
  EXPECT_EQ(window(3, 1), Dot::Pairs);
  EXPECT_EQ(window(1, 3), Dot::Pairs);
  EXPECT_EQ(window(1, 1), Dot::None) << "no loop of the sum is left to group";
}

TEST_F(ProductsTest, PairsAreInt16AndQuadsUnsignedBytes) {
  EXPECT_TRUE(Widening{Dot::Pairs}.type(&context).isInteger(16));
  EXPECT_TRUE(Widening{Dot::Quads}.type(&context).isInteger(8));
  EXPECT_EQ(cast<IntegerAttr>(Widening{Dot::Pairs}.held(&context, -3)).getInt(), -3);
  // -3 + 128 as a byte.
  EXPECT_EQ(cast<IntegerAttr>(Widening{Dot::Quads}.held(&context, -3)).getInt() & 0xFF, 125);
}

// -5 * sum(w - 1) over (1, 2, 3) and (-1, 0, 4): -15 and 0.
TEST_F(ProductsTest, SumsBeginWithWhatTheZeroPointOfTheInputTakesAway) {
  Steps steps;
  const HostArray array = correctionOf(product(4, 2, 3), {0, 3, 1}, 6, -5, 1, &context, steps);
  EXPECT_EQ(steps, (Steps{0, 1, 0}));
  EXPECT_EQ(array.count, 2);
  EXPECT_EQ(array.constant.arguments, std::vector<unsigned>{6});
  ir::Tensor weights(ir::ElementType::I8, {2, 3});
  const int64_t values[] = {1, 2, 3, -1, 0, 4};
  for (auto [i, w] : llvm::enumerate(values))
    weights.setInteger(int64_t(i), w);
  const ir::Tensor sums = array.constant.compute({weights});
  EXPECT_EQ(sums.data<int32_t>()[0], -15);
  EXPECT_EQ(sums.data<int32_t>()[1], 0);
}
