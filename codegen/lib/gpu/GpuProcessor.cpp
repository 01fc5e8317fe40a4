// SPDX-License-Identifier: Apache-2.0
#include "gpu/GpuProcessor.h"

#include "gpu/GpuMachine.h"
#include "tw/isa/DiagError.h"

#include <algorithm>
#include <iterator>

namespace tw::codegen {

namespace {

struct Row {
  const char *chip, *features;
};

constexpr Row kRows[] = {
    {"sm_70", "+ptx60"}, {"sm_75", "+ptx63"}, {"sm_80", "+ptx70"},
    {"sm_86", "+ptx71"}, {"sm_89", "+ptx78"}, {"sm_90", "+ptx78"},
};

} // namespace

llvm::Expected<GpuProcessor> gpuProcessorOf(const std::string &name) {
  const Row *row = std::ranges::find(kRows, name, &Row::chip);
  if (row != std::end(kRows))
    return GpuProcessor{row->chip, row->features, gpuMachineOf(name).multiprocessors};
  std::string known;
  for (const Row &each : kRows)
    known += (known.empty() ? "" : ", ") + std::string(each.chip);
  return errorAt("GPU code for '" + name + "'", "no such chip; there are " + known);
}

} // namespace tw::codegen
