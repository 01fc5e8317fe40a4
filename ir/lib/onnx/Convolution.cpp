// SPDX-License-Identifier: Apache-2.0
// Conv v22, QLinearConv v10.
#include "Windows.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

FailureOr<Value> createConv(Node &node, Value input, Value weight, Value bias) {
  const Dims weightShape = shapeOf(weight);
  if (weightShape.size() < 3)
    return node.fail("a weight of " + shapeText(weightShape) +
                     " is none of a convolution: it needs at least 3 dimensions");
  auto spatial = spatialAttributes(node, shapeOf(input), weightShape.drop_front(2));
  if (failed(spatial))
    return failure();
  return createConvolution(node, input, weight, bias, *spatial, node.integer("group", 1));
}

} // namespace

LogicalResult buildConv(Node &node) {
  const bool hasBias = node.hasInput(2);
  auto inputs = realInputs(node, hasBias ? 3 : 2);
  if (failed(inputs))
    return failure();
  auto result = createConv(node, (*inputs)[0], (*inputs)[1], hasBias ? (*inputs)[2] : Value());
  if (failed(result))
    return failure();
  node.setResult(0, *result);
  return success();
}

// Spelled out as DequantizeLinear, Conv, QuantizeLinear: one meaning, one fusion.
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
  auto result = createConv(node, *input, *weight, bias);
  if (failed(result))
    return failure();
  auto quantized = quantizeValue(node, *result, 6, 7);
  if (failed(quantized))
    return failure();
  node.setResult(0, *quantized);
  return success();
}

} // namespace tw::ir::onnx
