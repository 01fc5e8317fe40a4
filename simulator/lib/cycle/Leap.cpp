// SPDX-License-Identifier: Apache-2.0
#include "Leap.h"

namespace tw::simulator::cycle {

bool Streams::areApart() const {
  if (depth != 0 && pipe != 0 && pipe != (1u << depth) - 1)
    return false;
  GroupSet seen = 0;
  for (const Stream &stream : of) {
    if (stream.kind != Stream::Asking)
      continue;
    const GroupSet group = GroupSet(1) << stream.group;
    if (seen & group)
      return false;
    seen |= group;
  }
  // A pipe that is empty fills, and a full one runs empty without steps.
  return depth == 0 || (pipe != 0) == (of[kDrainSteps].kind != Stream::Absent);
}

Schedule::Schedule(const Streams &streams, const Banks &banks) {
  struct State {
    std::array<uint16_t, kClients> positions;
    uint32_t pipe, loads, outside;
    bool isLoading; // the weights' stream is there
    bool operator==(const State &) const = default;
  };
  std::array<State, kLongest + 1> seen;
  State state;
  state.pipe = streams.pipe;
  state.loads = streams.loads;
  state.outside = streams.outside;
  state.isLoading = streams.loads == 0;
  for (unsigned i = 0; i != kClients; ++i)
    state.positions[i] = streams.of[i].position;
  done_[0].pipe = uint8_t(streams.pipe);

  for (length_ = 0; length_ != kLongest; ++length_) {
    seen[length_] = state;
    for (from_ = 0; state.loads == 0 && from_ != length_; ++from_)
      if (seen[from_] == state) { // what follows is what followed then
        period_ = length_ - from_;
        for (unsigned i = 0; i != kColumns; ++i)
          perPeriod_[i] = uint8_t(done_[length_].counts[i] - done_[from_].counts[i]);
        return;
      }
    Cycles &next = done_[length_ + 1] = done_[length_];
    const auto count = [&](unsigned column) { ++next.counts[column]; };
    BankSet taken = 0;
    unsigned lost = 0;
    // True if the client makes its step in this cycle.
    const auto ask = [&](Client client) {
      const Stream &stream = streams[client];
      if (stream.kind != Stream::Asking)
        return stream.kind == Stream::Free;
      if (!grant(banks.banksAt(stream.group, state.positions[client]), taken, lost))
        return false;
      state.positions[client] = uint16_t((state.positions[client] + stream.stride) & banks.positionMask());
      return true;
    };
    for (Client client : {kBeats, kStoreRows})
      if (ask(client))
        count(client);
    if (lost != 0)
      count(kStoreLost);
    lost = 0;
    const bool issues = state.outside != 0 || ask(kActivations);
    state.outside -= state.outside != 0;
    if (issues)
      count(kActivations);
    if (state.isLoading && ask(kWeights)) {
      count(kWeights);
      if (state.loads != 0 && --state.loads == 0)
        state.isLoading = false;
    } else if (state.loads != 0 && issues) {
      state.isLoading = true;
    }
    next.counts[kMatrixLost] = uint8_t(next.counts[kMatrixLost] + lost);
    if (lost != 0)
      count(kMatrixLosing);
    if (streams.depth == 0)
      continue;
    lost = 0;
    const bool writes = state.pipe >> (streams.depth - 1) & 1;
    const bool isWritten = writes && ask(kDrainWrites);
    const uint16_t residual = state.positions[kDrainSteps];
    const bool steps = ask(kDrainSteps);
    if (writes && !isWritten) { // all stands still; what the residual's read got is ignored
      state.positions[kDrainSteps] = residual;
    } else {
      state.pipe = (state.pipe << 1 | steps) & ((1u << streams.depth) - 1);
      count(kDrainMoves);
      if (isWritten)
        count(kDrainWrites);
      if (steps)
        count(kDrainSteps);
    }
    next.pipe = uint8_t(state.pipe);
    next.counts[kDrainLost] = uint8_t(next.counts[kDrainLost] + lost);
    if (lost != 0)
      count(kDrainLosing);
  }
}

uint64_t Schedule::cyclesFor(Client client, uint64_t steps) const {
  const auto done = [&](uint32_t cycles) { return done_[cycles].counts[client]; };
  if (done(length_) >= steps) {
    uint32_t cycles = uint32_t(steps); // at least
    while (done(cycles) < steps)
      ++cycles;
    return cycles;
  }
  const uint32_t gain = perPeriod_[client];
  if (gain == 0)
    return kNever;
  const uint32_t periods = (uint32_t(steps) - done(from_) - 1) / gain;
  const uint32_t rest = uint32_t(steps) - periods * gain; // made in the first period
  uint32_t cycles = from_ + 1;
  while (done(cycles) < rest)
    ++cycles;
  return cycles + uint64_t(periods) * period_;
}

Schedule::Counts Schedule::after(uint32_t cycles) const {
  Counts counts;
  uint32_t periods = 0;
  const Cycles &done = done_[row(cycles, periods)];
  for (unsigned i = 0; i != kColumns; ++i)
    counts.of[i] = done.counts[i] + periods * perPeriod_[i];
  counts.pipe = done.pipe;
  return counts;
}

bool Schedule::steps(Client client, uint64_t cycle) const {
  uint32_t periods = 0;
  const unsigned before = cycle < length_ ? unsigned(cycle) : row(uint32_t(cycle), periods);
  return done_[before + 1].counts[client] != done_[before].counts[client];
}

Schedules::Key Schedules::keyOf(const Streams &streams) const {
  const uint32_t once = streams.outside << 8 | streams.loads;
  Key key{0, (uint64_t(once) << 4 | streams.depth) << 8 | streams.pipe};
  for (unsigned i = 0; i != kDrainMoves; ++i) { // the last one has no position
    const Stream &stream = streams.of[i];
    const bool asks = stream.kind == Stream::Asking;
    key.rest = key.rest << 2 | stream.kind;
    key.positions = key.positions << 8;
    if (asks)
      key.positions |= uint64_t(stream.group) << 6 | banks_.bankAt(stream.position) << 3 | banks_.bankAt(stream.stride);
  }
  // Only activations lie across rows.
  if (const Stream &stream = streams[kActivations]; stream.kind == Stream::Asking)
    key.rest = key.rest << 16 | banks_.offsetAt(stream.position) << 8 | banks_.offsetAt(stream.stride);
  else
    key.rest <<= 16;
  return key;
}

const Schedule &Schedules::of(const Streams &streams) {
  const Key key = keyOf(streams);
  Recent &recent = recent_[key.hash() >> 54];
  if (!(recent.key == key)) {
    std::unique_ptr<Schedule> &schedule = all_[key];
    if (!schedule)
      schedule = std::make_unique<Schedule>(streams, banks_);
    recent = {key, schedule.get()};
  }
  return *recent.schedule;
}

void Schedules::forgetMany() {
  if (all_.size() < 20000)
    return;
  all_.clear();
  recent_ = {};
}

} // namespace tw::simulator::cycle
