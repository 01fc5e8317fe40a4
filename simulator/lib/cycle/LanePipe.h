// SPDX-License-Identifier: Apache-2.0
// The one row-per-cycle pipeline that RQ and VX share (docs/timing.md, section 7): head states, steps with up to two
// reads, and a write some cycles after the last step of a row. Stepped against other users of the scratchpad, or in
// closed form. Driven by the core. Knows neither queues nor data; parameter faults are found through ParameterView.
#ifndef TW_SIMULATOR_CYCLE_LANEPIPE_H
#define TW_SIMULATOR_CYCLE_LANEPIPE_H

#include "Leap.h"
#include "tw/isa/Line.h"
#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>

namespace tw::simulator::cycle {

/// Rows of a numerics record in which not every word is legal.
enum class ParameterRow : uint8_t { Multipliers, TfliteMultipliers, TfliteShifts };

/// What the parameter memory holds, as far as faults need it.
class ParameterView {
public:
  virtual ~ParameterView() = default;
  virtual bool isRowInitialised(uint64_t row) const = 0;
  virtual bool isTableInitialised(uint64_t bank) const = 0;
  /// All lanes of a row of multipliers or shifts are in the range of the table (BAD_PARAM otherwise). True when data
  /// are not computed.
  virtual bool areLegal(ParameterRow kind, uint64_t row) const = 0;
};

/// A walk over rows: nested strides, dimension 0 innermost.
struct RowWalk {
  static constexpr int kDims = 4;
  int64_t base = 0;
  uint64_t extents[kDims] = {1, 1, 1, 1};
  int64_t strides[kDims] = {};
  uint64_t index[kDims] = {};
  int64_t address = 0;

  void seek(uint64_t position) {
    address = base;
    for (int d = 0; d != kDims; ++d) {
      index[d] = position % extents[d];
      position /= extents[d];
      address += int64_t(index[d]) * strides[d];
    }
  }
  void next() {
    for (int d = 0; d != kDims; ++d) {
      address += strides[d];
      if (++index[d] != extents[d])
        return;
      address -= int64_t(extents[d]) * strides[d];
      index[d] = 0;
    }
  }
  /// The same walk in as few and as long dimensions as its strides allow. Not in the middle of it.
  void simplify() {
    int last = 0;
    for (int d = 1; d != kDims; ++d) {
      if (extents[d] == 1)
        continue;
      if (extents[last] == 1) {
        extents[last] = extents[d];
        strides[last] = strides[d];
      } else if (strides[d] == int64_t(extents[last]) * strides[last]) {
        extents[last] *= extents[d];
      } else {
        ++last;
        std::swap(extents[last], extents[d]);
        std::swap(strides[last], strides[d]);
        continue;
      }
      extents[d] = 1;
    }
  }
  GroupSet groups(const Banks &banks, uint32_t n) const {
    int64_t end = base + n;
    for (int d = 0; d != kDims; ++d)
      end += int64_t(extents[d] - 1) * strides[d];
    return banks.groups(base, end);
  }
};

class LanePipe {
public:
  /// `depth`: cycles from the last step of a row to its write request: 7 (RQ; one more for a drain that looks up) or 8
  /// (VX).
  LanePipe(const isa::HwConfig &config, const Banks &banks, const ParameterView &parameters, unsigned depth)
      : config_(config), banks_(banks), parameters_(parameters), unitDepth_(depth), depth_(depth) {
    reset();
  }

  void reset();
  void start(const isa::Line &line, Cycle start);
  bool isBusy() const { return busy_; }
  Cycle now() const { return now_; }

  /// What one cycle did beyond moving the pipe.
  struct Outcome {
    bool ended = false;                  // the last write was granted
    std::optional<isa::FaultCode> fault; // UNINIT_PARAM or BAD_PARAM
    unsigned accHalf = 0;                // RQ: half of ACC (1 or 2) that was read or written; 0: none
  };
  Outcome step(BankSet &taken, Conflicts &conflicts);
  /// What a drain of int8 rows does from now() on. False for every other instruction, and in the last cycle.
  bool requests(Streams &streams) const;
  /// Brings such a drain `cycles` further, in which its pipe made so many moves, steps and writes and became `pipe`.
  void leap(uint64_t cycles, uint32_t writes, uint32_t steps, uint32_t moves, uint32_t pipe);
  /// Cycle of the end if nothing is in the way from now() on.
  Cycle end() const;
  /// Brings the pipe to cycle `to`, at most end() + 1, with every request granted. Not for instructions that must be
  /// stepped.
  void advance(Cycle to);

