// SPDX-License-Identifier: Apache-2.0
#include "Windows.h"

#include "TensorReader.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// The taps of dimension `dim` become a dimension of their own behind it: [..., positions, taps, ...].
Value unfold(Node &node, Value padded, int64_t dim, int64_t positions, const SpatialAttributes &spatial,
             size_t window) {
  Compose compose(node);
  if (spatial.kernel[window] == 1 && spatial.strides[window] == 1) // each position is its own tap
    return compose.unsqueeze(padded, dim + 1);
  Tensor indices(ElementType::I32, {positions, spatial.kernel[window]});
  for (int64_t i = 0; i < indices.size(); ++i)
    indices.setInteger(i, i / spatial.kernel[window] * spatial.strides[window] +
                              i % spatial.kernel[window] * spatial.dilations[window]);
  return compose.gather(padded, node.constant("taps", indices), dim);
}

Value padDims(Compose &compose, Value input, const SpatialAttributes &spatial, size_t count) {
  Shape lo(shapeOf(input).size(), 0), hi(lo);
  for (size_t d = 0; d < count; ++d)
    lo[2 + d] = spatial.front(d), hi[2 + d] = spatial.back(d);
  return compose.pad(input, lo, hi, 0);
}

// What all windows of the first `count` dimensions hold, with these dimensions' taps as channels:
// [N, g, C/g * taps, positions..., other dimensions...].
Value tapsAsChannels(Node &node, Value input, const SpatialAttributes &spatial, size_t count, Dims positions,
                     int64_t group) {
  Compose compose(node);
  Value value = padDims(compose, input, spatial, count);
  Dims padded = shapeOf(value);
  Shape split{padded[0], group, padded[1] / group};
  split.append(padded.begin() + 2, padded.end());
  value = compose.reshape(value, split);
  for (size_t d = 0; d < count; ++d)
    value = unfold(node, value, static_cast<int64_t>(3 + 2 * d), positions[d], spatial, d);
  const Dims full = shapeOf(value);
  Shape perm{0, 1, 2}, shape{full[0], full[1], full[2]};
  for (size_t d = 0; d < count; ++d) {
    perm.push_back(static_cast<int64_t>(4 + 2 * d));
    shape[2] *= full[4 + 2 * d];
  }
  for (size_t d = 0; d < count; ++d)
    perm.push_back(static_cast<int64_t>(3 + 2 * d));
  for (size_t d = 3 + 2 * count; d < full.size(); ++d)
    perm.push_back(static_cast<int64_t>(d));
  shape.append(positions.begin(), positions.begin() + static_cast<int64_t>(count));
  shape.append(full.begin() + static_cast<int64_t>(3 + 2 * count), full.end());
  return compose.reshape(compose.transpose(value, perm), shape);
}

// As a product of matrices: what float32 has an operator for, other types do not.
Value convolveAsProduct(Node &node, Value input, Value weight, const SpatialAttributes &spatial, Dims positions,
                        int64_t group) {
  Compose compose(node);
  const Shape shape(shapeOf(input)), weightShape(shapeOf(weight));
  Value taps = tapsAsChannels(node, input, spatial, spatial.rank(), positions, group);
  const int64_t depth = shapeOf(taps)[2], outputs = weightShape[0] / group;
  taps = compose.reshape(taps, {shape[0], group, depth, elementCount(positions)});
  Value product = compose.matmul(compose.reshape(weight, {1, group, outputs, depth}), taps);
  Shape result{shape[0], weightShape[0]};
  result.append(positions.begin(), positions.end());
  return compose.reshape(product, result);
}

