// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Realise.h"

#include "Affine.h"
#include "Walk.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace tw::tensorize {

Range boxRange(const Operand &operand, size_t dim, const Ranges &ranges) {
  const int64_t size = operand.shape[dim];
  if (dim + 1 == operand.shape.size()) // lanes, also where the chain walks a part of them, or the bytes of a row
    return {0, size};
  int64_t low = operand.index[dim].constant;
  for (const Term &term : operand.index[dim].terms)
    low += term.factor * ranges[term.loop].lo;
  int64_t high = low;
  for (const Term &term : operand.index[dim].terms)
    high += term.factor * (ranges[term.loop].extent - 1);
  const int64_t first = std::clamp<int64_t>(low, 0, size - 1), last = std::clamp<int64_t>(high, 0, size - 1);
  return {first, last - first + 1};
}

Box boxOf(const Mapping &mapping, int operandIndex, const Ranges &ranges) {
  const Operand &operand = mapping.block.operands[operandIndex];
  Box box;
  for (size_t d = 0; d != operand.shape.size(); ++d) {
    const Range range = boxRange(operand, d, ranges);
    box.lo.push_back(range.lo);
    box.extent.push_back(range.extent);
  }
  return box;
}

View denseView(const Box &box, int64_t address) {
  View view{address, box.lo, std::vector<int64_t>(box.lo.size(), 1)};
  for (size_t d = box.lo.size(); d-- > 1;)
    view.stride[d - 1] = view.stride[d] * box.extent[d];
  return view;
}

int64_t boxBytes(const Box &box) {
  int64_t bytes = 1;
  for (int64_t extent : box.extent)
    bytes *= extent;
  return bytes;
}

int64_t chainExtent(const Mapping &mapping, int chainLoop, const Ranges &ranges) {
  for (size_t loop = 0; loop != mapping.loopTo.size(); ++loop)
    if (mapping.loopTo[loop] == chainLoop)
      return ranges[loop].extent;
  return 1;
}

int64_t meetingRows(const Mapping &mapping, const Meeting &meeting, const Ranges &ranges) {
  int64_t rows = 1;
  for (int loop : meeting.loops)
    rows *= chainExtent(mapping, loop, ranges);
  return rows;
}

namespace {

class TileWriter {
public:
  TileWriter(const Mapping &mapping, const Ranges &ranges, const Placement &placement)
      : mapping(mapping), chain(*mapping.chain), ranges(ranges), placement(placement) {}

  std::optional<Rejection> run(std::vector<Instruction> &out) {
    for (const isa::Instruction *row : chain.links) {
      Instruction instruction{row, {}};
      for (const isa::Field &field : row->fields)
        instruction.values.push_back(defaultOf(field));
      links.push_back(std::move(instruction));
    }
    for (auto [id, value] : mapping.fixedFields)
      set({id.first, id.second}, value);
    for (size_t q = 0; q != chain.loops.size(); ++q)
      for (const Quantity &extent : chain.loops[q].extents)
        set(extent.field, chainExtent(mapping, int(q), ranges));
    for (size_t i = 0; i != chain.accesses.size(); ++i)
      if (chain.accesses[i].isStrided && mapping.binding.operandOf[i] >= 0)
        writeStrided(int(i));
      else if (isPackedStream(mapping, int(i)))
        set(chain.accesses[i].base, firstAddress(int(i)));
      else
        set(chain.accesses[i].base, placement.bases[i]);
    for (size_t i = 0; i != chain.meetings.size(); ++i) {
      set(chain.meetings[i].producerBase, placement.meetingBases[i]);
      set(chain.meetings[i].consumerBase, placement.meetingBases[i]);
    }
    if (!rejection)
      std::ranges::move(links, std::back_inserter(out));
    return rejection;
  }

private:
  void set(FieldId id, int64_t value) {
    const isa::Field &field = fieldOf(chain, id);
    if (value < field.min || value > field.max)
      if (!rejection)
        rejection = Rejection{chain.name, "descriptor",
                              std::string(field.name) + " = " + std::to_string(value) + " is outside " +
                                  std::to_string(field.min) + ".." + std::to_string(field.max)};
    links[id.link].values[id.field] = value;
  }

  // Of what the tile touches.
  int64_t firstAddress(int i) const {
    const View &view = placement.views[i];
    const Box box = boxOf(mapping, mapping.binding.operandOf[i], ranges);
    int64_t address = view.address;
    for (size_t d = 0; d != box.lo.size(); ++d)
      address += (box.lo[d] - view.lo[d]) * view.stride[d];
    return address;
  }

