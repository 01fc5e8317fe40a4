// SPDX-License-Identifier: Apache-2.0
#include "MovedRows.h"
#include "PairMachine.h"

using namespace tw::tensorize;
using namespace tw::test;

namespace {

void expectTurned(const MovedRows &rows, const std::string &what) {
  const TurnMoves &turns = *rows.moves.turns;
  const int64_t n = rows.lanes();
  for (const TurnMoves::Made &row : turns.made)
    for (int64_t lane = 0; lane != n; ++lane)
      ASSERT_EQ(rows.byte(rows.moves.result, row.row, lane),
                rows.byte(turns.rows[size_t(row.turned / n * n + lane)], row.turned % n))
          << what << ", row " << row.row << ", lane " << lane;
}

} // namespace

TEST(TurnMovesTest, RowsBecomeLanes) {
  for (uint32_t seed = 0; seed != 40; ++seed) {
    const int64_t n = seed % 2 ? 16 : 8, blocks = 1 + seed % 9, made = 1 + seed % 13;
    MovedRows rows(seed % 2 ? "tw16" : "tw8", seed % 3 ? 16384 : 0, {20, 9, made}, seed);
    TurnMoves turns;
    for (int64_t i = 0; i != blocks * n; ++i) {
      const int tensor = int(rows.below(3)) - 1;
      turns.rows.push_back({tensor, tensor < 0 ? rows.below(256) - 128 : rows.below(tensor ? 9 : 20)});
    }
    for (int64_t row = 0; row != made; ++row)
      turns.made.push_back({row, rows.below(blocks * n)});
    rows.moves.turns = turns;
    ASSERT_FALSE(cannotMove(turns, rows.target));
    rows.run();
    expectTurned(rows, "seed " + std::to_string(seed));
  }
}

// Rows of one block are made far apart, and a block in the middle makes none.
TEST(TurnMovesTest, ABlockMayMakeNothingAndRowsMayComeFromTheFirstAndTheLast) {
  const int64_t n = 8, blocks = 11;
  MovedRows rows("tw8", 0, {blocks * n, 16}, 9);
  TurnMoves turns;
  for (int64_t i = 0; i != blocks * n; ++i)
    turns.rows.push_back({0, i});
  for (int64_t row = 0; row != 16; ++row)
    turns.made.push_back({row, row % 2 ? (blocks - 1) * n + row / 2 : row / 2});
  rows.moves.turns = turns;
  rows.run();
  expectTurned(rows, "first and last");
}

// More blocks than half of the smallest scratchpad holds: piece by piece in two buffers.
TEST(TurnMovesTest, MoreBlocksThanABufferHoldsComePieceByPiece) {
  const int64_t n = 16, blocks = 70;
  MovedRows rows("tw16", 16384, {blocks * n, blocks * n}, 10);
  TurnMoves turns;
  for (int64_t i = 0; i != blocks * n; ++i) {
    turns.rows.push_back({0, blocks * n - 1 - i});
    turns.made.push_back({i, (i * 37) % (blocks * n)});
  }
  rows.moves.turns = turns;
  rows.run();
  expectTurned(rows, "many blocks");
}

TEST(TurnMovesTest, AMachineThatCannotTransposeSaysSo) {
  auto why = cannotMove(TurnMoves{}, pair::machine());
  ASSERT_TRUE(why);
  EXPECT_EQ(why->text, "rows become lanes, and no instruction of the machine transposes");
}
