// SPDX-License-Identifier: Apache-2.0
// What for: functions of loops and vectors as LLVM IR, with the entries that a driver calls.
// Called by: HostCode, once for all functions.
// Does not: optimise or make machine code (HostLink.h).
#ifndef TW_CODEGEN_LIB_HOST_LOWERTOLLVM_H
#define TW_CODEGEN_LIB_HOST_LOWERTOLLVM_H

#include "host/Tile.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tw::codegen {

/// A function as the package names it (struct tw_pkg_phase): around one of the code, which takes its memory as
/// arguments and the range last, or around a library function.
struct HostEntry {
  struct Memory {
    bool isScratch = false;
    uint64_t place = 0; // offset in the step's shared scratch; or which of the step's buffers
  };
  std::string function, body;
  std::optional<LibraryCall> call; // in place of `body`
  std::vector<Memory> memory;
  size_t bufferCount = 0; // of the step; behind them lies the scratch memory
  int64_t work = 0;       // steps of the innermost loops
  bool isOptimised = true;
};

/// `code` is changed.
llvm::Expected<std::unique_ptr<llvm::Module>> lowerToLlvm(mlir::ModuleOp code, llvm::LLVMContext &context,
                                                          const HostProcessor &processor,
                                                          const std::vector<HostEntry> &entries);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_LOWERTOLLVM_H
