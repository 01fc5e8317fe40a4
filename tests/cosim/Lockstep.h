// SPDX-License-Identifier: Apache-2.0
// Runs one program on two models of the machine and says where they first differ.
// Called by the co-simulation test and by the long-run tool tw-cosim.
// Does not generate programs (isa/RandomProgram.h) and does not know any model: machines come from factories.
#ifndef TW_TESTS_COSIM_LOCKSTEP_H
#define TW_TESTS_COSIM_LOCKSTEP_H

#include "tw/isa/Assembler.h"
#include "tw/isa/MemoryTiming.h"
#include "tw/support/Job.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tw::cosim {

/// A program with everything that decides its run. Region 0 and region 3 of `assembly` may be left closed: the layout
/// opens them for code and records.
struct Scenario {
  isa::HwConfig config;
  isa::Assembly assembly;
  std::string memory = "ideal"; // parseMemoryTiming
  bool serial = false;
  uint8_t poison = 0;
};

/// Regions one after the other in DRAM, code and record included; the size that the DRAM needs.
struct Layout {
  test::Job job;
  uint64_t memoryBytes;
};
Layout layOut(const Scenario &scenario);

/// How to build a model. `isTimed`: its cycles mean something.
struct Model {
  std::string name;
  bool isTimed = false;
  std::function<Result<std::unique_ptr<isa::Machine>>(const isa::HwConfig &, uint64_t memoryBytes,
                                                      const isa::MachineOptions &, const isa::MemoryTimingConfig &)>
      build;
};

/// The models that this build has; a plug-in that is missing only shows when it is built.
Model functionalModel();
Model cycleModel();
Model rtlModel();

/// All that can be seen of a run.
struct Observation {
  std::string model;
  bool isTimed = false;
  test::JobOutcome outcome;
  std::vector<isa::TraceEvent> events;
  std::vector<uint8_t> dram;                  // with the completion record wiped: it is in `outcome`
  std::array<std::vector<uint8_t>, 4> spaces; // by isa::Space
  std::array<uint64_t, isa::kCounters> counters{};
  uint32_t status = 0;
};
Result<Observation> observe(const Model &model, const Scenario &scenario);

/// The first difference as text: what, where (instruction, disassembly), both values. Two timed models must agree in
/// everything; with an untimed one cycles, order between queues, stalls and all that follows a fault are left out.
std::optional<std::string> firstDivergence(const Scenario &scenario, const Observation &a, const Observation &b);

/// A folder with the program as assembly, both observations as text and how to repeat the run.
void writeKit(const std::string &folder, const Scenario &scenario, const std::string &divergence, const Observation &a,
              const Observation &b);

} // namespace tw::cosim

#endif // TW_TESTS_COSIM_LOCKSTEP_H
