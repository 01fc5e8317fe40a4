// SPDX-License-Identifier: Apache-2.0
// The verilated design of one configuration behind isa::Machine; each configuration is a plug-in that is loaded by
// name. Called by the rtl transport, co-simulation tests and benches. Knows no program; TraceEvent::writtenHash stays 0
// (compare memory, dumpSpace() and times instead), MachineOptions::{timingOnly, checkRaces} mean nothing here.
#ifndef TW_RTL_MODEL_H
#define TW_RTL_MODEL_H

#include "tw/isa/Diag.h"
#include "tw/isa/Machine.h"
#include "tw/isa/MemoryTiming.h"
#include "tw/isa/RegisterPort.h"
#include <string>

namespace tw::rtl {

/// What only the design has. A variant is another build of the same design: "unique" starts with random registers,
/// "trace" can write a waveform.
struct ModelOptions : isa::MachineOptions {
  ModelOptions(const isa::MachineOptions &common = {}) : isa::MachineOptions(common) {}
  std::string variant;          // the plug-in is tw_rtl_<config>_<variant>.so; empty: the plain one
  uint64_t hostSeed = 0;        // how the host goes about accesses while no job runs; 0: promptly, else at random
  uint64_t initialSeed = 0;     // unique: what every register holds before the first reset; 0: zeros
  std::string waveform;         // trace: a VCD file; its time is the cycle, its values are those visible in that cycle
  uint32_t waveformJob = 0;     // of the jobs since construction
  uint64_t waveformBegin = 0;   // first cycle of the job
  uint64_t waveformEnd = ~0ull; // the cycle after the last
};

/// The design with its bench: DRAM behind MemoryTiming, a host on the registers' port, checkers on both ports.
/// A register write takes effect in the cycle at which the machine stands and moves it one cycle on; a read moves it a
/// few cycles on. A job's cycles count from its cycle 0 (docs/timing.md).
class Model : public isa::Machine {
public:
  /// What the host does during the next job: cycles count from its cycle 0 on, also behind its end, and are at least 2.
  virtual void schedule(std::vector<isa::HostAccess> accesses) = 0;
  /// Lets the schedule come to its end, and tells what became of each access.
  virtual std::vector<isa::HostAnswer> answers() = 0;

  /// Broken rules of AXI4 and of the contract's section 10, one text each, since construction; must be empty. Never
  /// more than a few dozen are kept.
  virtual const std::vector<std::string> &protocolErrors() const = 0;

  /// Clock cycles since construction, for measurements.
  virtual uint64_t clockCycles() const = 0;
};

/// Where plug-ins lie: the environment variable TW_RTL_DIR, else lib/ beside the program's bin/, else the build folder.
std::string modelDirectory();

/// Loads build/lib/tw_rtl_<config>.so (once per process) and builds a machine with `memoryBytes` of zeroed DRAM. The
/// Diag of a missing plug-in names the command that builds it.
Result<std::unique_ptr<Model>> loadModel(const std::string &config, const ModelOptions &options,
                                         const isa::MemoryTimingConfig &timing, uint64_t memoryBytes);

} // namespace tw::rtl
#endif
