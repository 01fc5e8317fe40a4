// SPDX-License-Identifier: Apache-2.0
// Runs one program on two models of the machine and says where they first differ.
// Called by the co-simulation test and by the long-run tool tw-cosim.
// Does not generate programs (isa/RandomProgram.h) and does not know any model: machines come from factories.
#ifndef TW_TESTS_COSIM_LOCKSTEP_H
#define TW_TESTS_COSIM_LOCKSTEP_H

#include "Scenario.h"

#include <functional>
#include <memory>

namespace tw::cosim {

/// A machine and, where it has pins, the rules of AXI that it broke there, and its host.
struct BuiltMachine {
  std::unique_ptr<isa::Machine> machine;
  const std::vector<std::string> *protocolErrors = nullptr; // owned by the machine
  std::function<void(std::vector<isa::HostAccess>)> schedule = nullptr;
  std::function<std::vector<isa::HostAnswer>()> answers = nullptr;
};

/// How to build a model. `isTimed`: its cycles mean something.
struct Model {
  std::string name;
  bool isTimed = false;
  std::function<Result<BuiltMachine>(const isa::HwConfig &, uint64_t memoryBytes, const isa::MachineOptions &,
                                     const isa::MemoryTimingConfig &)>
      build;
};

/// The window of a waveform, in cycles of one of the scenario's jobs.
struct Waveform {
  std::string path;
  uint32_t job = 0;
  uint64_t begin = 0, end = 0;
};

/// The models that this build has; a plug-in that is missing only shows when it is built.
Model functionalModel();
Model cycleModel();
Model rtlModel();
/// The design with random registers before its first reset; `seed` is not 0.
Model rtlModelWithRandomRegisters(uint64_t seed);
/// The design, writing a waveform.
Model rtlModelWithWaveform(const Waveform &waveform);

/// All that can be seen of a run. After a reset the registers are those that it leaves.
struct Observation {
  std::string model;
  bool isTimed = false;
  test::JobOutcome outcome;
  std::vector<isa::TraceEvent> events;
  std::optional<isa::MachineState> stateAtReset;
  std::vector<uint8_t> dram;                  // with the completion record wiped: it is in `outcome`
  std::array<std::vector<uint8_t>, 4> spaces; // by isa::Space; empty in the next job, which inherits them
  std::array<uint64_t, isa::kCounters> counters{};
  uint32_t status = 0;
  uint32_t fault = 0, faultPc = 0; // registers FAULT, FAULT_PC
  uint64_t faultAddress = 0;
  std::vector<isa::HostAnswer> host; // to the scenario's accesses; without time there are none
  std::vector<std::string> protocolErrors;
  std::shared_ptr<const Observation> next; // of Scenario::next
};
Result<Observation> observe(const Model &model, const Scenario &scenario);

/// A place in a scenario.
struct Place {
  bool isInNext = false;
  uint64_t cycle = 0;
};

/// What a timed model holds there, with its registers, as text.
Result<std::string> describeState(const Model &model, const Scenario &scenario, const Place &place);

struct Divergence {
  std::string text;           // what, where (instruction, disassembly), both values
  std::optional<Place> place; // the first cycle that shows it, as far as a timed model tells
};

/// The first difference. Two timed models must agree in everything; with an untimed one cycles, order between queues,
/// stalls and all that follows a fault, an abort or a reset are left out.
std::optional<Divergence> firstDivergence(const Scenario &scenario, const Observation &a, const Observation &b);

} // namespace tw::cosim

#endif // TW_TESTS_COSIM_LOCKSTEP_H
