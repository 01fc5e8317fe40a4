// SPDX-License-Identifier: Apache-2.0
// What for: products of neighbouring bytes summed in each lane, by the processor's instruction where it has one.
// Called by: Emit.
// Does not: choose which reductions are computed so (Products.h).
#ifndef TW_CODEGEN_LIB_HOST_DOTPRODUCT_H
#define TW_CODEGEN_LIB_HOST_DOTPRODUCT_H

#include "host/Tile.h"
#include "host/Writer.h"

namespace tw::codegen {

/// sum + products of neighbours: two int16, or four bytes, in each of `lanes` lanes. `x`: a group as an int32, in all
/// lanes; `w`: a group per lane.
mlir::Value dotProduct(Writer &writer, Dot dot, const HostProcessor &processor, mlir::Value sum, mlir::Value x,
                       mlir::Value w, int64_t lanes);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_DOTPRODUCT_H
