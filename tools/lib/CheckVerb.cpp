// SPDX-License-Identifier: Apache-2.0
#include "NameColumn.h"
#include "Options.h"
#include "Prepare.h"
#include "Survey.h"

#include "llvm/Support/FormatVariadic.h"
#include <boost/json.hpp>

#include <iostream>

namespace tw::tools {
namespace {

const char *wordFor(Verdict verdict) {
  switch (verdict) {
  case Verdict::Npu:
    return "ok";
  case Verdict::Host:
    return "host";
  case Verdict::Gpu:
    return "gpu";
  case Verdict::Understood:
    return "understood";
  case Verdict::Unsupported:
    return "unsupported";
  }
  llvm_unreachable("all verdicts are listed");
}

std::string arithmeticOf(const Survey &survey) {
  if (survey.macs == 0)
    return "no convolution, fully connected layer or product in it";
  if (survey.macsInt8 == 0 || survey.macsInt8 == survey.macs)
    return survey.macsInt8 == 0 ? "all in float32" : "all in int8";
  return llvm::formatv("{0:F1} % in int8, the rest in float32", 100.0 * double(survey.macsInt8) / double(survey.macs))
      .str();
}

void printScreen(const Survey &survey, const std::string &file, const std::string &config) {
  std::cout << file << " for " << config << ": opset " << survey.opset << ", " << survey.rows.size()
            << (survey.problems.empty() ? " operators after fusion\n" : " operators\n");
  for (const FreeDim &dim : survey.freeDims)
    std::cout << "  free dimension '" << dim.name << "' is taken as " << dim.extent << " here; compiling needs --dim "
              << dim.name << "=NUMBER\n";
  if (!survey.oneRefused.empty())
    std::cout << "  with 1 for all: " << survey.oneRefused << "\n";
  for (const std::string &note : survey.notes)
    std::cout << "  " << note << "\n";
  std::vector<std::string> names;
  for (const SurveyRow &row : survey.rows)
    names.push_back(row.node);
  const NameColumn column(names);
  for (const SurveyRow &row : survey.rows)
    std::cout << llvm::formatv("  {0,-11} {1,-17} {2} {3,18} {4}\n", wordFor(row.verdict), row.operation,
                               column(row.node), row.macs ? withCommas(uint64_t(row.macs)) + " MAC" : "", row.reason)
                     .str();
  if (!survey.problems.empty())
    return;
  std::cout << llvm::formatv("{0} MAC, {1:F1} % of them on the NPU: {2}\n", withCommas(uint64_t(survey.macs)),
                             survey.macs ? 100.0 * double(survey.macsOnNpu) / double(survey.macs) : 0.0,
                             arithmeticOf(survey))
                   .str();
  std::cout << llvm::formatv("the host takes about {0} ms on one thread (an estimate from its operations and "
                             "bytes)\n",
                             shortNumber(survey.hostNs / 1e6))
                   .str();
  if (survey.macs != 0 && survey.macsOnNpu == 0)
    std::cout << "WARNING: 0 of its MAC run on the NPU: the reasons stand above\n";
}

void printJson(const Survey &survey, const std::string &file, const std::string &config) {
  boost::json::array rows, problems, notes, dims;
  for (const SurveyRow &row : survey.rows)
    rows.push_back(boost::json::object{{"node", row.node},
                                       {"operation", row.operation},
                                       {"verdict", wordFor(row.verdict)},
                                       {"reason", row.reason},
                                       {"macs", row.macs},
                                       {"bound_ns", row.boundNs},
                                       {"least_bytes", row.leastBytes}});
  for (const Diag &problem : survey.problems)
    problems.push_back(boost::json::string(problem.str()));
  for (const std::string &note : survey.notes)
    notes.push_back(boost::json::string(note));
  for (const FreeDim &dim : survey.freeDims)
    dims.push_back(boost::json::object{{"name", dim.name}, {"extent", dim.extent}});
  boost::json::object root{{"model", file},
                           {"config", config},
                           {"opset", survey.opset},
                           {"macs", survey.macs},
                           {"macs_int8", survey.macsInt8},
                           {"macs_on_npu", survey.macsOnNpu},
                           {"free_dimensions", std::move(dims)},
                           {"notes", std::move(notes)},
                           {"problems", std::move(problems)},
                           {"operators", std::move(rows)}};
  std::cout << boost::json::serialize(root) << "\n";
}

std::string triedText() {
  std::string text;
  for (int64_t extent : kTriedExtents)
    text += (text.empty()                                            ? ""
             : extent == kTriedExtents[std::size(kTriedExtents) - 1] ? " or "
                                                                     : ", ") +
            std::to_string(extent);
  return ", and the model is refused as well with " + text + " for all of them";
}

} // namespace

int checkVerb(const Arguments &arguments) {
  CommandLine line("check",
                   "Says of each operator whether it can run and where, as compile would place it; writes nothing.",
                   "model.onnx", "  tilewright check model.onnx\n  tilewright check model.onnx --dim batch=1 --json\n");
  addPlacementOptions(line);
  line.add()("config,c", po::value<std::string>()->default_value("tw16"), "machine: a name, or a YAML file");
  addImportOptions(line, "free ones are taken as 1, or what does");
  line.add()("json", "print as JSON");
  if (auto code = line.parse(arguments))
    return *code;
  auto import = importOptions(line);
  if (!import)
    return fail(import.takeError());
  auto config = loadMachine(line.text("config"));
  if (!config)
    return fail(config.takeError());
  codegen::CompileOptions options;
  options.config = *config;
  if (auto error = readPlacement(line, options))
    return fail(std::move(error));
  auto survey = surveyModel(line.file(), *import, options);
  if (!survey)
    return fail(survey.takeError());
  if (line.has("json"))
    printJson(*survey, line.file(), config->name);
  else
    printScreen(*survey, line.file(), config->name);
  std::cout.flush();
  for (const Diag &problem : survey->problems)
    std::cerr << "error: " << problem.str() << "\n";
  if (!survey->problems.empty() && !survey->freeDims.empty()) // a window of 3 does not fit an image of 1
    std::cerr << "note: free dimensions were taken as 1" << (survey->hasTried ? triedText() : "")
              << ": give their values with --dim " << survey->freeDims.front().name << "=NUMBER\n";
  return survey->problems.empty() ? 0 : 1;
}

} // namespace tw::tools
