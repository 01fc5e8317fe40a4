// SPDX-License-Identifier: Apache-2.0
// Three truths on the same inputs: the definition of the imported graph judges the reference interpreter, which judges
// each device: the outputs of the program as it is compiled, with the devices in lock-step, then every layer's result
// in a second program that keeps them. So it is for each value of dimensions that is given; then all of them are
// entries of one program, which keeps the state that is asked for, and judged by what each gives alone.
#include "Layers.h"
#include "Prepare.h"
#include "States.h"
#include "verify/Devices.h"
#include "verify/Steps.h"
#include "verify/Truths.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

#include <iostream>

namespace tw::tools {
namespace {

// A recording comes from arithmetic that rounds otherwise: at most one step on the same inputs, and in float32 this
// share of the largest magnitude.
constexpr double kRecordedSteps = 1, kRecordedShare = 1e-4;

// Steps of an entry at random, after one of each.
constexpr int kSteps = 8;

const char *const kAllDevices[] = {"functional", "cycle", "rtl"};

std::vector<std::string> split(const std::string &text) {
  std::vector<std::string> parts;
  llvm::SmallVector<llvm::StringRef> pieces;
  llvm::StringRef(text).split(pieces, ',', -1, false);
  for (llvm::StringRef piece : pieces)
    parts.push_back(piece.str());
  return parts;
}

std::string namesOf(const Tensors &tensors) {
  std::string names;
  for (const ir::NamedTensor &tensor : tensors)
    names += (names.empty() ? "" : ", ") + tensor.name;
  return names;
}

/// Recorded arrays that are outputs must look like them, and one of them has to be an output.
llvm::Error checkExpected(const std::map<std::string, NpyArray> &expected, const Tensors &outputs,
                          const std::string &file) {
  bool isAny = false;
  for (const ir::NamedTensor &output : outputs) {
    auto found = expected.find(output.name);
    if (found == expected.end())
      continue;
    isAny = true;
    const NpyArray want = toNpy(output.tensor), &have = found->second;
    if (want.type != have.type || want.bytes.size() != have.bytes.size())
      return errorAt(file, llvm::formatv("array '{0}' has {1} bytes of type {2}, the output {3} bytes of type {4}",
                                         output.name, have.bytes.size(), have.type, want.bytes.size(), want.type));
  }
  if (isAny)
    return llvm::Error::success();
  return errorAt(file, "none of its arrays is an output: the outputs are " + namesOf(outputs));
}

// All devices that there are, or those asked for. One that --devices or --require names has to be there.
llvm::Error open(const CommandLine &line, llvm::ArrayRef<Program *> programs, Checks &checks) {
  std::vector<std::string> wanted(std::begin(kAllDevices), std::end(kAllDevices));
  if (line.has("devices"))
    wanted = split(line.text("devices"));
  const std::vector<std::string> required = split(line.text("require"));
  for (const std::string &device : required)
    if (!llvm::is_contained(wanted, device))
      wanted.push_back(device);
  for (const std::string &device : wanted) {
    const bool isRequired = line.has("devices") || llvm::is_contained(required, device);
    const SessionOptions options{.device = device,
                                 .memory = line.text("memory"),
                                 .threads = line.get<uint32_t>("threads"),
                                 .gpuLibrary = line.text("gpu-library")};
    for (Program *program : programs) {
      auto error = program->open(options);
      if (!error)
        continue;
      if (isRequired || device != "rtl" || isRtlBuilt(program->package.config.name))
        return error;
      checks.note("rtl is left out: " + diagOf(std::move(error)).str());
      break;
    }
  }
  return llvm::Error::success();
}

// A package of which not only the first entry is to be judged.
bool hasSteps(const isa::Package &package) { return package.entries.size() != 1 || package.stateBytes != 0; }

// One binding of the model's dimensions, or a package.
class Verifier {
public:
  Verifier(const CommandLine &line, Binding binding, Checks &checks)
      : line(line), binding(std::move(binding)), checks(checks) {}

  Program &program() { return whole; }

