// SPDX-License-Identifier: Apache-2.0
// What for: which arrays of a block a nest touches, and where they lie: in buffers of the step, or in scratch memory.
// Called by: HostCode, GpuCode.
// Does not: know what runs the nests.
#ifndef TW_CODEGEN_LIB_HOST_MEMORY_H
#define TW_CODEGEN_LIB_HOST_MEMORY_H

#include "host/HostCode.h"

namespace tw::codegen {

/// The bytes of an array.
int64_t bytesOf(const HostArray &array);

/// The nest reads or writes it, or its bodies read it by index.
bool uses(const HostFunction &function, HostNest &nest, unsigned array);

/// The buffer of a step that an array is; a new one is added.
size_t bufferOf(std::vector<HostStep::Buffer> &buffers, const HostArray &array);

/// Offsets of scratch arrays in one memory, by the phases in which they live; the result is its size. `phases`: the
/// nests of each, which run together.
uint64_t placeScratch(const HostFunction &function, llvm::ArrayRef<llvm::SmallVector<HostNest *>> phases,
                      std::vector<int64_t> &offsets);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_MEMORY_H
