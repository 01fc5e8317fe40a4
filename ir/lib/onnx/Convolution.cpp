// SPDX-License-Identifier: Apache-2.0
// Conv v22.
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

} // namespace tw::ir::onnx
