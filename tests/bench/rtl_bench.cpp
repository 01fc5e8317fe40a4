// SPDX-License-Identifier: Apache-2.0
// Speed of the Verilated design on a whole package (data included, ideal memory): clock cycles per second of processor
// time between the doorbell and the interrupt, best of a few runs. `tilewright compile` makes the package; one thread.
// Expected on a quiet core for ResNet-8: tw16 at least 3 Mcycles/s.
#include "tw/drivers/MachineTransport.h"
#include "tw/isa/Package.h"
#include "tw/rtl/Model.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <random>

using namespace tw;

namespace {

/// The design, and the processor time that it takes while it is busy.
class Timed final : public isa::Machine {
public:
  explicit Timed(std::unique_ptr<rtl::Model> model) : model(std::move(model)) {}
  std::string_view modelName() const override { return model->modelName(); }
  std::span<uint8_t> memory() override { return model->memory(); }
  bool interrupt() const override { return model->interrupt(); }
  uint32_t readRegister(uint32_t offset) override { return model->readRegister(offset); }
  void writeRegister(uint32_t offset, uint32_t value) override { model->writeRegister(offset, value); }
  void reset() override { model->reset(); }
  std::vector<uint8_t> dumpSpace(int space) const override { return model->dumpSpace(space); }
  bool runUntilIdle(uint64_t maxCycles) override {
    const uint64_t before = model->clockCycles();
    const std::clock_t start = std::clock();
    const bool idle = model->runUntilIdle(maxCycles);
    seconds += double(std::clock() - start) / CLOCKS_PER_SEC;
    cycles += model->clockCycles() - before;
    return idle;
  }

  double seconds = 0;
  uint64_t cycles = 0;

private:
  std::unique_ptr<rtl::Model> model;
};

int failed(const char *text) {
  std::fprintf(stderr, "tw_bench_rtl: %s\n", text);
  return 1;
}

int measure(const char *path, int runs) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto package = isa::readPackage(path);
  if (!package)
    return failed(package.diag().str().c_str());
  auto model = rtl::loadModel(package->config.name, {}, {}, 64u << 20);
  if (!model)
    return failed(model.diag().str().c_str());
  auto owned = std::make_unique<Timed>(std::move(*model));
  Timed &machine = *owned;

  tw_error error{};
  tw_device *device = nullptr;
  tw_program *program = nullptr;
  tw_instance *instance = nullptr;
  if (tw_device_open(drivers::makeMachineTransport(std::move(owned)), &device, &error) != TW_OK ||
      tw_program_load(device, bytes.data(), bytes.size(), &program, &error) != TW_OK ||
      tw_instance_create(program, &instance, &error) != TW_OK)
    return failed(error.text);
  std::mt19937 random(1);
  std::vector<std::vector<uint8_t>> tensors;
  std::vector<const void *> inputs;
  std::vector<void *> outputs;
  for (const isa::PackageBuffer &buffer : package->buffers) {
    if (buffer.kind != TW_PKG_INPUT && buffer.kind != TW_PKG_OUTPUT)
      continue;
    tensors.emplace_back(buffer.size);
    for (uint8_t &byte : tensors.back())
      byte = uint8_t(random());
    if (buffer.kind == TW_PKG_INPUT)
      inputs.push_back(tensors.back().data());
    else
      outputs.push_back(tensors.back().data());
  }
  double best = 0, total = 0;
  for (int run = 0; run != runs; ++run) {
    machine.seconds = 0;
    machine.cycles = 0;
    if (tw_instance_run(instance, 0, inputs.data(), outputs.data(), nullptr, &error) != TW_OK)
      return failed(error.text);
    total += machine.seconds;
    best = std::max(best, double(machine.cycles) / machine.seconds);
  }
  std::printf("%-5s %s: %llu cycles, best %.2f, mean %.2f Mcycles/s\n", package->config.name.c_str(), path,
              static_cast<unsigned long long>(machine.cycles), best * 1e-6,
              double(machine.cycles) * runs / total * 1e-6);
  tw_instance_destroy(instance);
  tw_program_close(program);
  tw_device_close(device);
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 2)
    return failed("usage: tw_bench_rtl <package.npk> [runs]");
  return measure(argv[1], argc > 2 ? std::atoi(argv[2]) : 10);
}
