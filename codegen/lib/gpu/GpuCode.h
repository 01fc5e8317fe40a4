// SPDX-License-Identifier: Apache-2.0
// What for: blocks as kernels for a GPU, each with the launches that run it.
// Called by: whoever runs blocks on a GPU.
// Does not: launch anything, or make PTX of the kernels (Nvvm.h).
#ifndef TW_CODEGEN_LIB_GPU_GPUCODE_H
#define TW_CODEGEN_LIB_GPU_GPUCODE_H

#include "gpu/GpuProcessor.h"
#include "host/HostCode.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

namespace tw::codegen {

/// A kernel's run: blocks of threads, side by side. What the one before wrote can be read.
struct GpuLaunch {
  struct Memory {
    bool isScratch = false;
    uint64_t place = 0; // offset in the step's scratch memory; or which of its buffers
    uint64_t bytes = 0;
  };
  std::string kernel;
  std::vector<Memory> arguments; // pointers
  int64_t blocks = 1, threads = 1;
  int64_t sharedBytes = 0; // of a block
  std::string mapping;     // how the nest lies on the GPU, for reports
};

/// How a step runs a block: launches, one after another.
struct GpuStep {
  std::vector<HostStep::Buffer> buffers;
  std::vector<GpuLaunch> launches;
  uint64_t scratchBytes = 0;
};

/// What a block takes, known before there is code of it.
struct GpuNeeds {
  uint64_t scratchBytes = 0;
  int64_t bufferBytes = 0; // read and written
  int64_t launches = 0;
  std::string how; // the block lies on the GPU, for reports
};

class GpuCode {
public:
  GpuCode(mlir::MLIRContext *context, GpuProcessor processor);
  ~GpuCode();

  /// What add() would need: the block is read and mapped, and there is no kernel of it.
  llvm::Expected<GpuNeeds> needsOf(mlir::func::FuncOp block, const std::vector<bool> &isConstant);

  /// Code of a block in loop form; `isConstant`: which of its arguments have bytes that are known when the package is
  /// made. Equal questions get the same code. The answer lives as long as this. An error says what has no code.
  llvm::Expected<const GpuStep *> add(mlir::func::FuncOp block, const std::vector<bool> &isConstant);

  bool isEmpty() const;
  /// All kernels, lowered and optimised: what PTX is made of.
  llvm::Expected<std::unique_ptr<llvm::Module>> link(llvm::LLVMContext &context);
  std::string text() const; // the kernels, before they are lowered by link()

private:
  struct Implementation;
  std::unique_ptr<Implementation> impl;
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_GPU_GPUCODE_H
