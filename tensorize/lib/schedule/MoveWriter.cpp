// SPDX-License-Identifier: Apache-2.0
#include "schedule/MoveWriter.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

namespace tw::tensorize {
namespace {

constexpr uint64_t kConstantAlign = 64;

} // namespace

int memoryOfTensors(const Target &target) {
  const Movers movers(target);
  for (const Mover &load : movers.all)
    for (const Mover &store : movers.all)
      if (target.memories[load.from].isExternal && load.to == store.from && target.memories[store.to].isExternal)
        return load.to;
  return -1;
}

MoveWriter::MoveWriter(const Moves &moves, const Target &target)
    : moves(moves), target(target), movers(target), memory(memoryOfTensors(target)),
      transposer(transposerOf(target, memory)) {
  result.isInDram.assign(moves.tensors.size(), false);
}

void MoveWriter::load(const RowBox &box, int64_t address) {
  const Mover &load = movers.load(target, memory, false);
  if (box.tensor >= 0) {
    result.isInDram[size_t(box.tensor)] = true;
    copy(load, box, box.from * target.lanes, granule(address + box.to * target.lanes), target.arenaRegion,
         {Relocation::TensorBase, load.fromBase, box.tensor});
    return;
  }
  RowBox repeated = box;
  for (RowBox::Level &level : repeated.levels)
    level.from = 0;
  copy(load, repeated, constantAt(int8_t(box.from)), granule(address + box.to * target.lanes), target.constantRegion,
       {Relocation::Constant, load.fromBase, -1});
}

void MoveWriter::store(const RowBox &box, int64_t address) {
  const Mover &store = movers.store(target, memory);
  result.isInDram[size_t(moves.result)] = true;
  copy(store, box, granule(address + box.from * target.lanes), box.to * target.lanes, target.arenaRegion,
       {Relocation::TensorBase, store.toBase, moves.result});
}

void MoveWriter::move(const RowBox &box, int64_t from, int64_t to) {
  copy(*movers.within(memory), box, granule(from + box.from * target.lanes), granule(to + box.to * target.lanes), 0,
       {});
}

void MoveWriter::transpose(const RowBox &box, int64_t from, int64_t fromRow, int64_t to, int64_t toRow) {
  Instruction instruction{transposer.row, {}};
  for (const isa::Field &field : transposer.row->fields)
    instruction.values.push_back(defaultOf(field));
  const int64_t lanes = target.lanes;
  instruction.values[size_t(transposer.fromBase)] = granule(from + box.from * lanes);
  instruction.values[size_t(transposer.toBase)] = granule(to + box.to * lanes);
  instruction.values[size_t(transposer.fromRowStride)] = fromRow * lanes;
  instruction.values[size_t(transposer.toRowStride)] = toRow * lanes;
  assert(box.levels.size() <= transposer.levels.size() && "what is turned has no more levels than the instruction");
  for (auto [level, fields] : llvm::zip(box.levels, transposer.levels)) {
    instruction.values[size_t(fields.extentField)] = level.extent;
    instruction.values[size_t(fields.fromStrideField)] = level.from * lanes;
    instruction.values[size_t(fields.toStrideField)] = level.to * lanes;
  }
  result.instructions.push_back({std::move(instruction), moves.tag, {}});
}

void MoveWriter::copy(const Mover &mover, const RowBox &box, int64_t from, int64_t to, int region,
                      Relocation relocation) {
  std::vector<int64_t> extent, fromStride, toStride;
  for (const RowBox::Level &level : llvm::reverse(box.levels)) {
    extent.push_back(level.extent);
    fromStride.push_back(level.from * target.lanes);
    toStride.push_back(level.to * target.lanes);
  }
  extent.push_back(target.lanes);
  fromStride.push_back(1);
  toStride.push_back(1);
  for (Instruction &instruction : copyBox(mover, extent, fromStride, from, toStride, to, region))
    result.instructions.push_back({std::move(instruction), moves.tag, relocation});
}

int64_t MoveWriter::constantAt(int8_t byte) {
  auto [found, isNew] = constants.try_emplace(byte, int64_t(result.constants.size()));
  if (isNew)
    result.constants.resize(result.constants.size() + llvm::alignTo(uint64_t(target.lanes), kConstantAlign),
                            uint8_t(byte));
  return found->second;
}

} // namespace tw::tensorize
