// SPDX-License-Identifier: Apache-2.0
// Small graphs of quantised operators.
#include "QdqBuilder.h"

namespace tw::test {
namespace {

constexpr int64_t kMostElements = 1 << 13;

// A value of the graph: quantised, with how many read it.
struct Node {
  Quantised tensor;
  std::string real; // what was quantised; empty for an input
  int readers = 0;
};

// As exporters have it, or what was in front of the quantiser, as those for TensorRT do.
std::string drawReal(QdqBuilder &b, const Node &node) {
  return !node.real.empty() && b.choices.once(4) ? node.real : b.dequantise(node.tensor);
}

// Late values more often than early ones.
Node &pick(Choices &choices, std::vector<Node> &nodes) {
  const uint64_t back =
      choices.once(3) ? choices.below(nodes.size()) : choices.below(std::min<size_t>(nodes.size(), 2));
  return nodes[nodes.size() - 1 - back];
}

// Sum or product of two values of one shape: a residual.
std::optional<Drawn> drawResidual(QdqBuilder &b, std::vector<Node> &nodes) {
  Node &left = pick(b.choices, nodes);
  for (Node &right : nodes)
    if (&right != &left && right.tensor.shape == left.tensor.shape) {
      ++left.readers;
      ++right.readers;
      const double magnitude = 127.0 * (left.tensor.quant.scale + right.tensor.quant.scale);
      return Drawn{b.node(b.choices.pick({"Add", "Mul"}), {drawReal(b, left), drawReal(b, right)}), left.tensor.shape,
                   magnitude};
    }
  return std::nullopt;
}

// The classifier at the end of many networks.
std::optional<Drawn> drawHead(QdqBuilder &b, const Quantised &x) {
  const int64_t k = countOf(x.shape) / x.shape[0], n = b.choices.between(1, 20);
  const std::string flat = b.node("Flatten", {b.dequantise(x)});
  const auto weight = b.weight({n, k}, 0);
  const double magnitude = std::sqrt(double(k)) * 127 * x.quant.scale * 0.4 * 74 * weight.scales[0];
  const auto bias = b.bias({n}, x.quant.scale, weight, magnitude);
  // Exporters quantise the flattened value again with the same numbers.
  const Quantised again = b.quantise(flat, {x.shape[0], k}, x.quant);
  std::vector<std::string> inputs{b.dequantise(again), weight.real};
  if (!bias.real.empty())
    inputs.push_back(bias.real);
  Drawn drawn{b.node("Gemm", inputs), {x.shape[0], n}, magnitude};
  ir::test::OnnxBuilder::attribute(b.last(), "transB", int64_t(1));
  return drawn;
}

} // namespace

std::optional<std::string> makeGraphModel(Choices &choices) {
  QdqBuilder b(choices, 13);
  const Dims shape{1, choices.between(1, 20), choices.between(2, 10), choices.between(2, 10)};
  std::vector<Node> nodes{{b.input(shape, b.drawQuant()), ""}};
  bool hasFloatOutput = false;
  for (int64_t step = choices.between(1, 6); step > 0; --step) {
    std::optional<Drawn> drawn;
    if (choices.once(3)) {
      drawn = drawResidual(b, nodes);
    } else {
      Node &from = pick(choices, nodes);
      if (from.tensor.shape.size() != 4 || countOf(from.tensor.shape) > kMostElements)
        continue;
      ++from.readers;
      const Quantised image = from.tensor;
      drawn = step == 1 && choices.once(2) ? drawHead(b, image) : drawImageOperator(b, image);
    }
    if (!drawn)
      continue; // what was drawn for it is read by nobody
    if (choices.once(3))
      drawn->real = b.node("Relu", {drawn->real});
    if (choices.once(10)) { // the real value is asked for, too
      b.floatOutput(drawn->real, drawn->shape);
      hasFloatOutput = true;
    }
    const Quant quant = b.drawQuantFor(drawn->magnitude);
    nodes.push_back({b.quantise(drawn->real, drawn->shape, quant), drawn->real});
    if (choices.once(6)) // a second quantiser of one value: the same numbers, or others
      nodes.push_back(
          {b.quantise(drawn->real, drawn->shape, choices.once(2) ? b.drawQuantFor(drawn->magnitude) : quant),
           drawn->real});
  }
  if (nodes.size() == 1)
    return std::nullopt;
  bool hasOutput = hasFloatOutput;
  for (size_t i = 1; i < nodes.size(); ++i)
    if (nodes[i].readers == 0 || choices.once(8)) {
      if (choices.once(6))
        b.floatOutput(b.dequantise(nodes[i].tensor), nodes[i].tensor.shape);
      else
        b.output(nodes[i].tensor);
      hasOutput = true;
    }
  return hasOutput ? std::optional(b.bytes()) : std::nullopt;
}

} // namespace tw::test