  void writeStrided(int i) {
    const ChainAccess &access = chain.accesses[i];
    int o = mapping.binding.operandOf[i];
    const Operand &operand = mapping.block.operands[o];
    const View &view = placement.views[i];
    Box box = boxOf(mapping, o, ranges);
    int64_t address = firstAddress(i);
    if (access.pad)
      set(access.pad, operand.outside == Outside::Value ? operand.outsideValue : 0);
    for (size_t j = 0; j != access.dims.size(); ++j) {
      const ChainDim &dim = access.dims[j];
      int d = mapping.dimOf[i][j];
      if (dim.stride.kind == Quantity::Field)
        set(dim.stride.field, d < 0 ? 0 : view.stride[d]);
      if (d < 0) { // the same rows at every step
        if (dim.extent)
          set(dim.extent, stepsOf(dim));
        continue;
      }
      // Index of the tile's first point, in the tile: negative if padding comes first.
      int64_t first = operand.index[d].constant - box.lo[d];
      for (const Term &term : operand.index[d].terms)
        first += term.factor * ranges[term.loop].lo;
      int64_t extent = box.extent[d];
      // Rows that lie whole begin, for the instruction, at the tile's first byte.
      if (operand.hasWholeRows && d + 1 == int(box.lo.size()) && first > 0 && first < extent) {
        address += first * view.stride[d];
        extent -= first;
        first = 0;
      }
      if (dim.extent)
        set(dim.extent, extent);
      // A tile that lies wholly beyond the far end reads padding only: as much of it as lies before the near end.
      if (first > 0 && dim.origin && operand.outside != Outside::Never) {
        first = -1;
        for (const Term &term : operand.index[d].terms)
          first -= term.factor * (ranges[term.loop].extent - 1);
      }
      if (dim.origin)
        set(dim.origin, -first);
      else if (first != 0 && !rejection)
        rejection = Rejection{chain.name, "descriptor", "operand " + operand.name + " begins outside its tile"};
    }
    set(access.base, address);
  }

  // Indices that the chain's loops reach in a dimension.
  int64_t stepsOf(const ChainDim &dim) const {
    int64_t last = 0;
    for (const ChainTerm &term : dim.terms) {
      const Quantity &factor = term.factor;
      last += (chainExtent(mapping, term.loop, ranges) - 1) *
              (factor.kind == Quantity::Field ? links[factor.field.link].values[factor.field.field] : factor.literal);
    }
    return last + 1;
  }

  const Mapping &mapping;
  const Chain &chain;
  const Ranges &ranges;
  const Placement &placement;
  std::vector<Instruction> links;
  std::optional<Rejection> rejection;
};

// Fills the image of all constant accesses that share one base field.
class ImageWriter {
public:
  ImageWriter(const Mapping &mapping, const Target &target, FieldId base, const Ranges &ranges)
      : mapping(mapping), chain(*mapping.chain), target(target), base(base), ranges(ranges) {}

  std::vector<uint8_t> run() {
    for (size_t i = 0; i != chain.accesses.size(); ++i)
      if (chain.accesses[i].base == base && !chain.accesses[i].isStrided)
        write(int(i));
    int64_t granule = 1;
    for (const ChainAccess &access : chain.accesses)
      if (access.base == base)
        granule = int64_t(target.memories[access.space].granuleBytes);
    image.resize(llvm::alignTo(image.size(), granule));
    return std::move(image);
  }

private:
  void grow(int64_t bytes) {
    if (int64_t(image.size()) < bytes)
      image.resize(bytes);
  }
  void put(int64_t offset, int64_t bytes, uint32_t value) {
    grow(offset + bytes);
    std::memcpy(&image[offset], &value, bytes);
  }

  void write(int i) {
    const ChainAccess &access = chain.accesses[i];
    const int64_t bytes = elemBytes(access.elem), rowBytes = bytes * target.lanes;
    int o = mapping.binding.operandOf[i];
    if (access.lane == isa::LaneKind::Scalar) {
      if (o >= 0) // a table
        for (size_t k = 0; k != mapping.block.operands[o].constant->size(); ++k)
          put(int64_t(k), 1, (*mapping.block.operands[o].constant)[k]);
      else
        writeWords(access);
      return;
    }
    if (access.lane == isa::LaneKind::Count) {
      const std::vector<uint8_t> &table = *mapping.block.operands[o].constant;
      for (size_t k = 0; k * 4 < table.size(); ++k)
        put(access.lead * rowBytes + int64_t(k) * bytes, bytes, element(table, int64_t(k), 4));
      return;
    }
    // Every step of the loops, then the lanes.
    forEach(packedExtents(mapping, access, ranges, target.lanes), [&](int64_t row, const std::vector<int64_t> &step) {
      findPoint(access, step);
      for (int64_t lane = 0; lane != target.lanes; ++lane)
        put(packedOffset(access, row, target.lanes) + lane * bytes, bytes, value(i, lane));
    });
  }

