// SPDX-License-Identifier: Apache-2.0
// The definition against numbers worked out by hand, and what it says of a reference that is off.
#include "tw/ir/Definition.h"

#include "Material.h"

#include "mlir/Parser/Parser.h"

#include "llvm/Support/FormatVariadic.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

using namespace mlir;

namespace tw::ir::test {
namespace {

using ::testing::HasSubstr;

class DefinitionTest : public ::testing::Test {
protected:
  // The rows of a graph for a reference that claims `outputs`, then `quantizers`.
  std::vector<DefinitionRow> rows(const std::string &text, std::vector<Tensor> inputs, std::vector<Tensor> reference,
                                  const DefinitionOptions &options = {}) {
    module = parseSourceString<ModuleOp>(text, context.get());
    EXPECT_TRUE(module);
    auto result = compareWithDefinition(*module, named(std::move(inputs)), named(std::move(reference)), options);
    if (result)
      return std::move(*result);
    problem = llvm::toString(result.takeError());
    return {};
  }

  static std::vector<NamedTensor> named(std::vector<Tensor> tensors) {
    std::vector<NamedTensor> result;
    for (Tensor &tensor : tensors)
      result.push_back({"t" + std::to_string(result.size()), std::move(tensor)});
    return result;
  }

  std::unique_ptr<MLIRContext> context = makeContext();
  OwningOpRef<ModuleOp> module;
  std::string problem;
};

Tensor f32(Dims shape, llvm::ArrayRef<float> values) { return Tensor::of<float>(shape, values); }
Tensor i8(Dims shape, llvm::ArrayRef<int8_t> values) { return Tensor::of<int8_t>(shape, values); }

// y = quantize(dequantize(x) by 1.0), a graph with one quantiser of scale 0.5 and zero point 3.
constexpr const char *kQuantize = R"mlir(
func.func @main(%x: tensor<4xf32>) -> tensor<4xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<3> : tensor<i8>
  %y = tw.quantize %x, %s, %z : (tensor<4xf32>, tensor<f32>, tensor<i8>) -> tensor<4xi8> loc("q")
  return %y : tensor<4xi8>
}
)mlir";

TEST_F(DefinitionTest, QuantisersRoundHalfToEvenAndSaturate) {
  const Tensor right = i8({4}, {3, 5, 127, -128});
  auto result = rows(kQuantize, {f32({4}, {0.25, 0.75, 1000, -1000})}, {right, right});
  ASSERT_EQ(result.size(), 1u) << "an output that a quantiser makes is no row of its own";
  EXPECT_EQ(result[0].name, "q");
  EXPECT_EQ(result[0].compared, 4);
  EXPECT_EQ(result[0].different, 0);
  EXPECT_TRUE(result[0].isGood());
}

TEST_F(DefinitionTest, ANumberBeyondFloat32IsAnInfinityOfItsSign) {
  constexpr const char *kProduct = R"mlir(
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = tw.mul %x, %x : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}
)mlir";
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor x = f32({3}, {1e30f, 2, -1e30f});
  EXPECT_TRUE(rows(kProduct, {x}, {f32({3}, {infinity, 4, infinity})})[0].isGood());
  EXPECT_FALSE(rows(kProduct, {x}, {f32({3}, {infinity, 4, -infinity})})[0].isGood());
  EXPECT_FALSE(rows(kProduct, {x}, {f32({3}, {infinity, infinity, infinity})})[0].isGood());
  EXPECT_FALSE(rows(kProduct, {x}, {f32({3}, {3e38f, 4, infinity})})[0].isGood());
}

TEST_F(DefinitionTest, OneStepIsCountedAndTwoAreWrong) {
  const Tensor near = i8({4}, {4, 5, 127, -128}), far = i8({4}, {3, 7, 127, -128});
  auto counted = rows(kQuantize, {f32({4}, {0.25, 0.75, 1000, -1000})}, {near, near});
  EXPECT_EQ(counted[0].different, 1);
  EXPECT_TRUE(counted[0].isGood());
  auto wrong = rows(kQuantize, {f32({4}, {0.25, 0.75, 1000, -1000})}, {far, far});
  EXPECT_FALSE(wrong[0].isGood());
  EXPECT_EQ(wrong[0].worst, 1);
  EXPECT_EQ(wrong[0].definition, 5);
  EXPECT_EQ(wrong[0].reference, 7);
}

