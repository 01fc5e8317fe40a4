// SPDX-License-Identifier: Apache-2.0
// Where the cycles of a model go: one row per layer, measured by the trace of a timed device.
#include "Measure.h"
#include "NameColumn.h"
#include "Prepare.h"
#include "Report.h"
#include "States.h"
#include "Trace.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <iostream>
#include <map>

namespace tw::tools {
namespace {

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
      "  tilewright profile model.onnx\n  tilewright profile model.onnx --config tw8 --device rtl --memory rows\n"
      "  tilewright profile decoder.onnx --dim new=1 --dim past=63 --state known\n");
  addModelOptions(line);
  addStateOption(line);
  addHostOptions(line);
  line.add()("device,d", po::value<std::string>()->default_value("cycle"),
             "cycle or rtl")("input,i", po::value<std::vector<std::string>>()->composing(),
                             "as for run")("seed", po::value<uint64_t>()->default_value(1), "seed of random inputs")(
      "memory", po::value<std::string>()->default_value(""), "as for run")("trace", po::value<std::string>(),
                                                                           "as for run");
  if (auto code = line.parse(arguments))
    return *code;
  if (line.text("device") == "functional")
    return fail(errorAt("--device functional", "the functional model has no time; use cycle or rtl"));
  if (line.has("trace"))
    if (llvm::Error error = checkTraceName(line.text("trace")))
      return fail(std::move(error));
  if (llvm::Error error = checkOutputs(line, {line.text("trace")}))
    return fail(std::move(error));
  auto prepared = prepare(line, {}, [&](mlir::ModuleOp imported) -> llvm::Error {
    if (line.list("state").empty())
      return llvm::Error::success();
    auto pairs = statePairs(line, imported);
    return pairs ? keepStates({{"main", imported}}, *pairs).takeError() : pairs.takeError();
  });
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
  for (const BoundInput &bound : boundInputs(package, 0)) // drawn from all numbers: with as much state as there may be
    if (ir::Tensor &tensor = (*inputs)[bound.input].tensor;
        isRandom && (tensor.integerAt(0) < bound.least || tensor.integerAt(0) > bound.most))
      tensor.setInteger(0, bound.most);
  auto session = Session::open(*bytes, package,
                               {.device = line.text("device"),
                                .memory = line.text("memory"),
                                .threads = line.get<uint32_t>("threads"),
                                .gpuLibrary = line.text("gpu-library")});
  if (!session)
    return fail(session.takeError());
  auto result = (*session)->run(*inputs);
  if (!result)
    return fail(result.takeError());

  if (line.has("trace"))
    if (llvm::Error error = writeTrace(line.text("trace"), traceOf(package, (*session)->jobs())))
      return fail(std::move(error));

  const double peak = double(package.config.n) * package.config.n;
  std::vector<std::string> names;
  for (const codegen::PlacementRow &placed : report.rows)
    names.push_back(placed.node);
  const NameColumn column(names);
  auto row = [&](const std::string &name, const char *where, const std::string &macs, const std::string &cycles,
                 const std::string &span, const std::string &array, const std::string &bound) {
    std::cout << llvm::formatv("  {0} {1,-5} {2,12} {3,9} {4,9} {5,8}  {6}\n", column(name), where, macs, cycles, span,
                               array, bound)
                     .str();
  };
  row("layer", "where", "useful MAC", "cycles", "span", "array", "bound by");
  auto percent = [](double part, double whole) {
    return whole == 0 ? std::string("-") : llvm::formatv("{0:F1} %", 100 * part / whole).str();
  };
  uint64_t total = 0, attributed = 0;
  double useful = 0;
  std::map<uint32_t, double> hostMs;
  double hostTotal = 0, ofOperators = 0;
  for (const StepTime &time : (*session)->hostTimes()) {
    hostMs[time.step] = double(time.ns) / 1e6;
    hostTotal += hostMs[time.step];
  }
  for (const codegen::PlacementRow &placed : report.rows)
    if (placed.executor != codegen::ExecutorId::Npu) {
      const double ms = hostMs[uint32_t(placed.step)];
      ofOperators += ms;
      row(placed.node, codegen::nameOf(placed.executor), placed.macs == 0 ? "-" : withCommas(uint64_t(placed.macs)),
          "-", "-", "-", llvm::formatv("{0}, {1:F3} ms", placed.operation, ms).str());
    }
  row("forms, copies", "host", "-", "-", "-", "-", llvm::formatv("{0:F3} ms", hostTotal - ofOperators).str());
  for (const Job &job : (*session)->jobs()) {
    total += job.cycles;
    for (const LayerTime &layer : layerTimesOf(job)) {
      const codegen::PlacementRow &placed = *std::ranges::find_if(report.rows, [&](const codegen::PlacementRow &r) {
        return r.executor == codegen::ExecutorId::Npu && r.tag == layer.tag;
      });
      useful += double(placed.macs);
      attributed += layer.cycles;
      row(placed.node, "npu", placed.macs == 0 ? "-" : withCommas(uint64_t(placed.macs)), withCommas(layer.cycles),
          withCommas(layer.span), placed.macs == 0 ? "-" : percent(double(placed.macs), double(layer.span) * peak),
          boundBy(layer));
    }
  }
  row("end of job", "npu", "-", withCommas(total - attributed), "-", "-", "completion record, last responses");
  row("total", "", withCommas(uint64_t(useful)), withCommas(total), withCommas(total),
      percent(useful, double(total) * peak),
      llvm::formatv("{0:F3} ms at {1} MHz, host {2:F3} ms", double(total) / (1000.0 * package.config.clockMhz),
                    package.config.clockMhz, hostTotal)
          .str());
  std::cout << "  " << withCommas(result->bytesRead) << " bytes read, "
            << percent(readShare(result->bytesRead, total, package.config), 100) << " of " << package.config.axiBytes
            << " a cycle, " << withCommas(result->bytesWritten) << " written; at least "
            << withCommas(uint64_t(useful / peak)) << " cycles of array work\n";
  printLatencies((*session)->jobs(), "reads", isa::CounterId::ReadLatency0);
  printLatencies((*session)->jobs(), "writes", isa::CounterId::WriteLatency0);
  std::cout
      << "  cycles: a layer's share of the time, they add up; span: from its first computing instruction to its "
         "end, spans of\n"
         "  neighbours overlap; array: useful MAC of the span's peak; the host's time is measured on this computer\n";
  if (isRandom)
    std::cout << "  inputs that were not given are random (seed " << line.get<uint64_t>("seed")
              << "); cycles do not depend on values\n";
  return 0;
}

} // namespace tw::tools
