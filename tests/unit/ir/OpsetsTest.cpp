// SPDX-License-Identifier: Apache-2.0
// One network as exporters wrote it in the course of the years: every opset, every version of the file format, weights
// as initializers or as nodes. Each must compute the same bits.
#include "Material.h"
#include "OnnxBuilder.h"

using namespace mlir;

namespace tw::ir::test {
namespace {

constexpr int64_t kOldest = 7; // of the opsets that the network can be written in

enum class Weights { Initializers, Inputs, Nodes };

std::vector<float> ramp(int64_t count, float scale) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(scale * static_cast<float>((i * 7) % 11 - 5));
  return values;
}

class Network {
public:
  Network(int64_t opset, Weights weights) : builder(opset), opset(opset), weights(weights) {}

  ::onnx::ModelProto model() {
    builder.input("x", {"1", "2", "4", "4"}).output("y", {"1", "3"});
    builder.node("Conv", {"x", floats("w", {4, 2, 3, 3}, 0.05f), floats("b", {4}, 0.1f)}, "conv");
    OnnxBuilder::attribute(last(), "pads", std::vector<int64_t>{1, 1, 1, 1});
    normalise();
    clip();
    pad();
    builder.node("MaxPool", {"pad"}, "pool");
    OnnxBuilder::attribute(last(), "kernel_shape", std::vector<int64_t>{2, 2});
    OnnxBuilder::attribute(last(), "strides", std::vector<int64_t>{2, 2});
    enlarge();
    withAxes("ReduceMean", "up", "mean", {2, 3}, 18);
    OnnxBuilder::attribute(last(), "keepdims", int64_t(1));
    withAxes("Squeeze", "mean", "squeezed", {2, 3}, 13);
    withAxes("Unsqueeze", "squeezed", "unsqueezed", {1}, 13);
    builder.node("Flatten", {"unsqueezed"}, "flat");
    builder.node("Dropout", {"flat"}, "kept");
    slice();
    builder.node("Gemm", {"sliced", floats("gw", {3, 3}, 0.3f), floats("gb", {3}, 0.2f)}, "gemm");
    OnnxBuilder::attribute(last(), "transB", int64_t(1));
    builder.node("Softmax", {"gemm"}, "y");
    OnnxBuilder::attribute(last(), "axis", int64_t(1));
    return builder.model;
  }

private:
  ::onnx::NodeProto &last() { return *builder.graph().mutable_node(builder.graph().node_size() - 1); }

  /// The tensor that was made last, as the network's weights are written.
  std::string written(const std::string &name, const std::vector<std::string> &dims, int type) {
    if (weights == Weights::Inputs)
      builder.input(name, dims, type);
    if (weights != Weights::Nodes)
      return name;
    ::onnx::TensorProto tensor = *builder.graph().initializer().rbegin();
    builder.graph().mutable_initializer()->RemoveLast();
    auto &attribute = *builder.node("Constant", {}, name).add_attribute();
    attribute.set_name("value");
    attribute.set_type(::onnx::AttributeProto_AttributeType_TENSOR);
    *attribute.mutable_t() = tensor;
    return name;
  }
  std::string floats(const std::string &name, const std::vector<int64_t> &dims, std::vector<float> values) {
    builder.floats(name, dims, values);
    return written(name, text(dims), ::onnx::TensorProto_DataType_FLOAT);
  }
  std::string floats(const std::string &name, const std::vector<int64_t> &dims, float scale) {
    return floats(name, dims, ramp(elementCount(dims), scale));
  }
  std::string integers(const std::string &name, const std::vector<int64_t> &values) {
    const std::vector<int64_t> dims{static_cast<int64_t>(values.size())};
    builder.integers(name, dims, values);
    return written(name, text(dims), ::onnx::TensorProto_DataType_INT64);
  }
  static std::vector<std::string> text(const std::vector<int64_t> &dims) {
    std::vector<std::string> result;
    for (int64_t dim : dims)
      result.push_back(std::to_string(dim));
    return result;
  }

