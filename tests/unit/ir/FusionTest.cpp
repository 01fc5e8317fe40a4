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

// @main of int8 x with scale 0.05 and zero point 3: %a is its real value, %p what is quantised. %half, %one, %three and
// %six are numbers, %s, %z, %u, %o the quantisations of x and of the result.
std::string between(const std::string &xShape, const std::string &yShape, const std::string &body,
                    const std::string &scale = "0.04") {
  const std::string x = "tensor<" + xShape + "x", y = "tensor<" + yShape + "x";
  return "func.func @main(%x: " + x + "i8>) -> " + y +
         "i8> {\n  %s = tw.constant dense<0.05> : tensor<f32>\n  %z = tw.constant dense<3> : tensor<i8>\n  %u = "
         "tw.constant dense<" +
         scale +
         "> : tensor<f32>\n  %o = tw.constant dense<-7> : tensor<i8>\n  %w0 = tw.constant dense<0> : tensor<i8>\n"
         "  %half = tw.constant dense<0.5> : tensor<f32>\n  %one = tw.constant dense<1.0> : tensor<f32>\n"
         "  %three = tw.constant dense<3.0> : tensor<f32>\n  %six = tw.constant dense<6.0> : tensor<f32>\n"
         "  %a = tw.dequantize %x, %s, %z : (" +
         x + "i8>, tensor<f32>, tensor<i8>) -> " + x + "f32>\n" + body + "  %y = tw.quantize %p, %u, %o : (" + y +
         "f32>, tensor<f32>, tensor<i8>) -> " + y + "i8>\n  return %y : " + y + "i8>\n}\n";
}

// name = tw.kind operands, all of one type but numbers.
std::string op(const std::string &name, const std::string &kind, const std::string &operands, const std::string &types,
               const std::string &result) {
  return "  %" + name + " = tw." + kind + " " + operands + " : (" + types + ") -> tensor<" + result + "f32>\n";
}

TEST(FusionTest, AFunctionOfOneValueIsATable) {
  const std::string t = "tensor<2x300xf32>", tt = t + ", " + t, tn = t + ", tensor<f32>", r = "2x300x";
  const std::string quantised =
      "  %qs = tw.quantize %g, %half, %z : (" + t +
      ", tensor<f32>, tensor<i8>) -> tensor<2x300xi8>\n  %h = tw.dequantize %qs, %half, %z : (tensor<2x300xi8>, "
      "tensor<f32>, tensor<i8>) -> " +
      t + "\n";
  const std::pair<const char *, std::string> kCases[] = {
      {"silu", op("g", "sigmoid", "%a", t, r) + op("p", "mul", "%a, %g", tt, r)},
      {"silu with a quantiser inside", op("g", "sigmoid", "%a", t, r) + quantised + op("p", "mul", "%h, %a", tt, r)},
      {"hard swish", op("g", "add", "%a, %three", tn, r) +
                         op("h", "clip", "%g {lo = 0.0 : f32, hi = 6.0 : f32}", t, r) +
                         op("k", "mul", "%a, %h", tt, r) + op("p", "div", "%k, %six", tn, r)},
      {"square", op("p", "mul", "%a, %a", tt, r)},
      {"sum of itself", op("p", "add", "%a, %a", tt, r)},
      {"number first", op("p", "sub", "%three, %a", "tensor<f32>, " + t, r)},
      {"divided by itself", op("p", "div", "%a, %a", tt, r)}, // 0 / 0 is the zero point
      {"one number everywhere",
       "  %c = tw.constant dense<0.7> : tensor<1x300xf32>\n" + op("p", "max", "%a, %c", t + ", tensor<1x300xf32>", r)},
  };
  std::vector<std::string> left;
  for (const auto &[name, body] : kCases) {
    SCOPED_TRACE(name);
    EXPECT_LE(differenceByFusion(between("2x300", "2x300", body), left), 1);
    EXPECT_EQ(left, std::vector<std::string>{"qlut"});
  }
  // Not where the value is broadcast, or meets another one.
  EXPECT_LE(differenceByFusion(between("1x5", "3x5",
                                       "  %c = tw.constant dense<0.7> : tensor<3x1xf32>\n" +
                                           op("p", "mul", "%a, %c", "tensor<1x5xf32>, tensor<3x1xf32>", "3x5x")),
                               left),
            1);
  EXPECT_FALSE(has(left, "qlut"));
}

