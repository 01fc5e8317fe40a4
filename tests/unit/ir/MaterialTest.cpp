// SPDX-License-Identifier: Apache-2.0
// Recorded single-operator cases and whole networks: results against ONNX Runtime without optimisation.
#include "Material.h"

#include "tw/ir/ToLinalg.h"

#include "mlir/IR/Verifier.h"

#include <gmock/gmock.h>

#include <iostream>
#include <set>

using namespace mlir;

namespace tw::ir::test {
namespace {

// Runs every recorded single-operator case through `prepare` and the interpreter.
void checkSingleOperators(const std::filesystem::path &folder, const std::function<bool(ModuleOp)> &prepare) {
  int cases = 0, exact = 0;
  std::set<std::filesystem::path> folders;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    if (entry.is_directory())
      folders.insert(entry.path());
  for (const auto &path : folders) {
    SCOPED_TRACE(path.filename());
    auto context = makeContext();
    auto module = importFile(*context, path / "model.onnx");
    if (!module || !prepare(*module))
      continue;
    std::vector<Tensor> inputs;
    for (int i = 0; std::filesystem::exists(path / ("test_data_set_0/input_" + std::to_string(i) + ".pb")); ++i)
      inputs.push_back(readTensorProto(path / ("test_data_set_0/input_" + std::to_string(i) + ".pb")));
    Interpreter interpreter(*module);
    Differences differences;
    differences.add(runSingle(interpreter, *module, inputs), readTensorProto(path / "test_data_set_0/output_0.pb"));
    EXPECT_LE(differences.largest, 1) << differences;
    if (differences.unequal)
      std::cout << path.filename() << ": " << differences << "\n";
    ++cases;
    exact += differences.unequal == 0;
  }
  EXPECT_EQ(cases, 104);
  std::cout << exact << " of " << cases << " cases exact\n";
}

TEST(MaterialTest, EverySingleOperatorCaseImportsAndAgreesWithinOneStep) {
  auto folder = tw::test::material("qdq_ops");
  if (!folder)
    GTEST_SKIP() << tw::test::materialHint("qdq_ops");
  checkSingleOperators(*folder, [](ModuleOp) { return true; });
}

TEST(MaterialTest, EverySingleOperatorCaseAgreesWithinOneStepAsBlocks) {
  auto folder = tw::test::material("qdq_ops");
  if (!folder)
    GTEST_SKIP() << tw::test::materialHint("qdq_ops");
  std::map<std::string, int> hostOperators;
  checkSingleOperators(*folder, [&](ModuleOp module) {
    bool good = runGraphPipeline(module);
    module.walk([&](Operation *op) {
      if (isa<SoftmaxOp, ResizeOp, QuantizeOp, ConvOp, GemmOp, MatmulOp>(op))
        ++hostOperators[op->getName().getStringRef().str()];
    });
    return good;
  });
  // What has no integer form: the bilinear resizes, of which one reads what another made.
  EXPECT_THAT(hostOperators,
              ::testing::UnorderedElementsAre(::testing::Pair("tw.resize", 3), ::testing::Pair("tw.quantize", 2)));
}

TEST(MaterialTest, LoopsComputeWhatTheirBlocksCompute) {
  auto folder = tw::test::material("qdq_ops");
  if (!folder)
    GTEST_SKIP() << tw::test::materialHint("qdq_ops");
  int remaining = 0;
  checkSingleOperators(*folder, [&](ModuleOp module) {
    bool good = runGraphPipeline(module) && succeeded(lowerBlocksToLinalg(module)) && succeeded(verify(module));
    EXPECT_TRUE(good);
    module.walk([&](Operation *op) {
      remaining +=
          isa<GraphDialect>(op->getDialect()) && !isa<ConstantOp, RequantizeOp, RescaleOp, LutOp, LibraryOp>(op);
    });
    return good;
  });
  EXPECT_EQ(remaining, 0) << "every operator has a loop form or is a library function";
}

} // namespace
} // namespace tw::ir::test
