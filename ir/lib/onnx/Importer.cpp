// SPDX-License-Identifier: Apache-2.0
// ONNX protobuf -> graph module. Checks that need no types come first and are reported together; then one pass over the
// nodes in dependency order, each built by its row of OpTable.def.
#include "tw/ir/OnnxImport.h"

#include "OpTable.h"
#include "TensorReader.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <queue>

using namespace mlir;

namespace tw::ir {
namespace onnx {
namespace {

std::string nodeName(const ::onnx::NodeProto &node) {
  if (!node.name().empty())
    return node.name();
  return node.output_size() > 0 ? node.output(0) : node.op_type();
}

// The opset of each domain, as far as they are understood: those of other domains need no range, their rows say it.
using Opsets = std::map<std::string, int64_t>;

int64_t opsetOf(const Opsets &opsets, const std::string &domain) {
  auto found = opsets.find(isDefaultDomain(domain) ? "" : domain);
  return found == opsets.end() ? 1 : found->second; // exporters forget to name the domains that have one version
}

std::optional<Opsets> readVersions(const ::onnx::ModelProto &model, std::vector<ImportProblem> &problems) {
  Opsets opsets;
  for (const auto &import : model.opset_import())
    opsets[isDefaultDomain(import.domain()) ? "" : import.domain()] = import.version();
  std::string problem;
  if (auto found = opsets.find(""); found == opsets.end())
    problem = "names no opset version of the default domain";
  else if (found->second < kOldestOpset || found->second > kNewestOpset)
    problem = "uses opset " + std::to_string(found->second) + ", opsets " + std::to_string(kOldestOpset) + " to " +
              std::to_string(kNewestOpset) + " are supported; export it again with an opset in that range";
  else if (model.ir_version() < kOldestIrVersion || model.ir_version() > kNewestIrVersion)
    problem = "has IR version " + std::to_string(model.ir_version()) + ", IR versions " +
              std::to_string(kOldestIrVersion) + " to " + std::to_string(kNewestIrVersion) +
              " are supported; save it again with one of them";
  if (problem.empty())
    return opsets;
  problems.push_back({"model", problem});
  return std::nullopt;
}

std::string problemOf(const ::onnx::NodeProto &node, const Opsets &opsets) {
  return operatorProblem(node.domain(), node.op_type(), opsetOf(opsets, node.domain()));
}

// Names that lead to an output of the graph: only they are read. Exporters leave nodes and initializers of all kinds
// behind, and no runtime asks for them.
llvm::StringSet<> neededNames(const ::onnx::GraphProto &graph) {
  llvm::StringMap<const ::onnx::NodeProto *> producer;
  for (const auto &node : graph.node())
    for (const auto &output : node.output())
      producer.try_emplace(output, &node);
  llvm::StringSet<> needed;
  std::vector<std::string> next;
  for (const auto &info : graph.output())
    next.push_back(info.name());
  while (!next.empty()) {
    const std::string name = std::move(next.back());
    next.pop_back();
    if (name.empty() || !needed.insert(name).second)
      continue;
    if (auto found = producer.find(name); found != producer.end())
      next.insert(next.end(), found->second->input().begin(), found->second->input().end());
  }
  return needed;
}

bool isNeeded(const ::onnx::NodeProto &node, const llvm::StringSet<> &needed) {
  return llvm::any_of(node.output(), [&](const std::string &output) { return needed.contains(output); });
}

// The name of a free dimension; one without a name gets one.
std::string freeDimName(const ::onnx::ValueInfoProto &info, int index) {
  const auto &dim = info.type().tensor_type().shape().dim(index);
  return dim.has_dim_param() && !dim.dim_param().empty() ? dim.dim_param()
                                                         : info.name() + "_dim" + std::to_string(index);
}

class Importer {
public:
  Importer(MLIRContext &context, const ::onnx::ModelProto &model, std::string_view fileName,
           const OnnxImportOptions &options, std::vector<ImportProblem> &problems)
      : context(context), model(model), graph(model.graph()), fileName(fileName), options(options), problems(problems),
        builder(&context), needed(neededNames(graph)) {}

  OwningOpRef<ModuleOp> run();

private:
  friend class ProtoNode;

  void problem(const llvm::Twine &place, const llvm::Twine &text) { problems.push_back({place.str(), text.str()}); }
  bool checkVersions();
  void checkOperators();
  bool sortNodes();
  void readInitializers();
  void createArguments();
  std::optional<Shape> boundShape(const ::onnx::ValueInfoProto &info);
  void buildNode(const ::onnx::NodeProto &proto);
  void createResults();
  Location nameLoc(llvm::StringRef name) { return NameLoc::get(builder.getStringAttr(name)); }

