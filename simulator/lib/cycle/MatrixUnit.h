// SPDX-License-Identifier: Apache-2.0
// The weight loader and the activation streamer of MX (docs/timing.md, section 6): cycle by cycle against other users
// of the scratchpad, or in closed form when nobody else is there. Driven by the core. Knows neither queues nor data.
#ifndef TW_SIMULATOR_CYCLE_MATRIXUNIT_H
#define TW_SIMULATOR_CYCLE_MATRIXUNIT_H

#include "BlockWalks.h"
#include "Leap.h"
#include "tw/isa/Line.h"
#include <array>
#include <limits>

namespace tw::simulator::cycle {

class MatrixUnit {
public:
  MatrixUnit(const isa::HwConfig &config, const Banks &banks)
      : config_(config), banks_(banks), grants_(config.n / config.weightRows), encounters_(config.weightRows) {
    reset();
  }

  void reset();

  /// The front takes an instruction in cycle `start`; the unit's own time is start + 1.
  void start(const isa::Line &line, Cycle start);
  bool isFrontBusy() const { return block_ != blocks_; }
  /// First cycle that step() or advance() has not done yet.
  Cycle now() const { return now_; }

  /// One cycle. True if the last row of the instruction was issued in it.
  bool step(BankSet &taken, Conflicts &conflicts);
  /// What streamer and loader ask for from now() on. False if that follows no rule.
  bool requests(Streams &streams) const;
  /// Brings both `cycles` further, in which they made `so many steps; `schedule` says when, null: in every cycle.
  void leap(uint64_t cycles, const Schedule *schedule, uint64_t activations, uint64_t weights);
  /// Brings both at most `cycles` further against beats alone, which go on for so long, but never past the last row of
  /// the instruction; the cycles gone. 0: only step() knows.
  uint64_t walk(uint64_t cycles, const Stream &beats, Conflicts &conflicts);
  /// Cycle in which the last row is issued if nothing is in the way from now() on.
  Cycle lastIssue() const;
  /// Brings the unit to cycle `to`, at most lastIssue() + 1, with every request granted.
  void advance(Cycle to);

  /// Groups that the activations and the weights of the front touch.
  GroupSet activationGroups() const { return activationGroups_; }
  GroupSet weightGroups() const { return weightGroups_; }
  /// Halves of ACC that the front uses: bit 0 the lower, bit 1 the upper.
  unsigned accHalves() const { return accHalves_; }
  /// Rows issued by all instructions since reset.
  uint64_t rowsIssued() const { return rows_; }
  /// Halves of ACC that rows in the array read or write in cycle `c`; needs now() <= c + 1.
  unsigned accHalvesUsed(Cycle c) const { return issuedHalf(c - config_.n - 1) | issuedHalf(c - config_.n - 2); }

private:
  enum class Kind : uint8_t { Conv, Convf, Convs, Gemm };
  static constexpr unsigned kHistory = 128; // more than N + 2 cycles
  static constexpr int64_t kNoBound = std::numeric_limits<int64_t>::max();
  /// Rows that were issued in one half of ACC: as a schedule says; or in every cycle; or in those of at most 64 cycles
  /// whose bits are set.
  struct Issue {
    Cycle first = 1, last = 0;
    const Schedule *schedule = nullptr;
    uint8_t half = 0;
    uint64_t cycles = kEvery;
  };
  static constexpr uint64_t kEvery = ~uint64_t(0);

