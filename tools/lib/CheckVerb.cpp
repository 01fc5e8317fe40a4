// SPDX-License-Identifier: Apache-2.0
#include "Prepare.h"
#include "Report.h"

#include "llvm/Support/FormatVariadic.h"

#include <iostream>

namespace tw::tools {

int checkVerb(const Arguments &arguments) {
  CommandLine line("check", "Says of each operator whether it can run and where, without writing anything.",
                   "model.onnx", "  tilewright check model.onnx\n  tilewright check model.onnx --dim batch=1 --json\n");
  addModelOptions(line);
  line.add()("json", "print as JSON");
  if (auto code = line.parse(arguments))
    return *code;
  auto prepared = prepare(line);
  if (!prepared)
    return fail(prepared.takeError());
  const codegen::Compiled &compiled = prepared->compiled;
  if (line.has("json")) {
    std::cout << reportJson(compiled, line.file());
    return 0;
  }
  const codegen::CompileReport &report = compiled.report;
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
