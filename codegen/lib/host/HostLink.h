// SPDX-License-Identifier: Apache-2.0
// What for: an LLVM module becomes a shared object that needs nothing from outside.
// Called by: HostCode.
// Does not: load or run it.
#ifndef TW_CODEGEN_LIB_HOST_HOSTLINK_H
#define TW_CODEGEN_LIB_HOST_HOSTLINK_H

#include "host/Tile.h"

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

#include <vector>

namespace tw::codegen {

/// Optimises, compiles for the processor and links with ld.lld -shared -nostdlib --no-undefined.
llvm::Expected<std::vector<uint8_t>> linkHostModule(llvm::Module &module, const HostProcessor &processor);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_HOSTLINK_H
