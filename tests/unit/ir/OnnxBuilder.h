// SPDX-License-Identifier: Apache-2.0
// Small ONNX models for tests, right or deliberately wrong.
#ifndef TW_TESTS_UNIT_IR_ONNXBUILDER_H
#define TW_TESTS_UNIT_IR_ONNXBUILDER_H

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

namespace tw::ir::test {

class OnnxBuilder {
public:
  explicit OnnxBuilder(int64_t opset = 13) {
    model.set_ir_version(7);
    model.add_opset_import()->set_version(opset);
    model.mutable_graph()->set_name("test");
  }

  ::onnx::GraphProto &graph() { return *model.mutable_graph(); }

  // A dimension is a number, or a name when it is not one.
  OnnxBuilder &input(const std::string &name, const std::vector<std::string> &dims,
                     int type = ::onnx::TensorProto_DataType_FLOAT) {
    describe(*graph().add_input(), name, dims, type);
    return *this;
  }
  OnnxBuilder &output(const std::string &name, const std::vector<std::string> &dims,
                      int type = ::onnx::TensorProto_DataType_FLOAT) {
    describe(*graph().add_output(), name, dims, type);
    return *this;
  }
  ::onnx::NodeProto &node(const std::string &type, const std::vector<std::string> &inputs, const std::string &output) {
    auto &node = *graph().add_node();
    node.set_op_type(type);
    node.set_name("n_" + output);
    for (const auto &name : inputs)
      node.add_input(name);
    node.add_output(output);
    return node;
  }
  ::onnx::TensorProto &floats(const std::string &name, const std::vector<int64_t> &dims,
                              const std::vector<float> &values) {
    auto &tensor = initializer(name, dims, ::onnx::TensorProto_DataType_FLOAT);
    for (float value : values)
      tensor.add_float_data(value);
    return tensor;
  }
  ::onnx::TensorProto &integers(const std::string &name, const std::vector<int64_t> &dims,
                                const std::vector<int64_t> &values, int type = ::onnx::TensorProto_DataType_INT64) {
    auto &tensor = initializer(name, dims, type);
    for (int64_t value : values) {
      if (type == ::onnx::TensorProto_DataType_INT64)
        tensor.add_int64_data(value);
      else
        tensor.add_int32_data(static_cast<int32_t>(value));
    }
    return tensor;
  }
  static void attribute(::onnx::NodeProto &node, const std::string &name, int64_t value) {
    auto &attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(::onnx::AttributeProto_AttributeType_INT);
    attribute.set_i(value);
  }
  static void attribute(::onnx::NodeProto &node, const std::string &name, float value) {
    auto &attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(::onnx::AttributeProto_AttributeType_FLOAT);
    attribute.set_f(value);
  }
  static void attribute(::onnx::NodeProto &node, const std::string &name, const std::vector<int64_t> &values) {
    auto &attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(::onnx::AttributeProto_AttributeType_INTS);
    for (int64_t value : values)
      attribute.add_ints(value);
  }

  static void text(::onnx::NodeProto &node, const std::string &name, const std::string &value) {
    auto &attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(::onnx::AttributeProto_AttributeType_STRING);
    attribute.set_s(value);
  }
  static void attribute(::onnx::NodeProto &node, const std::string &name, const ::onnx::GraphProto &graph) {
    auto &attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(::onnx::AttributeProto_AttributeType_GRAPH);
    *attribute.mutable_g() = graph;
  }

  std::string bytes() const { return model.SerializeAsString(); }

  ::onnx::ModelProto model;

private:
  ::onnx::TensorProto &initializer(const std::string &name, const std::vector<int64_t> &dims, int type) {
    auto &tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    for (int64_t dim : dims)
      tensor.add_dims(dim);
    return tensor;
  }
  static void describe(::onnx::ValueInfoProto &info, const std::string &name, const std::vector<std::string> &dims,
                       int type) {
    info.set_name(name);
    auto &tensor = *info.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    tensor.mutable_shape();
    for (const auto &dim : dims) {
      auto &proto = *tensor.mutable_shape()->add_dim();
      if (dim.empty())
        continue;
      if (dim[0] == '-' || std::isdigit(static_cast<unsigned char>(dim[0])))
        proto.set_dim_value(std::stoll(dim));
      else
        proto.set_dim_param(dim);
    }
  }
};

} // namespace tw::ir::test

#endif // TW_TESTS_UNIT_IR_ONNXBUILDER_H
