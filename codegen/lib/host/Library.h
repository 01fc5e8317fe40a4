// SPDX-License-Identifier: Apache-2.0
// What for: the C code of codegen/runtime in host code: calls of library functions, and the functions themselves;
// of it the elementary functions in GPU code.
// Called by: Nests, which finds the calls; LowerToLlvm, which writes them; HostLink and gpu/Nvvm, which add what is
// called.
// Does not: say what a function computes (ir/LibraryFunctions.def).
#ifndef TW_CODEGEN_LIB_HOST_LIBRARY_H
#define TW_CODEGEN_LIB_HOST_LIBRARY_H

#include "tw/ir/Tensor.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace tw::codegen {

/// A call as the C code sees it.
struct LibraryCall {
  struct Tensor {
    ir::ElementType type;
    ir::Shape shape;
  };
  std::string function;
  std::vector<Tensor> tensors; // operands, result
  std::vector<int64_t> params;
};

/// Writes the call at the builder's place; `memory`: of the tensors, then the function's scratch; `why`: where the
/// numbers of a failure go. Gives its status, int.
llvm::Value *emitCall(llvm::IRBuilder<> &builder, const LibraryCall &call, llvm::ArrayRef<llvm::Value *> memory,
                      llvm::Value *why);

/// Adds the code of what the module calls and has not, for its triple; nothing of it can be seen from outside.
llvm::Error linkRuntime(llvm::Module &module);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_LIBRARY_H
