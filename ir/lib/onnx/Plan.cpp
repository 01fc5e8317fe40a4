// SPDX-License-Identifier: Apache-2.0
#include "Plan.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

#include <queue>

namespace tw::ir::onnx {
namespace {

void addFreeNames(const ::onnx::GraphProto &graph, std::vector<std::string> &names) {
  llvm::StringSet<> inside;
  for (const auto &initializer : graph.initializer())
    inside.insert(initializer.name());
  for (const auto &info : graph.input())
    inside.insert(info.name());
  for (const auto &node : graph.node())
    for (const auto &output : node.output())
      inside.insert(output);
  auto add = [&](const std::string &name) {
    if (!inside.contains(name))
      names.push_back(name);
  };
  for (const auto &node : graph.node())
    llvm::for_each(usedNames(node), add);
  for (const auto &info : graph.output()) // a branch may hand on a value from outside
    add(info.name());
}

} // namespace

std::vector<std::string> usedNames(const ::onnx::NodeProto &node) {
  std::vector<std::string> names(node.input().begin(), node.input().end());
  for (const auto &attribute : node.attribute()) {
    if (attribute.has_g())
      addFreeNames(attribute.g(), names);
    for (const auto &graph : attribute.graphs())
      addFreeNames(graph, names);
  }
  llvm::erase_if(names, [](const std::string &name) { return name.empty(); });
  return names;
}

Plan planNodes(const Nodes &nodes, const llvm::StringSet<> &given, const std::vector<std::string> &outputs,
               llvm::function_ref<bool(llvm::StringRef)> isOuter,
               llvm::function_ref<void(const ::onnx::NodeProto &, const std::string &)> problem) {
  Plan plan;
  llvm::StringMap<int> producer;
  for (int i = 0; i < nodes.size(); ++i)
    for (const auto &output : nodes[i].output())
      if (!output.empty() && (given.contains(output) || !producer.try_emplace(output, i).second))
        problem(nodes[i], "output '" + output + "' is produced twice");

  std::vector<std::vector<std::string>> uses(nodes.size());
  std::vector<char> isNeeded(nodes.size(), 0);
  std::vector<std::string> next = outputs;
  while (!next.empty()) {
    const std::string name = std::move(next.back());
    next.pop_back();
    if (!plan.needed.insert(name).second)
      continue;
    auto found = producer.find(name);
    if (found == producer.end() || isNeeded[found->second])
      continue;
    isNeeded[found->second] = 1;
    uses[found->second] = usedNames(nodes[found->second]);
    next.insert(next.end(), uses[found->second].begin(), uses[found->second].end());
  }

  std::vector<std::vector<int>> users(nodes.size());
  std::vector<int> missing(nodes.size(), 0);
  for (int i = 0; i < nodes.size(); ++i)
    for (const std::string &name : uses[i]) {
      if (given.contains(name))
        continue;
      if (auto found = producer.find(name); found != producer.end()) {
        users[found->second].push_back(i);
        ++missing[i];
      } else if (!isOuter(name)) {
        problem(nodes[i], "input '" + name + "' is produced by no node, initializer or graph input");
      }
    }
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int i = 0; i < nodes.size(); ++i)
    if (isNeeded[i] && missing[i] == 0)
      ready.push(i);
  while (!ready.empty()) {
    const int node = ready.top();
    ready.pop();
    plan.order.push_back(&nodes[node]);
    for (int user : users[node])
      if (--missing[user] == 0)
        ready.push(user);
  }
  for (int i = 0; i < nodes.size(); ++i)
    if (isNeeded[i] && missing[i] > 0) {
      problem(nodes[i], "depends on its own result: the graph has a cycle");
      break;
    }
  return plan;
}

} // namespace tw::ir::onnx
