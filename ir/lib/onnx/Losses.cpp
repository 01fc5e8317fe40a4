// SPDX-License-Identifier: Apache-2.0
// NegativeLogLikelihoodLoss v22, SoftmaxCrossEntropyLoss v13: classes are dimension 1.
#include "Compose.h"

#include <numeric>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// target: a class for each place. A place whose class is ignored, or none, has no loss and no weight.
Value lossOf(Node &node, Value logProbabilities, Value target, Value weight) {
  Compose compose(node);
  const Shape shape(shapeOf(logProbabilities));
  Shape places(shape);
  places.erase(places.begin() + 1);
  if (shapeOf(target) != Dims(places)) {
    (void)node.fail("target is " + shapeText(shapeOf(target)) + ", the input " + shapeText(shape) + " needs " +
                    shapeText(places));
    return {};
  }
  target = compose.cast(target, ElementType::I64);
  Shape along(shape.size(), 1);
  along[1] = shape[1];
  std::vector<int64_t> numbers(shape[1]);
  std::iota(numbers.begin(), numbers.end(), 0);
  Value classes = node.constant("class", Tensor::of<int64_t>(along, numbers));
  Value isClass = compose.compare(CompareKind::Equal, compose.unsqueeze(target, 1), classes);
  const int64_t none = -1, ignored = node.integer("ignore_index", none);
  if (ignored >= 0 && ignored < shape[1]) {
    Tensor counts(ElementType::Bool, along);
    for (int64_t c = 0; c < shape[1]; ++c)
      counts.data<bool>()[c] = c != ignored;
    isClass = compose.apply(BinaryKind::And, isClass, node.constant("counts", counts));
  }
  if (weight && shapeOf(weight) != Dims{shape[1]}) {
    (void)node.fail("weight is " + shapeText(shapeOf(weight)) + ", expected " + llvm::Twine(shape[1]));
    return {};
  }
  Value zero = compose.number(ElementType::F32, 0);
  Value weights =
      compose.where(isClass, weight ? compose.reshape(weight, along) : compose.number(ElementType::F32, 1), zero);
  Value chosen = compose.where(isClass, compose.mul(logProbabilities, weights), zero); // not 0 * infinity
  Value loss = compose.apply(UnaryKind::Neg, compose.reduce(ReduceKind::Sum, chosen, {1}, false));
  const std::string reduction = node.text("reduction", "mean");
  if (reduction == "none")
    return loss;
  Shape axes(places.size());
  std::iota(axes.begin(), axes.end(), 0);
  Value sum = compose.reduce(ReduceKind::Sum, loss, axes, false);
  if (reduction == "sum")
    return sum;
  if (reduction == "mean")
    return compose.div(
        sum, compose.reduce(ReduceKind::Sum, compose.reduce(ReduceKind::Sum, weights, {1}, false), axes, false));
  (void)node.fail("reduction '" + reduction + "' is not none, sum or mean");
  return {};
}

struct LossInputs {
  Value input, target, weight;
};

FailureOr<LossInputs> readInputs(Node &node) {
  auto inputs = node.floatInputs(1);
  Value target = node.input(1), weight = node.hasInput(2) ? node.input(2) : Value();
  if (failed(inputs) || !target)
    return failure();
  if (shapeOf(inputs->front()).size() < 2)
    return node.fail("the input is " + shapeText(shapeOf(inputs->front())) + ", its dimension 1 must be the classes");
  return LossInputs{inputs->front(), target, weight};
}

} // namespace

LogicalResult buildNegativeLogLikelihoodLoss(Node &node) {
  auto inputs = readInputs(node);
  Value loss = succeeded(inputs) ? lossOf(node, inputs->input, inputs->target, inputs->weight) : Value();
  if (!loss)
    return failure();
  node.setResult(0, loss);
  return success();
}

// The second result is the logarithm of the softmax.
LogicalResult buildSoftmaxCrossEntropyLoss(Node &node) {
  auto inputs = readInputs(node);
  if (failed(inputs))
    return failure();
  Compose compose(node);
  Value rest = compose.sub(inputs->input, compose.reduce(ReduceKind::Max, inputs->input, {1}, true));
  Value sum = compose.reduce(ReduceKind::Sum, compose.apply(UnaryKind::Exp, rest), {1}, true);
  Value logProbabilities = compose.sub(rest, compose.apply(UnaryKind::Log, sum));
  Value loss = logProbabilities ? lossOf(node, logProbabilities, inputs->target, inputs->weight) : Value();
  if (!loss)
    return failure();
  node.setResult(0, loss);
  node.setResult(1, logProbabilities);
  return success();
}

} // namespace tw::ir::onnx
