// SPDX-License-Identifier: Apache-2.0
// What is said of blocks and regions before they run: no block and no job is faster than its lower bound.
#include "Session.h"

#include "tw/support/Paths.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

using namespace tw;
using namespace tw::tools;

namespace {

struct Life {
  uint64_t from = ~uint64_t{0}, to = 0;
};

// Of each tag, from the start of its first instruction to the end of its last.
std::map<uint16_t, Life> livesOf(const std::vector<Job> &jobs) {
  std::map<uint16_t, Life> lives;
  for (const Job &job : jobs)
    for (const isa::TraceEvent &event : job.events)
      if (isa::Engine(event.engine) != isa::Engine::FE) {
        Life &life = lives[event.tag];
        life.from = std::min(life.from, event.startCycle);
        life.to = std::max(life.to, event.endCycle + 1);
      }
  return lives;
}

void expectBounds(const std::filesystem::path &path, const std::string &machine) {
  SCOPED_TRACE(path.filename().string() + " on " + machine);
  auto model = importModel(path.string(), {});
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  codegen::CompileOptions options;
  options.config = llvm::cantFail(loadMachine(machine));
  auto compiled = codegen::compile(*model->module, options);
  ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
  auto bytes = packageBytes(compiled->package);
  ASSERT_TRUE(bool(bytes)) << llvm::toString(bytes.takeError());
  bool isRandom = false;
  auto inputs = gatherInputs(inputsOf(compiled->package), {}, 1, isRandom);
  ASSERT_TRUE(bool(inputs)) << llvm::toString(inputs.takeError());
  auto session = Session::open(*bytes, compiled->package, {.device = "cycle", .memory = {}, .timingOnly = true});
  ASSERT_TRUE(bool(session)) << llvm::toString(session.takeError());
  auto result = (*session)->run(*inputs);
  ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());

  const codegen::CompileReport &report = compiled->report;
  const double nsOfCycle = 1000.0 / options.config.clockMhz;
  auto lives = livesOf((*session)->jobs());
  int onNpu = 0;
  for (const codegen::PlacementRow &row : report.rows) {
    EXPECT_GT(row.boundNs, 0) << row.node;
    if (row.executor != codegen::ExecutorId::Npu)
      continue;
    ++onNpu;
    const Life &life = lives[row.tag];
    EXPECT_LE(row.boundNs, double(life.to - life.from) * nsOfCycle) << row.node << ": " << row.how;
    EXPECT_GT(row.leastBytes, 0u) << row.node;
    EXPECT_LE(row.leastBytes, uint64_t(options.config.spmBytes)) << row.node;
  }
  EXPECT_GT(onNpu, 0);
  size_t job = 0;
  for (const codegen::RegionCost &region : report.regions) {
    EXPECT_LE(region.boundNs, region.ns * 1.0001);
    EXPECT_LE(region.leastPeakBytes, region.peakBytes);
    EXPECT_GT(region.bytes, 0u);
    double blocks = 0;
    for (int row : region.rows)
      blocks = std::max(blocks, report.rows[size_t(row)].boundNs);
    if (region.executor == codegen::ExecutorId::Npu) {
      EXPECT_LE(blocks, region.boundNs * 1.0001) << "a region is no faster than its slowest block";
      EXPECT_LE(region.boundNs, double((*session)->jobs()[job++].cycles) * nsOfCycle);
    }
  }
  EXPECT_EQ(job, (*session)->jobs().size());
}

} // namespace

TEST(BoundsTest, NoBlockAndNoJobIsFasterThanItsBound) {
  int networks = 0;
  std::string missing;
  for (const char *name :
       {"models/mlperf_tiny_ic_resnet8/pretrainedResnet_quant.onnx", "models/mlperf_tiny_kws_dscnn/kws_ref_model.onnx",
        "models/tflm_person_detect/person_detect.onnx", "models/coral_models/mobilenet_v1_0.25_128_quant.onnx",
        "models/torch_export/bert_tiny_random_qdq_int8.onnx"}) {
    auto path = test::material(name);
    if (!path) {
      missing = name;
      continue;
    }
    for (const char *machine : {"tw8", "tw16", "tw32"})
      expectBounds(*path, machine);
    ++networks;
  }
  for (const char *name :
       {"tools/sample/digits_int8.onnx", "tests/e2e/models/fc_int8.onnx", "tests/e2e/models/residual_int8.onnx"})
    for (const char *machine : {"tw8", "tw16", "tw32", "tw64"})
      expectBounds(test::sourceDir() / name, machine);
  if (networks == 0)
    GTEST_SKIP() << "the small networks alone: " << test::materialHint(missing);
}