  llvm::Error run() {
    if (auto error = readArguments())
      return error;
    if (auto error = makeProgram(whole, false))
      return error;
    if (line.has("expect") && !holdsLayers(expected))
      if (auto error = checkExpected(expected, outputsOf(whole.package), line.text("expect")))
        return error;
    if (!isPackage && !line.has("outputs-only")) {
      layered.emplace();
      if (auto error = makeProgram(*layered, true))
        return error;
    }
    std::vector<Program *> programs{&whole};
    if (layered)
      programs.push_back(&*layered);
    if (auto error = open(line, programs, checks))
      return error;
    if (auto error = compareRecordedLayers())
      return error;
    for (int round = 0; round != line.get<int>("count"); ++round)
      if (auto error = compareRound(line.get<uint64_t>("seed") + uint64_t(round)))
        return error;
    return llvm::Error::success();
  }

private:
  llvm::Error readArguments() {
    if (line.get<int>("count") < 1)
      return errorAt("--count " + std::to_string(line.get<int>("count")), "use at least 1");
    for (const char *option : {"samples", "tolerance"})
      if (line.has(option) && !(line.get<double>(option) >= 0))
        return errorAt(std::string("--") + option + " " + shortNumber(line.get<double>(option)), "use 0 or more");
    isPackage = llvm::StringRef(line.file()).ends_with(".npk");
    if (isPackage)
      for (const char *option : {"only", "layers"})
        if (line.has(option))
          return errorAt(std::string("--") + option,
                         line.file() + " is a package, which holds no graph: give the model");
    if (line.has("expect")) {
      auto arrays = readNpz(line.text("expect"));
      if (!arrays)
        return arrays.takeError();
      expected = std::move(*arrays);
      if (isPackage && holdsLayers(expected))
        return errorAt("--expect",
                       line.file() +
                           " is a package, which holds no graph to compare recorded layers with: give the model");
    }
    if (line.has("dump-tensors"))
      if (auto error = llvm::sys::fs::create_directories(line.text("dump-tensors")))
        return errorAt(line.text("dump-tensors"), error.message());
    return llvm::Error::success();
  }

  llvm::Error makeProgram(Program &program, bool keepsLayers) {
    if (isPackage) {
      auto package = openPackage(line);
      if (!package)
        return package.takeError();
      program.package = std::move(*package);
    } else {
      codegen::CompileOptions options;
      options.fuseResidual = !line.has("layers");
      auto prepared =
          prepare(line, binding, options, [&](mlir::ModuleOp module) { return change(module, keepsLayers); });
      if (!prepared)
        return prepared.takeError();
      program.package = std::move(prepared->compiled.package);
      program.model = std::move(prepared->model);
    }
    auto bytes = packageBytes(program.package);
    if (!bytes)
      return bytes.takeError();
    program.bytes = std::move(*bytes);
    return llvm::Error::success();
  }

  // Before compiling: cut to the nodes that are asked for, keep results.
  llvm::Error change(mlir::ModuleOp module, bool keepsLayers) {
    if (!line.has("only") && !keepsLayers)
      return llvm::Error::success();
    if (auto error = fuseGraph(module, !line.has("layers")))
      return error;
    if (line.has("only")) {
      bool isRandom = false;
      auto inputs = gatherInputs(inputsOf(module), line.list("input"), line.get<uint64_t>("seed"), isRandom);
      if (!inputs)
        return inputs.takeError();
      auto cut = isolate(module, line.text("only"), *inputs);
      if (!cut)
        return cut.takeError();
      isolated = std::move(*cut);
    }
    if (keepsLayers)
      keepLayers(module);
    return llvm::Error::success();
  }

  llvm::Error compareRound(uint64_t seed) {
    if (isPackage && hasSteps(whole.package)) {
      checks.note(
          llvm::formatv("random steps, seed {0}; a package holds no graph: the first device, {1}, is the reference",
                        seed, whole.devices[0]));
      return compareDevices(whole, kSteps, seed, checks);
    }
    auto inputs = gather(seed);
    if (!inputs)
      return inputs.takeError();
    Tensors reference;
    if (isPackage) {
      checks.note("  a package holds no graph: the first device, " + whole.devices[0] + ", is the reference");
      auto result = whole.sessions[0]->run(*inputs);
      if (!result)
        return result.takeError();
      reference = std::move(result->outputs);
    } else {
      auto computed = whole.reference(*inputs);
      if (!computed)
        return computed.takeError();
      reference = std::move(*computed);
      if (auto error = compareDefinition(*inputs, reference, seed))
        return error;
    }
    compareRecordedOutputs(reference);
    std::optional<std::vector<DeviceLayers>> layers;
    if (layered) {
      auto judged = judgeLayers(*layered, *inputs);
      if (!judged)
        return judged.takeError();
      layers = std::move(*judged);
    }
    if (auto error = compareOutputs(whole, layers ? &*layers : nullptr, *inputs, reference, checks))
      return error;
    compareInstructions(whole, checks);
    if (!layers)
      return llvm::Error::success();
    return reportLayers(*layered, *layers, *inputs, {line.has("layers"), line.text("dump-tensors")}, checks);
  }

