// SPDX-License-Identifier: Apache-2.0
// Long co-simulation runs, and the repetition of a saved program.
#include "Sweep.h"

#include "tw/isa/ConfigReader.h"

#include <boost/program_options.hpp>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

using namespace tw;
using namespace tw::cosim;
namespace po = boost::program_options;

namespace {

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
    else
      return Diag{name, "is no model: use functional, cycle, rtl"};
  }
  return result;
}

int replay(Scenario scenario, const std::vector<Model> &models, const std::string &path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file)
    return fail(path + ": cannot be read");
  auto assembly = isa::assemble(text.str(), path);
  if (!assembly)
    return fail(assembly.diag().str());
  scenario.assembly = *assembly;
  std::vector<Observation> seen;
  const auto divergence = compareModels(models, scenario, nullptr, &seen);
  for (const Observation &observation : seen)
    std::cout << observation.model << ": " << observation.outcome << "\n";
  std::cout << divergence.value_or("no divergence") << "\n";
  return divergence ? 1 : 0;
}

int sweepAll(Sweep sweep) {
  sweep.progress = [&](uint64_t seed) {
    if ((seed - sweep.firstSeed) % 50 == 0)
      std::printf("seed %llu\n", static_cast<unsigned long long>(seed)), std::fflush(stdout);
  };
  const SweepResult result = runSweep(sweep);
  std::printf("%d programs, %llu runs, %llu instructions, %llu cycles: %s\n", result.programs,
              static_cast<unsigned long long>(result.runs), static_cast<unsigned long long>(result.instructions),
              static_cast<unsigned long long>(result.cycles), result.divergence.value_or("no divergence").c_str());
  return result.divergence ? 1 : 0;
}

} // namespace

int main(int argc, char **argv) {
  std::string config, models, replayed, memory;
  Sweep sweep;
  bool serial = false;
  int poison = 0;
  po::options_description options("tw-cosim: random programs on several models of the machine");
  // clang-format off
  options.add_options()
    ("help", "this text")
    ("config", po::value(&config)->default_value("tw8"), "machine: a name of isa/configs or a file")
    ("models", po::value(&models)->default_value("functional,cycle,rtl"), "compared in this order")
    ("programs", po::value(&sweep.programs)->default_value(1000), "how many")
    ("seed", po::value(&sweep.firstSeed)->default_value(1), "of the first program")
    ("instructions", po::value(&sweep.instructions)->default_value(60), "of the largest program")
    ("kits", po::value(&sweep.kitFolder)->default_value("cosim-kits"), "folder for a program that fails")
    ("replay", po::value(&replayed), "run this assembly instead of random programs")
    ("memory", po::value(&memory)->default_value("ideal"), "replay: ideal, ideal:<latency>, rows, random:<seed>")
    ("serial", po::value(&serial)->default_value(false), "replay: the serial bit")
    ("poison", po::value(&poison)->default_value(0), "replay: contents of on-chip memories");
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
  auto machine = isa::loadConfig(config);
  if (!machine)
    return fail(machine.diag().str());
  auto chosen = modelsOf(models);
  if (!chosen)
    return fail(chosen.diag().str());
  if (!replayed.empty()) {
    Scenario scenario;
    scenario.config = *machine;
    scenario.memory = memory;
    scenario.serial = serial;
    scenario.poison = static_cast<uint8_t>(poison);
    return replay(scenario, *chosen, replayed);
  }
  sweep.config = *machine;
  sweep.models = *chosen;
  return sweepAll(sweep);
}
