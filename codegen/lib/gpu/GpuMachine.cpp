// SPDX-License-Identifier: Apache-2.0
#include "gpu/GpuMachine.h"

#include "tw/isa/DiagError.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/YAMLTraits.h"

#include <algorithm>
#include <iterator>

using tw::codegen::GpuMachine;

template <> struct llvm::yaml::MappingTraits<GpuMachine> {
  static void mapping(IO &io, GpuMachine &machine) {
    io.mapRequired("name", machine.name);
    io.mapRequired("multiprocessors", machine.multiprocessors);
    io.mapRequired("clock_mhz", machine.clockMhz);
    io.mapRequired("macs_per_cycle", machine.macsPerCycle);
    io.mapRequired("memory_gb_per_s", machine.memoryGbPerS);
    io.mapRequired("link_gb_per_s", machine.linkGbPerS);
    io.mapRequired("launch_ns", machine.launchNs);
    io.mapRequired("copy_ns", machine.copyNs);
  }
};

namespace tw::codegen {
namespace {

constexpr int64_t kMost = int64_t(1) << 31;
constexpr int64_t kLaunchNs = 3000, kCopyNs = 10000; // assumed for all

struct Row {
  const char *arch;
  GpuMachine machine;
};
const Row kRows[] = {
    {"sm_70", {"V100 SXM2", 80, 1530, 64, 900, 16, kLaunchNs, kCopyNs}},
    {"sm_75", {"T4", 40, 1590, 64, 320, 16, kLaunchNs, kCopyNs}},
    {"sm_80", {"A100 SXM 40 GB", 108, 1410, 64, 1555, 32, kLaunchNs, kCopyNs}},
    {"sm_86", {"RTX 3090", 82, 1695, 128, 936, 32, kLaunchNs, kCopyNs}},
    {"sm_89", {"RTX 4090", 128, 2520, 128, 1008, 32, kLaunchNs, kCopyNs}},
    {"sm_90", {"H100 SXM", 132, 1980, 128, 3350, 63, kLaunchNs, kCopyNs}},
};

} // namespace

GpuMachine gpuMachineOf(const std::string &arch) {
  const Row *row = std::ranges::find(kRows, arch, &Row::arch);
  assert(row != std::end(kRows) && "every row of gpuProcessorOf's table has one here");
  return row->machine;
}

llvm::Expected<GpuMachine> readGpuMachine(const NamedText &file) {
  std::vector<Diag> said;
  auto keep = [](const llvm::SMDiagnostic &its, void *context) {
    static_cast<std::vector<Diag> *>(context)->push_back(
        {llvm::formatv("line {0}", its.getLineNo()).str(), its.getMessage().str()});
  };
  llvm::yaml::Input input(llvm::MemoryBufferRef(file.text, file.name), nullptr, keep, &said);
  GpuMachine machine;
  input >> machine;
  if (input.error() || machine.name.empty())
    return errorOf({file.name,
                    "is no description of a GPU: name, multiprocessors, clock_mhz, macs_per_cycle, "
                    "memory_gb_per_s, link_gb_per_s, launch_ns and copy_ns, each once",
                    std::move(said)});
  for (int64_t value : {machine.multiprocessors, machine.clockMhz, machine.macsPerCycle, machine.memoryGbPerS,
                        machine.linkGbPerS, machine.launchNs, machine.copyNs})
    if (value < 1 || value > kMost)
      return errorAt(file.name, "a GPU has " + std::to_string(value) + " of something, every number is from 1 to " +
                                    std::to_string(kMost));
  return machine;
}

std::string textOf(const GpuMachine &machine) {
  return llvm::formatv("{0}: {1} multiprocessors at {2} MHz, {3} MAC a cycle each, memory {4} GB/s, link {5} GB/s, {6} "
                       "ns a launch, {7} ns a copy",
                       machine.name, machine.multiprocessors, machine.clockMhz, machine.macsPerCycle,
                       machine.memoryGbPerS, machine.linkGbPerS, machine.launchNs, machine.copyNs);
}

double estimatedNs(const GpuMachine &machine, const GpuWork &work) {
  const double macsPerNs = double(machine.multiprocessors * machine.macsPerCycle) * double(machine.clockMhz) / 1000;
  return double(work.launches * machine.launchNs) +
         std::max(double(work.macs) / macsPerNs, double(work.bytes) / double(machine.memoryGbPerS));
}

double copyNs(const GpuMachine &machine, uint64_t bytes) {
  return double(machine.copyNs) + double(bytes) / double(machine.linkGbPerS);
}

} // namespace tw::codegen