  // Given, held by a recording of outputs, or random.
  llvm::Expected<Tensors> gather(uint64_t seed) {
    if (line.has("only"))
      return isolated;
    const std::vector<std::string> arguments = line.list("input");
    const bool isRecorded = line.has("expect") && !holdsLayers(expected);
    Tensors wanted = tools::inputsOf(whole.package);
    bool isRandom = false;
    if (isRecorded && arguments.empty()) {
      for (ir::NamedTensor &input : wanted)
        if (auto found = expected.find(input.name); found == expected.end())
          isRandom = true;
        else if (auto error = fill(input, found->second, line.text("expect")))
          return std::move(error);
    } else {
      auto given = gatherInputs(wanted, arguments, seed, isRandom);
      if (!given)
        return given.takeError();
      wanted = std::move(*given);
    }
    if (isRandom && isRecorded)
      return errorAt("--expect " + line.text("expect"),
                     "its outputs belong to inputs that are not given: add --input NAME=FILE for " + namesOf(wanted));
    if (isRandom)
      checks.note("random inputs, seed " + std::to_string(seed));
    return wanted;
  }

  llvm::Error compareDefinition(const Tensors &inputs, const Tensors &reference, uint64_t seed) {
    if (line.has("only")) {
      checks.note("  definition  is left out: --only gives the nodes what the reference computes before them");
      return llvm::Error::success();
    }
    auto model = importModel(line.file(), binding.options);
    if (!model)
      return model.takeError();
    for (const std::string &text : givenConstants(*model->module))
      checks.note("  constant    " + text);
    ir::DefinitionOptions options{line.has("exhaustive") ? 0 : int64_t(line.get<double>("samples")), seed};
    return judgeReference(*model->module, inputs, reference, options, checks);
  }

  // Recorded outputs of the whole model. Deep networks of others differ among each other by more than a step: then
  // --tolerance says by how much.
  void compareRecordedOutputs(const Tensors &reference) {
    for (const ir::NamedTensor &output : reference) {
      auto found = expected.find(output.name);
      if (found == expected.end())
        continue;
      ir::Tensor recorded = output.tensor;
      recorded.bytes = found->second.bytes;
      const Difference difference = compare(output.tensor, recorded);
      double allowed =
          output.tensor.type == ir::ElementType::F32 ? kRecordedShare * largestMagnitude(recorded) : kRecordedSteps;
      if (line.has("tolerance"))
        allowed = line.get<double>("tolerance");
      const bool isGood = difference.largest <= allowed;
      const std::string text = counts(difference) + (isGood ? "" : " where " + shortNumber(allowed) + " is allowed");
      checks.add({"recorded", output.name, isGood, text, difference.elements, difference.different, difference.largest},
                 "  recorded    " + output.name + ": " + (isGood ? "" : "DIFFERS, ") + text +
                     ", reference against recording");
    }
  }

  // The reference interpreter against recorded layers, each on the recorded inputs.
  llvm::Error compareRecordedLayers() {
    if (!holdsLayers(expected))
      return llvm::Error::success();
    auto model = importModel(line.file(), binding.options);
    if (!model)
      return model.takeError();
    if (auto error = fuseGraph(*model->module, false))
      return error;
    auto rows = compareWithRecording(*model->module, expected);
    if (!rows)
      return rows.takeError();
    const double allowed = line.has("tolerance") ? line.get<double>("tolerance") : kRecordedSteps;
    for (const RecordedLayer &row : *rows) {
      const bool isGood = row.difference.largest <= allowed;
      const std::string text = counts(row.difference);
      checks.add({"recorded", row.recording + " = " + row.layer, isGood, text, row.difference.elements,
                  row.difference.different, row.difference.largest},
                 "  recorded    " + row.recording + " = " + row.layer + ": " + (isGood ? "" : "DIFFERS, ") + text);
    }
    return llvm::Error::success();
  }

