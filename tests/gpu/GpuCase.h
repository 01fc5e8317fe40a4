// SPDX-License-Identifier: Apache-2.0
// What for: all blocks of a graph as GPU code in the emulator, against the reference interpreter.
// Called by: the tests of operators and of whole models.
// Does not: allow a difference: sums have the declared order on a GPU, too.
#ifndef TW_TESTS_GPU_GPUCASE_H
#define TW_TESTS_GPU_GPUCASE_H

#include "tw/ir/Tensor.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tw::test {

std::unique_ptr<mlir::MLIRContext> makeContext();

struct GpuOutcome {
  std::set<std::string> operators;   // that the fused graph has
  std::vector<std::string> refusals; // of blocks that have no GPU code; the reference computes them
  std::vector<std::string> mappings; // of all launches
  std::string ptx;
};

/// Fuses the graph, makes GPU code of all its blocks, runs them on random arguments and expects the reference's bytes;
/// nothing: that could not be tried, which has failed the test. `isConstant`: the arguments behind the first are
/// constants.
std::optional<GpuOutcome> runOnEmulatedGpu(mlir::ModuleOp module, bool isConstant);

} // namespace tw::test

#endif // TW_TESTS_GPU_GPUCASE_H
