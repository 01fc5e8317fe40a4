// SPDX-License-Identifier: Apache-2.0
#include "Common.h"
#include "Options.h"
#include "Report.h"

#include "llvm/Support/FormatVariadic.h"

#include <iostream>

namespace tw::tools {

int checkVerb(const Arguments &arguments) {
  CommandLine line("check", "Says of each operator whether it can run and where, without writing anything.",
                   "model.onnx", "  tilewright check model.onnx\n  tilewright check model.onnx --dim batch=1 --json\n");
  line.add()("config,c", po::value<std::string>()->default_value("tw16"),
             "machine whose limits count")("dim", po::value<std::vector<std::string>>()->composing(),
                                           "NAME=NUMBER: value of a symbolic dimension")("json", "print as JSON");
  if (auto code = line.parse(arguments))
    return *code;
  auto config = loadMachine(line.text("config"));
  if (!config)
    return fail(config.takeError());
  auto dims = line.dims();
  if (!dims)
    return fail(dims.takeError());
  auto model = importModel(line.file(), *dims);
  if (!model)
    return fail(model.takeError());
  codegen::CompileOptions options;
  options.config = *config;
  auto compiled = codegen::compile(*model->module, options);
  if (!compiled)
    return fail(llvm::createStringError(line.file() + ": " + llvm::toString(compiled.takeError())));
  if (line.has("json")) {
    std::cout << reportJson(*compiled, line.file());
    return 0;
  }
  const codegen::CompileReport &report = compiled->report;
  std::cout << placementTable(report)
            << llvm::formatv("{0} MAC, {1:F1} % of them on the NPU\n", withCommas(uint64_t(report.macs)),
                             report.macs ? 100.0 * double(report.macsOnNpu) / double(report.macs) : 0.0)
                   .str();
  if (report.macs != 0 && report.macsOnNpu == 0)
    std::cout
        << "WARNING: 0 of its MAC run on the NPU: the model is not quantised to int8; give a QDQ or QLinear model\n";
  return 0;
}

} // namespace tw::tools
