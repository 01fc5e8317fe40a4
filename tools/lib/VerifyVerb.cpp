// SPDX-License-Identifier: Apache-2.0
// The same inputs through the reference interpreter and through each device; every output is compared with the
// reference.
#include "Prepare.h"
#include "Session.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <iostream>

namespace tw::tools {
namespace {

// Float results may differ in the last bits of exp and tanh; everything else is bit-exact.
constexpr double kFloatTolerance = 1e-6;

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

} // namespace

int verifyVerb(const Arguments &arguments) {
  CommandLine line(
      "verify",
      "Compares the reference interpreter with devices, output by output, and devices with each other in lock-step.",
      "model.onnx",
      "  tilewright verify model.onnx\n  tilewright verify model.onnx --devices functional,cycle,rtl --count 5\n"
      "  tilewright verify model.onnx --input x=x.npy --expect y.npz\n");
  addModelOptions(line);
  line.add()("devices", po::value<std::string>()->default_value("functional"),
             "comma-separated: functional, cycle, rtl")("input,i", po::value<std::vector<std::string>>()->composing(),
                                                        "as for run")("seed", po::value<uint64_t>()->default_value(1),
                                                                      "seed of the first random input")(
      "count", po::value<int>()->default_value(1), "how many random inputs")(
      "expect", po::value<std::string>(), ".npz with recorded outputs: differences are counted, not judged")(
      "layers", "keep every layer's result: residuals are not fused")(
      "memory", po::value<std::string>()->default_value(""), "as for run");
  if (auto code = line.parse(arguments))
    return *code;
  if (line.get<int>("count") < 1)
    return fail(llvm::createStringError("--count " + std::to_string(line.get<int>("count")) + ": use at least 1"));
  codegen::CompileOptions options;
  options.fuseResidual = !line.has("layers");
  auto prepared = prepare(line, options);
  if (!prepared)
    return fail(prepared.takeError());
  const isa::Package &package = prepared->compiled.package;
  auto bytes = packageBytes(package);
  if (!bytes)
    return fail(bytes.takeError());
  std::map<std::string, NpyArray> expected;
  if (line.has("expect")) {
    auto arrays = readNpz(line.text("expect"));
    if (!arrays)
      return fail(arrays.takeError());
    expected = std::move(*arrays);
    if (llvm::Error error = checkExpected(expected, outputsOf(package), line.text("expect")))
      return fail(std::move(error));
  }
  ir::Interpreter interpreter(*prepared->model.module); // fused, as it was compiled
  const std::vector<std::string> devices = split(line.text("devices"));
  std::vector<std::unique_ptr<Session>> sessions;
  for (const std::string &device : devices) {
    auto session = Session::open(*bytes, package, {device, line.text("memory")});
    if (!session)
      return fail(session.takeError());
    sessions.push_back(std::move(*session));
  }
  int wrong = 0;
  for (int round = 0; round != line.get<int>("count"); ++round) {
    bool isRandom = false;
    uint64_t seed = line.get<uint64_t>("seed") + uint64_t(round);
    auto inputs = gatherInputs(inputsOf(package), line.list("input"), seed, isRandom);
    if (!inputs)
      return fail(inputs.takeError());
    auto reference = interpreter.runMain(*inputs);
    if (!reference)
      return fail(reference.takeError());
    if (isRandom)
      std::cout << "random inputs, seed " << seed << "\n";
    for (const ir::NamedTensor &output : *reference)
      if (auto found = expected.find(output.name); found != expected.end()) {
        ir::Tensor recorded = output.tensor;
        recorded.bytes = found->second.bytes;
        Difference difference = compare(output.tensor, recorded);
        std::cout << llvm::formatv("  recorded    {0}: {1} of {2} differ from the reference, by {3} at most\n",
                                   output.name, difference.different, difference.elements, difference.largest)
                         .str();
      }
    for (size_t d = 0; d != devices.size(); ++d) {
      const std::string &device = devices[d];
      auto result = sessions[d]->run(*inputs);
      if (!result)
        return fail(result.takeError());
      for (size_t i = 0; i != result->outputs.size(); ++i) {
        const ir::Tensor &want = (*reference)[i].tensor, &have = result->outputs[i].tensor;
        Difference difference = compare(want, have);
        bool isGood = agree(difference, want);
        wrong += !isGood;
        std::cout << llvm::formatv("  {0,-11} {1}: {2}, {3} of {4} differ{5}", device, result->outputs[i].name,
                                   isGood ? "agrees" : "DIFFERS", difference.different, difference.elements,
                                   difference.different ? llvm::formatv(", by {0} at most", difference.largest).str()
                                                        : "")
                         .str()
                  << (result->cycles ? ", " + withCommas(result->cycles) + " cycles" : "") << "\n";
      }
    }
    // Lock-step: every timed device against the first, instruction by instruction and counter by counter.
    for (size_t d = 1; d < devices.size(); ++d) {
      const bool isTimed = devices[0] != "functional" && devices[d] != "functional";
      const size_t first = !isTimed && d > 1 && devices[d] != "functional" && devices[1] != "functional" ? 1 : 0;
      const bool comparesTime = isTimed || first == 1;
      const std::string difference =
          firstDifference(sessions[first]->jobs(), sessions[d]->jobs(), comparesTime, package);
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
  if (wrong != 0) {
    std::cerr << "error: " << wrong << " comparisons failed\n";
    return 1;
  }
  return 0;
}

} // namespace tw::tools
