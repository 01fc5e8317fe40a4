// SPDX-License-Identifier: Apache-2.0
// A module of the graph's dialects from text, with the context that owns it. Called by tests of code generation. Runs
// no pass unless it is asked to.
#ifndef TW_TESTS_UNIT_CODEGEN_PARSED_H
#define TW_TESTS_UNIT_CODEGEN_PARSED_H

#include "tw/ir/Passes.h"
#include "tw/ir/Register.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace tw::test {

struct Parsed {
  explicit Parsed(const std::string &text) {
    mlir::DialectRegistry registry;
    ir::registerGraphDialects(registry);
    context = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
    module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    EXPECT_TRUE(module) << text;
  }

  /// The graph's passes: operators become blocks.
  void fuse() {
    mlir::PassManager manager(context.get());
    ir::buildGraphPipeline(manager);
    ASSERT_TRUE(mlir::succeeded(manager.run(*module)));
  }
  mlir::func::FuncOp main() { return module->lookupSymbol<mlir::func::FuncOp>("main"); }

  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace tw::test

#endif // TW_TESTS_UNIT_CODEGEN_PARSED_H