// [K, N] weights as %b, dequantised for each of its columns or rows.
std::string gemmWeights(int64_t rows, int64_t columns, int64_t axis) {
  std::string values = "[", scales = "[";
  for (int64_t r = 0; r != rows; ++r) {
    values += r ? ", [" : "[";
    for (int64_t c = 0; c != columns; ++c)
      values += (c ? ", " : "") + std::to_string((r * 37 + c * 11) % 256 - 128);
    values += "]";
  }
  const int64_t channels = axis == 0 ? rows : columns;
  for (int64_t c = 0; c != channels; ++c)
    scales += (c ? ", " : "") + std::to_string(0.01 + 0.003 * double(c));
  const std::string shape = std::to_string(rows) + "x" + std::to_string(columns) + "x", n = std::to_string(channels);
  return "  %w = tw.constant dense<" + values + "]> : tensor<" + shape + "i8>\n  %ws = tw.constant dense<" + scales +
         "]> : tensor<" + n + "xf32>\n  %wz = tw.constant dense<-5> : tensor<" + n +
         "xi8>\n  %b = tw.dequantize %w, %ws, %wz {axis = " + std::to_string(axis) + " : i64} : (tensor<" + shape +
         "i8>, tensor<" + n + "xf32>, tensor<" + n + "xi8>) -> tensor<" + shape + "f32>\n";
}

TEST(FusionTest, GemmOfAnyFormRunsInIntegers) {
  const std::string x = "tensor<4x6xf32>", c3 = "  %c = tw.constant dense<[1.5, -2.0, 0.25]> : tensor<3xf32>\n",
                    three = "  %c = tw.constant dense<3.0> : tensor<f32>\n";
  struct {
    const char *name;
    std::string x, y, body;
  } const kCases[] = {
      {"first operand transposed", "6x4", "4x3",
       gemmWeights(6, 3, 1) + op("p", "gemm", "%a, %b {transA}", "tensor<6x4xf32>, tensor<6x3xf32>", "4x3x")},
      {"factors", "4x6", "4x3",
       gemmWeights(6, 3, 1) + c3 +
           op("p", "gemm", "%a, %b, %c {alpha = 0.5 : f32, beta = 2.0 : f32}", x + ", tensor<6x3xf32>, tensor<3xf32>",
              "4x3x")},
      {"a factor below 0", "4x6", "4x3",
       gemmWeights(3, 6, 0) + c3 +
           op("p", "gemm", "%a, %b, %c {alpha = -0.75 : f32, transB}", x + ", tensor<3x6xf32>, tensor<3xf32>", "4x3x")},
      {"a number for a bias", "4x6", "4x3",
       gemmWeights(6, 3, 1) + three + op("p", "gemm", "%a, %b, %c", x + ", tensor<6x3xf32>, tensor<f32>", "4x3x")},
      {"one column", "4x6", "4x1", gemmWeights(6, 1, 1) + op("p", "gemm", "%a, %b", x + ", tensor<6x1xf32>", "4x1x")},
      {"one product", "4x1", "4x3",
       gemmWeights(1, 3, 1) + op("p", "gemm", "%a, %b", "tensor<4x1xf32>, tensor<1x3xf32>", "4x3x")},
      {"weights first", "6x4", "3x4",
       gemmWeights(3, 6, 0) + "  %c = tw.constant dense<[[1.5], [-2.0], [0.25]]> : tensor<3x1xf32>\n" +
           op("p", "gemm", "%b, %a, %c", "tensor<3x6xf32>, tensor<6x4xf32>, tensor<3x1xf32>", "3x4x")},
      {"weights first, both transposed", "4x6", "3x4",
       gemmWeights(6, 3, 1) + op("p", "gemm", "%b, %a {transA, transB}", "tensor<6x3xf32>, " + x, "3x4x")},
      {"weights first in a matmul", "2x6x4", "2x3x4",
       gemmWeights(3, 6, 0) + op("p", "matmul", "%b, %a", "tensor<3x6xf32>, tensor<2x6x4xf32>", "2x3x4x")},
  };
  std::vector<std::string> left;
  for (const auto &c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_LE(differenceByFusion(between(c.x, c.y, c.body, "0.2"), left), 1);
    EXPECT_TRUE(has(left, "qgemm")) << left.front();
    for (const char *real : {"gemm", "matmul", "qmatmul", "dequantize"})
      EXPECT_FALSE(has(left, real)) << real;
  }
}

std::string convWeights(const std::string &integers, const std::string &scales, const std::string &bias) {
  return "  %w = tw.constant dense<" + integers + "> : tensor<2x2x1x1xi8>\n  %ws = tw.constant dense<" + scales +
         "> : tensor<2xf32>\n  %wz = tw.constant dense<0> : tensor<2xi8>\n  %c = tw.constant dense<" + bias +
         "> : tensor<2xf32>\n  %b = tw.dequantize %w, %ws, %wz {axis = 0 : i64} : (tensor<2x2x1x1xi8>, "
         "tensor<2xf32>, tensor<2xi8>) -> tensor<2x2x1x1xf32>\n";
}