// All dimensions but the last two go to the batch, their taps to the channels.
Value convolveAsImages(Node &node, Value input, Value weight, Value bias, const SpatialAttributes &spatial,
                       Dims positions, int64_t group) {
  Compose compose(node);
  const size_t outer = spatial.rank() - 2;
  const Shape shape(shapeOf(input)), weightShape(shapeOf(weight));
  const Dims outside = positions.take_front(outer);
  if (outer > 0) {
    Value taps = tapsAsChannels(node, input, spatial, outer, positions, group);
    // [N, g, C/g * taps, positions..., H, W] -> [N, positions..., g, C/g * taps, H, W]
    Shape perm{0};
    for (size_t d = 0; d < outer; ++d)
      perm.push_back(static_cast<int64_t>(3 + d));
    for (int64_t d : {int64_t(1), int64_t(2), int64_t(3 + outer), int64_t(4 + outer)})
      perm.push_back(d);
    const int64_t channels = shapeOf(taps)[1] * shapeOf(taps)[2];
    input = compose.reshape(compose.transpose(taps, perm),
                            {shape[0] * elementCount(outside), channels, shape[2 + outer], shape[3 + outer]});
    weight =
        compose.reshape(weight, {weightShape[0], channels / group, weightShape[2 + outer], weightShape[3 + outer]});
  }
  const SpatialAttributes image = spatial.dims(outer, 2);
  const Window window{image.kernel, image.strides, image.pads, image.dilations};
  Shape result = llvm::cantFail(convShape(shapeOf(input), shapeOf(weight), window, group, ChannelPosition::First));
  Value value =
      node.builder.create<ConvOp>(node.location, RankedTensorType::get(result, node.builder.getF32Type()), input,
                                  weight, bias, image.strides, image.pads, image.dilations, group, Layout::NCHW);
  if (outer == 0)
    return value;
  Shape full{shape[0]}, perm{0, static_cast<int64_t>(1 + outer)}, last{shape[0], weightShape[0]};
  full.append(outside.begin(), outside.end());
  full.append(result.begin() + 1, result.end());
  for (size_t d = 0; d < outer; ++d)
    perm.push_back(static_cast<int64_t>(1 + d));
  perm.push_back(static_cast<int64_t>(2 + outer));
  perm.push_back(static_cast<int64_t>(3 + outer));
  return compose.transpose(compose.reshape(value, full), perm);
}

// Taps are as many elements as there are windows times what each holds.
LogicalResult checkTaps(Node &node, Dims input, const SpatialAttributes &spatial, size_t count, Dims positions) {
  Shape taps(input);
  for (size_t d = 0; d < count; ++d) {
    taps[2 + d] = positions[d];
    taps.push_back(spatial.kernel[d]);
  }
  if (elementCount(taps) > kMaxElements)
    return node.fail("what its windows hold are more than " + llvm::Twine(kMaxElements) + " elements");
  return success();
}

} // namespace

SpatialAttributes SpatialAttributes::dims(size_t from, size_t count) const {
  SpatialAttributes result;
  auto part = [&](Dims all, size_t begin) { return Shape(all.slice(begin, count)); };
  result.kernel = part(kernel, from);
  result.strides = part(strides, from);
  result.dilations = part(dilations, from);
  result.pads = part(pads, from);
  result.pads.append(part(pads, rank() + from));
  return result;
}

FailureOr<SpatialAttributes> spatialAttributes(Node &node, Dims input, std::optional<Dims> kernel) {
  if (input.size() < 3)
    return node.fail("needs an image of at least one dimension behind batch and channels, the input is " +
                     shapeText(input));
  if (llvm::is_contained(input.drop_front(1), 0)) // of no image there are no windows
    return node.fail("an image of " + shapeText(input) + " has no element to compute with");
  const size_t rank = input.size() - 2;
  SpatialAttributes result;
  auto kernelShape = node.integers("kernel_shape");
  if (!kernelShape && !kernel)
    return node.fail("kernel_shape is missing");
  if (kernelShape && kernel && Dims(*kernelShape) != *kernel)
    return node.fail("kernel_shape is " + shapeText(*kernelShape) + ", the weights have " + shapeText(*kernel));
  result.kernel = kernelShape ? *kernelShape : Shape(kernel->begin(), kernel->end());
  result.strides = node.integers("strides").value_or(Shape(rank, 1));
  result.dilations = node.integers("dilations").value_or(Shape(rank, 1));
  result.pads = node.integers("pads").value_or(Shape(2 * rank, 0));
  if (result.kernel.size() != rank || result.strides.size() != rank || result.dilations.size() != rank ||
      result.pads.size() != 2 * rank)
    return node.fail("kernel_shape, strides and dilations need " + llvm::Twine(rank) + " entries and pads " +
                     llvm::Twine(2 * rank) + " for an input of shape " + shapeText(input));
  constexpr int64_t kMost = int64_t(1) << 31; // products of two and sums of a few stay in range
  for (const Shape &numbers : {result.kernel, result.strides, result.dilations})
    if (llvm::any_of(numbers, [](int64_t n) { return n < 1 || n > kMost; }))
      return node.fail("kernel_shape, strides and dilations must be from 1 to " + llvm::Twine(kMost));
  if (llvm::any_of(result.pads, [](int64_t n) { return n < 0 || n > kMost; }))
    return node.fail("pads must be from 0 to " + llvm::Twine(kMost));
  std::string autoPad = node.text("auto_pad", "NOTSET");
  if (autoPad == "NOTSET" || autoPad.empty())
    return result;
  result.pads.assign(2 * rank, 0);
  if (autoPad == "VALID")
    return result;
  if (autoPad != "SAME_UPPER" && autoPad != "SAME_LOWER")
    return node.fail("auto_pad '" + autoPad + "' is not NOTSET, VALID, SAME_UPPER or SAME_LOWER");
  for (size_t d = 0; d < rank; ++d) {
    const int64_t extent = input[2 + d], stride = result.strides[d], output = (extent + stride - 1) / stride;
    const int64_t total = std::max<int64_t>(0, (output - 1) * stride + result.span(d) - extent), small = total / 2;
    result.pads[d] = autoPad == "SAME_UPPER" ? small : total - small;
    result.back(d) = total - result.pads[d];
  }
  return result;
}

