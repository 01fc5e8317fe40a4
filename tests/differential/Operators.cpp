// SPDX-License-Identifier: Apache-2.0
// Single operators with random shapes and attributes.
#include "QdqBuilder.h"

#include <algorithm>
#include <functional>

namespace tw::test {
namespace {

using Builder = ir::test::OnnxBuilder;

constexpr int64_t kMostMacs = 1 << 21, kMostElements = 1 << 17; // a case must take milliseconds

void attribute(QdqBuilder &b, const char *name, int64_t value) { Builder::attribute(b.last(), name, value); }
void attribute(QdqBuilder &b, const char *name, const Dims &values) { Builder::attribute(b.last(), name, values); }
void attribute(QdqBuilder &b, const char *name, float value) { Builder::attribute(b.last(), name, value); }
void attribute(QdqBuilder &b, const char *name, const char *text) {
  auto &attribute = *b.last().add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto_AttributeType_STRING);
  attribute.set_s(text);
}

double realRange(const Quant &quant) { return 127.0 * quant.scale; }

// Mostly small, now and then around a field's or a block's end, up to 1300.
int64_t drawExtent(Choices &choices) {
  switch (choices.below(8)) {
  case 6:
    return choices.pick<int64_t>({15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129});
  case 7:
    return choices.pick<int64_t>({255, 256, 257, 300, 511, 513, 640, 1000, 1024, 1280, 1300});
  default:
    return choices.between(1, 12);
  }
}

// [N, C, H, W] with few long dimensions.
Dims drawImage(Choices &choices) {
  Dims shape{choices.once(12) ? 2 : 1, drawExtent(choices), drawExtent(choices), drawExtent(choices)};
  for (size_t d = 1; countOf(shape) > kMostElements && d < 4; ++d)
    shape[d] = std::min<int64_t>(shape[d], 9);
  return shape;
}

// kernel, strides, dilations, pads; padding that no window would fill otherwise is not drawn.
struct Spatial {
  Dims kernel, strides, dilations, pads;
};

std::optional<Spatial> drawSpatial(Choices &choices, const Dims &image, bool isDilated) {
  Spatial s;
  for (int d = 0; d < 2; ++d) {
    s.kernel.push_back(choices.once(24) ? choices.between(6, 16) : choices.between(1, 5));
    s.strides.push_back(choices.once(3) ? choices.between(2, 4) : 1);
    s.dilations.push_back(isDilated && choices.once(6) ? choices.pick<int64_t>({2, 2, 3, 9, 16, 24}) : 1);
  }
  s.pads.assign(4, 0);
  auto reach = [&](size_t side) { return (s.kernel[side % 2] - 1) * s.dilations[side % 2]; };
  if (choices.once(2)) // the same all around, as far as the kernel goes
    for (size_t side = 0; side < 4; ++side)
      s.pads[side] = reach(side) / 2;
  else if (choices.once(3))
    for (size_t side = 0; side < 4; ++side)
      s.pads[side] = choices.between(0, reach(side));
  for (size_t d = 0; d < 2; ++d)
    if (image[2 + d] + s.pads[d] + s.pads[d + 2] < (s.kernel[d] - 1) * s.dilations[d] + 1)
      return std::nullopt;
  return s;
}

int64_t outputExtent(const Spatial &s, size_t d, int64_t in, bool isCeil = false) {
  const int64_t room = in + s.pads[d] + s.pads[d + 2] - ((s.kernel[d] - 1) * s.dilations[d] + 1);
  int64_t extent = (room + (isCeil ? s.strides[d] - 1 : 0)) / s.strides[d] + 1;
  if (isCeil && (extent - 1) * s.strides[d] >= in + s.pads[d]) // a window that would begin in the padding
    --extent;
  return extent;
}

// Padding in an operator of its own in front of a convolution, quantised again or not.
std::string drawPadded(QdqBuilder &b, const Quantised &image, Dims &shape) {
  Choices &c = b.choices;
  Dims pads(8, 0);
  for (size_t d : {2, 3, 6, 7})
    shape[d % 4] += pads[d] = c.between(0, 2);
  const std::string real = b.node("Pad", {b.dequantise(image), b.integers(pads)});
  return c.once(2) ? b.dequantise(b.quantise(real, shape, image.quant)) : real;
}

std::optional<Drawn> drawConv(QdqBuilder &b, const Quantised &given) {
  Choices &c = b.choices;
  Quantised image = given;
  std::string real;
  if (c.once(8))
    real = drawPadded(b, given, image.shape);
  auto spatial = drawSpatial(c, image.shape, true);
  if (!spatial)
    return std::nullopt;
  const int64_t channels = image.shape[1];
  int64_t group = 1, outputs = drawExtent(c);
  switch (c.below(4)) {
  case 2: // depthwise, now and then with a multiplier
    group = channels;
    outputs = channels * (c.once(4) ? c.between(2, 3) : 1);
    break;
  case 3:
    group = c.pick<int64_t>({2, 3, 4});
    if (channels % group != 0)
      return std::nullopt;
    outputs = group * c.between(1, 8);
    break;
  default:
    break;
  }
  const Dims shape{image.shape[0], outputs, outputExtent(*spatial, 0, image.shape[2]),
                   outputExtent(*spatial, 1, image.shape[3])};
  const int64_t depth = channels / group * spatial->kernel[0] * spatial->kernel[1];
  if (shape[2] < 1 || shape[3] < 1 || countOf(shape) * depth > kMostMacs || countOf(shape) > kMostElements)
    return std::nullopt;
  const auto weight = b.weight({outputs, channels / group, spatial->kernel[0], spatial->kernel[1]}, 0);
  const double magnitude = std::sqrt(double(depth)) * realRange(image.quant) * 0.4 * 74 * weight.scales[0];
  const auto bias = b.bias({outputs}, image.quant.scale, weight, magnitude);
  std::vector<std::string> inputs{real.empty() ? b.dequantise(image) : real, weight.real};
  if (!bias.real.empty())
    inputs.push_back(bias.real);
  Drawn drawn{b.node("Conv", inputs), shape, magnitude};
  attribute(b, "kernel_shape", spatial->kernel);
  attribute(b, "strides", spatial->strides);
  attribute(b, "dilations", spatial->dilations);
  const bool isSame = spatial->dilations == Dims{1, 1} && spatial->strides == Dims{1, 1} &&
                      spatial->pads == Dims{spatial->kernel[0] / 2, spatial->kernel[1] / 2,
                                            (spatial->kernel[0] - 1) / 2, (spatial->kernel[1] - 1) / 2};
  if (isSame && c.once(4))
    attribute(b, "auto_pad", "SAME_LOWER"); // the odd element of padding comes first
  else
    attribute(b, "pads", spatial->pads);
  attribute(b, "group", group);
  return drawn;
}

// QLinearConv and QLinearMatMul: scales and zero points are inputs of the operator itself.
std::optional<Quantised> drawQLinear(QdqBuilder &b) {
  Choices &c = b.choices;
  const bool isConv = c.once(2);
  const Dims shape = isConv ? drawImage(c) : Dims{c.between(1, 12), drawExtent(c)};
  const int64_t outputs = drawExtent(c), kernel = isConv ? c.between(1, 3) : 1, depth = shape[1] * kernel * kernel;
  if (isConv && (shape[2] < kernel || shape[3] < kernel))
    return std::nullopt;
  Dims result =
      isConv ? Dims{shape[0], outputs, shape[2] - kernel + 1, shape[3] - kernel + 1} : Dims{shape[0], outputs};
  if (countOf(result) * depth > kMostMacs || countOf(result) > kMostElements)
    return std::nullopt;
  const Quantised x = b.input(shape, b.drawQuant());
  const auto weight =
      b.weight(isConv ? Dims{outputs, shape[1], kernel, kernel} : Dims{shape[1], outputs}, isConv ? 0 : 1);
  const double magnitude = std::sqrt(double(depth)) * realRange(x.quant) * 0.4 * 74 * weight.scales[0];
  const Quant quant = b.drawQuantFor(magnitude);
  std::vector<std::string> inputs{
      x.name,      b.scalar(x.quant.scale), b.zeroPoint(x.quant), weight.integers, weight.scale,
      weight.zero, b.scalar(quant.scale),   b.zeroPoint(quant)};
  if (isConv)
    if (const auto bias = b.bias({outputs}, x.quant.scale, weight, magnitude); !bias.integers.empty())
      inputs.push_back(bias.integers);
  return Quantised{b.node(isConv ? "QLinearConv" : "QLinearMatMul", inputs), result, quant};
}

std::optional<Drawn> drawPool(QdqBuilder &b, const Quantised &image) {
  Choices &c = b.choices;
  const uint64_t kind = c.below(4); // MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool
  if (kind >= 2)
    return Drawn{b.node(kind == 2 ? "GlobalAveragePool" : "GlobalMaxPool", {b.dequantise(image)}),
                 {image.shape[0], image.shape[1], 1, 1},
                 realRange(image.quant) * (kind == 2 ? 0.2 : 1)};
  auto spatial = drawSpatial(c, image.shape, false);
  if (!spatial)
    return std::nullopt;
  if (c.once(10)) { // one window over nearly all
    spatial->kernel = {image.shape[2], image.shape[3]};
    spatial->pads.assign(4, 0);
  }
  const bool isCeil = c.once(5);
  const Dims shape{image.shape[0], image.shape[1], outputExtent(*spatial, 0, image.shape[2], isCeil),
                   outputExtent(*spatial, 1, image.shape[3], isCeil)};
  if (shape[2] < 1 || shape[3] < 1 || countOf(shape) * spatial->kernel[0] * spatial->kernel[1] > kMostMacs)
    return std::nullopt;
  Drawn drawn{b.node(kind == 0 ? "MaxPool" : "AveragePool", {b.dequantise(image)}), shape,
              realRange(image.quant) * 0.7};
  attribute(b, "kernel_shape", spatial->kernel);
  attribute(b, "strides", spatial->strides);
  attribute(b, "pads", spatial->pads);
  if (isCeil)
    attribute(b, "ceil_mode", int64_t(1));
  if (kind == 1 && c.once(2))
    attribute(b, "count_include_pad", int64_t(1));
  return drawn;
}

std::optional<Drawn> drawUnary(QdqBuilder &b, const Quantised &x) {
  Choices &c = b.choices;
  std::string real = b.dequantise(x);
  double magnitude = realRange(x.quant);
  for (int64_t k = c.between(1, 2); k > 0; --k)
    switch (c.below(9)) {
    case 0:
      real = b.node("Relu", {real});
      break;
    case 1:
      real = b.node("Sigmoid", {real});
      magnitude = 1;
      break;
    case 2:
      real = b.node("Tanh", {real});
      magnitude = std::min(magnitude, 1.0);
      break;
    case 3:
      real = b.node("LeakyRelu", {real});
      attribute(b, "alpha", c.pick({0.1f, 0.01f, 0.7f}));
      break;
    case 4:
      real = b.node("HardSigmoid", {real});
      magnitude = 1;
      break;
    case 5: // a value and its own function
      real = b.node(c.pick({"Mul", "Add", "Max", "Div"}), {real, b.node(c.pick({"Sigmoid", "Tanh"}), {real})});
      break;
    case 6: // twice the same
      real = b.node(c.pick({"Mul", "Add", "Sub"}), {real, real});
      magnitude *= std::max(magnitude, 1.0);
      break;
    case 7: { // with a number
      std::vector<std::string> inputs{real, b.scalar(c.pick({0.5f, 3.0f, -1.25f, 1e-3f}))};
      if (c.once(2))
        std::swap(inputs[0], inputs[1]);
      real = b.node(c.pick({"Mul", "Add", "Sub", "Min"}), inputs);
      break;
    }
    default:
      real = b.node("Clip", {real, b.scalar(c.pick({0.0f, -1.0f})), b.scalar(c.pick({6.0f, 1.0f}))});
      magnitude = std::min(magnitude, 6.0);
      break;
    }
  return Drawn{real, x.shape, magnitude};
}

std::optional<Drawn> drawResize(QdqBuilder &b, const Quantised &image) {
  Choices &c = b.choices;
  const int64_t up = c.between(1, 3), across = c.between(1, 3);
  Dims shape = image.shape;
  shape[2] *= up;
  shape[3] *= across;
  if (countOf(shape) > kMostElements)
    return std::nullopt;
  const std::string scales = b.floats({4}, {1, 1, float(up), float(across)});
  Drawn drawn{b.node("Resize", {b.dequantise(image), "", scales}), shape, realRange(image.quant)};
  attribute(b, "mode", c.once(2) ? "linear" : "nearest");
  attribute(b, "coordinate_transformation_mode",
            c.pick({"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"}));
  attribute(b, "nearest_mode", c.pick({"floor", "round_prefer_floor", "ceil", "round_prefer_ceil"}));
  return drawn;
}

std::optional<Drawn> drawMove(QdqBuilder &b, const Quantised &x) {
  Choices &c = b.choices;
  const std::string real = b.dequantise(x);
  const double magnitude = realRange(x.quant);
  switch (c.below(6)) {
  case 4: { // Flatten
    Drawn drawn{b.node("Flatten", {real}), {x.shape[0], x.shape[1] * x.shape[2] * x.shape[3]}, magnitude};
    return drawn;
  }
  case 5: // what passes its value on
    return Drawn{b.node(c.pick({"Identity", "Dropout"}), {real}), x.shape, magnitude};
  case 0: { // Pad
    Dims pads(8, 0), shape = x.shape;
    for (size_t d = 2; d < 4; ++d) {
      pads[d] = c.between(0, 3);
      pads[d + 4] = c.between(0, 3);
      shape[d] += pads[d] + pads[d + 4];
    }
    std::vector<std::string> inputs{real, b.integers(pads)};
    if (c.once(2))
      inputs.push_back(b.scalar(c.pick({0.0f, 1.5f, -0.37f})));
    return Drawn{b.node("Pad", inputs), shape, magnitude};
  }
  case 1: { // Transpose
    Drawn drawn{b.node("Transpose", {real}), {}, magnitude};
    const Dims perm = c.once(2) ? Dims{0, 2, 3, 1} : Dims{0, 1, 3, 2};
    for (int64_t from : perm)
      drawn.shape.push_back(x.shape[size_t(from)]);
    attribute(b, "perm", perm);
    return drawn;
  }
  case 2: // Reshape
    return Drawn{b.node("Reshape", {real, b.integers({x.shape[0], -1, 1, x.shape[3]})}),
                 {x.shape[0], x.shape[1] * x.shape[2], 1, x.shape[3]},
                 magnitude};
  default: { // ReduceMean
    const Dims axes = c.pick<Dims>({{2, 3}, {2}, {3}, {1}, {1, 2, 3}});
    Drawn drawn{b.node("ReduceMean", {real}), x.shape, magnitude * 0.3};
    for (int64_t axis : axes)
      drawn.shape[size_t(axis)] = 1;
    attribute(b, "axes", axes);
    return drawn;
  }
  }
}

// Elements that change their places: channels shuffled, a part taken, dimensions in any order.
std::optional<Drawn> drawRearranged(QdqBuilder &b, const Quantised &x) {
  Choices &c = b.choices;
  const std::string real = b.dequantise(x);
  const double magnitude = realRange(x.quant);
  switch (c.below(3)) {
  case 0: {
    const int64_t groups = c.pick<int64_t>({2, 2, 3, 4});
    if (x.shape[1] % groups != 0)
      return std::nullopt;
    const std::string parts =
        b.node("Reshape", {real, b.integers({x.shape[0], groups, x.shape[1] / groups, x.shape[2], x.shape[3]})});
    const std::string turned = b.node("Transpose", {parts});
    attribute(b, "perm", Dims{0, 2, 1, 3, 4});
    return Drawn{b.node("Reshape", {turned, b.integers(x.shape)}), x.shape, magnitude};
  }
  case 1: {
    const size_t axis = size_t(c.between(1, 3));
    const int64_t extent = x.shape[axis], step = c.once(3) ? c.between(1, 3) : 1, start = c.between(0, extent - 1),
                  end = c.between(start + 1, extent);
    Drawn drawn{b.node("Slice",
                       {real, b.integers({start}), b.integers({end}), b.integers({int64_t(axis)}), b.integers({step})}),
                x.shape, magnitude};
    drawn.shape[axis] = (end - start + step - 1) / step;
    return drawn;
  }
  default: {
    const Dims perm = c.pick<Dims>({{0, 2, 3, 1}, {0, 3, 1, 2}, {0, 3, 2, 1}, {0, 2, 1, 3}});
    Drawn drawn{b.node("Transpose", {real}), {}, magnitude};
    for (int64_t from : perm)
      drawn.shape.push_back(x.shape[size_t(from)]);
    attribute(b, "perm", perm);
    return drawn;
  }
  }
}

// Add, Sub, Mul, Min, Max of a tensor and another of the same shape or one that is broadcast.
std::optional<Drawn> drawBinary(QdqBuilder &b, const Quantised &x) {
  Choices &c = b.choices;
  Dims other = x.shape;
  switch (c.below(5)) {
  case 1:
    other = {1, x.shape[1], 1, 1};
    break;
  case 2:
    other = {x.shape[3]};
    break;
  case 3:
    other = {};
    break;
  case 4:
    other = {x.shape[0], 1, x.shape[2], x.shape[3]};
    break;
  default:
    break;
  }
  Quantised y = x;
  if (c.once(6)) { // real numbers
    std::vector<float> numbers;
    for (int64_t i = 0; i < countOf(other); ++i)
      numbers.push_back(c.pick({0.0f, 1.0f, -0.7f, 1.3f, 2.5f, 1e-6f}));
    std::vector<std::string> inputs{b.dequantise(x), b.floats(other, numbers)};
    if (c.once(3))
      std::swap(inputs[0], inputs[1]);
    return Drawn{b.node(c.pick({"Mul", "Add", "Sub"}), inputs), x.shape, realRange(x.quant) + 1};
  }
  if (const uint64_t kind = c.below(8); kind == 6) // a constant
    y = b.constant(other, b.drawQuant());
  else if (kind != 7) // otherwise of itself
    y = b.input(other, b.drawQuant());
  std::string left = b.dequantise(x), right = b.dequantise(y);
  if (c.once(2))
    std::swap(left, right);
  const char *type = c.pick({"Add", "Mul", "Sub", "Max", "Min"});
  const double p = realRange(x.quant), q = realRange(y.quant);
  return Drawn{b.node(type, {left, right}), x.shape, type == std::string("Mul") ? p * q * 0.5 : p + q};
}

std::optional<Drawn> drawSoftmax(QdqBuilder &b, const Quantised &x) {
  Drawn drawn{b.node("Softmax", {b.dequantise(x)}), x.shape, 1};
  attribute(b, "axis", b.choices.pick<int64_t>({-1, 1}));
  return drawn;
}

std::optional<Drawn> drawConcat(QdqBuilder &b, const Quantised &x) {
  Choices &c = b.choices;
  const int64_t axis = c.between(1, 3);
  std::vector<std::string> inputs{b.dequantise(x)};
  Dims shape = x.shape;
  for (int64_t k = c.between(1, 2); k > 0; --k) {
    Dims other = x.shape;
    other[size_t(axis)] = c.between(1, 20);
    if (c.once(12)) { // an operand with nothing in it
      other[size_t(axis)] = 0;
      inputs.push_back(b.floats(other, {}));
    } else {
      inputs.push_back(b.dequantise(b.input(other, c.once(2) ? b.drawQuant() : x.quant)));
    }
    shape[size_t(axis)] += other[size_t(axis)];
  }
  if (c.once(2))
    std::reverse(inputs.begin(), inputs.end());
  Drawn drawn{b.node("Concat", inputs), shape, realRange(x.quant)};
  attribute(b, "axis", axis);
  return drawn;
}

// Gemm with every form of C, transposes, factors.
std::optional<Drawn> drawGemm(QdqBuilder &b) {
  Choices &c = b.choices;
  const int64_t m = c.once(2) ? c.between(1, 20) : 1, k = drawExtent(c), n = c.once(4) ? m : drawExtent(c);
  if (m * n * k > kMostMacs)
    return std::nullopt;
  const bool transA = c.once(8), transB = c.once(2);
  const bool isWeightFirst = c.once(8);
  const Quantised a = isWeightFirst ? b.input(transB ? Dims{n, k} : Dims{k, n}, b.drawQuant())
                                    : b.input(transA ? Dims{k, m} : Dims{m, k}, b.drawQuant());
  const auto weight = isWeightFirst ? b.weight(transA ? Dims{k, m} : Dims{m, k}, transA ? 1 : 0)
                                    : b.weight(transB ? Dims{n, k} : Dims{k, n}, transB ? 0 : 1);
  const double magnitude = std::sqrt(double(k)) * realRange(a.quant) * 0.4 * 74 * weight.scales[0];
  const Dims cShape = c.pick<Dims>({{n}, {1, n}, {m, 1}, {m, n}, {1}, {}});
  const auto bias = b.bias(cShape, a.quant.scale, weight, magnitude);
  std::vector<std::string> inputs{b.dequantise(a), weight.real};
  if (isWeightFirst)
    std::swap(inputs[0], inputs[1]);
  if (!bias.real.empty())
    inputs.push_back(bias.real);
  Drawn drawn{b.node("Gemm", inputs), {m, n}, magnitude};
  attribute(b, "transA", int64_t(transA));
  attribute(b, "transB", int64_t(transB));
  if (c.once(10)) {
    attribute(b, "alpha", c.pick({0.5f, -0.75f, 3.0f, 0.0f}));
    attribute(b, "beta", c.pick({2.0f, 0.1f, -1.0f}));
  }
  return drawn;
}

// MatMul by constants, with a bias in an Add of its own, or of two activations.
std::optional<Drawn> drawMatmul(QdqBuilder &b) {
  Choices &c = b.choices;
  const int64_t m = c.between(1, 20), k = drawExtent(c), n = drawExtent(c), batch = c.once(3) ? c.between(2, 3) : 1;
  if (batch * m * n * k > kMostMacs)
    return std::nullopt;
  const Quantised a = b.input(batch > 1 ? Dims{batch, m, k} : Dims{m, k}, b.drawQuant());
  const Dims shape = batch > 1 ? Dims{batch, m, n} : Dims{m, n};
  if (c.once(3)) {
    const Quantised other = b.input(batch > 1 && c.once(2) ? Dims{batch, k, n} : Dims{k, n}, b.drawQuant());
    const double magnitude = std::sqrt(double(k)) * realRange(a.quant) * realRange(other.quant) * 0.3;
    return Drawn{b.node("MatMul", {b.dequantise(a), b.dequantise(other)}), shape, magnitude};
  }
  if (c.once(6)) { // weights first
    const auto first = b.weight({n, m}, 0);
    Dims turned = shape;
    turned[turned.size() - 2] = n;
    turned.back() = k;
    return Drawn{b.node("MatMul", {first.real, b.dequantise(a)}), turned,
                 std::sqrt(double(m)) * realRange(a.quant) * 0.4 * 74 * first.scales[0]};
  }
  const auto weight = b.weight({k, n}, 1);
  const double magnitude = std::sqrt(double(k)) * realRange(a.quant) * 0.4 * 74 * weight.scales[0];
  Drawn drawn{b.node("MatMul", {b.dequantise(a), weight.real}), shape, magnitude};
  const Dims biasShape = c.pick<Dims>({{n}, {1, n}, {m, 1}, {1}});
  const auto bias = b.bias(biasShape, a.quant.scale, weight, magnitude);
  if (!bias.real.empty())
    drawn.real = b.node("Add", {drawn.real, bias.real});
  return drawn;
}

// What may stand between an operator and its quantiser.
Drawn drawActivation(QdqBuilder &b, Drawn drawn) {
  switch (b.choices.below(8)) {
  case 4:
    drawn.real = b.node("Relu", {drawn.real});
    break;
  case 5:
    drawn.real = b.node("Clip", {drawn.real, b.scalar(0), b.scalar(float(drawn.magnitude * 0.6))});
    break;
  case 6:
    drawn.real = b.node("LeakyRelu", {drawn.real});
    break;
  case 7:
    drawn.real = b.node("Sigmoid", {drawn.real});
    drawn.magnitude = 1;
    break;
  default:
    break;
  }
  return drawn;
}

// Operators on the integers themselves, without quantisers around.
std::optional<Quantised> drawInteger(QdqBuilder &b, const Quantised &x) {
  Choices &c = b.choices;
  Quantised y = x;
  switch (c.below(4)) {
  case 0:
    y.name = b.node("MaxPool", {x.name});
    attribute(b, "kernel_shape", Dims{2, 2});
    y.shape[2] -= 1;
    y.shape[3] -= 1;
    return y.shape[2] > 0 && y.shape[3] > 0 ? std::optional(y) : std::nullopt;
  case 1:
    y.name = b.node("Transpose", {x.name});
    attribute(b, "perm", Dims{0, 2, 3, 1});
    y.shape = {x.shape[0], x.shape[2], x.shape[3], x.shape[1]};
    return y;
  case 2: {
    const int64_t up = c.between(1, 3);
    y.shape[2] *= up;
    y.shape[3] *= up;
    if (countOf(y.shape) > kMostElements)
      return std::nullopt;
    y.name = b.node("Resize", {x.name, "", b.floats({4}, {1, 1, float(up), float(up)})});
    attribute(b, "mode", c.once(2) ? "linear" : "nearest");
    attribute(b, "coordinate_transformation_mode", c.pick({"asymmetric", "half_pixel", "align_corners"}));
    return y;
  }
  default: {
    Dims other = x.shape;
    other[1] = c.once(3) ? 0 : c.between(1, 9);
    const std::string second = other[1] == 0 ? std::string() : b.input(other, x.quant).name;
    if (second.empty())
      return std::nullopt;
    y.name = b.node("Concat", {x.name, second});
    attribute(b, "axis", int64_t(1));
    y.shape[1] += other[1];
    return y;
  }
  }
}

} // namespace

