// SPDX-License-Identifier: Apache-2.0
// What for: what a GPU can do in a nanosecond, for lower bounds and for the choice of who runs a block.
// Called by: GpuExecutor, the report, which prints it.
// Does not: ask a GPU: nothing is measured when a model is compiled.
#ifndef TW_CODEGEN_LIB_GPU_GPUMACHINE_H
#define TW_CODEGEN_LIB_GPU_GPUMACHINE_H

#include "tw/codegen/Compile.h"

#include "llvm/Support/Error.h"

#include <string>

namespace tw::codegen {

/// Keys of a file: those names with an underscore, as in gpuMachineOf's table.
struct GpuMachine {
  std::string name;
  int64_t multiprocessors = 0;
  int64_t clockMhz = 0;
  int64_t macsPerCycle = 0; // of one multiprocessor: float32 fma; products of bytes take as long
  int64_t memoryGbPerS = 0; // of its own memory; one GB is 10^9 bytes
  int64_t linkGbPerS = 0;   // of copies, one way
  int64_t launchNs = 0;     // of a kernel that does nothing
  int64_t copyNs = 0;       // of a copy of nothing
};

/// A product with that compute capability, of the table; its figures are the maker's, those of launches and copies are
/// assumed.
GpuMachine gpuMachineOf(const std::string &arch);
/// A file: a mapping in YAML that gives each key once. An error tells the place.
llvm::Expected<GpuMachine> readGpuMachine(const NamedText &file);

/// "A100 SXM 40 GB: 108 multiprocessors at 1410 MHz, ..."
std::string textOf(const GpuMachine &machine);

struct GpuWork {
  int64_t macs = 0, bytes = 0; // of its memory, read and written
  int64_t launches = 0;
};
double estimatedNs(const GpuMachine &machine, const GpuWork &work);
double copyNs(const GpuMachine &machine, uint64_t bytes);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_GPU_GPUMACHINE_H
