// SPDX-License-Identifier: Apache-2.0
// BatchNormalization v15, InstanceNormalization v22, LayerNormalization v17, GroupNormalization v21, RMSNormalization
// v23, MeanVarianceNormalization v13, LpNormalization v22.
#include "Compose.h"
#include "TensorReader.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// [C] against dimension 1 of `rank`.
Value alongChannels(Compose &compose, Value value, size_t rank) {
  Shape shape(rank - 1, 1);
  shape[0] = elementCount(shapeOf(value));
  return compose.reshape(value, shape);
}

// What `count` inputs from the second on must have: one number for each channel.
LogicalResult checkChannels(Node &node, llvm::ArrayRef<Value> inputs) {
  const Dims shape = shapeOf(inputs[0]);
  if (shape.size() < 2)
    return node.fail("needs batch and channels, the input is " + shapeText(shape));
  for (size_t i = 1; i < inputs.size(); ++i)
    if (elementCount(shapeOf(inputs[i])) != shape[1])
      return node.fail("input " + llvm::Twine(i) + " is " + shapeText(shapeOf(inputs[i])) + " for " +
                       llvm::Twine(shape[1]) + " channels");
  return success();
}

struct Moments {
  Value centred, variance; // x - mean, and the mean of its square
  Value mean;
};
Moments momentsOf(Compose &compose, Value input, Dims axes) {
  Moments result;
  result.mean = compose.mean(input, axes, true);
  result.centred = compose.sub(input, result.mean);
  result.variance = compose.mean(compose.mul(result.centred, result.centred), axes, true);
  return result;
}

// 1 / sqrt(value + epsilon)
Value inverseRoot(Compose &compose, Value value, double epsilon) {
  return compose.div(compose.number(value, 1), compose.apply(UnaryKind::Sqrt, compose.add(value, epsilon)));
}

// What the statistics are computed in: float32, or float64 where the node says so. Real types below float32 are
// computed in float32.
FailureOr<ElementType> stashType(Node &node) {
  const int64_t asked = node.integer("stash_type", 1);
  const auto type = elementTypeOfOnnx(static_cast<int>(asked));
  if (!type || !isReal(*type))
    return node.fail("stash_type " + onnxTypeName(static_cast<int>(asked)) + " is no type of real numbers");
  return *type == ElementType::F64 ? ElementType::F64 : ElementType::F32;
}

// With the statistics of this batch, and the running ones moved towards them.
LogicalResult buildTrainingStep(Node &node, llvm::ArrayRef<Value> inputs, double epsilon) {
  Compose compose(node);
  const size_t rank = shapeOf(inputs[0]).size();
  Shape axes = iota(static_cast<int64_t>(rank) - 1, 1);
  axes[0] = 0;
  const Moments moments = momentsOf(compose, inputs[0], axes);
  Value scaled = compose.mul(compose.mul(moments.centred, inverseRoot(compose, moments.variance, epsilon)),
                             alongChannels(compose, inputs[1], rank));
  node.setResult(0, compose.add(scaled, alongChannels(compose, inputs[2], rank)));
  const double momentum = node.real("momentum", 0.9f);
  for (auto [index, current] : {std::pair(1, moments.mean), std::pair(2, moments.variance)}) {
    Value running = inputs[2 + index];
    Value moved = compose.mul(compose.reshape(current, shapeOf(running)), 1 - momentum);
    node.setResult(index, compose.add(compose.mul(running, momentum), moved));
  }
  return success();
}

} // namespace

// x * factor + offset: of constants both are folded, and the product in front of them takes them.
LogicalResult buildBatchNormalization(Node &node) {
  auto inputs = realInputs(node, 5);
  if (failed(inputs) || failed(checkChannels(node, *inputs)))
    return failure();
  if (node.version < 9 && !node.integer("spatial", 1))
    return node.fail("spatial 0 is not supported, only statistics for each channel");
  const double epsilon = node.real("epsilon", 1e-5f);
  if (node.version >= 14 && node.integer("training_mode", 0))
    return buildTrainingStep(node, *inputs, epsilon);
  Compose compose(node);
  const Value input = (*inputs)[0], scale = (*inputs)[1], bias = (*inputs)[2], mean = (*inputs)[3];
  const size_t rank = shapeOf(input).size();
  Value factor = compose.div(scale, compose.apply(UnaryKind::Sqrt, compose.add((*inputs)[4], epsilon)));
  Value offset = compose.sub(bias, compose.mul(mean, factor));
  Value scaled = compose.mul(input, alongChannels(compose, factor, rank));
  node.setResult(0, compose.add(scaled, alongChannels(compose, offset, rank)));
  return success();
}