  /// Groups of all clients together, and whether two clients of this unit share one.
  GroupSet groups() const { return groups_; }
  bool meetsItself() const { return meetsItself_; }
  /// A parameter row is missing or wrong: each cycle has to be looked at.
  bool hasParameterFault() const { return hasParameterFault_; }
  unsigned accHalves() const { return accHalves_; }

private:
  enum class Kind : uint8_t { Drain, Words, Rows, Window };
  /// Steps of a group, counted from its first, in which a client reads.
  struct Range {
    uint64_t begin = 0, end = 0;
    bool contains(uint64_t step) const { return step >= begin && step < end; }
    /// Of the first `steps` steps of a group.
    uint64_t within(uint64_t steps) const { return std::clamp(steps, begin, end) - begin; }
  };
  enum HeadState { kSteps, kSettle, kShift, kMult, kBias, kHead };

  void startDrain(const isa::Line &line);
  void startWords(const isa::Line &line, bool restores);
  void startRows(const isa::Line &line, isa::Opcode opcode);
  void startReduction(const isa::Line &line, isa::Opcode opcode);
  void startWide(const isa::Line &line, isa::Opcode opcode);
  void startMad(const isa::Line &line, bool isMixed);
  void startTransposition(const isa::Line &line);
  void meet(std::initializer_list<RowWalk> walks);
  bool hasRecord() const { return opcode_ != isa::Opcode::Move && opcode_ != isa::Opcode::Movet; }
  void startWindow(const isa::Line &line, isa::Opcode opcode);
  void findParameterFaults();
  std::optional<isa::FaultCode> headFault() const;
  HeadState headState() const;
  bool isRequantised() const { return kind_ == Kind::Drain || opcode_ == isa::Opcode::Dwconv; }
  /// Windows: position `index` in the order of the steps.
  void seekWindow(uint64_t index);
  void nextWindow();
  bool readsWeightsAlone() const { return step_ < leadSteps_; }
  /// Output rows that the first `columns` columns of a row of them end.
  uint64_t emittedBy(uint64_t columns) const {
    return columns <= firstEmit_ ? 0 : (columns - 1 - firstEmit_) / emitEvery_ + 1;
  }
  /// The next step ends an output row.
  bool isEmitting() const {
    if (tap_ + emits_ < taps_ || leadSteps_ == 0)
      return tap_ + emits_ >= taps_;
    return !readsWeightsAlone() && emittedBy(uint64_t(ow_) + 1) != emittedBy(uint64_t(ow_));
  }
  bool isTapInside() const;
  void nextStep();
  void jump(uint64_t cycles);
  unsigned halfOf(uint64_t accRow) const { return accRow < config_.accRows / 2 ? 1 : 2; }
  void useAcc(uint64_t row, uint64_t rows);
  uint64_t steps() const { return blocks_ * blockSteps_; }
  /// Steps made, without those that only read weights.
  uint64_t position() const { return block_ * (blockSteps_ - leadSteps_) + std::max(step_, leadSteps_) - leadSteps_; }

  const isa::HwConfig &config_;
  const Banks &banks_;
  const ParameterView &parameters_;
  unsigned unitDepth_;

  // The instruction.
  unsigned depth_;
  Kind kind_;
  isa::Opcode opcode_;
  uint64_t blocks_, blockSteps_; // a block is what lies between two reloads of bias and multiplier
  // A group is what leads to an output row, or to several: its last emits_ steps write one each.
  uint64_t taps_, emits_;
  Range stepsA_, stepsB_;
  bool hasReadA_, hasReadB_, writesAcc_; // rsw writes ACC instead of the scratchpad
  RowWalk readA_, readB_, write_;
  struct Further { // walks of client B, each in steps of its own
    Range steps;
    RowWalk walk;
  };
  std::array<Further, 3> furtherB_;
  uint64_t param_;
  uint64_t table_;
  bool readsTable_, isTflite_;
  unsigned reload_; // head states before a channel block: parameter rows and one
  GroupSet groups_;
  bool meetsItself_, hasParameterFault_;
  unsigned accHalves_;
  uint64_t acc_, accSteps_; // RQ: first row of ACC; steps for which it is the same row
  // Windows. In the column form of dwconv they are one column wide, and not each of them ends an output row.
  int64_t x_, rowStride_, columnStride_, blockStride_, tileRows_, tileColumns_;
  int64_t strideH_, strideW_, dilH_, dilW_, padTop_, padLeft_;
  uint64_t kernelH_, kernelW_, outputRows_, outputColumns_;
  uint64_t leadSteps_;             // first steps of a block, which only read weights
  uint64_t firstEmit_, emitEvery_; // columns that end an output row
  int64_t weights_;

  // State at now_.
  bool busy_;
  Cycle now_;
  unsigned head_; // head states left
  uint64_t block_, step_;
  uint64_t tap_;              // in its group
  uint64_t accRow_, accStep_; // RQ: row that is read or written next; steps made of it
  uint32_t pipe_;             // bit k: a row left the last step k + 1 moving cycles ago
  bool heldA_, heldB_;
  bool wasFrozen_;
  uint64_t inside_;                 // taps of this window inside the tile
  uint64_t tableRow_[2];            // poolavg: multiplier rows of the last two moving cycles' finished windows, + 1
  int64_t kh_, kw_, ow_, oh_, ocb_; // windows
};

} // namespace tw::simulator::cycle
#endif
