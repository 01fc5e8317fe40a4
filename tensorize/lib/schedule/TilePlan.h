// SPDX-License-Identifier: Apache-2.0
// What for: one block with one mapping and one tile size: what its buffers need and what it costs.
// Called by: the scheduler, for each candidate and again when it writes the instructions.
// Does not: know other blocks or addresses.
#ifndef TW_TENSORIZE_TILEPLAN_H
#define TW_TENSORIZE_TILEPLAN_H

#include "tw/tensorize/Realise.h"
#include "tw/tensorize/Schedule.h"

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
  std::vector<Mover> all;
  /// Tensors come with the first load of their memory, constants with the last: that is the queue of the weights.
  const Mover &load(const Target &target, int memory, bool isConstant) const;
  const Mover &store(const Target &target, int memory) const;
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
  /// Empty, or why this tile cannot run whatever else lies in the memories.
  std::optional<Rejection> check() const;
  /// Do the image's contents change with the loop?
  bool usesLoop(const Image &image, int loop) const;
  /// Tiles of the loops that index constants, and of the others.
  int64_t constantTiles() const;
  int64_t otherTiles() const;
  /// Fills schedule.cycles and boundBy.
  void estimate(const Movers &movers);

private:
  uint64_t copyCycles(const Movers &movers, const Stream &stream, const Box &box) const;
  bool isConstantLoop(int loop) const;
  bool isOuterReduction(int loop) const;
  int64_t tileCount(int loop) const;
  Ranges typicalTile() const;
  int64_t largestBox(int operand) const;

  std::vector<int> accessesOf(FieldId base) const;
};

/// Candidate tile sizes of a mapping: powers of two of the loops that index constants, times fractions of the others.
std::vector<BlockSchedule> tileCandidates(const Mapping &mapping, int mappingIndex);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_TILEPLAN_H
