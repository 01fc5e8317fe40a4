// SPDX-License-Identifier: Apache-2.0
// What for: operands of a reduction in the order in which its tiles read them.
// Called by: HostCode, when a nest is tiled.
// Does not: choose the tiles (Tile.h).
#ifndef TW_CODEGEN_LIB_HOST_PACK_H
#define TW_CODEGEN_LIB_HOST_PACK_H

#include "host/Tile.h"

namespace tw::codegen {

/// Puts what a reduction reads into the order in which its tiles read it: constants when the package is made, other
/// operands by a nest in front of it (the result). Changes the accesses of `nest`.
std::vector<HostNest> packOperands(HostFunction &function, HostNest &nest, const Tiling &tiling);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_PACK_H
