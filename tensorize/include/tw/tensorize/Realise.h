// SPDX-License-Identifier: Apache-2.0
// What for: turning one tile of a mapped block into instructions with field values, given where its operands lie, and
// proving them.
// Called by: the scheduler, once per tile, and the prover. Also says how large the operands of a tile are.
// Does not: choose tiles or addresses, order instructions or synchronise them.
#ifndef TW_TENSORIZE_REALISE_H
#define TW_TENSORIZE_REALISE_H

#include "tw/tensorize/Match.h"

namespace tw::tensorize {

/// Steps lo .. lo+extent-1 of a loop.
struct Range {
  int64_t lo = 0, extent = 1;
  bool operator==(const Range &) const = default;
};
using Ranges = std::vector<Range>; // per loop of the mapping's block

/// Part of a physical tensor, per dimension (the lane dimension is always whole).
struct Box {
  std::vector<int64_t> lo, extent;
  bool operator==(const Box &) const = default;
};

/// What the tile touches of one dimension of a physical operand, cut to the tensor.
Range boxRange(const Operand &operand, size_t dim, const Ranges &ranges);

/// The same for all dimensions; at least one element even if all lies outside.
Box boxOf(const Mapping &mapping, int operand, const Ranges &ranges);

/// Where (part of) a physical tensor lies: address of element `lo`, bytes per step of each dimension.
struct View {
  int64_t address = 0;
  std::vector<int64_t> lo, stride;
};

/// A box stored densely, row-major.
View denseView(const Box &box, int64_t address);
int64_t boxBytes(const Box &box);

/// Steps of a chain loop in this tile.
int64_t chainExtent(const Mapping &mapping, int chainLoop, const Ranges &ranges);

/// Rows of a meeting place in this tile.
int64_t meetingRows(const Mapping &mapping, const Meeting &meeting, const Ranges &ranges);

/// Placement of everything a tile needs, per chain access: strided ones by view, others by base (in granules of their
/// memory).
struct Placement {
  std::vector<View> views;
  std::vector<int64_t> bases;
  std::vector<int64_t> meetingBases;
};

/// The instructions of the chain for this tile, or why they cannot be encoded (a value outside its field).
std::optional<Rejection> realise(const Mapping &mapping, const Ranges &ranges, const Placement &placement,
                                 std::vector<Instruction> &out);

/// Do the instructions read and write, step by step, what the block means in this tile? Empty: proved, for the tile as
/// it is; else what is wrong.
std::string proveTile(const Mapping &mapping, const Target &target, const Ranges &ranges, const Placement &placement,
                      const std::vector<Instruction> &links);

/// Bytes that a loader must put at the common base of all constant accesses of `link` whose base is field `base`:
/// packed weights, or a parameter record. Lanes beyond the block's extents hold zero; multipliers there are 1.
std::vector<uint8_t> constantImage(const Mapping &mapping, const Target &target, FieldId base, const Ranges &ranges);
/// How many those are.
int64_t constantImageBytes(const Mapping &mapping, const Target &target, FieldId base, const Ranges &ranges);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_REALISE_H
