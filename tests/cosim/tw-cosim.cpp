// SPDX-License-Identifier: Apache-2.0
// Long co-simulation runs, and the repetition of a saved kit.
#include "Kit.h"
#include "Sweep.h"

#include "tw/isa/ConfigReader.h"

#include <boost/program_options.hpp>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <sstream>

using namespace tw;
using namespace tw::cosim;
namespace po = boost::program_options;

namespace {

constexpr std::string_view kUnique = "rtl-unique-";

int fail(const std::string &text) {
  std::fprintf(stderr, "error: %s\n", text.c_str());
  return 1;
}

Result<std::vector<Model>> modelsOf(const std::string &names) {
  std::vector<Model> result;
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');) {
    if (name == "functional")
      result.push_back(functionalModel());
    else if (name == "cycle")
      result.push_back(cycleModel());
    else if (name == "rtl")
      result.push_back(rtlModel());
    else if (name.starts_with(kUnique))
      result.push_back(rtlModelWithRandomRegisters(std::strtoull(name.c_str() + kUnique.size(), nullptr, 10)));
    else
      return Diag{name, "is no model: use functional, cycle, rtl, rtl-unique-<seed>"};
  }
  return result;
}

int replay(const std::string &folder, const std::vector<Model> &models) {
  const auto scenario = readScenario(folder);
  if (!scenario)
    return fail(scenario.diag().str());
  std::vector<Observation> seen;
  const auto found = compareModels(models, *scenario, nullptr, &seen);
  for (const Observation &observation : seen) {
    std::cout << observation.model << ": " << observation.outcome << "\n";
    if (observation.next)
      std::cout << observation.model << ", next job: " << observation.next->outcome << "\n";
  }
  std::cout << (found ? found->divergence.text : "no divergence") << "\n";
  return found ? 1 : 0;
}

int addWaveform(const std::string &folder) {
  const Status written = writeWaveform(folder);
  if (!written)
    return fail(written.diag().str());
  std::cout << folder << "/wave.vcd\n";
  return 0;
}

/// A model that cannot be built is a matter of the installation: said before anything runs, and no divergence.
std::optional<Diag> missingModel(const Sweep &sweep) {
  std::vector<Model> models = sweep.models;
  if (sweep.initialSeeds != 0)
    models.push_back(rtlModelWithRandomRegisters(1));
  for (const Model &model : models)
    if (auto built = model.build(sweep.config, test::Job::kMemoryBytes, {}, {}); !built)
      return built.diag();
  return std::nullopt;
}

struct CoverageFiles {
  std::string file, exclusions;
};

/// Adds to the file, prints the table; false when an exclusion is stale.
Result<bool> accumulate(Coverage coverage, const CoverageFiles &files) {
  auto exclusions = Exclusions::read(files.exclusions);
  if (!exclusions)
    return exclusions.diag();
  if (const Status loaded = coverage.load(files.file); !loaded)
    return loaded.diag();
  if (const Status saved = coverage.save(files.file); !saved)
    return saved.diag();
  const std::string stale = coverage.staleExclusions(*exclusions);
  std::cout << coverage.report(*exclusions) << stale;
  return stale.empty();
}

int sweepAll(Sweep sweep, const CoverageFiles &files) {
  sweep.progress = [&](uint64_t seed) {
    if ((seed - sweep.firstSeed) % 50 == 0)
      std::printf("seed %llu\n", static_cast<unsigned long long>(seed)), std::fflush(stdout);
  };
  const SweepResult result = runSweep(sweep);
  if (!result.divergence) {
    std::printf("troubles:");
    for (const auto &[name, count] : result.troubles)
      std::printf(" %s %llu,", name.c_str(), static_cast<unsigned long long>(count));
    std::printf("\n");
  }
  std::printf("%d programs, %llu runs, %llu instructions, %llu cycles: %s\n", result.programs,
              static_cast<unsigned long long>(result.runs), static_cast<unsigned long long>(result.instructions),
              static_cast<unsigned long long>(result.cycles), result.divergence.value_or("no divergence").c_str());
  if (!result.kit.empty())
    std::printf("kit: %s\n", result.kit.c_str());
  if (files.file.empty() || result.divergence)
    return result.divergence ? 1 : 0;
  const Result<bool> good = accumulate(result.coverage, files);
  if (!good)
    return fail(good.diag().str());
  return *good ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
  std::string config, models;
  Sweep sweep;
  CoverageFiles files;
  po::options_description options("tw-cosim: random programs on several models of the machine");
  // clang-format off
  options.add_options()
    ("help", "this text")
    ("config", po::value(&config)->default_value("tw8"), "machine: a name of isa/configs or a file")
    ("models", po::value(&models)->default_value("functional,cycle,rtl"), "compared in this order; rtl-unique-<seed>: random registers")
    ("programs", po::value(&sweep.programs)->default_value(1000), "how many")
    ("seed", po::value(&sweep.firstSeed)->default_value(1), "of the first program")
    ("instructions", po::value(&sweep.instructions)->default_value(60), "of the largest program")
    ("kits", po::value(&sweep.kitFolder)->default_value("cosim-kits"), "folder for a program that fails")
    ("initial-seeds", po::value(&sweep.initialSeeds)->default_value(0),
     "runs of each program on the design with random registers")
    ("faults-of", po::value(&sweep.faultsOfPrograms)->default_value(4), "every so many programs one with a fault")
    ("conditions", po::value(&sweep.conditions)->default_value(4),
     "runs of each program, of four: ideal memory, rows, random stalls, those with the serial bit")
    ("coverage", po::value(&files.file), "add what was met to this file, and print what it holds")
    ("exclusions", po::value(&files.exclusions)->default_value("tests/cosim/coverage_exclusions.txt"), "bins that need not be met")
    ("replay", po::value<std::string>(), "run the program of this kit instead of random ones")
    ("waveform", po::value<std::string>(), "write wave.vcd into this kit");
  // clang-format on
  po::variables_map values;
  try { // the wall: Boost throws
    po::store(po::parse_command_line(argc, argv, options), values);
    po::notify(values);
  } catch (const po::error &error) {
    return fail(error.what());
  }
  if (values.count("help")) {
    std::cout << options;
    return 0;
  }
  if (values.count("waveform"))
    return addWaveform(values["waveform"].as<std::string>());
  auto chosen = modelsOf(models);
  if (!chosen)
    return fail(chosen.diag().str());
  if (values.count("replay"))
    return replay(values["replay"].as<std::string>(), *chosen);
  auto machine = isa::loadConfig(config);
  if (!machine)
    return fail(machine.diag().str());
  sweep.config = *machine;
  sweep.models = *chosen;
  if (const std::optional<Diag> missing = missingModel(sweep))
    return fail(missing->str());
  return sweepAll(sweep, files);
}