  void writeWords(const ChainAccess &access) {
    grow(elemBytes(access.elem) * target.lanes);
    for (const WordValue &word : mapping.binding.words)
      if (word.link == access.link) {
        const isa::ParamWord &at = target.words[word.word];
        uint32_t old = 0;
        std::memcpy(&old, &image[at.word * 4], 4);
        uint32_t mask = at.width == 32 ? ~0u : (1u << at.width) - 1;
        old = (old & ~(mask << at.lo)) | ((uint32_t(word.value) & mask) << at.lo);
        std::memcpy(&image[at.word * 4], &old, 4);
      }
  }

  static uint32_t element(const std::vector<uint8_t> &bytes, int64_t index, int64_t width) {
    uint32_t value = 0;
    std::memcpy(&value, &bytes[index * width], width);
    return value;
  }

  // Value of each loop of the block at this step, in lane 0.
  void findPoint(const ChainAccess &access, const std::vector<int64_t> &step) {
    first.resize(mapping.block.loops.size());
    for (size_t loop = 0; loop != first.size(); ++loop) {
      first[loop] = ranges[loop].lo;
      int q = mapping.loopTo[loop];
      for (size_t k = 0; k != access.packed.size(); ++k)
        if (q >= 0 && access.packed[k] == q)
          first[loop] += step[k];
    }
  }

  uint32_t value(int i, int64_t lane) {
    const ChainAccess &access = chain.accesses[i];
    int o = mapping.binding.operandOf[i];
    const uint32_t neutral = access.elem == isa::Elem::F32 ? std::bit_cast<uint32_t>(1.0f) : 0;
    if (o < 0)
      return uint32_t(mapping.binding.constantOf[i].value_or(neutral));
    const auto at = [&](int loop) {
      const int q = mapping.loopTo[loop];
      return first[loop] + (q >= 0 && q == access.laneLoop ? lane : 0);
    };
    // Padding of a lane that this operand is not indexed by repeats its values, which does no harm; one that it is
    // indexed by ends it, also where the index would still be inside.
    const Operand &operand = mapping.block.operands[o];
    for (const LaneSplit &split : mapping.splits)
      if (uses(operand, split.laneLoop) && at(split.blockLoop) * target.lanes + at(split.laneLoop) >= split.extent)
        return neutral;
    int64_t flat = 0;
    for (size_t d = 0; d != operand.shape.size(); ++d) {
      int64_t index = operand.index[d].constant;
      for (const Term &term : operand.index[d].terms)
        index += term.factor * at(term.loop);
      if (index < 0 || index >= operand.shape[d])
        return neutral;
      flat = flat * operand.shape[d] + index;
    }
    return element(*operand.constant, flat, elemBytes(operand.elem));
  }

  const Mapping &mapping;
  const Chain &chain;
  const Target &target;
  FieldId base;
  const Ranges &ranges;
  std::vector<uint8_t> image;
  std::vector<int64_t> first; // of findPoint
};

} // namespace

std::optional<Rejection> realise(const Mapping &mapping, const Ranges &ranges, const Placement &placement,
                                 std::vector<Instruction> &out) {
  return TileWriter(mapping, ranges, placement).run(out);
}

int64_t constantImageBytes(const Mapping &mapping, const Target &target, FieldId base, const Ranges &ranges) {
  int64_t most = 0;
  for (size_t i = 0; i != mapping.chain->accesses.size(); ++i) {
    const ChainAccess &access = mapping.chain->accesses[i];
    if (access.base != base || access.isStrided)
      continue;
    const int64_t granule = int64_t(target.memories[access.space].granuleBytes),
                  rowBytes = elemBytes(access.elem) * target.lanes;
    const int o = mapping.binding.operandOf[i];
    int64_t bytes = rowBytes;
    if (access.lane == isa::LaneKind::Scalar) {
      if (o >= 0)
        bytes = int64_t(mapping.block.operands[o].constant->size());
    } else if (access.lane == isa::LaneKind::Count) {
      bytes = access.lead * rowBytes + int64_t(mapping.block.operands[o].constant->size());
    } else {
      int64_t rows = 1;
      for (int64_t extent : packedExtents(mapping, access, ranges, target.lanes))
        rows *= extent;
      bytes = packedOffset(access, rows - 1, target.lanes) + rowBytes;
    }
    most = std::max(most, int64_t(llvm::alignTo(bytes, granule)));
  }
  return most;
}

std::vector<uint8_t> constantImage(const Mapping &mapping, const Target &target, FieldId base, const Ranges &ranges) {
  return ImageWriter(mapping, target, base, ranges).run();
}

} // namespace tw::tensorize