  unsigned issuedHalf(Cycle c) const;
  unsigned half() const { return accRow_ < config_.accRows / 2 ? 1 : 2; }
  /// Rows of the instruction that may be leapt over: all but the last one.
  uint64_t rowsToLeap() const { return pixels_ - pixel_ - (block_ + 1 == blocks_); }
  /// Rows were issued from cycle `first` on, all in the half of ACC at hand.
  void remember(Cycle first, uint64_t cycles, const Schedule *schedule, uint64_t which = kEvery);
  void rememberRows(uint64_t cycles);
  void startConv(const isa::Line &line);
  void startConvf(const isa::Line &line);
  void startConvs(const isa::Line &line);
  void startGemm(const isa::Line &line);
  /// Finds the parts of block `block_` that do not change from row to row, then those of the row at hand.
  void enterBlock();
  void enterFollowingBlock();
  void enterWalk(uint64_t outer);
  void enterRow();
  void enterNextBlock();
  bool streamerRequests(Streams &streams) const;
  uint64_t rowsOutside(bool isRowInside, int64_t column) const;
  /// Banks of the row to issue; empty when it lies outside the tile.
  BankSet rowBanks() const;
  void issueRows(uint64_t count);
  // MatrixWalk.cpp
  void enterShape();
  bool keyOfBlock(BlockWalk::Key &key) const;
  void keep(const BlockWalk::Key &key, Cycle first, const Conflicts &conflicts);
  void repeat(const BlockWalk &walk);
  uint64_t piece(uint64_t cycles, const Stream &beats, Conflicts &conflicts);
  void jump(Cycle to);
  /// From the first row of a block to that of the next, at least.
  uint64_t period() const { return std::max<uint64_t>(pixels_, grants_ + 1 + hold_); }
  /// SPM address of the weights that the loader asks for next, and the banks of such a request.
  uint64_t weightAddress() const {
    return weights_ + (loadBlock_ * config_.n + loadGrant_ * config_.weightRows) * config_.n;
  }
  BankSet weightBanks(uint64_t address) const {
    return config_.weightRows == 1 ? banks_.bank(address) : banks_.unaligned(address + 1);
  }

  const isa::HwConfig &config_;
  const Banks &banks_;
  const uint32_t grants_; // of the loader in a block

  Kind kind_;
  // Geometry in one form: row = oh * strideH + blockRow, column = ow * strideW + blockColumn; conv counts pixels, convf
  // bytes.
  int64_t x_, rowStride_, columnStride_, padTop_, padLeft_;
  int64_t tileRows_, tileColumns_;
  int64_t strideH_, strideW_, dilH_, dilW_;
  uint32_t kernelH_, kernelW_, reduce_; // inner blocks: kh, kw, icb | kh, 1, f | 1, 1, kb
  int64_t reduceStride_;
  int64_t columnBias_, columnSpan_; // a column is not all outside if 0 <= column + bias < span
  uint32_t width_, height_;         // ow_n, oh_n (m_n and 1 for gemm)
  uint64_t pixels_, blocks_;        // P and B of the page
  uint32_t hold_;                   // cycles that a block stays in the shadow after its first row was issued
  uint64_t weights_;                // SPM address of the first weight row
  uint64_t accBase_;
  uint64_t shape_; // number of the rows' shape
  GroupSet activationGroups_, weightGroups_;
  unsigned accHalves_;

  // State at now_.
  Cycle now_;
  uint64_t block_, pixel_;   // next row to issue
  uint32_t inner_, kw_, kh_; // of block block_
  uint64_t outer_;
  uint32_t oh_, ow_;
  int64_t blockRow_, blockColumn_, blockBase_;
  uint64_t blockWidth_;            // width_, or all pixels when their addresses have one stride and all lie inside
  int64_t blockColumns_;           // columnSpan_, or without a bound
  int64_t blockStride_;            // from one pixel of such a row to the next
  int64_t row_, column_, address_; // of the row to issue
  bool isRowInside_;
  uint64_t accRow_;
  uint64_t loadBlock_;
  uint32_t loadGrant_; // of block loadBlock_
  Cycle loadFrom_;     // the loader waits until then
  bool shadowFull_;
  uint64_t rows_;
  std::array<Issue, kHistory> history_;
  unsigned newest_;
  BlockWalks walks_; // what is known so far of blocks, and of parts of them
  Encounters encounters_;
};

} // namespace tw::simulator::cycle
#endif
