// SPDX-License-Identifier: Apache-2.0
// Where the cycles of a model go: one row per layer, measured by the trace of a timed device.
#include "Prepare.h"
#include "Session.h"
#include "Trace.h"

#include "tw/isa/Tables.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <array>
#include <iostream>

namespace tw::tools {
namespace {

constexpr std::array<const char *, 6> kEngineWork = {"loads", "weights", "array",
                                                     "drain", "vector",  "stores"}; // by isa::Engine

struct Layer {
  uint16_t tag = 0;
  std::string name;
  uint64_t from = 0, cycles = 0;  // its time: from the end of the layer before to its own end
  uint64_t span = 0;              // from the start of its first compute instruction to its end; neighbours may overlap
  std::array<uint64_t, 6> busy{}; // cycles of its time in which the engine works for it, overlaps counted once
  double useful = 0;              // MAC
};

bool isCompute(const isa::TraceEvent &event) {
  const auto engine = isa::Engine(event.engine);
  return engine == isa::Engine::MX || engine == isa::Engine::RQ || engine == isa::Engine::VX;
}

/// Time goes to the layer whose last instruction ends it, so the sum over layers is the job. What a layer did ahead of
/// its time (prefetched weights) was free.
std::vector<Layer> layersOf(const Job &job, const isa::Package &package) {
  std::vector<isa::TraceEvent> events;
  std::ranges::copy_if(job.events, std::back_inserter(events),
                       [](const isa::TraceEvent &event) { return event.engine < kEngineWork.size(); });
  std::ranges::sort(events, {}, &isa::TraceEvent::pc); // a pc occurs once in a job
  std::vector<Layer> layers;
  constexpr uint64_t kNever = ~uint64_t{0};
  std::vector<uint64_t> first, last;
  auto at = [&](uint16_t tag) { return size_t(std::ranges::find(layers, tag, &Layer::tag) - layers.begin()); };
  for (const isa::TraceEvent &event : events) {
    const size_t i = at(event.tag);
    if (i == layers.size()) {
      auto name = package.program.tags.find(event.tag);
      layers.push_back(
          {event.tag, name == package.program.tags.end() ? llvm::formatv("tag {0}", event.tag).str() : name->second});
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
    Layer &layer = layers[at(event.tag)];
    uint64_t &until = covered[at(event.tag)][event.engine];
    const uint64_t from = std::max({until, event.startCycle, layer.from});
    until = std::max(until, event.endCycle + 1);
    layer.busy[event.engine] += until > from ? until - from : 0;
  }
  return layers;
}

/// The engine that works longest, and for how much of the layer's time.
std::string boundBy(const Layer &layer) {
  const auto most = std::ranges::max_element(layer.busy);
  if (layer.cycles == 0)
    return "hidden behind its neighbours";
  return llvm::formatv("{0} {1:F0} %", kEngineWork[size_t(most - layer.busy.begin())],
                       std::min(100.0, 100.0 * double(*most) / double(layer.cycles)))
      .str();
}

/// How long the bursts of all jobs took, as far as there are any.
void printLatencies(const std::vector<Job> &jobs, const char *what, isa::CounterId first) {
  std::string text;
  for (unsigned i = 0; i != isa::kLatencyBuckets; ++i) {
    uint64_t count = 0;
    for (const Job &job : jobs)
      count += job.counters[unsigned(first) + i];
    if (count == 0)
      continue;
    const uint64_t limit = uint64_t{isa::kLatencyFirst} << i;
    const bool isLast = i + 1 == isa::kLatencyBuckets;
    text += llvm::formatv("{0}{1} {2}{3}", text.empty() ? "" : ", ", withCommas(count), isLast ? "from " : "below ",
                          isLast ? limit / 2 : limit)
                .str();
  }
  if (!text.empty())
    std::cout << "  " << what << " by their cycles: " << text << "\n";
}

} // namespace

int profileVerb(const Arguments &arguments) {
  CommandLine line(
      "profile", "Runs a model on a timed device and says where the cycles go.", "model.onnx",
      "  tilewright profile model.onnx\n  tilewright profile model.onnx --config tw8 --device rtl --memory rows\n");
  addModelOptions(line);
  line.add()("device,d", po::value<std::string>()->default_value("cycle"),
             "cycle or rtl")("input,i", po::value<std::vector<std::string>>()->composing(),
                             "as for run")("seed", po::value<uint64_t>()->default_value(1), "seed of random inputs")(
      "memory", po::value<std::string>()->default_value(""), "as for run")("trace", po::value<std::string>(),
                                                                           "as for run");
  if (auto code = line.parse(arguments))
    return *code;
  if (line.text("device") == "functional")
    return fail(llvm::createStringError("--device functional: the functional model has no time; use cycle or rtl"));
  if (line.has("trace"))
    if (llvm::Error error = checkTraceName(line.text("trace")))
      return fail(std::move(error));
  auto prepared = prepare(line);
  if (!prepared)
    return fail(prepared.takeError());
  const isa::Package &package = prepared->compiled.package;
  const codegen::CompileReport &report = prepared->compiled.report;
  auto bytes = packageBytes(package);
  if (!bytes)
    return fail(bytes.takeError());
  bool isRandom = false;
  auto inputs = gatherInputs(inputsOf(package), line.list("input"), line.get<uint64_t>("seed"), isRandom);
  if (!inputs)
    return fail(inputs.takeError());
  auto session = Session::open(*bytes, package, {line.text("device"), line.text("memory")});
  if (!session)
    return fail(session.takeError());
  auto result = (*session)->run(*inputs);
  if (!result)
    return fail(result.takeError());

  if (line.has("trace"))
    if (llvm::Error error = writeTrace(line.text("trace"), traceOf(package, (*session)->jobs())))
      return fail(std::move(error));

  const double peak = double(package.config.n) * package.config.n;
  auto row = [](std::string name, const char *where, const std::string &macs, const std::string &cycles,
                const std::string &span, const std::string &array, const std::string &bound) {
    if (name.size() > 32)
      name = name.substr(0, 29) + "...";
    std::cout << llvm::formatv("  {0,-32} {1,-5} {2,12} {3,9} {4,9} {5,8}  {6}\n", name, where, macs, cycles, span,
                               array, bound)
                     .str();
  };
  row("layer", "where", "useful MAC", "cycles", "span", "array", "bound by");
  auto percent = [](double part, double whole) {
    return whole == 0 ? std::string("-") : llvm::formatv("{0:F1} %", 100 * part / whole).str();
  };
  uint64_t total = 0, attributed = 0;
  double useful = 0;
  for (const codegen::PlacementRow &placed : report.rows)
    if (!placed.isOnNpu)
      row(placed.node, "host", "-", "-", "-", "-", placed.operation);
  for (const Job &job : (*session)->jobs()) {
    total += job.cycles;
    for (Layer &layer : layersOf(job, package)) {
      auto placed = std::ranges::find(report.rows, layer.name, &codegen::PlacementRow::node);
      if (placed != report.rows.end())
        layer.useful = double(placed->macs);
      useful += layer.useful;
      attributed += layer.cycles;
      row(layer.name, "npu", layer.useful == 0 ? "-" : withCommas(uint64_t(layer.useful)), withCommas(layer.cycles),
          withCommas(layer.span), layer.useful == 0 ? "-" : percent(layer.useful, double(layer.span) * peak),
          boundBy(layer));
    }
  }
  row("end of job", "npu", "-", withCommas(total - attributed), "-", "-", "completion record, last responses");
  row("total", "", withCommas(uint64_t(useful)), withCommas(total), withCommas(total),
      percent(useful, double(total) * peak),
      llvm::formatv("{0:F3} ms at {1} MHz", double(total) / (1000.0 * package.config.clockMhz), package.config.clockMhz)
          .str());
  std::cout << "  " << withCommas(result->bytesRead) << " bytes read, " << withCommas(result->bytesWritten)
            << " written; at least " << withCommas(uint64_t(useful / peak)) << " cycles of array work\n";
  printLatencies((*session)->jobs(), "reads", isa::CounterId::ReadLatency0);
  printLatencies((*session)->jobs(), "writes", isa::CounterId::WriteLatency0);
  std::cout << "  cycles: a layer's share of the time, they add up; span: from its first computing instruction to its "
               "end, spans of\n"
               "  neighbours overlap; array: useful MAC of the span's peak\n";
  if (isRandom)
    std::cout << "  inputs that were not given are random (seed " << line.get<uint64_t>("seed")
              << "); cycles do not depend on values\n";
  return 0;
}

} // namespace tw::tools
