// SPDX-License-Identifier: Apache-2.0
#include "tw/support/GrowingList.h"

#include "tw/support/Paths.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace fs = std::filesystem;

namespace tw::test {

std::string firstWords(const std::string &text) {
  constexpr int kWords = 6;
  std::istringstream stream(text);
  std::string result, word;
  for (int i = 0; i != kWords && stream >> word; ++i)
    result += (i ? " " : "") + word;
  return result;
}

static Rows readList(const fs::path &path) {
  Rows rows;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);)
    if (const size_t tab = line.find('\t'); tab != std::string::npos && line[0] != '#')
      rows[line.substr(0, tab)] = line.substr(tab + 1);
  return rows;
}

void checkGrowingList(const fs::path &list, const Rows &rows, const std::string &good, const Rows &full) {
  const fs::path path = sourceDir() / list;
  const Rows wanted = readList(path);
  bool isShorter = false;
  for (const auto &[name, row] : wanted) {
    const auto now = rows.find(name);
    if (now == rows.end())
      ADD_FAILURE() << name << ": in " << path << ", but there is no such case any more";
    else if (row == good && now->second != good)
      ADD_FAILURE() << name << ": was '" << good
                    << "' and is not any more: " << (full.count(name) ? full.at(name) : now->second);
    else
      continue;
    isShorter = true;
  }
  if (isShorter || rows == wanted)
    return;
  const fs::path written = binaryDir() / "tests" / list.filename();
  std::ofstream out(written);
  out << "# A case and what became of it; the test that reads this list says how to bring it up to date.\n";
  int more = 0;
  for (const auto &[name, row] : rows) {
    out << name << '\t' << row << '\n';
    const auto old = wanted.find(name);
    more += row == good && (old == wanted.end() || old->second != good);
  }
  ADD_FAILURE() << path << ": '" << good << "' for " << more
                << " more cases, or reasons have changed; if that is meant:\n  cp " << written.string() << " "
                << path.string();
}

} // namespace tw::test
