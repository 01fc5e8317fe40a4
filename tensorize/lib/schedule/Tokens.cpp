// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Tokens.h"

#include "schedule/Lives.h"
#include "schedule/TilePlan.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <numeric>

namespace tw::tensorize {
namespace {

constexpr int64_t kSlots = 2; // a tile is loaded and stored while another is computed
constexpr int64_t kTiles = 2; // at least, where there are so many blocks: the first load and the last store are hidden
                              // by nothing
constexpr uint64_t kConstantAlign = 64;

// The memory that tensors are loaded to and stored from.
int operandMemory(const Target &target, const Movers &movers) {
  for (const Mover &load : movers.all)
    for (const Mover &store : movers.all)
      if (target.memories[load.from].isExternal && load.to == store.from && target.memories[store.to].isExternal)
        return load.to;
  assert(false && "a machine loads and stores");
  return -1;
}

int64_t operandBytes(const TokenStream &stream, int64_t lanes) {
  int64_t bytes = 0;
  for (const TokenStream::Operand &operand : stream.operands)
    bytes += lanes * operand.rowBytes;
  return bytes;
}

// Bytes of a block in each of four places: operands, then the scratch memory, with constants beside its last part.
std::array<int64_t, 4> placeBytes(const TokenStream &stream, int64_t lanes) {
  const auto &scratch = stream.scratchBytes;
  return {kSlots * operandBytes(stream, lanes), scratch[0], scratch[1], scratch[2] + kSlots * stream.cycledBytes};
}

class Emitter {
public:
  Emitter(const TokenStream &stream, const Target &target, const TokenTile &tile)
      : stream(stream), target(target), movers(target), lanes(target.lanes), tile(tile),
        memory(operandMemory(target, movers)) {
    result.isInDram.assign(stream.tensors.size(), false);
    for (const TokenStream::Operand &operand : stream.operands)
      result.isInDram[size_t(operand.tensor)] = true;
    result.isInDram[size_t(stream.result.tensor)] = true;
  }

  LoweredSegment run() {
    for (const TokenStream::Image &image : stream.images)
      loadConstant(image.memory, image.address, constant(image.bytes), int64_t(image.bytes.size()));
    if (stream.cycledBytes != 0)
      cycled = constant(stream.cycled);
    const int64_t blocks = int64_t(llvm::divideCeil(uint64_t(stream.tokens), uint64_t(lanes)));
    for (int64_t first = 0, slot = 0; first < blocks; first += tile.blocks, slot = (slot + 1) % kSlots)
      write(first, std::min(tile.blocks, blocks - first), slot);
    return std::move(result);
  }

private:
  void write(int64_t first, int64_t blocks, int64_t slot) {
    const int64_t tokens = std::min(blocks * lanes, stream.tokens - first * lanes);
    TokenTile here = tile;
    here.blocks = blocks;
    int64_t address = slot * tile.blocks * operandBytes(stream, lanes);
    for (size_t i = 0; i != stream.operands.size(); ++i) {
      here.operands[i] = address;
      load(stream.operands[i], first * lanes, tokens, blocks * lanes, address);
      address += tile.blocks * lanes * stream.operands[i].rowBytes;
    }
    here.cycled = tile.cycled + slot * tile.blocks * stream.cycledBytes;
    const int64_t period = stream.cycledBytes == 0 ? 1 : int64_t(stream.cycled.size()) / stream.cycledBytes;
    for (int64_t block = 0, run = 0; stream.cycledBytes != 0 && block < blocks; block += run) {
      const int64_t from = (first + block) % period;
      run = std::min(blocks - block, period - from);
      loadConstant(memory, here.cycled + block * stream.cycledBytes, cycled + from * stream.cycledBytes,
                   run * stream.cycledBytes);
    }
    append(stream.body(here), {});
    int64_t to = first * lanes * stream.result.rowBytes;
    if (stream.parts.empty())
      store(here.operands.front(), tokens, stream.result.rowBytes, to);
    for (const TokenStream::Part &part : stream.parts) {
      store(part.scratch < 0 ? here.operands.front() : here.scratch[size_t(part.scratch)], tokens, part.rowBytes, to);
      to += part.rowBytes;
    }
  }

