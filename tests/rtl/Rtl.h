// SPDX-License-Identifier: Apache-2.0
// A job on the design and on the functional model, side by side.
// Called by the tests of this directory. Does not build programs.
#ifndef TW_TESTS_RTL_RTL_H
#define TW_TESTS_RTL_RTL_H

#include "tw/rtl/Model.h"
#include "tw/simulator/FunctionalMachine.h"
#include "tw/support/Job.h"
#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <iostream>
#include <map>
#include <random>

namespace tw::test {

/// Keeps every retired instruction.
struct Trace : isa::TraceSink {
  void retire(const isa::TraceEvent &event) override { events.push_back(event); }
  std::vector<isa::TraceEvent> events;
  /// The event of a line; the test fails if the line did not retire exactly once.
  isa::TraceEvent of(uint32_t pc) const {
    isa::TraceEvent found;
    int count = 0;
    for (const isa::TraceEvent &event : events)
      if (event.pc == pc) {
        found = event;
        ++count;
      }
    EXPECT_EQ(count, 1) << "line " << pc;
    return found;
  }
};

inline isa::Line post(isa::Line line, int semaphore, int amount = 1) {
  return line.set(isa::header::post0_valid, 1)
      .set(isa::header::post0_sem, semaphore)
      .set(isa::header::post0_amount, amount - 1);
}
inline isa::Line wait(isa::Line line, int semaphore, int amount = 1) {
  return line.set(isa::header::wait0_valid, 1)
      .set(isa::header::wait0_sem, semaphore)
      .set(isa::header::wait0_amount, amount - 1);
}
inline const isa::Line kEnd(isa::Opcode::End), kFence(isa::Opcode::Fence);

/// The design of one configuration, and what it did last. Checks the AXI rules after every job.
class Bench {
public:
  explicit Bench(const std::string &config, isa::MemoryTimingConfig timing = isa::MemoryTimingConfig::ideal(),
                 uint8_t poison = 0xA5)
      : config(testConfig(config.c_str())) {
    isa::MachineOptions options;
    options.trace = &trace;
    options.poison = poison;
    options.hangCycles = 3'000'000;
    auto loaded = rtl::loadModel(config, options, timing, Job::kMemoryBytes);
    if (!loaded) { // nothing that follows could run
      std::cerr << loaded.diag().str() << "\n";
      std::exit(EXIT_FAILURE);
    }
    machine = std::move(*loaded);
    isa::MachineOptions functionalOptions;
    functionalOptions.poison = poison;
    reference = simulator::createFunctionalMachine(this->config, Job::kMemoryBytes, functionalOptions);
    std::mt19937 random(7);
    for (uint64_t i = Job::kConstBase; i != Job::kMemoryBytes; ++i)
      machine->memory()[i] = uint8_t(random());
  }

  JobOutcome run(const Job &job) {
    trace.events.clear();
    JobOutcome outcome = runJob(*machine, job);
    EXPECT_EQ(machine->protocolErrors(), std::vector<std::string>());
    return outcome;
  }

  /// Runs the lines on both models from the same memory; outcomes (but for cycles), DRAM and on-chip memories must
  /// agree.
  JobOutcome runBoth(std::vector<isa::Line> lines) {
    Job job(config, std::move(lines));
    std::copy(machine->memory().begin(), machine->memory().end(), reference->memory().begin());
    JobOutcome expected = runJob(*reference, job), outcome = run(job);
    JobOutcome untimed = outcome;
    untimed.cycles = expected.cycles;
    EXPECT_EQ(untimed, expected);
    if (outcome.code == isa::FaultCode::None) {
      compareDram();
      for (isa::Space space : {isa::Space::SPM, isa::Space::ACC, isa::Space::PARAM, isa::Space::LUT})
        compareSpace(space);
    }
    return outcome;
  }

  uint32_t reg(isa::RegisterOffset offset) { return machine->readRegister(uint32_t(offset)); }
  uint64_t counter(isa::CounterId counter) {
    uint32_t offset = isa::kCounterRegisters + 8 * uint32_t(counter);
    return machine->readRegister(offset) | uint64_t(machine->readRegister(offset + 4)) << 32;
  }

  isa::HwConfig config;
  Trace trace;
  std::unique_ptr<rtl::Model> machine;
  std::unique_ptr<simulator::FunctionalMachine> reference;

private:
  void compareDram() {
    auto ours = machine->memory(), theirs = reference->memory();
    // The record's count of cycles is 0 in the functional model.
    std::vector<uint8_t> copy(ours.begin(), ours.end());
    for (uint64_t i = 0; i != Job::kMemoryBytes; ++i)
      if (copy[i] != theirs[i] && (i < 4096 || i >= 8192)) {
        ADD_FAILURE() << "DRAM differs first at byte " << i << ": " << int(copy[i]) << ", functional "
                      << int(theirs[i]);
        return;
      }
  }
  void compareSpace(isa::Space space) {
    std::vector<uint8_t> ours = machine->dumpSpace(int(space)), theirs = reference->dumpSpace(int(space));
    ASSERT_EQ(ours.size(), theirs.size()) << "space " << int(space);
    for (size_t i = 0; i != ours.size(); ++i)
      if (ours[i] != theirs[i]) {
        ADD_FAILURE() << "space " << int(space) << " differs first at byte " << i << ": " << int(ours[i])
                      << ", functional " << int(theirs[i]);
        return;
      }
  }
};

} // namespace tw::test
#endif
