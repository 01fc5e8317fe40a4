// SPDX-License-Identifier: Apache-2.0
// Any bytes are a graph or a list of problems; a graph of a sensible size is compiled, or refused with a message.
#include "tw/codegen/Compile.h"
#include "tw/ir/OnnxImport.h"
#include "tw/ir/Register.h"
#include "tw/isa/ConfigReader.h"
#include "tw/support/Fuzz.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

#include <onnx/onnx_pb.h>

#include <array>
#include <iterator>
#include <memory>
#include <vector>

using namespace tw;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

namespace {

constexpr int64_t kMostBytes = 1 << 16; // of a tensor in a graph that is compiled

constexpr const char *kOperators[] = {
#define TW_ONNX_OP(NAME, ...) #NAME,
#include "OpTable.def"
};
constexpr const char *kAttributes[] = {
    "kernel_shape", "strides", "pads",       "dilations", "group",     "auto_pad",          "axis",    "axes",
    "perm",         "transA",  "transB",     "alpha",     "beta",      "keepdims",          "to",      "mode",
    "ceil_mode",    "min",     "max",        "split",     "shape",     "count_include_pad", "epsilon", "value",
    "value_float",  "starts",  "value_ints", "ends",      "allowzero",
};
constexpr std::array<int64_t, 20> kNumbers = {0,  1,  2,  3,  4,   5,       7,         8,         16,        -1,
                                              -2, 13, 64, 99, 256, 1 << 20, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};

int64_t number(test::Random &random) {
  return test::below(random, 4) ? kNumbers[test::below(random, 12)] : test::pick<int64_t>(random, kNumbers);
}

// All messages inside a message, itself included.
void collect(Message &message, std::vector<Message *> &all) {
  all.push_back(&message);
  std::vector<const FieldDescriptor *> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor *field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE)
      continue;
    if (!field->is_repeated())
      collect(*message.GetReflection()->MutableMessage(&message, field), all);
    else
      for (int i = 0; i != message.GetReflection()->FieldSize(message, field); ++i)
        collect(*message.GetReflection()->MutableRepeatedMessage(&message, field, i), all);
  }
}

// Sets one element of a field, or adds one, to something of its type.
void set(Message &message, const FieldDescriptor *field, test::Random &random, const std::vector<std::string> &names) {
  const auto *r = message.GetReflection();
  const bool isList = field->is_repeated();
  const int size = isList ? r->FieldSize(message, field) : 0;
  const bool adds = isList && (size == 0 || test::below(random, 3) == 0);
  const int at = size ? int(test::below(random, size_t(size))) : 0;
#define TW_SET(TYPE, VALUE)                                                                                            \
  if (!isList)                                                                                                         \
    r->Set##TYPE(&message, field, VALUE);                                                                              \
  else if (adds)                                                                                                       \
    r->Add##TYPE(&message, field, VALUE);                                                                              \
  else                                                                                                                 \
    r->SetRepeated##TYPE(&message, field, at, VALUE);                                                                  \
  break
  switch (field->cpp_type()) {
  case FieldDescriptor::CPPTYPE_INT32:
    TW_SET(Int32, int32_t(number(random)));
  case FieldDescriptor::CPPTYPE_INT64:
    TW_SET(Int64, number(random));
  case FieldDescriptor::CPPTYPE_UINT32:
    TW_SET(UInt32, uint32_t(number(random)));
  case FieldDescriptor::CPPTYPE_UINT64:
    TW_SET(UInt64, uint64_t(number(random)));
  case FieldDescriptor::CPPTYPE_FLOAT:
    TW_SET(Float, random() % 4 ? float(number(random)) : std::numeric_limits<float>::quiet_NaN());
  case FieldDescriptor::CPPTYPE_DOUBLE:
    TW_SET(Double, double(number(random)));
  case FieldDescriptor::CPPTYPE_BOOL:
    TW_SET(Bool, random() % 2);
  case FieldDescriptor::CPPTYPE_ENUM:
    TW_SET(EnumValue, int(random() % 20));
  case FieldDescriptor::CPPTYPE_STRING: {
    const std::string text = field->name() == "op_type"    ? kOperators[test::below(random, std::size(kOperators))]
                             : test::below(random, 4) == 0 ? kAttributes[test::below(random, std::size(kAttributes))]
                                                           : names[test::below(random, names.size())];
    TW_SET(String, text);
  }
  case FieldDescriptor::CPPTYPE_MESSAGE:
    if (isList)
      r->AddMessage(&message, field);
    else
      r->MutableMessage(&message, field);
  }
#undef TW_SET
}

