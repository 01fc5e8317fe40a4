// SPDX-License-Identifier: Apache-2.0
// What for: one compiled program on several devices, each against the reference interpreter: outputs, then layer by
// layer, and the devices against each other in lock-step.
// Called by: verify, and tests that judge generated models.
// Does not: import, compile, or judge the reference.
#ifndef TW_TOOLS_LIB_VERIFY_DEVICES_H
#define TW_TOOLS_LIB_VERIFY_DEVICES_H

#include "../Session.h"
#include "Checks.h"

namespace tw::tools {

/// A program, what it was compiled from, and the devices that it is loaded on. It stays where it is: sessions point
/// into it.
struct Program {
  isa::Package package;
  Model model; // fused and outlined, as it was compiled; no module where only a package is given
  std::string bytes;
  std::vector<std::string> devices; // names of the sessions
  std::vector<std::unique_ptr<Session>> sessions;

  /// The reference's outputs.
  llvm::Expected<Tensors> reference(const Tensors &inputs) const;
  llvm::Error open(const SessionOptions &options);
};

/// What a device computed of one layer, beside what the reference makes of the device's own layers before it.
struct JudgedLayer {
  std::string name;
  ir::Tensor reference;
  Difference difference;
  bool isGood = true;
};
struct DeviceLayers {
  std::string device;
  Tensors results; // of the layers, the model's outputs first
  std::vector<JudgedLayer> layers;

  bool areGood() const;
};
/// Runs a program that keeps its layers (keepLayers) on each of its devices and judges every layer.
llvm::Expected<std::vector<DeviceLayers>> judgeLayers(Program &layered, const Tensors &inputs);

/// Runs `whole` on `inputs` on each of its devices and compares the outputs with `reference`, byte for byte: but where
/// float32 arithmetic stands before a quantiser the two may round a tie differently, so a difference is then judged by
/// `layers` of the same devices (null: it is an error): outputs there are the same bytes, and each layer is good.
llvm::Error compareOutputs(Program &whole, const std::vector<DeviceLayers> *layers, const Tensors &inputs,
                           const Tensors &reference, Checks &checks);

/// Lock-step of the last runs: every timed device against the first, instruction by instruction and counter by counter.
void compareInstructions(const Program &program, Checks &checks);

struct LayerOptions {
  bool printsAll = false;
  std::string dumpFolder; // gets inputs, reference and each device's layers as .npz; empty: nothing is written
};
/// A comparison for each layer of each device, and a line for all.
llvm::Error reportLayers(const Program &layered, const std::vector<DeviceLayers> &devices, const Tensors &inputs,
                         const LayerOptions &options, Checks &checks);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_VERIFY_DEVICES_H
