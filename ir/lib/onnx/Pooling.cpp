// SPDX-License-Identifier: Apache-2.0
// MaxPool v12, AveragePool v11, the global pools, ReduceMean v13.
#include "Node.h"

#include <numeric>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// ceil_mode is padding at the far side that no element fills, for one more window: but a window that would begin behind
// the image and its padding in front is dropped (ONNX since opset 22, and what exporters and runtimes always did).
void applyCeilMode(SpatialAttributes &spatial, Dims input) {
  for (int d = 0; d < 2; ++d) {
    const int64_t span = (spatial.kernel[d] - 1) * spatial.dilations[d] + 1, front = input[2 + d] + spatial.pads[d];
    const int64_t room = front + spatial.pads[d + 2] - span, rest = room % spatial.strides[d];
    const int64_t missing = spatial.strides[d] - rest;
    if (rest > 0 && room + missing < front)
      spatial.pads[d + 2] += missing;
  }
}

FailureOr<SpatialAttributes> poolAttributes(Node &node, Dims input) {
  auto spatial = spatialAttributes(node, input, std::nullopt);
  if (succeeded(spatial) && node.integer("ceil_mode", 0))
    applyCeilMode(*spatial, input);
  return spatial;
}

// A window must hold at least one element of the image.
LogicalResult checkPads(Node &node, const SpatialAttributes &spatial) {
  for (int d = 0; d < 2; ++d)
    if (std::max(spatial.pads[d], spatial.pads[d + 2]) > (spatial.kernel[d] - 1) * spatial.dilations[d])
      return node.fail("padding " + llvm::Twine(std::max(spatial.pads[d], spatial.pads[d + 2])) +
                       " reaches a window of only padding (kernel " + llvm::Twine(spatial.kernel[d]) + ")");
  return success();
}

} // namespace

LogicalResult buildMaxPool(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  auto spatial = poolAttributes(node, shapeOf(input));
  if (failed(spatial) || failed(checkPads(node, *spatial)))
    return failure();
  if (node.integer("storage_order", 0))
    return node.fail("storage_order 1 is not supported");
  Window window{spatial->kernel, spatial->strides, spatial->pads, spatial->dilations};
  auto type = node.resultType(input, poolShape(shapeOf(input), window, ChannelPosition::First));
  if (failed(type))
    return failure();
  node.setResult(0, node.builder.create<MaxPoolOp>(node.location, *type, input, spatial->kernel, spatial->strides,
                                                   spatial->pads, spatial->dilations, Layout::NCHW));
  return success();
}

LogicalResult buildGlobalMaxPool(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  Dims shape = shapeOf(input);
  if (shape.size() != 4)
    return node.fail("only images of rank 4 are supported, the input is " + shapeText(shape));
  const int64_t ones[] = {1, 1}, zeros[] = {0, 0, 0, 0};
  auto type = node.resultType(input, Shape{shape[0], shape[1], 1, 1});
  node.setResult(0, node.builder.create<MaxPoolOp>(node.location, *type, input, shape.drop_front(2), ones, zeros, ones,
                                                   Layout::NCHW));
  return success();
}

LogicalResult buildAveragePool(Node &node) {
  auto inputs = node.floatInputs(1);
  if (failed(inputs))
    return failure();
  Value input = inputs->front();
  auto spatial = poolAttributes(node, shapeOf(input));
  if (failed(spatial) || failed(checkPads(node, *spatial)))
    return failure();
  bool includePad = node.integer("count_include_pad", 0);
  if (includePad && node.integer("ceil_mode", 0))
    return node.fail("count_include_pad together with ceil_mode is not supported");
  if (spatial->dilations != Shape{1, 1})
    return node.fail("dilations " + shapeText(spatial->dilations) + " are not supported");
  Window window{spatial->kernel, spatial->strides, spatial->pads, spatial->dilations};
  auto type = node.resultType(input, poolShape(shapeOf(input), window, ChannelPosition::First));
  if (failed(type))
    return failure();
  node.setResult(0, node.builder.create<AveragePoolOp>(node.location, *type, input, spatial->kernel, spatial->strides,
                                                       spatial->pads, includePad, Layout::NCHW));
  return success();
}

LogicalResult buildGlobalAveragePool(Node &node) {
  auto inputs = node.floatInputs(1);
  if (failed(inputs))
    return failure();
  Value input = inputs->front();
  Shape axes(shapeOf(input).size() < 2 ? 0 : shapeOf(input).size() - 2);
  std::iota(axes.begin(), axes.end(), 2);
  auto type = node.resultType(input, reduceShape(shapeOf(input), axes, true));
  if (failed(type))
    return failure();
  node.setResult(0, node.builder.create<ReduceMeanOp>(node.location, *type, input, axes, true));
  return success();
}

} // namespace tw::ir::onnx
