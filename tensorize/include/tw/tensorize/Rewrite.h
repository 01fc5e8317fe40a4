// SPDX-License-Identifier: Apache-2.0
// What for: a block in other shapes, of which one may match where the block itself does not.
// Called by: placement, which tries them in turn.
// Does not: know chains; a rewrite looks at loops, accesses and constants alone.
#ifndef TW_TENSORIZE_REWRITE_H
#define TW_TENSORIZE_REWRITE_H

#include "tw/tensorize/Block.h"

namespace tw::tensorize {

// The contract of them all: what comes back stores the same value in each element of the result as the block that was
// given, whatever the tensors hold; nothing comes back if the block is not of the rewrite's kind. A tensor that it
// reads in another form than the block did is said here.

/// The window's columns and the channels of its activation become one dimension of bytes, and the loops over a kernel
/// row and its channels one: few channels then fill the lanes of a reduction. The activation's tensor x[.., w, c] lies
/// as rows of bytes x[.., w * C + c], each padded to a multiple of `lanes` with the outside value (hasWholeRows).
std::optional<Block> foldRows(const Block &block, int64_t lanes);

/// The loop over a window's columns becomes one over pairs of columns and one over the two of a pair, where the
/// channels fill at most half of the lanes: column = 2 * pair + half. Behind the last column of an odd kernel the
/// weights are zero.
std::optional<Block> pairColumns(const Block &block, int64_t lanes);

/// Groups (x[.., g * C + c], y[.., g * P + o]) become one reduction over all channels: constants get zeros between
/// groups.
std::optional<Block> densifyGroups(const Block &block);

/// The same with as few groups together as fill whole rows of `lanes` with their channels and with their outputs: a
/// loop over these bundles is left, and each reads its own rows only. Nothing where that would be all groups, or not a
/// whole number of bundles.
std::optional<Block> bundleGroups(const Block &block, int64_t lanes);

/// A loop over channels that the operands share (x[.., c], w[c, ..], y[.., c]) becomes blocks of at most `lanes`
/// channels, each a reduction over the channels of the block with weights on the diagonal only. The last block is
/// filled with channels that the tensors have in their last rows of lanes alone.
std::optional<Block> diagonalise(const Block &block, int64_t lanes);

/// The block reads `tensor` in the shape in which it lies rather than in the one the block has: a reshape becomes part
/// of the access, by splitting the loop that walks the dimension in which they differ. The block itself if it does not
/// read the tensor, or reads it so.
std::optional<Block> readThroughReshape(const Block &block, int tensor, const std::vector<int64_t> &shape);

/// Slots after which the block can be cut in two: nothing but that value, an int8, goes on. Latest first.
std::vector<int> cutsOf(const Block &block);

/// The block up to slot `cut` and the rest, to be run one after the other; `tensor` numbers the tensor between them.
/// Nothing if the rest reads something that only the loops of the first part reach.
std::optional<std::pair<Block, Block>> splitAfter(const Block &block, int cut, int tensor);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_REWRITE_H