FailureOr<Shape> windowPositions(Node &node, Dims input, const SpatialAttributes &spatial) {
  Shape positions;
  for (size_t d = 0; d < spatial.rank(); ++d) {
    const int64_t room = input[2 + d] + spatial.front(d) + spatial.back(d) - spatial.span(d);
    if (room < 0)
      return node.fail("window of " + llvm::Twine(spatial.span(d)) + " does not fit a padded extent of " +
                       llvm::Twine(room + spatial.span(d)));
    positions.push_back(room / spatial.strides[d] + 1);
  }
  return positions;
}

FailureOr<Value> createConvolution(Node &node, Value input, Value weight, Value bias, const SpatialAttributes &spatial,
                                   int64_t group) {
  const Shape shape(shapeOf(input)), weightShape(shapeOf(weight));
  if (weightShape.size() != shape.size())
    return node.fail("input " + shapeText(shape) + " and weight " + shapeText(weightShape) + " differ in rank");
  if (group < 1 || shape[1] != weightShape[1] * group || weightShape[0] % group != 0)
    return node.fail("input has " + llvm::Twine(shape[1]) + " channels, weight " + shapeText(weightShape) +
                     " with group " + llvm::Twine(group) + " needs " + llvm::Twine(weightShape[1] * group));
  if (llvm::is_contained(weightShape, 0))
    return node.fail("a weight of " + shapeText(weightShape) + " has no element to compute with");
  if (bias && shapeOf(bias) != Dims{weightShape[0]})
    return node.fail("bias is " + shapeText(shapeOf(bias)) + " for " + llvm::Twine(weightShape[0]) +
                     " output channels");
  auto positions = windowPositions(node, shape, spatial);
  if (failed(positions))
    return failure();
  const bool isProduct = elementTypeOf(input.getType()) != ElementType::F32;
  const size_t unfolded = isProduct ? spatial.rank() : spatial.rank() < 2 ? 0 : spatial.rank() - 2;
  if (failed(checkTaps(node, shape, spatial, unfolded, *positions)))
    return failure();
  Compose compose(node);
  if (isProduct) {
    Value value = convolveAsProduct(node, input, weight, spatial, *positions, group);
    Shape aligned(shape.size() - 1, 1);
    aligned[0] = weightShape[0];
    return bias ? compose.add(value, compose.reshape(bias, aligned)) : value;
  }
  if (spatial.rank() >= 2)
    return convolveAsImages(node, input, weight, bias, spatial, *positions, group);
  // One dimension: an image of one column.
  SpatialAttributes column = spatial;
  column.kernel.push_back(1);
  column.strides.push_back(1);
  column.dilations.push_back(1);
  column.pads = {spatial.front(0), 0, spatial.back(0), 0};
  auto withColumn = [&](Value value) {
    Shape wide(shapeOf(value));
    wide.push_back(1);
    return compose.reshape(value, wide);
  };
  positions->push_back(1);
  Value value = convolveAsImages(node, withColumn(input), withColumn(weight), bias, column, *positions, group);
  return compose.reshape(value, shapeOf(value).drop_back());
}

FailureOr<Value> createWindows(Node &node, Value input, const SpatialAttributes &spatial) {
  const Dims shape = shapeOf(input);
  auto positions = windowPositions(node, shape, spatial);
  if (failed(positions) || failed(checkTaps(node, shape, spatial, spatial.rank(), *positions)))
    return failure();
  return tapsAsChannels(node, input, spatial, spatial.rank(), *positions, shape[1]);
}

FailureOr<Value> createWindowSum(Node &node, Value input, const SpatialAttributes &spatial) {
  Shape ones{shapeOf(input)[1], 1};
  ones.append(spatial.kernel);
  if (elementCount(ones) > kMaxElements)
    return node.fail("a window of " + shapeText(spatial.kernel) + " is more than " + llvm::Twine(kMaxElements) +
                     " elements");
  Tensor weight(elementTypeOf(input.getType()), ones);
  for (int64_t i = 0; i < weight.size(); ++i)
    weight.setInteger(i, 1);
  return createConvolution(node, input, node.constant("ones", weight), Value(), spatial, ones[0]);
}

} // namespace tw::ir::onnx
