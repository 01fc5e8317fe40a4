// SPDX-License-Identifier: Apache-2.0
// For: the result of every instruction, bit-exact and fast: the machine in stream order, without time.
// Called by the functional transport, by tools that check programs, and by every test that compares with a timed model.
// Does not: count cycles, meet AXI errors, deadlocks, budgets or aborts (faults that need time; of a budget
// see below); ignores CONTROL.serial.
#ifndef TW_SIMULATOR_FUNCTIONALMACHINE_H
#define TW_SIMULATOR_FUNCTIONALMACHINE_H

#include "tw/isa/Diag.h"
#include "tw/isa/HwConfig.h"
#include "tw/isa/Machine.h"

#include <memory>
#include <span>

namespace tw::simulator {

/// The functional model. A job runs inside runUntilIdle(). Of MachineOptions it uses trace, hashWrites, checkRaces,
/// poison, hangCycles. A job that would take more than 100 * hangCycles cycles of a timed model (the sum of its
/// instructions' least times), or more than its cycle budget and a million even if all engines worked at once, is given
/// up before the instruction with which it would: runUntilIdle() returns false from then on, until a reset.
class FunctionalMachine : public isa::Machine {
public:
  /// With MachineOptions::checkRaces: accesses of the last job to the same bytes that neither the order of a queue, nor
  /// semaphores, nor fences order, at least one a write; and instructions that read what they write. Both instructions
  /// are named; the first few are kept. The result of the job is that of stream order all the same. Regions are taken
  /// as separate memory.
  virtual std::span<const Diag> races() const = 0;
};

/// A machine with `memoryBytes` of DRAM, zero until written. `config` must be valid (isa::validate).
std::unique_ptr<FunctionalMachine> createFunctionalMachine(const isa::HwConfig &config, uint64_t memoryBytes,
                                                           const isa::MachineOptions &options = {});

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONALMACHINE_H