LogicalResult buildInstanceNormalization(Node &node) {
  auto inputs = realInputs(node, 3);
  if (failed(inputs) || failed(checkChannels(node, *inputs)))
    return failure();
  Compose compose(node);
  const size_t rank = shapeOf((*inputs)[0]).size();
  const Moments moments = momentsOf(compose, (*inputs)[0], iota(static_cast<int64_t>(rank) - 2, 2));
  Value unit = compose.mul(moments.centred, inverseRoot(compose, moments.variance, node.real("epsilon", 1e-5f)));
  Value scaled = compose.mul(unit, alongChannels(compose, (*inputs)[1], rank));
  node.setResult(0, compose.add(scaled, alongChannels(compose, (*inputs)[2], rank)));
  return success();
}

// [N, C, ...] as [N, groups, C / groups, ...]. Version 18 has a scale for each group, version 21 one for each channel.
LogicalResult buildGroupNormalization(Node &node) {
  auto inputs = realInputs(node, 3);
  if (failed(inputs))
    return failure();
  const Value input = (*inputs)[0];
  const Dims shape = shapeOf(input);
  const int64_t groups = node.integer("num_groups", 0);
  if (shape.size() < 2 || groups < 1 || shape[1] % groups != 0)
    return node.fail("num_groups " + llvm::Twine(groups) + " does not divide the channels of " + shapeText(shape));
  const bool perGroup = node.version < 21;
  for (size_t i : {1, 2})
    if (elementCount(shapeOf((*inputs)[i])) != (perGroup ? groups : shape[1]))
      return node.fail("input " + llvm::Twine(i) + " is " + shapeText(shapeOf((*inputs)[i])) + " for " +
                       llvm::Twine(perGroup ? groups : shape[1]) + (perGroup ? " groups" : " channels"));
  auto stash = stashType(node);
  if (failed(stash))
    return failure();
  Compose compose(node);
  Shape grouped{shape[0], groups, shape[1] / groups};
  grouped.append(shape.begin() + 2, shape.end());
  const Moments moments = momentsOf(compose, compose.reshape(compose.cast(input, *stash), grouped),
                                    iota(static_cast<int64_t>(grouped.size()) - 2, 2));
  Value unit = compose.mul(moments.centred, inverseRoot(compose, moments.variance, node.real("epsilon", 1e-5f)));
  unit = compose.cast(unit, elementTypeOf(input.getType()));
  Shape parameter(grouped.size() - 1, 1);
  parameter[0] = groups;
  if (!perGroup)
    parameter[1] = shape[1] / groups;
  Value scaled = compose.mul(unit, compose.reshape((*inputs)[1], parameter));
  node.setResult(0, compose.reshape(compose.add(scaled, compose.reshape((*inputs)[2], parameter)), shape));
  return success();
}

// Over all dimensions from `axis` on; the mean and the inverse deviation are results, too.
LogicalResult buildLayerNormalization(Node &node) {
  auto inputs = realInputs(node, node.hasInput(2) ? 3 : 2);
  if (failed(inputs))
    return failure();
  const Value input = (*inputs)[0];
  const int64_t rank = static_cast<int64_t>(shapeOf(input).size());
  auto axis = node.axis(node.integer("axis", -1), rank);
  auto stash = stashType(node);
  if (failed(axis) || failed(stash))
    return failure();
  Compose compose(node);
  const Moments moments = momentsOf(compose, compose.cast(input, *stash), iota(rank - *axis, *axis));
  Value inverse = inverseRoot(compose, moments.variance, node.real("epsilon", 1e-5f));
  Value result = compose.cast(compose.mul(moments.centred, inverse), elementTypeOf(input.getType()));
  result = compose.mul(result, (*inputs)[1]);
  if (inputs->size() > 2)
    result = compose.add(result, (*inputs)[2]);
  if (!result)
    return failure();
  if (shapeOf(result) != shapeOf(input))
    return node.fail("scale and bias make " + shapeText(shapeOf(result)) + " of " + shapeText(shapeOf(input)));
  node.setResult(0, result);
  node.setResult(1, moments.mean);
  node.setResult(2, inverse);
  return success();
}

