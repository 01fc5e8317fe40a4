// SPDX-License-Identifier: Apache-2.0
// What for: a mapped nest as what one thread of it does.
// Called by: GpuCode, once per nest.
// Does not: choose anything (Mapping.h has), make the function around it, or lower what it writes.
#ifndef TW_CODEGEN_LIB_GPU_KERNELS_H
#define TW_CODEGEN_LIB_GPU_KERNELS_H

#include "gpu/KernelWriter.h"
#include "gpu/Mapping.h"

namespace tw::codegen {

/// `shared`: memory of the block for so many elements.
using SharedMemory = llvm::function_ref<mlir::Value(mlir::Type element, int64_t count)>;

void writePoints(KernelWriter &writer, const GpuMapping &mapping);
void writeLanes(KernelWriter &writer, const GpuMapping &mapping);
void writeTiles(KernelWriter &writer, const GpuMapping &mapping, SharedMemory shared);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_GPU_KERNELS_H
