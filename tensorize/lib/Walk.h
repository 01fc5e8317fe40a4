// SPDX-License-Identifier: Apache-2.0
// How a chain's instructions walk memory: the one place that says what an access record means, once fields have values.
// Called by realising, proving and planning of tiles. Does not know what a block means by it.
#ifndef TW_TENSORIZE_LIB_WALK_H
#define TW_TENSORIZE_LIB_WALK_H

#include "tw/tensorize/Realise.h"

namespace tw::tensorize {

/// A quantity in instructions whose fields have values.
int64_t numberOf(const std::vector<Instruction> &links, const Quantity &quantity, int lanes);

/// Where a dimension of a strided access is at a step of each loop of the chain; padding is below 0 or beyond the
/// dimension's extent field.
int64_t walkIndex(const std::vector<Instruction> &links, const ChainDim &dim, const std::vector<int64_t> &step,
                  int lanes);

/// Address of a strided access at a step of each loop of the chain.
int64_t walkAddress(const std::vector<Instruction> &links, const ChainAccess &access, const std::vector<int64_t> &step,
                    int lanes);

/// Steps that the loops of a packed access take in a tile, the outermost first.
std::vector<int64_t> packedExtents(const Mapping &mapping, const ChainAccess &access, const Ranges &ranges, int lanes);

/// Bytes per step of each dimension of a packed stream's operand (isPackedStream) in a tile: what makes its rows follow
/// one another as the access walks them. Empty if no strides do.
std::vector<int64_t> packedStrides(const Mapping &mapping, int access, const Ranges &ranges, int lanes);

/// Bytes that such a tile takes.
int64_t packedBytes(const Mapping &mapping, int access, const Ranges &ranges, int lanes);

/// A tile of a stream on chip: dense, or in the order of a packed one.
View tileView(const Mapping &mapping, int access, const Box &box, const Ranges &ranges, int64_t address, int lanes);

/// Byte, from the access's base, at which row `row` of a packed access begins.
inline int64_t packedOffset(const ChainAccess &access, int64_t row, int lanes) {
  return (access.lead + access.unit * row) * lanes * elemBytes(access.elem);
}

} // namespace tw::tensorize

#endif // TW_TENSORIZE_LIB_WALK_H
