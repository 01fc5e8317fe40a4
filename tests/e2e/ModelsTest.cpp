// SPDX-License-Identifier: Apache-2.0
#include "Session.h"
#include "Survey.h"

#include "tw/support/Paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

using namespace tw;
using namespace tw::tools;

namespace {

struct Outcome {
  bool isCompiled = false, isEqual = false;
  double npuShare = 0;
  std::string problem;
};

// Compiles, runs on the functional model and compares with the interpreter; float outputs may differ in the last bits.
Outcome runModel(const std::filesystem::path &path, const std::string &machine, uint64_t seed) {
  Outcome outcome;
  auto failed = [&](llvm::Error error) {
    outcome.problem = llvm::toString(std::move(error));
    return outcome;
  };
  auto config = loadMachine(machine);
  if (!config)
    return failed(config.takeError());
  auto model = importModel(path.string(), {});
  if (!model)
    return failed(model.takeError());
  codegen::CompileOptions options;
  options.config = *config;
  mlir::OwningOpRef<mlir::ModuleOp> graph;
  options.fused = [&](mlir::ModuleOp fused) { graph = fused.clone(); };
  auto compiled = codegen::compile(*model->module, options);
  if (!compiled)
    return failed(compiled.takeError());
  auto bytes = packageBytes(compiled->package);
  if (!bytes)
    return failed(bytes.takeError());
  outcome.isCompiled = true;
  const codegen::CompileReport &report = compiled->report;
  outcome.npuShare = report.macs ? double(report.macsOnNpu) / double(report.macs) : 1;
  bool isRandom = false;
  auto inputs = gatherInputs(inputsOf(compiled->package), {}, seed, isRandom);
  if (!inputs)
    return failed(inputs.takeError());
  auto reference = ir::Interpreter(*graph).runMain(*inputs);
  if (!reference)
    return failed(reference.takeError());
  auto session = Session::open(*bytes, compiled->package, {});
  if (!session)
    return failed(session.takeError());
  auto result = (*session)->run(*inputs);
  if (!result)
    return failed(result.takeError());
  outcome.isEqual = true;
  for (size_t i = 0; i != reference->size(); ++i) {
    Difference difference = compare((*reference)[i].tensor, result->outputs[i].tensor);
    bool isFloat = (*reference)[i].tensor.type == ir::ElementType::F32;
    if (difference.different != 0 && !(isFloat && difference.largest <= 1e-6)) {
      outcome.isEqual = false;
      outcome.problem += (*reference)[i].name + ": " + std::to_string(difference.different) + " of " +
                         std::to_string(difference.elements) + " differ ";
    }
  }
  return outcome;
}

// Compiles, gives the schedule back, and compares the packages; what is wrong, or empty.
std::string giveScheduleBack(const std::filesystem::path &path, const std::string &machine) {
  std::string bytes[2], schedule[2];
  for (int round : {0, 1}) {
    auto config = loadMachine(machine);
    if (!config)
      return llvm::toString(config.takeError());
    auto model = importModel(path.string(), {});
    if (!model)
      return llvm::toString(model.takeError());
    codegen::CompileOptions options;
    options.config = *config;
    if (round == 1)
      options.schedule = codegen::NamedText{"schedule", schedule[0]};
    auto compiled = codegen::compile(*model->module, options);
    if (!compiled)
      return llvm::toString(compiled.takeError());
    auto package = packageBytes(compiled->package);
    if (!package)
      return llvm::toString(package.takeError());
    bytes[round] = *package;
    schedule[round] = compiled->schedule;
  }
  return bytes[0] != bytes[1] ? "another package" : schedule[0] != schedule[1] ? "another schedule" : "";
}

struct Case {
  const char *model;
  double npuShare; // of the MAC, at least
};

class ModelTest : public testing::TestWithParam<Case> {};

} // namespace

TEST_P(ModelTest, AgreesWithTheReferenceOnEveryMachine) {
  auto path = test::material(GetParam().model);
  if (!path)
    GTEST_SKIP() << test::materialHint(GetParam().model);
  for (const char *machine : {"tw8", "tw16", "tw32"}) {
    Outcome outcome = runModel(*path, machine, 3);
    EXPECT_TRUE(outcome.isEqual) << machine << ": " << outcome.problem;
    EXPECT_GE(outcome.npuShare, GetParam().npuShare) << machine;
  }
}

TEST_P(ModelTest, ScheduleGivenBackMakesTheSamePackage) {
  auto path = test::material(GetParam().model);
  if (!path)
    GTEST_SKIP() << test::materialHint(GetParam().model);
  for (const char *machine : {"tw8", "tw16", "tw32"})
    EXPECT_EQ(giveScheduleBack(*path, machine), "") << machine;
}

