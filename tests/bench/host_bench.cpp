// SPDX-License-Identifier: Apache-2.0
// How long a package's runs take where the host computes all of it (`tilewright compile --target cpu`), on one thread:
// processor time, which other work on the machine disturbs least, as the median of many runs; and the time of each
// step. Inputs are random numbers of a fixed seed or the caller's.
//   tw-host-bench [--runs N] [--steps] model.npk
//   tw-host-bench --once-per-line [--input FILE...] [--output FILE...] model.npk
// With --once-per-line each line of standard input is a number of runs, answered by their median in nanoseconds: so
// that scripts/hostbench.py can let another runtime run in between. Files are the tensors' bytes, row-major.
// Expects nothing: how fast the host is, is said beside another runtime on the same machine.
#include "PackageRun.h"
#include "tw/simulator/FunctionalMachine.h"

#include <boost/program_options.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iostream>

using namespace tw;
using namespace tw::bench;
namespace po = boost::program_options;

namespace {

/// Nanoseconds of processor time that this process has taken; std::clock() counts in thousands of them.
double now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return double(time.tv_sec) * 1e9 + double(time.tv_nsec);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

uint64_t memoryFor(const isa::Package &package) {
  constexpr uint64_t kSpare = 4u << 20; // pages, records, and rounding of each buffer
  uint64_t bytes = kSpare + package.constants.size() + package.arenaBytes + package.stateBytes +
                   package.program.lines.size() * isa::kLineBytes;
  for (const isa::PackageBuffer &buffer : package.buffers)
    if (buffer.kind == TW_PKG_INPUT || buffer.kind == TW_PKG_OUTPUT)
      bytes += buffer.size;
  return bytes;
}

/// Numbers that a network may see: small values would become denormal on the way, and slow.
void fillRandom(std::vector<uint8_t> &bytes, tw_pkg_type type, std::mt19937 &random) {
  if (type == TW_PKG_F32)
    for (size_t i = 0; i + sizeof(float) <= bytes.size(); i += sizeof(float)) {
      const float value = float(double(random()) / 0x1p31 - 1);
      std::memcpy(&bytes[i], &value, sizeof value);
    }
  else if (type == TW_PKG_I8 || type == TW_PKG_U8)
    for (uint8_t &byte : bytes)
      byte = uint8_t(random());
  else // indices, masks, other floats: zeros suit everywhere
    std::ranges::fill(bytes, uint8_t{0});
}

/// Time of each step, run after run: of the clock, which takes less to read than most steps do.
struct Steps {
  using Clock = std::chrono::steady_clock;
  Clock::time_point last;
  std::vector<std::vector<double>> times;

  static void done(void *context, uint32_t step, const tw_job_result *, void *const *) {
    auto &self = *static_cast<Steps *>(context);
    const auto end = Clock::now();
    self.times[step].push_back(std::chrono::duration<double, std::nano>(end - self.last).count());
    self.last = Clock::now();
  }
};

/// Median of `runs` runs in nanoseconds.
double measure(PackageRun &run, int runs, Steps *steps) {
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) {
    const double start = now();
    if (steps)
      steps->last = Steps::Clock::now();
    run.run();
    times.push_back(now() - start);
  }
  return median(std::move(times));
}

void printSteps(const isa::Package &package, const Steps &steps) {
  std::vector<std::pair<double, size_t>> order;
  double sum = 0;
  for (size_t i = 0; i != steps.times.size(); ++i) {
    if (steps.times[i].empty()) // of another entry
      continue;
    order.emplace_back(median(steps.times[i]), i);
    sum += order.back().first;
  }
  std::ranges::sort(order, std::greater());
  constexpr const char *kOps[] = {"", "host", "npu", "sync", "copy"};
  for (const auto &[time, i] : order)
    std::printf("%12.0f ns %6.2f %%  step %3zu %-4s %s\n", time, 100 * time / sum, i, kOps[package.steps[i].op],
                package.steps[i].name.c_str());
}

