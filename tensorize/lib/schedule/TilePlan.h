// SPDX-License-Identifier: Apache-2.0
// What for: one block with one mapping and one tile size: what its buffers need and what it costs.
// Called by: choosing, for each candidate, placing and emitting.
// Does not: know addresses.
#ifndef TW_TENSORIZE_TILEPLAN_H
#define TW_TENSORIZE_TILEPLAN_H

#include "tw/tensorize/Realise.h"
#include "tw/tensorize/Schedule.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace tw::tensorize {

/// Constant accesses that share a base and are loaded together.
struct Image {
  FieldId base;
  int memory = 0;
  int64_t bytes = 0; // of the largest tile
  int64_t tiles = 1; // different contents
};

/// A strided operand.
struct Stream {
  int access = 0, operand = 0, tensor = 0, memory = 0;
  bool isWritten = false;
  bool isResident = false;
  int64_t bytes = 0; // of the largest tile
  int64_t tiles = 1;
};

/// The copies of a machine, by use.
struct Movers {
  explicit Movers(const Target &target) : all(moversOf(target)) {}
  std::vector<Mover> all;
  /// Tensors come with the first load of their memory, constants with the last: that is the queue of the weights.
  const Mover &load(const Target &target, int memory, bool isConstant) const;
  const Mover &store(const Target &target, int memory) const;
  /// From one place of it to another; null: no instruction does that.
  const Mover *within(int memory) const;
};

class TilePlan {
public:
  TilePlan(const Mapping &mapping, const Target &target, BlockSchedule schedule, const std::vector<bool> &isResident);

  const Mapping &mapping;
  const Target &target;
  BlockSchedule schedule;
  std::vector<Image> images;
  std::vector<Stream> streams;

  /// Tile ranges in the order of execution.
  std::vector<Ranges> tiles() const;
  /// Tiles that differ only in outer reductions are passes over one result: the first begins its sums, the last drains.
  bool isFirstPass(const Ranges &ranges) const;
  bool isLastPass(const Ranges &ranges) const;
  /// Buffers that each image or stream gets: two where contents change, one otherwise.
  static int64_t slots(int64_t tiles) { return tiles > 1 ? 2 : 1; }
  /// Bytes of `memory` that all buffers need.
  int64_t bufferBytes(int memory) const;
  /// Empty, or why a tile cannot run whatever else lies in the memories: the one in the middle, or all that differ.
  std::optional<Rejection> check() const;
  std::optional<Rejection> checkTiles() const;
  /// Do the image's contents change with the loop?
  bool usesLoop(const Image &image, int loop) const;
  /// Tiles of the loops that index constants, and of the others.
  int64_t constantTiles() const;
  int64_t otherTiles() const;
  /// Are all tiles of the others gone through for each tile of constants?
  bool constantsSlowest() const;
  /// How often something is loaded that changes with some loops: each time, unless all that it is meanwhile has a slot.
  int64_t loadsOf(llvm::function_ref<bool(int loop)> changesWith) const;
  /// Fills schedule.cycles and boundBy.
  void estimate(const Movers &movers);

private:
  uint64_t copyCycles(const Movers &movers, const Stream &stream, const Box &box) const;
  bool isConstantLoop(int loop) const;
  bool isOuterReduction(int loop) const;
  std::vector<int> tileOrder() const;
  int64_t tileCount(int loop) const;
  Ranges typicalTile() const;
  Ranges largestTile() const;
  int64_t largestBox(int operand) const;
  std::vector<Range> kindsOf(int loop) const;
  std::optional<Rejection> encode(const Ranges &ranges, std::vector<Instruction> &links) const;

  std::vector<int> accessesOf(FieldId base) const;
};

/// The plans of all blocks.
std::vector<TilePlan> plansOf(const Segment &segment, const Target &target, const Schedule &schedule);

/// Does this tile of one block make something that a tile of another reads?
bool isMade(const TilePlan &maker, const Ranges &made, const TilePlan &reader, const Stream &read,
            const Ranges &ranges);

/// Candidate tile sizes of a mapping: powers of two of the loops that index constants, times fractions of the others.
std::vector<BlockSchedule> tileCandidates(const Mapping &mapping, int mappingIndex);

/// The sizes that a tile of a loop may have: one where it is never cut.
Range tileRange(const Mapping &mapping, int loop);

/// Tiles of one step each.
BlockSchedule smallestTiles(const Mapping &mapping, int mappingIndex);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_TILEPLAN_H