namespace {

// And the inverse of the root, as a second result of those that have it.
LogicalResult buildRootMeanSquare(Node &node) {
  auto inputs = realInputs(node, 2);
  if (failed(inputs))
    return failure();
  const Value input = (*inputs)[0];
  const int64_t rank = static_cast<int64_t>(shapeOf(input).size());
  auto axis = node.axis(node.integer("axis", -1), rank);
  auto stash = stashType(node);
  if (failed(axis) || failed(stash))
    return failure();
  Compose compose(node);
  Value x = compose.cast(input, *stash);
  Value square = compose.mean(compose.mul(x, x), iota(rank - *axis, *axis), true);
  Value inverse = inverseRoot(compose, square, node.real("epsilon", 1e-5f));
  Value unit = compose.mul(x, inverse);
  Value result = compose.mul(compose.cast(unit, elementTypeOf(input.getType())), (*inputs)[1]);
  if (!result)
    return failure();
  if (shapeOf(result) != shapeOf(input))
    return node.fail("the scale makes " + shapeText(shapeOf(result)) + " of " + shapeText(shapeOf(input)));
  node.setResult(0, result);
  node.setResult(1, inverse);
  return success();
}

} // namespace

LogicalResult buildRMSNormalization(Node &node) { return buildRootMeanSquare(node); }
LogicalResult buildSimplifiedLayerNormalization(Node &node) { return buildRootMeanSquare(node); }

// (x - mean) / (sqrt(mean(x^2) - mean(x)^2) + 1e-9)
LogicalResult buildMeanVarianceNormalization(Node &node) {
  auto inputs = realInputs(node, 1);
  if (failed(inputs))
    return failure();
  const Value input = inputs->front();
  Shape axes;
  for (int64_t asked : node.integers("axes").value_or(Shape{0, 2, 3})) {
    auto axis = node.axis(asked, static_cast<int64_t>(shapeOf(input).size()));
    if (failed(axis))
      return failure();
    if (!llvm::is_contained(axes, *axis))
      axes.push_back(*axis);
  }
  llvm::sort(axes);
  Compose compose(node);
  const Moments moments = momentsOf(compose, input, axes);
  Value deviation = compose.apply(UnaryKind::Sqrt, moments.variance);
  node.setResult(0, compose.div(moments.centred, compose.add(deviation, 1e-9)));
  return success();
}

// x / its norm; where that is 0, so is x.
LogicalResult buildLpNormalization(Node &node) {
  auto inputs = realInputs(node, 1);
  if (failed(inputs))
    return failure();
  const Value input = inputs->front();
  auto axis = node.axis(node.integer("axis", -1), static_cast<int64_t>(shapeOf(input).size()));
  if (failed(axis))
    return failure();
  const int64_t p = node.integer("p", 2);
  if (p != 1 && p != 2)
    return node.fail("p is " + llvm::Twine(p) + ", only 1 and 2 are norms here");
  Compose compose(node);
  Value powers = p == 1 ? compose.apply(UnaryKind::Abs, input) : compose.mul(input, input);
  Value norm = compose.reduce(ReduceKind::Sum, powers, {*axis}, true);
  if (p == 2)
    norm = compose.apply(UnaryKind::Sqrt, norm);
  Value isZero = compose.compare(CompareKind::Equal, norm, compose.number(norm, 0));
  node.setResult(0, compose.div(input, compose.where(isZero, compose.number(norm, 1), norm)));
  return success();
}

} // namespace tw::ir::onnx