std::string conv(const std::string &name, const std::string &image, const std::string &xShape,
                 const std::string &yShape, const std::string &pads) {
  return op(name, "conv",
            image + ", %b, %c {strides = array<i64: 1, 1>, pads = array<i64: " + pads +
                ">, dilations = array<i64: 1, 1>}",
            "tensor<" + xShape + "xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>", yShape + "x");
}

// A multiplier below 2^-40, or above 2^8 with nothing to multiply, is no reason to leave the integers.
TEST(FusionTest, ADeadChannelIsItsBias) {
  std::vector<std::string> left;
  for (auto [integers, scales, bias] :
       {std::tuple{"[[[[100]], [[-7]]], [[[33]], [[90]]]]", "[0.02, 1.0e-20]", "[0.3, -1.7]"},
        {"[[[[100]], [[-7]]], [[[33]], [[90]]]]", "[0.02, 1.0e-20]", "[0.3, 1.0e+9]"},
        {"[[[[100]], [[-7]]], [[[33]], [[90]]]]", "[1.0e-15, 1.0e-20]", "[0.3, -1.0e+9]"},
        {"[[[[100]], [[-7]]], [[[0]], [[0]]]]", "[0.02, 1.0e+6]", "[0.3, 2.02]"}}) {
    SCOPED_TRACE(scales);
    EXPECT_LE(differenceByFusion(
                  between("1x2x4x4", "1x2x4x4",
                          convWeights(integers, scales, bias) + conv("p", "%a", "1x2x4x4", "1x2x4x4", "0, 0, 0, 0")),
                  left),
              1);
    EXPECT_EQ(left, std::vector<std::string>({"transpose", "qconv", "transpose"}));
  }
}

TEST(FusionTest, ZerosAroundAnImageAreTheConvolutionsPadding) {
  const std::string weights = convWeights("[[[[100]], [[-7]]], [[[33]], [[90]]]]", "[0.02, 0.01]", "[0.0, 0.0]"),
                    lo = "lo = array<i64: 0, 0, 1, 2>, hi = array<i64: 0, 0, 0, 3>", t = "tensor<1x2x4x4xf32>",
                    quantised = R"mlir(
  %q = tw.quantize %g, %s, %z : (tensor<1x2x5x9xf32>, tensor<f32>, tensor<i8>) -> tensor<1x2x5x9xi8>
  %h = tw.dequantize %q, %s, %z : (tensor<1x2x5x9xi8>, tensor<f32>, tensor<i8>) -> tensor<1x2x5x9xf32>
)mlir";
  std::vector<std::string> left;
  for (bool isQuantised : {false, true})
    for (const char *value : {"0.0", "0.35"}) {
      const std::string pad =
          op("g", "pad", std::string("%a {value = ") + value + " : f32, " + lo + "}", t, "1x2x5x9x");
      EXPECT_LE(
          differenceByFusion(between("1x2x4x4", "1x2x7x9",
                                     weights + pad + (isQuantised ? quantised : "") +
                                         conv("p", isQuantised ? "%h" : "%g", "1x2x5x9", "1x2x7x9", "1, 0, 1, 0")),
                             left),
          1);
      EXPECT_TRUE(has(left, "qconv"));
      EXPECT_EQ(has(left, "pad"), value != std::string("0.0")) << value;
    }
}

// Exporters give each reader of a value a quantiser of its own.
TEST(FusionTest, EachQuantiserOfAConvolutionHasItsIntegersAndEqualOnesShareThem) {
  for (auto [scale, products] : {std::pair{"%u", 1}, {"%s", 2}}) {
    const std::string t = "tensor<1x2x4x4xf32>", q = ", tensor<f32>, tensor<i8>) -> tensor<1x2x4x4xi8>\n",
                      d = "tensor<1x2x4x4xi8>, tensor<f32>, tensor<i8>) -> " + t + "\n";
    std::string body = convWeights("[[[[100]], [[-7]]], [[[33]], [[90]]]]", "[0.02, 0.01]", "[0.3, -1.7]") +
                       conv("g", "%a", "1x2x4x4", "1x2x4x4", "0, 0, 0, 0") + op("r", "relu", "%g", t, "1x2x4x4x");
    body += "  %q1 = tw.quantize %r, %u, %o : (" + t + q + "  %q2 = tw.quantize %r, " + scale + ", %o : (" + t + q;
    body += "  %d1 = tw.dequantize %q1, %u, %o : (" + d + "  %d2 = tw.dequantize %q2, " + scale + ", %o : (" + d;
    body += op("e", "add", "%d1, %d1", t + ", " + t, "1x2x4x4x") + op("p", "mul", "%e, %d2", t + ", " + t, "1x2x4x4x");
    std::vector<std::string> left;
    EXPECT_LE(differenceByFusion(between("1x2x4x4", "1x2x4x4", body), left), 3); // of the inner rounding
    EXPECT_EQ(llvm::count(left, "qconv"), products) << scale;
    EXPECT_FALSE(has(left, "conv") || has(left, "qconv_sums")) << scale;
  }
}

