// SPDX-License-Identifier: Apache-2.0
// What for: what of GPU code is NVIDIA's alone: kernels become LLVM IR with NVVM's intrinsics, and that becomes PTX.
// Called by: GpuCode; ptxOf by whoever makes an image.
// Does not: write assembly: what PTX can, LLVM's intrinsics say, so that the module can be executed without a GPU.
#ifndef TW_CODEGEN_LIB_GPU_NVVM_H
#define TW_CODEGEN_LIB_GPU_NVVM_H

#include "gpu/GpuProcessor.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

#include <memory>

namespace tw::codegen {

/// `kernels` is changed. The module is optimised, and calls nothing.
llvm::Expected<std::unique_ptr<llvm::Module>> lowerToNvvm(mlir::gpu::GPUModuleOp kernels, llvm::LLVMContext &context,
                                                          const GpuProcessor &processor);

/// The module as it is, for who executes it without a GPU: bitcode with the header that tells its size.
std::vector<uint8_t> bitcodeOf(const llvm::Module &module);

/// The module as the text that a driver compiles for the GPU it has. The module is used up.
llvm::Expected<std::string> ptxOf(llvm::Module &module, const GpuProcessor &processor);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_GPU_NVVM_H
