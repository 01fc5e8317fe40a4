// SPDX-License-Identifier: Apache-2.0
// Conv, QLinearConv: ONNX Conv v11, QLinearConv v10.
#include "Node.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

FailureOr<Value> createConv(Node &node, Value input, Value weight, Value bias) {
  Dims weightShape = shapeOf(weight);
  if (weightShape.size() != 4)
    return node.fail("only two-dimensional convolutions are supported, the weight is " + shapeText(weightShape));
  auto spatial = spatialAttributes(node, shapeOf(input), weightShape.drop_front(2));
  if (failed(spatial))
    return failure();
  int64_t group = node.integer("group", 1);
  Window window{spatial->kernel, spatial->strides, spatial->pads, spatial->dilations};
  auto type = node.resultType(input, convShape(shapeOf(input), weightShape, window, group, ChannelPosition::First));
  if (failed(type))
    return failure();
  if (bias && shapeOf(bias) != Dims{weightShape[0]})
    return node.fail("bias is " + shapeText(shapeOf(bias)) + " for " + llvm::Twine(weightShape[0]) +
                     " output channels");
  return node.builder
      .create<ConvOp>(node.location, *type, input, weight, bias, spatial->strides, spatial->pads, spatial->dilations,
                      group, Layout::NCHW)
      .getResult();
}

} // namespace

LogicalResult buildConv(Node &node) {
  bool hasBias = node.hasInput(2);
  auto inputs = node.floatInputs(hasBias ? 3 : 2);
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