INSTANTIATE_TEST_SUITE_P(Material, ModelTest,
                         testing::Values(Case{"models/tflm_hello_world/hello_world_int8.onnx", 1},
                                         Case{"models/mlperf_tiny_ad_autoencoder/ad01_int8.onnx", 1},
                                         Case{"models/mlperf_tiny_ic_resnet8/pretrainedResnet_quant.onnx", 1},
                                         Case{"models/mlperf_tiny_kws_dscnn/kws_ref_model.onnx", 1},
                                         Case{"models/tflm_person_detect/person_detect.onnx", 1},
                                         Case{"models/tflm_micro_speech/micro_speech_quantized.onnx", 1},
                                         Case{"models/coral_models/mobilenet_v1_0.25_128_quant.onnx", 1},
                                         Case{"models/digits_cnn/digits_qdq_int8.onnx", 1}),
                         [](const testing::TestParamInfo<Case> &info) {
                           std::string name = std::filesystem::path(info.param.model).stem().string();
                           std::ranges::replace_if(
                               name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
                           return name;
                         });

TEST(SampleTest, TheSampleModelAgreesWithTheReference) {
  std::filesystem::path path = test::sourceDir() / "tools/sample/digits_int8.onnx";
  Outcome outcome = runModel(path, "tw16", 1);
  EXPECT_TRUE(outcome.isEqual) << outcome.problem;
  EXPECT_EQ(outcome.npuShare, 1);
}

TEST(SampleTest, ScheduleGivenBackMakesTheSamePackage) {
  for (const char *name : {"tools/sample/digits_int8.onnx", "tools/sample/digits_float.onnx",
                           "tests/e2e/models/fc_int8.onnx", "tests/e2e/models/residual_int8.onnx"})
    for (const char *machine : {"tw8", "tw16", "tw32", "tw64"})
      EXPECT_EQ(giveScheduleBack(test::sourceDir() / name, machine), "") << name << " on " << machine;
}

TEST(SurveyTest, WhatCheckSaysIsWhatCompilingPlaces) {
  for (const char *name :
       {"tools/sample/digits_int8.onnx", "tools/sample/digits_float.onnx", "tests/e2e/models/fc_int8.onnx",
        "tests/e2e/models/fc_float.onnx", "tests/e2e/models/residual_int8.onnx"}) {
    SCOPED_TRACE(name);
    const std::string path = (test::sourceDir() / name).string();
    const isa::HwConfig config = llvm::cantFail(loadMachine("tw16"));
    codegen::CompileOptions surveyed;
    surveyed.config = config;
    auto survey = surveyModel(path, {}, surveyed);
    ASSERT_TRUE(bool(survey)) << llvm::toString(survey.takeError());
    auto model = importModel(path, {});
    ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
    codegen::CompileOptions options;
    options.config = config;
    auto compiled = codegen::compile(*model->module, options);
    ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
    EXPECT_GT(survey->macs, 0);
    EXPECT_EQ(survey->macs, compiled->report.macs);
    EXPECT_EQ(survey->macsOnNpu, compiled->report.macsOnNpu);
    EXPECT_EQ(survey->macsInt8, compiled->report.macsInt8);
    ASSERT_EQ(survey->rows.size(), compiled->report.rows.size());
    for (size_t i = 0; i != survey->rows.size(); ++i) {
      const codegen::PlacementRow &row = compiled->report.rows[i];
      EXPECT_EQ(survey->rows[i].node, row.node);
      EXPECT_EQ(survey->rows[i].verdict == Verdict::Npu, (row.executor == codegen::ExecutorId::Npu)) << row.node;
      EXPECT_EQ(survey->rows[i].reason, (row.executor == codegen::ExecutorId::Npu) ? "" : row.how) << row.node;
    }
  }
}

TEST(OperatorsTest, SingleQuantisedOperatorsAgreeWithTheReference) {
  auto folder = test::material("qdq_ops");
  if (!folder)
    GTEST_SKIP() << test::materialHint("qdq_ops");
  int cases = 0, agree = 0;
  std::string problems;
  std::vector<std::filesystem::path> models;
  for (const auto &entry : std::filesystem::directory_iterator(*folder))
    if (std::filesystem::exists(entry.path() / "model.onnx"))
      models.push_back(entry.path());
  std::ranges::sort(models);
  for (const std::filesystem::path &model : models) {
    ++cases;
    Outcome outcome = runModel(model / "model.onnx", "tw16", 5);
    agree += outcome.isEqual;
    if (!outcome.isEqual)
      problems += model.filename().string() + ": " + outcome.problem + "\n";
  }
  EXPECT_EQ(cases, agree) << problems;
}
