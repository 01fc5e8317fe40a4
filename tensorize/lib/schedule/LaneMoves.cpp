// SPDX-License-Identifier: Apache-2.0
// Channels that change their lanes. N pixels of N channels each are a block that one instruction transposes; then each
// row is one channel of N pixels, and rows move anywhere. Transposed again, they are pixels.
#include "schedule/MoveWriter.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace tw::tensorize {
namespace {

int64_t rowsOfPixel(const LaneMoves &lanes, const Target &target) {
  return int64_t(lanes.channels.size()) / target.lanes;
}

// Of N pixels on chip: as they are loaded, turned, in their order, turned back.
int64_t bytesOfBlock(const LaneMoves &lanes, const Target &target) {
  int64_t rows = rowsOfPixel(lanes, target);
  for (const LaneMoves::Source &source : lanes.sources)
    rows += int64_t(source.rows.size());
  return 2 * rows * target.lanes * target.lanes;
}

class Emitter {
public:
  Emitter(const Moves &moves, const Target &target)
      : lanes(*moves.lanes), n(target.lanes), width(rowsOfPixel(lanes, target)), writer(moves, target),
        channels(boxesOf(lanes.channels)) {
    const int64_t each = bytesOfBlock(lanes, target), slots = 2 * each <= writer.chipBytes() ? 2 : 1;
    slotBytes = writer.chipBytes() / slots;
    const int64_t blocks = int64_t(llvm::divideCeil(lanes.pixels, n)),
                  most = std::clamp<int64_t>(slotBytes / each, 1, int64_t(llvm::divideCeil(blocks, kPieces)));
    for (int64_t first = 0, piece = 0; first < blocks; first += most, ++piece)
      write(first * n, std::min(most, blocks - first), piece % slots * slotBytes);
  }
  LoweredSegment take() { return writer.take(); }

private:
  // Blocks of pixels from `first` on, in a buffer at `address`.
  void write(int64_t first, int64_t blocks, int64_t address) {
    std::vector<int64_t> turned; // where each source's channels are
    for (const LaneMoves::Source &source : lanes.sources) {
      const int64_t rows = int64_t(source.rows.size());
      for (const RowBox &box : boxesOf(rowsOf(source, first, blocks * n)))
        writer.load(box, address);
      turned.push_back(address + blocks * n * rows * n);
      writer.transpose({-1, 0, 0, {{rows, n, 1}, {blocks, rows * n, rows * n}}}, address, rows, turned.back(), 1);
      address = turned.back() + blocks * n * rows * n;
    }
    const int64_t ordered = address, result = ordered + blocks * n * width * n;
    for (RowBox box : channels) {
      const int64_t rows = box.tensor < 0 ? 0 : int64_t(lanes.sources[size_t(box.tensor)].rows.size());
      box.levels.push_back({blocks, width * n, rows * n});
      if (box.tensor < 0)
        writer.load(box, ordered);
      else
        writer.move(box, turned[size_t(box.tensor)], ordered);
    }
    writer.transpose({-1, 0, 0, {{width, 1, n}, {blocks, width * n, width * n}}}, ordered, 1, result, width);
    const int64_t pixels = std::min(lanes.pixels - first, blocks * n);
    writer.store({-1, first * width, 0, {{pixels * width, 1, 1}}}, result);
  }

  // What is loaded for them; of pixels behind the last it is once more.
  std::vector<RowSource> rowsOf(const LaneMoves::Source &source, int64_t first, int64_t pixels) const {
    std::vector<RowSource> rows;
    for (int64_t p = first; p != first + pixels; ++p)
      for (int64_t row : source.rows)
        rows.push_back({source.tensor, source.pixels[size_t(std::min(p, lanes.pixels - 1))] + row});
    return rows;
  }

  static constexpr int64_t kPieces = 4; // at least, where there are pixels for them: one is loaded beside others

  const LaneMoves &lanes;
  const int64_t n, width;
  MoveWriter writer;
  const std::vector<RowBox> channels;
  int64_t slotBytes = 0;
};

} // namespace

std::optional<Rejection> cannotMove(const LaneMoves &lanes, const Target &target) {
  const int memory = memoryOfTensors(target);
  if (!transposerOf(target, memory).row || !Movers(target).within(memory))
    return Rejection{"", Rejection::kMoves, "bytes change their lanes, and no instruction of the machine transposes"};
  const Memory &its = target.memories[size_t(memory)];
  if (const int64_t bytes = bytesOfBlock(lanes, target), room = int64_t(its.granules * its.granuleBytes); bytes > room)
    return Rejection{"", Rejection::kMoves,
                     "bytes change their lanes: " + std::to_string(target.lanes) + " pixels of them take " +
                         std::to_string(bytes) + " bytes of " + its.name + ", which has " + std::to_string(room)};
  return std::nullopt;
}

LoweredSegment emitLaneMoves(const Moves &moves, const Target &target) { return Emitter(moves, target).take(); }

} // namespace tw::tensorize
