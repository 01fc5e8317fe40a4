// SPDX-License-Identifier: Apache-2.0
// The AXI read port (docs/timing.md, section 4): when it can grant, which bursts are outstanding, and which beats write
// the scratchpad in which cycle. Driven by the core, which chooses the requester. Moves no data.
#ifndef TW_SIMULATOR_CYCLE_READPORT_H
#define TW_SIMULATOR_CYCLE_READPORT_H

#include "Banks.h"
#include "Leap.h"
#include "Ring.h"
#include "tw/isa/MemoryTiming.h"
#include "tw/isa/Timing.h"
#include <deque>

namespace tw::simulator::cycle {

class ReadPort {
public:
  ReadPort(const isa::HwConfig &config, const Banks &banks, isa::MemoryTiming &memory)
      : config_(config), banks_(banks), memory_(memory), beatShift_(unsigned(std::countr_zero(config.axiBytes))) {}

  void reset();
  /// The first cycle not before `c` in which a request can be granted. The job does not end before `c`.
  Cycle nextGrant(Cycle c) {
    while (!outstanding_.empty() && outstanding_.front().last < c)
      outstanding_.pop_front();
    c = std::max(c, addressFree_);
    if (outstanding_.size() < config_.axiOutstandingReads)
      return c;
    // Those that are answered until then are not forgotten: the job may end before.
    return std::max(c, outstanding_[outstanding_.size() - config_.axiOutstandingReads].last + 1);
  }
  /// Grants a burst in `c`; its beats are processed one cycle after they are on the bus.
  isa::ReadBurst grant(Cycle c, uint64_t address, uint32_t bytes) {
    addressFree_ = memory_.acceptRead(c + 1);
    const isa::ReadBurst burst = memory_.read(addressFree_, address, bytes >> beatShift_);
    const unsigned bucket = isa::latencyBucket(burst.last + 1 - c);
    outstanding_.push_back({burst.last, bucket});
    ++latencies_[bucket];
    return burst;
  }
  /// The beats of the burst just granted write the scratchpad from address `spm` on.
  /// Nobody asks any more for cycles before `now`.
  void writesScratchpad(const isa::ReadBurst &burst, uint64_t spm, Cycle now);
  /// The first cycle in which no burst is outstanding any more.
  Cycle quietFrom() const { return outstanding_.empty() ? 0 : outstanding_.back().last + 1; }
  /// Bank that a beat writes in cycle `c`; empty when none does. Cycles must not go back.
  BankSet bankWritten(Cycle c) { return c < nextWrite_ ? 0 : findWrite(c); }
  /// The beats from cycle `c` on as a stream, and in `span` for how many cycles that is all there is. False if they
  /// follow no rule. Cycles must not go back.
  bool beats(Cycle c, Stream &stream, Cycle &span);
  /// Beats of that stream were processed.
  void skipBeats(uint64_t count);
  /// Bursts whose last beat is processed in cycles up to `c`, by their latency from the grant to that beat.
  isa::LatencyHistogram latencies(Cycle c) const;
  /// Beats of a burst that are processed in cycles up to `c`.
  uint32_t beatsProcessed(const isa::ReadBurst &burst, Cycle c) const;

private:
  /// Beats that write contiguous rows: of one burst, or of several that follow each other without a gap.
  struct Writes {
    uint64_t spm;    // where the next one writes
    Cycle processed; // the next one
    Cycle last;      // the last one
    uint64_t burst;  // number of the burst, if not gapFree
    uint32_t beat;   // next one of it
    bool gapFree;
  };
  /// Past the next beat of the front.
  void nextBeat();
  /// Forgets beats before `c`.
  void seek(Cycle c);
  BankSet findWrite(Cycle c);

  const isa::HwConfig &config_;
  const Banks &banks_;
  isa::MemoryTiming &memory_;
  unsigned beatShift_;
  Cycle addressFree_ = 0; // the address register takes the next burst from here on
  struct Outstanding {
    Cycle last; // bus cycle of the last beat
    unsigned bucket;
  };
  Ring<Outstanding> outstanding_;     // in the order of the grants
  isa::LatencyHistogram latencies_{}; // of all grants
  std::deque<Writes> writes_;
  Cycle nextWrite_ = kNever; // no beat writes before this cycle
};

} // namespace tw::simulator::cycle
#endif
