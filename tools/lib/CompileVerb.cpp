// SPDX-License-Identifier: Apache-2.0
#include "OwnPackages.h"
#include "Prepare.h"
#include "Report.h"
#include "States.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include <algorithm>
#include <fstream>
#include <iostream>

namespace tw::tools {
namespace {

// model.onnx -> model + suffix
std::string beside(const std::string &path, const char *suffix) {
  llvm::SmallString<128> result(path);
  llvm::sys::path::replace_extension(result, suffix);
  return std::string(result);
}

/// A file whose name nobody gave replaces nothing but an older one of its kind.
llvm::Error checkKind(const std::string &path, const char *option, llvm::StringRef firstBytes) {
  std::string start(firstBytes.size(), '\0');
  if (std::ifstream file(path, std::ios::binary);
      file && !(file.read(start.data(), std::streamsize(start.size())) && firstBytes == start))
    return errorAt(path, "is there already and nothing that compile has written: name another file with " +
                             std::string(option) + ", or remove it");
  return llvm::Error::success();
}

/// Package and texts (path, contents) appear when all are complete; one without a path is left out.
llvm::Error write(const isa::Package &package, const std::string &output,
                  const std::vector<std::pair<std::string, std::string_view>> &texts) {
  auto bytes = packageBytes(package);
  if (!bytes)
    return errorOf(because({output, "cannot be written"}, bytes.takeError()));
  std::vector<OutputFile> files;
  std::vector<std::pair<std::string, std::string_view>> all{{output, *bytes}};
  std::ranges::copy_if(texts, std::back_inserter(all), [](const auto &text) { return !text.first.empty(); });
  for (const auto &[path, contents] : all) {
    auto file = OutputFile::create(path);
    if (!file)
      return file.takeError();
    if (llvm::Error error = file->write(contents))
      return error;
    files.push_back(std::move(*file));
  }
  for (OutputFile &file : files)
    if (llvm::Error error = file.keep())
      return error;
  return llvm::Error::success();
}

/// What --state says, done to the imported graphs; `kept` tells it.
llvm::Error keepStates(const CommandLine &line, llvm::ArrayRef<codegen::EntryGraph> entries, std::string &kept) {
  if (line.list("state").empty())
    return llvm::Error::success();
  auto pairs = statePairs(line, entries.front().module);
  if (!pairs)
    return pairs.takeError();
  auto state = tools::keepStates(entries, *pairs);
  if (!state)
    return inside(line.file(), state.takeError());
  std::string fresh;
  for (int64_t count : state->fresh)
    fresh += (fresh.empty() ? "" : " or ") + std::to_string(count);
  kept = llvm::formatv("{0}: keeps {1} tensors of {2} positions and adds {3} in a run, {4} bytes\n", line.file(),
                       pairs->size(), state->rows, fresh, withCommas(uint64_t(state->bytes)))
             .str();
  for (auto [pair, isBytes] : llvm::zip_equal(*pairs, state->areBytes))
    kept += "  state          " + pair.past + " = " + pair.present + (isBytes ? ", int8 as it is read" : "") + "\n";
  return llvm::Error::success();
}

} // namespace

int compileVerb(const Arguments &arguments) {
  CommandLine line(
      "compile", "Compiles an ONNX model to a package and reports what runs where.", "model.onnx",
      "  tilewright compile model.onnx\n  tilewright compile model.onnx --config tw32 -o big.npk --strict\n"
      "  tilewright compile model.onnx --dim N=1 --dump-ir stages/\n");
  addModelOptions(line, "NAME=1,2,3 makes an entry of each");
  line.add()("output,o", po::value<std::string>(), "package to write; default: the model's name with .npk")(
      "report", po::value<std::string>(),
      "file of the report; default: beside the package, if its name ends with .npk")(
      "strict", "exit code 3 if an operator with products of int8 is not on the NPU")(
      "json", "print the report as JSON")("placement", "print every operator with its place and the reason")(
      "layers", "keep every layer's result: residuals are not fused")(
      "host-cpu", po::value<std::string>()->default_value("x86-64-v3"),
      "processor of the host code; native is this one")("dump-ir", po::value<std::string>(),
                                                        "folder that gets one numbered file per stage")(
      "dump-schedule", po::value<std::string>(), "file of the schedule: what runs how, in which tiles and memory")(
      "schedule", po::value<std::string>(),
      "file of a schedule to obey, as --dump-schedule wrote it or changed by you");
  addStateOption(line);
  addSpareOption(line);
  if (auto code = line.parse(arguments))
    return *code;
  const std::string output = line.has("output") ? line.text("output") : beside(line.file(), ".npk");
  const std::string report = line.has("report")                          ? line.text("report")
                             : llvm::StringRef(output).ends_with(".npk") ? beside(output, ".report.json")
                                                                         : "";
  if (llvm::Error error = checkOutputs(line, {output, report, line.text("dump-schedule")}))
    return fail(std::move(error));
  if (!line.has("output"))
    if (llvm::Error error = checkKind(output, "--output", llvm::StringRef(TW_PKG_MAGIC, 8)))
      return fail(std::move(error));
  if (!line.has("report") && !report.empty())
    if (llvm::Error error = checkKind(report, "--report", "{\"model\":"))
      return fail(std::move(error));
  codegen::CompileOptions options;
  options.fuseResidual = !line.has("layers");
  options.hostCpu = line.text("host-cpu");
  if (line.has("schedule")) {
    auto text = readFile(line.text("schedule"));
    if (!text)
      return fail(text.takeError());
    options.schedule = codegen::NamedText{line.text("schedule"), std::move(*text)};
  }
  llvm::Error dumpError = llvm::Error::success();
  int stage = 0;
  if (line.has("dump-ir")) {
    if (auto error = llvm::sys::fs::create_directories(line.text("dump-ir")))
      return fail(errorAt(line.text("dump-ir"), error.message()));
    if (!llvm::sys::fs::is_directory(line.text("dump-ir")))
      return fail(errorAt(line.text("dump-ir"), "is no folder: name a folder for the stages"));
    options.dump = [&](std::string_view name, const std::string &text) {
      std::string file = llvm::formatv("{0}/{1,0+2}-{2}.txt", line.text("dump-ir"), stage++, name).str();
      llvm::Error error = checkOutputs(line, {file});
      if (!error)
        error = writeFile(file, text);
      if (dumpError) // the first one says enough
        llvm::consumeError(std::move(error));
      else
        dumpError = std::move(error);
    };
  }
  std::string kept;
  auto prepared = prepareEntries(
      line, options, [&](llvm::ArrayRef<codegen::EntryGraph> entries) { return keepStates(line, entries, kept); });
  if (dumpError)
    return fail(std::move(dumpError));
  if (!prepared)
    return fail(prepared.takeError());
  for (const std::string &note : importNotes(*prepared->model.module))
    std::cerr << line.file() << ": " << note << "\n";
  const codegen::Compiled &compiled = prepared->compiled;
  const std::string json = reportJson(compiled, line.file());
  if (line.has("strict") && compiled.report.macsInt8OnNpu < compiled.report.macsInt8) {
    std::cout << (line.has("json") ? json : placementTable(compiled.report));
    std::cerr << "error: --strict: " << withCommas(uint64_t(compiled.report.macsInt8 - compiled.report.macsInt8OnNpu))
              << " of " << withCommas(uint64_t(compiled.report.macsInt8))
              << " MAC of int8 are not on the NPU for the reasons above; no package was written\n";
    return 3;
  }
  if (llvm::Error error =
          write(compiled.package, output, {{report, json}, {line.text("dump-schedule"), compiled.schedule}}))
    return fail(std::move(error));
  rememberPackage(compiled.package);
  if (line.has("json")) { // every operator with its place is in it
    std::cout << json;
    return 0;
  }
  std::cout << kept << reportScreen(compiled, line.file(), output);
  if (line.has("placement"))
    std::cout << placementTable(compiled.report);
  return 0;
}

} // namespace tw::tools
