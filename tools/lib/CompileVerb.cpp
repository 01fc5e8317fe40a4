// SPDX-License-Identifier: Apache-2.0
#include "Prepare.h"
#include "Report.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include <iostream>

namespace tw::tools {
namespace {

// model.onnx -> model + suffix
std::string beside(const std::string &path, const char *suffix) {
  llvm::SmallString<128> result(path);
  llvm::sys::path::replace_extension(result, suffix);
  return std::string(result);
}

} // namespace

int compileVerb(const Arguments &arguments) {
  CommandLine line(
      "compile", "Compiles an ONNX model to a package and reports what runs where.", "model.onnx",
      "  tilewright compile model.onnx\n  tilewright compile model.onnx --config tw32 -o big.npk --strict\n"
      "  tilewright compile model.onnx --dim N=1 --dump-ir stages/\n");
  addModelOptions(line);
  line.add()("output,o", po::value<std::string>(), "package to write; default: the model's name with .npk")(
      "strict", "exit code 3 if an operator with MAC is not on the NPU")("json", "print the report as JSON")(
      "placement", "print every operator with its place and the reason")(
      "layers", "keep every layer's result: residuals are not fused")(
      "host-cpu", po::value<std::string>()->default_value("x86-64-v3"),
      "processor of the host code; native is this one")("dump-ir", po::value<std::string>(),
                                                        "folder that gets one numbered file per stage");
  if (auto code = line.parse(arguments))
    return *code;
  codegen::CompileOptions options;
  options.fuseResidual = !line.has("layers");
  options.hostCpu = line.text("host-cpu");
  llvm::Error dumpError = llvm::Error::success();
  int stage = 0;
  if (line.has("dump-ir")) {
    if (auto error = llvm::sys::fs::create_directories(line.text("dump-ir")))
      return fail(llvm::createStringError(error, line.text("dump-ir") + ": " + error.message()));
    options.dump = [&](std::string_view name, const std::string &text) {
      std::string file = llvm::formatv("{0}/{1,0+2}-{2}.txt", line.text("dump-ir"), stage++, name).str();
      if (auto error = writeFile(file, text))
        dumpError = llvm::joinErrors(std::move(dumpError), std::move(error));
    };
  }
  auto prepared = prepare(line, options);
  if (dumpError)
    return fail(std::move(dumpError));
  if (!prepared)
    return fail(prepared.takeError());
  const codegen::Compiled &compiled = prepared->compiled;
  if (line.has("strict") && compiled.report.macsOnNpu < compiled.report.macs) {
    std::cout << placementTable(compiled.report);
    std::cerr << "error: --strict: " << withCommas(uint64_t(compiled.report.macs - compiled.report.macsOnNpu)) << " of "
              << withCommas(uint64_t(compiled.report.macs))
              << " MAC are not on the NPU for the reasons above; no package was written\n";
    return 3;
  }
  const std::string output = line.has("output") ? line.text("output") : beside(line.file(), ".npk");
  const std::string report = beside(output, ".report.json"), json = reportJson(compiled, line.file());
  if (auto status = isa::writePackage(compiled.package, output); !status)
    return fail(llvm::createStringError(status.diag().str()));
  if (auto error = writeFile(report, json)) {
    llvm::sys::fs::remove(output);
    return fail(std::move(error));
  }
  std::cout << (line.has("json") ? json : reportScreen(compiled, line.file(), output));
  if (line.has("placement"))
    std::cout << placementTable(compiled.report);
  return 0;
}

} // namespace tw::tools
