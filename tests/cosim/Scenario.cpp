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
constexpr const char *kResponses[] = {"okay", "exokay", "slverr", "decerr"}; // by isa::AxiResponse
constexpr const char *kProgram = "program.twasm", *kNext = "next.twasm", *kStimulus = "stimulus.cfg",
                     *kMachine = "machine.yaml";

uint64_t pages(uint64_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

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
    if (i == size_t(isa::RegionRole::Completion)) // open for all, and the machine's all the same
      job.regions[i] = {begin, isa::kCompletionRecordBytes, true, true, false};
    begin += pages(job.regions[i].limit);
  }
  return job;
}

/// Gives both regions of an alias a place behind all others.
void placeAlias(test::Job &job, const Alias &alias, uint64_t &begin) {
  test::JobRegion &of = job.regions[size_t(alias.of)], &region = job.regions[size_t(alias.region)];
  of.base = begin;
  region.base = begin + alias.offset;
  begin += pages(std::max(of.limit, alias.offset + region.limit));
}

// error = <r, w or rw>:<exokay, slverr or decerr>:<region, -1 for the descriptor>:<offset>:<bytes>
std::string errorText(const BusError &error) {
  std::ostringstream os;
  os << (error.onRead ? "r" : "") << (error.onWrite ? "w" : "") << ":" << kResponses[size_t(error.response)] << ":"
     << error.region << ":" << error.offset << ":" << error.bytes;
  return os.str();
}

// host = <r or w>:<cycle>:<offset>:<value>:<strobes>:<cycles until address, until data, until the answer is taken>
std::string hostText(const isa::HostAccess &access) {
  std::ostringstream os;
  os << (access.isWrite ? "w:" : "r:") << access.cycle << ":" << access.offset << ":" << access.value << ":"
     << int(access.strobes) << ":" << access.addressAfter << ":" << access.dataAfter << ":" << access.takenAfter;
  return os.str();
}

std::optional<isa::HostAccess> parseHost(const std::string &text) {
  char way = 0;
  unsigned long long cycle = 0;
  unsigned offset = 0, strobes = 0;
  isa::HostAccess access;
  if (std::sscanf(text.c_str(), "%c:%llu:%u:%u:%u:%u:%u:%u", &way, &cycle, &offset, &access.value, &strobes,
                  &access.addressAfter, &access.dataAfter, &access.takenAfter) != 8 ||
      (way != 'r' && way != 'w') || offset > UINT16_MAX || strobes > isa::Machine::kAllBytes)
    return std::nullopt;
  access.isWrite = way == 'w';
  access.cycle = cycle;
  access.offset = uint16_t(offset);
  access.strobes = uint8_t(strobes);
  return access;
}

// alias = <region>:<of region>:<offset>
std::optional<Alias> parseAlias(const std::string &text) {
  Alias alias;
  unsigned long long offset = 0;
  if (std::sscanf(text.c_str(), "%d:%d:%llu", &alias.region, &alias.of, &offset) != 3 || alias.region < 0 ||
      alias.region >= isa::kRegions || alias.of < 0 || alias.of >= isa::kRegions || offset % kPage != 0)
    return std::nullopt;
  alias.offset = offset;
  return alias;
}

std::optional<BusError> parseError(const std::string &text) {
  char direction[3] = {}, response[7] = {};
  BusError error;
  unsigned long long offset = 0, bytes = 0;
  if (std::sscanf(text.c_str(), "%2[rw]:%6[a-z]:%d:%llu:%llu", direction, response, &error.region, &offset, &bytes) !=
      5)
    return std::nullopt;
  const std::string way = direction;
  const std::optional<isa::AxiResponse> kind = isa::parseAxiError(response);
  if (!kind || error.region < BusError::kDescriptor || error.region >= isa::kRegions)
    return std::nullopt;
  error.offset = offset;
  error.bytes = bytes;
  error.response = *kind;
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
  for (const Alias &alias : scenario.aliases)
    placeAlias(layout.job, alias, begin);
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
  if (scenario.laps != 1)
    os << "laps = " << scenario.laps << "\n";
  for (const BusError &error : scenario.errors)
    os << "error = " << errorText(error) << "\n";
  for (const isa::HostAccess &access : scenario.host)
    os << "host = " << hostText(access) << "\n";
  for (const Alias &alias : scenario.aliases)
    os << "alias = " << alias.region << ":" << alias.of << ":" << alias.offset << "\n";
  if (scenario.resetAt)
    os << "reset = " << *scenario.resetAt << "\n";
  if (scenario.abortAt)
    os << "abort = " << *scenario.abortAt << "\n";
}

Result<Scenario> readScenario(const std::string &folder) {
  const std::string path = folder + "/" + kStimulus;
  Scenario scenario;
  std::string config;
  std::vector<std::string> errors, accesses, aliases;
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
    ("laps", po::value(&scenario.laps))
    ("error", po::value(&errors)->composing())
    ("host", po::value(&accesses)->composing())
    ("alias", po::value(&aliases)->composing())
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
      return Diag{path, "error = " + text + ": use <r, w or rw>:<exokay, slverr or decerr>:<region>:<offset>:<bytes>"};
    scenario.errors.push_back(*error);
  }
  for (const std::string &text : accesses) {
    const auto access = parseHost(text);
    if (!access)
      return Diag{path, "host = " + text +
                            ": use <r or w>:<cycle>:<offset>:<value>:<strobes>:<address after>:<data "
                            "after>:<taken after>"};
    scenario.host.push_back(*access);
  }
  for (const std::string &text : aliases) {
    const auto alias = parseAlias(text);
    if (!alias)
      return Diag{path, "alias = " + text + ": use <region>:<of region>:<offset, a multiple of 4096>"};
    scenario.aliases.push_back(*alias);
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
