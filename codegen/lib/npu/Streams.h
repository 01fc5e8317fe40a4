// SPDX-License-Identifier: Apache-2.0
// What for: segments of the plan become instruction lines: a schedule for each, its instructions, then lines, which
// are held against the program checker.
// Called by: NpuExecutor.
// Does not: know blocks of @main, or which executor a block should have.
#ifndef TW_CODEGEN_LIB_NPU_STREAMS_H
#define TW_CODEGEN_LIB_NPU_STREAMS_H

#include "Executors.h"
#include "tw/tensorize/ScheduleText.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <map>

namespace tw::codegen {

/// Tasks as the scheduler takes them: their tensors numbered by their place in the segment's own list.
struct NumberedSegment {
  NumberedSegment(std::vector<tensorize::Task> tasks, llvm::function_ref<tensorize::Tensor(TensorId)> describe);
  tensorize::Segment segment;
  std::vector<TensorId> ids; // per tensor of the segment
};

class Streams {
public:
  Streams(Plan &plan, const tensorize::Target &target, const CompileOptions &options)
      : plan(plan), target(target), options(options), config(options.config) {}

  /// Chosen, or read from the file that the options give, and placed on chip; what each segment costs.
  llvm::Expected<std::variant<std::vector<RegionCost>, Misfit>> schedule();
  /// Instructions; the addresses of what lies in the arena are open.
  llvm::Error emit();
  /// Lines, when the arena is laid out.
  llvm::Error link();

  double nsOf(uint64_t cycles) const { return 1000.0 * double(cycles) / config.clockMhz; }

private:
  /// What a schedule has become.
  struct Lowered {
    tensorize::MemoryMap map;
    std::optional<tensorize::LoweredSegment> code; // nothing yet where there was nothing to compare
  };
  /// A segment's instructions with waits and addresses.
  struct Code {
    std::vector<isa::Line> lines;
    tw_pkg_counts counts{};
  };

  /// Of a tensor of a segment in the outer memory.
  struct Place {
    int64_t address = 0, region = int64_t(isa::RegionRole::Arena);
  };

  tensorize::MachineId machine() const { return {config.name, isa::configHash(config)}; }
  void numberSegments();
  int numberIn(size_t s, TensorId id, std::vector<tensorize::Tensor> &tensors);
  void numberMoves(size_t s);
  void numberSequence(size_t s);
  tensorize::LoweredSegment emitAlone(const SegmentPlan &its) const;
  // Where several schedules are worth it, the one whose job is the shortest.
  llvm::Expected<std::optional<Misfit>> choose();
  llvm::Expected<size_t> shortest(const tensorize::Segment &segment, const std::vector<Lowered> &ways) const;
  llvm::Expected<uint64_t> jobAlone(const tensorize::Segment &segment, const tensorize::LoweredSegment &made) const;
  llvm::Error readGiven();
  llvm::Error refuse(size_t s, const tensorize::ScheduleFailure &failure) const;
  Misfit misfit(size_t s, const tensorize::ScheduleFailure &failure) const {
    return {plan.segments[s].blocks[size_t(failure.task)], failure.rejection};
  }
  void report(size_t s);
  RegionCost costOf(size_t s) const;
  tensorize::Tensor describe(TensorId id, size_t segment) const;
  void findReaders();
  bool isUsedAfter(TensorId id, size_t segment) const;
  llvm::Error writeLines();
  llvm::Expected<Code> encode(const tensorize::LoweredSegment &made, const std::vector<Place> &places,
                              int64_t constantBase) const;
  llvm::Error checkLines() const;
  void count(const tensorize::Instruction &instruction, tw_pkg_counts &counts) const;

  Plan &plan;
  const tensorize::Target &target;
  const CompileOptions &options;
  const isa::HwConfig &config;
  std::map<TensorId, size_t> lastReader;    // the last segment that reads or writes a tensor
  std::vector<tensorize::Segment> segments; // as in the plan, like the three below; empty where there is none
  std::vector<tensorize::Schedule> schedules;
  std::vector<Lowered> lowered;
  std::vector<std::vector<int>> fileLines; // of a given schedule, per task
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_NPU_STREAMS_H
