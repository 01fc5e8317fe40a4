// SPDX-License-Identifier: Apache-2.0
// MX against the beats of loads alone: block by block where such a block is known, piece by piece where it is not.
#include "MatrixUnit.h"
#include <bit>

namespace tw::simulator::cycle {

namespace {
// Bits of a key; fields that do not fit make a block one that is not kept.
constexpr unsigned kShapeBits = 24, kIndexBits = 12, kPixelBits = 12;

// The lowest bits of `bits` of which `count` are set.
uint32_t upToSet(uint32_t bits, uint64_t count) {
  uint32_t rest = bits;
  for (; count != 1; --count)
    rest &= rest - 1;
  return rest ^ (rest - 1);
}
} // namespace

void MatrixUnit::enterShape() {
  shape_ = walks_.numberOf({int64_t(kind_), rowStride_, columnStride_, padTop_, padLeft_, tileRows_, columnSpan_,
                            strideH_, strideW_, dilH_, dilW_, int64_t(kernelW_), int64_t(width_), int64_t(height_),
                            kind_ == Kind::Convf ? int64_t(reduce_) : 0});
}

// The part of a key that does not change from row to row of the block at hand; false if the block is not kept.
bool MatrixUnit::keyOfBlock(BlockWalk::Key &key) const {
  if (block_ + 1 == blocks_ || shape_ >> kShapeBits)
    return false;
  const uint64_t half = config_.accRows / 2;
  if (accRow_ < half && accRow_ + pixels_ > half)
    return false;
  const uint64_t weights = weights_ + (block_ + 1) * config_.n * config_.n; // of the next block
  const uint64_t index = kind_ == Kind::Convf ? uint64_t(kh_) * reduce_ + inner_ : uint64_t(kh_) * kernelW_ + kw_;
  if (banks_.rowsInGroup(weights) < config_.n || index >> kIndexBits || pixel_ >> kPixelBits)
    return false;
  // Where all rows lie in one group, only their banks count.
  const int64_t firstRow = std::max<int64_t>(blockRow_, 0),
                lastRow = std::min(blockRow_ + int64_t(height_ - 1) * strideH_, tileRows_ - 1);
  const int64_t firstColumn = std::max(blockColumn_, -columnBias_),
                lastColumn = std::min(blockColumn_ + int64_t(width_ - 1) * strideW_, columnSpan_ - 1 - columnBias_);
  const int64_t low = blockBase_ + firstRow * rowStride_ + firstColumn * columnStride_;
  const int64_t high = blockBase_ + lastRow * rowStride_ + lastColumn * columnStride_ + 2 * int64_t(config_.n);
  const bool isOneGroup = rowStride_ >= 0 && columnStride_ >= 0 && low >= 0 && low < high &&
                          high <= int64_t(config_.spmBytes) &&
                          banks_.group(uint64_t(low)) == banks_.group(uint64_t(high - 1));
  const uint64_t where = isOneGroup
                             ? uint64_t(banks_.group(uint64_t(low))) << 16 | banks_.position(uint64_t(blockBase_))
                             : uint64_t(1) << 32 | uint32_t(blockBase_);
  const uint64_t loaded = pixel_ == 0 || shadowFull_ ? grants_ : loadGrant_;
  key.walk = shape_ << 40 | where;
  key.company = ((loaded << kPixelBits | pixel_) << kIndexBits | index) << 8 | banks_.group(weights) << 3 |
                banks_.bankAt(banks_.position(weights));
  return true;
}

uint64_t MatrixUnit::walk(uint64_t cycles, const Stream &beats, Conflicts &conflicts) {
  if (hold_ != 0 || now_ < loadFrom_)
    return 0;
  const Cycle begin = now_, end = now_ + cycles;
  // Beats that write another group than these meet nobody.
  Stream met = beats;
  if (met.kind == Stream::Asking && !((activationGroups_ | weightGroups_) >> met.group & 1))
    met.kind = Stream::Absent;
  const bool keeps = met.kind == Stream::Absent || met.stride == banks_.position(config_.n);
  BlockWalk::Key key;
  Cycle first = kNever; // of a block that is walked through to be kept
  uint64_t block = 0;
  Conflicts before;
  while (now_ != end && rowsToLeap() != 0) {
    const bool isLoading = pixel_ == 0 && !shadowFull_;
    if (!isLoading && keeps && first == kNever && pixels_ - pixel_ <= end - now_ && keyOfBlock(key)) {
      if (met.kind == Stream::Asking)
        key.company |= uint64_t(1 + met.group) << 48 | uint64_t(banks_.bankAt(met.position)) << 52;
      const BlockWalk &known = walks_.at(key);
      if (known.key == key) {
        if (known.cycles <= end - now_) {
          repeat(known);
          conflicts.requests += known.requests;
          conflicts.cycles += known.losing;
          met.position = uint16_t((met.position + known.cycles * met.stride) & banks_.positionMask());
          continue;
        }
      } else {
        first = now_;
        block = block_;
        before = conflicts;
      }
    }
    const uint64_t done = piece(end - now_, met, conflicts);
    met.position = uint16_t((met.position + done * met.stride) & banks_.positionMask());
    if (first != kNever && block_ != block && pixel_ == 0 && shadowFull_) {
      keep(key, first, {conflicts.requests - before.requests, conflicts.cycles - before.cycles});
      first = kNever;
    }
  }
  return now_ - begin;
}

// The block that was walked through from cycle `first` to now_.
void MatrixUnit::keep(const BlockWalk::Key &key, Cycle first, const Conflicts &conflicts) {
  BlockWalk &walk = walks_.at(key);
  walk = {key, uint32_t(now_ - first), uint32_t(conflicts.requests), uint32_t(conflicts.cycles), 0, {}};
  walk.remembered = uint32_t(std::min<Cycle>(now_ - first, config_.n + 3));
  for (uint32_t i = 0; i != walk.remembered; ++i)
    walk.issued[i / 64] |= uint64_t(issuedHalf(now_ - walk.remembered + i) != 0) << (i % 64);
}

void MatrixUnit::repeat(const BlockWalk &walk) {
  now_ += walk.cycles;
  for (uint32_t from = 0; from < walk.remembered; from += 64) {
    const Cycle first = now_ - walk.remembered + from;
    history_[++newest_ % kHistory] = {first, std::min(first + 64, now_) - 1, nullptr, uint8_t(half()),
                                      walk.issued[from / 64]};
  }
  rows_ += pixels_ - pixel_;
  pixel_ = 0;
  loadBlock_ = ++block_ + 1;
  loadGrant_ = 0;
  shadowFull_ = true;
  enterFollowingBlock();
}

// Goes on for at most `cycles`: to the end of the rows inside or outside the tile, of the tile's row, of the half of
// ACC, of the loader's block, or past the first row of a block. Returns the cycles gone.
uint64_t MatrixUnit::piece(uint64_t cycles, const Stream &beats, Conflicts &conflicts) {
  const bool streams = pixel_ != 0 || shadowFull_, loads = loadBlock_ != blocks_ && !shadowFull_;
  const uint64_t grants = loads ? grants_ - loadGrant_ : 0;
  const uint64_t weights = weightAddress(), weightStep = uint64_t(config_.weightRows) * config_.n;
  uint64_t rows = 0;
  bool isRead = false;
  if (streams) {
    rows = pixel_ == 0 ? 1 : std::min(blockWidth_ - ow_, rowsToLeap());
    if (const uint64_t half = config_.accRows / 2; accRow_ < half)
      rows = std::min(rows, half - accRow_);
    const uint64_t outside = rowsOutside(isRowInside_, column_);
    isRead = outside == 0;
    if (!isRead)
      rows = std::min(rows, outside);
    else if (blockColumns_ != kNoBound && rows > 1)
      if (const int64_t room = blockColumns_ - column_ - columnBias_; int64_t(rows - 1) * strideW_ >= room)
        rows = uint64_t(room - 1) / uint64_t(strideW_) + 1;
  }
  GroupSet activationGroups = 0;
  if (isRead) {
    const int64_t last = address_ + int64_t(rows - 1) * blockStride_;
    activationGroups = banks_.groups(std::min(address_, last), std::max(address_, last) + 2 * int64_t(config_.n));
  }
  const GroupSet weightGroups = loads ? banks_.groups(int64_t(weights), int64_t(weights + grants * weightStep)) : 0;
  const bool hasBeats = beats.kind == Stream::Asking;
  const GroupSet beatGroup = hasBeats ? GroupSet(1) << beats.group : 0;
  uint64_t gone = 0, issued = 0, loaded = 0, mask = ~uint64_t(0);
  if (!(activationGroups & weightGroups) && !((activationGroups | weightGroups) & beatGroup)) {
    gone = std::min({cycles, streams ? rows : kNever, loads ? grants : kNever});
    issued = streams ? gone : 0;
    loaded = loads ? gone : 0;
  } else {
    mask = 0;
    const uint64_t most = std::min<uint64_t>(cycles, 64);
    const uint64_t wantedRows = streams ? rows : kNever, wantedWeights = loads ? grants : kNever;
    uint64_t requests = 0, losing = 0;
    const bool isRegular = (!isRead || (std::has_single_bit(activationGroups) &&
                                        banks_.offsetAt(uint32_t(address_) | uint32_t(blockStride_)) == 0)) &&
                           (!loads || std::has_single_bit(weightGroups));
    if (isRegular) { // every client walks the banks of one group
      const uint32_t bankMask = banks_.perGroup() - 1;
      const auto bankOf = [&](uint64_t address) { return banks_.bankAt(banks_.position(address)); };
      Encounters::Start at{(activationGroups & beatGroup) != 0,
                           (activationGroups & weightGroups) != 0,
                           (weightGroups & beatGroup) != 0,
                           isRead ? bankOf(uint64_t(address_)) : 0,
                           loads ? bankOf(weights) : 0,
                           hasBeats ? banks_.bankAt(beats.position) : 0,
                           isRead ? bankOf(uint64_t(blockStride_)) : 0,
                           hasBeats ? banks_.bankAt(beats.stride) : 0};
      while (gone != most && issued != wantedRows && loaded != wantedWeights) {
        const uint32_t granted = encounters_.of(at, bankMask + 1);
        const uint32_t isRow = streams ? granted & 0xFFFF : 0, isWeight = loads ? granted >> 16 : 0;
        uint32_t window = uint32_t((uint64_t(1) << std::min<uint64_t>(most - gone, 16)) - 1);
        if (uint64_t(std::popcount(isRow & window)) >= wantedRows - issued)
          window &= upToSet(isRow, wantedRows - issued);
        if (uint64_t(std::popcount(isWeight & window)) >= wantedWeights - loaded)
          window &= upToSet(isWeight, wantedWeights - loaded);
        const uint32_t rowsLost = streams ? ~isRow & window : 0, weightsLost = loads ? ~isWeight & window : 0;
        const uint32_t newRows = uint32_t(std::popcount(isRow & window)),
                       newWeights = uint32_t(std::popcount(isWeight & window)), span = uint32_t(std::popcount(window));
        mask |= uint64_t(isRow & window) << gone;
        issued += newRows;
        loaded += newWeights;
        requests += uint32_t(std::popcount(rowsLost)) + uint32_t(std::popcount(weightsLost));
        losing += uint32_t(std::popcount(rowsLost | weightsLost));
        gone += span;
        at.row = (at.row + newRows * at.rowStep) & bankMask;
        at.weight = (at.weight + newWeights * config_.weightRows) & bankMask;
        at.beat = (at.beat + span * at.beatStep) & bankMask;
      }
    } else {
      int64_t address = address_;
      uint32_t beat = beats.position;
      while (gone != most && issued != wantedRows && loaded != wantedWeights) {
        BankSet taken = hasBeats ? banks_.rowAt(beats.group, beat) : 0;
        unsigned lost = 0;
        if (streams && (!isRead || grant(banks_.unaligned(uint64_t(address)), taken, lost))) {
          mask |= uint64_t(1) << gone;
          ++issued;
          address += blockStride_;
        }
        if (loads && grant(weightBanks(weights + loaded * weightStep), taken, lost))
          ++loaded;
        requests += lost;
        losing += lost != 0;
        beat = (beat + beats.stride) & banks_.positionMask();
        ++gone;
      }
    }
    conflicts.requests += requests;
    conflicts.cycles += losing;
  }
  if (issued != 0) {
    if (pixel_ == 0)
      shadowFull_ = false;
    remember(now_, gone, nullptr, mask);
    issueRows(issued);
  }
  now_ += gone;
  if (loaded != 0 && (loadGrant_ += uint32_t(loaded)) == grants_) {
    loadGrant_ = 0;
    ++loadBlock_;
    shadowFull_ = true;
  }
  return gone;
}

} // namespace tw::simulator::cycle
