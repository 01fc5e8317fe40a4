// SPDX-License-Identifier: Apache-2.0
// What can go wrong in a job that is not in its program: errors of the bus, a reset, an abort, too small a budget, a
// host that reads and writes registers all the time. Called by the sweep, which runs legal programs in it. Does not run
// anything.
#ifndef TW_TESTS_COSIM_TROUBLE_H
#define TW_TESTS_COSIM_TROUBLE_H

#include "Lockstep.h"

namespace tw::cosim {

enum class TroubleKind : uint8_t {
  Reset,
  ReadError,
  WriteError,
  FetchError,
  DescriptorError,
  RecordError,
  Abort,
  Budget,
  Host,
  HostAbort
};
inline constexpr int kTroubleKinds = 10;
const char *name(TroubleKind kind);

/// The fault that a timed model reports; a model whose table row does not name it ends the job well.
struct ExpectedFault {
  isa::FaultCode code;
  // Known where no time is in it; otherwise only the code is.
  bool isPlaceKnown = false;
  isa::Engine engine{};
  uint32_t pc = 0;
  uint64_t address = 0;
  bool mayEndWell = false; // the job may be done before
};

struct Trouble {
  TroubleKind kind;
  std::optional<ExpectedFault> fault; // none: a reset, or a host that must not disturb the job
};

/// Puts trouble into a scenario with a legal program that takes `cycles` cycles without it. A kind for which the
/// program has no place becomes FetchError.
Trouble addTrouble(Scenario &scenario, TroubleKind kind, uint64_t cycles, uint64_t seed);

/// What is wrong with an observation of that scenario; empty if nothing.
std::string checkTrouble(const Trouble &trouble, const Observation &seen);

} // namespace tw::cosim

#endif // TW_TESTS_COSIM_TROUBLE_H
