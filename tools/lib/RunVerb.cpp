// SPDX-License-Identifier: Apache-2.0
#include "Prepare.h"
#include "Report.h"
#include "Session.h"
#include "Trace.h"

#include "llvm/Support/FormatVariadic.h"
#include <boost/json.hpp>

#include <iostream>

namespace tw::tools {
namespace {

using Chosen = std::pair<size_t, Tensors>;

/// The inputs on the line for the entry of that name.
llvm::Expected<Chosen> takeEntry(const CommandLine &line, const isa::Package &package, bool &isRandom) {
  std::string names;
  for (size_t e = 0; e != package.entries.size(); ++e) {
    const std::string &name = package.entries[e].name;
    names += (names.empty() ? "" : ", ") + name;
    if (name != line.text("entry"))
      continue;
    auto given = readInputs(inputsOf(package, e), line.list("input"));
    if (!given)
      return given.takeError();
    auto inputs = fillInputs(inputsOf(package, e, *given), *given, line.get<uint64_t>("seed"), isRandom);
    if (!inputs)
      return inputs.takeError();
    return Chosen(e, std::move(*inputs));
  }
  return errorAt("--entry " + line.text("entry"), "the entries of " + line.file() + " are " + names);
}

/// The inputs on the line and the entry that the driver chooses for them. What is not given is random, of the shape
/// that the first entry wants beside what is.
llvm::Expected<Chosen> chooseEntry(const CommandLine &line, const isa::Package &package, const Session &session,
                                   bool &isRandom) {
  Diag none{line.file(), "no entry takes these inputs"};
  for (size_t e = 0; e != package.entries.size(); ++e) {
    auto given = readInputs(inputsOf(package, e), line.list("input"));
    if (!given)
      return given.takeError();
    auto inputs = fillInputs(inputsOf(package, e, *given), *given, line.get<uint64_t>("seed"), isRandom);
    auto chosen = inputs ? session.choose(*inputs) : llvm::Expected<size_t>(inputs.takeError());
    if (chosen)
      return Chosen(*chosen, std::move(*inputs));
    if (inputs && !isRandom) // it is the same with any entry
      return inside(line.file(), chosen.takeError());
    if (package.entries.size() == 1)
      return chosen.takeError();
    none.reasons.push_back(diagOf(chosen.takeError()).inside(package.entries[e].name));
  }
  return errorOf(std::move(none));
}

} // namespace

int runVerb(const Arguments &arguments) {
  CommandLine line(
      "run", "Runs a package, or a model that is compiled first, on a device.", "model.npk|model.onnx",
      "  tilewright run model.onnx --input x=x.npy --output y.npy\n  tilewright run model.onnx --device cycle\n"
      "  tilewright run model.npk --allow-host-code --input all.npz --output results.npz\n");
  addModelOptions(line);
  addPackageOptions(line);
  addHostOptions(line);
  line.add()("device,d", po::value<std::string>()->default_value("functional"), "functional, cycle or rtl")(
      "input,i", po::value<std::vector<std::string>>()->composing(),
      "NAME=FILE.npy, FILE.npz with all names, or FILE.npy for the only input; random otherwise")(
      "entry", po::value<std::string>(), "of a package that has several; default: the smallest that takes the inputs")(
      "output,o", po::value<std::string>(), "FILE.npz, or FILE.npy for the only output")(
      "seed", po::value<uint64_t>()->default_value(1),
      "seed of random inputs")("budget", po::value<uint64_t>()->default_value(0),
                               "cycles after which a job is ended; 0: 1,000,000 and 100 for each predicted one")(
      "memory", po::value<std::string>()->default_value(""),
      "memory behind a timed device: ideal, ideal:LATENCY, rows, random:SEED")(
      "trace", po::value<std::string>(), "FILE.json for ui.perfetto.dev, or FILE.twtrace: when each instruction ran")(
      "no-cache", "compile a model even if its package was kept from an earlier run")("json",
                                                                                      "print the result as JSON");
  if (auto code = line.parse(arguments))
    return *code;
  if (line.has("trace")) {
    if (llvm::Error error = checkTraceName(line.text("trace")))
      return fail(std::move(error));
    if (line.text("device") == "functional")
      return fail(errorAt("--trace", "the functional model has no time; use --device cycle or rtl"));
  }
  if (llvm::Error error = checkOutputs(line, {line.text("output"), line.text("trace")}))
    return fail(std::move(error));
  isa::Package package;
  if (llvm::StringRef(line.file()).ends_with(".onnx")) {
    std::string note;
    auto prepared = preparePackage(line, line.has("no-cache") ? "" : packageCacheFolder(), note);
    if (!prepared)
      return fail(prepared.takeError());
    std::cerr << line.file() << ": " << note << "\n";
    package = std::move(*prepared);
  } else {
    auto opened = openPackage(line);
    if (!opened)
      return fail(opened.takeError());
    package = std::move(*opened);
  }
  auto bytes = packageBytes(package);
  if (!bytes)
    return fail(bytes.takeError());
  auto session = Session::open(*bytes, package,
                               {.device = line.text("device"),
                                .memory = line.text("memory"),
                                .budget = line.get<uint64_t>("budget"),
                                .threads = line.get<uint32_t>("threads"),
                                .gpuLibrary = line.text("gpu-library")});
  if (!session)
    return fail(session.takeError());
  if (const std::string why = (*session)->withoutGpu(); !why.empty())
    std::cerr << line.file() << ": the host does the GPU's steps: " << why << "\n";
  bool isRandom = false;
  auto chosen =
      line.has("entry") ? takeEntry(line, package, isRandom) : chooseEntry(line, package, **session, isRandom);
  if (!chosen)
    return fail(chosen.takeError());
  const auto &[entry, inputs] = *chosen;
  auto result = (*session)->run(inputs, entry);
  if (!result)
    return fail(result.takeError());
  uint64_t hostNs = 0;
  for (const StepTime &time : (*session)->hostTimes())
    hostNs += time.ns;
  if (line.has("trace"))
    if (llvm::Error error = writeTrace(line.text("trace"), traceOf(package, (*session)->jobs())))
      return fail(std::move(error));
  if (line.has("output")) {
    std::string file = line.text("output");
    if (llvm::StringRef(file).ends_with(".npz")) {
      std::map<std::string, NpyArray> arrays;
      for (const ir::NamedTensor &output : result->outputs)
        arrays[output.name] = toNpy(output.tensor);
      if (auto error = writeNpz(file, arrays))
        return fail(std::move(error));
    } else if (result->outputs.size() != 1) {
      return fail(errorAt("--output " + file,
                          "the model has " + std::to_string(result->outputs.size()) + " outputs: give a .npz file"));
    } else if (auto error = writeNpy(file, toNpy(result->outputs[0].tensor))) {
      return fail(std::move(error));
    }
  }
  if (line.has("json")) {
    boost::json::object root{{"device", line.text("device")},
                             {"cycles", result->cycles},
                             {"host_ns", hostNs},
                             {"host_steps", (*session)->hostTimes().size()},
                             {"bytes_read", result->bytesRead},
                             {"bytes_written", result->bytesWritten},
                             {"macs", result->macs},
                             {"saturations", result->saturations},
                             {"random_inputs", isRandom}};
    std::cout << boost::json::serialize(root) << "\n";
    return 0;
  }
  if (package.entries.size() != 1)
    std::cout << "entry " << package.entries[entry].name << "\n";
  if (isRandom)
    std::cout << "inputs that were not given are random (seed " << line.get<uint64_t>("seed") << ")\n";
  for (const ir::NamedTensor &output : result->outputs) {
    std::cout << output.name << " " << ir::elementTypeName(output.tensor.type) << " "
              << ir::shapeText(output.tensor.shape) << ":";
    for (int64_t i = 0; i != std::min<int64_t>(output.tensor.size(), 10); ++i)
      std::cout << " " << output.tensor.numberAt(i);
    std::cout << (output.tensor.size() > 10 ? " ...\n" : "\n");
  }
  std::cout << line.text("device") << ": ";
  if (result->cycles != 0)
    std::cout << withCommas(result->cycles) << " cycles, ";
  std::cout << withCommas(result->bytesRead) << " bytes read, " << withCommas(result->bytesWritten) << " written, "
            << withCommas(result->macs) << " array MAC\n";
  if (!(*session)->hostTimes().empty())
    std::cout << llvm::formatv("host: {0:F3} ms measured here, {1} steps\n", double(hostNs) / 1e6,
                               (*session)->hostTimes().size())
                     .str();
  return 0;
}

} // namespace tw::tools
