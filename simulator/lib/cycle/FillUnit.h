// SPDX-License-Identifier: Apache-2.0
// FILL and the padding of LDPAD (docs/timing.md, section 4): one row a cycle through the DMA's port of the scratchpad,
// whenever no beat of a load takes it. Stepped against others, or in closed form. Driven by the core. Moves no data.
#ifndef TW_SIMULATOR_CYCLE_FILLUNIT_H
#define TW_SIMULATOR_CYCLE_FILLUNIT_H

#include "Banks.h"
#include "tw/isa/Timing.h"
#include <utility>
#include <vector>

namespace tw::simulator::cycle {

class FillUnit {
public:
  FillUnit(const isa::HwConfig &config, const Banks &banks) : config_(config), banks_(banks) {}

  void reset() {
    rows_ = row_ = 0;
    groups_ = 0;
    now_ = 0;
  }
  /// Starts a line of either opcode; ldpad may have no padding, and the unit is not busy then.
  void start(const isa::Line &line, Cycle start) {
    const bool isFill = line.row()->opcode == isa::Opcode::Fill;
    auto get = [&](isa::FieldRef fill, isa::FieldRef ldpad) { return uint64_t(line.get(isFill ? fill : ldpad)); };
    namespace f = isa::fill;
    namespace p = isa::ldpad;
    n0_ = get(f::n0, p::n0);
    n3_ = get(f::n3, p::n3);
    strides_[0] = get(f::ss1, p::ss1);
    strides_[1] = get(f::ss2, p::ss2);
    strides_[2] = get(f::ss3, p::ss3);
    const isa::Padding::Box tile{get(f::spm, p::spm), uint32_t(get(f::n1, p::n1)), uint32_t(get(f::n2, p::n2))};
    boxes_.clear();
    if (isFill)
      boxes_.push_back(tile);
    else
      for (const isa::Padding::Box &box : isa::Padding::of(line).boxes)
        if (box.n1 != 0 && box.n2 != 0)
          boxes_.push_back(box);
    rows_ = row_ = 0;
    for (const isa::Padding::Box &box : boxes_)
      rows_ += rowsOf(box);
    groups_ = banks_.groups(int64_t(tile.spm), int64_t(tile.spm + n0_ * config_.n + (tile.n1 - 1) * strides_[0] +
                                                       (tile.n2 - 1) * strides_[1] + (n3_ - 1) * strides_[2]));
    now_ = start + 1;
  }
  bool isBusy() const { return row_ != rows_; }
  /// Of the instruction at hand, or the last one.
  uint64_t rows() const { return rows_; }
  Cycle now() const { return now_; }

  /// One cycle, after the beats of loads took their bank; true when the last row was written.
  bool step(BankSet &taken, Conflicts &conflicts) {
    ++now_;
    if (taken != 0) { // the port has one request a cycle
      ++conflicts.requests;
      ++conflicts.cycles;
      return false;
    }
    taken = banks_.bank(address());
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
  uint64_t rowsOf(const isa::Padding::Box &box) const { return n0_ * box.n1 * box.n2 * n3_; }
  uint64_t address() const {
    uint64_t rest = row_;
    auto box = boxes_.begin();
    for (; rest >= rowsOf(*box); ++box)
      rest -= rowsOf(*box);
    auto digit = [&](uint64_t extent) { return std::exchange(rest, rest / extent) % extent; };
    const uint64_t i0 = digit(n0_), i1 = digit(box->n1), i2 = digit(box->n2);
    return box->spm + i0 * config_.n + i1 * strides_[0] + i2 * strides_[1] + rest * strides_[2];
  }

  const isa::HwConfig &config_;
  const Banks &banks_;
  uint64_t n0_ = 0, n3_ = 0, strides_[3] = {}; // of dimensions 1, 2, 3
  std::vector<isa::Padding::Box> boxes_;       // of rows that get the value
  uint64_t rows_ = 0, row_ = 0;                // of the instruction; written so far
  GroupSet groups_ = 0;
  Cycle now_ = 0;
};

} // namespace tw::simulator::cycle
#endif
