// SPDX-License-Identifier: Apache-2.0
// Tensors of random bytes in rows of lanes, of which moves make another, run by the tables' semantics.
// Called by tests of moves. Does not say which byte goes where, only that no other is written.
#ifndef TW_TESTS_UNIT_TENSORIZE_SCHEDULE_MOVEDROWS_H
#define TW_TESTS_UNIT_TENSORIZE_SCHEDULE_MOVEDROWS_H

#include "Network.h"
#include "tw/tensorize/Moves.h"

#include <gtest/gtest.h>

#include <random>

namespace tw::test {

/// The last tensor is the one that is made.
class MovedRows {
public:
  MovedRows(const std::string &name, uint64_t spmBytes, std::vector<int64_t> rows, uint32_t seed)
      : config(machine(name, spmBytes)), target(tensorize::makeTwTarget(config)), random(seed) {
    for (int64_t count : rows) {
      offset.push_back(int64_t(arena.size()));
      moves.tensors.emplace_back().bytes = count * target.lanes;
      for (int64_t i = 0; i != count * target.lanes; ++i)
        arena.push_back(uint8_t(random()));
      arena.resize((arena.size() + 63) / 64 * 64);
    }
    arena.resize(arena.size() + 64); // behind the result
    moves.result = int(rows.size()) - 1;
  }
  int64_t lanes() const { return target.lanes; }
  int64_t below(int64_t count) { return int64_t(random() % uint64_t(count)); }
  uint8_t byte(int tensor, int64_t row, int64_t lane) const {
    return arena[size_t(offset[size_t(tensor)] + row * lanes() + lane)];
  }
  /// What a row's lane is: of a tensor, or a byte of its own.
  uint8_t byte(const tensorize::RowSource &row, int64_t lane) const {
    return row.tensor < 0 ? uint8_t(row.row) : byte(row.tensor, row.row, lane);
  }
  void run() { run(emitMoves(moves, target)); }
  /// What was there before stays, and nothing is written beside the result.
  void run(const tensorize::LoweredSegment &lowered) {
    const std::vector<uint8_t> before = arena;
    ASSERT_EQ(execute(lowered, config, target, offset, arena), "");
    const auto begin = offset.back(), end = begin + moves.tensors.back().bytes;
    for (int64_t i = 0; i != int64_t(arena.size()); ++i)
      ASSERT_TRUE((i >= begin && i < end) || arena[size_t(i)] == before[size_t(i)])
          << "byte " << i << " is overwritten";
  }

  const isa::HwConfig config;
  const tensorize::Target target;
  tensorize::Moves moves;

private:
  std::mt19937 random;
  std::vector<int64_t> offset;
  std::vector<uint8_t> arena;
};

} // namespace tw::test

#endif // TW_TESTS_UNIT_TENSORIZE_SCHEDULE_MOVEDROWS_H
