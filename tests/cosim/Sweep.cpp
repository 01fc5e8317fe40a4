// SPDX-License-Identifier: Apache-2.0
#include "Sweep.h"

#include "tw/isa/RandomProgram.h"

#include <algorithm>
#include <sstream>

namespace tw::cosim {

namespace {

std::string withSeed(uint64_t seed, const std::string &text) { return "seed " + std::to_string(seed) + ": " + text; }

isa::RandomOptions optionsOf(const Sweep &sweep, uint64_t seed) {
  isa::RandomOptions options;
  options.seed = seed;
  options.instructions = 4 + int(seed * 7 % uint64_t(std::max(sweep.instructions - 3, 1)));
  options.workPerLine = seed % 3 == 0 ? 100 : 600;
  options.spmWindow = std::min(sweep.config.spmBytes, seed % 2 ? 4096u : 16384u);
  if (seed % 4 == 0) { // one program in four is mostly of one instruction
    std::vector<isa::Opcode> opcodes;
    for (const isa::Instruction &row : isa::kInstructions)
      if (!row.isPlanned && row.semantics)
        opcodes.push_back(row.opcode);
    options.only = opcodes[seed / 4 % opcodes.size()];
  }
  return options;
}

/// The conditions under which each program runs.
std::vector<Scenario> scenariosOf(const Sweep &sweep, const isa::TestProgram &test, uint64_t seed) {
  const std::string random = "random:" + std::to_string(seed);
  struct Condition {
    std::string memory;
    bool serial;
    uint8_t poison;
  };
  std::vector<Scenario> result;
  for (const Condition &condition : {Condition{"ideal", false, 0x00}, Condition{"rows", false, 0xA5},
                                     Condition{random, false, 0x5A}, Condition{random, true, 0xFF}}) {
    Scenario scenario;
    scenario.config = sweep.config;
    scenario.assembly = test;
    scenario.memory = condition.memory;
    scenario.serial = condition.serial;
    scenario.poison = condition.poison;
    result.push_back(scenario);
  }
  return result;
}

/// What a program with a fault must report.
std::optional<std::string> checkFault(const isa::FaultyProgram &faulty, const Observation &seen) {
  const isa::FaultCode code = seen.isTimed ? faulty.timedCode : faulty.code;
  const test::JobOutcome &outcome = seen.outcome;
  if (outcome.code == code && outcome.pc == faulty.pc && outcome.address == faulty.address)
    return std::nullopt;
  std::ostringstream os;
  os << seen.model << " reports " << isa::name(outcome.code) << " at " << outcome.pc << " address " << outcome.address
     << ", the program has " << isa::name(code) << " at " << faulty.pc << " address " << faulty.address;
  return os.str();
}

class Runner {
public:
  explicit Runner(const Sweep &sweep) : sweep(sweep) {}

  SweepResult run() {
    for (int i = 0; i < sweep.programs && !result.divergence; ++i) {
      const uint64_t seed = sweep.firstSeed + uint64_t(i);
      if (sweep.progress)
        sweep.progress(seed);
      runLegal(seed);
      if (!result.divergence && sweep.faultsOfPrograms != 0 && i % sweep.faultsOfPrograms == 0)
        runFaulty(seed);
      ++result.programs;
    }
    return result;
  }

private:
  void runLegal(uint64_t seed) {
    const isa::TestProgram test = isa::randomProgram(sweep.config, optionsOf(sweep, seed));
    std::optional<std::vector<uint8_t>> dram;
    for (const Scenario &scenario : scenariosOf(sweep, test, seed)) {
      std::vector<Observation> seen;
      if (auto found = compareModels(sweep.models, scenario, &result, &seen))
        return save(seed, scenario, *found);
      if (seen[0].outcome.code != isa::FaultCode::None)
        return save(seed, scenario,
                    "a legal program ends with a fault: " + std::string(isa::name(seen[0].outcome.code)));
      if (!dram)
        dram = seen[0].dram;
      if (dram != seen[0].dram)
        return save(seed, scenario, "DRAM depends on what the on-chip memories held before");
    }
  }

  void runFaulty(uint64_t seed) {
    const std::vector<isa::FaultCode> codes = isa::faultsOfPrograms();
    const isa::FaultyProgram faulty = isa::faultyProgram(sweep.config, optionsOf(sweep, seed),
                                                         codes[seed / uint64_t(sweep.faultsOfPrograms) % codes.size()]);
    for (const Scenario &scenario : scenariosOf(sweep, faulty.test, seed)) {
      std::vector<Observation> seen;
      if (auto found = compareModels(sweep.models, scenario, &result, &seen))
        return save(seed, scenario, *found);
      for (const Observation &observation : seen)
        if (auto found = checkFault(faulty, observation))
          return save(seed, scenario, *found);
    }
  }

  void save(uint64_t seed, Scenario scenario, const std::string &divergence) {
    result.divergence = withSeed(seed, divergence);
    if (sweep.kitFolder.empty())
      return;
    const auto fails = [&](const isa::TestProgram &candidate) {
      Scenario smaller = scenario;
      smaller.assembly = candidate;
      return compareModels(sweep.models, smaller).has_value();
    };
    if (fails(scenario.assembly))
      scenario.assembly = isa::shrink(scenario.assembly, sweep.config, fails);
    std::vector<Observation> seen;
    const std::string small = compareModels(sweep.models, scenario, nullptr, &seen).value_or(divergence);
    const std::string folder = sweep.kitFolder + "/" + sweep.config.name + "-" + std::to_string(seed);
    if (seen.size() >= 2)
      writeKit(folder, scenario, small, seen[seen.size() - 2], seen.back());
    *result.divergence += "\nshrunk to " + std::to_string(scenario.assembly.program.lines.size()) + " lines: " + small +
                          "\nsaved in " + folder;
  }

  const Sweep &sweep;
  SweepResult result;
};

} // namespace

std::optional<std::string> compareModels(const std::vector<Model> &models, const Scenario &scenario,
                                         SweepResult *result, std::vector<Observation> *all) {
  std::vector<Observation> local;
  std::vector<Observation> &seen = all ? *all : local;
  for (const Model &model : models) {
    Result<Observation> observation = observe(model, scenario);
    if (!observation)
      return observation.diag().str();
    seen.push_back(std::move(*observation));
    if (result) {
      ++result->runs;
      result->instructions += seen.back().events.size();
      result->cycles += seen.back().outcome.cycles;
    }
    // The last timed model before is the closest relative; the first model holds all to the same results.
    for (size_t i = seen.size() - 1; i-- > 0;)
      if (i == 0 || seen[i].isTimed)
        if (auto found = firstDivergence(scenario, seen[i], seen.back()))
          return found;
  }
  return std::nullopt;
}

SweepResult runSweep(const Sweep &sweep) { return Runner(sweep).run(); }

} // namespace tw::cosim
