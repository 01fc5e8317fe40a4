// SPDX-License-Identifier: Apache-2.0
#include "GraphBuilder.h"

#include "ProtoNode.h"
#include "TensorReader.h"

#include "tw/ir/MappedConstant.h"
#include "tw/isa/DiagError.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

constexpr size_t kMostCalls = 100; // of functions in functions

} // namespace

void GraphBuilder::problem(const llvm::Twine &place, const llvm::Twine &text) {
  // What a function or a nested graph cannot do it cannot do each time.
  if (said.insert((place + "\n" + text).str()).second)
    problems.push_back({place.str(), text.str()});
}

void GraphBuilder::readDeclaredShapes(const ::onnx::GraphProto &graph) {
  for (const auto *infos : {&graph.output(), &graph.value_info()})
    for (const auto &info : *infos) {
      const auto &type = info.type().tensor_type();
      Shape shape;
      for (const auto &dim : type.shape().dim())
        if (dim.has_dim_value())
          shape.push_back(dim.dim_value());
      if (type.has_shape() && static_cast<int>(shape.size()) == type.shape().dim_size())
        declared.try_emplace(info.name(), std::move(shape));
    }
}

std::optional<Shape> GraphBuilder::declaredShape(llvm::StringRef name) const {
  auto found = declared.find(name);
  return found == declared.end() ? std::nullopt : std::optional(found->second);
}

llvm::Expected<Value> GraphBuilder::readInitializer(const ::onnx::TensorProto &proto) {
  auto mapped = mapTensor(proto, external);
  if (!mapped)
    return mapped.takeError();
  if (const auto &tensor = *mapped)
    return makeMappedConstant(builder, nameLoc(proto.name()), proto.name(),
                              toMlirType(builder.getContext(), tensor->type, tensor->shape), tensor->data.bytes,
                              tensor->data.file)
        .getResult();
  auto tensor = readTensor(proto, external);
  if (!tensor)
    return tensor.takeError();
  return makeConstant(builder, nameLoc(proto.name()), proto.name(), *tensor).getResult();
}

void GraphBuilder::readInitializers(const ::onnx::GraphProto &graph, const Plan &plan, Scope &scope) {
  for (const auto &sparse : graph.sparse_initializer())
    if (plan.needed.contains(sparse.values().name())) {
      problem("initializer '" + sparse.values().name() + "'", "is sparse, which is not supported");
      scope.poisoned.insert(sparse.values().name());
    }
  for (const auto &initializer : graph.initializer()) {
    if (!plan.needed.contains(initializer.name()))
      continue;
    if (auto known = initializers.find(&initializer); known != initializers.end()) {
      scope.values[initializer.name()] = known->second;
      continue;
    }
    auto value = readInitializer(initializer);
    if (!value) {
      problem("initializer '" + scope.prefix + initializer.name() + "'", diagOf(value.takeError()).str());
      scope.poisoned.insert(initializer.name());
      continue;
    }
    scope.values[initializer.name()] = initializers[&initializer] = *value;
    if (const HeldType *held = findHeldType(initializer.data_type()))
      heldTypes[*value] = held;
  }
}

Value GraphBuilder::asFloat(Value value) {
  Value &made = floats[value];
  if (!made)
    made = folder.fold(builder.create<CastOp>(
        value.getLoc(), toMlirType(builder.getContext(), ElementType::F32, shapeOf(value)), value));
  return made;
}

void GraphBuilder::buildNodes(const Plan &plan, Scope &scope) {
  for (const auto *node : plan.order)
    buildNode(*node, plan, scope);
}

void GraphBuilder::buildNode(const ::onnx::NodeProto &proto, const Plan &plan, Scope &scope) {
  const std::string text = problemOf(proto, *scope.opsets, functions);
  if (!text.empty())
    problem("node '" + scope.prefix + nodeName(proto) + "'", text);
  const bool isUsable =
      text.empty() && llvm::none_of(proto.input(), [&](const std::string &name) { return scope.isPoisoned(name); });
  if (const Function *function = functions.find(proto); function && text.empty())
    return callFunction(*function, proto, scope);
  if (!isUsable)
    checkGraphs(proto, scope);
  const OpRow *row = isUsable ? findOp(proto.domain(), proto.op_type()) : nullptr;
  std::optional<ProtoNode> node;
  if (row)
    node.emplace(*this, scope, plan, proto, *row);
  const bool isBuilt = row && succeeded(node->build());
  for (int i = 0; i < proto.output_size(); ++i) {
    const std::string &output = proto.output(i);
    Value value = scope.values.lookup(output);
    if (output.empty() || (value && elementCount(shapeOf(value)) <= kMaxElements))
      continue;
    if (value)
      (void)node->fail("result " + shapeText(shapeOf(value)) + " has more than " + llvm::Twine(kMaxElements) +
                       " elements");
    else if (isBuilt && plan.needed.contains(output))
      (void)node->fail("its output " + llvm::Twine(i) + " ('" + output + "') is read and not supported");
    scope.values.erase(output);
    scope.poisoned.insert(output);
  }
}

