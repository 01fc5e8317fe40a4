// SPDX-License-Identifier: Apache-2.0
// Speed of every model of the machine on whole packages, side by side: the same job on the functional model, on the
// cycle model (both kernels, with data and timing only) and on the Verilated design, in turn and several times over, so
// that ratios mean something on a noisy machine. Counts the processor time between doorbell and interrupt; host code is
// not in it. Nothing is printed before outputs and cycles were found equal.
//   tw_bench_models [--without-rtl] [--benchmark_...] model.npk...
// Without the RTL networks of many million cycles take seconds; cycles are compared between the kernels then.
// Expected on quiet cores of residual networks: RTL at least 4 Mcycles/s at tw16 and 1.5 at tw32; cycle model with data
// at most twice the functional model's time, timing only at least 1000 Mcycles/s.
#include "PackageRun.h"
#include "tw/rtl/Model.h"
#include "tw/simulator/Cycle.h"
#include "tw/simulator/FunctionalMachine.h"

#include <benchmark/benchmark.h>

#include <cstdio>

using namespace tw;
using namespace tw::bench;

namespace {

constexpr uint64_t kMemoryBytes = 128u << 20;

/// What runs beside each other, in the order of the table.
enum Kind { kFunctional, kPlain, kTwoThreads, kSystemC, kPlainTiming, kSystemCTiming, kRtl, kKinds };
constexpr const char *kKindNames[] = {
    "functional",           "cycle, plain", "cycle, two threads", "cycle, SystemC", "timing only, plain",
    "timing only, SystemC", "RTL"};
bool hasData(int kind) { return kind != kPlainTiming && kind != kSystemCTiming; }

std::unique_ptr<isa::Machine> makeMachine(int kind, const isa::HwConfig &config) {
  if (kind == kFunctional)
    return simulator::createFunctionalMachine(config, kMemoryBytes, {});
  if (kind == kRtl) {
    auto model = rtl::loadModel(config.name, {}, {}, kMemoryBytes);
    if (!model)
      fail(model.diag().str());
    return std::move(*model);
  }
  simulator::CycleOptions options;
  options.kernel =
      kind == kSystemC || kind == kSystemCTiming ? simulator::CycleKernel::SystemC : simulator::CycleKernel::Plain;
  options.dataThread = kind == kTwoThreads;
  options.timingOnly = !hasData(kind);
  return simulator::createCycleMachine(config, kMemoryBytes, options);
}

/// A package on all machines.
struct Row {
  std::string name;
  int kinds; // of kKindNames, from the first on
  int slowest() const { return kinds - 1; }
  isa::Package package;
  std::vector<std::unique_ptr<PackageRun>> instances;
  double usefulMacs = 0; // as `tilewright compile` reports them beside the package
  double best[kKinds];
};

void checkEqual(const Row &row) {
  const PackageRun &first = *row.instances[kFunctional], &last = *row.instances[size_t(row.slowest())];
  for (int kind = 0; kind != row.kinds; ++kind) {
    const PackageRun &other = *row.instances[kind];
    if (hasData(kind) && other.tensors != first.tensors)
      fail(row.name + ": " + kKindNames[kind] + " computes other outputs than the functional model");
    if (kind != kFunctional && other.stats.cycles != last.stats.cycles)
      fail(row.name + ": " + kKindNames[kind] + " takes " + std::to_string(other.stats.cycles) + " cycles, " +
           kKindNames[row.slowest()] + " " + std::to_string(last.stats.cycles));
  }
}

/// Keeps the best time of each benchmark; the table is printed when all are there.
class Quiet final : public benchmark::BenchmarkReporter {
public:
  bool ReportContext(const Context &) override { return true; }
  void ReportRuns(const std::vector<Run> &) override {}
};

void print(const Row &row) {
  const tw_run_stats &stats = row.instances[size_t(row.slowest())]->stats;
  const uint64_t cycles = stats.cycles;
  std::printf("%s on %s: %.3f Mcycles, %.1f MMAC of use, %.1f in the array; outputs and cycles equal\n",
              row.name.c_str(), row.package.config.name.c_str(), double(cycles) * 1e-6, row.usefulMacs * 1e-6,
              double(stats.macs) * 1e-6);
  std::printf("  %-22s %12s %10s %20s %28s\n", "", "Mcycles/s", "GMAC/s", "time / functional",
              (std::string("speed / ") + kKindNames[row.slowest()]).c_str());
  for (int kind = 0; kind != row.kinds; ++kind)
    std::printf("  %-22s %12.2f %10s %20.2f %28.1f\n", kKindNames[kind], double(cycles) / row.best[kind] * 1e-6,
                hasData(kind) ? std::to_string(row.usefulMacs / row.best[kind] * 1e-9).substr(0, 6).c_str() : "-",
                row.best[kind] / row.best[kFunctional], row.best[row.slowest()] / row.best[kind]);
  const bool isTw16 = row.package.config.name == "tw16";
  if ((!isTw16 && row.package.config.name != "tw32") || row.name.find("esnet") == std::string::npos)
    return;
  for (int kind : {kPlain, kTwoThreads, kSystemC})
    printTarget((std::string(kKindNames[kind]) + ", time / functional").c_str(), row.best[kind] / row.best[kFunctional],
                2, false);
  printTarget("timing only, plain, Mcycles/s", double(cycles) / row.best[kPlainTiming] * 1e-6, 1000, true);
  if (row.kinds == kKinds)
    printTarget("RTL, Mcycles/s", double(cycles) / row.best[kRtl] * 1e-6, isTw16 ? 4 : 1.5, true);
}

} // namespace