std::optional<Drawn> drawImageOperator(QdqBuilder &builder, const Quantised &image) {
  switch (builder.choices.below(13)) {
  case 12:
    return drawRearranged(builder, image);
  case 5:
  case 6:
    return drawPool(builder, image);
  case 7:
    return drawUnary(builder, image);
  case 8:
    return drawBinary(builder, image);
  case 9:
    return drawMove(builder, image);
  case 10:
    return drawResize(builder, image);
  case 11:
    return builder.choices.once(3) ? drawSoftmax(builder, image) : drawConcat(builder, image);
  default:
    return drawConv(builder, image);
  }
}

std::optional<std::string> makeOperatorModel(Choices &choices) {
  QdqBuilder builder(choices, 13);
  std::optional<Drawn> drawn;
  const uint64_t kind = choices.below(12);
  if (kind == 10) {
    auto result = drawQLinear(builder);
    if (!result)
      return std::nullopt;
    builder.output(*result);
    return builder.bytes();
  }
  if (kind == 11) {
    drawn = drawRowOperator(builder);
  } else if (kind == 7) {
    drawn = drawGemm(builder);
  } else if (kind == 8) {
    drawn = drawMatmul(builder);
  } else {
    const Quantised image = builder.input(drawImage(choices), builder.drawQuant());
    if (kind == 9) {
      auto result = drawInteger(builder, image);
      if (!result)
        return std::nullopt;
      builder.output(*result);
      return builder.bytes();
    }
    drawn = drawImageOperator(builder, image);
  }
  if (!drawn)
    return std::nullopt;
  *drawn = drawActivation(builder, *drawn);
  if (choices.once(12)) {
    builder.floatOutput(drawn->real, drawn->shape);
    return builder.bytes();
  }
  builder.output(builder.quantise(drawn->real, drawn->shape, builder.drawQuantFor(drawn->magnitude)));
  return builder.bytes();
}

} // namespace tw::test
