// SPDX-License-Identifier: Apache-2.0
// What one block of weights of MX met against the beats of loads, kept under all that it depends on, so that the same
// block is not walked through twice (docs/rationale/leaps.md). Used by MatrixUnit. Knows no unit: keys are numbers.
#ifndef TW_SIMULATOR_CYCLE_BLOCKWALKS_H
#define TW_SIMULATOR_CYCLE_BLOCKWALKS_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace tw::simulator::cycle {

/// A block from the cycle in which its first row may be issued to that of the next block.
struct BlockWalk {
  struct Key {
    uint64_t walk = ~uint64_t(0), company = 0; // where its rows lie; the banks at which loader and beats begin
    bool operator==(const Key &) const = default;
  };
  Key key;
  uint32_t cycles = 0, requests = 0, losing = 0; // requests that lost, cycles in which at least one did
  uint32_t remembered = 0;                       // its last cycles, of which is known
  std::array<uint64_t, 2> issued{};              // in which rows were issued: bits from the first of them on
};

class BlockWalks {
public:
  /// What the rows of an instruction's blocks have in common, but for their address.
  using Shape = std::array<int64_t, 15>;

  /// A small number for the shape; numbers are never given twice.
  uint64_t numberOf(const Shape &shape) {
    if (walks_.empty())
      walks_.resize(kWalks);
    if (numbers_.size() == kMostShapes)
      numbers_.clear();
    const auto [at, isNew] = numbers_.try_emplace(shape, next_);
    next_ += isNew;
    return at->second;
  }
  /// Where the walk of this key is kept, or that of another key.
  BlockWalk &at(const BlockWalk::Key &key) {
    return walks_[(key.walk * 0x9E3779B97F4A7C15u ^ key.company * 0xD6E8FEB86659FD93u) >> (64 - kBits)];
  }

private:
  static constexpr unsigned kBits = 12;
  static constexpr uint64_t kWalks = uint64_t(1) << kBits, kMostShapes = 4096;
  std::vector<BlockWalk> walks_; // none before the first shape
  std::map<Shape, uint64_t> numbers_;
  uint64_t next_ = 0;
};

/// Streamer, loader and beats for sixteen cycles, each walking the banks of one group by a fixed step, beats by
/// one bank and the loader by as many as it takes: who meets whom and where they begin decides who is granted.
class Encounters {
public:
  static constexpr unsigned kCycles = 16;
  explicit Encounters(uint32_t weightRows) : weightRows_(weightRows) {}
  /// Banks are counted in their group; without a row, a weight or a beat the pairs that it is in do not meet.
  struct Start {
    bool rowMeetsBeat, rowMeetsWeight, weightMeetsBeat;
    uint32_t row, weight, beat, rowStep, beatStep;
  };
  /// Bit k: a row of activations is granted in cycle k; bit 16 + k: a row of weights. `banks`: of a group.
  uint32_t of(const Start &start, uint32_t banks) {
    if (granted_.empty())
      granted_.resize(size_t(16) * banks * banks * banks * banks);
    const uint32_t pairs =
        start.rowMeetsBeat | start.rowMeetsWeight << 1 | start.weightMeetsBeat << 2 | (start.beatStep != 0) << 3;
    uint32_t &granted =
        granted_[(((pairs * banks + start.row) * banks + start.weight) * banks + start.beat) * banks + start.rowStep];
    if (granted == 0)
      granted = walk(start, banks - 1);
    return granted;
  }

private:
  uint32_t walk(Start at, uint32_t mask) const {
    uint32_t granted = 0;
    const auto isWeight = [&](uint32_t bank) { return ((bank - at.weight) & mask) < weightRows_; };
    for (unsigned cycle = 0; cycle != kCycles; ++cycle) {
      const bool row = !(at.rowMeetsBeat && at.row == at.beat);
      const bool weight = !(at.weightMeetsBeat && isWeight(at.beat)) && !(row && at.rowMeetsWeight && isWeight(at.row));
      granted |= uint32_t(row) << cycle | uint32_t(weight) << (kCycles + cycle);
      at.row = (at.row + (row ? at.rowStep : 0)) & mask;
      at.weight = (at.weight + (weight ? weightRows_ : 0)) & mask;
      at.beat = (at.beat + at.beatStep) & mask;
    }
    return granted;
  }
  uint32_t weightRows_;
  std::vector<uint32_t> granted_; // 0: not known
};

} // namespace tw::simulator::cycle
#endif
