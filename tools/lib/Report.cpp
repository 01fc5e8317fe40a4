// SPDX-License-Identifier: Apache-2.0
#include "Report.h"

#include "Common.h"
#include "NameColumn.h"

#include "llvm/Support/FormatVariadic.h"
#include <boost/json.hpp>

#include <algorithm>

namespace tw::tools {

using llvm::formatv;

namespace {

double share(double part, double whole) { return whole == 0 ? 0 : 100 * part / whole; }

double milliseconds(uint64_t cycles, const isa::HwConfig &config) {
  return double(cycles) / (1000.0 * config.clockMhz);
}

llvm::StringRef passName(llvm::StringRef name) {
  name.consume_front("tw-");
  return name;
}

// "-3 mul, +1 conv": operators that a pass took away and made.
std::string changesText(const ir::PassCount &pass) {
  std::string text;
  for (const auto &[name, number] : pass.change)
    text += formatv("{0}{1}{2} {3}", text.empty() ? "" : ", ", number > 0 ? "+" : "", number, name).str();
  return text;
}

} // namespace

namespace {

std::string sizesText(const codegen::EntryDim &dim) {
  return dim.least == dim.most ? std::to_string(dim.most) : formatv("{0} to {1}", dim.least, dim.most).str();
}

// What a mask has to be in runs with fewer.
std::string shownText(const isa::Package &package, const isa::PackageEntry &entry) {
  for (uint32_t buffer : entry.inputs)
    if (const isa::PackageTensor &tensor = package.tensors[package.buffers[buffer].tensor]; tensor.shown != 0)
      return formatv(", with a 1 at place {0} of {1}", tensor.shown - 1, tensor.name);
  return "";
}

// Of one run: without what the host does.
struct EntryCost {
  uint64_t cycles = 0, bytesRead = 0;
};

EntryCost costOf(const isa::Package &package, const isa::PackageEntry &entry) {
  EntryCost cost;
  for (uint32_t s = entry.firstStep; s != entry.firstStep + entry.stepCount; ++s)
    if (const uint32_t row = package.steps[s].counts; row != TW_PKG_NONE) {
      cost.cycles += package.counts[row].cycles;
      cost.bytesRead += package.counts[row].bytes_read;
    }
  return cost;
}

double perSecond(double count, uint64_t cycles, const isa::HwConfig &config) {
  return cycles == 0 ? 0 : count * 1e6 * config.clockMhz / double(cycles);
}

} // namespace

double readShare(uint64_t bytes, uint64_t cycles, const isa::HwConfig &config) {
  return share(double(bytes), double(cycles) * config.axiBytes);
}

namespace {

// What the others would have taken, if they can.
std::string elsewhereText(const codegen::PlacementRow &row) {
  std::string text;
  for (const codegen::Elsewhere &other : row.elsewhere)
    if (other.whyNot.empty())
      text += formatv("; {0} {1} ms", codegen::nameOf(other.executor), shortNumber(other.ns / 1e6)).str();
  return text;
}

} // namespace

std::string placementTable(const codegen::CompileReport &report) {
  std::vector<std::string> names;
  for (const codegen::PlacementRow &row : report.rows)
    names.push_back(row.node);
  const NameColumn column(names);
  std::string text;
  for (const codegen::PlacementRow &row : report.rows)
    text += formatv("  {0,-4} {1,-12} {2} {3,12} MAC {4,9} ms {5,9} bytes at least  {6}{7}\n",
                    codegen::nameOf(row.executor), row.operation, column(row.node), withCommas(uint64_t(row.macs)),
                    shortNumber(row.boundNs / 1e6), withCommas(row.leastBytes), row.how, elsewhereText(row))
                .str();
  return text;
}

std::string reportScreen(const codegen::Compiled &compiled, const std::string &model, const std::string &package) {
  const codegen::CompileReport &r = compiled.report;
  const isa::HwConfig &config = compiled.package.config;
  std::string text = formatv("{0} for {1}\n", model, config.name).str();
  text += formatv("  on the NPU     {0:F1} % of {1} MAC, {2} of {3} operators\n",
                  share(double(r.macsOnNpu), double(r.macs)), withCommas(uint64_t(r.macs)),
                  std::ranges::count(r.rows, codegen::ExecutorId::Npu, &codegen::PlacementRow::executor), r.rows.size())
              .str();
  for (const auto &[name, value] : r.fixed)
    text += formatv("  fixed          {0} = {1}\n", name, value).str();
  for (const auto &[entry, dims, hostOnly] : llvm::zip_equal(compiled.package.entries, r.dims, r.hostOnly)) {
    for (const codegen::EntryDim &dim : dims)
      if (dim.least != dim.most || !dim.whyNot.empty())
        text += formatv("  entry          {0} takes {1} of {2}{3}{4}{5}\n", entry.name, sizesText(dim), dim.name,
                        dim.least == dim.most ? "" : shownText(compiled.package, entry), dim.whyNot.empty() ? "" : ": ",
                        dim.whyNot)
                    .str();
    if (!hostOnly.empty())
      text += formatv("  entry          {0} is on the host: {1}\n", entry.name, hostOnly).str();
  }
  for (const auto &[entry, positions] : llvm::zip_equal(compiled.package.entries, r.positions)) {
    const EntryCost cost = costOf(compiled.package, entry);
    if (cost.cycles != 0 && (positions != 0 || r.positions.size() != 1))
      text += formatv("  entry          {0}: {1} cycles, {2} {3}/s without the host, {4:F1} % of the bandwidth for "
                      "reads\n",
                      entry.name, withCommas(cost.cycles),
                      shortNumber(perSecond(double(std::max<int64_t>(positions, 1)), cost.cycles, config)),
                      positions != 0 ? "tokens" : "runs", readShare(cost.bytesRead, cost.cycles, config))
                  .str();
  }
  const double npuMs = milliseconds(r.cycles, config), hostMs = r.hostNs / 1e6, gpuMs = r.gpuNs / 1e6;
  text += formatv("  time           {0:F3} ms, about: NPU {1:F3} ms, host {2} ms{3}\n", npuMs + hostMs + gpuMs, npuMs,
                  shortNumber(hostMs), r.gpuMachine.empty() ? "" : ", GPU " + shortNumber(gpuMs) + " ms")
              .str();
  text += formatv("    NPU          {0} cycles at {1} MHz (cycle model, ideal memory)\n", withCommas(r.cycles),
                  config.clockMhz)
              .str();
  text +=
      formatv("    host         estimated for one thread of {0} from operations and bytes; run and profile measure\n",
              r.hostCpu)
          .str();
  if (!r.gpuMachine.empty()) {
    text += formatv("    GPU          estimated for {0}\n", r.gpuMachine).str();
    text += formatv("  on the GPU     {0} operators in {1} steps, {2} bytes of its memory, {3} copied to or from it\n",
                    std::ranges::count(r.rows, codegen::ExecutorId::Gpu, &codegen::PlacementRow::executor), r.gpuSteps,
                    withCommas(r.gpuBytes), withCommas(r.linkBytes))
                .str();
  }
  text += formatv("  array          {0:F1} % of the peak for useful MAC, {1:F1} % of streamed lanes useful\n",
                  share(double(r.macsOnNpu), double(r.cycles) * config.n * config.n),
                  share(double(r.macsOnNpu), double(r.arrayMacs)))
              .str();
  text += formatv("  scratchpad     {0} of {1} bytes at most; no placement needs less than {2}\n",
                  withCommas(r.chipBytes), withCommas(r.chipSize), withCommas(r.chipBound))
              .str();
  text += formatv("  arena          {0} bytes; live at most {1}; constants {2} bytes\n", withCommas(r.arenaBytes),
                  withCommas(r.arenaBound), withCommas(r.constantBytes))
              .str();
  text += formatv("  traffic        {0} bytes read, {1:F1} % of {2} a cycle, {3} written by the NPU; {4} read or "
                  "written by the host\n",
                  withCommas(r.bytesRead), readShare(r.bytesRead, r.cycles, config), config.axiBytes,
                  withCommas(r.bytesWritten), withCommas(r.hostBytes))
              .str();
  text += formatv("  program        {0} lines, {1} waits, {2} fences, {3} NPU steps, {4} host steps\n", r.lines,
                  r.waits, r.fences, r.npuSteps, r.hostSteps)
              .str();
  for (const ir::PassCount &pass : r.passes)
    text += formatv("  {0,-14} {1}\n", passName(pass.pass), changesText(pass)).str();
  std::vector<const codegen::PlacementRow *> slowest;
  for (const codegen::PlacementRow &row : r.rows)
    if (row.executor == codegen::ExecutorId::Npu)
      slowest.push_back(&row);
  std::ranges::sort(slowest, [](const codegen::PlacementRow *a, const codegen::PlacementRow *b) {
    return a->cycles != b->cycles ? a->cycles > b->cycles : a < b; // of equal ones the model's first
  });
  if (!slowest.empty())
    text += "  slowest\n";
  for (size_t i = 0; i != std::min<size_t>(5, slowest.size()); ++i)
    text += formatv("    {0,10} cycles  bound by {1,-13} {2,-12} {3}\n", withCommas(slowest[i]->cycles),
                    slowest[i]->boundBy, slowest[i]->how, slowest[i]->node)
                .str();
  for (const codegen::PlacementRow &row : r.rows)
    if (row.executor == codegen::ExecutorId::Gpu)
      text += formatv("  GPU            {0} {1}: {2} (about {3} ms{4})\n", row.operation, row.node, row.how,
                      shortNumber(row.gpuNs / 1e6), elsewhereText(row))
                  .str();
  for (const codegen::PlacementRow &row : r.rows)
    if (row.executor == codegen::ExecutorId::Host)
      text += formatv("  host           {0} {1}: {2} (at least {3} ms)\n", row.operation, row.node, row.how,
                      shortNumber(row.hostNs / 1e6))
                  .str();
  const bool isNpuThere = std::ranges::find(r.executors, codegen::ExecutorId::Npu) != r.executors.end();
  if (r.macs != 0 && r.macsOnNpu == 0 && isNpuThere)
    text += "  WARNING        0 of its MAC run on the NPU: the reasons stand above\n";
  if (!package.empty())
    text += formatv("next: tilewright run {0} --device cycle\n", package).str();
  return text;
}

std::string reportJson(const codegen::Compiled &compiled, const std::string &model) {
  const codegen::CompileReport &r = compiled.report;
  boost::json::object root;
  root["model"] = model;
  root["config"] = compiled.package.config.name;
  root["isa_hash"] = hex(isa::kIsaHash);
  root["config_hash"] = hex(isa::configHash(compiled.package.config));
  boost::json::object fixed;
  for (const auto &[name, value] : r.fixed)
    fixed[name] = value;
  root["fixed"] = std::move(fixed);
  root["macs"] = r.macs;
  root["macs_on_npu"] = r.macsOnNpu;
  root["macs_int8"] = r.macsInt8;
  root["macs_int8_on_npu"] = r.macsInt8OnNpu;
  root["host_ns_estimate"] = r.hostNs;
  root["host_bytes"] = r.hostBytes;
  root["host_cpu"] = r.hostCpu;
  root["host_steps"] = r.hostSteps;
  root["npu_steps"] = r.npuSteps;
  if (!r.gpuMachine.empty()) {
    root["gpu_machine"] = r.gpuMachine;
    root["gpu_ns_estimate"] = r.gpuNs;
    root["gpu_steps"] = r.gpuSteps;
    root["gpu_bytes"] = r.gpuBytes;
    root["link_bytes"] = r.linkBytes;
  }
  root["array_macs"] = r.arrayMacs;
  root["cycles"] = r.cycles;
  root["bytes_read"] = r.bytesRead;
  root["bytes_written"] = r.bytesWritten;
  root["scratchpad_bytes"] = r.chipBytes;
  root["scratchpad_bound"] = r.chipBound;
  root["scratchpad_size"] = r.chipSize;
  root["arena_bytes"] = r.arenaBytes;
  root["arena_bound"] = r.arenaBound;
  root["constant_bytes"] = r.constantBytes;
  root["lines"] = r.lines;
  root["waits"] = r.waits;
  root["fences"] = r.fences;
  boost::json::array passes;
  for (const ir::PassCount &pass : r.passes) {
    boost::json::object change;
    for (const auto &[name, number] : pass.change)
      change[name] = number;
    passes.push_back(boost::json::object{{"pass", pass.pass}, {"change", std::move(change)}});
  }
  root["passes"] = std::move(passes);
  boost::json::array entries, states;
  for (const auto &[entry, its, positions, hostOnly] :
       llvm::zip_equal(compiled.package.entries, r.dims, r.positions, r.hostOnly)) {
    const EntryCost cost = costOf(compiled.package, entry);
    boost::json::array dims;
    for (const codegen::EntryDim &dim : its)
      dims.push_back({{"name", dim.name}, {"least", dim.least}, {"most", dim.most}, {"why_not", dim.whyNot}});
    entries.push_back({{"name", entry.name},
                       {"first_step", entry.firstStep},
                       {"steps", entry.stepCount},
                       {"dims", std::move(dims)},
                       {"positions", positions},
                       {"host_only", hostOnly},
                       {"cycles", cost.cycles},
                       {"bytes_read", cost.bytesRead},
                       {"runs_per_second", perSecond(1, cost.cycles, compiled.package.config)},
                       {"read_share", readShare(cost.bytesRead, cost.cycles, compiled.package.config)}});
  }
  root["entries"] = std::move(entries);
  for (const isa::PackageBuffer &buffer : compiled.package.buffers)
    if (buffer.kind == TW_PKG_STATE)
      states.push_back({{"name", buffer.name}, {"bytes", buffer.size}});
  root["states"] = std::move(states);
  boost::json::array rows;
  for (const codegen::PlacementRow &row : r.rows) {
    boost::json::array rejections;
    boost::json::array elsewhere;
    for (const codegen::Elsewhere &other : row.elsewhere)
      elsewhere.push_back({{"where", codegen::nameOf(other.executor)}, {"ns", other.ns}, {"why_not", other.whyNot}});
    for (const tensorize::Rejection &rejection : row.rejections)
      rejections.push_back(
          boost::json::object{{"chain", rejection.place}, {"kind", rejection.kind}, {"text", rejection.text}});
    rows.push_back(boost::json::object{{"node", row.node},
                                       {"block", row.block},
                                       {"operation", row.operation},
                                       {"where", codegen::nameOf(row.executor)},
                                       {"how", row.how},
                                       {"macs", row.macs},
                                       {"bound_ns", row.boundNs},
                                       {"least_bytes", row.leastBytes},
                                       {"cycles", row.cycles},
                                       {"host_ns_estimate", row.hostNs},
                                       {"gpu_ns_estimate", row.gpuNs},
                                       {"elsewhere", std::move(elsewhere)},
                                       {"bound_by", row.boundBy},
                                       {"rejections", std::move(rejections)}});
  }
  root["operators"] = std::move(rows);
  boost::json::array regions;
  for (const codegen::RegionCost &region : r.regions)
    regions.push_back(boost::json::object{{"where", codegen::nameOf(region.executor)},
                                          {"step", region.what},
                                          {"operators", boost::json::value_from(region.rows)},
                                          {"ns_estimate", region.ns},
                                          {"bound_ns", region.boundNs},
                                          {"bytes_estimate", region.bytes},
                                          {"peak_bytes", region.peakBytes},
                                          {"peak_bound", region.leastPeakBytes},
                                          {"cycles", region.cycles}});
  root["regions"] = std::move(regions);
  boost::json::array timeline;
  for (const codegen::TimelineRow &row : r.timeline)
    timeline.push_back(
        {{"where", codegen::nameOf(row.executor)}, {"what", row.what}, {"start_ns", row.startNs}, {"ns", row.ns}});
  root["timeline"] = std::move(timeline);
  return boost::json::serialize(root) + "\n";
}

} // namespace tw::tools
