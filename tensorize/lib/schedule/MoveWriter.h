// SPDX-License-Identifier: Apache-2.0
// What for: copies of rows of lanes between the outer memory and places on chip, and on chip, as instructions of one
// stream.
// Called by: what makes a tensor by moves alone (Moves.cpp, LaneMoves.cpp, TurnMoves.cpp).
// Does not: choose places.
#ifndef TW_TENSORIZE_MOVEWRITER_H
#define TW_TENSORIZE_MOVEWRITER_H

#include "schedule/TilePlan.h"
#include "tw/tensorize/Moves.h"

#include <map>

namespace tw::tensorize {

/// The memory on chip that tensors are loaded to and stored from.
int memoryOfTensors(const Target &target);

class MoveWriter {
public:
  MoveWriter(const Moves &moves, const Target &target);

  int64_t chipBytes() const { return int64_t(target.memories[memory].granules * target.memories[memory].granuleBytes); }
  /// Rows of a tensor, or of a byte, to rows on chip, which `to` counts from `address`.
  void load(const RowBox &box, int64_t address);
  /// Rows on chip, which `from` counts from `address`, to rows of the result.
  void store(const RowBox &box, int64_t address);
  /// Both on chip.
  void move(const RowBox &box, int64_t from, int64_t to);
  /// Blocks of rows for lanes: `box` counts blocks by their first rows; rows of a block are so far apart.
  void transpose(const RowBox &box, int64_t from, int64_t fromRow, int64_t to, int64_t toRow);

  LoweredSegment take() { return std::move(result); }

private:
  void copy(const Mover &mover, const RowBox &box, int64_t from, int64_t to, int region, Relocation relocation);
  int64_t granule(int64_t address) const { return address / int64_t(target.memories[memory].granuleBytes); }
  int64_t constantAt(int8_t byte);

  const Moves &moves;
  const Target &target;
  const Movers movers;
  const int memory;
  const Transposer transposer;
  std::map<int8_t, int64_t> constants; // offset of a row of that byte
  LoweredSegment result;
};

/// The stream of moves that have lanes, or turns.
LoweredSegment emitLaneMoves(const Moves &moves, const Target &target);
LoweredSegment emitTurnMoves(const Moves &moves, const Target &target);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_MOVEWRITER_H
