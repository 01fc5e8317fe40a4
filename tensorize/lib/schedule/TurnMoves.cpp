// SPDX-License-Identifier: Apache-2.0
// Rows that become lanes: as many rows as there are lanes are a block that one instruction transposes.
#include "schedule/MoveWriter.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace tw::tensorize {
namespace {

class Emitter {
public:
  Emitter(const Moves &moves, const Target &target)
      : turns(*moves.turns), result(moves.result), n(target.lanes), writer(moves, target) {
    const int64_t slotBytes = writer.chipBytes() / kSlots, blocks = int64_t(turns.rows.size()) / n,
                  most = std::clamp<int64_t>(slotBytes / (2 * n * n), 1, int64_t(llvm::divideCeil(blocks, kPieces)));
    for (int64_t first = 0, piece = 0; first < blocks; first += most, ++piece)
      write(first, std::min(most, blocks - first), piece % kSlots * slotBytes);
  }
  LoweredSegment take() { return writer.take(); }

private:
  // Blocks from `first` on, in a buffer at `address`.
  void write(int64_t first, int64_t blocks, int64_t address) {
    for (const RowBox &box : boxesOf(std::span(turns.rows).subspan(size_t(first * n), size_t(blocks * n))))
      writer.load(box, address);
    const int64_t turned = address + blocks * n * n;
    writer.transpose({-1, 0, 0, {{blocks, n, n}}}, address, 1, turned, 1);
    std::vector<RowBox> made;
    for (const TurnMoves::Made &row : turns.made)
      if (row.turned / n >= first && row.turned / n < first + blocks)
        made.push_back({result, row.row, row.turned - first * n, {}});
    for (const RowBox &box : joinBoxes(std::move(made)))
      writer.store(box, turned);
  }

  static constexpr int64_t kSlots = 2, kPieces = 4; // pieces at least, where there are blocks for them

  const TurnMoves &turns;
  const int result;
  const int64_t n;
  MoveWriter writer;
};

} // namespace

std::optional<Rejection> cannotMove(const TurnMoves &, const Target &target) {
  if (!transposerOf(target, memoryOfTensors(target)).row)
    return Rejection{"", Rejection::kMoves, "rows become lanes, and no instruction of the machine transposes"};
  return std::nullopt;
}

LoweredSegment emitTurnMoves(const Moves &moves, const Target &target) { return Emitter(moves, target).take(); }

} // namespace tw::tensorize
