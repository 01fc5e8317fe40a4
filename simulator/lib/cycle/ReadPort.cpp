// SPDX-License-Identifier: Apache-2.0
#include "ReadPort.h"

namespace tw::simulator::cycle {

void ReadPort::reset() {
  addressFree_ = 0;
  outstanding_.clear();
  writes_.clear();
  nextWrite_ = kNever;
}

Cycle ReadPort::nextGrant(Cycle c) {
  c = std::max(c, addressFree_);
  while (!outstanding_.empty() && outstanding_.front() < c)
    outstanding_.pop_front();
  return outstanding_.size() < config_.axiOutstandingReads ? c : outstanding_.front() + 1;
}

isa::ReadBurst ReadPort::grant(Cycle c, uint64_t address, uint32_t bytes) {
  addressFree_ = memory_.acceptRead(c + 1);
  isa::ReadBurst burst = memory_.read(addressFree_, address, bytes / config_.axiBytes);
  outstanding_.push_back(burst.last);
  return burst;
}

void ReadPort::writesScratchpad(const isa::ReadBurst &burst, uint64_t spm, Cycle now) {
  while (!writes_.empty() && writes_.front().burst.last + 1 < now)
    writes_.pop_front();
  writes_.push_back({burst, spm, 0, burst.first + 1});
  nextWrite_ = std::min(nextWrite_, burst.first + 1);
}

void ReadPort::nextBeat(Writes &writes) const {
  ++writes.beat;
  writes.processed = writes.burst.gapFree
                         ? writes.processed + 1
                         : memory_.nextReadBeat(writes.burst.index, writes.beat, writes.processed - 1) + 1;
}

// Leaves the front of writes_ at the first beat after `c`.
BankSet ReadPort::findWrite(Cycle c) {
  nextWrite_ = kNever;
  while (!writes_.empty() && writes_.front().burst.last + 1 < c)
    writes_.pop_front();
  if (writes_.empty())
    return 0;
  Writes &writes = writes_.front();
  if (writes.burst.gapFree && c > writes.processed) {
    writes.beat += uint32_t(c - writes.processed);
    writes.processed = c;
  }
  while (writes.processed < c)
    nextBeat(writes);
  nextWrite_ = writes.processed;
  if (writes.processed != c)
    return 0;
  BankSet bank = banks_.bank(writes.spm + uint64_t(writes.beat) * config_.axiBytes);
  if (c == writes.burst.last + 1) {
    writes_.pop_front();
    nextWrite_ = writes_.empty() ? kNever : writes_.front().processed;
  } else {
    nextBeat(writes);
    nextWrite_ = writes.processed;
  }
  return bank;
}

uint32_t ReadPort::beatsProcessed(const isa::ReadBurst &burst, Cycle c) const {
  if (burst.last + 1 <= c)
    return burst.beats;
  uint32_t count = 0;
  for (Cycle bus = burst.first; bus + 1 <= c; ++count)
    bus = burst.gapFree ? bus + 1 : memory_.nextReadBeat(burst.index, count + 1, bus);
  return count;
}

} // namespace tw::simulator::cycle
