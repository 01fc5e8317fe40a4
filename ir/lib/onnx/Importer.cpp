// SPDX-License-Identifier: Apache-2.0
// ONNX protobuf -> graph module: arguments, the nodes that lead to a result, results. Everything that is wrong is
// reported, not only the first: what depends on a node with a problem stays silent.
#include "GraphBuilder.h"

#include "Inputs.h"
#include "TensorReader.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace tw::ir {
namespace onnx {
namespace {

class Importer {
public:
  Importer(MLIRContext &context, const ::onnx::ModelProto &model, std::string_view fileName,
           const OnnxImportOptions &options, std::vector<Diag> &problems)
      : context(context), model(model), graph(model.graph()), fileName(fileName), options(options), problems(problems),
        builder(&context),
        inputs(graph, options, [this](const llvm::Twine &place, const llvm::Twine &text) { problem(place, text); }) {}

  OwningOpRef<ModuleOp> run();

private:
  void problem(const llvm::Twine &place, const llvm::Twine &text) { problems.push_back({place.str(), text.str()}); }
  std::optional<Plan> planGraph();
  void createArguments(Scope &scope, GraphBuilder &graphBuilder);
  void createResults(const Scope &scope, const GraphBuilder &graphBuilder);
  void eraseUnused();
  DictionaryAttr named(llvm::StringRef name) {
    return builder.getDictionaryAttr(builder.getNamedAttr("tw.name", builder.getStringAttr(name)));
  }
  Location nameLoc(llvm::StringRef name) { return NameLoc::get(builder.getStringAttr(name)); }

  MLIRContext &context;
  const ::onnx::ModelProto &model;
  const ::onnx::GraphProto &graph;
  std::string_view fileName;
  const OnnxImportOptions &options;
  std::vector<Diag> &problems;
  OpBuilder builder;

