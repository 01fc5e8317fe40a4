// SPDX-License-Identifier: Apache-2.0
// FILL (docs/timing.md, section 4): one row a cycle through the DMA's port of the scratchpad, whenever no beat of a
// load takes it. Stepped against others, or in closed form. Driven by the core. Moves no data.
#ifndef TW_SIMULATOR_CYCLE_FILLUNIT_H
#define TW_SIMULATOR_CYCLE_FILLUNIT_H

#include "Banks.h"
#include "tw/isa/Line.h"

namespace tw::simulator::cycle {

class FillUnit {
public:
  FillUnit(const isa::HwConfig &config, const Banks &banks) : config_(config), banks_(banks) {}

  void reset() {
    rows_ = row_ = 0;
    groups_ = 0;
    now_ = 0;
  }
  void start(const isa::Line &line, Cycle start) {
    namespace f = isa::fill;
    base_ = line.get(f::spm);
    const isa::FieldRef extents[] = {f::n0, f::n1, f::n2, f::n3}, strides[] = {f::ss1, f::ss2, f::ss3};
    rows_ = 1;
    int64_t end = base_ + config_.n;
    for (int d = 0; d != 4; ++d) {
      extents_[d] = uint64_t(line.get(extents[d]));
      strides_[d] = d == 0 ? config_.n : line.get(strides[d - 1]);
      rows_ *= extents_[d];
      end += int64_t(extents_[d] - 1) * strides_[d];
    }
    row_ = 0;
    groups_ = banks_.groups(base_, end);
    now_ = start + 1;
  }
  bool isBusy() const { return row_ != rows_; }
  Cycle now() const { return now_; }

  /// One cycle, after the beats of loads took their bank; true when the last row was written.
  bool step(BankSet &taken, Conflicts &conflicts) {
    ++now_;
    if (taken != 0) { // the port has one request a cycle
      ++conflicts.requests;
      ++conflicts.cycles;
      return false;
    }
    taken = banks_.bank(uint64_t(address()));
    return ++row_ == rows_;
  }
  /// Cycle of the end if nothing is in the way from now() on.
  Cycle end() const { return now_ + (rows_ - row_) - 1; }
  /// Brings the unit to cycle `to`, at most end() + 1, with every row written.
  void advance(Cycle to) {
    row_ += to - now_;
    now_ = to;
  }
  GroupSet groups() const { return groups_; }

private:
  int64_t address() const {
    int64_t address = base_;
    uint64_t rest = row_;
    for (int d = 0; d != 4; ++d) {
      address += int64_t(rest % extents_[d]) * strides_[d];
      rest /= extents_[d];
    }
    return address;
  }

  const isa::HwConfig &config_;
  const Banks &banks_;
  int64_t base_ = 0, strides_[4] = {};
  uint64_t extents_[4] = {1, 1, 1, 1};
  uint64_t rows_ = 0, row_ = 0; // of the instruction; written so far
  GroupSet groups_ = 0;
  Cycle now_ = 0;
};

} // namespace tw::simulator::cycle
#endif
