// SPDX-License-Identifier: Apache-2.0
// Random programs on several models, under changing memories, poisons and the serial bit; the first divergence is
// shrunk. Called by the co-simulation test (few programs) and by tw-cosim (many). Does not print: the caller does.
#ifndef TW_TESTS_COSIM_SWEEP_H
#define TW_TESTS_COSIM_SWEEP_H

#include "Coverage.h"
#include "Trouble.h"

namespace tw::cosim {

struct Sweep {
  isa::HwConfig config;
  std::vector<Model> models; // each is compared with the first of its kind: timed with timed, all with models[0]
  uint64_t firstSeed = 1;
  int programs = 10;
  int instructions = 40;    // of the largest program
  int faultsOfPrograms = 4; // every so many programs one with a fault, the next of isa::defects(); 0: none
  bool trouble = true;      // each legal program once more, with something that goes wrong
  int conditions = 4;       // under how many of the four each program runs; the first of them changes with the seed
  int initialSeeds = 0;     // so many runs of each program on the design with random registers
  std::string kitFolder;    // where a failing program is saved; empty: nowhere
  std::function<void(uint64_t seed)> progress;
};

struct SweepResult {
  int programs = 0;
  uint64_t runs = 0;
  uint64_t instructions = 0;                // retired, over all runs
  uint64_t cycles = 0;                      // of the timed models
  std::map<std::string, uint64_t> troubles; // tried, by name
  Coverage coverage;
  std::optional<std::string> divergence;
  std::string kit; // its folder, if one was written
};

/// Stops at the first divergence; a model that cannot be built is one.
SweepResult runSweep(const Sweep &sweep);

/// Two models that differ; `a` is -1 where a model cannot be built.
struct Disagreement {
  Divergence divergence;
  int a = -1, b = -1;
};

/// One scenario on all models; the first divergence.
std::optional<Disagreement> compareModels(const std::vector<Model> &models, const Scenario &scenario,
                                          SweepResult *result = nullptr, std::vector<Observation> *seen = nullptr);

/// Makes the program of a scenario on which models differ smaller, as long as they do, and saves a kit of what is left.
/// The text says what differs now, and where the kit is.
std::string shrinkAndSave(const std::vector<Model> &models, Scenario scenario, const std::string &folder);

} // namespace tw::cosim

#endif // TW_TESTS_COSIM_SWEEP_H
