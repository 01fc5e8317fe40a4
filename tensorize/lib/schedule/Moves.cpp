// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Moves.h"

#include "schedule/TilePlan.h"

#include "llvm/ADT/STLExtras.h"
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
  Emitter(const Moves &moves, const Target &target) : moves(moves), target(target), movers(target) {
    result.isInDram.assign(moves.tensors.size(), false);
    memory = memoryOfOperands();
  }

  LoweredSegment run() {
    for (const RowBox &box : moves.boxes)
      cut(box);
    return std::move(result);
  }

private:
  // The one that tensors are loaded to and stored from.
  int memoryOfOperands() const {
    for (const Mover &load : movers.all)
      for (const Mover &store : movers.all)
        if (target.memories[load.from].isExternal && load.to == store.from && target.memories[store.to].isExternal)
          return load.to;
    return -1;
  }

  static int64_t rowsOf(const RowBox &box) {
    int64_t rows = 1;
    for (const RowBox::Level &level : box.levels)
      rows *= level.extent;
    return rows;
  }

  int64_t slotBytes() const {
    const Memory &its = target.memories[memory];
    return int64_t(its.granules * its.granuleBytes) / kSlots;
  }

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
    std::vector<int64_t> extent, from, to, dense;
    for (const RowBox::Level &level : llvm::reverse(box.levels)) {
      extent.push_back(level.extent);
      from.push_back(level.from * target.lanes);
      to.push_back(level.to * target.lanes);
    }
    extent.push_back(target.lanes);
    from.push_back(1);
    to.push_back(1);
    dense.assign(extent.size(), 1);
    for (size_t d = extent.size() - 1; d-- > 0;)
      dense[d] = dense[d + 1] * extent[d + 1];
    const int64_t address = slot++ % kSlots * slotBytes() / int64_t(target.memories[memory].granuleBytes);
    const bool isFilled = box.tensor < 0;
    if (isFilled)
      std::fill(from.begin(), from.end() - 1, 0);
    const Mover &load = movers.load(target, memory, false), &store = movers.store(target, memory);
    append(copyBox(load, extent, from, isFilled ? constantAt(int8_t(box.from)) : box.from * target.lanes, dense,
                   address, isFilled ? target.constantRegion : target.arenaRegion),
           {isFilled ? Relocation::Constant : Relocation::TensorBase, load.fromBase, box.tensor});
    append(copyBox(store, extent, dense, address, to, box.to * target.lanes, target.arenaRegion),
           {Relocation::TensorBase, store.toBase, moves.result});
    if (!isFilled)
      result.isInDram[size_t(box.tensor)] = true;
    result.isInDram[size_t(moves.result)] = true;
  }

  int64_t constantAt(int8_t byte) {
    auto [found, isNew] = constants.try_emplace(byte, int64_t(result.constants.size()));
    if (isNew)
      result.constants.resize(result.constants.size() + llvm::alignTo(uint64_t(target.lanes), kConstantAlign),
                              uint8_t(byte));
    return found->second;
  }

  void append(std::vector<Instruction> instructions, Relocation relocation) {
    for (Instruction &instruction : instructions)
      result.instructions.push_back({std::move(instruction), moves.tag, relocation});
  }

  static constexpr int64_t kSlots = 4; // one in each bank group
  static constexpr uint64_t kConstantAlign = 64;

  const Moves &moves;
  const Target &target;
  const Movers movers;
  int memory = -1;
  int64_t slot = 0;
  std::map<int8_t, int64_t> constants; // offset of a row of that byte
  LoweredSegment result;
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
  for (auto &[tensor, boxes] : byTensor) {
    for (size_t before = 0; before != boxes.size();) {
      before = boxes.size();
      boxes = joined(boxes);
    }
    std::ranges::move(boxes, std::back_inserter(result));
  }
  return result;
}

LoweredSegment emitMoves(const Moves &moves, const Target &target) { return Emitter(moves, target).run(); }

} // namespace tw::tensorize
