// SPDX-License-Identifier: Apache-2.0
// An ONNX model in memory, imported, and run by the reference.
#ifndef TW_TESTS_UNIT_IR_ONNXIMPORTING_H
#define TW_TESTS_UNIT_IR_ONNXIMPORTING_H

#include "Material.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

namespace tw::ir::test {

struct Import {
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  std::vector<Diag> problems;
  mlir::OwningOpRef<mlir::ModuleOp> module;

  explicit Import(const std::string &bytes, const OnnxImportOptions &options = {})
      : module(importOnnx(*context, bytes, "m.onnx", options, problems)) {}
  std::string text() const { return problemText("m.onnx", problems); }
  std::vector<Tensor> run(std::vector<Tensor> inputs) {
    EXPECT_TRUE(module && mlir::succeeded(mlir::verify(*module))) << text();
    Interpreter interpreter(*module);
    auto results = interpreter.run(module->lookupSymbol<mlir::func::FuncOp>("main"), inputs);
    if (results)
      return *std::move(results);
    ADD_FAILURE() << llvm::toString(results.takeError());
    return {};
  }
  template <typename Op> int count() {
    int count = 0;
    module->walk([&](Op) { ++count; });
    return count;
  }
};

inline Tensor floats(Dims shape, std::vector<float> values) { return Tensor::of<float>(shape, values); }

} // namespace tw::ir::test

#endif // TW_TESTS_UNIT_IR_ONNXIMPORTING_H
