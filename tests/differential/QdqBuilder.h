// SPDX-License-Identifier: Apache-2.0
// Quantised ONNX models in QDQ form, as exporters write them, from choices.
#ifndef TW_TESTS_DIFFERENTIAL_QDQBUILDER_H
#define TW_TESTS_DIFFERENTIAL_QDQBUILDER_H

#include "Choices.h"
#include "OnnxBuilder.h"

#include <cmath>
#include <optional>

namespace tw::test {

using Dims = std::vector<int64_t>;

/// real = (q - zero) * scale
struct Quant {
  float scale = 1.0f / 64;
  int64_t zero = 0;
  bool isUnsigned = false;
};

/// An integer tensor of the graph.
struct Quantised {
  std::string name;
  Dims shape;
  Quant quant;
};

/// What is not a graph is not written: `isLegal` false.
class QdqBuilder {
public:
  QdqBuilder(Choices &choices, int64_t opset) : choices(choices), onnx(opset), values(choices.below(1u << 30)) {}

  Quant drawQuant();
  /// A quantisation in which values of about this magnitude use most of the range, now and then far off it.
  Quant drawQuantFor(double magnitude);

  Quantised input(const Dims &shape, const Quant &quant);
  /// Constant integers.
  Quantised constant(const Dims &shape, const Quant &quant);
  /// Outputs of the graph.
  void output(const Quantised &tensor);
  void floatOutput(const std::string &name, const Dims &shape);

  std::string dequantise(const Quantised &tensor);
  Quantised quantise(const std::string &real, const Dims &shape, const Quant &quant);

  struct Weight {
    std::string real;     // dequantised
    std::string integers; // with their scale and zero point, for the QLinear forms
    std::string scale, zero;
    std::vector<float> scales; // one, or one for each slice of `axis`
  };
  /// Constant weights, symmetric or not, per tensor or per channel, now and then with a dead or an extreme channel.
  Weight weight(const Dims &shape, int64_t axis);

  struct Bias {
    std::string real, integers; // empty: none
  };
  /// A bias over a last product of scale inScale * weight scale: none, int32, float32, coarse, huge.
  Bias bias(const Dims &shape, float inScale, const Weight &weight, double magnitude);

  /// One node with one result.
  std::string node(const std::string &type, const std::vector<std::string> &inputs);
  ::onnx::NodeProto &last() { return *onnx.graph().mutable_node(onnx.graph().node_size() - 1); }
  /// int64 constants, for shapes and the like.
  std::string integers(const Dims &values);
  std::string floats(const Dims &shape, const std::vector<float> &values);
  std::string booleans(const Dims &shape, const std::vector<float> &values);
  std::string scalar(float value) { return floats({}, {value}); }
  std::string zeroPoint(const Quant &quant);

  std::string bytes() const { return onnx.bytes(); }

  Choices &choices;
  bool isLegal = true;

private:
  std::string fresh(const char *prefix) { return prefix + std::to_string(count++); }
  double unit() { return double(values() >> 11) / double(uint64_t(1) << 53); } // [0, 1)

  ir::test::OnnxBuilder onnx;
  std::mt19937_64 values; // of weights: not choices, there are too many of them
  int count = 0;
};

inline int64_t countOf(const Dims &shape) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

/// One operator between quantisers, with all that may stand around it. Nothing where the choices make no model.
std::optional<std::string> makeOperatorModel(Choices &choices);
/// Several of them: two users of a value, two quantisers of one, residuals, concatenations, outputs that are not
/// quantised.
std::optional<std::string> makeGraphModel(Choices &choices);

/// A draw of one operator on quantised operands: the real result's name, its shape, and about how large it is.
struct Drawn {
  std::string real;
  Dims shape;
  double magnitude = 1;
};
std::optional<Drawn> drawImageOperator(QdqBuilder &builder, const Quantised &image);
/// Of its own input.
Drawn drawRowOperator(QdqBuilder &builder);

} // namespace tw::test

#endif // TW_TESTS_DIFFERENTIAL_QDQBUILDER_H