// The operators in the graphs of a node that is not built: all that is wrong is said at once.
void GraphBuilder::checkGraphs(const ::onnx::NodeProto &proto, const Scope &scope) {
  for (const auto &attribute : proto.attribute())
    if (attribute.has_g())
      walkNodes(attribute.g().node(), outputNames(attribute.g()), *scope.opsets, functions,
                scope.prefix + nodeName(proto) + "/", [&](const VisitedNode &visited) {
                  if (!visited.problem.empty())
                    problem("node '" + visited.name + "'", visited.problem);
                });
}

const Plan *GraphBuilder::planOnce(const void *key, const Nodes &nodes, const llvm::StringSet<> &given,
                                   const std::vector<std::string> &outputs, const Scope &scope) {
  auto [entry, isNew] = plans.try_emplace(key);
  if (isNew) {
    const size_t before = problems.size();
    Plan plan = planNodes(
        nodes, given, outputs, [&](llvm::StringRef name) { return scope.knows(name); },
        [&](const ::onnx::NodeProto &node, const std::string &text) {
          problem("node '" + scope.prefix + nodeName(node) + "'", text);
        });
    if (problems.size() == before)
      entry->second = std::move(plan);
  }
  return entry->second ? &*entry->second : nullptr;
}

bool GraphBuilder::mayInline(const Plan &plan, const std::string &prefix) {
  if (inlinedNodes > kMostNodes)
    return false; // said already
  inlinedNodes += 1 + static_cast<int64_t>(plan.order.size());
  if (inlinedNodes <= kMostNodes)
    return true;
  problem("node '" + llvm::StringRef(prefix).drop_back() + "'", "functions and nested graphs come to more than " +
                                                                    llvm::Twine(kMostNodes) +
                                                                    " nodes, which is not supported");
  return false;
}

FailureOr<llvm::SmallVector<Value>> GraphBuilder::inlineGraph(const ::onnx::GraphProto &graph,
                                                              llvm::ArrayRef<Value> inputs, const Scope &outer,
                                                              const std::string &prefix) {
  Scope scope;
  scope.outer = &outer;
  scope.opsets = outer.opsets;
  scope.prefix = prefix;
  llvm::StringSet<> given;
  for (auto [info, value] : llvm::zip_equal(graph.input(), inputs)) {
    given.insert(info.name());
    scope.values[info.name()] = value;
  }
  for (const auto &initializer : graph.initializer())
    given.insert(initializer.name());
  const Plan *plan = planOnce(&graph, graph.node(), given, outputNames(graph), scope);
  if (!plan || !mayInline(*plan, prefix))
    return failure();
  readInitializers(graph, *plan, scope);
  buildNodes(*plan, scope);
  llvm::SmallVector<Value> results;
  for (const auto &info : graph.output()) {
    if (scope.isPoisoned(info.name()))
      return failure();
    results.push_back(scope.lookup(info.name()));
    if (!results.back()) {
      problem("graph '" + llvm::StringRef(prefix).drop_back() + "'",
              "output '" + info.name() + "' is produced by no node");
      return failure();
    }
  }
  return results;
}

void GraphBuilder::callFunction(const Function &function, const ::onnx::NodeProto &proto, Scope &outer) {
  const ::onnx::FunctionProto &body = *function.proto;
  const std::string place = "node '" + outer.prefix + nodeName(proto) + "'";
  Scope scope;
  scope.opsets = &function.opsets;
  scope.prefix = outer.prefix + nodeName(proto) + "/";
  llvm::StringSet<> given;
  for (int i = 0; i < body.input_size(); ++i) {
    const std::string actual = i < proto.input_size() ? proto.input(i) : "";
    given.insert(body.input(i));
    if (actual.empty() || outer.isAbsent(actual))
      scope.absent.insert(body.input(i));
    else if (outer.isPoisoned(actual))
      scope.poisoned.insert(body.input(i));
    else
      scope.values[body.input(i)] = outer.lookup(actual);
  }
  for (const auto &attribute : function.defaults)
    scope.attributes[attribute.name()] = &attribute;
  for (const auto &attribute : proto.attribute())
    if (const auto *actual = outer.resolve(attribute))
      scope.attributes[attribute.name()] = actual;

  const Plan *plan = nullptr;
  if (proto.input_size() > body.input_size() || proto.output_size() > body.output_size())
    problem(place, "function " + function.name + " has " + llvm::Twine(body.input_size()) + " inputs and " +
                       llvm::Twine(body.output_size()) + " outputs, it is called with " +
                       llvm::Twine(proto.input_size()) + " and " + llvm::Twine(proto.output_size()));
  else if (llvm::is_contained(calls, &function))
    problem(place, "function " + function.name + " calls itself");
  else if (calls.size() == kMostCalls)
    problem(place, "functions call each other more than " + llvm::Twine(kMostCalls) + " deep, which is not supported");
  else
    plan = planOnce(&body, body.node(), given, {body.output().begin(), body.output().end()}, scope);
  if (plan && mayInline(*plan, scope.prefix)) {
    calls.push_back(&function);
    buildNodes(*plan, scope);
    calls.pop_back();
  }
  for (int i = 0; i < proto.output_size(); ++i) {
    Value value = i < body.output_size() ? scope.lookup(body.output(i)) : Value();
    if (value)
      outer.values[proto.output(i)] = value;
    else
      outer.poisoned.insert(proto.output(i));
    if (plan && !value && !scope.isPoisoned(body.output(i)))
      problem(place, "output '" + body.output(i) + "' of function " + function.name + " is produced by no node");
  }
}

} // namespace tw::ir::onnx
