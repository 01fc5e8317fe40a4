// SPDX-License-Identifier: Apache-2.0
// Box copies as instructions: levels merged where both sides are contiguous, split where a field is too narrow.
#include "tw/tensorize/Schedule.h"

#include <algorithm>

namespace tw::tensorize {
namespace {

struct Level {
  int64_t extent, from, to; // steps, bytes per step
};

// Innermost first, the innermost contiguous on both sides and counted in the mover's unit.
std::vector<Level> levelsOf(const Mover &mover, const std::vector<int64_t> &extent, const std::vector<int64_t> &from,
                            const std::vector<int64_t> &to) {
  std::vector<Level> levels;
  int64_t run = 1;
  size_t d = extent.size();
  while (d > 0 && ((from[d - 1] == run && to[d - 1] == run) || extent[d - 1] == 1))
    run *= extent[--d];
  levels.push_back({run / mover.unitBytes, mover.unitBytes, mover.unitBytes});
  while (d-- > 0) {
    if (extent[d] == 1)
      continue;
    Level &last = levels.back();
    if (levels.size() > 1 && from[d] == last.from * last.extent && to[d] == last.to * last.extent)
      last.extent *= extent[d];
    else
      levels.push_back({extent[d], from[d], to[d]});
  }
  return levels;
}

class CopyWriter {
public:
  CopyWriter(const Mover &mover, int region) : mover(mover), region(region) {}

  void write(std::vector<Level> levels, int64_t from, int64_t to) {
    // Too many levels: the outermost becomes a loop here.
    if (levels.size() > mover.levels.size()) {
      Level outer = levels.back();
      levels.pop_back();
      for (int64_t i = 0; i != outer.extent; ++i)
        write(levels, from + i * outer.from, to + i * outer.to);
      return;
    }
    // Too long for its field: in pieces.
    for (size_t i = 0; i != levels.size(); ++i) {
      int64_t most = mover.row->fields[mover.levels[i].extentField].max;
      if (levels[i].extent <= most)
        continue;
      Level whole = levels[i];
      for (int64_t done = 0; done < whole.extent; done += most) {
        levels[i].extent = std::min(most, whole.extent - done);
        write(levels, from + done * whole.from, to + done * whole.to);
      }
      return;
    }
    emit(levels, from, to);
  }

  std::vector<Instruction> result;

private:
  void emit(const std::vector<Level> &levels, int64_t from, int64_t to) {
    Instruction instruction{mover.row, {}};
    for (const isa::Field &field : mover.row->fields)
      instruction.values.push_back(defaultOf(field));
    auto set = [&](int field, int64_t value) {
      if (field >= 0)
        instruction.values[field] = value;
    };
    set(mover.region, region);
    set(mover.fromBase, from);
    set(mover.toBase, to);
    for (size_t i = 0; i != levels.size(); ++i) {
      set(mover.levels[i].extentField, levels[i].extent);
      set(mover.levels[i].fromStrideField, levels[i].from);
      set(mover.levels[i].toStrideField, levels[i].to);
    }
    result.push_back(std::move(instruction));
  }

  const Mover &mover;
  int region;
};

} // namespace

std::vector<Instruction> copyBox(const Mover &mover, const std::vector<int64_t> &extent,
                                 const std::vector<int64_t> &fromStride, int64_t fromAddress,
                                 const std::vector<int64_t> &toStride, int64_t toAddress, int region) {
  // Addresses are in granules of their memory; strides in bytes (a memory with larger granules is copied in one run).
  CopyWriter writer(mover, region);
  writer.write(levelsOf(mover, extent, fromStride, toStride), fromAddress, toAddress);
  return std::move(writer.result);
}

} // namespace tw::tensorize