/// Tensors of one kind and, in the order of the buffers, the files that the caller named for them.
void forEachFile(const isa::Package &package, tw_pkg_buffer_kind kind, const std::vector<std::string> &files,
                 auto action) {
  size_t tensor = 0, count = 0;
  for (const isa::PackageBuffer &buffer : package.buffers) {
    if (buffer.kind == kind && count++ < files.size())
      action(files[count - 1], tensor);
    tensor += buffer.kind == TW_PKG_INPUT || buffer.kind == TW_PKG_OUTPUT;
  }
  if (files.size() > count)
    fail("the package has " + std::to_string(count) + (kind == TW_PKG_INPUT ? " inputs, " : " outputs, ") +
         std::to_string(files.size()) + " files were named for them");
}

} // namespace

int main(int argc, char **argv) {
  po::options_description options;
  options.add_options()("runs", po::value<int>()->default_value(20), "number of runs after the first")(
      "steps", "time of each step, the longest first")("once-per-line", "a number of runs from each line of input")(
      "input", po::value<std::vector<std::string>>()->default_value({}, ""), "bytes of an input, in their order")(
      "output", po::value<std::vector<std::string>>()->default_value({}, ""),
      "file for the bytes of an output of the first run")("package", po::value<std::string>()->required());
  po::variables_map values;
  try {
    po::store(po::command_line_parser(argc, argv)
                  .options(options)
                  .positional(po::positional_options_description().add("package", 1))
                  .run(),
              values);
    po::notify(values);
  } catch (const std::exception &exception) { // Boost's end here
    std::cerr << "error: tw-host-bench: " << exception.what() << "; options:\n" << options;
    return 2;
  }
  const std::string path = values["package"].as<std::string>();
  auto package = isa::readPackage(path);
  if (!package)
    fail(package.diag().str());
  PackageRun run(simulator::createFunctionalMachine(package->config, memoryFor(*package)), false, *package,
                 bytesOf(path));
  std::mt19937 random(1);
  size_t tensor = 0;
  for (const isa::PackageBuffer &buffer : package->buffers) {
    if (buffer.kind == TW_PKG_INPUT)
      fillRandom(run.tensors[tensor], package->tensors[buffer.tensor].type, random);
    tensor += buffer.kind == TW_PKG_INPUT || buffer.kind == TW_PKG_OUTPUT;
  }
  forEachFile(*package, TW_PKG_INPUT, values["input"].as<std::vector<std::string>>(),
              [&](const std::string &file, size_t at) {
                const std::string bytes = bytesOf(file);
                if (bytes.size() != run.tensors[at].size())
                  fail(file + ": " + std::to_string(bytes.size()) + " bytes, the input has " +
                       std::to_string(run.tensors[at].size()));
                std::memcpy(run.tensors[at].data(), bytes.data(), bytes.size());
              });
  run.run(); // maps the host code, touches every page
  forEachFile(*package, TW_PKG_OUTPUT, values["output"].as<std::vector<std::string>>(),
              [&](const std::string &file, size_t at) {
                std::ofstream out(file, std::ios::binary);
                out.write(reinterpret_cast<const char *>(run.tensors[at].data()),
                          std::streamsize(run.tensors[at].size()));
                if (!out.flush())
                  fail(file + ": cannot be written");
              });
  if (values.count("once-per-line")) {
    for (int runs = 0; std::cin >> runs && runs > 0;)
      std::cout << uint64_t(measure(run, runs, nullptr)) << std::endl;
    return 0;
  }
  const int runs = values["runs"].as<int>();
  if (runs < 1)
    fail("--runs " + std::to_string(runs) + ": at least 1");
  Steps steps;
  steps.times.resize(package->steps.size());
  const bool withSteps = values.count("steps") != 0;
  if (withSteps)
    run.observe(&Steps::done, &steps);
  std::printf("%.0f ns, median of %d runs; %u host steps, %u npu steps\n", measure(run, runs, &steps), runs,
              run.stats.host_steps, run.stats.npu_steps);
  if (withSteps)
    printSteps(*package, steps);
}