TEST_F(DefinitionTest, WhatComesAfterAQuantiserStartsFromTheReference) {
  // The reference is one step off at the first quantiser: the second is judged from there, and right.
  const char *text = R"mlir(
func.func @main(%x: tensor<1xf32>) -> tensor<1xi8> {
  %one = tw.constant dense<1.0> : tensor<f32>
  %tenth = tw.constant dense<0.1> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %q = tw.quantize %x, %one, %z : (tensor<1xf32>, tensor<f32>, tensor<i8>) -> tensor<1xi8> loc("first")
  %r = tw.dequantize %q, %one, %z : (tensor<1xi8>, tensor<f32>, tensor<i8>) -> tensor<1xf32>
  %y = tw.quantize %r, %tenth, %z : (tensor<1xf32>, tensor<f32>, tensor<i8>) -> tensor<1xi8> loc("second")
  return %y : tensor<1xi8>
}
)mlir";
  auto result = rows(text, {f32({1}, {4.5})}, {i8({1}, {50}), i8({1}, {5}), i8({1}, {50})});
  ASSERT_EQ(result.size(), 2u);
  EXPECT_EQ(result[0].different, 1);
  EXPECT_EQ(result[1].different, 0);
}

TEST_F(DefinitionTest, IntegersOfAQuantiserThatAreReadTwiceAreTheReferences) {
  const char *text = R"mlir(
func.func @main(%x: tensor<1x1xf32>) -> (tensor<1x1xi8>, tensor<1x1xi8>) {
  %one = tw.constant dense<1.0> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %q = tw.quantize %x, %one, %z : (tensor<1x1xf32>, tensor<f32>, tensor<i8>) -> tensor<1x1xi8> loc("first")
  %m = tw.reduce <max> %q {axes = array<i64: 1>, keepDims = true} : (tensor<1x1xi8>) -> tensor<1x1xi8>
  return %q, %m : tensor<1x1xi8>, tensor<1x1xi8>
}
)mlir";
  const Tensor five = i8({1, 1}, {5});
  auto result = rows(text, {f32({1, 1}, {4.5})}, {five, five, five});
  ASSERT_EQ(result.size(), 2u) << problem;
  EXPECT_EQ(result[0].different, 1);
  EXPECT_EQ(result[1].different + result[1].undecided, 0) << "by definition " << result[1].definition;
}

