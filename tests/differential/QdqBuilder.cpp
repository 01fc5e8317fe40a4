// SPDX-License-Identifier: Apache-2.0
#include "QdqBuilder.h"

#include <limits>

namespace tw::test {
namespace {

std::vector<std::string> dimTexts(const Dims &shape) {
  std::vector<std::string> texts;
  for (int64_t extent : shape)
    texts.push_back(std::to_string(extent));
  return texts;
}

int onnxType(const Quant &quant) {
  return quant.isUnsigned ? ::onnx::TensorProto_DataType_UINT8 : ::onnx::TensorProto_DataType_INT8;
}

} // namespace

Quant QdqBuilder::drawQuant() {
  Quant quant;
  quant.scale = choices.pick({1.0f / 64, 0.02f, 0.1f, 1.0f, 0.0039215689f, 0.00072f, 7.3f});
  quant.isUnsigned = choices.once(4);
  const int64_t lo = quant.isUnsigned ? 0 : -128;
  quant.zero = quant.isUnsigned ? 128 : 0;
  if (choices.once(2))
    quant.zero = choices.pick({lo, lo + 255, lo + 117, lo + 131, lo + 1});
  return quant;
}

Quant QdqBuilder::drawQuantFor(double magnitude) {
  Quant quant = drawQuant();
  const double factor = choices.pick({1.0, 0.6, 2.0, 0.13, 11.0});
  quant.scale = static_cast<float>(std::max(magnitude, 1e-6) * factor / 100);
  return quant;
}

Quantised QdqBuilder::input(const Dims &shape, const Quant &quant) {
  const std::string name = fresh("x");
  if (choices.once(4)) { // the caller's numbers are real
    onnx.input(name, dimTexts(shape));
    return quantise(name, shape, quant);
  }
  onnx.input(name, dimTexts(shape), onnxType(quant));
  return {name, shape, quant};
}

Quantised QdqBuilder::constant(const Dims &shape, const Quant &quant) {
  std::vector<int64_t> integers;
  for (int64_t i = 0, count = countOf(shape); i < count; ++i)
    integers.push_back(int64_t(unit() * 256) - (quant.isUnsigned ? 0 : 128));
  const std::string name = fresh("c");
  onnx.integers(name, shape, integers, onnxType(quant));
  return {name, shape, quant};
}

void QdqBuilder::output(const Quantised &tensor) {
  onnx.output(tensor.name, dimTexts(tensor.shape), onnxType(tensor.quant));
}
void QdqBuilder::floatOutput(const std::string &name, const Dims &shape) { onnx.output(name, dimTexts(shape)); }

std::string QdqBuilder::zeroPoint(const Quant &quant) {
  const std::string name = fresh("z");
  onnx.integers(name, {}, {quant.zero}, onnxType(quant));
  return name;
}

std::string QdqBuilder::dequantise(const Quantised &tensor) {
  return node("DequantizeLinear", {tensor.name, scalar(tensor.quant.scale), zeroPoint(tensor.quant)});
}

Quantised QdqBuilder::quantise(const std::string &real, const Dims &shape, const Quant &quant) {
  return {node("QuantizeLinear", {real, scalar(quant.scale), zeroPoint(quant)}), shape, quant};
}

QdqBuilder::Weight QdqBuilder::weight(const Dims &shape, int64_t axis) {
  Weight weight;
  const int64_t channels = shape[size_t(axis)];
  const bool isPerChannel = choices.once(2), isUnsigned = choices.once(8), isAsymmetric = isUnsigned || choices.once(6);
  const float base = choices.pick({1.0f / 128, 0.003f, 0.05f, 1.0f});
  const int64_t scales = isPerChannel ? channels : 1;
  const bool hasOddChannel = isPerChannel && choices.once(4);
  const float odd = hasOddChannel ? choices.pick({1e-12f, 1e-8f, 1.0f, 30.0f}) : 0;
  std::vector<int64_t> zeros, integers;
  for (int64_t c = 0; c < scales; ++c) {
    weight.scales.push_back(hasOddChannel && c == scales / 2 ? odd : base * float(0.5 + unit()));
    zeros.push_back(isAsymmetric ? int64_t(unit() * 40) - 20 + (isUnsigned ? 128 : 0) : 0);
  }
  const bool isExtreme = choices.once(8); // every weight at an end of the range
  for (int64_t i = 0, count = countOf(shape); i < count; ++i) {
    int64_t value = isExtreme ? (unit() < 0.5 ? -128 : 127) : int64_t(unit() * 256) - 128;
    integers.push_back(isUnsigned ? value + 128 : value);
  }
  const int type = isUnsigned ? ::onnx::TensorProto_DataType_UINT8 : ::onnx::TensorProto_DataType_INT8;
  const Dims scaleShape = isPerChannel ? Dims{channels} : Dims{};
  weight.integers = fresh("w");
  onnx.integers(weight.integers, shape, integers, type);
  weight.scale = floats(scaleShape, weight.scales);
  weight.zero = fresh("z");
  onnx.integers(weight.zero, scaleShape, zeros, type);
  weight.real = node("DequantizeLinear", {weight.integers, weight.scale, weight.zero});
  if (isPerChannel)
    ir::test::OnnxBuilder::attribute(last(), "axis", axis);
  return weight;
}

QdqBuilder::Bias QdqBuilder::bias(const Dims &shape, float inScale, const Weight &weight, double magnitude) {
  const uint64_t kind = choices.below(6);
  Bias bias;
  if (kind == 0)
    return bias;
  const int64_t count = countOf(shape);
  if (kind == 1) { // real numbers
    std::vector<float> reals;
    for (int64_t i = 0; i < count; ++i)
      reals.push_back(static_cast<float>((unit() * 2 - 1) * magnitude));
    bias.real = floats(shape, reals);
    return bias;
  }
  // Integers in steps of the product; kind 5: at the end of int32, as quantisers clip it.
  std::vector<float> scales;
  for (float scale : weight.scales)
    scales.push_back(inScale * scale);
  std::vector<int64_t> values;
  for (int64_t i = 0; i < count; ++i) {
    const double step = scales[scales.size() == 1 ? 0 : size_t(i) % scales.size()];
    double value = (unit() * 2 - 1) * magnitude / std::max(step, 1e-30);
    if (kind == 5)
      value = unit() < 0.5 ? 2147483647.0 : -2147483648.0;
    values.push_back(int64_t(std::clamp(value, -2147483648.0, 2147483647.0)));
  }
  bias.integers = fresh("b");
  onnx.integers(bias.integers, shape, values, ::onnx::TensorProto_DataType_INT32);
  const bool isPerChannel = scales.size() > 1 && shape.size() == 1 && int64_t(scales.size()) == count;
  if (!isPerChannel)
    scales.resize(1);
  const std::string scale = floats(isPerChannel ? Dims{count} : Dims{}, scales), zero = fresh("z");
  onnx.integers(zero, isPerChannel ? Dims{count} : Dims{}, std::vector<int64_t>(scales.size(), 0),
                ::onnx::TensorProto_DataType_INT32);
  bias.real = node("DequantizeLinear", {bias.integers, scale, zero});
  if (isPerChannel)
    ir::test::OnnxBuilder::attribute(last(), "axis", int64_t(0));
  return bias;
}

std::string QdqBuilder::node(const std::string &type, const std::vector<std::string> &inputs) {
  const std::string name = fresh("v");
  onnx.node(type, inputs, name);
  return name;
}

std::string QdqBuilder::integers(const Dims &values) {
  const std::string name = fresh("i");
  onnx.integers(name, {int64_t(values.size())}, values);
  return name;
}

std::string QdqBuilder::booleans(const Dims &shape, const std::vector<float> &values) {
  const std::string name = fresh("m");
  onnx.integers(name, shape, {values.begin(), values.end()}, ::onnx::TensorProto_DataType_BOOL);
  return name;
}

std::string QdqBuilder::floats(const Dims &shape, const std::vector<float> &values) {
  const std::string name = fresh("f");
  onnx.floats(name, shape, values);
  return name;
}

} // namespace tw::test
