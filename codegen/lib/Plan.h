// SPDX-License-Identifier: Apache-2.0
// What the stages of the pipeline hand on: buffers, steps, segments, constants. Plain data with the few ways to grow
// it. Place.cpp fills it, Streams.cpp schedules and lays it out, Compile.cpp makes the package of it.
#ifndef TW_CODEGEN_LIB_PLAN_H
#define TW_CODEGEN_LIB_PLAN_H

#include "host/HostCode.h"
#include "tw/codegen/Compile.h"
#include "tw/tensorize/Schedule.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tw::codegen {

inline constexpr int64_t kAlign = 64; // of constants and temporaries in DRAM

inline int64_t roundUp(int64_t value, int64_t step) { return (value + step - 1) / step * step; }
inline int64_t productOf(const std::vector<int64_t> &shape) {
  int64_t product = 1;
  for (int64_t extent : shape)
    product *= extent;
  return product;
}

/// A buffer of the package while its place is not known yet.
struct Buffer {
  isa::PackageBuffer package;
  int firstStep = -1, lastStep = -1;
};

/// A tensor in rows of lanes.
struct ChipTensor {
  std::string name;
  std::vector<int64_t> shape; // logical
  int64_t bytes = 0;
  int buffer = -1;   // its place in the arena; -1: never in DRAM
  int producer = -1; // segment; -1: packed by the host
  bool isUsedOutside = false;
  tensorize::Bytes constant{}; // physical bytes of a constant tensor
};

struct Step {
  isa::PackageStep package;
  int segment = -1; // NPU
};

/// Consecutive blocks on the accelerator: one stream, one submit.
struct SegmentPlan {
  std::vector<tensorize::Task> tasks; // operands number chip tensors
  std::vector<int> rows;              // per task: its row of the report
};

struct Plan {
  std::vector<Buffer> buffers;
  std::vector<isa::PackageTensor> tensors;
  isa::PackageEntry entry;
  std::vector<uint8_t> constants;
  std::vector<ChipTensor> chipTensors;
  std::vector<Step> steps;
  std::vector<SegmentPlan> segments;
  int openSegment = -1; // the one that the next block may join
  std::vector<std::string> tagNames;
  isa::Program program;
  std::vector<tw_pkg_counts> stepCounts;
  CompileReport report;
  std::string scheduleText;

  int addBuffer(isa::PackageBuffer package) {
    buffers.push_back({std::move(package)});
    return int(buffers.size()) - 1;
  }
  int addTemp(int64_t bytes, std::string name) {
    return addBuffer({TW_PKG_TEMP, uint32_t(isa::RegionRole::Arena), 0, uint64_t(bytes), TW_PKG_NONE, std::move(name)});
  }
  int addConstant(const void *bytes, size_t size) {
    constants.resize(size_t(roundUp(int64_t(constants.size()), kAlign)));
    uint64_t offset = constants.size();
    constants.insert(constants.end(), static_cast<const uint8_t *>(bytes), static_cast<const uint8_t *>(bytes) + size);
    return addBuffer({TW_PKG_CONSTANT, uint32_t(isa::RegionRole::Const), offset, size, TW_PKG_NONE, ""});
  }

  int addChipTensor(std::string name, std::vector<int64_t> shape, int lanes, int64_t elementBytes = 1) {
    int64_t bytes = productOf(tensorize::physicalShape(shape, lanes, elementBytes));
    chipTensors.push_back({std::move(name), std::move(shape), bytes});
    return int(chipTensors.size()) - 1;
  }
  /// The place of a chip tensor in the arena.
  int chipBuffer(int chip) {
    if (chipTensors[chip].buffer < 0)
      chipTensors[chip].buffer = addTemp(chipTensors[chip].bytes, chipTensors[chip].name);
    return chipTensors[chip].buffer;
  }

  /// A segment for the next block, and the end of it.
  int joinSegment() {
    if (openSegment < 0) {
      openSegment = int(segments.size());
      segments.emplace_back();
    }
    return openSegment;
  }
  void closeSegment() {
    if (openSegment < 0)
      return;
    Step step;
    step.segment = openSegment;
    steps.push_back(std::move(step));
    openSegment = -1;
    ++report.npuSteps;
  }

  /// A step that runs `code` with these buffers.
  void addHostStep(const std::string &what, const HostStep &code, const std::vector<int> &arguments) {
    Step step;
    step.package = isa::runHostCode(code.phases, {arguments.begin(), arguments.end()});
    step.package.name = what;
    step.package.sharedBytes = code.sharedBytes;
    steps.push_back(std::move(step));
    ++report.hostSteps;
  }
};

/// Renumbers the tensors of all operands that are not constants.
template <typename To> void renumber(tensorize::Task &task, const To &to) {
  for (tensorize::Mapping &mapping : task.mappings)
    for (tensorize::Operand &operand : mapping.block.operands)
      if (!operand.constant)
        operand.tensor = to(operand.tensor);
}

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_PLAN_H
