// SPDX-License-Identifier: Apache-2.0
// What for: tensors in rows of lanes whose rows come from other tensors, in another order or place: copies in boxes,
// through the memory on chip.
// Called by: code generation, for blocks that only move elements.
// Does not: know what a block means, or move single lanes: a row stays together.
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

/// A tensor that is made by moves alone: one stream.
struct Moves {
  std::string name;
  uint16_t tag = 0;
  std::vector<Tensor> tensors;
  int result = 0; // among the tensors
  std::vector<RowBox> boxes{};
};

/// Piece by piece through two buffers: one is loaded while the other is stored.
LoweredSegment emitMoves(const Moves &moves, const Target &target);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_MOVES_H
