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

void addGraph(onnx::NodeProto &node, const std::string &name, const onnx::GraphProto &graph) {
  onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto_AttributeType_GRAPH);
  *attribute.mutable_g() = graph;
}

void addScalar(onnx::GraphProto &graph, const std::string &name, int type, int64_t value) {
  onnx::TensorProto &tensor = *graph.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(type);
  if (type == onnx::TensorProto_DataType_INT64)
    tensor.add_int64_data(value);
  else
    tensor.add_int32_data(int32_t(value));
}

// What soup makes, but its nodes stand in a function, in the branches of an If, or in the body of a Loop or a Scan.
onnx::ModelProto nested(test::Random &random) {
  onnx::ModelProto model = soup(random);
  onnx::GraphProto inner = model.graph(), &graph = *model.mutable_graph();
  graph.clear_node();
  graph.mutable_output(0)->set_name("out");
  onnx::NodeProto &node = *graph.add_node();
  node.set_name("outer");
  inner.clear_initializer(); // they are to be had from around it
  addScalar(graph, "on", onnx::TensorProto_DataType_BOOL, test::below(random, 8) != 0);
  const size_t kind = test::below(random, 4);
  if (kind == 0) {
    onnx::FunctionProto &function = *model.add_functions();
    function.set_name("f");
    function.set_domain("mine");
    node.set_op_type("f");
    node.set_domain("mine");
    for (const auto &info : graph.input())
      function.add_input(info.name()), node.add_input(test::below(random, 8) ? info.name() : "");
    for (const auto &tensor : graph.initializer())
      function.add_input(tensor.name()), node.add_input(tensor.name());
    *function.mutable_node() = inner.node();
    function.add_output(inner.output(0).name());
    if (test::below(random, 2))
      function.mutable_node(0)->mutable_attribute()->Add()->set_ref_attr_name("axis");
    if (test::below(random, 8) == 0) // one that calls itself
      *function.add_node() = node;
  } else if (kind == 1) {
    node.set_op_type("If");
    node.add_input(test::below(random, 2) ? "on" : graph.input(0).name());
    if (test::below(random, 2))
      graph.mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto_DataType_BOOL);
    inner.clear_input();
    addGraph(node, "then_branch", inner);
    if (test::below(random, 2))
      std::swap(*inner.mutable_node(0)->mutable_input(0), *graph.mutable_input(0)->mutable_name());
    addGraph(node, "else_branch", inner);
  } else {
    const bool isLoop = kind == 2;
    node.set_op_type(isLoop ? "Loop" : "Scan");
    onnx::GraphProto body = inner;
    body.clear_input();
    body.clear_output();
    if (isLoop) {
      static constexpr std::array<int64_t, 6> kTrips = {0, 1, 2, 3, 50, INT64_MAX};
      addScalar(graph, "trips", onnx::TensorProto_DataType_INT64, test::pick<int64_t>(random, kTrips));
      node.add_input(test::below(random, 6) ? "trips" : "");
      node.add_input(test::below(random, 6) ? "on" : "");
      body.add_input()->set_name("i");
      body.add_input()->set_name("c");
      body.add_output()->set_name("c");
    }
    for (const auto &info : inner.input()) {
      node.add_input(info.name());
      *body.add_input() = info;
      if (isLoop || test::below(random, 2))
        body.add_output()->set_name(test::below(random, 4) ? info.name() : inner.output(0).name());
    }
    body.add_output()->set_name(inner.output(0).name());
    for (int i = isLoop; i < body.output_size(); ++i)
      node.add_output(i + 1 == body.output_size() ? "out" : "s" + std::to_string(i));
    addGraph(node, "body", body);
    if (!isLoop) {
      onnx::AttributeProto &attribute = *node.add_attribute();
      attribute.set_name("num_scan_inputs");
      attribute.set_type(onnx::AttributeProto_AttributeType_INT);
      attribute.set_i(int64_t(test::below(random, 3)));
    }
  }
  if (node.output_size() == 0)
    node.add_output("out");
  return model;
}

// Some initializers lie in files, or should.
void moveOut(onnx::ModelProto &model, test::Random &random) {
  static const std::string kPlaces[] = {"w.bin",      "w.bin",  "w.bin", "sub/w.bin", "../w.bin", "/dev/zero",
                                        "/etc/hosts", "w.bin/", "",      ".",         "none"};
  for (auto &tensor : *model.mutable_graph()->mutable_initializer()) {
    if (test::below(random, 2))
      continue;
    tensor.clear_float_data(), tensor.clear_int32_data(), tensor.clear_int64_data();
    tensor.set_data_location(onnx::TensorProto_DataLocation_EXTERNAL);
    auto add = [&](const std::string &key, const std::string &value) {
      auto &entry = *tensor.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    };
    add("location", test::pick<std::string>(random, kPlaces));
    if (test::below(random, 2))
      add("offset", std::to_string(number(random)));
    if (test::below(random, 4) == 0)
      add("length", std::to_string(number(random)));
  }
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
  bool tryModel(const std::string &bytes, const ir::OnnxImportOptions &import = {}) {
    mlir::DialectRegistry registry;
    ir::registerGraphDialects(registry);
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    context.loadAllAvailableDialects();
    std::string said;
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      said += diagnostic.str() + "\n";
      return mlir::success();
    });
    std::vector<Diag> problems;
    auto module = ir::importOnnx(context, bytes, "m.onnx", import, problems);
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
        EXPECT_EQ(text.find("a defect of the compiler"), std::string::npos) << text << "\n" << said;
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

TEST_F(OnnxFuzz, AnyFunctionsAndNestedGraphsAreAGraphOrProblems) {
  int graphs = 0;
  test::fuzz("onnx-nested", 900, [&](test::Random &random) {
    onnx::ModelProto model = nested(random);
    if (test::below(random, 3) == 0)
      change(model, random, {"", "x0", "c0", "i", "c", "out", "axis"});
    graphs += tryModel(model.SerializeAsString());
  });
  if (!std::getenv("TW_FUZZ_COUNT"))
    EXPECT_GT(graphs, 20);
}

TEST_F(OnnxFuzz, AnyExternalDataAndConstantsAreAGraphOrProblems) {
  const test::TempDir folder;
  std::ofstream(folder.path() / "w.bin") << std::string(200, '\1');
  std::filesystem::create_directory(folder.path() / "sub");
  std::ofstream(folder.path() / "sub/w.bin") << std::string(3, '\1');
  static const std::string kValues[] = {"1", "1,2", "[1,1,2]", "-1", "x", ",", "99999999999999999999", "1e9", "nan"};
  int graphs = 0;
  test::fuzz("onnx-external", 1200, [&](test::Random &random) {
    onnx::ModelProto model = soup(random);
    moveOut(model, random);
    ir::OnnxImportOptions import{.folder = folder.path().string()};
    if (test::below(random, 4) == 0)
      import.constants["x" + std::to_string(test::below(random, 2))].text = test::pick<std::string>(random, kValues);
    graphs += tryModel(model.SerializeAsString(), import);
  });
  if (!std::getenv("TW_FUZZ_COUNT"))
    EXPECT_GT(graphs, 20);
}

} // namespace