void change(onnx::ModelProto &model, test::Random &random, const std::vector<std::string> &names) {
  for (size_t edits = 1 + test::below(random, 3); edits; --edits) {
    std::vector<Message *> all;
    collect(model, all);
    Message &message = *all[test::below(random, all.size())];
    const auto *r = message.GetReflection();
    std::vector<const FieldDescriptor *> fields;
    r->ListFields(message, &fields);
    const bool takesAny = fields.empty() || test::below(random, 6) == 0;
    const FieldDescriptor *field =
        takesAny ? message.GetDescriptor()->field(int(test::below(random, message.GetDescriptor()->field_count())))
                 : fields[test::below(random, fields.size())];
    const int size = field->is_repeated() ? r->FieldSize(message, field) : 0;
    switch (test::below(random, 8)) {
    case 0:
      r->ClearField(&message, field);
      break;
    case 1:
      if (size)
        r->RemoveLast(&message, field);
      break;
    case 2:
      if (size)
        r->SwapElements(&message, field, int(test::below(random, size)), int(test::below(random, size)));
      break;
    default:
      set(message, field, random, names);
    }
  }
}

// A few nodes of any operators over small tensors: what hardly stands in a real model.
onnx::ModelProto soup(test::Random &random) {
  onnx::ModelProto model;
  model.set_ir_version(7);
  model.add_opset_import()->set_version(9 + int64_t(test::below(random, size_t(ir::kNewestOpset) - 8)));
  onnx::GraphProto &graph = *model.mutable_graph();
  graph.set_name("soup");
  static constexpr std::array<int, 6> kTypes = {1, 1, 1, 2, 3, 7}; // float thrice, uint8, int8, int64
  auto dims = [&](auto add) {
    for (size_t rank = test::below(random, 5); rank; --rank)
      add(int64_t(1 + test::below(random, 4)));
  };
  std::vector<std::string> values;
  for (size_t i = 0, count = 1 + test::below(random, 2); i != count; ++i) {
    auto &info = *graph.add_input();
    info.set_name("x" + std::to_string(i));
    auto &type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(test::pick<int>(random, kTypes));
    type.mutable_shape();
    if (i == 0 && test::below(random, 4)) // most operators want an image
      for (int64_t extent : {1, 4, 6, 6})
        type.mutable_shape()->add_dim()->set_dim_value(extent);
    else
      dims([&](int64_t extent) { type.mutable_shape()->add_dim()->set_dim_value(extent); });
    values.push_back(info.name());
  }
  for (size_t i = 0, count = test::below(random, 4); i != count; ++i) {
    auto &tensor = *graph.add_initializer();
    tensor.set_name("c" + std::to_string(i));
    tensor.set_data_type(test::pick<int>(random, kTypes));
    size_t size = 1;
    if (test::below(random, 3) == 0)
      for (int64_t extent : {3, 4, 3, 3})
        tensor.add_dims(extent), size *= size_t(extent);
    else if (test::below(random, 2))
      dims([&](int64_t extent) { tensor.add_dims(extent), size *= size_t(extent); });
    for (size_t k = 0; k != size; ++k) {
      const int64_t value = int64_t(test::below(random, 5));
      if (tensor.data_type() == 1)
        tensor.add_float_data(float(value) / 2);
      else if (tensor.data_type() == 7)
        tensor.add_int64_data(value);
      else
        tensor.add_int32_data(int32_t(value));
    }
    values.push_back(tensor.name());
  }
  for (size_t i = 0, count = 1 + test::below(random, 3); i != count; ++i) {
    auto &node = *graph.add_node();
    node.set_op_type(kOperators[test::below(random, std::size(kOperators))]);
    node.set_name("n" + std::to_string(i));
    for (size_t k = 0, inputs = 1 + test::below(random, 4); k != inputs; ++k)
      node.add_input(k == 0 && i ? values.back() : values[test::below(random, values.size())]);
    for (size_t k = 0, attributes = test::below(random, 3); k != attributes; ++k) {
      auto &attribute = *node.add_attribute();
      attribute.set_name(kAttributes[test::below(random, std::size(kAttributes))]);
      switch (test::below(random, 4)) {
      case 0:
        attribute.set_type(onnx::AttributeProto_AttributeType_INT);
        attribute.set_i(number(random));
        break;
      case 1:
        attribute.set_type(onnx::AttributeProto_AttributeType_FLOAT);
        attribute.set_f(float(number(random)));
        break;
      default:
        attribute.set_type(onnx::AttributeProto_AttributeType_INTS);
        for (size_t n = test::below(random, 5); n; --n)
          attribute.add_ints(test::below(random, 4) ? int64_t(test::below(random, 4)) : number(random));
      }
    }
    node.add_output("y" + std::to_string(i));
    values.push_back("y" + std::to_string(i));
  }
  graph.add_output()->set_name(values.back());
  return model;
}

