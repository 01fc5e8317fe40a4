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

/// Runs `whole` on `inputs` on each of its devices and compares the outputs with `reference`, byte for byte: but where
/// float32 arithmetic stands before a quantiser the two may round a tie differently, so a difference is then judged by
/// the layers of `layered` (null: it is an error), whose outputs on the same device must be the same bytes.
llvm::Error compareOutputs(Program &whole, Program *layered, const Tensors &inputs, const Tensors &reference,
                           Checks &checks);

/// Lock-step of the last runs: every timed device against the first, instruction by instruction and counter by counter.
void compareInstructions(const Program &program, Checks &checks);

struct LayerOptions {
  bool printsAll = false;
  std::string dumpFolder; // gets inputs, reference and each device's layers as .npz; empty: nothing is written
};
/// Each layer of a program that keeps them, computed by the reference from the device's own results before it.
llvm::Error compareLayers(Program &layered, const Tensors &inputs, const LayerOptions &options, Checks &checks);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_VERIFY_DEVICES_H
