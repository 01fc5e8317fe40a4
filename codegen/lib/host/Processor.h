// SPDX-License-Identifier: Apache-2.0
// What for: the processors that host code is written for: what its schedule depends on of each.
// Called by: HostCode.
// Does not: ask the computer it runs on, but for "native".
#ifndef TW_CODEGEN_LIB_HOST_PROCESSOR_H
#define TW_CODEGEN_LIB_HOST_PROCESSOR_H

#include "host/Tile.h"

#include "llvm/Support/CodeGen.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace llvm {
class TargetMachine;
}

namespace tw::codegen {

/// The processor of --host-cpu: an x86-64 one by LLVM's name, "native" (this computer's), "aarch64" or "riscv64". An
/// error names those that there are.
llvm::Expected<HostProcessor> processorOf(const std::string &name);

/// The processor as the image of a package names it, and what code for it needs (TW_PKG_X86_LIST).
std::string targetOf(const HostProcessor &processor);
uint64_t featuresOf(const HostProcessor &processor);

/// LLVM's code generator for it.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machineFor(const HostProcessor &processor,
                                                                llvm::CodeGenOptLevel level);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_PROCESSOR_H
