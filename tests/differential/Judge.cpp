// SPDX-License-Identifier: Apache-2.0
#include "Judge.h"

#include "Layers.h"
#include "Schedules.h"
#include "Survey.h"
#include "verify/Devices.h"
#include "verify/Truths.h"

#include <optional>

namespace tw::test {
namespace {

using namespace tw::tools;

// Integers at one end of their range, real numbers at -1 or 1.
void fillAll(ir::Tensor &tensor, bool isHighest) {
  const bool isUnsigned = tensor.type == ir::ElementType::U8;
  for (int64_t i = 0; i != tensor.size(); ++i)
    if (tensor.type == ir::ElementType::F32)
      tensor.data<float>()[i] = isHighest ? 1 : -1;
    else if (ir::byteWidth(tensor.type) == 1)
      tensor.bytes[size_t(i)] = char(isUnsigned ? (isHighest ? 0xff : 0) : (isHighest ? 0x7f : 0x80));
}

llvm::Expected<Tensors> makeInputs(const Program &program, const JudgeOptions &options) {
  bool isRandom = false;
  auto inputs = gatherInputs(tools::inputsOf(program.package), {}, options.seed, isRandom);
  if (inputs && options.inputs != Inputs::Random)
    for (ir::NamedTensor &input : *inputs)
      fillAll(input.tensor, options.inputs == Inputs::Highest);
  return inputs;
}

// Compiles for the machine; with `keepsLayers` each layer's result is an output. The schedule is obeyed
// if there is one, and what was compiled by afterwards.
llvm::Error compileInto(Program &program, const std::string &path, const isa::HwConfig &config, bool keepsLayers,
                        std::string &schedule, codegen::CompileReport *report = nullptr) {
  auto model = importModel(path, {});
  if (!model)
    return model.takeError();
  if (keepsLayers) {
    if (auto error = fuseGraph(*model->module, true))
      return error;
    keepLayers(*model->module);
  }
  codegen::CompileOptions options;
  options.config = config;
  if (!schedule.empty())
    options.schedule = codegen::NamedText{"schedule", schedule};
  mlir::OwningOpRef<mlir::ModuleOp> graph;
  options.fused = [&](mlir::ModuleOp fused) { graph = fused.clone(); };
  auto compiled = codegen::compile(*model->module, options);
  if (!compiled)
    return compiled.takeError();
  model->module = std::move(graph);
  program.package = std::move(compiled->package);
  schedule = std::move(compiled->schedule);
  if (report)
    *report = std::move(compiled->report);
  program.model = std::move(*model);
  auto bytes = packageBytes(program.package);
  if (!bytes)
    return bytes.takeError();
  program.bytes = std::move(*bytes);
  return llvm::Error::success();
}

llvm::Error openAll(Program &program, const JudgeOptions &options) {
  for (const char *device : {"functional", "cycle"})
    if (device == std::string("functional") || options.isTimed)
      if (auto error = program.open({device, "random:3"}))
        return error;
  return llvm::Error::success();
}

// The comparisons of `verify`; a problem is an error, a disagreement is in `checks`.
llvm::Error compareAll(Program &whole, const std::string &path, const JudgeOptions &options, Checks &checks) {
  auto inputs = makeInputs(whole, options);
  if (!inputs)
    return inputs.takeError();
  auto reference = whole.reference(*inputs);
  if (!reference)
    return reference.takeError();
  auto imported = importModel(path, {});
  if (!imported)
    return imported.takeError();
  if (auto error = judgeReference(*imported->module, *inputs, *reference, {512, options.seed}, checks))
    return error;
  if (auto error = openAll(whole, options))
    return error;
  if (auto error = compareOutputs(whole, nullptr, *inputs, *reference, checks))
    return error;
  compareInstructions(whole, checks);
  return llvm::Error::success();
}

// A device may differ from the reference where float32 arithmetic meets a quantiser: then its layers decide.
llvm::Error compareWithLayers(Program &whole, const std::string &path, const isa::HwConfig &config,
                              const JudgeOptions &options, Checks &checks) {
  Program layered;
  std::string schedule;
  if (auto error = compileInto(layered, path, config, true, schedule))
    return error;
  if (auto error = openAll(layered, options))
    return error;
  auto inputs = makeInputs(whole, options);
  if (!inputs)
    return inputs.takeError();
  auto reference = whole.reference(*inputs);
  if (!reference)
    return reference.takeError();
  auto layers = judgeLayers(layered, *inputs);
  if (!layers)
    return layers.takeError();
  if (auto error = compareOutputs(whole, &*layers, *inputs, *reference, checks))
    return error;
  return reportLayers(layered, *layers, *inputs, {}, checks);
}

// What is wrong with the same model by other schedules; they may be refused.
llvm::Expected<Verdict> judgeSchedules(Program &whole, const std::string &path, const isa::HwConfig &config,
                                       const std::string &schedule, const JudgeOptions &options) {
  auto inputs = makeInputs(whole, options);
  if (!inputs)
    return inputs.takeError();
  auto right = whole.sessions.front()->run(*inputs);
  if (!right)
    return right.takeError();
  for (int k = 0; k != options.schedules; ++k) {
    Program changed;
    std::string other = changedSchedule(schedule, options.seed * 1000 + uint64_t(k));
    const std::string given = other;
    if (auto error = compileInto(changed, path, config, false, other)) {
      const std::string text = llvm::toString(std::move(error));
      if (text.find("a defect of the compiler") != std::string::npos)
        return Verdict{Outcome::Fails, text};
      continue;
    }
    if (auto error = changed.open({"functional", "random:3"}))
      return std::move(error);
    auto got = changed.sessions.front()->run(*inputs);
    if (!got)
      return got.takeError();
    for (size_t i = 0; i != right->outputs.size(); ++i)
      if (got->outputs[i].tensor.bytes != right->outputs[i].tensor.bytes)
        return Verdict{Outcome::Wrong,
                       "output " + right->outputs[i].name + " is another one by this schedule:\n" + given};
  }
  return Verdict{Outcome::Right, ""};
}

bool isDevice(const Check &check) { return check.stage == "functional" || check.stage == "cycle"; }

} // namespace

const char *outcomeName(Outcome outcome) {
  switch (outcome) {
  case Outcome::Right:
    return "right";
  case Outcome::Refused:
    return "refused";
  case Outcome::NoModel:
    return "no model";
  case Outcome::Wrong:
    return "wrong";
  case Outcome::Torn:
    return "check and compile differ";
  case Outcome::Fails:
    return "fails";
  case Outcome::Crash:
    return "crash";
  case Outcome::Hang:
    return "hang";
  }
  llvm_unreachable("all outcomes are listed");
}

// Where check and compile have an operator run, if that is not the same.
std::string whereDiffers(const Survey &survey, const codegen::CompileReport &report) {
  if (survey.rows.size() != report.rows.size())
    return "check has " + std::to_string(survey.rows.size()) + " operators, compile " +
           std::to_string(report.rows.size());
  for (auto [checked, compiled] : llvm::zip(survey.rows, report.rows)) {
    const bool isOnNpu = compiled.executor == codegen::ExecutorId::Npu;
    if (checked.node != compiled.node || (checked.verdict == tools::Verdict::Npu) != isOnNpu)
      return "check has '" + checked.node + "' on the " + (checked.verdict == tools::Verdict::Npu ? "NPU" : "host") +
             ", compile '" + compiled.node + "' on the " + (isOnNpu ? "NPU" : "host");
    if (!isOnNpu && checked.reason != compiled.how)
      return "check says of '" + checked.node + "': " + checked.reason + ", compile: " + compiled.how;
  }
  return "";
}

Verdict judge(const std::string &path, const JudgeOptions &options) {
  auto config = loadMachine(options.config);
  if (!config)
    return {Outcome::Fails, llvm::toString(config.takeError())};
  codegen::CompileOptions surveyed;
  surveyed.config = *config;
  auto survey = surveyModel(path, {}, surveyed);
  std::string refusal; // of check
  if (!survey)
    refusal = llvm::toString(survey.takeError());
  else if (!survey->problems.empty())
    refusal = survey->problems.front().str();

  Program whole;
  std::string schedule;
  codegen::CompileReport report;
  if (auto error = compileInto(whole, path, *config, false, schedule, &report)) {
    const std::string text = llvm::toString(std::move(error));
    if (text.find("a defect of the compiler") != std::string::npos) // a pass that failed is no refusal of the model
      return {Outcome::Fails, text};
    return refusal.empty() ? Verdict{Outcome::Torn, "check says ok, compile says: " + text}
                           : Verdict{Outcome::Refused, refusal};
  }
  if (!refusal.empty())
    return {Outcome::Torn, "compiles, but check says: " + refusal};
  if (std::string differs = whereDiffers(*survey, report); !differs.empty())
    return {Outcome::Torn, differs};
  Program again;
  if (auto error = compileInto(again, path, *config, false, schedule))
    return {Outcome::Torn, "compiles, but not by its own schedule: " + llvm::toString(std::move(error))};
  if (again.bytes != whole.bytes)
    return {Outcome::Torn, "its own schedule makes another package"};

  Checks checks;
  if (auto error = compareAll(whole, path, options, checks))
    return {Outcome::Fails, llvm::toString(std::move(error))};
  const bool isDeviceWrong =
      llvm::any_of(checks.all(), [](const Check &check) { return !check.isGood && isDevice(check); });
  if (isDeviceWrong) {
    Checks layers;
    if (auto error = compareWithLayers(whole, path, *config, options, layers))
      return {Outcome::Fails, llvm::toString(std::move(error))};
    if (layers.failed() != 0)
      return {Outcome::Wrong, checks.firstFailure() + "; " + layers.firstFailure()};
  }
  for (const Check &check : checks.all())
    if (!check.isGood && !isDevice(check))
      return {Outcome::Wrong, check.stage + " " + check.subject + ": " + check.text};
  auto byOthers = judgeSchedules(whole, path, *config, schedule, options);
  if (!byOthers)
    return {Outcome::Fails, llvm::toString(byOthers.takeError())};
  return *byOthers;
}

} // namespace tw::test
