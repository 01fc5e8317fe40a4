// SPDX-License-Identifier: Apache-2.0
#include "schedule/Names.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <map>

namespace tw::tensorize {
namespace {

std::string quoted(const std::string &name) {
  std::string text = "\"";
  llvm::raw_string_ostream os(text);
  llvm::printEscapedString(name, os);
  os << '"';
  return text;
}

template <typename Items, typename Name> std::vector<std::string> unique(const Items &items, const Name &nameOf) {
  std::map<std::string, int> seen;
  std::vector<std::string> names;
  for (const auto &item : items) {
    std::string name = nameOf(item);
    const int count = ++seen[name];
    names.push_back(count == 1 ? name : name + ":" + std::to_string(count));
  }
  return names;
}

} // namespace

std::vector<std::string> taskNames(const Segment &segment) {
  return unique(segment.tasks, [](const Task &task) { return quoted(task.name); });
}
std::vector<std::string> tensorNames(const Segment &segment) {
  return unique(segment.tensors, [](const Tensor &tensor) { return quoted(tensor.name); });
}
std::vector<std::string> loopNames(const Mapping &mapping) {
  return unique(mapping.block.loops, [](const Loop &loop) { return loop.name; });
}

std::vector<std::string> mappingNames(const Task &task) {
  std::map<std::string, int> seen;
  std::vector<std::string> names;
  for (const Mapping &mapping : task.mappings)
    names.push_back(mapping.chain->name + " " + std::to_string(++seen[mapping.chain->name]));
  return names;
}

} // namespace tw::tensorize
