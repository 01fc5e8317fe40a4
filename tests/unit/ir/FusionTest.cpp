// SPDX-License-Identifier: Apache-2.0
// Fusion keeps what the graph means: the graph as it is imported, in float32, against the fused one.
#include "Material.h"

#include "tw/ir/Constants.h"
#include "tw/ir/QuantOps.h"

#include "mlir/Parser/Parser.h"

#include <random>

using namespace mlir;

namespace tw::ir::test {
namespace {

Tensor randomBytes(Dims shape, uint32_t seed) {
  std::mt19937 random(seed);
  Tensor tensor(ElementType::I8, shape);
  for (char &byte : tensor.bytes)
    byte = static_cast<char>(random());
  return tensor;
}

// The largest difference between the graph's result and the fused graph's; which operators are left is in `left`.
int64_t differenceByFusion(const std::string &text, std::vector<std::string> &left) {
  auto context = makeContext();
  auto module = parseSourceString<ModuleOp>(text, context.get());
  EXPECT_TRUE(module) << text;
  auto main = module->lookupSymbol<func::FuncOp>("main");
  std::vector<Tensor> inputs;
  for (Value argument : main.getArguments())
    inputs.push_back(randomBytes(shapeOf(argument), 5));
  auto expected = Interpreter(*module).run(main, inputs);
  EXPECT_TRUE(static_cast<bool>(expected)) << llvm::toString(expected.takeError());
  EXPECT_TRUE(runGraphPipeline(*module, {.outline = false}));
  left.clear();
  for (Operation &op : main.front().without_terminator())
    if (!isa<ConstantOp>(op))
      left.push_back(op.getName().stripDialect().str());
  auto actual = Interpreter(*module).run(main, inputs);
  EXPECT_TRUE(static_cast<bool>(actual)) << llvm::toString(actual.takeError());
  Differences differences;
  differences.add(actual->front(), expected->front());
  return differences.largest;
}

bool has(const std::vector<std::string> &operators, const char *name) { return llvm::is_contained(operators, name); }

// [m, 4] x [4, n] + a float constant, by a Gemm or a MatMul and an Add.
std::string biased(bool isGemm, int64_t m, int64_t n, const std::string &biasShape, const std::string &bias,
                   const std::string &scale = "0.02") {
  const std::string rows = std::to_string(m), columns = std::to_string(n), x = "tensor<" + rows + "x4x",
                    w = "tensor<4x" + columns + "x", y = "tensor<" + rows + "x" + columns + "x",
                    c = "tensor<" + biasShape + "f32>";
  std::string weights = "[";
  for (int64_t k = 0; k != 4; ++k) {
    weights += k ? ", [" : "[";
    for (int64_t i = 0; i != n; ++i)
      weights += (i ? ", " : "") + std::to_string((k * 37 + i * 11) % 255 - 127);
    weights += "]";
  }
  return "func.func @main(%x: " + x + "i8>) -> " + y + "i8> {\n  %s = tw.constant dense<" + scale +
         "> : tensor<f32>\n  %u = tw.constant dense<0.5> : tensor<f32>\n  %z = tw.constant dense<0> : tensor<i8>\n"
         "  %w = tw.constant dense<" +
         weights + "]> : " + w + "i8>\n  %c = tw.constant dense<" + bias + "> : " + c +
         "\n  %a = tw.dequantize %x, %s, %z : (" + x + "i8>, tensor<f32>, tensor<i8>) -> " + x +
         "f32>\n  %b = tw.dequantize %w, %s, %z : (" + w + "i8>, tensor<f32>, tensor<i8>) -> " + w + "f32>\n" +
         (isGemm ? "  %p = tw.gemm %a, %b, %c : (" + x + "f32>, " + w + "f32>, " + c + ") -> " + y + "f32>\n"
                 : "  %q = tw.matmul %a, %b : (" + x + "f32>, " + w + "f32>) -> " + y +
                       "f32>\n  %p = tw.add %q, %c : (" + y + "f32>, " + c + ") -> " + y + "f32>\n") +
         "  %y = tw.quantize %p, %u, %z : (" + y + "f32>, tensor<f32>, tensor<i8>) -> " + y +
         "i8>\n  return %y : " + y + "i8>\n}\n";
}

TEST(FusionTest, ABiasBroadcastsAsItsShapeSays) {
  struct {
    int64_t m, n;
    const char *shape, *values;
    bool isFused;
  } const kCases[] = {
      {3, 3, "3x", "[-20.0, 5.0, 30.0]", true},
      {3, 3, "1x3x", "[[-20.0, 5.0, 30.0]]", true},
      {3, 3, "3x1x", "[[-20.0], [5.0], [30.0]]", false}, // a column
      {3, 3, "3x3x", "[[-20.0, 5.0, 30.0], [1.0, 2.0, 3.0], [9.0, 8.0, -7.0]]", false},
      {3, 3, "", "11.0", true},
      {3, 3, "1x1x", "11.0", true},
      {3, 1, "3x1x", "[[-20.0], [5.0], [30.0]]", false},
      {1, 3, "1x3x", "[[-20.0, 5.0, 30.0]]", true},
  };
  std::vector<std::string> left;
  for (bool isGemm : {true, false})
    for (const auto &c : kCases) {
      SCOPED_TRACE(std::string(isGemm ? "gemm" : "matmul") + " with a bias of " + c.shape);
      EXPECT_LE(differenceByFusion(biased(isGemm, c.m, c.n, c.shape, c.values), left), 1);
      EXPECT_EQ(has(left, "qgemm"), c.isFused);
      EXPECT_EQ(has(left, "qgemm_sums"), !c.isFused);
    }
}

TEST(FusionTest, AConvolutionTakesABiasPerChannelAndNoOther) {
  std::vector<std::string> left;
  for (auto [shape, values, isFused] :
       {std::tuple{"2x1x1x", "[[[-20.0]], [[30.0]]]", true},
        {"1x2x1x1x", "[[[[-20.0]], [[30.0]]]]", true},
        {"2x", "[-20.0, 30.0]", false},
        {"2x1x", "[[-20.0], [30.0]]", false},
        {"1x1x", "9.0", true},
        {"1x2x2x2x", "[[[[1.0, 20.0], [-30.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]]", false}}) {
    SCOPED_TRACE(shape);
    const std::string c = std::string("tensor<") + shape + "f32>";
    std::string text = R"mlir(
func.func @main(%x: tensor<1x2x2x2xi8>) -> tensor<1x2x2x2xi8> {
  %s = tw.constant dense<0.02> : tensor<f32>
  %u = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<[[[[100]], [[-7]]], [[[33]], [[90]]]]> : tensor<2x2x1x1xi8>
  %c = tw.constant dense<)mlir" +
                       std::string(values) + "> : " + c + R"mlir(
  %a = tw.dequantize %x, %s, %z : (tensor<1x2x2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<1x2x2x2xf32>
  %b = tw.dequantize %w, %s, %z : (tensor<2x2x1x1xi8>, tensor<f32>, tensor<i8>) -> tensor<2x2x1x1xf32>
  %q = tw.conv %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x2x2xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x2x2xf32>
  %p = tw.add %q, %c : (tensor<1x2x2x2xf32>, )mlir" +
                       c + R"mlir() -> tensor<1x2x2x2xf32>
  %y = tw.quantize %p, %u, %z : (tensor<1x2x2x2xf32>, tensor<f32>, tensor<i8>) -> tensor<1x2x2x2xi8>
  return %y : tensor<1x2x2x2xi8>
})mlir";
    EXPECT_LE(differenceByFusion(text, left), 1);
    EXPECT_EQ(has(left, "qconv"), isFused);
    EXPECT_EQ(has(left, "qconv_sums"), !isFused);
  }
}

// Steps of the sums are scale^2, of the output 0.5: a bias of half a step of the sums is where rounding costs most.
TEST(FusionTest, ABiasIsRoundedToStepsOfTheSumsOnlyWhereTheOutputsAreNotFiner) {
  std::vector<std::string> left;
  EXPECT_LE(differenceByFusion(biased(true, 3, 3, "3x", "[0.12, -0.12, 4.12]", "0.49"), left), 1);
  EXPECT_TRUE(has(left, "qgemm")) << "an error of 0.12 of 0.5";
  EXPECT_LE(differenceByFusion(biased(true, 3, 3, "3x", "[2.0, -2.0, 6.0]", "2.0"), left), 1);
  EXPECT_FALSE(has(left, "qgemm")) << "an error of 2 of 0.5, four output steps";
  EXPECT_LE(differenceByFusion(biased(true, 3, 3, "3x", "[4.0, -8.0, 16.0]", "2.0"), left), 1);
  EXPECT_TRUE(has(left, "qgemm")) << "whole steps cost nothing";
}

// One row of weights, x - 5, and the bias: the least and the largest sum.
std::optional<WideSum> wideGemm(const std::string &weights, int64_t depth, int64_t zero, int64_t bias) {
  const std::string k = std::to_string(depth);
  auto context = makeContext();
  auto module = parseSourceString<ModuleOp>(
      "func.func @main(%x: tensor<1x" + k +
          "xi8>) -> tensor<1x1xi8> {\n  %s = tw.constant dense<1.0> : tensor<f32>\n"
          "  %z = tw.constant dense<5> : tensor<i8>\n  %wz = tw.constant dense<" +
          std::to_string(zero) + "> : tensor<i8>\n  %w = tw.constant dense<" + weights + "> : tensor<1x" + k +
          "xi8>\n  %b = tw.constant dense<" + std::to_string(bias) +
          "> : tensor<1xi32>\n  %y = tw.qgemm %x(%s, %z), %w(%s, %wz) bias %b out(%s, %z) : (tensor<1x" + k +
          "xi8>, tensor<f32>, tensor<i8>, tensor<1x" + k +
          "xi8>, tensor<f32>, tensor<i8>, tensor<1xi32>, tensor<f32>, tensor<i8>) -> tensor<1x1xi8>\n  return %y : "
          "tensor<1x1xi8>\n}\n",
      context.get());
  EXPECT_TRUE(module);
  return wideSumOf(module->lookupSymbol<func::FuncOp>("main").front().getTerminator()->getOperand(0).getDefiningOp());
}

TEST(WideSumTest, TheBoundIsTheLeastAndTheLargestSumThatOccurs) {
  // x - 5 is -133 to 122; weights less 1 are 2 and -4: 2 * 122 + 4 * 133 = 776 and -(2 * 133 + 4 * 122) = -754.
  EXPECT_FALSE(wideGemm("[[3, -3]]", 2, 1, 2147483647 - 776));
  auto above = wideGemm("[[3, -3]]", 2, 1, 2147483647 - 775);
  ASSERT_TRUE(above);
  EXPECT_EQ(above->largest, int64_t(1) << 31);
  EXPECT_FALSE(wideGemm("[[3, -3]]", 2, 1, -2147483648 + 754));
  auto below = wideGemm("[[3, -3]]", 2, 1, -2147483648 + 753);
  ASSERT_TRUE(below);
  EXPECT_EQ(below->least, -(int64_t(1) << 31) - 1);
  // 66,400 weights of 127: 66,400 * 127 * 133 = 1,121,562,400 fits, with a zero point of -128 it does not.
  EXPECT_FALSE(wideGemm("127", 66400, 0, 0));
  EXPECT_TRUE(wideGemm("127", 66400, -128, 0));
}

} // namespace
} // namespace tw::ir::test
