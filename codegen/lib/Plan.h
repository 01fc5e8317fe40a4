// SPDX-License-Identifier: Apache-2.0
// What the stages of the pipeline hand on: buffers, steps, segments, constants. Plain data with the few ways to grow
// it. Executors fill it, Streams.cpp schedules and lays it out, Compile.cpp makes the package of it.
#ifndef TW_CODEGEN_LIB_PLAN_H
#define TW_CODEGEN_LIB_PLAN_H

#include "Tensors.h"
#include "host/HostCode.h"
#include "tw/codegen/Compile.h"
#include "tw/tensorize/Moves.h"
#include "tw/tensorize/Tokens.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/xxhash.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

namespace tw::codegen {

inline constexpr int64_t kAlign = 64; // of constants and temporaries in DRAM

inline int64_t roundUp(int64_t value, int64_t step) { return (value + step - 1) / step * step; }
/// A buffer of the package while its place is not known yet.
struct Buffer {
  isa::PackageBuffer package;
  int firstStep = -1, lastStep = -1;
};

struct Step {
  isa::PackageStep package;
  int segment = -1;   // NPU
  int row = -1;       // host, GPU: the report's row of the block; -1: it converts or copies a tensor
  bool isGpu = false; // it runs on the GPU, copies to or from its memory, or stands for such a step
  std::string dim{};  // SIZE: the dimension, which gets its number when all are known
};

/// A block that is a sequence of instructions for each block of tokens.
struct SequencePlan {
  tensorize::TokenStream stream; // operands and result number the table's tensors
  tensorize::TokenTile tile;
  int8_t beside = 0;   // what the lanes beside the result hold
  uint64_t cycles = 0; // that the vector unit takes for all instructions when nothing is in their way
};

/// Consecutive blocks on the accelerator: one stream, one submit. Or one block whose instructions need no schedule: it
/// only moves rows of lanes, or is a sequence.
struct SegmentPlan {
  std::vector<tensorize::Task> tasks;      // operands number the table's tensors
  std::optional<tensorize::Moves> moves{}; // boxes and the result number the table's tensors; there are no tasks
  std::optional<SequencePlan> sequence{};  // nor are there here
  std::vector<int> rows;                   // per task: its row of the report
  std::vector<int> blocks;                 // per task: its block, by position in Blocks::calls()
  std::vector<TensorId> tensors;           // that its schedule numbers, in that order
  bool isScheduled() const { return !moves && !sequence; }
};

struct Plan {
  std::vector<Buffer> buffers;
  std::vector<isa::PackageTensor> tensors;
  isa::PackageEntry entry;
  std::vector<uint8_t> constants;
  std::unordered_map<uint64_t, std::vector<int>> constantBuffers; // by the hash of their bytes
  TensorTable table;
  std::vector<Step> steps;
  std::vector<SegmentPlan> segments;
  int openSegment = -1; // the one that the next block may join
  std::vector<std::string> tagNames;
  isa::Program program;
  std::vector<tw_pkg_counts> stepCounts;
  std::vector<uint8_t> hostObject; // all host code, linked
  std::vector<isa::PackageImage> gpuImages;
  CompileReport report;
  std::string scheduleText;

  int addBuffer(isa::PackageBuffer package) {
    buffers.push_back({std::move(package)});
    return int(buffers.size()) - 1;
  }
  int addTemp(int64_t bytes, std::string name) {
    return addBuffer({TW_PKG_TEMP, uint32_t(isa::RegionRole::Arena), 0, uint64_t(bytes), TW_PKG_NONE, std::move(name)});
  }
  int addDevice(int64_t bytes, std::string name) {
    return addBuffer({TW_PKG_DEVICE, TW_PKG_NONE, 0, uint64_t(bytes), TW_PKG_NONE, std::move(name)});
  }
  /// Equal bytes are one buffer.
  int addConstant(const void *bytes, size_t size) {
    llvm::ArrayRef<uint8_t> its(static_cast<const uint8_t *>(bytes), size);
    std::vector<int> &alike = constantBuffers[llvm::xxh3_64bits(its)];
    for (int buffer : alike)
      if (const isa::PackageBuffer &known = buffers[size_t(buffer)].package;
          known.size == size && std::memcmp(constants.data() + known.offset, bytes, size) == 0)
        return buffer;
    constants.resize(size_t(roundUp(int64_t(constants.size()), kAlign)));
    uint64_t offset = constants.size();
    constants.insert(constants.end(), its.begin(), its.end());
    alike.push_back(addBuffer({TW_PKG_CONSTANT, uint32_t(isa::RegionRole::Const), offset, size, TW_PKG_NONE, ""}));
    return alike.back();
  }

  /// The tensor gets its form of rows of lanes.
  ChipForm &giveChipForm(TensorId id, int lanes) {
    table[id].chip = ChipForm{.bytes = table.chipBytes(id, lanes)};
    return *table[id].chip;
  }
  /// The place of that form in the arena.
  int chipBuffer(TensorId id) {
    ChipForm &chip = *table[id].chip;
    if (chip.buffer < 0)
      chip.buffer = addTemp(chip.bytes, table[id].name);
    return chip.buffer;
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

  bool isOnGpu(int buffer) const { return buffers[size_t(buffer)].package.kind == TW_PKG_DEVICE; }
  void addCopy(int from, int to, uint64_t bytes) {
    Step step;
    step.package = isa::copyBytes(uint32_t(to), uint32_t(from), bytes);
    step.package.toSpace = isOnGpu(to);
    step.package.fromSpace = isOnGpu(from);
    step.isGpu = isOnGpu(to) || isOnGpu(from);
    steps.push_back(std::move(step));
  }

  /// A step that runs `code` with these buffers, for a row of the report or a tensor's form (-1).
  void addHostStep(const std::string &what, const HostStep &code, const std::vector<int> &arguments, int row) {
    Step step;
    step.row = row;
    step.package = isa::runHostCode(code.phases, {arguments.begin(), arguments.end()});
    step.package.name = what;
    step.package.sharedBytes = code.sharedBytes;
    step.package.privateBytes = code.privateBytes;
    steps.push_back(std::move(step));
    ++report.hostSteps;
  }
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_PLAN_H
