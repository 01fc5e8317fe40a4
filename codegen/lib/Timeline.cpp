// SPDX-License-Identifier: Apache-2.0
#include "Timeline.h"

#include <algorithm>
#include <cassert>
#include <map>

namespace tw::codegen {

namespace {

ExecutorId executorOf(const isa::PackageStep &step) {
  if (step.runsLines())
    return ExecutorId::Npu;
  return step.runsGpuCode() || step.toSpace != 0 || step.fromSpace != 0 ? ExecutorId::Gpu : ExecutorId::Host;
}

} // namespace

std::vector<TimelineRow> timelineOf(const isa::Package &package, const CompileReport &report) {
  std::vector<TimelineRow> rows;
  std::map<ExecutorId, size_t> at;
  auto next = [&](ExecutorId executor) -> const RegionCost & {
    size_t &i = at[executor];
    while (i != report.regions.size() && report.regions[i].executor != executor)
      ++i;
    assert(i != report.regions.size() && "each step is a region");
    return report.regions[i++];
  };
  double now = 0, gpu = 0;             // ends of the steps of NPU and host, and of the GPU
  std::map<uint32_t, double> arrivals; // of what copies bring to the host, by buffer
  for (const isa::PackageStep &step : package.steps) {
    if (step.op == TW_PKG_STEP_INSTEAD)
      continue;
    TimelineRow &row = rows.emplace_back();
    row.executor = executorOf(step);
    const RegionCost &region = next(row.executor);
    row.what = region.what;
    row.ns = region.cycles != 0 ? double(region.cycles) * 1000 / package.config.clockMhz : region.ns;
    double needed = 0; // of what it reads
    if (row.executor == ExecutorId::Npu)
      for (const auto &[buffer, end] : arrivals)
        needed = std::max(needed, end);
    for (uint32_t argument : step.arguments)
      if (auto found = arrivals.find(argument); found != arrivals.end())
        needed = std::max(needed, found->second);
    if (row.executor == ExecutorId::Gpu) {
      row.startNs = std::max({now, gpu, needed});
      gpu = row.startNs + row.ns;
      if (step.fromSpace != 0)
        arrivals[step.arguments.front()] = gpu;
      continue;
    }
    row.startNs = std::max(now, needed);
    now = row.startNs + row.ns;
  }
  return rows;
}

} // namespace tw::codegen