// (x - mean) / sqrt(variance + 1e-12), and a factor that float32 has to a few ulp only.
std::string centredNorm(int64_t channels) {
  return llvm::formatv(R"mlir(
func.func @main(%x: tensor<2x{0}xf32>) -> tensor<2x{0}xf32> {{
  %eps = tw.constant dense<1.0e-12> : tensor<f32>
  %mean = tw.reduce_mean %x {{axes = array<i64: 1>, keepDims = true} : (tensor<2x{0}xf32>) -> tensor<2x1xf32>
  %d = tw.sub %x, %mean : (tensor<2x{0}xf32>, tensor<2x1xf32>) -> tensor<2x{0}xf32>
  %dd = tw.mul %d, %d : (tensor<2x{0}xf32>, tensor<2x{0}xf32>) -> tensor<2x{0}xf32>
  %v = tw.reduce_mean %dd {{axes = array<i64: 1>, keepDims = true} : (tensor<2x{0}xf32>) -> tensor<2x1xf32>
  %e = tw.add %v, %eps : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x1xf32>
  %s = tw.unary <sqrt> %e : tensor<2x1xf32>
  %y = tw.div %d, %s : (tensor<2x{0}xf32>, tensor<2x1xf32>) -> tensor<2x{0}xf32>
  return %y : tensor<2x{0}xf32>
}
)mlir",
                       channels)
      .str();
}

TEST_F(DefinitionTest, WhatFloat32DoesNotDecideIsNoDifference) {
  // The first row is of equal values: what its mean is off by, 2^-23, is made 0.1 by the root of epsilon.
  const Tensor x = f32({2, 3}, {1.1f, 1.1f, 1.1f, 1, 2, 3});
  const float r = 1.2247449f;
  auto off = rows(centredNorm(3), {x}, {f32({2, 3}, {-0.1f, -0.1f, -0.1f, -r, 0, r})});
  ASSERT_EQ(off.size(), 1u) << problem;
  EXPECT_TRUE(off[0].isGood());
  EXPECT_EQ(off[0].undecided, 3);
  EXPECT_EQ(off[0].different, 0);
  auto exact = rows(centredNorm(3), {x}, {f32({2, 3}, {0, 0, 0, -r, 0, r})});
  EXPECT_EQ(exact[0].undecided, 0);
}

// Behind a quantiser that cuts, only roundings to one side reach the reference: of each of many rows, one must be
// drawn.
TEST_F(DefinitionTest, EnoughRoundingsAreDrawnForASideOfManyRows) {
  constexpr const char *kCut = R"mlir(
func.func @main(%x: tensor<400x3xf32>) -> tensor<400x3xi8> {
  %eps = tw.constant dense<1.0e-12> : tensor<f32>
  %step = tw.constant dense<1.0e-5> : tensor<f32>
  %low = tw.constant dense<-1.4e-3> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %mean = tw.reduce_mean %x {axes = array<i64: 1>, keepDims = true} : (tensor<400x3xf32>) -> tensor<400x1xf32>
  %d = tw.sub %x, %mean : (tensor<400x3xf32>, tensor<400x1xf32>) -> tensor<400x3xf32>
  %dd = tw.mul %d, %d : (tensor<400x3xf32>, tensor<400x3xf32>) -> tensor<400x3xf32>
  %v = tw.reduce_mean %dd {axes = array<i64: 1>, keepDims = true} : (tensor<400x3xf32>) -> tensor<400x1xf32>
  %e = tw.add %v, %eps : (tensor<400x1xf32>, tensor<f32>) -> tensor<400x1xf32>
  %s = tw.unary <sqrt> %e : tensor<400x1xf32>
  %n = tw.div %d, %s : (tensor<400x3xf32>, tensor<400x1xf32>) -> tensor<400x3xf32>
  %y = tw.add %n, %low : (tensor<400x3xf32>, tensor<f32>) -> tensor<400x3xf32>
  %q = tw.quantize %y, %step, %z : (tensor<400x3xf32>, tensor<f32>, tensor<i8>) -> tensor<400x3xi8> loc("cut")
  return %q : tensor<400x3xi8>
}
)mlir";
  const Tensor high = i8({400, 3}, std::vector<int8_t>(1200, 127));
  auto cut = rows(kCut, {f32({400, 3}, std::vector<float>(1200, 1.1f))}, {high, high});
  ASSERT_EQ(cut.size(), 1u) << problem;
  EXPECT_EQ(cut[0].different, 0);
  EXPECT_EQ(cut[0].undecided, 1200);
}

// 255 times the float32 next to 2 / 255 is 2.0000001, and 2 in float32: only a whole power of what is negative is a
// number.
TEST_F(DefinitionTest, ANumberThatFloat32HasWholeIsOneOfItsRoundings) {
  constexpr const char *kSquare = R"mlir(
func.func @main(%x: tensor<1xf32>) -> tensor<1xf32> {
  %s = tw.constant dense<0.007843138> : tensor<f32>
  %z = tw.constant dense<-128> : tensor<i8>
  %q = tw.constant dense<127> : tensor<1xi8>
  %two = tw.dequantize %q, %s, %z : (tensor<1xi8>, tensor<f32>, tensor<i8>) -> tensor<1xf32>
  %y = tw.binary <pow> %x, %two : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
  return %y : tensor<1xf32>
}
)mlir";
  auto square = rows(kSquare, {f32({1}, {-3})}, {f32({1}, {9})});
  EXPECT_TRUE(square[0].isGood()) << "by definition " << square[0].definition;
  EXPECT_EQ(square[0].undecided, 1);
  EXPECT_FALSE(rows(kSquare, {f32({1}, {-3})}, {f32({1}, {-9})})[0].isGood());
}

TEST_F(DefinitionTest, WhatFloat32DecidesIsADifferenceBesideWhatItDoesNot) {
  const Tensor x = f32({2, 3}, {1.1f, 1.1f, 1.1f, 1, 2, 3});
  const float r = 1.2247449f;
  auto wrong = rows(centredNorm(3), {x}, {f32({2, 3}, {-0.1f, -0.1f, -0.1f, -r, 0.001f, r})});
  EXPECT_FALSE(wrong[0].isGood());
  EXPECT_EQ(wrong[0].worst, 4);
  EXPECT_EQ(wrong[0].different, 1);
  EXPECT_FALSE(rows(centredNorm(3), {x}, {f32({2, 3}, {1000, 0, 0, -r, 0, r})})[0].isGood()) << "beyond all roundings";
}