  void normalise() {
    const std::vector<std::string> inputs{"conv", floats("scale", {4}, {1, 0.5f, 2, 1.5f}), floats("shift", {4}, 0.1f),
                                          floats("mean_of", {4}, 0.2f), floats("variance", {4}, {1, 2, 0.5f, 0.25f})};
    builder.node("BatchNormalization", inputs, "norm");
    OnnxBuilder::attribute(last(), "epsilon", 1e-3f);
  }
  void clip() {
    if (opset >= 11) {
      builder.node("Clip",
                   {"norm", floats("low", {}, std::vector<float>{-1}), floats("high", {}, std::vector<float>{6})},
                   "clip");
      return;
    }
    builder.node("Clip", {"norm"}, "clip");
    OnnxBuilder::attribute(last(), "min", -1.0f);
    OnnxBuilder::attribute(last(), "max", 6.0f);
  }
  void pad() {
    const std::vector<int64_t> pads{0, 0, 1, 0, 0, 0, 1, 2};
    if (opset >= 11) {
      builder.node("Pad", {"clip", integers("pads", pads), floats("fill", {}, std::vector<float>{0.5f})}, "pad");
      return;
    }
    builder.node("Pad", {"clip"}, "pad");
    OnnxBuilder::attribute(last(), "pads", pads);
    OnnxBuilder::attribute(last(), "value", 0.5f);
  }
  void enlarge() {
    const std::vector<float> scales{1, 1, 2, 2};
    if (opset < 9) {
      auto &attribute = *builder.node("Upsample", {"pool"}, "up").add_attribute();
      attribute.set_name("scales");
      attribute.set_type(::onnx::AttributeProto_AttributeType_FLOATS);
      for (float scale : scales)
        attribute.add_floats(scale);
    } else if (opset < 11) {
      builder.node(opset == 9 ? "Upsample" : "Resize", {"pool", floats("scales", {4}, scales)}, "up");
    } else {
      builder.node("Resize", {"pool", "", floats("scales", {4}, scales)}, "up");
      setText("coordinate_transformation_mode", "asymmetric");
      setText("nearest_mode", "floor");
    }
  }
  void slice() {
    if (opset >= 10) {
      builder.node("Slice", {"kept", integers("starts", {1}), integers("ends", {4}), integers("slice_axes", {1})},
                   "sliced");
      return;
    }
    builder.node("Slice", {"kept"}, "sliced");
    OnnxBuilder::attribute(last(), "starts", std::vector<int64_t>{1});
    OnnxBuilder::attribute(last(), "ends", std::vector<int64_t>{4});
    OnnxBuilder::attribute(last(), "axes", std::vector<int64_t>{1});
  }
  /// An operator whose axes became an input with opset `moved`.
  void withAxes(const std::string &type, const std::string &input, const std::string &output,
                const std::vector<int64_t> &axes, int64_t moved) {
    if (opset >= moved) {
      builder.node(type, {input, integers(output + "_axes", axes)}, output);
      return;
    }
    builder.node(type, {input}, output);
    OnnxBuilder::attribute(last(), "axes", axes);
  }
  void setText(const std::string &name, const std::string &value) {
    auto &attribute = *last().add_attribute();
    attribute.set_name(name);
    attribute.set_type(::onnx::AttributeProto_AttributeType_STRING);
    attribute.set_s(value);
  }

  OnnxBuilder builder;
  int64_t opset;
  Weights weights;
};

/// The network's output, or nothing when it does not import, which fails the running test.
std::optional<Tensor> outputOf(const ::onnx::ModelProto &model) {
  auto context = makeContext();
  std::vector<Diag> problems;
  auto module = importOnnx(*context, model.SerializeAsString(), "model.onnx", {}, problems);
  EXPECT_TRUE(module) << problemText("model.onnx", problems);
  if (!module)
    return std::nullopt;
  Interpreter interpreter(*module);
  return runSingle(interpreter, *module, {Tensor::of<float>({1, 2, 4, 4}, ramp(32, 0.3f))});
}

TEST(OpsetsTest, EveryOpsetComputesTheSame) {
  const auto wanted = outputOf(Network(13, Weights::Initializers).model());
  for (int64_t opset = kOldest; opset <= kNewestOpset; ++opset)
    for (Weights weights : {Weights::Initializers, Weights::Inputs, Weights::Nodes}) {
      SCOPED_TRACE("opset " + std::to_string(opset));
      EXPECT_EQ(outputOf(Network(opset, weights).model()), wanted);
    }
}

TEST(OpsetsTest, EveryVersionOfTheFormatComputesTheSame) {
  const auto wanted = outputOf(Network(13, Weights::Initializers).model());
  for (int64_t ir = kOldestIrVersion; ir <= kNewestIrVersion; ++ir)
    for (int64_t opset : {kOldest, int64_t(13), kNewestOpset}) {
      SCOPED_TRACE("IR version " + std::to_string(ir) + ", opset " + std::to_string(opset));
      // In version 3 every initializer is an input, too.
      ::onnx::ModelProto model =
          Network(opset, ir == kOldestIrVersion ? Weights::Inputs : Weights::Initializers).model();
      model.set_ir_version(ir);
      EXPECT_EQ(outputOf(model), wanted);
    }
}

} // namespace
} // namespace tw::ir::test