  MLIRContext &context;
  const ::onnx::ModelProto &model;
  const ::onnx::GraphProto &graph;
  std::string_view fileName;
  const OnnxImportOptions &options;
  std::vector<ImportProblem> &problems;
  OpBuilder builder;
  llvm::StringSet<> needed;

  OwningOpRef<ModuleOp> module;
  func::FuncOp main;
  Opsets opsets;
  llvm::StringMap<Value> values;
  llvm::StringSet<> poisoned; // results of nodes with a problem: their users stay silent
  llvm::StringSet<> unread;   // initializers that nobody needs
  std::vector<const ::onnx::NodeProto *> order;
  std::map<std::string, int64_t> boundDims;
};

class ProtoNode : public Node {
public:
  ProtoNode(Importer &importer, const ::onnx::NodeProto &proto)
      : Node(importer.builder, importer.nameLoc(nodeName(proto))), importer(importer), proto(proto) {}

  size_t inputCount() const override { return proto.input_size(); }
  size_t outputCount() const override { return proto.output_size(); }
  bool isOutputRead(size_t index) const override {
    return static_cast<int>(index) < proto.output_size() &&
           importer.needed.contains(proto.output(static_cast<int>(index)));
  }
  bool hasInput(size_t index) const override {
    return index < inputCount() && !proto.input(static_cast<int>(index)).empty();
  }
  Value input(size_t index) override {
    if (!hasInput(index)) {
      (void)fail("input " + llvm::Twine(index) + " is missing");
      return Value();
    }
    return importer.values.lookup(proto.input(static_cast<int>(index)));
  }
  bool hasAttribute(llvm::StringRef name) const override {
    return llvm::any_of(proto.attribute(), [&](const auto &attribute) { return attribute.name() == name; });
  }
  int64_t integer(llvm::StringRef name, int64_t fallback) const override {
    auto *attribute = find(name, ::onnx::AttributeProto_AttributeType_INT);
    return attribute ? attribute->i() : fallback;
  }
  float real(llvm::StringRef name, float fallback) const override {
    auto *attribute = find(name, ::onnx::AttributeProto_AttributeType_FLOAT);
    return attribute ? attribute->f() : fallback;
  }
  std::string text(llvm::StringRef name, llvm::StringRef fallback) const override {
    auto *attribute = find(name, ::onnx::AttributeProto_AttributeType_STRING);
    return attribute ? attribute->s() : fallback.str();
  }
  std::optional<Shape> integers(llvm::StringRef name) const override {
    auto *attribute = find(name, ::onnx::AttributeProto_AttributeType_INTS);
    return attribute ? std::optional(Shape(attribute->ints().begin(), attribute->ints().end())) : std::nullopt;
  }
  std::optional<std::vector<float>> reals(llvm::StringRef name) const override {
    auto *attribute = find(name, ::onnx::AttributeProto_AttributeType_FLOATS);
    return attribute ? std::optional(std::vector<float>(attribute->floats().begin(), attribute->floats().end()))
                     : std::nullopt;
  }
  std::optional<std::vector<std::string>> texts(llvm::StringRef name) const override {
    auto *attribute = find(name, ::onnx::AttributeProto_AttributeType_STRINGS);
    return attribute ? std::optional(std::vector<std::string>(attribute->strings().begin(), attribute->strings().end()))
                     : std::nullopt;
  }
  FailureOr<Tensor> constantValue() override;
  std::optional<Shape> declaredShape(size_t output) const override;
  void setResult(size_t index, Value value) override {
    if (static_cast<int>(index) < proto.output_size() && !proto.output(static_cast<int>(index)).empty())
      importer.values[proto.output(static_cast<int>(index))] = value;
  }
  LogicalResult fail(const llvm::Twine &text) override {
    importer.problem("node '" + nodeName(proto) + "' (" + proto.op_type() + ")", text);
    return failure();
  }

private:
  const ::onnx::AttributeProto *find(llvm::StringRef name, ::onnx::AttributeProto_AttributeType type) const {
    for (const auto &attribute : proto.attribute())
      if (attribute.name() == name && (attribute.type() == type || !attribute.has_type()))
        return &attribute;
    return nullptr;
  }