TEST_F(DefinitionTest, GemmBroadcastsAColumn) {
  const char *text = R"mlir(
func.func @main(%a: tensor<2x1xf32>, %b: tensor<1x2xf32>) -> tensor<2x2xf32> {
  %c = tw.constant dense<[[10.0], [20.0]]> : tensor<2x1xf32>
  %y = tw.gemm %a, %b, %c : (tensor<2x1xf32>, tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}
)mlir";
  const std::vector<Tensor> inputs{f32({2, 1}, {1, 2}), f32({1, 2}, {3, 4})};
  EXPECT_TRUE(rows(text, inputs, {f32({2, 2}, {13, 14, 26, 28})})[0].isGood());
  EXPECT_FALSE(rows(text, inputs, {f32({2, 2}, {13, 24, 16, 28})})[0].isGood()) << "as a row";
}

TEST_F(DefinitionTest, SumsBeyondInt32DoNotWrap) {
  const char *text = R"mlir(
func.func @main(%x: tensor<1x1x1x1xi8>) -> tensor<1x1x1x1xi8> {
  %one = tw.constant dense<1.0> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %z32 = tw.constant dense<0> : tensor<i32>
  %w = tw.constant dense<127> : tensor<1x1x1x1xi8>
  %b = tw.constant dense<2147483647> : tensor<1xi32>
  %big = tw.constant dense<100000000.0> : tensor<f32>
  %xr = tw.dequantize %x, %one, %z : (tensor<1x1x1x1xi8>, tensor<f32>, tensor<i8>) -> tensor<1x1x1x1xf32>
  %wr = tw.dequantize %w, %one, %z : (tensor<1x1x1x1xi8>, tensor<f32>, tensor<i8>) -> tensor<1x1x1x1xf32>
  %br = tw.dequantize %b, %one, %z32 : (tensor<1xi32>, tensor<f32>, tensor<i32>) -> tensor<1xf32>
  %r = tw.conv %xr, %wr, %br {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x1x1x1xf32>, tensor<1x1x1x1xf32>, tensor<1xf32>) -> tensor<1x1x1x1xf32>
  %y = tw.quantize %r, %big, %z : (tensor<1x1x1x1xf32>, tensor<f32>, tensor<i8>) -> tensor<1x1x1x1xi8>
  return %y : tensor<1x1x1x1xi8>
}
)mlir";
  const Tensor right = i8({1, 1, 1, 1}, {21}), wrapped = i8({1, 1, 1, 1}, {-21});
  EXPECT_TRUE(rows(text, {i8({1, 1, 1, 1}, {127})}, {right, right})[0].isGood());
  EXPECT_FALSE(rows(text, {i8({1, 1, 1, 1}, {127})}, {wrapped, wrapped})[0].isGood());
}

TEST_F(DefinitionTest, NoNumberIsNotNearANumber) {
  const char *text = R"mlir(
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = tw.relu %x : (tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}
)mlir";
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(rows(text, {f32({2}, {nan, 1})}, {f32({2}, {nan, 1})})[0].isGood());
  EXPECT_FALSE(rows(text, {f32({2}, {2, 1})}, {f32({2}, {nan, 1})})[0].isGood());
  EXPECT_FALSE(rows(text, {f32({2}, {nan, 1})}, {f32({2}, {0, 1})})[0].isGood());
}

TEST_F(DefinitionTest, Float32OutputsMayLoseWhatTheirSumsLose) {
  // 3 + 2^24 - 2^24 is 3, in float32 it may be 4; after a tanh the magnitude no longer shows it.
  const char *text = R"mlir(
func.func @main(%a: tensor<1x3xf32>, %b: tensor<3x1xf32>) -> tensor<1x1xf32> {
  %y = tw.matmul %a, %b : (tensor<1x3xf32>, tensor<3x1xf32>) -> tensor<1x1xf32>
  %t = tw.hard_sigmoid %y {alpha = 0.1 : f32, beta = 0.0 : f32} : (tensor<1x1xf32>) -> tensor<1x1xf32>
  return %t : tensor<1x1xf32>
}
)mlir";
  const Tensor ones = f32({3, 1}, {1, 1, 1});
  EXPECT_TRUE(rows(text, {f32({1, 3}, {3, 16777216, -16777216}), ones}, {f32({1, 1}, {0.4f})})[0].isGood());
  EXPECT_FALSE(rows(text, {f32({1, 3}, {3, 16, -16}), ones}, {f32({1, 1}, {0.4f})})[0].isGood());
}

