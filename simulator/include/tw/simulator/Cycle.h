// SPDX-License-Identifier: Apache-2.0
// For: the cycle model, the machine in time: the same memory as the functional model, and the cycle of everything that
// happens. Called by the cycle transport, the tuner, the profiler, and by the comparison with the RTL. Does not: follow
// the contents of SPM inside an instruction (data are computed whole, at its end), and it keeps counters only for jobs
// that have ended. docs/timing.md is what it promises.
#ifndef TW_SIMULATOR_CYCLE_H
#define TW_SIMULATOR_CYCLE_H

#include "tw/isa/HwConfig.h"
#include "tw/isa/Machine.h"
#include "tw/isa/MemoryTiming.h"

#include <memory>

namespace tw::simulator {

/// What orders the events. Both give the same cycles; SystemC is for those who build a system around the model.
enum class CycleKernel : uint8_t { Plain, SystemC };

/// Of MachineOptions it uses all but checkRaces. With timingOnly only parameters and tables are loaded.
struct CycleOptions : isa::MachineOptions {
  CycleKernel kernel = CycleKernel::Plain;
  isa::MemoryTimingConfig memory; // memoryBytes 0: the size of the machine's DRAM
  bool dataThread = false;        // compute data on a second thread, behind the timing; ignored with hashWrites
  bool stepAlways = false;        // step every unit in every cycle instead of jumping; slow, the same cycles
};

/// A machine with `memoryBytes` of DRAM, zero until written. `config` must be valid (isa::validate). Machines on the
/// SystemC kernel share the process's one simulation context: use them from one thread.
std::unique_ptr<isa::Machine> createCycleMachine(const isa::HwConfig &config, uint64_t memoryBytes,
                                                 const CycleOptions &options = {});

} // namespace tw::simulator

#endif // TW_SIMULATOR_CYCLE_H
