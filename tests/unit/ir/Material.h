// SPDX-License-Identifier: Apache-2.0
// Recorded models and tensors for the tests of ir: reading them, and comparing with counts.
#ifndef TW_TESTS_UNIT_IR_MATERIAL_H
#define TW_TESTS_UNIT_IR_MATERIAL_H

#include "tw/ir/GraphDialect.h"
#include "tw/ir/Interpreter.h"
#include "tw/ir/OnnxImport.h"
#include "tw/ir/Passes.h"
#include "tw/ir/Register.h"

#include "tw/support/Paths.h"
#include "tw/tools/Npy.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

namespace tw::ir::test {

using Arrays = std::map<std::string, tools::NpyArray>;

// A context with everything a graph needs.
std::unique_ptr<mlir::MLIRContext> makeContext();
std::string readFile(const std::filesystem::path &path);
// Fails the running test, with all problems, when the model does not import.
mlir::OwningOpRef<mlir::ModuleOp> importFile(mlir::MLIRContext &context, const std::filesystem::path &path);
// The graph passes; fails the running test when one of them does.
bool runGraphPipeline(mlir::ModuleOp module, const GraphPipelineOptions &options = {});
Tensor toTensor(const tools::NpyArray &array);
// Slice `index` of the first dimension, which becomes 1; reshaped to `shape` when that is given.
Tensor sample(const Tensor &batch, int64_t index, std::optional<Dims> shape = std::nullopt);
Tensor readTensorProto(const std::filesystem::path &path);
Arrays loadNpz(const std::filesystem::path &path);

// Differences of two integer tensors, in units of the last place.
struct Differences {
  int64_t elements = 0, unequal = 0, largest = 0;
  void add(const Tensor &actual, const Tensor &expected);
};
std::ostream &operator<<(std::ostream &stream, const Differences &differences);

// The one output of a model for its one input, or the error as a test failure.
Tensor runSingle(Interpreter &interpreter, mlir::ModuleOp module, std::vector<Tensor> inputs,
                 const Interpreter::Observer &observer = nullptr);

} // namespace tw::ir::test

#endif // TW_TESTS_UNIT_IR_MATERIAL_H