TEST_F(DefinitionTest, SumsBeforeAQuantiserForgiveNothingBehindIt) {
  const char *text = R"mlir(
func.func @main(%a: tensor<1x3xf32>, %b: tensor<3x1xf32>) -> tensor<1x1xf32> {
  %s = tw.constant dense<1.0> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %y = tw.matmul %a, %b : (tensor<1x3xf32>, tensor<3x1xf32>) -> tensor<1x1xf32>
  %q = tw.quantize %y, %s, %z : (tensor<1x1xf32>, tensor<f32>, tensor<i8>) -> tensor<1x1xi8>
  %r = tw.dequantize %q, %s, %z : (tensor<1x1xi8>, tensor<f32>, tensor<i8>) -> tensor<1x1xf32>
  return %r : tensor<1x1xf32>
}
)mlir";
  const std::vector<Tensor> inputs{f32({1, 3}, {3, 16777216, -16777216}), f32({3, 1}, {1, 1, 1})};
  auto result = rows(text, inputs, {f32({1, 1}, {4}), i8({1, 1}, {3})});
  ASSERT_EQ(result.size(), 2u);
  EXPECT_TRUE(result[0].isGood());
  EXPECT_FALSE(result[1].isGood()) << "3 steps of 1.0 are 3, whatever the sums were";
}

TEST_F(DefinitionTest, LargeTensorsAreSampledAndAllOfThemOnRequest) {
  const char *text = R"mlir(
func.func @main(%x: tensor<1000xf32>) -> tensor<1000xi8> {
  %s = tw.constant dense<1.0> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %y = tw.quantize %x, %s, %z : (tensor<1000xf32>, tensor<f32>, tensor<i8>) -> tensor<1000xi8>
  return %y : tensor<1000xi8>
}
)mlir";
  Tensor x(ElementType::F32, {1000}), off(ElementType::I8, {1000});
  off.data<int8_t>()[500] = 9;
  EXPECT_EQ(rows(text, {x}, {off, off}, {100, 1})[0].compared, 100);
  auto all = rows(text, {x}, {off, off}, {0, 1});
  EXPECT_EQ(all[0].compared, 1000);
  EXPECT_FALSE(all[0].isGood());
  Tensor end(ElementType::I8, {1000});
  end.data<int8_t>()[999] = 9;
  EXPECT_FALSE(rows(text, {x}, {end, end}, {2, 1})[0].isGood()) << "the last element is always compared";
}

TEST_F(DefinitionTest, WhatHasNoDefinitionIsNamed) {
  const char *text = R"mlir(
func.func @main(%x: tensor<2xi8>) -> tensor<2xi8> {
  %t = tw.constant dense<0> : tensor<256xi8>
  %y = tw.qlut %x, %t : (tensor<2xi8>, tensor<256xi8>) -> tensor<2xi8> loc("table")
  return %y : tensor<2xi8>
}
)mlir";
  EXPECT_TRUE(rows(text, {i8({2}, {1, 2})}, {i8({2}, {0, 0})}).empty());
  EXPECT_THAT(problem, HasSubstr("node 'table': 'tw.qlut' has no definition"));
}

TEST_F(DefinitionTest, ExposedQuantisersSurviveTheFusion) {
  auto parsed = parseSourceString<ModuleOp>(kQuantize, context.get());
  exposeQuantizers(*parsed);
  auto main = parsed->lookupSymbol<func::FuncOp>("main");
  ASSERT_EQ(main.getNumResults(), 2u);
  EXPECT_EQ(resultName(main, 1), "q");
  EXPECT_TRUE(runGraphPipeline(*parsed));
  auto results = Interpreter(*parsed).run(main, {f32({4}, {0.25, 0.75, 1000, -1000})});
  ASSERT_TRUE(static_cast<bool>(results)) << llvm::toString(results.takeError());
  EXPECT_EQ((*results)[1], i8({4}, {3, 5, 127, -128}));
}

} // namespace
} // namespace tw::ir::test