  Opsets opsets;
  Functions functions;
  OwningOpRef<ModuleOp> module;
  func::FuncOp main;
  Inputs inputs;
};

// Nothing, with all problems that need no types, when names do not fit together.
std::optional<Plan> Importer::planGraph() {
  llvm::StringSet<> given;
  for (const auto &initializer : graph.initializer())
    given.insert(initializer.name());
  for (const auto &info : graph.input())
    given.insert(info.name());
  Plan plan = planNodes(
      graph.node(), given, outputNames(graph), [](llvm::StringRef) { return false; },
      [&](const ::onnx::NodeProto &node, const std::string &text) { problem("node '" + nodeName(node) + "'", text); });
  if (problems.empty())
    return plan;
  walkNodes(graph.node(), outputNames(graph), opsets, functions, "", [&](const VisitedNode &visited) {
    if (!visited.problem.empty())
      problem("node '" + visited.name + "'", visited.problem);
  });
  return std::nullopt;
}

// "int64 4: 1, 3, 224, 224", without the values when they are many.
std::string textOf(const Tensor &tensor) {
  constexpr int64_t kMostValues = 8;
  std::string text = std::string(elementTypeName(tensor.type)) + " " + shapeText(tensor.shape);
  for (int64_t i = 0; i < tensor.size() && tensor.size() <= kMostValues; ++i)
    text += (i ? ", " : ": ") + (isReal(tensor.type) ? llvm::formatv("{0}", tensor.numberAt(i)).str()
                                                     : std::to_string(tensor.integerAt(i)));
  return text;
}

// A free dimension agrees with every extent.
bool agrees(const ::onnx::TensorShapeProto &declared, Dims shape) {
  return declared.dim_size() == static_cast<int>(shape.size()) &&
         llvm::all_of(llvm::zip_equal(declared.dim(), shape), [](const auto &both) {
           const auto &[dim, extent] = both;
           return extentOf(dim).value_or(extent) == extent;
         });
}

// "1x?x3"
std::string declaredText(const ::onnx::TensorShapeProto &declared) {
  return llvm::join(llvm::map_range(declared.dim(),
                                    [](const auto &dim) {
                                      const auto extent = extentOf(dim);
                                      return extent ? std::to_string(*extent) : std::string("?");
                                    }),
                    "x");
}

void Importer::createArguments(Scope &scope, GraphBuilder &graphBuilder) {
  llvm::StringSet<> known; // inputs that are no arguments
  llvm::SmallVector<NamedAttribute> texts;
  for (const auto &initializer : graph.initializer()) // a default; it is a constant, or nothing when nobody reads it
    known.insert(initializer.name());
  for (const auto &[name, tensor] : inputs.bindConstants()) {
    scope.poisoned.erase(name);
    scope.values[name] = makeConstant(builder, nameLoc(name), name, tensor);
    texts.push_back(builder.getNamedAttr(name, builder.getStringAttr(textOf(tensor))));
  }
  for (const auto &[name, given] : options.constants)
    known.insert(name);
  if (!texts.empty())
    (*module)->setAttr("tw.constants", builder.getDictionaryAttr(texts));
  std::vector<Type> types;
  std::vector<std::string> names;
  std::vector<const HeldType *> held;
  for (const auto &info : graph.input()) {
    if (known.contains(info.name())) {
      if (!scope.knows(info.name()))
        scope.poisoned.insert(info.name());
      continue;
    }
    auto type = inputs.typeOf(info);
    if (!type) {
      scope.poisoned.insert(info.name());
      continue;
    }
    types.push_back(toMlirType(&context, type->element, type->shape));
    names.push_back(info.name());
    held.push_back(type->held);
  }
  inputs.checkNames();
  main.setFunctionType(builder.getFunctionType(types, {}));
  Block &entry = main.front();
  llvm::SmallVector<DictionaryAttr> attributes; // all at once: each call would copy those of all
  for (size_t i = 0; i < types.size(); ++i) {
    Value argument = entry.addArgument(types[i], nameLoc(names[i]));
    // One without elements is known: the caller gives it, and nobody reads it.
    scope.values[names[i]] = isEmpty(argument) ? makeConstant(builder, nameLoc(names[i]), names[i],
                                                              Tensor(elementTypeOf(types[i]), shapeOf(argument)))
                                               : argument;
    attributes.push_back(named(names[i]));
    if (held[i])
      graphBuilder.heldTypes[scope.values[names[i]]] = held[i];
  }
  main.setAllArgAttrs(attributes);
}

void Importer::createResults(const Scope &scope, const GraphBuilder &graphBuilder) {
  llvm::SmallVector<Value> results;
  std::vector<std::string> notes;
  for (const auto &info : graph.output()) {
    std::string place = "output '" + info.name() + "'";
    Value value = scope.lookup(info.name());
    if (!value) {
      if (!scope.isPoisoned(info.name()))
        problem(place, "is produced by no node");
      continue;
    }
    const auto &declared = info.type().tensor_type();
    Dims shape = shapeOf(value);
    // What exporters declare of a result is a hint that they often leave wrong: no reason to refuse what can run.
    if (declared.has_shape() && !agrees(declared.shape(), shape))
      notes.push_back(place + " is declared as " + declaredText(declared.shape()) + ", the graph computes " +
                      shapeText(shape) + ", which it gets");
    results.push_back(value);
    const ElementType type = elementTypeOf(value.getType());
    const HeldType *held = graphBuilder.heldTypes.lookup(value);
    if (declared.elem_type() &&
        (storedTypeOfOnnx(declared.elem_type()) != type || findHeldType(declared.elem_type()) != held))
      problem(place, "is declared as " + onnxTypeName(declared.elem_type()) + ", the graph computes " +
                         (held ? held->name : llvm::StringRef(elementTypeName(type))));
  }
  if (graph.output_size() == 0)
    problem("graph", "has no outputs");
  builder.create<func::ReturnOp>(builder.getUnknownLoc(), results);
  main.setFunctionType(builder.getFunctionType(main.getFunctionType().getInputs(), ValueRange(results).getTypes()));
  llvm::SmallVector<DictionaryAttr> attributes;
  for (size_t i = 0; i < results.size(); ++i)
    attributes.push_back(named(graph.output(static_cast<int>(i)).name()));
  main.setAllResultAttrs(attributes);
  if (!notes.empty())
    (*module)->setAttr("tw.notes",
                       builder.getStrArrayAttr(llvm::SmallVector<llvm::StringRef>(notes.begin(), notes.end())));
}

// What was only read while it was folded, and what only a branch reads that is not taken.
void Importer::eraseUnused() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(main.front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

OwningOpRef<ModuleOp> Importer::run() {
  auto versions = readVersions(model, problems);
  if (!versions)
    return nullptr;
  opsets = *std::move(versions);
  if (graph.node_size() > kMostNodes) {
    problem("graph", "has " + llvm::Twine(graph.node_size()) + " nodes, more than " + llvm::Twine(kMostNodes) +
                         ", which is not supported: cut the model in parts");
    return nullptr;
  }
  functions = Functions(model, opsets);
  auto plan = planGraph();
  if (!plan)
    return nullptr;
  module = ModuleOp::create(FileLineColLoc::get(&context, llvm::StringRef(fileName), 0, 0));
  builder.setInsertionPointToEnd(module->getBody());
  main = builder.create<func::FuncOp>(module->getLoc(), "main", builder.getFunctionType({}, {}));
  builder.setInsertionPointToEnd(main.addEntryBlock());
  Scope scope;
  scope.opsets = &opsets;
  GraphBuilder graphBuilder(builder, functions, options.folder, problems);
  graphBuilder.readDeclaredShapes(graph);
  graphBuilder.readInitializers(graph, *plan, scope);
  createArguments(scope, graphBuilder);
  graphBuilder.buildNodes(*plan, scope);
  createResults(scope, graphBuilder);
  if (!problems.empty())
    return nullptr;
  eraseUnused();
  llvm::SmallVector<NamedAttribute> dims;
  for (const auto &[name, value] : inputs.boundDims)
    dims.push_back(builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
  if (!dims.empty())
    (*module)->setAttr("tw.dims", builder.getDictionaryAttr(dims));
  (*module)->setAttr("tw.opset", builder.getI64IntegerAttr(opsetOf(opsets, "")));
  return std::move(module);
}

} // namespace
} // namespace onnx

OwningOpRef<ModuleOp> importOnnx(MLIRContext &context, std::string_view bytes, std::string_view fileName,
                                 const OnnxImportOptions &options, std::vector<Diag> &problems) {
  OwningOpRef<ModuleOp> module;
  onnx::withModel(bytes, problems, [&](const ::onnx::ModelProto &model) {
    module = onnx::Importer(context, model, fileName, options, problems).run();
  });
  return problems.empty() ? std::move(module) : nullptr;
}

std::string problemText(std::string_view fileName, const std::vector<Diag> &problems) {
  std::string text;
  for (const Diag &problem : problems)
    text += problem.inside(std::string(fileName)).str() + "\n";
  return text;
}

} // namespace tw::ir
