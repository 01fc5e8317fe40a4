// SPDX-License-Identifier: Apache-2.0
// The same inputs through the reference interpreter and through each device: the outputs of the program as it is
// compiled, with the devices in lock-step, then every layer's result in a second program that keeps them.
#include "Layers.h"
#include "Prepare.h"
#include "Session.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <iostream>

namespace tw::tools {
namespace {

// Float results may differ in the last bits of exp and tanh; everything else is bit-exact.
constexpr double kFloatTolerance = 1e-6;
// A recording comes from arithmetic that rounds otherwise: at most one step on the same inputs.
constexpr double kRecordedTolerance = 1;

std::vector<std::string> split(const std::string &text) {
  std::vector<std::string> parts;
  llvm::SmallVector<llvm::StringRef> pieces;
  llvm::StringRef(text).split(pieces, ',');
  for (llvm::StringRef piece : pieces)
    parts.push_back(piece.str());
  return parts;
}

bool agree(const Difference &difference, const ir::Tensor &tensor) {
  return difference.different == 0 || (tensor.type == ir::ElementType::F32 && difference.largest <= kFloatTolerance);
}

std::string counts(const Difference &difference) {
  std::string text = llvm::formatv("{0} of {1} differ", difference.different, difference.elements).str();
  if (difference.different != 0)
    llvm::raw_string_ostream(text) << llvm::format(", by %g at most", difference.largest);
  return text;
}

/// Recorded arrays that are outputs must look like them, and one of them has to be an output.
llvm::Error checkExpected(const std::map<std::string, NpyArray> &expected, const Tensors &outputs,
                          const std::string &file) {
  bool isAny = false;
  std::string names;
  for (const ir::NamedTensor &output : outputs) {
    names += (names.empty() ? "" : ", ") + output.name;
    auto found = expected.find(output.name);
    if (found == expected.end())
      continue;
    isAny = true;
    const NpyArray want = toNpy(output.tensor), &have = found->second;
    if (want.type != have.type || want.bytes.size() != have.bytes.size())
      return llvm::createStringError(llvm::formatv("{0}: array '{1}' has {2} bytes of type {3}, the output {4} bytes "
                                                   "of type {5}",
                                                   file, output.name, have.bytes.size(), have.type, want.bytes.size(),
                                                   want.type)
                                         .str());
  }
  if (isAny)
    return llvm::Error::success();
  return llvm::createStringError(file + ": none of its arrays is an output: the outputs are " + names);
}

/// A program, what it was compiled from, and the devices that it is loaded on.
struct Program {
  isa::Package package;
  Model model; // no module where only a package is given
  std::string bytes;
  std::vector<std::unique_ptr<Session>> sessions;
};

class Verifier {
public:
  explicit Verifier(const CommandLine &line) : line(line) {}

  llvm::Error run() {
    if (line.get<int>("count") < 1)
      return llvm::createStringError("--count " + std::to_string(line.get<int>("count")) + ": use at least 1");
    isPackage = llvm::StringRef(line.file()).ends_with(".npk");
    if (auto error = readArguments())
      return error;
    auto whole = makeProgram(false);
    if (!whole)
      return whole.takeError();
    if (line.has("expect") && !holdsLayers(expected))
      if (auto error = checkExpected(expected, outputsOf(whole->package), line.text("expect")))
        return error;
    std::optional<Program> layered;
    if (!isPackage && !line.has("outputs-only")) {
      auto made = makeProgram(true);
      if (!made)
        return made.takeError();
      layered = std::move(*made);
    }
    if (auto error = open(*whole))
      return error;
    if (auto error = compareRecording())
      return error;
    for (int round = 0; round != line.get<int>("count"); ++round)
      if (auto error =
              compareRound(*whole, layered ? &*layered : nullptr, line.get<uint64_t>("seed") + uint64_t(round)))
        return error;
    return llvm::Error::success();
  }

  int wrong = 0; // comparisons that failed

private:
  llvm::Error readArguments() {
    devices =
        line.has("devices") ? split(line.text("devices")) : std::vector<std::string>{"functional", "cycle", "rtl"};
    if (isPackage)
      for (const char *option : {"only", "expect", "layers"})
        if (line.has(option))
          return llvm::createStringError(std::string("--") + option + ": " + line.file() +
                                         " is a package, which holds no graph: give the model");
    if (line.has("expect")) {
      auto arrays = readNpz(line.text("expect"));
      if (!arrays)
        return arrays.takeError();
      expected = std::move(*arrays);
    }
    if (line.has("dump-tensors"))
      if (auto error = llvm::sys::fs::create_directories(line.text("dump-tensors")))
        return llvm::createStringError(error, line.text("dump-tensors") + ": " + error.message());
    return llvm::Error::success();
  }

