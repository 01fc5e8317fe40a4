// SPDX-License-Identifier: Apache-2.0
// What ONNX Runtime's optimiser makes of float operators in com.microsoft: FusedConv, FusedMatMul, FusedGemm, the
// Gelus, the layer normalisations, and EmbedLayerNormalization.
#include "NamedFunctions.h"
#include "Rewired.h"

#include <cmath>
#include <numbers>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

LogicalResult finish(Node &node, Value result, size_t index = 0) {
  if (!result)
    return failure();
  node.setResult(index, result);
  return success();
}

// The function named in `activation`; its numbers stand in `parameters`, or nothing does.
FailureOr<Value> activated(Node &node, Value value, llvm::ArrayRef<float> parameters) {
  const std::string name = node.text("activation", "");
  if (name.empty())
    return value;
  Compose compose(node);
  if (name == "Clip") {
    if (parameters.size() != 2)
      return node.fail("activation 'Clip' needs two activation_params, it has " + llvm::Twine(parameters.size()));
    return compose.min(compose.max(value, static_cast<double>(parameters[0])), static_cast<double>(parameters[1]));
  }
  int takes = 0;
  auto activation = activationOf(node, name, takes);
  if (failed(activation))
    return failure();
  if (takes >= 1 && !parameters.empty())
    activation->alpha = parameters[0];
  if (takes >= 2 && parameters.size() >= 2)
    activation->beta = parameters[1];
  return (*activation)(compose, value);
}

Value gelu(Node &node, Value x) {
  Compose c(node);
  return c.mul(c.mul(x, 0.5), c.add(c.apply(UnaryKind::Erf, c.div(x, std::numbers::sqrt2)), 1));
}

Value fastGelu(Node &node, Value x) {
  Compose c(node);
  constexpr double kCubic = 0.044715;
  const double slope = std::sqrt(2 / std::numbers::pi);
  Value inner = c.mul(c.add(x, c.mul(c.mul(c.mul(x, x), x), kCubic)), slope);
  return c.mul(c.mul(x, 0.5), c.add(c.tanh(inner), 1));
}

// x normalised over its last dimension; centred: less its mean.
Value normalised(Node &node, Value x, float epsilon, bool isCentred) {
  Compose c(node);
  if (!x || shapeOf(x).empty())
    return {};
  const int64_t last = static_cast<int64_t>(shapeOf(x).size()) - 1;
  if (isCentred)
    x = c.sub(x, c.mean(x, {last}, true));
  Value variance = c.mean(c.mul(x, x), {last}, true);
  return c.div(x, c.apply(UnaryKind::Sqrt, c.add(variance, static_cast<double>(epsilon))));
}

// The sum of input, skip and bias is a result, too.
LogicalResult buildSkip(Node &node, bool isCentred) {
  auto inputs = node.floatInputs(3);
  if (failed(inputs))
    return failure();
  const size_t beta = isCentred ? 3 : node.inputCount(), bias = isCentred ? 4 : 3;
  Compose c(node);
  Value sum = c.add((*inputs)[0], (*inputs)[1]);
  if (node.hasInput(bias))
    sum = c.add(sum, node.input(bias));
  constexpr float kEpsilon = 1e-12f;
  Value result = c.mul(normalised(node, sum, node.real("epsilon", kEpsilon), isCentred), (*inputs)[2]);
  if (node.hasInput(beta))
    result = c.add(result, node.input(beta));
  if (failed(finish(node, result)))
    return failure();
  return finish(node, sum, 3);
}

} // namespace

// x, weights, bias, what is added before the function
LogicalResult buildFusedConv(Node &node) {
  if (!node.input(0) || !node.input(1))
    return failure();
  Value bias = node.hasInput(2) ? node.input(2) : Value();
  auto result = Rewired(node, {node.input(0), node.input(1), bias}, 11).build(buildConv);
  if (failed(result))
    return failure();
  if (node.hasInput(3))
    result = Compose(node).add(*result, node.input(3));
  result = *result ? activated(node, *result, node.reals("activation_params").value_or(std::vector<float>()))
                   : FailureOr<Value>(failure());
  return succeeded(result) ? finish(node, *result) : failure();
}

