// SPDX-License-Identifier: Apache-2.0
// What for: tensors in rows of lanes whose rows come from other tensors, in another order or place: copies in boxes,
// through the memory on chip; and those whose channels change their lanes.
// Called by: code generation, for blocks that only move elements.
// Does not: know what a block means.
#ifndef TW_TENSORIZE_MOVES_H
#define TW_TENSORIZE_MOVES_H

#include "tw/tensorize/Schedule.h"

#include <span>

namespace tw::tensorize {

/// Where a row is from: row `row` of a tensor, or, where `tensor` is -1, all of its lanes are the byte `row`.
struct RowSource {
  int tensor = -1;
  int64_t row = 0;
  bool operator==(const RowSource &) const = default;
};

/// Rows to + sum(i * level.to) get rows from + sum(i * level.from) of a tensor; or all get the same byte (RowSource).
struct RowBox {
  struct Level {
    int64_t extent = 1, to = 0, from = 0;
    bool operator==(const Level &) const = default;
  };
  int tensor = -1;
  int64_t to = 0, from = 0;
  std::vector<Level> levels{}; // innermost first
};

/// All rows as few boxes.
std::vector<RowBox> boxesOf(std::span<const RowSource> rows);
/// Boxes of one tensor, by the rows that they go to, as fewer.
std::vector<RowBox> joinBoxes(std::vector<RowBox> boxes);

/// Bytes that change their lanes: pixel by pixel, the same channels of each. As many pixels as there are lanes are
/// turned so that a row holds one channel of them, such rows are put in their order, and turned back.
struct LaneMoves {
  /// Pixels of a tensor, of which the result's are made.
  struct Source {
    int tensor = 0;
    std::vector<int64_t> pixels; // per pixel of the result: the first row of what it is made of
    std::vector<int64_t> rows;   // of those that are needed, counted from there
    bool operator==(const Source &) const = default;
  };
  std::vector<Source> sources;
  /// Per channel of the result, in whole rows of lanes: channel `row` (lane row % lanes of its needed row row / lanes)
  /// of source `tensor`, or a byte.
  std::vector<RowSource> channels;
  int64_t pixels = 0;
  bool operator==(const LaneMoves &) const = default;
};

/// Bytes of which a row of the result takes one lane of as many rows: these rows turned are rows of the result.
struct TurnMoves {
  std::vector<RowSource> rows; // blocks of as many as there are lanes
  struct Made {
    int64_t row = 0, turned = 0; // row of the result, row of the blocks when they are turned
    bool operator==(const Made &) const = default;
  };
  std::vector<Made> made; // by rows of the result
  bool operator==(const TurnMoves &) const = default;
};

/// A tensor that is made by moves alone: one stream.
struct Moves {
  std::string name;
  uint16_t tag = 0;
  std::vector<Tensor> tensors;
  int result = 0; // among the tensors
  std::vector<RowBox> boxes{};
  std::optional<LaneMoves> lanes{}; // instead of boxes
  std::optional<TurnMoves> turns{}; // instead of either

  /// Calls visit(number) with a reference to each number of a tensor that is read.
  template <typename Visit> void forEachSource(const Visit &visit) {
    for (RowBox &box : boxes)
      if (box.tensor >= 0)
        visit(box.tensor);
    if (lanes)
      for (LaneMoves::Source &source : lanes->sources)
        visit(source.tensor);
    if (turns)
      for (RowSource &row : turns->rows)
        if (row.tensor >= 0)
          visit(row.tensor);
  }
};

/// Can the machine do that, and is there room for it on chip? Nothing: yes.
std::optional<Rejection> cannotMove(const LaneMoves &lanes, const Target &target);
std::optional<Rejection> cannotMove(const TurnMoves &turns, const Target &target);

/// Bytes on chip that boxes take; 0 for what is not in boxes, whose buffers are as large as there is room.
uint64_t chipBytesOf(const Moves &moves, const Target &target);

/// Piece by piece through buffers: one is loaded while others are stored.
LoweredSegment emitMoves(const Moves &moves, const Target &target);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_MOVES_H
