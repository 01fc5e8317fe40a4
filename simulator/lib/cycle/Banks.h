// SPDX-License-Identifier: Apache-2.0
// Which bank and group of the scratchpad an address lies in, and the banks taken in one cycle. Used by every unit that
// asks the scratchpad for a row (docs/timing.md, section 5). Holds no contents.
#ifndef TW_SIMULATOR_CYCLE_BANKS_H
#define TW_SIMULATOR_CYCLE_BANKS_H

#include "tw/isa/HwConfig.h"
#include <algorithm>
#include <bit>
#include <cstdint>

namespace tw::simulator::cycle {

using Cycle = uint64_t;
inline constexpr Cycle kNever = ~Cycle(0);

/// One bit for each bank of the machine, or for each group.
using BankSet = uint32_t;
using GroupSet = uint32_t;
inline constexpr GroupSet kAllGroups = (1u << isa::kSpmGroups) - 1;

class Banks {
public:
  explicit Banks(const isa::HwConfig &config)
      : addressMask_(config.spmBytes - 1), rowShift_(unsigned(std::countr_zero(config.n))),
        groupShift_(unsigned(std::countr_zero(config.spmBytes / isa::kSpmGroups))),
        bankMask_(config.spmBanks / isa::kSpmGroups - 1), banksPerGroup_(config.spmBanks / isa::kSpmGroups) {}

  BankSet bank(uint64_t address) const {
    address &= addressMask_;
    return BankSet(1) << ((address >> groupShift_) * banksPerGroup_ + ((address >> rowShift_) & bankMask_));
  }
  /// The row of `address`, and the next one when the N bytes from there on lie in two rows.
  BankSet unaligned(uint64_t address) const {
    BankSet first = bank(address);
    return address & ((uint64_t(1) << rowShift_) - 1) ? first | bank(address + (uint64_t(1) << rowShift_)) : first;
  }
  /// Where `address` lies in its group, modulo a row of each bank: what arbitration depends on. Also of a stride.
  uint16_t position(uint64_t address) const { return uint16_t(address & positionMask()); }
  uint32_t positionMask() const { return (banksPerGroup_ << rowShift_) - 1; }
  uint32_t perGroup() const { return banksPerGroup_; }
  uint32_t bankAt(uint32_t position) const { return position >> rowShift_; }
  uint32_t offsetAt(uint32_t position) const { return position & ((1u << rowShift_) - 1); }
  /// Bank of the row at a position.
  BankSet rowAt(unsigned group, uint32_t position) const {
    return BankSet(1) << (group * banksPerGroup_ + (position >> rowShift_));
  }
  /// Banks of the N bytes at a position, all in one group.
  BankSet banksAt(unsigned group, uint32_t position) const {
    const BankSet first = BankSet(1) << (position >> rowShift_);
    const BankSet next = BankSet(1) << (((position >> rowShift_) + 1) & bankMask_);
    return (offsetAt(position) != 0 ? first | next : first) << (group * banksPerGroup_);
  }
  unsigned group(uint64_t address) const { return unsigned((address & addressMask_) >> groupShift_); }
  uint64_t groupEnd(uint64_t address) const { return (uint64_t(group(address)) + 1) << groupShift_; }
  /// Rows from `address` on that lie in its group.
  uint64_t rowsInGroup(uint64_t address) const {
    const uint64_t rows = uint64_t(1) << (groupShift_ - rowShift_);
    return rows - ((address >> rowShift_) & (rows - 1));
  }
  /// Groups of the bytes [begin, end); all of them if the range leaves the scratchpad.
  GroupSet groups(int64_t begin, int64_t end) const {
    if (begin < 0 || end > int64_t(addressMask_) + 1)
      return kAllGroups;
    unsigned low = unsigned(begin >> groupShift_), high = unsigned((std::max(end, begin + 1) - 1) >> groupShift_);
    return ((GroupSet(2) << high) - 1) & ~((GroupSet(1) << low) - 1);
  }

private:
  uint64_t addressMask_;
  unsigned rowShift_, groupShift_;
  uint32_t bankMask_, banksPerGroup_;
};

/// What one step of a unit met in the scratchpad.
struct Conflicts {
  uint64_t requests = 0; // requests that lost: the counter bank_conflicts
  uint64_t cycles = 0;   // cycles in which at least one lost: the state wait_bank
};

/// Takes `wanted` if it is free; otherwise counts a lost request.
inline bool grant(BankSet wanted, BankSet &taken, unsigned &lost) {
  if (wanted & taken) {
    ++lost;
    return false;
  }
  taken |= wanted;
  return true;
}

} // namespace tw::simulator::cycle
#endif
