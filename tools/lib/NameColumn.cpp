// SPDX-License-Identifier: Apache-2.0
#include "NameColumn.h"

#include <algorithm>
#include <map>
#include <set>

namespace tw::tools {
namespace {

constexpr size_t kLeast = 32, kMost = 48;
const std::string kCut = "...";

bool continuesCharacter(char byte) { return (byte & 0xC0) == 0x80; } // of UTF-8

} // namespace

NameColumn::NameColumn(const std::vector<std::string> &names) : width(kLeast) {
  for (const std::string &name : names)
    width = std::min(kMost, std::max(width, name.size()));
  std::map<std::string, std::set<std::string>> namesOf;
  for (const std::string &name : names)
    namesOf[cut(name)].insert(name);
  for (const auto &[_, same] : namesOf)
    if (same.size() > 1)
      alike.insert(alike.end(), same.begin(), same.end());
}

std::string NameColumn::operator()(const std::string &name) const {
  std::string text = std::ranges::find(alike, name) == alike.end() ? cut(name) : name;
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

std::string NameColumn::cut(const std::string &name) const {
  if (name.size() <= width)
    return name;
  const size_t kept = width - kCut.size();
  size_t head = kept / 2, tail = name.size() - (kept - head);
  while (head > 0 && continuesCharacter(name[head]))
    --head;
  while (tail < name.size() && continuesCharacter(name[tail]))
    ++tail;
  return name.substr(0, head) + kCut + name.substr(tail);
}

} // namespace tw::tools
