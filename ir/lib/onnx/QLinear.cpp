// SPDX-License-Identifier: Apache-2.0
// Operators on quantised tensors as ONNX and ONNX Runtime's quantiser write them: QLinearConv, QLinearMatMul, and
// com.microsoft's QLinear family and QGemm. Each is spelled out as dequantise, the float operator, quantise: one
// meaning, one fusion with models that are written so.
#include "Compose.h"
#include "Quantised.h"
#include "Rewired.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

using Builder = LogicalResult (*)(Node &);

LogicalResult finish(Node &node, FailureOr<Value> real, size_t scale, size_t zero, int64_t axis = 0) {
  if (failed(real) || !*real)
    return failure();
  auto quantized = quantizeValue(node, *real, scale, zero, axis);
  if (failed(quantized))
    return failure();
  node.setResult(0, *quantized);
  return success();
}

// x, scale, zero point; then those of the result.
LogicalResult buildOfOne(Node &node, Builder builder, int version) {
  auto input = dequantizeInput(node, 0, 1, 2, 0);
  if (failed(input))
    return failure();
  return finish(node, Rewired(node, {*input}, version).build(builder), 3, 4);
}

// a, b, each with scale and zero point; then those of the result.
LogicalResult buildOfTwo(Node &node, Builder builder, int version) {
  auto a = dequantizeInput(node, 0, 1, 2, 0), b = dequantizeInput(node, 3, 4, 5, 0);
  if (failed(a) || failed(b))
    return failure();
  return finish(node, Rewired(node, {*a, *b}, version).build(builder), 6, 7);
}

// Channels last in the model's tensors: the float operators have them first.
Shape channelsFirst(int64_t rank) {
  Shape perm{0, rank - 1};
  for (int64_t d = 1; d < rank - 1; ++d)
    perm.push_back(d);
  return perm;
}
Shape channelsLast(int64_t rank) {
  Shape perm{0};
  for (int64_t d = 2; d < rank; ++d)
    perm.push_back(d);
  perm.push_back(1);
  return perm;
}

LogicalResult buildPool(Node &node, Builder builder, int version) {
  auto input = dequantizeInput(node, 0, 1, 2, 0);
  if (failed(input))
    return failure();
  const int64_t rank = shapeOf(*input).size();
  const bool isLast = node.integer("channels_last", 0) != 0;
  if (rank < 3)
    return node.fail("the input is " + shapeText(shapeOf(*input)) + ", a pool needs an image");
  Compose compose(node);
  if (isLast)
    input = compose.transpose(*input, channelsFirst(rank));
  auto pooled = Rewired(node, {*input}, version).build(builder);
  if (succeeded(pooled) && isLast)
    pooled = compose.transpose(*pooled, channelsLast(rank));
  return finish(node, pooled, 3, 4);
}

} // namespace

LogicalResult buildQLinearConv(Node &node) {
  auto input = dequantizeInput(node, 0, 1, 2, 0), weight = dequantizeInput(node, 3, 4, 5, 0);
  if (failed(input) || failed(weight))
    return failure();
  Value bias;
  if (node.hasInput(8)) {
    auto dequantized = dequantizeBias(node, 8, 1, 4);
    if (failed(dequantized))
      return failure();
    bias = *dequantized;
  }
  return finish(node, Rewired(node, {*input, *weight, bias}, 11).build(buildConv), 6, 7);
}

// One scale a row of the first and of the result, one a column of the second.
LogicalResult buildQLinearMatMul(Node &node) {
  auto a = dequantizeInput(node, 0, 1, 2, -2), b = dequantizeInput(node, 3, 4, 5, -1);
  if (failed(a) || failed(b))
    return failure();
  return finish(node, Rewired(node, {*a, *b}, 13).build(buildMatMul), 6, 7, -2);
}

LogicalResult buildQLinearAdd(Node &node) { return buildOfTwo(node, buildAdd, 14); }
LogicalResult buildQLinearMul(Node &node) { return buildOfTwo(node, buildMul, 14); }
LogicalResult buildQLinearSigmoid(Node &node) { return buildOfOne(node, buildSigmoid, 13); }
LogicalResult buildQLinearLeakyRelu(Node &node) { return buildOfOne(node, buildLeakyRelu, 16); }
LogicalResult buildQLinearReduceMean(Node &node) { return buildOfOne(node, buildReduceMean, 13); }
LogicalResult buildQLinearGlobalAveragePool(Node &node) { return buildPool(node, buildGlobalAveragePool, 1); }
LogicalResult buildQLinearAveragePool(Node &node) { return buildPool(node, buildAveragePool, 11); }

// `opset` is that of the Softmax that it was made from: before 13 everything from `axis` on is one dimension.
LogicalResult buildQLinearSoftmax(Node &node) {
  return buildOfOne(node, buildSoftmax, node.integer("opset", 13) < 13 ? 11 : 13);
}

// Scale and zero point of the result, then three of each input.
LogicalResult buildQLinearConcat(Node &node) {
  if (node.inputCount() < 5 || node.inputCount() % 3 != 2)
    return node.fail("has " + llvm::Twine(node.inputCount()) + " inputs, expected 2 and 3 for each tensor");
  SmallVector<Value> inputs;
  for (size_t i = 2; i < node.inputCount(); i += 3) {
    auto input = dequantizeInput(node, i, i + 1, i + 2, 0);
    if (failed(input))
      return failure();
    inputs.push_back(*input);
  }
  return finish(node, Rewired(node, inputs, 13).build(buildConcat), 0, 1);
}

LogicalResult buildQLinearWhere(Node &node) {
  Value condition = node.input(0);
  auto a = dequantizeInput(node, 1, 2, 3, 0), b = dequantizeInput(node, 4, 5, 6, 0);
  if (!condition || failed(a) || failed(b))
    return failure();
  if (elementTypeOf(condition.getType()) != ElementType::Bool)
    return node.fail("the condition is " + llvm::StringRef(elementTypeName(elementTypeOf(condition.getType()))) +
                     ", expected bool");
  return finish(node, Compose(node).where(condition, *a, *b), 7, 8);
}

// Without a scale of the result that is float32.
LogicalResult buildQGemm(Node &node) {
  const bool turnsB = node.integer("transB", 0) != 0;
  auto a = dequantizeInput(node, 0, 1, 2, 0), b = dequantizeInput(node, 3, 4, 5, turnsB ? 0 : 1);
  if (failed(a) || failed(b))
    return failure();
  Value c;
  if (node.hasInput(6)) {
    auto dequantized = dequantizeBias(node, 6, 1, 4, node.real("alpha", 1));
    if (failed(dequantized))
      return failure();
    c = *dequantized;
  }
  auto product = Rewired(node, {*a, *b, c}, 13).build(buildGemm);
  if (node.hasInput(7))
    return finish(node, product, 7, 8);
  if (failed(product))
    return failure();
  node.setResult(0, *product);
  return success();
}

} // namespace tw::ir::onnx