int main(int argc, char **argv) {
  // In turn, several times: what disturbs one disturbs all. Options of the command line come later and win.
  std::vector<char *> arguments(argv, argv + argc);
  const bool withRtl =
      std::erase_if(arguments, [](const char *a) { return std::string_view(a) == "--without-rtl"; }) == 0;
  char interleave[] = "--benchmark_enable_random_interleaving=true", repeat[] = "--benchmark_repetitions=5",
       minimum[] = "--benchmark_min_time=0.05";
  arguments.insert(arguments.begin() + 1, {interleave, repeat, minimum});
  int count = int(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (count < 2)
    fail("no package given: tilewright compile model.onnx -o model.npk makes one");

  std::vector<std::unique_ptr<Row>> rows;
  for (int i = 1; i != count; ++i) {
    auto row = std::make_unique<Row>();
    row->name = arguments[size_t(i)];
    row->kinds = withRtl ? kKinds : kRtl;
    auto package = isa::readPackage(row->name);
    if (!package)
      fail(package.diag().str());
    row->package = std::move(*package);
    row->usefulMacs = usefulMacsOf(row->name);
    const std::string bytes = bytesOf(row->name);
    for (int kind = 0; kind != row->kinds; ++kind) {
      row->instances.push_back(std::make_unique<PackageRun>(makeMachine(kind, row->package.config), kind == kTwoThreads,
                                                            row->package, bytes));
      row->best[kind] = row->instances.back()->run();
    }
    checkEqual(*row);
    for (int kind = 0; kind != row->kinds; ++kind)
      benchmark::RegisterBenchmark((row->name + "/" + kKindNames[kind]).c_str(), [row = row.get(),
                                                                                  kind](benchmark::State &state) {
        for (auto _ : state) {
          const double seconds = row->instances[size_t(kind)]->run();
          row->best[kind] = std::min(row->best[kind], seconds);
          state.SetIterationTime(seconds);
        }
      })->UseManualTime();
    rows.push_back(std::move(row));
  }
  std::printf("RTL: %s\nbest of several runs in turn, processor time; of two threads the time of the clock\n",
              TW_RTL_BUILD);
  Quiet quiet;
  benchmark::RunSpecifiedBenchmarks(&quiet);
  for (const auto &row : rows)
    print(*row);
}
