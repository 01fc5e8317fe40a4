// SPDX-License-Identifier: Apache-2.0
// Every case of the ONNX backend suite, our own of newer operator versions and those of com.microsoft, through
// everything that computes it: what imports must compute the recorded results. suite.txt, new_versions.txt and
// contrib.txt say what became of each; a test that finds more passing, or another reason, prints the command that
// brings its list up to date.
#include "CaseList.h"

#include "tw/support/Paths.h"

#include "llvm/Support/PrettyStackTrace.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <string_view>

namespace tw::backend {
namespace {

class BackendTest : public testing::Test {
protected:
  // A crash names its case.
  void SetUp() override { llvm::EnablePrettyStackTrace(); }

  void check(const Case &tested) {
    llvm::PrettyStackTraceFormat crash("case %s", tested.name.c_str());
    const Verdict verdict = judge(tested);
    EXPECT_EQ(verdict.wrong, "") << tested.name;
    rows[tested.name] = verdict.row;
  }

  Rows rows;
};

// TW_BACKEND_CASE=conv runs those with that in their names, and leaves the lists alone.
const char *wantedPart() { return std::getenv("TW_BACKEND_CASE"); }
bool isWanted(const std::string &name) { return !wantedPart() || name.find(wantedPart()) != std::string::npos; }

TEST_F(BackendTest, CasesOfTheSuiteComputeTheRecordedResults) {
  auto root = test::onnxBackend();
  if (!root)
    GTEST_SKIP() << test::onnxBackendHint();
  for (const std::filesystem::path &folder : casesOfSuite(*root))
    if (isWanted(folder.string()))
      check(readCase(folder));
  if (!wantedPart())
    checkList("suite.txt", rows);
}

// The cases of an archive in tests/backend, which has a list of its name.
void checkArchive(const std::string &name, const std::function<void(const Case &)> &check, const Rows &rows) {
  for (const Case &tested : readArchive(test::sourceDir() / "tests/backend" / (name + ".zip")))
    if (isWanted(tested.name))
      check(tested);
  if (!wantedPart())
    checkList(name + ".txt", rows);
}

TEST_F(BackendTest, CasesOfNewOperatorVersionsComputeTheRecordedResults) {
  checkArchive("new_versions", [&](const Case &tested) { check(tested); }, rows);
}

TEST_F(BackendTest, CasesOfOnnxRuntimesOperatorsComputeTheRecordedResults) {
  checkArchive("contrib", [&](const Case &tested) { check(tested); }, rows);
}

} // namespace
} // namespace tw::backend
