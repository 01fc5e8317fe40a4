// SPDX-License-Identifier: Apache-2.0
// What imports is written down, a row for each model: a list that does not shrink.
#include "Material.h"

#include <fstream>
#include <sstream>

using namespace mlir;

namespace tw::ir::test {
namespace {

namespace fs = std::filesystem;

using Rows = std::map<std::string, std::string>; // "imports" or "refused: ..." by the model's place

constexpr const char *kImports = "imports";

/// The beginning of a reason, long enough to tell kinds apart: names and numbers come behind.
std::string firstWords(const std::string &text) {
  constexpr int kWords = 6;
  std::istringstream stream(text);
  std::string result, word;
  for (int i = 0; i != kWords && stream >> word; ++i)
    result += (i ? " " : "") + word;
  return result;
}

/// All models below `root`; those of `full` are reasons in full, for messages.
Rows importAll(const fs::path &root, Rows &full) {
  Rows rows;
  for (const char *folder : {"models", "qdq_ops", "field_cases"})
    for (const fs::directory_entry &entry : fs::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() != ".onnx")
        continue;
      const std::string name = fs::relative(entry.path(), root).generic_string();
      auto context = makeContext();
      std::vector<ImportProblem> problems;
      const auto module =
          importOnnx(*context, readFile(entry.path()), name, {.folder = entry.path().parent_path().string()}, problems);
      EXPECT_EQ(!module, !problems.empty()) << name;
      rows[name] = module ? kImports : "refused: " + firstWords(problems.front().text);
      full[name] = problemText(name, problems);
    }
  return rows;
}

Rows readList(const fs::path &path) {
  Rows rows;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);)
    if (const size_t tab = line.find('\t'); tab != std::string::npos && line[0] != '#')
      rows[line.substr(0, tab)] = line.substr(tab + 1);
  return rows;
}

void checkList(const std::string &list, const fs::path &root) {
  const fs::path path = tw::test::sourceDir() / "tests/unit/ir/imports" / list;
  const Rows wanted = readList(path);
  Rows full;
  const Rows rows = importAll(root, full);
  bool isShorter = false;
  for (const auto &[name, row] : wanted) {
    const auto now = rows.find(name);
    if (now == rows.end())
      ADD_FAILURE() << name << ": in " << path << ", but no model is there any more";
    else if (row == kImports && now->second != kImports)
      ADD_FAILURE() << name << ": imported and does not any more: " << full[name];
    else
      continue;
    isShorter = true;
  }
  if (isShorter || rows == wanted)
    return;
  const fs::path written = tw::test::binaryDir() / "tests" / list;
  std::ofstream out(written);
  out << "# A model and what importing it says; how to bring this up to date: ImportListTest.cpp.\n";
  int more = 0;
  for (const auto &[name, row] : rows) {
    out << name << '\t' << row << '\n';
    const auto old = wanted.find(name);
    more += row == kImports && (old == wanted.end() || old->second != kImports);
  }
  ADD_FAILURE() << path << ": " << more << " more models import, or reasons have changed; if that is meant:\n  cp "
                << written.string() << " " << path.string();
}

TEST(ImportListTest, ModelsOfTheMaterialThatImportedStillDo) {
  const auto root = tw::test::material("models");
  if (!root)
    GTEST_SKIP() << tw::test::materialHint("models");
  checkList("material.txt", root->parent_path());
}

} // namespace
} // namespace tw::ir::test
