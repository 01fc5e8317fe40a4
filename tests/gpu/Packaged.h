// SPDX-License-Identifier: Apache-2.0
// What for: models compiled with code for the emulated GPU, and the library that the driver opens in a GPU's place.
// Called by: the tests of packages with GPU code.
// Does not: judge results.
#ifndef TW_TESTS_GPU_PACKAGED_H
#define TW_TESTS_GPU_PACKAGED_H

#include "EmulatedCuda.h"
#include "Session.h"

#include <gtest/gtest.h>

namespace tw::test {

/// The path of the library.
std::string emulatedLibrary();

/// The device is as it always is when a test begins, and has got everything back when it ends.
class EmulatedGpuTest : public testing::Test {
protected:
  void SetUp() override;
  void TearDown() override;
  EmulatedCuda &gpu() { return *its; }

private:
  EmulatedCuda *its = nullptr;
};

struct Compiled {
  codegen::Compiled made;
  mlir::OwningOpRef<mlir::ModuleOp> graph; // fused: the reference
};

/// Options for a tw8, whoever may run what, with code for the emulator.
codegen::CompileOptions optionsFor(std::vector<codegen::ExecutorId> executors);
/// The module is changed.
llvm::Expected<Compiled> compileFor(mlir::ModuleOp module, codegen::CompileOptions options);

/// What the reference makes of the inputs of an entry.
llvm::Expected<std::vector<ir::Tensor>> reference(const Compiled &compiled, const tools::Tensors &inputs);

/// Runs the package twice on the functional model with random inputs; an error, or what differs from the reference.
void expectReference(const Compiled &compiled, uint64_t seed = 11);

} // namespace tw::test

#endif // TW_TESTS_GPU_PACKAGED_H