LogicalResult buildFusedGemm(Node &node) {
  if (!node.input(0) || !node.input(1))
    return failure();
  Value c = node.hasInput(2) ? node.input(2) : Value();
  auto result = Rewired(node, {node.input(0), node.input(1), c}, 13).build(buildGemm);
  if (failed(result))
    return failure();
  const float numbers[] = {node.real("activation_alpha", 0), node.real("activation_beta", 0)};
  const bool hasAlpha = node.hasAttribute("activation_alpha"), hasBeta = node.hasAttribute("activation_beta");
  result = activated(node, *result, llvm::ArrayRef(numbers).take_front(hasBeta ? 2 : hasAlpha ? 1 : 0));
  return succeeded(result) ? finish(node, *result) : failure();
}

LogicalResult buildFusedMatMul(Node &node) {
  auto inputs = node.floatInputs(2);
  if (failed(inputs))
    return failure();
  if (node.integer("transBatchA", 0) || node.integer("transBatchB", 0))
    return node.fail("transBatchA and transBatchB are not supported");
  Compose compose(node);
  for (auto [index, attribute] : {std::pair<size_t, const char *>(0, "transA"), {1, "transB"}}) {
    Value &value = (*inputs)[index];
    const int64_t rank = shapeOf(value).size();
    if (!node.integer(attribute, 0) || rank < 2)
      continue;
    Shape perm;
    for (int64_t d = 0; d < rank; ++d)
      perm.push_back(d);
    std::swap(perm[rank - 1], perm[rank - 2]);
    value = compose.transpose(value, perm);
  }
  auto product = Rewired(node, *inputs, 13).build(buildMatMul);
  if (failed(product))
    return failure();
  const float alpha = node.real("alpha", 1);
  return finish(node, alpha == 1 ? *product : compose.mul(*product, static_cast<double>(alpha)));
}

// Gelu, BiasGelu: with an optional second input that is added first.
LogicalResult buildContribGelu(Node &node) {
  auto inputs = node.floatInputs(node.hasInput(1) ? 2 : 1);
  if (failed(inputs))
    return failure();
  Value x = inputs->size() == 2 ? Compose(node).add((*inputs)[0], (*inputs)[1]) : inputs->front();
  return finish(node, x ? gelu(node, x) : Value());
}

LogicalResult buildFastGelu(Node &node) {
  auto inputs = node.floatInputs(node.hasInput(1) ? 2 : 1);
  if (failed(inputs))
    return failure();
  Value x = inputs->size() == 2 ? Compose(node).add((*inputs)[0], (*inputs)[1]) : inputs->front();
  return finish(node, x ? fastGelu(node, x) : Value());
}

LogicalResult buildQuickGelu(Node &node) {
  auto inputs = node.floatInputs(1);
  if (failed(inputs))
    return failure();
  Compose c(node);
  Value x = inputs->front();
  return finish(node, c.mul(x, c.sigmoid(c.mul(x, static_cast<double>(node.real("alpha", 1.702f))))));
}

// word and segment numbers, tables of words, positions and segments, gamma, beta, mask, positions
LogicalResult buildEmbedLayerNormalization(Node &node) {
  Compose c(node);
  Value words = node.input(0);
  if (!words || !node.input(2) || !node.input(3) || !node.input(5) || !node.input(6))
    return failure();
  Dims shape = shapeOf(words);
  if (shape.size() != 2)
    return node.fail("input_ids are " + shapeText(shape) + ", expected batch and length");
  Value positions = node.hasInput(8) ? node.input(8) : c.places(ElementType::I32, shape[1], 1, 2);
  Value sum = c.add(c.gather(node.input(2), words, 0), c.gather(node.input(3), positions, 0));
  if (node.hasInput(1) != node.hasInput(4))
    return node.fail("segment_ids and segment_embedding come together, only one is there");
  if (node.hasInput(1))
    sum = c.add(sum, c.gather(node.input(4), node.input(1), 0));
  constexpr float kEpsilon = 1e-12f;
  Value result = c.mul(normalised(node, sum, node.real("epsilon", kEpsilon), true), node.input(5));
  if (failed(finish(node, c.add(result, node.input(6)))))
    return failure();
  // How many words of each sequence count.
  if (node.isOutputRead(1) && failed(finish(node,
                                            node.hasInput(7) ? c.reduce(ReduceKind::Sum, node.input(7), {1}, false)
                                                             : c.zeros(ElementType::I32, {shape[0]}),
                                            1)))
    return failure();
  return finish(node, sum, 2);
}

LogicalResult buildSkipLayerNormalization(Node &node) { return buildSkip(node, true); }
LogicalResult buildSkipSimplifiedLayerNormalization(Node &node) { return buildSkip(node, false); }

} // namespace tw::ir::onnx