  llvm::Expected<Program> makeProgram(bool keepsLayers) {
    Program program;
    if (isPackage) {
      auto package = isa::readPackage(line.file());
      if (!package)
        return llvm::createStringError(package.diag().str());
      program.package = std::move(*package);
      if (auto error = checkMachine(line, program.package))
        return std::move(error);
    } else {
      codegen::CompileOptions options;
      options.fuseResidual = !line.has("layers");
      auto prepared = prepare(line, options, [&](mlir::ModuleOp module) { return change(module, keepsLayers); });
      if (!prepared)
        return prepared.takeError();
      program.package = std::move(prepared->compiled.package);
      program.model = std::move(prepared->model);
    }
    auto bytes = packageBytes(program.package);
    if (!bytes)
      return bytes.takeError();
    program.bytes = std::move(*bytes);
    return program;
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

  llvm::Error open(Program &program) {
    if (!program.sessions.empty())
      return llvm::Error::success();
    std::vector<std::string> opened;
    for (const std::string &device : devices) {
      auto session = Session::open(program.bytes, program.package, {device, line.text("memory")});
      if (!session) {
        // Asked for by name it is an error; otherwise said, once.
        if (line.has("devices") || device != "rtl" || isRtlBuilt(program.package.config.name))
          return session.takeError();
        std::cout << "rtl is left out: " << llvm::toString(session.takeError()) << "\n";
        continue;
      }
      opened.push_back(device);
      program.sessions.push_back(std::move(*session));
    }
    devices = opened;
    return llvm::Error::success();
  }

  llvm::Error compareRound(Program &whole, Program *layered, uint64_t seed) {
    Tensors inputs = isolated;
    bool isRandom = false;
    if (!line.has("only")) {
      auto gathered = gatherInputs(tools::inputsOf(whole.package), line.list("input"), seed, isRandom);
      if (!gathered)
        return gathered.takeError();
      inputs = std::move(*gathered);
    }
    if (isRandom)
      std::cout << "random inputs, seed " << seed << "\n";
    if (auto error = compareOutputs(whole, inputs))
      return error;
    compareInstructions(whole);
    return layered ? compareLayers(*layered, inputs) : llvm::Error::success();
  }

  llvm::Expected<Tensors> referenceOf(const Program &program, const Tensors &inputs) {
    return ir::Interpreter(*program.model.module).runMain(inputs);
  }

  llvm::Error compareOutputs(Program &program, const Tensors &inputs) {
    Tensors reference;
    if (program.model.module) {
      auto computed = referenceOf(program, inputs);
      if (!computed)
        return computed.takeError();
      reference = std::move(*computed);
      countRecordedOutputs(reference);
    } else {
      std::cout << "  a package holds no graph: the first device, " << devices[0] << ", is the reference\n";
    }
    for (size_t d = 0; d != devices.size(); ++d) {
      auto result = program.sessions[d]->run(inputs);
      if (!result)
        return result.takeError();
      if (reference.empty())
        reference = result->outputs;
      for (size_t i = 0; i != result->outputs.size(); ++i) {
        const Difference difference = compare(reference[i].tensor, result->outputs[i].tensor);
        const bool isGood = agree(difference, reference[i].tensor);
        wrong += !isGood;
        std::cout << llvm::formatv("  {0,-11} {1}: {2}, {3}", devices[d], result->outputs[i].name,
                                   isGood ? "agrees" : "DIFFERS", counts(difference))
                         .str()
                  << (result->cycles ? ", " + withCommas(result->cycles) + " cycles" : "") << "\n";
      }
    }
    return llvm::Error::success();
  }

  // Recorded outputs of the whole model are counted, not judged: others' deep networks differ among each other.
  void countRecordedOutputs(const Tensors &reference) {
    for (const ir::NamedTensor &output : reference)
      if (auto found = expected.find(output.name); found != expected.end()) {
        ir::Tensor recorded = output.tensor;
        recorded.bytes = found->second.bytes;
        const Difference difference = compare(output.tensor, recorded);
        std::cout << "  recorded    " << output.name << ": " << counts(difference) << ", reference against recording\n";
      }
  }

  // Lock-step: every timed device against the first, instruction by instruction and counter by counter.
  void compareInstructions(const Program &program) {
    const auto &sessions = program.sessions;
    for (size_t d = 1; d < devices.size(); ++d) {
      const bool isTimed = devices[0] != "functional" && devices[d] != "functional";
      const size_t first = !isTimed && d > 1 && devices[d] != "functional" && devices[1] != "functional" ? 1 : 0;
      const bool comparesTime = isTimed || first == 1;
      const std::string difference =
          firstDifference(sessions[first]->jobs(), sessions[d]->jobs(), comparesTime, program.package);
      wrong += !difference.empty();
      size_t instructions = 0;
      for (const Job &job : sessions[d]->jobs())
        instructions += job.events.size();
      std::cout << llvm::formatv("  {0} = {1}: {2}\n", devices[first], devices[d],
                                 !difference.empty() ? "DIFFER, " + difference
                                 : comparesTime
                                     ? withCommas(instructions) + " instructions, start and end of each, all counters"
                                     : withCommas(instructions) + " instructions in order")
                       .str();
    }
  }

  llvm::Error compareLayers(Program &program, const Tensors &inputs) {
    if (auto error = open(program))
      return error;
    auto reference = referenceOf(program, inputs);
    if (!reference)
      return reference.takeError();
    std::vector<Tensors> results;
    for (const auto &session : program.sessions) {
      auto result = session->run(inputs);
      if (!result)
        return result.takeError();
      results.push_back(std::move(result->outputs));
    }
    if (line.has("dump-tensors"))
      if (auto error = dump(inputs, *reference, results))
        return error;
    size_t good = 0;
    int64_t values = 0;
    for (size_t i = 0; i != reference->size(); ++i) {
      const ir::NamedTensor &layer = (*reference)[i];
      std::string text;
      bool isGood = true;
      for (size_t d = 0; d != devices.size(); ++d) {
        const Difference difference = compare(layer.tensor, results[d][i].tensor);
        isGood &= agree(difference, layer.tensor);
        wrong += !agree(difference, layer.tensor);
        text += "; " + devices[d] + ": " + counts(difference);
      }
      good += isGood;
      values += layer.tensor.size();
      if (!isGood || line.has("layers"))
        std::cout << llvm::formatv("  layer {0} {1} {2}: {3}{4}\n", layer.name, ir::elementTypeName(layer.tensor.type),
                                   ir::shapeText(layer.tensor.shape), isGood ? "agrees" : "DIFFERS", text)
                         .str();
    }
    std::string names;
    for (const std::string &device : devices)
      names += (names.empty() ? "" : ", ") + device;
    std::cout << "  layers      " << good << " of " << reference->size() << " agree with the reference on " << names
              << ", " << withCommas(uint64_t(values)) << " values each\n";
    return llvm::Error::success();
  }

  llvm::Error dump(const Tensors &inputs, const Tensors &reference, const std::vector<Tensors> &results) {
    auto write = [&](const std::string &name, const Tensors &tensors) {
      std::map<std::string, NpyArray> arrays;
      for (const ir::NamedTensor &tensor : tensors)
        arrays[tensor.name] = toNpy(tensor.tensor);
      return writeNpz(line.text("dump-tensors") + "/" + name + ".npz", arrays);
    };
    llvm::Error error = llvm::joinErrors(write("inputs", inputs), write("reference", reference));
    for (size_t d = 0; d != devices.size(); ++d)
      error = llvm::joinErrors(std::move(error), write(devices[d], results[d]));
    return error;
  }

  // The reference interpreter against recorded layers, each on the recorded inputs.
  llvm::Error compareRecording() {
    if (!holdsLayers(expected))
      return llvm::Error::success();
    auto dims = line.dims();
    if (!dims)
      return dims.takeError();
    auto model = importModel(line.file(), *dims);
    if (!model)
      return model.takeError();
    if (auto error = fuseGraph(*model->module, false))
      return error;
    auto rows = compareWithRecording(*model->module, expected);
    if (!rows)
      return rows.takeError();
    for (const RecordedLayer &row : *rows) {
      const bool isGood = row.difference.largest <= kRecordedTolerance;
      wrong += !isGood;
      std::cout << llvm::formatv("  recorded    {0} = {1}: {2}{3}\n", row.recording, row.layer,
                                 isGood ? "" : "DIFFERS, ", counts(row.difference))
                       .str();
    }
    return llvm::Error::success();
  }

  const CommandLine &line;
  bool isPackage = false;
  std::vector<std::string> devices;
  std::map<std::string, NpyArray> expected;
  Tensors isolated; // inputs of the nodes of --only
};

} // namespace

int verifyVerb(const Arguments &arguments) {
  CommandLine line(
      "verify",
      "Compares the reference interpreter with devices, outputs and layers, and devices with each other in lock-step.",
      "model.onnx|model.npk",
      "  tilewright verify model.onnx\n  tilewright verify model.onnx --devices functional,cycle --count 5\n"
      "  tilewright verify model.onnx --input x=x.npy --expect layers.npz\n"
      "  tilewright verify model.onnx --only conv1:conv3 --layers --dump-tensors tensors\n");
  addModelOptions(line);
  line.add()("devices", po::value<std::string>(),
             "comma-separated: functional, cycle, rtl; default: all, without rtl where it is not built")(
      "input,i", po::value<std::vector<std::string>>()->composing(),
      "as for run")("seed", po::value<uint64_t>()->default_value(1), "seed of the first random input")(
      "count", po::value<int>()->default_value(1), "how many random inputs")(
      "expect", po::value<std::string>(),
      ".npz with recorded outputs, which are counted, or recorded layers, which may differ by one step")(
      "layers", "print every layer, and do not fuse residuals")("outputs-only", "leave the layers out")(
      "only", po::value<std::string>(), "NODE or NODE:NODE: these alone, on what the reference computes before them")(
      "dump-tensors", po::value<std::string>(), "folder that gets every layer of reference and devices as .npz")(
      "memory", po::value<std::string>()->default_value(""), "as for run");
  if (auto code = line.parse(arguments))
    return *code;
  Verifier verifier(line);
  if (auto error = verifier.run())
    return fail(std::move(error));
  if (verifier.wrong == 0)
    return 0;
  std::cerr << "error: " << verifier.wrong << " comparisons failed\n";
  return 1;
}

} // namespace tw::tools
