// SPDX-License-Identifier: Apache-2.0
#include "Scenario.h"

#include "tw/isa/ConfigReader.h"

#include <boost/program_options.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tw::cosim {

namespace {

namespace po = boost::program_options;

constexpr uint64_t kPage = 4096;
constexpr const char *kProgram = "program.twasm", *kNext = "next.twasm", *kStimulus = "stimulus.cfg",
                     *kMachine = "machine.yaml";

/// The job of a program whose memory starts at `begin`, its descriptor first; moves `begin` behind it.
test::Job place(const isa::HwConfig &config, const isa::Assembly &assembly, uint64_t &begin) {
  test::Job job(config, assembly.program.lines);
  job.descriptorAddress = begin;
  begin += kPage;
  for (size_t i = 0; i < job.regions.size(); ++i) {
    const isa::Region &region = assembly.regions[i];
    job.regions[i] = {begin, region.limit, region.canRead, region.canWrite, false};
    if (i == size_t(isa::RegionRole::Code))
      job.regions[i] = {begin, std::max<uint64_t>(job.lines.size(), 1) * isa::kLineBytes, false, false, true};
    if (i == size_t(isa::RegionRole::Completion))
      job.regions[i] = {begin, isa::kCompletionRecordBytes, false, true, false};
    begin += (job.regions[i].limit + kPage - 1) / kPage * kPage;
  }
  return job;
}

// error = <r, w or rw>:<slverr or decerr>:<region, -1 for the descriptor>:<offset>:<bytes>
std::string errorText(const BusError &error) {
  std::ostringstream os;
  os << (error.onRead ? "r" : "") << (error.onWrite ? "w" : "") << ":"
     << (error.response == isa::AxiResponse::SlaveError ? "slverr" : "decerr") << ":" << error.region << ":"
     << error.offset << ":" << error.bytes;
  return os.str();
}

std::optional<BusError> parseError(const std::string &text) {
  char direction[3] = {}, response[7] = {};
  BusError error;
  unsigned long long offset = 0, bytes = 0;
  if (std::sscanf(text.c_str(), "%2[rw]:%6[a-z]:%d:%llu:%llu", direction, response, &error.region, &offset, &bytes) !=
      5)
    return std::nullopt;
  const std::string way = direction, kind = response;
  if ((kind != "slverr" && kind != "decerr") || error.region < BusError::kDescriptor || error.region >= isa::kRegions)
    return std::nullopt;
  error.offset = offset;
  error.bytes = bytes;
  error.response = kind == "slverr" ? isa::AxiResponse::SlaveError : isa::AxiResponse::DecodeError;
  error.onRead = way.find('r') != std::string::npos;
  error.onWrite = way.find('w') != std::string::npos;
  return error;
}

Result<isa::Assembly> readAssembly(const std::string &path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file)
    return Diag{path, "cannot be read"};
  return isa::assemble(text.str(), path);
}

} // namespace

Layout layOut(const Scenario &scenario) {
  uint64_t begin = 0;
  Layout layout{place(scenario.config, scenario.assembly, begin), std::nullopt, 0, 0};
  layout.job.serial = scenario.serial;
  layout.job.cycleBudget = scenario.cycleBudget;
  layout.nextBegin = begin;
  if (scenario.next) {
    layout.next = place(scenario.config, *scenario.next, begin);
    layout.next->sequence = layout.job.sequence + 1;
  }
  layout.memoryBytes = begin;
  return layout;
}

Result<isa::MemoryTimingConfig> memoryOf(const Scenario &scenario, const Layout &layout) {
  auto timing = isa::parseMemoryTiming(scenario.memory);
  if (!timing)
    return Diag{scenario.memory, "is no memory: use ideal, ideal:<latency>[:<of writes>], rows or random:<seed>"};
  timing->memoryBytes = layout.memoryBytes;
  for (const BusError &error : scenario.errors) {
    const uint64_t begin =
        error.offset + (error.region == BusError::kDescriptor ? layout.job.descriptorAddress
                                                              : layout.job.regions[size_t(error.region)].base);
    timing->errors.push_back({begin, begin + error.bytes, error.response, error.onRead, error.onWrite});
  }
  return *timing;
}

void writeScenario(const std::string &folder, const Scenario &scenario) {
  std::filesystem::create_directories(folder);
  const auto open = [&](const char *name) { return std::ofstream(folder + "/" + name); };
  open(kProgram) << isa::formatAssembly(scenario.assembly);
  if (scenario.next)
    open(kNext) << isa::formatAssembly(*scenario.next);
  std::ofstream machine = open(kMachine);
  machine << "name: " << scenario.config.name << "\n";
  for (const isa::ConfigKey &key : isa::kConfigKeys)
    machine << key.key << ": " << scenario.config.*key.member << "\n";
  std::ofstream os = open(kStimulus);
  os << "config = " << scenario.config.name << "\nmemory = " << scenario.memory << "\nserial = " << scenario.serial
     << "\npoison = " << int(scenario.poison) << "\nbudget = " << scenario.cycleBudget << "\n";
  for (const BusError &error : scenario.errors)
    os << "error = " << errorText(error) << "\n";
  if (scenario.resetAt)
    os << "reset = " << *scenario.resetAt << "\n";
  if (scenario.abortAt)
    os << "abort = " << *scenario.abortAt << "\n";
}

Result<Scenario> readScenario(const std::string &folder) {
  const std::string path = folder + "/" + kStimulus;
  Scenario scenario;
  std::string config;
  std::vector<std::string> errors;
  int poison = 0;
  uint64_t reset = 0, abort = 0;
  po::options_description options;
  // clang-format off
  options.add_options()
    ("config", po::value(&config)->required())
    ("memory", po::value(&scenario.memory))
    ("serial", po::value(&scenario.serial))
    ("poison", po::value(&poison))
    ("budget", po::value(&scenario.cycleBudget))
    ("error", po::value(&errors)->composing())
    ("reset", po::value(&reset))
    ("abort", po::value(&abort));
  // clang-format on
  try { // the wall: Boost throws
    po::variables_map values;
    po::store(po::parse_config_file(path.c_str(), options), values);
    po::notify(values);
  } catch (const po::error &error) {
    return Diag{path, error.what()};
  }
  scenario.poison = static_cast<uint8_t>(poison);
  if (reset)
    scenario.resetAt = reset;
  if (abort)
    scenario.abortAt = abort;
  for (const std::string &text : errors) {
    const auto error = parseError(text);
    if (!error)
      return Diag{path, "error = " + text + ": use <r, w or rw>:<slverr or decerr>:<region>:<offset>:<bytes>"};
    scenario.errors.push_back(*error);
  }
  const auto machine = isa::loadConfig(folder + "/" + kMachine);
  if (!machine)
    return machine.diag();
  scenario.config = *machine;
  auto program = readAssembly(folder + "/" + kProgram);
  if (!program)
    return program.diag();
  scenario.assembly = *program;
  if (std::filesystem::exists(folder + "/" + kNext)) {
    auto next = readAssembly(folder + "/" + kNext);
    if (!next)
      return next.diag();
    scenario.next = *next;
  }
  return scenario;
}

} // namespace tw::cosim
