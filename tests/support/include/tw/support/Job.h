// SPDX-License-Identifier: Apache-2.0
// A job for any machine model: code, regions and descriptor into memory, doorbell, completion record out of it.
// Called by unit tests of the models, conformance and lock-step tests.
// Does not build instructions and does not judge the outcome.
#ifndef TW_SUPPORT_JOB_H
#define TW_SUPPORT_JOB_H

#include "tw/isa/HwConfig.h"
#include "tw/isa/Line.h"
#include "tw/isa/Machine.h"

#include <array>
#include <ostream>
#include <vector>

namespace tw::test {

/// One of the machines of isa/configs by name, or the file of another one; the test stops if there is none.
isa::HwConfig testConfig(const char *name);

struct JobRegion {
  uint64_t base = 0;
  uint64_t limit = 0;
  bool read = false, write = false, execute = false;
  bool operator==(const JobRegion &) const = default;
};

/// The default layout needs 1 MiB of DRAM: code at 64 KiB (region 0), read-only data at 128 KiB (1), read-write data at
/// 512 KiB (2), records at 4 KiB (3), the descriptor at 0.
struct Job {
  static constexpr uint64_t kMemoryBytes = 1 << 20;
  static constexpr uint64_t kConstBase = 0x20000, kArenaBase = 0x80000;

  explicit Job(const isa::HwConfig &config, std::vector<isa::Line> lines);

  std::vector<isa::Line> lines;
  std::array<JobRegion, isa::kRegions> regions;
  uint64_t descriptorAddress = 0;
  uint64_t isaHash, configHash;
  uint64_t codeOffset = 0, recordOffset = 0;
  uint32_t lineCount;
  uint32_t sequence = 1;
  uint64_t cycleBudget = 0;
  bool serial = false;
};

/// The completion record, decoded.
struct JobOutcome {
  bool finished = false;  // the machine became idle
  bool hasRecord = false; // the marker is there, with the job's sequence
  isa::FaultCode code = isa::FaultCode::None;
  isa::Engine engine = isa::Engine(0);
  uint16_t tag = 0;
  uint32_t pc = 0;
  uint64_t address = 0, cycles = 0, bytesRead = 0, bytesWritten = 0, macs = 0, saturations = 0;
  bool operator==(const JobOutcome &) const = default;
};
std::ostream &operator<<(std::ostream &os, const JobOutcome &outcome);

/// Writes registers, descriptor and code; wipes the place of the record. The doorbell is not rung.
void prepareJob(isa::Machine &machine, const Job &job);
/// Reads the record where the job put it.
JobOutcome readOutcome(isa::Machine &machine, const Job &job);
/// prepareJob, doorbell, runUntilIdle, readOutcome.
JobOutcome runJob(isa::Machine &machine, const Job &job);

} // namespace tw::test

#endif // TW_SUPPORT_JOB_H
