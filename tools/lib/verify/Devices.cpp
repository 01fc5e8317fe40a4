// SPDX-License-Identifier: Apache-2.0
#include "Devices.h"

#include "tw/ir/Constants.h"

#include "llvm/Support/FormatVariadic.h"

namespace tw::tools {
namespace {

// A float32 layer may differ in the last bits of exp and tanh; what a quantiser makes of it by one step at a tie.
constexpr double kFloatTolerance = 1e-6, kTieSteps = 1;

bool agree(const Difference &difference, const ir::Tensor &tensor) {
  return difference.different == 0 || (tensor.type == ir::ElementType::F32 && difference.largest <= kFloatTolerance);
}

mlir::func::FuncOp mainOf(const Program &program) {
  mlir::ModuleOp module = *program.model.module;
  return module.lookupSymbol<mlir::func::FuncOp>("main");
}

// Does a block quantise a float32 value that the graph computes? What the caller gives is the same number everywhere.
bool quantizesComputed(mlir::Operation *op) {
  auto call = mlir::dyn_cast<mlir::func::CallOp>(op);
  if (!call || llvm::all_of(call.getOperands(),
                            [](mlir::Value v) { return mlir::isa<mlir::BlockArgument>(v) || ir::isConstant(v); }))
    return false;
  auto block = call->getParentOfType<mlir::ModuleOp>().lookupSymbol<mlir::func::FuncOp>(call.getCallee());
  return llvm::any_of(block.front(), llvm::IsaPred<ir::QuantizeOp>);
}

bool quantizesComputed(const Program &program) {
  return llvm::any_of(mainOf(program).front(), [](mlir::Operation &op) { return quantizesComputed(&op); });
}

// A layer beside what it may differ by where it holds integers.
struct Expected {
  ir::Tensor reference;
  double steps = 0;
};

// By the position of the program's results.
llvm::Expected<std::vector<Expected>> referenceLayers(const Program &program, const Tensors &inputs,
                                                      const Tensors &device) {
  mlir::func::FuncOp main = mainOf(program);
  llvm::DenseMap<mlir::Operation *, unsigned> resultOf;
  for (auto [i, value] : llvm::enumerate(main.front().getTerminator()->getOperands()))
    if (mlir::Operation *op = value.getDefiningOp())
      resultOf.try_emplace(op, unsigned(i));
  std::vector<Expected> layers(device.size());
  auto results = ir::Interpreter(*program.model.module).runMain(inputs, [&](mlir::Operation *op, ir::Tensor &result) {
    auto found = resultOf.find(op);
    if (found == resultOf.end())
      return;
    Expected &layer = layers[found->second];
    layer.reference = result;
    layer.steps = quantizesComputed(op) ? kTieSteps : 0;
    result.bytes = device[found->second].tensor.bytes;
  });
  if (!results)
    return results.takeError();
  for (size_t i = 0; i != layers.size(); ++i) {
    if (layers[i].reference.bytes.empty()) // an argument, a constant, or the same value as another result
      layers[i].reference = (*results)[i].tensor;
    layers[i].reference.type = device[i].tensor.type; // uint8 outside is int8 inside
  }
  return layers;
}

llvm::Error dump(const std::string &folder, const std::string &name, const Tensors &tensors) {
  std::map<std::string, NpyArray> arrays;
  for (const ir::NamedTensor &tensor : tensors)
    arrays[tensor.name] = toNpy(tensor.tensor);
  return writeNpz(folder + "/" + name + ".npz", arrays);
}

std::string layerLine(const JudgedLayer &layer, const std::string &device) {
  return llvm::formatv("  {0,-11} layer {1} {2} {3}: {4}, {5}", device, layer.name,
                       ir::elementTypeName(layer.reference.type), ir::shapeText(layer.reference.shape),
                       layer.isGood ? "agrees" : "DIFFERS", counts(layer.difference))
      .str();
}

} // namespace

llvm::Expected<Tensors> Program::reference(const Tensors &inputs) const {
  return ir::Interpreter(*model.module).runMain(inputs);
}

llvm::Error Program::open(const SessionOptions &options) {
  auto session = Session::open(bytes, package, options);
  if (!session)
    return session.takeError();
  devices.push_back(options.device);
  sessions.push_back(std::move(*session));
  return llvm::Error::success();
}

bool DeviceLayers::areGood() const {
  return llvm::all_of(layers, [](const JudgedLayer &layer) { return layer.isGood; });
}

llvm::Expected<std::vector<DeviceLayers>> judgeLayers(Program &layered, const Tensors &inputs) {
  std::vector<DeviceLayers> devices;
  for (size_t d = 0; d != layered.devices.size(); ++d) {
    auto ran = layered.sessions[d]->run(inputs);
    if (!ran)
      return ran.takeError();
    DeviceLayers device{layered.devices[d], std::move(ran->outputs), {}};
    auto expected = referenceLayers(layered, inputs, device.results);
    if (!expected)
      return expected.takeError();
    for (auto [layer, result] : llvm::zip(*expected, device.results)) {
      const Difference difference = compare(layer.reference, result.tensor);
      const bool isGood = agree(difference, layer.reference) ||
                          (layer.reference.type != ir::ElementType::F32 && difference.largest <= layer.steps);
      device.layers.push_back({result.name, std::move(layer.reference), difference, isGood});
    }
    devices.push_back(std::move(device));
  }
  return devices;
}

llvm::Error compareOutputs(Program &whole, const std::vector<DeviceLayers> *layers, const Tensors &inputs,
                           const Tensors &reference, Checks &checks) {
  const bool mayTie = layers && quantizesComputed(whole);
  for (size_t d = 0; d != whole.devices.size(); ++d) {
    auto result = whole.sessions[d]->run(inputs);
    if (!result)
      return result.takeError();
    for (size_t i = 0; i != result->outputs.size(); ++i) {
      const ir::NamedTensor &output = result->outputs[i];
      const Difference difference = compare(reference[i].tensor, output.tensor);
      bool isGood = agree(difference, reference[i].tensor);
      std::string text = counts(difference);
      if (!isGood && mayTie && (*layers)[d].results[i].tensor.bytes == output.tensor.bytes) {
        isGood = (*layers)[d].areGood();
        text += isGood ? ", judged by its layers" : ", and so do its layers";
      }
      checks.add(
          {whole.devices[d], output.name, isGood, text, difference.elements, difference.different, difference.largest},
          llvm::formatv("  {0,-11} {1}: {2}, {3}", whole.devices[d], output.name, isGood ? "agrees" : "DIFFERS", text)
                  .str() +
              (result->cycles ? ", " + withCommas(result->cycles) + " cycles" : ""));
    }
  }
  return llvm::Error::success();
}

void compareInstructions(const Program &program, Checks &checks) {
  const auto &devices = program.devices;
  for (size_t d = 1; d < devices.size(); ++d) {
    const bool isTimed = devices[0] != "functional" && devices[d] != "functional";
    const size_t first = !isTimed && d > 1 && devices[d] != "functional" && devices[1] != "functional" ? 1 : 0;
    const bool comparesTime = isTimed || first == 1;
    const std::string difference =
        firstDifference(program.sessions[first]->jobs(), program.sessions[d]->jobs(), comparesTime, program.package);
    size_t instructions = 0;
    for (const Job &job : program.sessions[d]->jobs())
      instructions += job.events.size();
    const std::string text = !difference.empty() ? "DIFFER, " + difference
                             : comparesTime
                                 ? withCommas(instructions) + " instructions, start and end of each, all counters"
                                 : withCommas(instructions) + " instructions in order";
    checks.add({"lock-step", devices[first] + " = " + devices[d], difference.empty(), text, int64_t(instructions)},
               "  " + devices[first] + " = " + devices[d] + ": " + text);
  }
}

llvm::Error reportLayers(const Program &layered, const std::vector<DeviceLayers> &devices, const Tensors &inputs,
                         const LayerOptions &options, Checks &checks) {
  std::vector<bool> isLayerGood(outputsOf(layered.package).size(), true);
  int64_t values = 0;
  for (const DeviceLayers &device : devices) {
    values = 0;
    for (auto [i, layer] : llvm::enumerate(device.layers)) {
      const Difference &difference = layer.difference;
      isLayerGood[i] = isLayerGood[i] && layer.isGood;
      values += layer.reference.size();
      checks.add({device.device, "layer " + layer.name, layer.isGood, counts(difference), difference.elements,
                  difference.different, difference.largest},
                 !layer.isGood || options.printsAll ? layerLine(layer, device.device) : "");
    }
  }
  if (!options.dumpFolder.empty()) {
    auto reference = layered.reference(inputs);
    if (!reference)
      return reference.takeError();
    auto error =
        llvm::joinErrors(dump(options.dumpFolder, "inputs", inputs), dump(options.dumpFolder, "reference", *reference));
    for (const DeviceLayers &device : devices)
      error = llvm::joinErrors(std::move(error), dump(options.dumpFolder, device.device, device.results));
    if (error)
      return error;
  }
  std::string names;
  for (const std::string &device : layered.devices)
    names += (names.empty() ? "" : ", ") + device;
  checks.note(llvm::formatv("  layers      {0} of {1} agree with the reference on {2}, {3} values each",
                            llvm::count(isLayerGood, true), isLayerGood.size(), names, withCommas(uint64_t(values)))
                  .str());
  return llvm::Error::success();
}

} // namespace tw::tools
