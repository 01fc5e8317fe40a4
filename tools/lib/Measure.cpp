// SPDX-License-Identifier: Apache-2.0
#include "Measure.h"

#include "tw/isa/Tables.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <unordered_map>

namespace tw::tools {
namespace {

constexpr std::array<const char *, 6> kEngineWork = {"loads", "weights", "array",
                                                     "drain", "vector",  "stores"}; // by isa::Engine

bool isCompute(const isa::TraceEvent &event) {
  const auto engine = isa::Engine(event.engine);
  return engine == isa::Engine::MX || engine == isa::Engine::RQ || engine == isa::Engine::VX;
}

} // namespace

std::vector<LayerTime> layerTimesOf(const Job &job) {
  std::vector<isa::TraceEvent> events;
  std::ranges::copy_if(job.events, std::back_inserter(events),
                       [](const isa::TraceEvent &event) { return event.engine < kEngineWork.size(); });
  std::ranges::sort(events, {}, &isa::TraceEvent::pc); // a pc occurs once in a job
  constexpr uint64_t kNever = ~uint64_t{0};
  std::vector<LayerTime> layers;
  std::vector<uint64_t> first, last;
  std::unordered_map<uint16_t, size_t> at;
  for (const isa::TraceEvent &event : events) {
    const auto [found, isNew] = at.try_emplace(event.tag, layers.size());
    const size_t i = found->second;
    if (isNew) {
      layers.push_back({event.tag});
      first.push_back(kNever);
      last.push_back(0);
    }
    if (isCompute(event))
      first[i] = std::min(first[i], event.startCycle);
    last[i] = std::max(last[i], event.endCycle + 1);
  }
  uint64_t frontier = 0;
  for (size_t i = 0; i != layers.size(); ++i) {
    layers[i].from = frontier;
    layers[i].cycles = last[i] > frontier ? last[i] - frontier : 0;
    layers[i].span = first[i] == kNever ? 0 : last[i] - first[i];
    frontier = std::max(frontier, last[i]);
  }
  std::vector<std::array<uint64_t, 6>> covered(layers.size());
  for (const isa::TraceEvent &event : events) {
    LayerTime &layer = layers[at[event.tag]];
    uint64_t &until = covered[at[event.tag]][event.engine];
    const uint64_t from = std::max({until, event.startCycle, layer.from});
    until = std::max(until, event.endCycle + 1);
    layer.busy[event.engine] += until > from ? until - from : 0;
  }
  return layers;
}

std::string boundBy(const LayerTime &layer) {
  const auto most = std::ranges::max_element(layer.busy);
  if (layer.cycles == 0)
    return "hidden behind its neighbours";
  return llvm::formatv("{0} {1:F0} %", kEngineWork[size_t(most - layer.busy.begin())],
                       std::min(100.0, 100.0 * double(*most) / double(layer.cycles)))
      .str();
}

llvm::Expected<std::vector<codegen::JobTime>> measure(const isa::Package &package) {
  // Jobs do not depend on each other's time, so host steps can be left out: the host code may be for another processor,
  // and is not fast.
  isa::Package jobs = package;
  jobs.hostCode.clear();
  jobs.others.clear();
  std::erase_if(jobs.steps, [](const isa::PackageStep &step) { return !step.runsLines(); });
  jobs.entries.resize(1);
  jobs.entries.front().firstStep = 0;
  jobs.entries.front().stepCount = uint32_t(jobs.steps.size());
  std::vector<codegen::JobTime> times;
  if (jobs.steps.empty())
    return times;
  auto bytes = packageBytes(jobs);
  if (!bytes)
    return bytes.takeError();
  SessionOptions options;
  options.device = "cycle";
  options.timingOnly = true;
  auto session = Session::open(*bytes, jobs, options);
  if (!session)
    return session.takeError();
  if (auto result = (*session)->run(inputsOf(jobs)); !result)
    return result.takeError();
  for (const Job &job : (*session)->jobs()) {
    codegen::JobTime &time = times.emplace_back();
    time.cycles = job.cycles;
    for (const LayerTime &layer : layerTimesOf(job))
      time.shares.push_back({layer.tag, layer.cycles, boundBy(layer)});
  }
  return times;
}

} // namespace tw::tools
