// SPDX-License-Identifier: Apache-2.0
// What transformers do to each row of the last axis: softmax with factors and masks, the parts of a layer norm.
#include "QdqBuilder.h"

#include <algorithm>

namespace tw::test {
namespace {

// [.., tokens, channels]: few tokens or many, channels of every width.
Dims drawRows(Choices &c) {
  const int64_t channels =
      c.once(3) ? c.pick<int64_t>({127, 128, 129, 197, 384, 512, 600, 768, 1000, 1024}) : c.between(1, 80);
  const int64_t tokens = std::min<int64_t>(c.between(1, 40), std::max<int64_t>(1, 20000 / channels));
  return c.once(2) ? Dims{c.between(1, 3), tokens, channels} : Dims{tokens, channels};
}

// Numbers of a mask for the last dimensions of a shape: causal, or at random with something in each row.
std::vector<float> drawMask(Choices &c, int64_t rows, int64_t channels, float taken, float left) {
  std::vector<float> mask;
  const bool isCausal = c.once(2);
  for (int64_t r = 0; r < rows; ++r) {
    const uint64_t kept = c.below(uint64_t(channels));
    for (int64_t i = 0; i < channels; ++i)
      mask.push_back((isCausal ? i <= r : i == int64_t(kept) || (i * 7 + r * 3) % 5 != 0) ? taken : left);
  }
  return mask;
}

Drawn drawSoftmax(QdqBuilder &b, const Quantised &x) {
  Choices &c = b.choices;
  std::string real = b.dequantise(x);
  const int64_t channels = x.shape.back(), tokens = x.shape[x.shape.size() - 2];
  if (c.once(2))
    real = b.node(c.pick({"Div", "Mul"}), {real, b.scalar(c.pick({8.0f, 0.5f, 5.6568542f, 0.0321f}))});
  const int64_t rows = c.once(3) ? 1 : tokens;
  const float left = c.pick({-10000.0f, -std::numeric_limits<float>::infinity(), -3.4028235e38f, -3.0f, 0.0f});
  switch (c.below(4)) {
  case 2: {
    const std::string condition = b.booleans({rows, channels}, drawMask(c, rows, channels, 1, 0));
    real = b.node("Where", {condition, real, b.scalar(left)});
    break;
  }
  case 3:
    real = b.node("Add", {real, b.floats({rows, channels}, drawMask(c, rows, channels, 0, left))});
    break;
  default:
    break;
  }
  real = b.node("Softmax", {real});
  ir::test::OnnxBuilder::attribute(b.last(), "axis", int64_t(-1));
  return {real, x.shape, 1};
}

std::string mean(QdqBuilder &b, const std::string &real) {
  const std::string result = b.node("ReduceMean", {real});
  ir::test::OnnxBuilder::attribute(b.last(), "axes", Dims{-1});
  return result;
}

// With a quantiser behind the variance or without; the mean may be left out, as in an RMS norm.
Drawn drawNorm(QdqBuilder &b, const Quantised &x) {
  Choices &c = b.choices;
  const bool isCentred = !c.once(3), isQuantised = !c.once(4);
  auto centred = [&] {
    const std::string real = b.dequantise(x);
    return isCentred ? b.node("Sub", {real, mean(b, b.dequantise(x))}) : real;
  };
  const std::string from = centred();
  std::string variance = mean(b, c.once(2) ? b.node("Mul", {from, from}) : b.node("Pow", {from, b.scalar(2)}));
  Dims one = x.shape;
  one.back() = 1;
  const double magnitude = 40.0 * x.quant.scale * 40.0 * x.quant.scale;
  if (isQuantised) {
    Quant quant = b.drawQuantFor(magnitude);
    quant.zero = quant.isUnsigned ? 0 : -128; // a root of what is negative is no number
    variance = b.dequantise(b.quantise(variance, one, quant));
  }
  const float eps = c.pick({1e-5f, 1e-12f, 1.0f});
  const std::string root = b.node("Sqrt", {b.node("Add", {variance, b.scalar(eps)})});
  std::string norm = c.once(3) ? b.node("Mul", {from, b.node("Div", {b.scalar(1), root})})
                               : b.node("Div", {c.once(2) ? centred() : from, root});
  auto forChannels = [&](float least, float most) {
    std::vector<float> numbers(static_cast<size_t>(x.shape.back()));
    for (float &number : numbers)
      number = c.once(8) ? 0 : least + (most - least) * float(c.below(1000)) / 1000;
    return b.floats({x.shape.back()}, numbers);
  };
  if (c.once(2))
    norm = b.node("Mul", {norm, forChannels(-0.5f, 1.5f)});
  if (c.once(2))
    norm = b.node("Add", {norm, forChannels(-2, 2)});
  return {norm, x.shape, 2};
}

} // namespace

Drawn drawRowOperator(QdqBuilder &builder) {
  const Quantised x = builder.input(drawRows(builder.choices), builder.drawQuant());
  return builder.choices.once(2) ? drawNorm(builder, x) : drawSoftmax(builder, x);
}

} // namespace tw::test
