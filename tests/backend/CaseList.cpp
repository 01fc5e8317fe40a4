// SPDX-License-Identifier: Apache-2.0
#include "CaseList.h"

#include "tw/support/Paths.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iostream>

namespace fs = std::filesystem;

namespace tw::backend {
namespace {

Rows readList(const fs::path &path) {
  Rows rows;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);)
    if (const size_t tab = line.find('\t'); tab != std::string::npos && line[0] != '#')
      rows[line.substr(0, tab)] = line.substr(tab + 1);
  return rows;
}

/// "171 of 1072 pass; 34 string, 12 training, 855 refused"
std::string summary(const Rows &rows) {
  std::map<std::string, int> kinds;
  for (const auto &[name, row] : rows)
    ++kinds[row.substr(0, row.find(':'))];
  std::string text = std::to_string(kinds[kPasses]) + " of " + std::to_string(rows.size()) + " pass";
  kinds.erase(kPasses);
  for (const auto &[kind, count] : kinds)
    text += (kind == kinds.begin()->first ? "; " : ", ") + std::to_string(count) + " " + kind;
  return text;
}

} // namespace

void checkList(const std::string &list, const Rows &rows) {
  const fs::path path = test::sourceDir() / "tests/backend" / list;
  const Rows wanted = readList(path);
  std::cout << list << ": " << summary(rows) << "\n";
  bool isShorter = false;
  for (const auto &[name, row] : wanted) {
    const auto now = rows.find(name);
    if (now == rows.end())
      ADD_FAILURE() << name << ": in " << path << ", but there is no such case any more";
    else if (row == kPasses && now->second != kPasses)
      ADD_FAILURE() << name << ": passed and does not any more: " << now->second;
    else
      continue;
    isShorter = true;
  }
  if (isShorter || rows == wanted)
    return;
  const fs::path written = test::binaryDir() / "tests" / list;
  std::ofstream out(written);
  out << "# A case and what became of it; BackendTest.cpp says how to bring this up to date.\n";
  int more = 0;
  for (const auto &[name, row] : rows) {
    out << name << '\t' << row << '\n';
    const auto old = wanted.find(name);
    more += row == kPasses && (old == wanted.end() || old->second != kPasses);
  }
  ADD_FAILURE() << path << ": " << more << " more cases pass, or reasons have changed; if that is meant:\n  cp "
                << written.string() << " " << path.string();
}

} // namespace tw::backend
