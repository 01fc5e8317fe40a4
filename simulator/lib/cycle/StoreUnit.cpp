// SPDX-License-Identifier: Apache-2.0
#include "StoreUnit.h"
#include <cassert>

namespace tw::simulator::cycle {

using namespace isa;

void StoreUnit::reset() {
  rows_ = row_ = 0;
  rowsLeft_ = 0;
  groups_ = 0;
  now_ = 0;
  bufferFree_[0] = bufferFree_[1] = senderFree_ = lastResponse_ = 0;
  turn_ = 0;
  failed_.reset();
  responses_.clear();
  beats_.clear();
  busy_ = bytesWritten_ = 0;
  latencies_ = {};
}

void StoreUnit::start(const Line &line, uint64_t base, Cycle start) {
  assert(!isReading());
  DmaWalk walk = DmaWalk::of(line, config_);
  walk_ = BurstWalk(walk, base, config_);
  int64_t end = int64_t(walk.spm + walk.runBytes);
  for (int d = 0; d != 3; ++d)
    end += int64_t(walk.extents[d] - 1) * int64_t(walk.spmStrides[d]);
  groups_ = banks_.groups(walk.spm, end);
  now_ = start + 1;
  rowsLeft_ = walk.bytes() / config_.n;
  failed_.reset();
  nextBurst();
}

void StoreUnit::nextBurst() {
  row_ = rows_ = 0;
  if (walk_.done())
    return;
  burst_ = walk_.next();
  rows_ = burst_.bytes >> rowShift_;
}

Cycle StoreUnit::send(uint64_t address, uint32_t bytes, Cycle cycle) {
  Cycle go = std::max(cycle + 2, senderFree_); // the sender sees the full buffer
  while (!responses_.empty() && responses_.front() < go)
    responses_.pop_front();
  if (responses_.size() >= config_.axiOutstandingReads)
    go = responses_[responses_.size() - config_.axiOutstandingReads] + 1;
  uint64_t index = memory_.nextWriteIndex();
  Cycle accepted = memory_.acceptWrite(index, go + 1);
  uint32_t beats = beatsOf(bytes);
  Cycle last = memory_.lastWriteBeat(index, accepted + 1, beats);
  if (last == accepted + beats) {
    beats_.push_back({accepted + 1, last});
  } else {
    Cycle beat = accepted;
    for (uint32_t i = 0; i != beats; ++i) {
      beat = memory_.acceptWriteBeat(index, i, beat + 1);
      beats_.push_back({beat, beat});
    }
  }
  WriteResponse response = memory_.write(last, address, beats);
  if (response.response != AxiResponse::Okay && !failed_)
    failed_ = address;
  responses_.push_back(response.cycle);
  bufferFree_[turn_] = senderFree_ = last + 1;
  lastResponse_ = response.cycle;
  turn_ ^= 1;
  return response.cycle + 1 - go;
}

void StoreUnit::sendBurst(Cycle cycle) {
  ++latencies_[latencyBucket(send(burst_.address, burst_.bytes, cycle))];
  busy_ += beatsOf(burst_.bytes);
  bytesWritten_ += burst_.bytes;
  nextBurst();
}

uint64_t StoreUnit::beatsWithin(Cycle first, Cycle last) {
  while (!beats_.empty() && beats_.front().last < first)
    beats_.pop_front();
  uint64_t count = 0;
  for (const Span &span : beats_) {
    if (span.first > last)
      break;
    count += std::min(span.last, last) - std::max(span.first, first) + 1;
  }
  return count;
}

void StoreUnit::step(BankSet &taken, Conflicts &conflicts) {
  Cycle cycle = now_++;
  if (!isReading() || (row_ == 0 && bufferFree_[turn_] > cycle))
    return;
  unsigned lost = 0;
  bool granted = grant(banks_.bank(burst_.spm + uint64_t(row_) * config_.n), taken, lost);
  conflicts.requests += lost;
  conflicts.cycles += lost;
  uint64_t coincides = beatsWithin(cycle, cycle);
  busy_ += uint64_t(granted) - coincides; // the beat is counted when it is sent
  rowsLeft_ -= granted;
  if (!granted || ++row_ != rows_)
    return;
  sendBurst(cycle);
}

bool StoreUnit::requests(Stream &rows, Cycle &span) const {
  if (row_ == 0 && bufferFree_[turn_] > now_) {
    span = std::min(span, bufferFree_[turn_] - now_);
    return true;
  }
  const uint64_t address = burst_.spm + uint64_t(row_) * config_.n;
  const uint64_t left = std::min<uint64_t>(rows_ - row_ - 1, banks_.rowsInGroup(address));
  rows = {Stream::Asking, uint8_t(banks_.group(address)), banks_.position(address), banks_.position(config_.n), left};
  return left != 0;
}

void StoreUnit::leap(uint64_t cycles, uint64_t rows, bool asked) {
  if (asked)
    busy_ += rows - beatsWithin(now_, now_ + cycles - 1); // the beats are counted when they are sent
  row_ += uint32_t(rows);
  rowsLeft_ -= rows;
  now_ += cycles;
}

Cycle StoreUnit::burstRead() const { return asksFrom() + (rows_ - row_) - 1; }

void StoreUnit::advance(Cycle to) {
  while (isReading() && now_ < to) {
    const Cycle first = asksFrom();
    if (first >= to)
      break;
    uint32_t count = uint32_t(std::min<uint64_t>(rows_ - row_, to - first));
    busy_ += count - beatsWithin(first, first + count - 1);
    row_ += count;
    rowsLeft_ -= count;
    now_ = first + count;
    if (row_ == rows_)
      sendBurst(now_ - 1);
  }
  now_ = to;
}

uint64_t StoreUnit::takeBusyCycles() {
  uint64_t busy = busy_;
  busy_ = 0;
  return busy;
}

Cycle StoreUnit::sendRecord(uint64_t address, Cycle cycle) {
  failed_.reset();
  send(address, kCompletionRecordBytes, cycle);
  return lastResponse_;
}

} // namespace tw::simulator::cycle
