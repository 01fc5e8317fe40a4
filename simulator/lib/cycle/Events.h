// SPDX-License-Identifier: Apache-2.0
// The kinds of events of the cycle model, and the plain kernel that orders them. A kernel holds at most one pending
// event of each kind, the earliest asked for; events are handled by cycle, then by kind. Used by the core, a template
// over kernels.
#ifndef TW_SIMULATOR_CYCLE_EVENTS_H
#define TW_SIMULATOR_CYCLE_EVENTS_H

#include "Banks.h"
#include <array>

namespace tw::simulator::cycle {

/// In the order in which they are handled within a cycle. A decision of an earlier kind never needs what a later one
/// writes in the same cycle; what an earlier one writes carries the cycle from which on it is visible.
enum class Event : uint8_t {
  Read,     // the read port grants
  FrontEnd, // descriptor, fetch, decode, issue, end of job
  Dispatch, // queue heads start
  Banks,    // one cycle of all units that share bank groups
  Matrix,   // MX alone: the last row of an instruction is issued
  Drain,    // RQ alone: its instruction ends
  Vector,   // VX alone: its instruction ends
  Store,    // ST alone: the last row of a burst is read
  EndLa,    // instructions end
  EndLw,
  EndMatrix,
  EndStore,
};
inline constexpr unsigned kEvents = 12;

/// (cycle, kind) as one number: the order of events.
inline constexpr unsigned kPhases = 16;
static_assert(kEvents <= kPhases);
inline constexpr uint64_t eventKey(Cycle cycle, Event event) { return cycle * kPhases + unsigned(event); }
inline constexpr Cycle keyCycle(uint64_t key) { return key / kPhases; }
inline constexpr Event keyEvent(uint64_t key) { return Event(key % kPhases); }

/// The first cycle in which `event` comes after what is pending at `key`.
inline constexpr Cycle firstBlocked(uint64_t key, Event event) { return keyCycle(key) + (keyEvent(key) >= event); }

/// Kinds that only look ahead, at what cannot change before any other kind: they never start or end an instruction.
inline constexpr bool isLookahead(Event event) {
  return event == Event::Read || event == Event::Banks || event == Event::Store;
}
/// The first cycle of `keys` in which an instruction may start or end, or the front end act.
inline Cycle firstChange(const std::array<uint64_t, kEvents> &keys) {
  uint64_t first = kNever;
  for (unsigned i = 0; i != kEvents; ++i)
    first = isLookahead(Event(i)) ? first : std::min(first, keys[i]);
  return keyCycle(first);
}

/// A row of slots, searched from end to end: with a dozen kinds that is faster than a heap.
class PlainKernel {
public:
  PlainKernel() { clear(); }
  void clear() {
    keys_.fill(kNever);
    isKnown_ = false;
  }
  void at(Event event, Cycle cycle) {
    uint64_t &slot = keys_[unsigned(event)];
    slot = std::min(slot, eventKey(cycle, event));
    isKnown_ = false;
  }
  void cancel(Event event) {
    keys_[unsigned(event)] = kNever;
    isKnown_ = false;
  }
  /// The first cycle in which `event` would have to wait for another one, or for the next run.
  Cycle freeUntil(Event event) { return std::min(firstBlocked(earliest(), event), limit_); }
  Cycle pending(Event event) const { return keyCycle(keys_[unsigned(event)]); }
  /// The first cycle in which anything but a look ahead is pending, or of the next run.
  Cycle unchangedUntil() const { return std::min(firstChange(keys_), limit_); }
  /// Handles events before cycle `limit` until none is left or the handler says stop.
  template <class Handler> void run(Cycle limit, Handler &handler) {
    limit_ = limit;
    while (true) {
      uint64_t key = earliest();
      if (key == kNever || keyCycle(key) >= limit)
        return;
      cancel(keyEvent(key));
      handler.handle(keyEvent(key), keyCycle(key));
    }
  }

private:
  uint64_t earliest() {
    if (isKnown_)
      return earliest_;
    earliest_ = keys_[0];
    for (unsigned i = 1; i != kEvents; ++i)
      earliest_ = std::min(earliest_, keys_[i]);
    isKnown_ = true;
    return earliest_;
  }
  std::array<uint64_t, kEvents> keys_;
  uint64_t earliest_ = kNever;
  bool isKnown_ = false; // earliest_ is up to date
  Cycle limit_ = kNever;
};

} // namespace tw::simulator::cycle
#endif
