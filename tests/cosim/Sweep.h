// SPDX-License-Identifier: Apache-2.0
// Random programs on several models, under changing memories, poisons and the serial bit; the first divergence is
// shrunk. Called by the co-simulation test (few programs) and by tw-cosim (many). Does not print: the caller does.
#ifndef TW_TESTS_COSIM_SWEEP_H
#define TW_TESTS_COSIM_SWEEP_H

#include "Lockstep.h"

namespace tw::cosim {

struct Sweep {
  isa::HwConfig config;
  std::vector<Model> models; // each is compared with the first of its kind: timed with timed, all with models[0]
  uint64_t firstSeed = 1;
  int programs = 10;
  int instructions = 40;    // of the largest program
  int faultsOfPrograms = 4; // every so many programs one with a fault; 0: none
  std::string kitFolder;    // where a failing program is saved; empty: nowhere
  std::function<void(uint64_t seed)> progress;
};

struct SweepResult {
  int programs = 0;
  uint64_t runs = 0;
  uint64_t instructions = 0; // retired, over all runs
  uint64_t cycles = 0;       // of the timed models
  std::optional<std::string> divergence;
};

/// Stops at the first divergence; a model that cannot be built is one.
SweepResult runSweep(const Sweep &sweep);

/// One scenario on all models; the first divergence.
std::optional<std::string> compareModels(const std::vector<Model> &models, const Scenario &scenario,
                                         SweepResult *result = nullptr, std::vector<Observation> *seen = nullptr);

} // namespace tw::cosim

#endif // TW_TESTS_COSIM_SWEEP_H
