// SPDX-License-Identifier: Apache-2.0
#include "ReadPort.h"

namespace tw::simulator::cycle {

void ReadPort::reset() {
  addressFree_ = 0;
  outstanding_.clear();
  latencies_ = {};
  writes_.clear();
  nextWrite_ = kNever;
}

isa::LatencyHistogram ReadPort::latencies(Cycle c) const {
  isa::LatencyHistogram counts = latencies_;
  for (uint32_t i = 0; i != outstanding_.size(); ++i)
    counts[outstanding_[i].bucket] -= outstanding_[i].last + 1 > c;
  return counts;
}

void ReadPort::writesScratchpad(const isa::ReadBurst &burst, uint64_t spm, Cycle now) {
  while (!writes_.empty() && writes_.front().last < now)
    writes_.pop_front();
  const Cycle first = burst.first + 1, last = burst.last + 1;
  if (!writes_.empty() && burst.gapFree) {
    Writes &back = writes_.back();
    if (back.gapFree && back.last + 1 == first && back.spm + (first - back.processed) * config_.axiBytes == spm) {
      back.last = last;
      nextWrite_ = writes_.front().processed;
      return;
    }
  }
  writes_.push_back({spm, first, last, burst.index, 0, burst.gapFree});
  nextWrite_ = writes_.front().processed;
}

void ReadPort::nextBeat() {
  Writes &writes = writes_.front();
  if (writes.processed == writes.last) {
    writes_.pop_front();
    nextWrite_ = writes_.empty() ? kNever : writes_.front().processed;
    return;
  }
  writes.spm += config_.axiBytes;
  ++writes.beat;
  writes.processed =
      writes.gapFree ? writes.processed + 1 : memory_.nextReadBeat(writes.burst, writes.beat, writes.processed - 1) + 1;
  nextWrite_ = writes.processed;
}

void ReadPort::seek(Cycle c) {
  while (!writes_.empty() && writes_.front().last < c)
    writes_.pop_front();
  nextWrite_ = writes_.empty() ? kNever : writes_.front().processed;
  if (nextWrite_ >= c)
    return;
  if (writes_.front().gapFree)
    skipBeats(c - nextWrite_);
  while (nextWrite_ < c)
    nextBeat();
}

BankSet ReadPort::findWrite(Cycle c) {
  seek(c);
  if (nextWrite_ != c)
    return 0;
  const BankSet bank = banks_.bank(writes_.front().spm);
  nextBeat();
  return bank;
}

bool ReadPort::beats(Cycle c, Stream &stream, Cycle &span) {
  if (nextWrite_ < c)
    seek(c);
  if (nextWrite_ != c) {
    span = std::min(span, nextWrite_ - c); // kNever is far away from every cycle
    return true;
  }
  const Writes &writes = writes_.front();
  if (!writes.gapFree)
    return false;
  const bool isWholeRow = config_.axiBytes == config_.n;
  stream.kind = Stream::Asking;
  stream.group = uint8_t(banks_.group(writes.spm));
  stream.position = uint16_t(banks_.position(writes.spm) & ~(config_.n - 1));
  stream.stride = isWholeRow ? banks_.position(config_.n) : 0;
  const uint64_t rule =
      isWholeRow ? banks_.rowsInGroup(writes.spm) : (config_.n - writes.spm % config_.n) / config_.axiBytes;
  stream.left = std::min(writes.last - writes.processed + 1, rule);
  return true;
}

void ReadPort::skipBeats(uint64_t count) {
  if (count == 0)
    return;
  Writes &writes = writes_.front();
  writes.spm += (count - 1) * config_.axiBytes;
  writes.processed += count - 1;
  nextBeat();
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
