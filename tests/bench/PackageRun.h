// SPDX-License-Identifier: Apache-2.0
// A package loaded on a machine, with seeded inputs, and the time that the machine takes while it is busy. Used by the
// benches that run whole networks. A failure ends the program: there is nothing to measure then.
#ifndef TW_TESTS_BENCH_PACKAGERUN_H
#define TW_TESTS_BENCH_PACKAGERUN_H

#include "tw/drivers/MachineTransport.h"
#include "tw/isa/Package.h"

#include <boost/json.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace tw::bench {

[[noreturn]] inline void fail(const std::string &text) {
  std::fprintf(stderr, "error: bench: %s\n", text.c_str());
  std::exit(1);
}

inline std::string bytesOf(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// MAC that the network needs, as `tilewright compile` reports them beside the package.
inline double usefulMacsOf(const std::string &package) {
  const std::string path = package.substr(0, package.rfind('.')) + ".report.json";
  boost::system::error_code error;
  const boost::json::value report = boost::json::parse(bytesOf(path), error);
  const boost::json::value *macs = error ? nullptr : report.find_pointer("/macs_on_npu", error);
  if (!macs || !macs->is_int64())
    fail(path + ": cannot be read, or has no macs_on_npu: compile the model again");
  return double(macs->get_int64());
}

/// A machine and the time that it takes while it is busy: of the processor, or of the clock if it has a second thread.
class Timed final : public isa::Machine {
public:
  Timed(std::unique_ptr<isa::Machine> machine, bool hasThread) : hasThread(hasThread), machine(std::move(machine)) {}
  std::string_view modelName() const override { return machine->modelName(); }
  std::span<uint8_t> memory() override { return machine->memory(); }
  bool interrupt() const override { return machine->interrupt(); }
  isa::RegisterRead readPort(uint32_t offset) override { return machine->readPort(offset); }
  isa::AxiResponse writePort(uint32_t offset, uint32_t value, uint8_t strobes) override {
    return machine->writePort(offset, value, strobes);
  }
  void reset() override { machine->reset(); }
  std::vector<uint8_t> dumpSpace(int space) const override { return machine->dumpSpace(space); }
  bool runUntilIdle(uint64_t maxCycles) override {
    const auto begin = std::chrono::steady_clock::now();
    const std::clock_t start = std::clock();
    const bool isIdle = machine->runUntilIdle(maxCycles);
    seconds += hasThread ? std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()
                         : double(std::clock() - start) / CLOCKS_PER_SEC;
    return isIdle;
  }

  double seconds = 0;

private:
  bool hasThread;
  std::unique_ptr<isa::Machine> machine;
};

class PackageRun {
public:
  /// `bytes`: the file of `package`.
  PackageRun(std::unique_ptr<isa::Machine> bare, bool hasThread, const isa::Package &package,
             const std::string &bytes) {
    auto owned = std::make_unique<Timed>(std::move(bare), hasThread);
    machine = owned.get();
    tw_error error{};
    if (tw_device_open(drivers::makeMachineTransport(std::move(owned)), &device, &error) != TW_OK ||
        tw_program_load(device, bytes.data(), bytes.size(), TW_OPEN_ALLOW_HOST_CODE, &program, &error) != TW_OK ||
        tw_instance_create(program, &instance, &error) != TW_OK)
      fail(error.text);
    std::mt19937 random(1);
    for (const isa::PackageBuffer &buffer : package.buffers) {
      if (buffer.kind != TW_PKG_INPUT && buffer.kind != TW_PKG_OUTPUT)
        continue;
      const bool isInput = buffer.kind == TW_PKG_INPUT;
      tensors.emplace_back(buffer.size);
      for (uint8_t &byte : tensors.back()) // small numbers whatever the type is
        byte = isInput ? uint8_t(random() & 0x3f) : 0;
      if (isInput)
        inputs.push_back(tensors.back().data());
      else
        outputs.push_back(tensors.back().data());
    }
  }
  PackageRun(const PackageRun &) = delete;
  ~PackageRun() {
    tw_instance_destroy(instance);
    tw_program_close(program);
    tw_device_close(device);
  }

  /// `observer` is called after each step of the runs that follow.
  void observe(tw_step_observer observer, void *context) { tw_instance_observe(instance, observer, context); }

  /// One run; the seconds that the machine took.
  double run() {
    tw_error error{};
    machine->seconds = 0;
    if (tw_instance_run(instance, 0, inputs.data(), outputs.data(), &stats, &error) != TW_OK)
      fail(error.text);
    return machine->seconds;
  }

  tw_run_stats stats{};
  std::vector<std::vector<uint8_t>> tensors; // of the inputs and outputs, in the order of the package's buffers

private:
  Timed *machine = nullptr;
  tw_device *device = nullptr;
  tw_program *program = nullptr;
  tw_instance *instance = nullptr;
  std::vector<const void *> inputs;
  std::vector<void *> outputs;
};

/// What a file's first lines expect, and by what factor it is reached or missed.
inline void printTarget(const char *what, double value, double expected, bool isMoreBetter) {
  const double factor = isMoreBetter ? value / expected : expected / value;
  std::printf("  %-46s %8.2f, expected %s %g: %s %.2f x\n", what, value, isMoreBetter ? "at least" : "at most",
              expected, factor >= 1 ? "reached, to spare" : "MISSED by", factor >= 1 ? factor : 1 / factor);
}

} // namespace tw::bench
#endif