  void store(int64_t from, int64_t tokens, int64_t rowBytes, int64_t to) {
    const Mover &mover = movers.store(target, memory);
    append(copyBox(mover, {tokens, rowBytes}, {rowBytes, 1}, from, {stream.result.rowBytes, 1}, to, target.arenaRegion),
           {Relocation::TensorBase, mover.toBase, stream.result.tensor});
  }

  // Tokens behind the last of all are computed, too: they get the bytes of the tile's first.
  void load(const TokenStream::Operand &operand, int64_t first, int64_t tokens, int64_t room, int64_t address) {
    const Mover &mover = movers.load(target, memory, false);
    const Relocation relocation{Relocation::TensorBase, mover.fromBase, operand.tensor};
    append(copyBox(mover, {tokens * operand.rowBytes}, {1}, first * operand.rowBytes, {1}, address, target.arenaRegion),
           relocation);
    if (tokens != room)
      append(copyBox(mover, {room - tokens, operand.rowBytes}, {0, 1}, first * operand.rowBytes, {operand.rowBytes, 1},
                     address + tokens * operand.rowBytes, target.arenaRegion),
             relocation);
  }

  void loadConstant(int to, int64_t address, int64_t offset, int64_t bytes) {
    const Mover &mover = movers.load(target, to, to != memory);
    append(copyBox(mover, {bytes}, {1}, offset, {1}, address, target.constantRegion),
           {Relocation::Constant, mover.fromBase, -1});
  }

  int64_t constant(const std::vector<uint8_t> &bytes) {
    const auto at = int64_t(llvm::alignTo(result.constants.size(), kConstantAlign));
    result.constants.resize(size_t(at));
    result.constants.insert(result.constants.end(), bytes.begin(), bytes.end());
    return at;
  }

  void append(std::vector<Instruction> instructions, Relocation relocation) {
    for (Instruction &instruction : instructions)
      result.instructions.push_back({std::move(instruction), stream.tag, relocation});
  }

  const TokenStream &stream;
  const Target &target;
  const Movers movers;
  const int64_t lanes;
  const TokenTile tile;
  const int memory;
  int64_t cycled = 0; // offset among the constants
  LoweredSegment result;
};

} // namespace

uint64_t leastBytesOf(const TokenStream &stream, const Target &target) {
  const auto each = placeBytes(stream, target.lanes);
  return std::accumulate(each.begin(), each.end(), uint64_t(0));
}

std::variant<TokenTile, Rejection> tokenTile(const TokenStream &stream, const Target &target) {
  const Movers movers(target);
  const Memory &memory = target.memories[size_t(operandMemory(target, movers))];
  const auto each = placeBytes(stream, target.lanes);
  const int64_t room = capacityOf(memory), all = std::accumulate(each.begin(), each.end(), int64_t(0));
  const int64_t apart = memory.groups < int(each.size()) ? 0 : room / memory.groups / std::ranges::max(each),
                most = apart != 0 ? apart : room / all;
  if (most == 0)
    return Rejection{"", "memory",
                     std::to_string(target.lanes) + " tokens need " + std::to_string(all) + " bytes of " + memory.name +
                         ", it has " + std::to_string(room)};
  const uint64_t blocks = llvm::divideCeil(uint64_t(stream.tokens), uint64_t(target.lanes));
  TokenTile tile;
  tile.blocks = std::min(most, int64_t(llvm::divideCeil(blocks, uint64_t(kTiles))));
  tile.operands.resize(stream.operands.size());
  int64_t next = 0;
  for (size_t place = 1; place != each.size(); ++place) {
    next += tile.blocks * each[place - 1];
    tile.scratch[place - 1] = apart != 0 ? room / memory.groups * int64_t(place) : next;
  }
  tile.cycled = tile.scratch.back() + tile.blocks * stream.scratchBytes.back();
  return tile;
}

LoweredSegment emitTokens(const TokenStream &stream, const Target &target, const TokenTile &tile) {
  return Emitter(stream, target, tile).run();
}

} // namespace tw::tensorize
