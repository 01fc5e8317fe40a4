// SPDX-License-Identifier: Apache-2.0
#include "Sweep.h"

#include "Kit.h"
#include "tw/isa/ProgramChecker.h"
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
  options.together = seed % 16 == 6;
  if (seed % 16 == 9) {
    options.extremes = true;
    options.spmWindow = std::min(sweep.config.spmBytes, 65536u);
  }
  options.moreFaults = seed % 3 == 0 ? int(1 + seed / 3 % 4) : 0;
  return options;
}

/// The conditions under which each program runs.
std::vector<Scenario> scenariosOf(const Sweep &sweep, const isa::TestProgram &test, uint64_t seed) {
  const std::string random = "random:" + std::to_string(seed);
  std::string ideal = "ideal";
  // So far away that as many bursts as may be are outstanding; where few may, a program would take millions of cycles.
  if (seed % 64 == 12 && sweep.config.axiOutstandingReads >= 16) {
    const std::string latency = std::to_string(300 << seed / 64 % 4);
    ideal += ":" + latency + ":" + latency;
  } else if (seed % 4 != 3) { // and as near as can be
    ideal += ":" + std::to_string(seed % 2) + ":" + std::to_string(seed / 4 % 2);
  }
  struct Condition {
    std::string memory;
    bool serial;
    uint8_t poison;
  };
  std::vector<Scenario> result;
  for (const Condition &condition : {Condition{ideal, false, 0x00}, Condition{"rows", false, 0xA5},
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

/// Those under which one program of the sweep does.
std::vector<Scenario> chosen(const Sweep &sweep, std::vector<Scenario> all, uint64_t seed) {
  std::ranges::rotate(all, all.begin() + ptrdiff_t(seed % all.size()));
  if (sweep.conditions < int(all.size()))
    all.erase(all.begin() + std::max(sweep.conditions, 1), all.end());
  return all;
}

/// A region that another one lies in. Reads of one through the other need no order, nor do stores, which are all of one
/// queue; where instructions run one by one, no pair does.
Alias readAlias(bool areInputs, uint64_t seed) {
  constexpr uint64_t kPage = 4096; // behind an input's record
  return areInputs ? Alias{6, 4, kPage} : Alias{7, 5, seed / 8 % 3 * kPage};
}
Alias anyAlias(uint64_t seed) {
  constexpr Alias kAliases[] = {{5, 2, 0}, {7, 2, 8192}, {5, 4, 4096}, {7, 6, 4096}, {6, 4, 4096}, {7, 5, 4096}};
  return kAliases[seed / 8 % std::size(kAliases)];
}

/// A small legal program that follows another one. One that inherits reads what that left in SPM and ACC.
isa::TestProgram nextProgram(const Sweep &sweep, uint64_t seed, bool inherits = false) {
  isa::RandomOptions options;
  options.seed = seed + 1'000'000'007;
  options.inherits = inherits;
  options.instructions = 8;
  options.workPerLine = 60;
  options.spmWindow = 2048;
  return isa::randomProgram(sweep.config, options);
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

void count(const Scenario &scenario, const Observation &seen, SweepResult &result) {
  ++result.runs;
  result.instructions += seen.events.size();
  result.cycles += seen.outcome.cycles;
  if (seen.model == "cycle") // the other timed models do the same
    result.coverage.add(scenario, seen);
  if (seen.next) {
    result.instructions += seen.next->events.size();
    result.cycles += seen.next->outcome.cycles;
  }
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
  /// The models of the sweep and the design with random registers.
  std::vector<Model> allModels(uint64_t seed) const {
    std::vector<Model> models = sweep.models;
    for (int i = 0; i < sweep.initialSeeds; ++i)
      models.push_back(rtlModelWithRandomRegisters(seed * uint64_t(sweep.initialSeeds) + uint64_t(i) + 1));
    return models;
  }

  void runLegal(uint64_t seed) {
    const isa::TestProgram test = isa::randomProgram(sweep.config, optionsOf(sweep, seed));
    result.coverage.add(test, sweep.config, test.program.lines.size());
    std::optional<std::vector<uint8_t>> dram;
    const std::vector<Scenario> all = scenariosOf(sweep, test, seed);
    std::vector<Scenario> scenarios = chosen(sweep, all, seed);
    if (seed % 8 == 1)
      for (Scenario &scenario : scenarios)
        scenario.aliases = {readAlias(seed / 8 % 2, seed)};
    if (seed % 8 == 5) {
      scenarios = {all.back()};
      scenarios[0].aliases = {anyAlias(seed)};
    }
    uint64_t cycles = 0; // of the last run but the serial one
    for (const Scenario &scenario : scenarios) {
      std::vector<Observation> seen;
      const std::vector<Model> models = &scenario == &scenarios[0] ? allModels(seed) : sweep.models;
      if (auto found = compareModels(models, scenario, &result, &seen))
        return save(seed, models, scenario, found->divergence.text);
      if (seen[0].outcome.code != isa::FaultCode::None)
        return save(seed, models, scenario,
                    "a legal program ends with a fault: " + std::string(isa::name(seen[0].outcome.code)));
      if (!dram)
        dram = seen[0].dram;
      if (dram != seen[0].dram)
        return save(seed, models, scenario, "DRAM depends on what the on-chip memories held before");
      if (!scenario.serial || scenarios.size() == 1)
        cycles = seen.back().outcome.cycles;
    }
    if (seed % 4 == 2)
      runChain(seed, scenarios[0]);
    if (sweep.trouble && !result.divergence)
      runTrouble(seed, all[2], cycles);
  }

  /// Two jobs by turns; the second one takes what the first left on chip.
  void runChain(uint64_t seed, Scenario scenario) {
    scenario.next = nextProgram(sweep, seed, true);
    scenario.laps = 2;
    std::vector<Observation> seen;
    if (auto found = compareModels(sweep.models, scenario, &result, &seen))
      return save(seed, sweep.models, scenario, found->divergence.text);
    if (seen[0].next->outcome.code != isa::FaultCode::None)
      save(seed, sweep.models, scenario, "a legal program after another one ends with a fault");
  }

  void runTrouble(uint64_t seed, Scenario scenario, uint64_t cycles) {
    if (const Result<Observation> plain = observe(cycleModel(), scenario)) // on this very memory
      cycles = plain->outcome.cycles;
    const Trouble trouble = addTrouble(scenario, TroubleKind(seed % kTroubleKinds), cycles, seed);
    scenario.next = nextProgram(sweep, seed);
    ++result.troubles[name(trouble.kind)];
    std::string bin = name(trouble.kind);
    std::ranges::replace(bin, ' ', '_');
    result.coverage.hit("trouble/" + bin);
    const std::vector<Model> models = allModels(seed);
    std::vector<Observation> seen;
    if (auto found = compareModels(models, scenario, &result, &seen))
      return save(seed, models, scenario, found->divergence.text);
    for (const Observation &observation : seen)
      if (std::string wrong = checkTrouble(trouble, observation); !wrong.empty())
        return save(seed, models, scenario, wrong);
    checkNext(seed, scenario, seen);
  }

  void runFaulty(uint64_t seed) {
    const isa::FaultyProgram faulty = isa::faultyProgram(
        sweep.config, optionsOf(sweep, seed), defects[seed / uint64_t(sweep.faultsOfPrograms) % defects.size()]);
    result.coverage.add(faulty.test, sweep.config, faulty.pc);
    for (Scenario &scenario : chosen(sweep, scenariosOf(sweep, faulty.test, seed), seed)) {
      scenario.next = nextProgram(sweep, seed);
      std::vector<Observation> seen;
      if (auto found = compareModels(sweep.models, scenario, &result, &seen))
        return save(seed, sweep.models, scenario, found->divergence.text);
      for (const Observation &observation : seen)
        if (auto found = checkFault(faulty, observation))
          return save(seed, sweep.models, scenario, *found);
      if (scenario.serial || sweep.conditions == 1)
        checkNext(seed, scenario, seen);
    }
  }

  /// The job after the trouble must be what it is on a machine that never saw any. The models agree already: one with
  /// time and one without are enough.
  void checkNext(uint64_t seed, const Scenario &scenario, const std::vector<Observation> &seen) {
    Scenario alone = scenario;
    alone.isNextAlone = true;
    for (size_t i = 0; i < std::min<size_t>(2, sweep.models.size()); ++i) {
      Result<Observation> fresh = observe(sweep.models[i], alone);
      if (!fresh)
        return save(seed, sweep.models, scenario, fresh.diag().str());
      Observation after = seen[i];
      after.model += " after trouble";
      if (auto found = firstDivergence(alone, *fresh, after))
        return save(seed, sweep.models, scenario, found->text);
      if (fresh->next->outcome.code != isa::FaultCode::None)
        return save(seed, sweep.models, scenario, "the job after the trouble ends with a fault");
    }
  }

  void save(uint64_t seed, const std::vector<Model> &models, const Scenario &scenario, const std::string &divergence) {
    result.divergence = withSeed(seed, divergence);
    if (sweep.kitFolder.empty())
      return;
    result.kit = sweep.kitFolder + "/" + sweep.config.name + "-" + std::to_string(seed);
    *result.divergence += "\n" + shrinkAndSave(models, scenario, result.kit);
  }

  const Sweep &sweep;
  const std::vector<isa::Defect> defects = isa::defects(sweep.config);
  SweepResult result;
};

/// Drops data that the program does not need in order to fail.
isa::TestProgram dropData(isa::TestProgram best, const std::function<bool(const isa::TestProgram &)> &fails) {
  for (size_t i = best.data.size(); i-- > 0;) {
    isa::TestProgram candidate = best;
    candidate.data.erase(candidate.data.begin() + ptrdiff_t(i));
    if (fails(candidate))
      best = std::move(candidate);
  }
  return best;
}

/// Drops lines of a program with a fault, which no legal program shows: memory does not count, so order does not.
isa::TestProgram dropLines(isa::TestProgram best, const std::function<bool(const isa::TestProgram &)> &fails) {
  for (size_t count = best.program.lines.size() / 2; count != 0; count /= 2)
    for (size_t begin = 0; begin + count < best.program.lines.size();) {
      isa::TestProgram candidate = best;
      auto &lines = candidate.program.lines;
      lines.erase(lines.begin() + ptrdiff_t(begin), lines.begin() + ptrdiff_t(begin + count));
      if (fails(candidate))
        best = std::move(candidate);
      else
        begin += count;
    }
  return best;
}

} // namespace

std::string shrinkAndSave(const std::vector<Model> &models, Scenario scenario, const std::string &folder) {
  const auto stillFails = [&](const Scenario &smaller) { return compareModels(models, smaller).has_value(); };
  std::string text;
  if (stillFails(scenario)) {
    const auto withNext = [&](const isa::TestProgram &program) {
      Scenario smaller = scenario;
      smaller.next = program;
      return smaller;
    };
    const auto withProgram = [&](const isa::TestProgram &program) {
      Scenario smaller = scenario;
      smaller.assembly = program;
      return smaller;
    };
    if (scenario.next) { // often the first job shows it alone
      Scenario smaller = scenario;
      smaller.next.reset();
      if (stillFails(smaller))
        scenario = smaller;
    }
    const auto code = [&](const Scenario &candidate) {
      const auto seen = observe(models[0], candidate);
      return seen ? seen->outcome.code : isa::FaultCode::None;
    };
    const isa::FaultCode firstCode = code(scenario);
    const auto failsAlike = [&](const isa::TestProgram &program) {
      return code(withProgram(program)) == firstCode && stillFails(withProgram(program));
    };
    const auto nextFails = [&](const isa::TestProgram &program) { return stillFails(withNext(program)); };
    if (isa::checkProgram(scenario.assembly.program, scenario.config, scenario.assembly.regions, 1).empty())
      scenario.assembly = isa::shrink(scenario.assembly, scenario.config, failsAlike);
    else
      scenario.assembly = dropLines(scenario.assembly, failsAlike);
    scenario.assembly = dropData(scenario.assembly, failsAlike);
    if (scenario.next)
      scenario.next = dropData(isa::shrink(*scenario.next, scenario.config, nextFails), nextFails);
    text = "shrunk to " + std::to_string(scenario.assembly.program.lines.size()) + " lines: ";
  }
  std::vector<Observation> seen;
  const auto found = compareModels(models, scenario, nullptr, &seen);
  if (found && found->a < 0)
    return found->divergence.text;
  if (!found) { // a rule of the sweep, not a difference between models: all that was seen is in the first two
    if (seen.size() < 2)
      return "";
    writeKit({folder,
              scenario,
              {"the models agree with each other", std::nullopt},
              {models[0], models[1]},
              {seen[0], seen[1]}});
    return "saved in " + folder;
  }
  const size_t a = size_t(found->a), b = size_t(found->b);
  writeKit({folder, scenario, found->divergence, {models[a], models[b]}, {seen[a], seen[b]}});
  return text + found->divergence.text + "\nsaved in " + folder;
}

std::optional<Disagreement> compareModels(const std::vector<Model> &models, const Scenario &scenario,
                                          SweepResult *result, std::vector<Observation> *all) {
  std::vector<Observation> local;
  std::vector<Observation> &seen = all ? *all : local;
  for (const Model &model : models) {
    Result<Observation> observation = observe(model, scenario);
    if (!observation)
      return Disagreement{{observation.diag().str(), std::nullopt}, -1, -1};
    seen.push_back(std::move(*observation));
    if (result)
      count(scenario, seen.back(), *result);
    // The last timed model before is the closest relative; the first model holds all to the same results.
    for (size_t i = seen.size() - 1; i-- > 0;)
      if (i == 0 || seen[i].isTimed)
        if (auto found = firstDivergence(scenario, seen[i], seen.back()))
          return Disagreement{*found, int(i), int(seen.size() - 1)};
  }
  return std::nullopt;
}

SweepResult runSweep(const Sweep &sweep) { return Runner(sweep).run(); }

} // namespace tw::cosim
