// SPDX-License-Identifier: Apache-2.0
// The ONNX backend suite: whatever of it imports must compute the recorded results, as a graph, as blocks and as loops.
#include "Material.h"

#include "tw/ir/Definition.h"
#include "tw/ir/ToLinalg.h"

#include <cmath>
#include <iostream>

using namespace mlir;

namespace tw::ir::test {
namespace {

// The tolerance of the backend suite itself (onnx.backend.test.case.base): relative 1e-3, absolute 1e-7.
bool isClose(double actual, double expected) {
  return (std::isnan(actual) && std::isnan(expected)) || actual == expected ||
         std::abs(actual - expected) <= 1e-7 + 1e-3 * std::abs(expected);
}

enum class Stage { Graph, Blocks, Loops };

// False when the model does not import, which is not an error here.
bool checkCase(MLIRContext &context, const std::filesystem::path &folder, Stage stage) {
  std::vector<ImportProblem> problems;
  auto module = importOnnx(context, readFile(folder / "model.onnx"), "model.onnx", {}, problems);
  if (!module)
    return false;
  if (stage != Stage::Graph && !runGraphPipeline(*module))
    return true;
  if (stage == Stage::Loops)
    EXPECT_TRUE(succeeded(lowerBlocksToLinalg(*module)));
  auto main = module->lookupSymbol<func::FuncOp>("main");
  std::vector<Tensor> inputs;
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    inputs.push_back(readTensorProto(folder / ("test_data_set_0/input_" + std::to_string(i) + ".pb")));
  Interpreter interpreter(*module);
  Tensor actual = runSingle(interpreter, *module, inputs);
  Tensor expected = readTensorProto(folder / "test_data_set_0/output_0.pb");
  EXPECT_EQ(actual.shape, expected.shape);
  if (actual.shape != expected.shape)
    return true;
  for (int64_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(isClose(actual.numberAt(i), expected.numberAt(i)))
        << "element " << i << ": " << actual.numberAt(i) << ", expected " << expected.numberAt(i);
  return true;
}

// The definition judges the recorded result as if it were the reference.
void checkDefinition(MLIRContext &context, const std::filesystem::path &folder) {
  std::vector<ImportProblem> problems;
  auto module = importOnnx(context, readFile(folder / "model.onnx"), "model.onnx", {}, problems);
  auto main = module->lookupSymbol<func::FuncOp>("main");
  std::vector<NamedTensor> inputs, recorded{{"output", readTensorProto(folder / "test_data_set_0/output_0.pb")}};
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    inputs.push_back(
        {argumentName(main, i), readTensorProto(folder / ("test_data_set_0/input_" + std::to_string(i) + ".pb"))});
  const size_t quantizers = llvm::range_size(main.front().getOps<QuantizeOp>());
  if (quantizers == 1 && main.front().getTerminator()->getOperand(0).getDefiningOp<QuantizeOp>())
    recorded.push_back(recorded.front());
  else if (quantizers != 0)
    return; // results that are not recorded
  auto rows = compareWithDefinition(*module, inputs, recorded);
  ASSERT_TRUE(static_cast<bool>(rows)) << llvm::toString(rows.takeError());
  for (const DefinitionRow &row : *rows)
    EXPECT_TRUE(row.isGood()) << "element " << row.worst << " is " << row.definition << " by definition, recorded is "
                              << row.reference;
}

TEST(BackendTest, EveryCaseThatImportsComputesTheRecordedResult) {
  auto folder = tw::test::onnxBackend();
  if (!folder)
    GTEST_SKIP() << tw::test::onnxBackendHint();
  auto context = makeContext();
  int models = 0, imported = 0;
  for (const auto &entry : std::filesystem::recursive_directory_iterator(*folder)) {
    if (entry.path().filename() != "model.onnx")
      continue;
    SCOPED_TRACE(entry.path().parent_path().filename());
    ++models;
    if (!checkCase(*context, entry.path().parent_path(), Stage::Graph))
      continue;
    ++imported;
    checkDefinition(*context, entry.path().parent_path());
    checkCase(*context, entry.path().parent_path(), Stage::Blocks);
    checkCase(*context, entry.path().parent_path(), Stage::Loops);
  }
  std::cout << imported << " of " << models << " backend cases import\n";
  EXPECT_GE(imported, 100);
}

} // namespace
} // namespace tw::ir::test
