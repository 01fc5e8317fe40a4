// SPDX-License-Identifier: Apache-2.0
// Arbitration of the scratchpad over many cycles at once (docs/rationale/leaps.md). As long as every client walks its
// banks by a fixed stride, who wins and who loses repeats after a few cycles: a Schedule finds that period once, and
// the core goes over thousands of cycles by multiplication. Used by the core; the units say what they ask for. Knows no
// addresses and no units.
#ifndef TW_SIMULATOR_CYCLE_LEAP_H
#define TW_SIMULATOR_CYCLE_LEAP_H

#include "Banks.h"
#include <array>
#include <memory>
#include <unordered_map>

namespace tw::simulator::cycle {

/// What can be leapt over: the clients in the order of their priority, and the pipe of RQ, which moves unless a write
/// of its is lost.
enum Client : uint8_t { kBeats, kStoreRows, kActivations, kWeights, kDrainWrites, kDrainSteps, kDrainMoves, kClients };

/// What a client does from now on, at most one step a cycle.
struct Stream {
  enum Kind : uint8_t {
    Absent, // nothing
    Free,   // steps without a request
    Asking, // asks for the row at `position`; granted, it asks for the one `stride` further on
  };
  Kind kind = Absent;
  uint8_t group = 0;
  uint16_t position = 0, stride = 0; // in bytes, modulo a row of each bank of the group
  uint64_t left = 0;                 // steps for which this holds
};

struct Streams {
  std::array<Stream, kClients> of;
  static constexpr uint32_t kMostOutside = 15;
  uint32_t outside = 0; // MX: rows of activations that are not read come first
  uint32_t loads = 0; // MX: rows of weights that the loader asks for once the first row of activations has gone; 0: now
  uint32_t pipe = 0;  // RQ: bit k: a row is k + 1 moves behind its step
  uint32_t depth = 0; // RQ: moves from a row's step to its write; 0: RQ is not there

  Stream &operator[](Client client) { return of[client]; }
  const Stream &operator[](Client client) const { return of[client]; }
  /// Nothing can be lost: no two clients ask in one group, and RQ writes in every cycle or never.
  bool areApart() const;
};

/// Who is granted when, from the cycle on in which the streams were taken.
class Schedule {
public:
  Schedule(const Streams &streams, const Banks &banks);

  /// Of each unit: requests that lost, and cycles in which at least one did.
  enum Loss : uint8_t { kStoreLost = kClients, kMatrixLost, kMatrixLosing, kDrainLost, kDrainLosing, kColumns };

  /// Cycles for which the schedule is known.
  uint64_t known() const { return period_ != 0 ? kNever : length_; }
  /// Cycles until `client` has made `steps` steps, at least one; kNever if it never gets there in the cycles known.
  uint64_t cyclesFor(Client client, uint64_t steps) const;
  /// Steps of each client, and losses, within `cycles`; and the pipe after them.
  struct Counts {
    std::array<uint32_t, kColumns> of{};
    uint32_t pipe = 0;
  };
  Counts after(uint32_t cycles) const;
  /// Whether `client` makes a step in cycle `cycle`, counted from 0.
  bool steps(Client client, uint64_t cycle) const;

private:
  static constexpr unsigned kLongest = 120; // cycles looked at; with four banks most periods are 4 to 12 long
  unsigned row(uint32_t cycles, uint32_t &periods) const {
    if (cycles <= length_)
      return cycles;
    const uint32_t beyond = cycles - from_;
    periods = beyond / period_;
    return from_ + beyond % period_;
  }
  struct Cycles {
    std::array<uint8_t, kColumns> counts{}; // at most two in a cycle
    uint8_t pipe = 0;
  };
  std::array<Cycles, kLongest + 1> done_; // in the first t cycles, up to length_ = from_ + period_
  std::array<uint8_t, kColumns> perPeriod_{};
  uint32_t length_ = 0, from_ = 0, period_ = 0;
};

/// All schedules that were needed so far.
class Schedules {
public:
  explicit Schedules(const Banks &banks) : banks_(banks) {}
  /// The schedule stays where it is until forgetMany().
  const Schedule &of(const Streams &streams);

  /// Frees memory if a program asked for very many. Nobody may hold a schedule.
  void forgetMany();

private:
  struct Key {
    uint64_t positions = ~uint64_t(0), rest = 0;
    bool operator==(const Key &) const = default;
    uint64_t hash() const { return (positions ^ rest * 0xD6E8FEB86659FD93u) * 0x9E3779B97F4A7C15u; }
  };
  struct Hash {
    size_t operator()(const Key &key) const { return key.hash(); }
  };
  struct Recent {
    Key key;
    const Schedule *schedule = nullptr;
  };
  const Banks &banks_;
  Key keyOf(const Streams &streams) const;
  std::array<Recent, 1024> recent_{};
  std::unordered_map<Key, std::unique_ptr<Schedule>, Hash> all_;
};

} // namespace tw::simulator::cycle
#endif