std::vector<std::string> starts() {
  std::vector<std::string> models;
  for (const char *file : {"tests/e2e/models/fc_float.onnx", "tests/e2e/models/fc_int8.onnx",
                           "tests/e2e/models/residual_int8.onnx", "tools/sample/digits_int8.onnx"}) {
    std::ifstream stream(test::sourceDir() / file, std::ios::binary);
    models.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return models;
}

bool isSmall(mlir::ModuleOp module) {
  bool result = true;
  auto look = [&](mlir::Type type) {
    auto tensor = llvm::dyn_cast<mlir::ShapedType>(type);
    result &= !tensor || tensor.getNumElements() <= kMostBytes;
  };
  module.walk([&](mlir::Operation *op) {
    llvm::for_each(op->getResultTypes(), look);
    llvm::for_each(op->getOperandTypes(), look);
  });
  return result;
}

class OnnxFuzz : public testing::Test {
protected:
  /// Whether it became a graph.
  bool tryModel(const std::string &bytes) {
    mlir::DialectRegistry registry;
    ir::registerGraphDialects(registry);
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    context.loadAllAvailableDialects();
    std::string said;
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      said += diagnostic.str() + "\n";
      return mlir::success();
    });
    std::vector<ir::ImportProblem> problems;
    auto module = ir::importOnnx(context, bytes, "m.onnx", {}, problems);
    EXPECT_EQ(bool(module), problems.empty());
    if (!module)
      return false;
    EXPECT_TRUE(mlir::succeeded(mlir::verify(*module))) << said;
    if (isSmall(*module)) {
      codegen::CompileOptions options;
      options.config = *isa::loadConfig("tw8");
      auto compiled = codegen::compile(*module, options);
      if (!compiled) {
        const std::string text = llvm::toString(compiled.takeError());
        EXPECT_FALSE(text.empty());
        EXPECT_EQ(text.find("see the errors above"), std::string::npos) << text << "\n" << said;
      }
    }
    return true;
  }
};

TEST_F(OnnxFuzz, AnyBytesAreAGraphOrProblems) {
  const std::vector<std::string> models = starts();
  test::fuzz("onnx-bytes", 100, [&](test::Random &random) {
    tryModel(test::mutated(test::pick<std::string>(random, models), random, {}));
  });
}

TEST_F(OnnxFuzz, AnyFieldsAreAGraphOrProblems) {
  const std::vector<std::string> models = starts();
  test::fuzz("onnx-fields", 80, [&](test::Random &random) {
    onnx::ModelProto model;
    ASSERT_TRUE(model.ParseFromString(test::pick<std::string>(random, models)));
    std::vector<std::string> names{"", "x", "ai.onnx.ml", "N"};
    for (const onnx::NodeProto &node : model.graph().node())
      names.insert(names.end(), node.output().begin(), node.output().end());
    for (const onnx::TensorProto &tensor : model.graph().initializer())
      names.push_back(tensor.name());
    change(model, random, names);
    tryModel(model.SerializeAsString());
  });
}

TEST_F(OnnxFuzz, AnyNodesAreAGraphOrProblems) {
  int graphs = 0;
  test::fuzz("onnx-nodes", 600, [&](test::Random &random) { graphs += tryModel(soup(random).SerializeAsString()); });
  if (!std::getenv("TW_FUZZ_COUNT"))
    EXPECT_GT(graphs, 40);
}

} // namespace
