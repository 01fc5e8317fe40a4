// SPDX-License-Identifier: Apache-2.0
// ST (docs/timing.md, section 7): rows from the scratchpad into two staging buffers, bursts from there to memory.
// Stepped against other users of the scratchpad, or in closed form. Also sends the completion record. Driven by the
// core. Moves no data.
#ifndef TW_SIMULATOR_CYCLE_STOREUNIT_H
#define TW_SIMULATOR_CYCLE_STOREUNIT_H

#include "Leap.h"
#include "Ring.h"
#include "tw/isa/MemoryTiming.h"
#include "tw/isa/Timing.h"
#include <deque>
#include <optional>

namespace tw::simulator::cycle {

class StoreUnit {
public:
  StoreUnit(const isa::HwConfig &config, const Banks &banks, isa::MemoryTiming &memory)
      : config_(config), banks_(banks), memory_(memory), beatShift_(unsigned(std::countr_zero(config.axiBytes))),
        rowShift_(unsigned(std::countr_zero(config.n))) {
    reset();
  }

  void reset();
  /// Starts an instruction whose region begins at `base`.
  void start(const isa::Line &line, uint64_t base, Cycle start);
  /// Rows are still to be read.
  bool isReading() const { return rows_ != 0; }
  Cycle now() const { return now_; }

  /// One cycle of the reading side.
  void step(BankSet &taken, Conflicts &conflicts);
  /// Cycle in which the next row is asked for.
  Cycle asksFrom() const { return row_ == 0 ? std::max(now_, bufferFree_[turn_]) : now_; }
  /// The rows from now() on as a stream; while a buffer is awaited, in `span` for how many cycles. False if the next
  /// row is the last of its burst.
  bool requests(Stream &rows, Cycle &span) const;
  /// Brings the reading side `cycles` further, in which `rows` rows were granted. `asked`: it was not waiting.
  void leap(uint64_t cycles, uint64_t rows, bool asked);
  /// A cycle before which an instruction that is still reading does not end.
  Cycle notBefore() const { return isReading() ? now_ + rowsLeft_ : kNever; }
  /// Cycle in which the last row of the burst at hand is granted if nothing is in the way.
  Cycle burstRead() const;
  /// Brings the reading side to cycle `to` with every request granted.
  void advance(Cycle to);

  /// The instruction's end: known once all its rows were read.
  Cycle end() const { return lastResponse_ + 1; }
  /// Address of the first burst that the memory refused.
  std::optional<uint64_t> failedAddress() const { return failed_; }
  GroupSet groups() const { return groups_; }

  /// Cycles since the last call in which a row was granted or a beat accepted, and none lost.
  uint64_t takeBusyCycles();
  uint64_t bytesWritten() const { return bytesWritten_; }
  /// Bursts of stores, by their latency from the cycle before the address is shown to the one after the response.
  const isa::LatencyHistogram &latencies() const { return latencies_; }

  /// Sends the completion record as if its last row had been granted in `cycle`; the cycle of its response.
  Cycle sendRecord(uint64_t address, Cycle cycle);
  /// Of the record sent in `cycle`: bytes that the memory has accepted before `now`.
  uint32_t recordBytes(Cycle cycle, Cycle now) { return uint32_t(beatsWithin(cycle, now - 1) << beatShift_); }

private:
  struct Span {
    Cycle first, last;
  };
  uint32_t beatsOf(uint32_t bytes) const { return bytes >> beatShift_; }
  void nextBurst();
  /// The last row of the burst was granted in `cycle`: everything up to the response is known. Returns the latency.
  Cycle send(uint64_t address, uint32_t bytes, Cycle cycle);
  /// The last row of the burst at hand was granted in `cycle`.
  void sendBurst(Cycle cycle);
  /// Cycles of [first, last] in which a beat is accepted. Intervals asked for must not go back.
  uint64_t beatsWithin(Cycle first, Cycle last);

  const isa::HwConfig &config_;
  const Banks &banks_;
  isa::MemoryTiming &memory_;
  unsigned beatShift_, rowShift_;

  isa::BurstWalk walk_;
  isa::Burst burst_;
  uint32_t rows_, row_; // of the burst at hand; rows_ == 0: none
  GroupSet groups_;
  uint64_t rowsLeft_; // of the instruction
  Cycle now_;
  Cycle bufferFree_[2], senderFree_, lastResponse_;
  unsigned turn_;
  Ring<Cycle> responses_; // of the bursts that were unanswered when the last one was sent
  std::optional<uint64_t> failed_;
  std::deque<Span> beats_; // cycles of accepted beats that rows may still coincide with
  uint64_t busy_, bytesWritten_;
  isa::LatencyHistogram latencies_;
};

} // namespace tw::simulator::cycle
#endif
