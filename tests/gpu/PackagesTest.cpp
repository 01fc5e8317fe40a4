// SPDX-License-Identifier: Apache-2.0
// Packages with GPU code through the driver, with the emulator behind the driver library's face: the same bytes as the
// reference's, whoever runs what.
#include "GpuCase.h"
#include "Packaged.h"

#include "tw/support/OperatorCases.h"
#include "tw/support/Paths.h"

#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>

#include <random>
#include <set>

using namespace tw;
using namespace tw::test;
using codegen::ExecutorId;

namespace {

class GpuPackagesTest : public EmulatedGpuTest {};

std::set<ExecutorId> executorsOf(const codegen::CompileReport &report) {
  std::set<ExecutorId> all;
  for (const codegen::PlacementRow &row : report.rows)
    all.insert(row.executor);
  return all;
}

llvm::Expected<Compiled> compileModel(const std::string &path, const codegen::CompileOptions &options,
                                      tools::Model &model) {
  auto imported = tools::importModel(path, {});
  if (!imported)
    return imported.takeError();
  model = std::move(*imported);
  return compileFor(*model.module, options);
}

std::string digits() { return (sourceDir() / "tools/sample/digits_int8.onnx").string(); }

/// Each block of digits by hand, from where it is by itself.
std::vector<codegen::Placing> placesFor(const codegen::CompileOptions &options,
                                        llvm::function_ref<ExecutorId(size_t row, ExecutorId executor)> where) {
  tools::Model model;
  const Compiled compiled = llvm::cantFail(compileModel(digits(), options, model));
  std::vector<codegen::Placing> places;
  for (auto [i, row] : llvm::enumerate(compiled.made.report.rows))
    places.push_back({row.node, where(i, row.executor), "by the test"});
  return places;
}

} // namespace

TEST_F(GpuPackagesTest, EveryOperatorWithGpuCodeGivesTheBytesOfTheReference) {
  int onGpu = 0;
  for (const std::string &text : operatorCases()) {
    SCOPED_TRACE(text);
    auto context = makeContext();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    ASSERT_TRUE(module);
    auto compiled = compileFor(*module, optionsFor({ExecutorId::Gpu, ExecutorId::Host}));
    ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
    for (const codegen::PlacementRow &row : compiled->made.report.rows)
      if (row.executor == ExecutorId::Host)
        EXPECT_THAT(row.how, testing::HasSubstr("library function '"));
    if (!executorsOf(compiled->made.report).contains(ExecutorId::Gpu))
      continue;
    ++onGpu;
    ASSERT_NO_FATAL_FAILURE(expectReference(*compiled));
  }
  EXPECT_GT(onGpu, 40);
  EXPECT_GE(gpu().launches, 2 * onGpu);
}

// Whether the GPU is as late as it may be, or does everything at once.
TEST_F(GpuPackagesTest, NpuGpuAndHostRunOnePlan) {
  codegen::CompileOptions options = optionsFor({ExecutorId::Npu, ExecutorId::Gpu, ExecutorId::Host});
  options.places = placesFor(options, [](size_t row, ExecutorId executor) {
    // The edges in float32 are the GPU's by themselves; of the rest, one by hand is the host's, and one the GPU's.
    return row == 1 ? ExecutorId::Host : row == 3 ? ExecutorId::Gpu : executor;
  });
  tools::Model model;
  auto compiled = compileModel(digits(), options, model);
  ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
  const codegen::CompileReport &report = compiled->made.report;
  EXPECT_EQ(executorsOf(report), (std::set{ExecutorId::Npu, ExecutorId::Host, ExecutorId::Gpu}));
  std::set<ExecutorId> inTime;
  for (const codegen::TimelineRow &row : report.timeline)
    inTime.insert(row.executor);
  EXPECT_EQ(inTime, executorsOf(report));
  for (const codegen::PlacementRow &row : report.rows)
    EXPECT_EQ(row.elsewhere.size(), 2u) << row.node;
  for (bool isEager : {false, true}) {
    gpu().isEager = isEager;
    ASSERT_NO_FATAL_FAILURE(expectReference(*compiled));
  }
  EXPECT_GT(gpu().uploads, 0);
  EXPECT_GT(gpu().downloads, 0);
}

TEST_F(GpuPackagesTest, ANetworkCutAnywhereComputesTheSame) {
  std::mt19937 random(5);
  constexpr ExecutorId kAll[] = {ExecutorId::Npu, ExecutorId::Gpu, ExecutorId::Host};
  for (int cut = 0; cut != 6; ++cut) {
    codegen::CompileOptions options = optionsFor({ExecutorId::Npu, ExecutorId::Gpu, ExecutorId::Host});
    options.gpu.keepsHostCode = cut % 2 == 1;
    std::string said;
    options.places = placesFor(options, [&](size_t, ExecutorId executor) {
      const ExecutorId where = kAll[executor == ExecutorId::Npu ? random() % 3 : 1 + random() % 2];
      said += std::string(" ") + codegen::nameOf(where);
      return where;
    });
    SCOPED_TRACE(said);
    gpu().isEager = random() % 2;
    tools::Model model;
    auto compiled = compileModel(digits(), options, model);
    ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
    ASSERT_NO_FATAL_FAILURE(expectReference(*compiled));
  }
}

TEST_F(GpuPackagesTest, ResNet8RunsWhole) {
  const std::string name = "models/mlperf_tiny_ic_resnet8/pretrainedResnet_quant.onnx";
  auto path = material(name);
  if (!path)
    GTEST_SKIP() << materialHint(name);
  tools::Model model;
  auto compiled = compileModel(path->string(), optionsFor({ExecutorId::Gpu, ExecutorId::Host}), model);
  ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
  EXPECT_EQ(std::ranges::count(compiled->made.report.rows, ExecutorId::Host, &codegen::PlacementRow::executor), 1)
      << "a softmax of int8, which is a library function";
  ASSERT_NO_FATAL_FAILURE(expectReference(*compiled));
}