  const CommandLine &line;
  const Binding binding;
  Checks &checks;
  bool isPackage = false;
  std::map<std::string, NpyArray> expected;
  Tensors isolated; // inputs of the nodes of --only
  Program whole;
  std::optional<Program> layered;
};

llvm::Error checkSeveral(const CommandLine &line, llvm::ArrayRef<Binding> bindings) {
  const bool isPackage = llvm::StringRef(line.file()).ends_with(".npk");
  if (isPackage && line.has("state"))
    return errorAt("--state", line.file() + " is a package, which keeps what it was compiled to: give the model");
  for (const char *option : {"input", "expect", "only", "dump-tensors"})
    if ((bindings.size() != 1 || line.has("state")) && line.has(option))
      return errorAt(std::string("--") + option,
                     "is of one entry without state: give each dimension one value, and no --state");
  return llvm::Error::success();
}

llvm::Error verify(const CommandLine &line, Checks &checks) {
  auto bindings = importBindings(line);
  if (!bindings)
    return bindings.takeError();
  if (auto error = checkSeveral(line, *bindings))
    return error;
  std::vector<std::unique_ptr<Verifier>> verifiers;
  std::vector<Program *> alone;
  for (const Binding &binding : *bindings) {
    if (bindings->size() != 1)
      checks.note("entry " + binding.name);
    verifiers.push_back(std::make_unique<Verifier>(line, binding, checks));
    if (auto error = verifiers.back()->run())
      return error;
    alone.push_back(&verifiers.back()->program());
  }
  if (bindings->size() == 1 && !line.has("state"))
    return llvm::Error::success();
  std::vector<ir::StatePair> states;
  codegen::CompileOptions options;
  options.fuseResidual = !line.has("layers");
  auto prepared = prepareEntries(line, options, [&](llvm::ArrayRef<codegen::EntryGraph> entries) -> llvm::Error {
    auto pairs = statePairs(line, entries.front().module);
    if (!pairs)
      return pairs.takeError();
    states = std::move(*pairs);
    return line.has("state") ? keepStates(entries, states).takeError() : llvm::Error::success();
  });
  if (!prepared)
    return prepared.takeError();
  Program joint;
  joint.package = std::move(prepared->compiled.package);
  auto bytes = packageBytes(joint.package);
  if (!bytes)
    return bytes.takeError();
  joint.bytes = std::move(*bytes);
  if (auto error = open(line, {&joint}, checks))
    return error;
  for (int round = 0; round != line.get<int>("count"); ++round)
    if (auto error =
            compareWithAlone(joint, alone, states, kSteps, line.get<uint64_t>("seed") + uint64_t(round), checks))
      return error;
  return llvm::Error::success();
}

} // namespace

int verifyVerb(const Arguments &arguments) {
  CommandLine line(
      "verify", "Judges the reference by the model's definition, devices by the reference, and devices by each other.",
      "model.onnx|model.npk",
      "  tilewright verify model.onnx\n  tilewright verify model.onnx --devices functional,cycle --count 5\n"
      "  tilewright verify model.onnx --require rtl --junit verify.xml\n"
      "  tilewright verify model.onnx --input x=x.npy --expect outputs.npz --tolerance 2\n"
      "  tilewright verify model.onnx --only conv1:conv3 --layers --dump-tensors tensors\n"
      "  tilewright verify decoder.onnx --dim new=16,1 --dim past=48,63 --state known\n");
  addModelOptions(line, "NAME=1,2,3 judges each, and a package with an entry of each",
                  "executors"); // its devices are models of the machine
  addStateOption(line);
  addSpareOption(line);
  addPackageOptions(line);
  addHostOptions(line);
  line.add()("devices", po::value<std::string>(),
             "comma-separated: functional, cycle, rtl; default: all, without rtl where it is not built")(
      "require", po::value<std::string>(),
      "comma-separated devices that have to be there: rtl, not built, is an error")(
      "input,i", po::value<std::vector<std::string>>()->composing(),
      "as for run")("seed", po::value<uint64_t>()->default_value(1), "seed of the first random input")(
      "count", po::value<int>()->default_value(1), "how many random inputs")(
      "samples", po::value<double>()->default_value(4096),
      "elements of each quantiser that the definition judges")("exhaustive", "the definition judges every element")(
      "expect", po::value<std::string>(),
      ".npz with recorded outputs (of the inputs given or held there), or with recorded layers")(
      "tolerance", po::value<double>(),
      "allowed between reference and --expect; default: 1 for integers, 1e-4 of the largest magnitude for float32")(
      "layers", "print every layer, and do not fuse residuals")("outputs-only", "leave the layers out")(
      "only", po::value<std::string>(), "NODE or NODE:NODE: these alone, on what the reference computes before them")(
      "dump-tensors", po::value<std::string>(), "folder that gets every layer of reference and devices as .npz")(
      "json", "print the comparisons as JSON")("junit", po::value<std::string>(),
                                               "file that gets the comparisons as JUnit's XML")(
      "memory", po::value<std::string>()->default_value(""), "as for run");
  if (auto code = line.parse(arguments))
    return *code;
  std::vector<std::string> outputs{line.text("junit")};
  if (line.has("dump-tensors")) // as they are named there
    for (const char *name : {"inputs", "reference", "functional", "cycle", "rtl"})
      outputs.push_back(line.text("dump-tensors") + "/" + name + ".npz");
  if (llvm::Error error = checkOutputs(line, outputs))
    return fail(std::move(error));
  Checks checks(line.has("json") ? nullptr : &std::cout);
  if (auto error = verify(line, checks)) {
    for (const Diag &problem : diagsOf(std::move(error))) {
      checks.abort(problem);
      std::cerr << "error: " << problem.str() << "\n";
    }
  } else if (checks.failed() != 0) {
    std::cerr << "error: " << checks.failed() << " of " << checks.all().size()
              << " comparisons failed; the first: " << checks.firstFailure() << "\n";
  }
  if (line.has("json"))
    std::cout << checks.json(line.file());
  if (line.has("junit"))
    if (auto error = writeFile(line.text("junit"), checks.junit(line.file())))
      return fail(std::move(error));
  return checks.failed() == 0 ? 0 : 1;
}

} // namespace tw::tools
