// SPDX-License-Identifier: Apache-2.0
// What for: the GPUs that code can be made for: a table.
// Called by: whoever makes code of blocks for one (GpuCode).
// Does not: ask a driver which GPU this computer has.
#ifndef TW_CODEGEN_LIB_GPU_GPUPROCESSOR_H
#define TW_CODEGEN_LIB_GPU_GPUPROCESSOR_H

#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>

namespace tw::codegen {

/// What the code and its schedule depend on of a GPU.
struct GpuProcessor {
  std::string chip;            // as LLVM and ptxas name it
  std::string features;        // the oldest version of PTX that knows the chip
  int64_t multiprocessors = 1; // of the largest product with that chip: over how many the blocks of a launch are spread
};

/// The shared memory that a block may have without asking the driver for more, on every chip of the table.
inline constexpr int64_t kGpuSharedBytes = 48 << 10;
/// Threads that run in step, and exchange values by shuffles.
inline constexpr int64_t kWarp = 32;

/// Of --gpu-arch. An error names those that there are.
llvm::Expected<GpuProcessor> gpuProcessorOf(const std::string &name);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_GPU_GPUPROCESSOR_H
