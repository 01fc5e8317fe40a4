// SPDX-License-Identifier: Apache-2.0
// What for: one package loaded on one device, run as often as wanted, with the trace and counters of its jobs.
// Called by: the verbs that run something.
// Does not: compile, or compare results.
#ifndef TW_TOOLS_LIB_SESSION_H
#define TW_TOOLS_LIB_SESSION_H

#include "Common.h"

#include "tw/isa/Machine.h"

#include <memory>

namespace tw::tools {

struct SessionOptions {
  std::string device = "functional"; // functional, cycle or rtl
  std::string memory;      // memory behind a timed device: ideal, ideal:LATENCY, rows, random:SEED; empty: ideal
  uint8_t poison = 0;      // what on-chip memories hold at the start
  bool timingOnly = false; // cycle: no data are computed, outputs mean nothing
  uint64_t budget = 0;     // cycles of each job; 0: the driver's own (tw_instance_budget)
  uint32_t threads = 1;    // that share host code; 0: all of the processor (tw_device_threads)
  std::string gpuLibrary;  // through which a package with GPU code reaches a GPU (tw_device_gpu); empty: the system's
};

/// What a run leaves besides its outputs. A package with several NPU steps has several jobs, in order.
struct Job {
  std::vector<isa::TraceEvent> events; // in order of retirement
  std::vector<uint64_t> counters;      // by isa::CounterId
  uint64_t cycles = 0;                 // 0 on the functional model
};

/// How long the host took for a step of a run.
struct StepTime {
  uint32_t step = 0; // of the package
  uint64_t ns = 0;
};

class Session {
public:
  /// The package was compiled by this command, or openPackage let it in: its host code runs. An error names the device
  /// and what to do.
  static llvm::Expected<std::unique_ptr<Session>> open(const std::string &packageBytes, const isa::Package &package,
                                                       const SessionOptions &options);
  virtual ~Session() = default;

  /// The entry that takes inputs of these shapes, as the driver chooses it.
  virtual llvm::Expected<size_t> choose(const Tensors &inputs) const = 0;
  /// One run of an entry of the package; inputs in the order of the entry, of shapes that it takes. State stays for the
  /// next run.
  virtual llvm::Expected<RunResult> run(const Tensors &inputs, size_t entry = 0) = 0;
  virtual void resetState() = 0;
  /// Why the GPU's steps are done by the host; empty where they are not.
  virtual std::string withoutGpu() const = 0;
  /// The steps of the last run that are not the NPU's: of host code, copies, GPU code.
  virtual const std::vector<StepTime> &hostTimes() const = 0;
  /// The jobs of the last run.
  virtual const std::vector<Job> &jobs() const = 0;
};

/// Is there a model of the RTL for this machine?
bool isRtlBuilt(const std::string &config);

/// The first difference between the jobs of two runs of one package, in words; empty if there is none. Timed devices
/// must agree in every instruction's start and end and in every counter; against the functional model only the order of
/// each engine's instructions is compared.
std::string firstDifference(const std::vector<Job> &a, const std::vector<Job> &b, bool isTimed,
                            const isa::Package &package);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_SESSION_H
