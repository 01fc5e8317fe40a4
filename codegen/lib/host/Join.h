// SPDX-License-Identifier: Apache-2.0
// What for: elementwise operations join the nest that makes what they read.
// Called by: Nests.
// Does not: decide whether a value has one reader only.
#ifndef TW_CODEGEN_LIB_HOST_JOIN_H
#define TW_CODEGEN_LIB_HOST_JOIN_H

#include "host/Nest.h"
#include "host/Views.h"

namespace tw::codegen {

/// Steps per loop of the last stage's own operation as steps of the nest's loops.
Steps inNest(const HostNest &nest, llvm::ArrayRef<int64_t> own);

/// Puts the stages of `producer` in front of the consumer's last one, loop for loop; that reads the producer's result
/// at `reads`, per loop of its own operation. False, and nothing changed, if it does not read each element once.
bool join(HostNest &consumer, const HostNest &producer, llvm::ArrayRef<int64_t> reads);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_JOIN_H