  Importer &importer;
  const ::onnx::NodeProto &proto;
};

template <typename T, typename Field> Tensor vectorOf(const Field &field) {
  return Tensor::of<T>({field.size()}, std::vector<T>(field.begin(), field.end()));
}

std::optional<Shape> ProtoNode::declaredShape(size_t output) const {
  if (static_cast<int>(output) >= proto.output_size())
    return std::nullopt;
  for (const auto *infos : {&importer.graph.output(), &importer.graph.value_info()})
    for (const auto &info : *infos) {
      if (info.name() != proto.output(static_cast<int>(output)) || !info.type().tensor_type().has_shape())
        continue;
      Shape shape;
      for (const auto &dim : info.type().tensor_type().shape().dim()) {
        if (!dim.has_dim_value())
          return std::nullopt;
        shape.push_back(dim.dim_value());
      }
      return shape;
    }
  return std::nullopt;
}

FailureOr<Tensor> ProtoNode::constantValue() {
  for (const auto &attribute : proto.attribute()) {
    if (attribute.name() == "value") {
      auto tensor = readTensor(attribute.t());
      if (!tensor)
        return fail("its value " + llvm::toString(tensor.takeError()));
      return *std::move(tensor);
    }
    if (attribute.name() == "value_float")
      return Tensor::of<float>({}, {attribute.f()});
    if (attribute.name() == "value_int")
      return Tensor::of<int64_t>({}, {attribute.i()});
    if (attribute.name() == "value_floats")
      return vectorOf<float>(attribute.floats());
    if (attribute.name() == "value_ints")
      return vectorOf<int64_t>(attribute.ints());
  }
  return fail("has no value, or one of a kind that is not supported");
}

bool Importer::checkVersions() {
  auto versions = readVersions(model, problems);
  opsets = versions.value_or(Opsets());
  return versions.has_value();
}

void Importer::checkOperators() {
  for (const auto &node : graph.node())
    if (std::string text = problemOf(node, opsets); isNeeded(node, needed) && !text.empty())
      problem("node '" + nodeName(node) + "'", text);
}

// Dependency order; finds names that nobody produces, names produced twice, and cycles.
bool Importer::sortNodes() {
  size_t before = problems.size();
  llvm::StringMap<int> producer;
  llvm::StringSet<> given;
  for (const auto &initializer : graph.initializer())
    given.insert(initializer.name());
  for (const auto &info : graph.input())
    given.insert(info.name());
  for (int i = 0; i < graph.node_size(); ++i)
    for (const auto &output : graph.node(i).output())
      if (!output.empty() && (given.contains(output) || !producer.try_emplace(output, i).second))
        problem("node '" + nodeName(graph.node(i)) + "'", "output '" + output + "' is produced twice");

  std::vector<std::vector<int>> users(graph.node_size());
  std::vector<int> missing(graph.node_size(), 0);
  for (int i = 0; i < graph.node_size(); ++i)
    for (const auto &input : graph.node(i).input()) {
      if (input.empty() || given.contains(input))
        continue;
      auto found = producer.find(input);
      if (found == producer.end()) {
        problem("node '" + nodeName(graph.node(i)) + "'",
                "input '" + input + "' is produced by no node, initializer or graph input");
        continue;
      }
      users[found->second].push_back(i);
      ++missing[i];
    }
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int i = 0; i < graph.node_size(); ++i)
    if (missing[i] == 0)
      ready.push(i);
  while (!ready.empty()) {
    int node = ready.top();
    ready.pop();
    order.push_back(&graph.node(node));
    for (int user : users[node])
      if (--missing[user] == 0)
        ready.push(user);
  }
  if (order.size() != static_cast<size_t>(graph.node_size()))
    for (int i = 0; i < graph.node_size(); ++i)
      if (missing[i] > 0) {
        problem("node '" + nodeName(graph.node(i)) + "'", "depends on its own result: the graph has a cycle");
        break;
      }
  return problems.size() == before;
}

void Importer::readInitializers() {
  if (graph.sparse_initializer_size() > 0)
    problem("graph", "sparse initializers are not supported");
  for (const auto &initializer : graph.initializer()) {
    if (!needed.contains(initializer.name())) {
      unread.insert(initializer.name());
      continue;
    }
    auto tensor = readTensor(initializer);
    if (!tensor) {
      problem("initializer '" + initializer.name() + "'", llvm::toString(tensor.takeError()));
      poisoned.insert(initializer.name());
      continue;
    }
    values[initializer.name()] = makeConstant(builder, nameLoc(initializer.name()), initializer.name(), *tensor);
  }
}

std::optional<Shape> Importer::boundShape(const ::onnx::ValueInfoProto &info) {
  std::string place = "input '" + info.name() + "'";
  if (!info.type().has_tensor_type() || !info.type().tensor_type().has_shape()) {
    problem(place, "is not a tensor of known rank");
    return std::nullopt;
  }
  Shape shape;
  int64_t count = 1;
  for (const auto &dim : info.type().tensor_type().shape().dim()) {
    int64_t value = dim.dim_value();
    if (!dim.has_dim_value()) {
      std::string name = freeDimName(info, static_cast<int>(shape.size()));
      auto bound = options.dims.find(name);
      if (bound == options.dims.end()) {
        problem(place, "dimension " + llvm::Twine(shape.size()) + " ('" + name +
                           "') is not bound; give it a value, for example " + "--dim " + name + "=1");
        return std::nullopt;
      }
      value = boundDims[name] = bound->second;
    }
    if (value < 1 || count > kMaxElements / value) {
      problem(place, "dimension " + llvm::Twine(shape.size()) + " is " + llvm::Twine(value) +
                         ", which is not a usable extent");
      return std::nullopt;
    }
    count *= value;
    shape.push_back(value);
  }
  return shape;
}

void Importer::createArguments() {
  std::vector<Type> types;
  std::vector<std::string> names;
  for (const auto &info : graph.input()) {
    if (values.count(info.name()) || poisoned.contains(info.name()) || unread.contains(info.name()))
      continue; // an initializer with a default: a constant here
    auto shape = boundShape(info);
    auto type = elementTypeOfOnnx(info.type().tensor_type().elem_type());
    if (shape && !type)
      problem("input '" + info.name() + "'", "is " + onnxTypeName(info.type().tensor_type().elem_type()) +
                                                 ", only float32, int8, uint8, int32 and int64 are supported");
    if (!shape || !type) {
      poisoned.insert(info.name());
      continue;
    }
    types.push_back(toMlirType(&context, *type, *shape));
    names.push_back(info.name());
  }
  main.setFunctionType(builder.getFunctionType(types, {}));
  Block &entry = main.front();
  for (size_t i = 0; i < types.size(); ++i) {
    values[names[i]] = entry.addArgument(types[i], nameLoc(names[i]));
    main.setArgAttr(static_cast<unsigned>(i), "tw.name", builder.getStringAttr(names[i]));
  }
}

void Importer::buildNode(const ::onnx::NodeProto &proto) {
  bool usable = llvm::none_of(proto.input(), [&](const std::string &name) { return poisoned.contains(name); });
  const OpRow *row = findOp(proto.domain(), proto.op_type());
  ProtoNode node(*this, proto);
  node.version = row->versionAt(opsetOf(opsets, proto.domain()))->number;
  if (usable && succeeded(row->builder(node))) {
    for (const auto &output : proto.output()) {
      if (output.empty())
        continue;
      Value value = values.lookup(output);
      if (value && elementCount(shapeOf(value)) <= kMaxElements)
        continue;
      if (value)
        (void)node.fail("result " + shapeText(shapeOf(value)) + " has more than " + llvm::Twine(kMaxElements) +
                        " elements");
      // A second output that no builder makes (a pool's indices) only matters to those who read it.
      poisoned.insert(output);
    }
    return;
  }
  for (const auto &output : proto.output())
    poisoned.insert(output);
}

void Importer::createResults() {
  llvm::SmallVector<Value> results;
  for (const auto &info : graph.output()) {
    std::string place = "output '" + info.name() + "'";
    Value value = values.lookup(info.name());
    if (!value) {
      if (!poisoned.contains(info.name()))
        problem(place, "is produced by no node");
      else if (problems.empty())
        problem(place, "is an output that this importer does not compute");
      continue;
    }
    const auto &declared = info.type().tensor_type();
    Dims shape = shapeOf(value);
    bool sameRank = !declared.has_shape() || declared.shape().dim_size() == static_cast<int>(shape.size());
    Shape wanted;
    for (int d = 0; declared.has_shape() && d < declared.shape().dim_size(); ++d) {
      const auto &dim = declared.shape().dim(d);
      wanted.push_back(dim.has_dim_value() || !sameRank ? dim.dim_value() : shape[d]);
    }
    if (declared.has_shape() && Dims(wanted) != shape)
      problem(place, "is declared as " + shapeText(wanted) + ", the graph computes " + shapeText(shape));
    if (llvm::is_contained(shape, 0))
      problem(place, "is " + shapeText(shape) + ", which has no element: nothing could be returned");
    results.push_back(value);
    if (declared.elem_type() && elementTypeOfOnnx(declared.elem_type()) != elementTypeOf(value.getType()))
      problem(place, "is declared as " + onnxTypeName(declared.elem_type()) + ", the graph computes " +
                         llvm::StringRef(elementTypeName(elementTypeOf(value.getType()))));
  }
  if (graph.output_size() == 0)
    problem("graph", "has no outputs");
  builder.create<func::ReturnOp>(builder.getUnknownLoc(), results);
  main.setFunctionType(builder.getFunctionType(main.getFunctionType().getInputs(), ValueRange(results).getTypes()));
  for (size_t i = 0; i < results.size(); ++i)
    main.setResultAttr(static_cast<unsigned>(i), "tw.name",
                       builder.getStringAttr(graph.output(static_cast<int>(i)).name()));
}

OwningOpRef<ModuleOp> Importer::run() {
  if (!checkVersions())
    return nullptr;
  checkOperators();
  if (!sortNodes() || !problems.empty())
    return nullptr;
  module = ModuleOp::create(FileLineColLoc::get(&context, llvm::StringRef(fileName), 0, 0));
  builder.setInsertionPointToEnd(module->getBody());
  main = builder.create<func::FuncOp>(module->getLoc(), "main", builder.getFunctionType({}, {}));
  builder.setInsertionPointToEnd(main.addEntryBlock());
  readInitializers();
  createArguments();
  for (const auto &[name, value] : options.dims)
    if (!boundDims.count(name))
      problem("--dim " + name, "names no dimension of the model");
  for (const auto *node : order)
    if (isNeeded(*node, needed))
      buildNode(*node);
  createResults();
  if (!problems.empty())
    return nullptr;
  llvm::SmallVector<NamedAttribute> dims;
  for (const auto &[name, value] : boundDims)
    dims.push_back(builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
  if (!dims.empty())
    (*module)->setAttr("tw.dims", builder.getDictionaryAttr(dims));
  (*module)->setAttr("tw.opset", builder.getI64IntegerAttr(opsetOf(opsets, "")));
  return std::move(module);
}

OnnxSurvey survey(const ::onnx::ModelProto &model, const Opsets &opsets) {
  OnnxSurvey result;
  result.opset = opsetOf(opsets, "");
  const llvm::StringSet<> needed = neededNames(model.graph());
  for (const auto &node : model.graph().node())
    if (isNeeded(node, needed))
      result.nodes.push_back({nodeName(node), node.op_type(), problemOf(node, opsets)});
  llvm::StringSet<> constants;
  for (const auto &initializer : model.graph().initializer())
    constants.insert(initializer.name());
  for (const auto &info : model.graph().input())
    for (int d = 0; !constants.contains(info.name()) && d < info.type().tensor_type().shape().dim_size(); ++d)
      if (!info.type().tensor_type().shape().dim(d).has_dim_value())
        if (std::string name = freeDimName(info, d); !llvm::is_contained(result.freeDims, name))
          result.freeDims.push_back(name);
  return result;
}

// Parses the bytes and calls `use` inside the wall: protobuf and libonnx throw, nothing of ours does.
template <typename Use> void withModel(std::string_view bytes, std::vector<ImportProblem> &problems, const Use &use) {
  if (bytes.empty()) {
    problems.push_back({"file", "is empty"});
    return;
  }
  try {
    ::onnx::ModelProto model;
    if (bytes.size() > INT32_MAX || !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
      problems.push_back({"file", "is not an ONNX model, or is truncated or corrupt (" + std::to_string(bytes.size()) +
                                      " bytes do not parse as protobuf)"});
    else if (!model.has_graph())
      problems.push_back({"file", "holds no graph: not an ONNX model"});
    else
      use(model);
  } catch (const std::exception &error) {
    problems.push_back({"file", std::string("cannot be read: ") + error.what()});
  }
}

} // namespace
} // namespace onnx

OwningOpRef<ModuleOp> importOnnx(MLIRContext &context, std::string_view bytes, std::string_view fileName,
                                 const OnnxImportOptions &options, std::vector<ImportProblem> &problems) {
  OwningOpRef<ModuleOp> module;
  onnx::withModel(bytes, problems, [&](const ::onnx::ModelProto &model) {
    module = onnx::Importer(context, model, fileName, options, problems).run();
  });
  return problems.empty() ? std::move(module) : nullptr;
}

std::optional<OnnxSurvey> surveyOnnx(std::string_view bytes, std::vector<ImportProblem> &problems) {
  std::optional<OnnxSurvey> result;
  onnx::withModel(bytes, problems, [&](const ::onnx::ModelProto &model) {
    if (auto opsets = onnx::readVersions(model, problems))
      result = onnx::survey(model, *opsets);
  });
  return result;
}

std::string problemText(std::string_view fileName, const std::vector<ImportProblem> &problems) {
  std::string text;
  for (const ImportProblem &problem : problems)
    text += std::string(fileName) + ": " + problem.place + ": " + problem.text + "\n";
  return text;
}

} // namespace tw::ir
