// SPDX-License-Identifier: Apache-2.0
#include "gpu/GpuProcessor.h"

#include "tw/isa/DiagError.h"

#include <algorithm>
#include <iterator>

namespace tw::codegen {

namespace {

struct Row {
  const char *chip, *features;
  int64_t multiprocessors;
};

// V100, T4, A100, RTX 3090, RTX 4090, H100.
constexpr Row kRows[] = {
    {"sm_70", "+ptx60", 80}, {"sm_75", "+ptx63", 40},  {"sm_80", "+ptx70", 108},
    {"sm_86", "+ptx71", 82}, {"sm_89", "+ptx78", 128}, {"sm_90", "+ptx78", 132},
};

} // namespace

llvm::Expected<GpuProcessor> gpuProcessorOf(const std::string &name) {
  const Row *row = std::ranges::find(kRows, name, &Row::chip);
  if (row != std::end(kRows))
    return GpuProcessor{row->chip, row->features, row->multiprocessors};
  std::string known;
  for (const Row &each : kRows)
    known += (known.empty() ? "" : ", ") + std::string(each.chip);
  return errorAt("GPU code for '" + name + "'", "no such chip; there are " + known);
}

} // namespace tw::codegen
