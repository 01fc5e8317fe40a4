// SPDX-License-Identifier: Apache-2.0
// What imports is written down, a row for each model: a list that does not shrink.
#include "Material.h"

#include "tw/support/GrowingList.h"

using namespace mlir;

namespace tw::ir::test {
namespace {

namespace fs = std::filesystem;

using tw::test::Rows; // "imports" or "refused: ..." by the model's place

constexpr const char *kImports = "imports";

/// All models below `root`; those of `full` are reasons in full, for messages.
Rows importAll(const fs::path &root, Rows &full) {
  Rows rows;
  for (const char *folder : {"models", "qdq_ops", "field_cases"})
    for (const fs::directory_entry &entry : fs::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() != ".onnx")
        continue;
      const std::string name = fs::relative(entry.path(), root).generic_string();
      auto context = makeContext();
      std::vector<Diag> problems;
      const auto module =
          importOnnx(*context, readFile(entry.path()), name, {.folder = entry.path().parent_path().string()}, problems);
      EXPECT_EQ(!module, !problems.empty()) << name;
      rows[name] = module ? kImports : "refused: " + tw::test::firstWords(problems.front().text);
      full[name] = problemText(name, problems);
    }
  return rows;
}

TEST(ImportListTest, ModelsOfTheMaterialThatImportedStillDo) {
  const auto root = tw::test::material("models");
  if (!root)
    GTEST_SKIP() << tw::test::materialHint("models");
  Rows full;
  const Rows rows = importAll(root->parent_path(), full);
  tw::test::checkGrowingList("tests/unit/ir/imports/material.txt", rows, kImports, full);
}

} // namespace
} // namespace tw::ir::test
