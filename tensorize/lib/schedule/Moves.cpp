// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Moves.h"

#include "schedule/MoveWriter.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace tw::tensorize {
namespace {

// Boxes from `first` on of one size whose places grow evenly.
size_t evenRun(const std::vector<RowBox> &boxes, size_t first) {
  size_t last = first + 1;
  // Addresses only grow inside an instruction.
  if (last == boxes.size() || boxes[last].levels != boxes[first].levels || boxes[last].from < boxes[first].from)
    return 1;
  const int64_t to = boxes[last].to - boxes[first].to, from = boxes[last].from - boxes[first].from;
  while (last + 1 != boxes.size() && boxes[last + 1].levels == boxes[first].levels &&
         boxes[last + 1].to - boxes[last].to == to && boxes[last + 1].from - boxes[last].from == from)
    ++last;
  return last + 1 - first;
}

// Such boxes become one with a level more. Runs are cut to a common length, so that they may join in turn: the end of
// one may happen to go on where the next begins.
std::vector<RowBox> joined(const std::vector<RowBox> &boxes) {
  size_t common = 0;
  for (size_t first = 0; first != boxes.size();) {
    const size_t run = evenRun(boxes, first);
    common = std::gcd(common, run);
    first += run;
  }
  std::vector<RowBox> result;
  for (size_t first = 0; first != boxes.size();) {
    const size_t run = common > 1 ? common : evenRun(boxes, first);
    RowBox box = boxes[first];
    if (run > 1)
      box.levels.push_back({int64_t(run), boxes[first + 1].to - box.to, boxes[first + 1].from - box.from});
    result.push_back(std::move(box));
    first += run;
  }
  return result;
}

class Emitter {
public:
  Emitter(const Moves &moves, const Target &target) : target(target), writer(moves, target) {}

  /// As many buffers as there are pieces for, each of the largest.
  uint64_t chipBytes(const std::vector<RowBox> &boxes) const {
    const int64_t most = slotBytes() / target.lanes;
    int64_t largest = 0, pieces = 0;
    for (const RowBox &box : boxes) {
      largest = std::max(largest, std::min(rowsOf(box), most));
      pieces += int64_t(llvm::divideCeil(rowsOf(box), most));
    }
    return uint64_t(std::min(pieces, kSlots) * largest * target.lanes);
  }

  LoweredSegment run(const std::vector<RowBox> &boxes) {
    for (const RowBox &box : boxes)
      cut(box);
    return writer.take();
  }

private:
  static int64_t rowsOf(const RowBox &box) {
    int64_t rows = 1;
    for (const RowBox::Level &level : box.levels)
      rows *= level.extent;
    return rows;
  }

  int64_t slotBytes() const { return writer.chipBytes() / kSlots; }

  // Pieces that fit a buffer.
  void cut(RowBox box) {
    const int64_t most = slotBytes() / target.lanes, rows = rowsOf(box);
    if (rows <= most) {
      write(box);
      return;
    }
    RowBox::Level outer = box.levels.back();
    box.levels.pop_back();
    const int64_t each = rows / outer.extent, steps = std::max<int64_t>(most / each, 1);
    for (int64_t i = 0; i < outer.extent; i += steps) {
      RowBox piece = box;
      piece.to += i * outer.to;
      piece.from += piece.tensor < 0 ? 0 : i * outer.from;
      if (const int64_t count = std::min(steps, outer.extent - i); count > 1)
        piece.levels.push_back({count, outer.to, outer.from});
      cut(std::move(piece));
    }
  }

  void write(const RowBox &box) {
    RowBox loaded = box, stored = box;
    loaded.to = stored.from = 0;
    int64_t dense = 1;
    for (size_t level = 0; level != box.levels.size(); ++level) {
      loaded.levels[level].to = stored.levels[level].from = dense;
      dense *= box.levels[level].extent;
    }
    const int64_t address = slot++ % kSlots * slotBytes();
    writer.load(loaded, address);
    writer.store(stored, address);
  }

  static constexpr int64_t kSlots = 4; // one in each bank group

  const Target &target;
  MoveWriter writer;
  int64_t slot = 0;
};

} // namespace

std::vector<RowBox> boxesOf(std::span<const RowSource> rows) {
  std::map<std::pair<int, int64_t>, std::vector<RowBox>> byTensor; // bytes each for themselves
  for (size_t row = 0; row != rows.size(); ++row) {
    const RowSource &source = rows[row];
    byTensor[{source.tensor, source.tensor < 0 ? source.row : 0}].push_back(
        {source.tensor, int64_t(row), source.row, {}});
  }
  std::vector<RowBox> result;
  for (auto &[tensor, boxes] : byTensor)
    std::ranges::move(joinBoxes(std::move(boxes)), std::back_inserter(result));
  return result;
}

std::vector<RowBox> joinBoxes(std::vector<RowBox> boxes) {
  for (size_t before = 0; before != boxes.size();) {
    before = boxes.size();
    boxes = joined(boxes);
  }
  return boxes;
}

uint64_t chipBytesOf(const Moves &moves, const Target &target) {
  return moves.boxes.empty() ? 0 : Emitter(moves, target).chipBytes(moves.boxes);
}

LoweredSegment emitMoves(const Moves &moves, const Target &target) {
  if (moves.lanes)
    return emitLaneMoves(moves, target);
  return moves.turns ? emitTurnMoves(moves, target) : Emitter(moves, target).run(moves.boxes);
}

} // namespace tw::tensorize
