// SPDX-License-Identifier: Apache-2.0
// A program with everything that decides its run, where it lies in memory, and both as files.
// Called by the co-simulation tests and by the long-run tool tw-cosim.
// Does not run anything: Lockstep.h does.
#ifndef TW_TESTS_COSIM_SCENARIO_H
#define TW_TESTS_COSIM_SCENARIO_H

#include "tw/isa/Assembler.h"
#include "tw/isa/MemoryTiming.h"
#include "tw/isa/RegisterPort.h"
#include "tw/support/Job.h"

#include <optional>
#include <string>
#include <vector>

namespace tw::cosim {

/// Beats of the first job that the memory answers with an error.
struct BusError {
  static constexpr int kDescriptor = -1; // as region: the job descriptor

  int region = kDescriptor;
  uint64_t offset = 0; // bytes, in the region
  uint64_t bytes = 1;
  isa::AxiResponse response = isa::AxiResponse::SlaveError;
  bool onRead = true;
  bool onWrite = true;
  bool operator==(const BusError &) const = default;
};

/// A region that begins inside another one.
struct Alias {
  int region = 0, of = 0;
  uint64_t offset = 0; // of the other's first byte; a multiple of 4096
  bool operator==(const Alias &) const = default;
};

/// Region 0 and region 3 of a program may be left closed: the layout opens them for code and records.
struct Scenario {
  isa::HwConfig config;
  isa::Assembly assembly;
  std::string memory = "ideal"; // parseMemoryTiming
  std::vector<BusError> errors;
  bool serial = false;
  uint8_t poison = 0;
  uint64_t cycleBudget = 0;
  std::optional<uint64_t> resetAt, abortAt; // cycle of the job, at least 1; a machine without time ends first
  std::vector<isa::HostAccess> host;        // while the first job runs and after it
  std::vector<Alias> aliases;               // of the first job's regions
  std::optional<isa::Assembly> next;        // the job that follows on the same machine, in memory of its own
  int laps = 1;                             // so many times both; the last is looked at
  bool isNextAlone = false;                 // the machine runs only `next`, at the same place
};

/// Regions one after the other in DRAM, code and record included; then those of the next job.
struct Layout {
  test::Job job;
  std::optional<test::Job> next;
  uint64_t nextBegin = 0; // first byte of the next job's memory; memoryBytes without one
  uint64_t memoryBytes = 0;
};
Layout layOut(const Scenario &scenario);

/// The memory of a scenario, its errors at their physical addresses.
Result<isa::MemoryTimingConfig> memoryOf(const Scenario &scenario, const Layout &layout);

/// Writes program.twasm, next.twasm, machine.yaml and stimulus.cfg; readScenario() gives the same scenario again.
void writeScenario(const std::string &folder, const Scenario &scenario);
Result<Scenario> readScenario(const std::string &folder);

} // namespace tw::cosim

#endif // TW_TESTS_COSIM_SCENARIO_H