// Moves go below them, where nobody else reads what was moved.
TEST(FusionTest, QuantisersOfAMovedValueAreAboveTheMove) {
  const std::string t = "tensor<1x2x4x4xf32>", f = "tensor<1x2x16xf32>", i = "tensor<1x2x16xi8>";
  for (bool isReadAsReal : {false, true}) {
    std::string body = convWeights("[[[[100]], [[-7]]], [[[33]], [[90]]]]", "[0.02, 0.01]", "[0.3, -1.7]") +
                       conv("g", "%a", "1x2x4x4", "1x2x4x4", "0, 0, 0, 0") + op("r", "reshape", "%g", t, "1x2x16x");
    for (const char *k : {"u", "s"})
      body += std::string("  %q") + k + " = tw.quantize %r, %" + k + ", %o : (" + f + ", tensor<f32>, tensor<i8>) -> " +
              i + "\n  %d" + k + " = tw.dequantize %q" + k + ", %" + k + ", %o : (" + i +
              ", tensor<f32>, tensor<i8>) -> " + f + "\n";
    body += op("p", "add", isReadAsReal ? "%du, %r" : "%du, %ds", f + ", " + f, "1x2x16x");
    std::vector<std::string> left;
    EXPECT_LE(differenceByFusion(between("1x2x4x4", "1x2x16", body, "0.5"), left), 2); // of the inner rounding
    EXPECT_EQ(llvm::count(left, "qconv"), isReadAsReal ? 0 : 2);
    EXPECT_EQ(llvm::count(left, "qconv_sums"), isReadAsReal);
    EXPECT_FALSE(has(left, "conv"));
  }
}

TEST(FusionTest, ANumberAChannelIsADepthwiseConvolution) {
  const std::string t = "tensor<1x3x4x4xf32>", n = "tensor<1x3x1x1xf32>", r = "1x3x4x4x",
                    factors = "  %f = tw.constant dense<[[[[1.3]], [[-0.4]], [[0.0]]]]> : " + n + "\n",
                    offsets = "  %g = tw.constant dense<[[[[0.3]], [[-1.4]], [[0.7]]]]> : " + n + "\n",
                    rows = "  %f = tw.constant dense<[1.3, -0.4, 2.0, 0.1]> : tensor<4xf32>\n", rt = "tensor<5x4xf32>";
  struct {
    const char *name;
    std::string shape, body;
  } const kCases[] = {
      {"factor", "1x3x4x4", factors + op("p", "mul", "%a, %f", t + ", " + n, r)},
      {"offset", "1x3x4x4", offsets + op("p", "add", "%g, %a", n + ", " + t, r)},
      {"from", "1x3x4x4", offsets + op("p", "sub", "%g, %a", n + ", " + t, r)},
      {"quotient", "1x3x4x4", offsets + op("p", "div", "%a, %g", t + ", " + n, r)},
      {"normalisation", "1x3x4x4",
       factors + offsets + op("h", "mul", "%a, %f", t + ", " + n, r) + op("k", "sub", "%h, %g", t + ", " + n, r) +
           op("p", "relu", "%k", t, r)},
      {"rows", "5x4", rows + op("p", "mul", "%a, %f", rt + ", tensor<4xf32>", "5x4x")},
  };
  std::vector<std::string> left;
  for (const auto &c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_LE(differenceByFusion(between(c.shape, c.shape, c.body, "0.06"), left), 1);
    EXPECT_TRUE(has(left, "qconv"));
    for (const char *real : {"mul", "add", "sub", "div", "dequantize"})
      EXPECT_FALSE(has(left, real)) << real;
  }
}

// One row of weights, x - 5, and the bias: the least and the largest sum.
std::optional<ChannelSum> wideGemm(const std::string &weights, int64_t depth, int64_t zero, int64_t bias) {
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
