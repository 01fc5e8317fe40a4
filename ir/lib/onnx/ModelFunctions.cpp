// SPDX-License-Identifier: Apache-2.0
#include "ModelFunctions.h"

#include "OpTable.h"

namespace tw::ir::onnx {
namespace {

// Fields that came to ONNX after the library that parses it: they arrive as unknown ones.
constexpr int kNodeOverload = 8, kFunctionAttributeProto = 11, kFunctionOverload = 13;

template <typename Visit> void forEachUnknown(const google::protobuf::Message &message, int field, const Visit &visit) {
  const auto &fields = message.GetReflection()->GetUnknownFields(message);
  for (int i = 0; i < fields.field_count(); ++i)
    if (fields.field(i).number() == field &&
        fields.field(i).type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      visit(fields.field(i).length_delimited());
}

std::string keyOf(const std::string &domain, const std::string &name, const google::protobuf::Message &message,
                  int overloadField) {
  std::string key = (isDefaultDomain(domain) ? "" : domain) + "::" + name;
  forEachUnknown(message, overloadField,
                 [&](const std::string &overload) { key += overload.empty() ? "" : ":" + overload; });
  return key;
}

} // namespace

Functions::Functions(const ::onnx::ModelProto &model, const Opsets &opsets) {
  for (const auto &proto : model.functions()) {
    Function function{
        isDefaultDomain(proto.domain()) ? proto.name() : proto.domain() + "::" + proto.name(), &proto, opsets, {}};
    addOpsets(function.opsets, proto.opset_import());
    forEachUnknown(proto, kFunctionAttributeProto, [&](const std::string &bytes) {
      ::onnx::AttributeProto attribute;
      if (attribute.ParseFromString(bytes))
        function.defaults.push_back(std::move(attribute));
    });
    functions.try_emplace(keyOf(proto.domain(), proto.name(), proto, kFunctionOverload), std::move(function));
  }
}

const Function *Functions::find(const ::onnx::NodeProto &node) const {
  if (functions.empty())
    return nullptr;
  auto found = functions.find(keyOf(node.domain(), node.op_type(), node, kNodeOverload));
  return found == functions.end() ? nullptr : &found->second;
}

std::string problemOf(const ::onnx::NodeProto &node, const Opsets &opsets, const Functions &functions) {
  const Function *function = functions.find(node);
  if (!function)
    return operatorProblem(node.domain(), node.op_type(), opsetOf(opsets, node.domain()));
  const int64_t opset = opsetOf(function->opsets, "");
  if (opset >= kOldestOpset && opset <= kNewestOpset)
    return "";
  return "function " + function->name + " uses opset " + std::to_string(opset) + ", opsets " +
         std::to_string(kOldestOpset) + " to " + std::to_string(kNewestOpset) + " are supported";
}

std::vector<std::string> outputNames(const ::onnx::GraphProto &graph) {
  std::vector<std::string> names;
  for (const auto &info : graph.output())
    names.push_back(info.name());
  return names;
}

namespace {

struct Walk {
  const Functions &functions;
  llvm::function_ref<void(const VisitedNode &)> visit;
  std::vector<const Function *> calls; // one that calls itself is not walked again

  void walk(const Nodes &nodes, const std::vector<std::string> &outputs, const Opsets &opsets,
            const std::string &prefix) {
    const Plan plan =
        planNodes(nodes, {}, outputs, [](llvm::StringRef) { return true; }, [](const auto &, const auto &) {});
    for (const auto &node : nodes)
      if (llvm::any_of(node.output(), [&](const std::string &name) { return plan.needed.contains(name); }))
        walkNode(node, opsets, prefix);
  }

  void walkNode(const ::onnx::NodeProto &node, const Opsets &opsets, const std::string &prefix) {
    const std::string name = prefix + nodeName(node);
    visit({node, name, problemOf(node, opsets, functions)});
    for (const auto &attribute : node.attribute())
      if (attribute.has_g())
        walk(attribute.g().node(), outputNames(attribute.g()), opsets, name + "/");
    const Function *function = functions.find(node);
    if (!function || llvm::is_contained(calls, function))
      return;
    calls.push_back(function);
    walk(function->proto->node(), {function->proto->output().begin(), function->proto->output().end()},
         function->opsets, name + "/");
    calls.pop_back();
  }
};

} // namespace

void walkNodes(const Nodes &nodes, const std::vector<std::string> &outputs, const Opsets &opsets,
               const Functions &functions, const std::string &prefix,
               llvm::function_ref<void(const VisitedNode &)> visit) {
  Walk{functions, visit, {}}.walk(nodes, outputs, opsets, prefix);
}

} // namespace tw::ir::onnx
