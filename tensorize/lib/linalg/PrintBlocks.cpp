// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Passes.h"
#include "tw/tensorize/ReadLinalg.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "llvm/Support/raw_ostream.h"

namespace tw::tensorize {
namespace {

struct PrintBlocks : mlir::PassWrapper<PrintBlocks, mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PrintBlocks)

  llvm::StringRef getArgument() const override { return "tw-print-blocks"; }
  llvm::StringRef getDescription() const override {
    return "print the block that the matcher sees for each call, or why there is none (after tw-blocks-to-linalg)";
  }

  void runOnOperation() override {
    getOperation().walk([&](mlir::func::CallOp call) {
      auto function = getOperation().lookupSymbol<mlir::func::FuncOp>(call.getCallee());
      auto made = readBlock(function, call, [](mlir::Value) { return 0; });
      llvm::outs() << "@" << call.getCallee() << ": ";
      if (auto *block = std::get_if<Block>(&made))
        llvm::outs() << str(*block);
      else if (auto *renaming = std::get_if<Renaming>(&made))
        llvm::outs() << "argument " << renaming->argument << " under another shape\n";
      else
        llvm::outs() << std::get<Rejection>(made).diag().str() << "\n";
    });
    markAllAnalysesPreserved();
  }
};

} // namespace

void registerPasses() { mlir::PassRegistration<PrintBlocks>(); }

} // namespace tw::tensorize
