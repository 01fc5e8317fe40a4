// SPDX-License-Identifier: Apache-2.0
#include "tw/support/OperatorCases.h"

namespace tw::test {

std::string quantisedFunction(const std::string &arguments, const std::string &result, const std::string &body) {
  return "func.func @main(" + arguments + ") -> " + result +
         " {\n"
         "  %s = tw.constant dense<0.5> : tensor<f32>\n  %t = tw.constant dense<0.03> : tensor<f32>\n"
         "  %u = tw.constant dense<0.7> : tensor<f32>\n  %a = tw.constant dense<-7> : tensor<i8>\n"
         "  %b = tw.constant dense<3> : tensor<i8>\n  %c = tw.constant dense<11> : tensor<i8>\n" +
         body + "\n  return %y : " + result + "\n}\n";
}

namespace {

std::string unary(const std::string &name, const std::string &attributes = "") {
  return "func.func @main(%x: tensor<3x5xf32>) -> tensor<3x5xf32> {\n  %y = tw." + name + " %x " + attributes +
         " : (tensor<3x5xf32>) -> tensor<3x5xf32>\n  return %y : tensor<3x5xf32>\n}\n";
}

std::string binary(const std::string &name) {
  return "func.func @main(%x: tensor<3x5xf32>, %z: tensor<5xf32>) -> tensor<3x5xf32> {\n  %y = tw." + name +
         " %x, %z : (tensor<3x5xf32>, tensor<5xf32>) -> tensor<3x5xf32>\n  return %y : tensor<3x5xf32>\n}\n";
}

std::string single(const std::string &types, const std::string &result, const std::string &operation) {
  return "func.func @main(" + types + ") -> " + result + " {\n  %y = tw." + operation + "\n  return %y : " + result +
         "\n}\n";
}

std::string eltwise(const std::string &kind, const std::string &other = "tensor<3x1xi8>") {
  return quantisedFunction(
      "%x: tensor<2x3x4xi8>, %z: " + other, "tensor<2x3x4xi8>",
      "  %y = tw.qeltwise <" + kind +
          "> %x(%s, %a), %z(%t, %b) out(%u, %c) {clampLo = -90 : i64} : (tensor<2x3x4xi8>, tensor<f32>, "
          "tensor<i8>, " +
          other +
          ", tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> "
          "tensor<2x3x4xi8>");
}

// A convolution of [1, 6, 5, 4] in NHWC with 3x3 weights; the drain as it is given.
std::string convolution(int64_t outputs, int64_t group, const std::string &bias, const std::string &drain,
                        const std::string &drainTypes) {
  const std::string o = std::to_string(outputs), w = "tensor<" + o + "x3x3x" + std::to_string(4 / group) + "xi8>",
                    y = "tensor<1x6x5x" + o + "xi8>", b = "tensor<" + o + "xi32>";
  return quantisedFunction(
      "%x: tensor<1x6x5x4xi8>, %w: " + w + ", %r: " + y + ", %l: tensor<256xi8>", y,
      (bias.empty() ? "" : "  %bias = tw.constant dense<" + bias + "> : " + b + "\n") +
          "  %y = tw.qconv %x(%s, %a), %w(%t, %b) " + (bias.empty() ? "" : "bias %bias ") + "out(%u, %c) " + drain +
          " {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, "
          "group = " +
          std::to_string(group) + " : i64, layout = #tw.layout<nhwc>, clampHi = 90 : i64} : " +
          "(tensor<1x6x5x4xi8>, tensor<f32>, tensor<i8>, " + w + ", tensor<f32>, tensor<i8>, " +
          (bias.empty() ? "" : b + ", ") + "tensor<f32>, tensor<i8>" + drainTypes + ") -> " + y);
}

std::string product(const std::string &drain, const std::string &drainTypes, int depth = 20) {
  const std::string k = "x" + std::to_string(depth) + "xi8>";
  return quantisedFunction(
      "%x: tensor<3" + k + ", %w: tensor<5" + k + ", %r: tensor<3x5xi8>, %l: tensor<256xi8>", "tensor<3x5xi8>",
      "  %y = tw.qgemm %x(%s, %a), %w(%t, %b) out(%u, %c) " + drain + " {clampLo = -90 : i64} : (tensor<3" + k +
          ", tensor<f32>, tensor<i8>, tensor<5" + k + ", tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>" +
          drainTypes + ") -> tensor<3x5xi8>");
}

// The same with weights whose zero point is 0: products of them are computed in other ways.
std::string symmetric(std::string text) {
  const std::string weight = "%w(%t, %b)";
  text.replace(text.find(weight), weight.size(), "%w(%t, %o)");
  return text.insert(text.find("{\n") + 2, "  %o = tw.constant dense<0> : tensor<i8>\n");
}

// The sums of the same convolution.
std::string convolutionSums(int64_t outputs, int64_t group) {
  const std::string o = std::to_string(outputs), w = "tensor<" + o + "x3x3x" + std::to_string(4 / group) + "xi8>",
                    y = "tensor<1x6x5x" + o + "xi32>";
  return quantisedFunction(
      "%x: tensor<1x6x5x4xi8>, %w: " + w, y,
      "  %y = tw.qconv_sums %x(%a), %w(%b) {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, "
      "dilations = array<i64: 1, 1>, group = " +
          std::to_string(group) + " : i64, layout = #tw.layout<nhwc>} : (tensor<1x6x5x4xi8>, tensor<i8>, " + w +
          ", tensor<i8>) -> " + y);
}

std::string pool(const std::string &kind, const std::string &image, const std::string &result,
                 const std::string &attributes) {
  return quantisedFunction("%x: tensor<" + image + "xi8>", "tensor<" + result + "xi8>",
                           "  %y = tw.qpool <" + kind +
                               "> %x(%t, %a) out(%t, %b) {layout = #tw.layout<nhwc>, clampLo = -100 : "
                               "i64, dilations = array<i64: 1, 1>, " +
                               attributes + "} : (tensor<" + image +
                               "xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) "
                               "-> tensor<" +
                               result + "xi8>");
}

// Elements of every type keep their bits on the way.
std::vector<std::string> movesOfEveryType() {
  std::vector<std::string> cases;
  for (const char *name : {"i1", "i16", "i32", "i64", "ui8", "ui16", "ui32", "ui64", "f16", "bf16", "f64"}) {
    const std::string type = name, from = "tensor<3x21x" + type + ">", to = "tensor<21x3x" + type + ">";
    cases.push_back(single("%x: " + from, to, "transpose %x {perm = array<i64: 1, 0>} : (" + from + ") -> " + to));
    const std::string wide = "tensor<3x42x" + type + ">";
    cases.push_back(single("%x: " + from + ", %z: " + from, wide,
                           "concat %x, %z {axis = 1 : i64} : (" + from + ", " + from + ") -> " + wide));
    const std::string padded = "tensor<4x22x" + type + ">";
    cases.push_back(single("%x: " + from, padded,
                           "pad %x {lo = array<i64: 1, 0>, hi = array<i64: 0, 1>, value = 1.0 : f32} : (" + from +
                               ") -> " + padded));
  }
  return cases;
}

// A call of a library function: [operand types] -> result.
std::string library(const std::string &name, const std::vector<std::string> &operands, const std::string &result,
                    const std::string &params) {
  std::string arguments, names, types;
  for (size_t i = 0; i != operands.size(); ++i) {
    const std::string comma = i == 0 ? "" : ", ", argument = "%x" + std::to_string(i);
    arguments += comma + argument + ": tensor<" + operands[i] + ">";
    names += comma + argument;
    types += comma + "tensor<" + operands[i] + ">";
  }
  const std::string type = "tensor<" + result + ">";
  return single(arguments, type,
                "library \"" + name + "\"(" + names + ") {params = array<i64" + (params.empty() ? "" : ": ") + params +
                    ">} : (" + types + ") -> " + type);
}

// Quantisers of every type, with numbers that are known when the model runs as well.
std::vector<std::string> quantisersOfEveryType() {
  std::vector<std::string> cases;
  for (const char *name : {"i8", "ui8", "i16", "ui16"}) {
    const std::string type = name, q = "tensor<3x5x" + type + ">", zero = "tensor<" + type + ">",
                      perRow = "tensor<3x" + type + ">";
    cases.push_back(single("%x: tensor<3x5xf32>, %s: tensor<f32>, %z: " + zero, q,
                           "quantize %x, %s, %z : (tensor<3x5xf32>, tensor<f32>, " + zero + ") -> " + q));
    cases.push_back(single("%x: " + q + ", %s: tensor<3xf32>, %z: " + perRow, "tensor<3x5xf32>",
                           "dequantize %x, %s, %z {axis = 0 : i64} : (" + q + ", tensor<3xf32>, " + perRow +
                               ") -> tensor<3x5xf32>"));
  }
  return cases;
}

constexpr const char *kResidual = "residual(%r, %s, %b, %t, %a)";
constexpr const char *kTable = "lut(%l)";

} // namespace

std::vector<std::string> operatorCases() {
  const std::string residual = kResidual, table = kTable;
  auto residualTypes = [](const std::string &type) {
    return ", " + type + ", tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>";
  };
  const std::string tableType = ", tensor<256xi8>", wide = "tensor<1x6x5x8xi8>", narrow = "tensor<1x6x5x4xi8>";
  std::vector<std::string> cases = {
      unary("relu"),
      unary("clip", "{lo = -1.0 : f32, hi = 1.5 : f32}"),
      unary("leaky_relu", "{alpha = 0.1 : f32}"),
      unary("hard_sigmoid", "{alpha = 0.2 : f32, beta = 0.5 : f32}"),
      unary("sigmoid"),
      unary("tanh"),
      unary("softmax", "{axis = 0 : i64}"),
      unary("softmax", "{axis = 1 : i64}"),
      single("%x: tensor<3x100xf32>", "tensor<3x100xf32>",
             "softmax %x {axis = 1 : i64} : (tensor<3x100xf32>) -> tensor<3x100xf32>"),
      binary("add"),
      binary("sub"),
      binary("mul"),
      binary("div"),
      binary("min"),
      binary("max"),
      single("%x: tensor<2x2x5x4xf32>, %w: tensor<2x2x3x2xf32>", "tensor<2x2x3x3xf32>",
             "conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : "
             "(tensor<2x2x5x4xf32>, tensor<2x2x3x2xf32>) -> tensor<2x2x3x3xf32>"),
      single("%x: tensor<3x4xf32>, %w: tensor<4x2xf32>, %c: tensor<3x1xf32>", "tensor<3x2xf32>",
             "gemm %x, %w, %c {beta = 0.5 : f32} : (tensor<3x4xf32>, tensor<4x2xf32>, tensor<3x1xf32>) -> "
             "tensor<3x2xf32>"),
      single("%x: tensor<2x3x4xf32>, %w: tensor<4x2xf32>", "tensor<2x3x2xf32>",
             "matmul %x, %w : (tensor<2x3x4xf32>, tensor<4x2xf32>) -> tensor<2x3x2xf32>"),
      single("%x: tensor<1x2x5x5xi8>", "tensor<1x2x3x3xi8>",
             "max_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, "
             "dilations = array<i64: 1, 1>} : (tensor<1x2x5x5xi8>) -> tensor<1x2x3x3xi8>"),
      single("%x: tensor<1x2x5x5xf32>", "tensor<1x2x3x3xf32>",
             "average_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>} : "
             "(tensor<1x2x5x5xf32>) -> tensor<1x2x3x3xf32>"),
      single("%x: tensor<2x3x4xf32>", "tensor<2x4xf32>",
             "reduce_mean %x {axes = array<i64: 1>, keepDims = false} : (tensor<2x3x4xf32>) -> tensor<2x4xf32>"),
      single("%x: tensor<3x7x9xf32>", "tensor<3x1x1xf32>",
             "reduce_mean %x {axes = array<i64: 1, 2>, keepDims = true} : (tensor<3x7x9xf32>) -> tensor<3x1x1xf32>"),
      single("%x: tensor<5x3x70xf32>", "tensor<3xf32>",
             "reduce_mean %x {axes = array<i64: 0, 2>, keepDims = false} : (tensor<5x3x70xf32>) -> tensor<3xf32>"),
      single("%x: tensor<4x1x50xf32>", "tensor<1xf32>",
             "reduce_mean %x {axes = array<i64: 0, 2>, keepDims = false} : (tensor<4x1x50xf32>) -> tensor<1xf32>"),
      single("%x: tensor<2x6xi8>", "tensor<3x4xi8>", "reshape %x : (tensor<2x6xi8>) -> tensor<3x4xi8>"),
      single("%x: tensor<2x3x4xi8>", "tensor<4x2x3xi8>",
             "transpose %x {perm = array<i64: 2, 0, 1>} : (tensor<2x3x4xi8>) -> tensor<4x2x3xi8>"),
      single("%x: tensor<2x3xi8>", "tensor<3x7xi8>",
             "pad %x {lo = array<i64: 1, -1>, hi = array<i64: 0, 5>, value = 3.0 : f32} : (tensor<2x3xi8>) -> "
             "tensor<3x7xi8>"),
      single("%x: tensor<2x3xi8>", "tensor<2x3xi8>", "flip_sign %x : (tensor<2x3xi8>) -> tensor<2x3xi8>"),
      single("%x: tensor<2x3xui8>", "tensor<2x3xi8>", "flip_sign %x : (tensor<2x3xui8>) -> tensor<2x3xi8>"),
      single("%x: tensor<2x3xi8>", "tensor<2x3xui8>", "flip_sign %x : (tensor<2x3xi8>) -> tensor<2x3xui8>"),
      quantisedFunction("%x: tensor<3x5xf32>", "tensor<3x5xi8>",
                        "  %y = tw.quantize %x, %t, %a : (tensor<3x5xf32>, tensor<f32>, tensor<i8>) -> tensor<3x5xi8>"),
      quantisedFunction(
          "%x: tensor<3x5xi8>", "tensor<3x5xf32>",
          "  %y = tw.dequantize %x, %t, %a : (tensor<3x5xi8>, tensor<f32>, tensor<i8>) -> tensor<3x5xf32>"),
      // An operand without elements adds nothing, wherever it stands.
      single("%e: tensor<2x0xi8>, %x: tensor<2x3xi8>, %z: tensor<2x4xi8>", "tensor<2x7xi8>",
             "concat %x, %e, %z, %e {axis = 1 : i64} : (tensor<2x3xi8>, tensor<2x0xi8>, tensor<2x4xi8>, "
             "tensor<2x0xi8>) -> tensor<2x7xi8>"),
      single("%x: tensor<1x1x3x4xi8>", "tensor<1x1x7x9xi8>",
             "resize %x {scales = array<f32: 1.0, 1.0, 2.5, 2.25>, mode = #tw.resize_mode<linear>, coordinates = "
             "#tw.coordinate<half_pixel>, nearest = #tw.nearest<floor>} : (tensor<1x1x3x4xi8>) -> "
             "tensor<1x1x7x9xi8>"),
      single("%x: tensor<1x1x3x4xi8>", "tensor<1x1x7x9xi8>",
             "resize %x {scales = array<f32: 1.0, 1.0, 2.5, 2.25>, mode = #tw.resize_mode<linear>, coordinates = "
             "#tw.coordinate<half_pixel>, nearest = #tw.nearest<floor>, roundDown} : (tensor<1x1x3x4xi8>) -> "
             "tensor<1x1x7x9xi8>"),
      // Bytes that nothing quantises stay unsigned.
      single("%x: tensor<1x1x3x4xui8>", "tensor<1x1x6x8xui8>",
             "resize %x {scales = array<f32: 1.0, 1.0, 2.0, 2.0>, mode = #tw.resize_mode<nearest>, coordinates = "
             "#tw.coordinate<asymmetric>, nearest = #tw.nearest<floor>} : (tensor<1x1x3x4xui8>) -> "
             "tensor<1x1x6x8xui8>"),
      // One output channel: what lies in lanes is the image.
      convolution(1, 1, "", "", ""),
      single("%x: tensor<1x511x5x1xi8>", "tensor<1x5x1x511xi8>",
             "transpose %x {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x511x5x1xi8>) -> tensor<1x5x1x511xi8>"),
      convolution(8, 1, "", "", ""),
      symmetric(convolution(8, 1, "", "", "")),
      symmetric(convolution(8, 2, "70000", residual, residualTypes(wide))),
      symmetric(convolution(4, 4, "-3", "", "")),
      symmetric(convolution(33, 1, "-3", "", "")),
      convolution(8, 2, "70000", residual, residualTypes(wide)),
      convolution(4, 4, "-3", residual + " " + table, residualTypes(narrow) + tableType),
      convolution(8, 4, "", table, tableType),
      // A bias at the limit: the sum is exact and saturates.
      convolution(8, 1, "2147483647", "", ""),
      convolution(8, 1, "-2147483648", residual, residualTypes(wide)),
      convolutionSums(8, 1),
      convolutionSums(4, 4),
      convolutionSums(8, 4),
      quantisedFunction(
          "%x: tensor<3x20xi8>, %w: tensor<5x20xi8>", "tensor<3x5xi32>",
          "  %y = tw.qgemm_sums %x, %w(%b) : (tensor<3x20xi8>, tensor<5x20xi8>, tensor<i8>) -> tensor<3x5xi32>"),
      product("", ""),
      symmetric(product("", "")),
      symmetric(product("", "", 19)), // no multiple of what one instruction adds up
      product("", "", 19),
      product(residual + " " + table, residualTypes("tensor<3x5xi8>") + tableType),
      quantisedFunction(
          "%x: tensor<2x3x40xi8>, %z: tensor<40x5xi8>", "tensor<2x3x5xi8>",
          "  %y = tw.qmatmul %x(%t, %a), %z(%t, %b) out(%u, %c) : (tensor<2x3x40xi8>, tensor<f32>, tensor<i8>, "
          "tensor<40x5xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<2x3x5xi8>"),
      // As attention has them: one head beside the other, the keys turned round, the result back in its place.
      quantisedFunction(
          "%x: tensor<17x2x40xi8>, %z: tensor<19x2x40xi8>", "tensor<2x17x19xi8>",
          "  %p = tw.transpose %x {perm = array<i64: 1, 0, 2>} : (tensor<17x2x40xi8>) -> tensor<2x17x40xi8>\n"
          "  %q = tw.transpose %z {perm = array<i64: 1, 2, 0>} : (tensor<19x2x40xi8>) -> tensor<2x40x19xi8>\n"
          "  %y = tw.qmatmul %p(%t, %a), %q(%t, %b) out(%u, %c) : (tensor<2x17x40xi8>, tensor<f32>, tensor<i8>, "
          "tensor<2x40x19xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<2x17x19xi8>"),
      quantisedFunction(
          "%x: tensor<3x9x20xi8>, %z: tensor<20x3x33xi8>", "tensor<9x3x33xi8>",
          "  %q = tw.transpose %z {perm = array<i64: 1, 0, 2>} : (tensor<20x3x33xi8>) -> tensor<3x20x33xi8>\n"
          "  %p = tw.qmatmul %x(%t, %a), %q(%t, %b) out(%u, %c) : (tensor<3x9x20xi8>, tensor<f32>, tensor<i8>, "
          "tensor<3x20x33xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<3x9x33xi8>\n"
          "  %y = tw.transpose %p {perm = array<i64: 1, 0, 2>} : (tensor<3x9x33xi8>) -> tensor<9x3x33xi8>"),
      eltwise("add"),
      eltwise("add", "tensor<2x3x4xi8>"),
      eltwise("mul", "tensor<2x3x4xi8>"),
      eltwise("sub"),
      eltwise("mul"),
      eltwise("min"),
      eltwise("max"),
      pool("average", "1x17x16x3", "1x1x1x3",
           "kernel = array<i64: 17, 16>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>"),
      pool("average", "1x7x5x3", "1x4x3x3",
           "kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>"),
      pool("average", "1x7x5x3", "1x4x3x3",
           "kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, countIncludePad"),
      pool("max", "1x7x5x3", "1x4x3x3",
           "kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>"),
      quantisedFunction("%x: tensor<3x5xi8>, %l: tensor<256xi8>", "tensor<3x5xi8>",
                        "  %y = tw.qlut %x, %l : (tensor<3x5xi8>, tensor<256xi8>) -> tensor<3x5xi8>"),
      "func.func @main(%x: tensor<4x3xf32>, %u: tensor<5x3xf32>) -> tensor<4x3xf32> {\n"
      "  %i = tw.constant dense<[2, 0, 2, 3, 0]> : tensor<5xi64>\n"
      "  %y = tw.library \"scatter\"(%x, %i, %u) {params = array<i64: 1>} : (tensor<4x3xf32>, tensor<5xi64>, "
      "tensor<5x3xf32>) -> tensor<4x3xf32>\n  return %y : tensor<4x3xf32>\n}\n",
      library("cumulate", {"2x5x3xf32"}, "2x5x3xf32", "0, 1, 0"),
      library("topk_indices", {"2x9x3xi8"}, "2x4x3xi64", "1"),
  };
  for (const auto &more : {movesOfEveryType(), quantisersOfEveryType(), choiceCases(), sumCases(), elementwiseCases()})
    cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}

} // namespace tw::test
