// SPDX-License-Identifier: Apache-2.0
#include "Streams.h"

#include "tw/codegen/Synchronise.h"
#include "tw/isa/ProgramChecker.h"
#include "tw/tensorize/Allocate.h"
#include "tw/tensorize/ScheduleText.h"

#include <algorithm>
#include <map>

namespace tw::codegen {

using namespace tensorize;

namespace {

class Streams {
public:
  Streams(Plan &plan, const Target &target, const CompileOptions &options)
      : plan(plan), target(target), options(options), config(options.config) {}

  llvm::Error run() {
    numberSegments();
    if (auto error = options.schedule ? readGiven() : choose())
      return error;
    for (size_t s = 0; s != segments.size(); ++s) {
      if (auto error = lower(s))
        return error;
      report(s);
    }
    plan.scheduleText = printSchedules(machine(), segments, schedules);
    layOutArena();
    if (auto error = writeLines())
      return error;
    return checkLines();
  }

private:
  /// What a schedule has become.
  struct Lowered {
    MemoryMap map;
    LoweredSegment code;
  };

  MachineId machine() const { return {config.name, isa::configHash(config)}; }

  // Each segment with its own numbers of tensors.
  void numberSegments() {
    for (size_t s = 0; s != plan.segments.size(); ++s) {
      Segment segment;
      std::vector<int> chips;
      std::map<int, int> local;
      for (Task &task : plan.segments[s].tasks) {
        renumber(task, [&](int chip) {
          auto [found, isNew] = local.try_emplace(chip, int(segment.tensors.size()));
          if (isNew) {
            const ChipTensor &tensor = plan.chipTensors[chip];
            bool isMade = tensor.producer == int(s);
            segment.tensors.push_back(
                {tensor.name, tensor.bytes, !isMade, isMade && isUsedAfter(chip, s), tensor.constant});
            chips.push_back(chip);
          }
          return found->second;
        });
        segment.tasks.push_back(std::move(task));
      }
      segments.push_back(std::move(segment));
      chipOf.push_back(std::move(chips));
    }
  }

  llvm::Error choose() {
    for (const Segment &segment : segments) {
      auto chosen = chooseSchedule(segment, target);
      if (auto *failure = std::get_if<ScheduleFailure>(&chosen))
        return llvm::createStringError(text(segment, *failure));
      schedules.push_back(std::move(std::get<Schedule>(chosen)));
    }
    return llvm::Error::success();
  }

  llvm::Error readGiven() {
    auto read = readSchedules(options.schedule->text, options.schedule->name, machine(), segments);
    if (!read)
      return llvm::createStringError(read.diag().str());
    schedules = std::move(read->schedules);
    lines = std::move(read->lines);
    for (size_t s = 0; s != segments.size(); ++s)
      estimate(segments[s], target, schedules[s]);
    return llvm::Error::success();
  }

  static std::string text(const Segment &segment, const ScheduleFailure &failure) {
    return "'" + segment.tasks[failure.task].name + "' cannot be scheduled: " + failure.rejection.str();
  }

  llvm::Error refuse(size_t s, const ScheduleFailure &failure) const {
    const std::string place =
        lines.empty() ? "" : options.schedule->name + ":" + std::to_string(lines[s][failure.task]) + ": ";
    return llvm::createStringError(place + text(segments[s], failure));
  }

  llvm::Error lower(size_t s) {
    Lowered result;
    auto placed = placeSchedule(segments[s], target, schedules[s]);
    if (auto *failure = std::get_if<ScheduleFailure>(&placed))
      return refuse(s, *failure);
    result.map = std::move(std::get<MemoryMap>(placed));
    auto emitted = emitSchedule(segments[s], target, schedules[s], result.map);
    if (auto *failure = std::get_if<ScheduleFailure>(&emitted))
      return refuse(s, *failure);
    result.code = std::move(std::get<LoweredSegment>(emitted));
    lowered.push_back(std::move(result));
    return llvm::Error::success();
  }

  void report(size_t s) {
    CompileReport &report = plan.report;
    const Segment &segment = segments[s];
    for (size_t t = 0; t != segment.tensors.size(); ++t)
      if (lowered[s].code.isInDram[t] && !segment.tensors[t].constant)
        plan.chipBuffer(chipOf[s][t]);
    const std::vector<int> &rows = plan.segments[s].rows;
    for (size_t t = 0; t != segment.tasks.size(); ++t) {
      PlacementRow &row = report.rows[rows[t]];
      const std::string &chain = segment.tasks[t].mappings[schedules[s].blocks[t].mapping].chain->name;
      row.how = t > 0 && rows[t] == rows[t - 1] ? row.how + ", " + chain : chain;
    }
    report.chipBytes = std::max(report.chipBytes, lowered[s].map.peakBytes);
    report.chipBound = std::max(report.chipBound, lowered[s].map.peakBound);
    report.chipSize = config.spmBytes;
  }

  bool isUsedAfter(int chip, size_t segment) const {
    if (plan.chipTensors[chip].isUsedOutside)
      return true;
    for (size_t s = segment + 1; s < plan.segments.size(); ++s)
      for (const Task &task : plan.segments[s].tasks)
        for (const Operand &operand : task.mappings.front().block.operands)
          if (!operand.constant && operand.tensor == chip)
            return true;
    return false;
  }

  void touch(int buffer, int step) {
    Buffer &b = plan.buffers[buffer];
    if (b.firstStep < 0)
      b.firstStep = step;
    b.lastStep = step;
  }

  void layOutArena() {
    for (size_t s = 0; s != plan.steps.size(); ++s) {
      for (uint32_t buffer : plan.steps[s].package.arguments)
        touch(int(buffer), int(s));
      if (plan.steps[s].segment >= 0)
        for (int chip : chipOf[plan.steps[s].segment])
          if (plan.chipTensors[chip].buffer >= 0)
            touch(plan.chipTensors[chip].buffer, int(s));
    }
    std::vector<Lifetime> lives;
    std::vector<int> which;
    for (size_t b = 0; b != plan.buffers.size(); ++b)
      if (plan.buffers[b].package.kind == TW_PKG_TEMP && plan.buffers[b].firstStep >= 0) {
        lives.push_back(
            {int64_t(plan.buffers[b].package.size), plan.buffers[b].firstStep, plan.buffers[b].lastStep, 0});
        which.push_back(int(b));
      }
    Allocation allocation = allocate(lives, int64_t(1) << 39, kAlign);
    for (size_t i = 0; i != which.size(); ++i)
      plan.buffers[which[i]].package.offset = uint64_t(allocation.address[i]);
    plan.report.arenaBytes = uint64_t(roundUp(allocation.peak, kAlign));
    plan.report.arenaBound = uint64_t(allocation.bound);
  }

  llvm::Error writeLines() {
    std::vector<uint8_t> &constants = plan.constants;
    for (Step &step : plan.steps) {
      if (step.segment < 0)
        continue;
      LoweredSegment &code = lowered[step.segment].code;
      constants.resize(size_t(roundUp(int64_t(constants.size()), kAlign)));
      const int64_t constantBase = int64_t(constants.size());
      constants.insert(constants.end(), code.constants.begin(), code.constants.end());
      std::vector<TaggedInstruction> instructions;
      tw_pkg_counts counts{};
      for (ScheduledInstruction &scheduled : code.instructions) {
        relocate(scheduled, chipOf[step.segment], constantBase);
        count(scheduled.instruction, counts);
        instructions.push_back({std::move(scheduled.instruction), scheduled.tag});
      }
      SyncCounts sync;
      auto lines = synchronise(instructions, config, &sync);
      if (!lines)
        return llvm::createStringError("instruction cannot be encoded: " + lines.diag().str());
      step.package.firstLine = uint32_t(plan.program.lines.size());
      step.package.lineCount = uint32_t(lines->size());
      step.package.counts = uint32_t(plan.stepCounts.size());
      plan.stepCounts.push_back(counts);
      plan.program.lines.insert(plan.program.lines.end(), lines->begin(), lines->end());
      plan.report.waits += sync.waits;
      plan.report.fences += sync.fences;
      plan.report.arrayMacs += counts.macs;
      plan.report.bytesRead += counts.bytes_read;
      plan.report.bytesWritten += counts.bytes_written;
    }
    plan.report.lines = int(plan.program.lines.size());
    return llvm::Error::success();
  }

  void relocate(ScheduledInstruction &scheduled, const std::vector<int> &chips, int64_t constantBase) const {
    const Relocation &relocation = scheduled.relocation;
    if (relocation.kind == Relocation::Constant)
      scheduled.instruction.values[relocation.field] += constantBase;
    else if (relocation.kind == Relocation::TensorBase)
      scheduled.instruction.values[relocation.field] +=
          int64_t(plan.buffers[plan.chipTensors[chips[relocation.tensor]].buffer].package.offset);
  }

  // The same checker as the assembler's and the tests': bounds, liveness, races. A finding is a defect of this
  // compiler.
  llvm::Error checkLines() const {
    isa::Regions regions{};
    regions[size_t(isa::RegionRole::Const)] = {uint64_t(roundUp(int64_t(plan.constants.size()), kAlign)), true, false};
    regions[size_t(isa::RegionRole::Arena)] = {plan.report.arenaBytes, true, true};
    for (const Step &step : plan.steps) {
      if (step.segment < 0)
        continue;
      isa::Program part;
      part.lines.assign(plan.program.lines.begin() + step.package.firstLine,
                        plan.program.lines.begin() + step.package.firstLine + step.package.lineCount);
      for (const isa::Finding &finding : isa::checkProgram(part, config, regions, 1))
        return llvm::createStringError("the program that was made is not legal (a defect of the compiler): line " +
                                       std::to_string(finding.line) + ": " + finding.text);
    }
    return llvm::Error::success();
  }

  // What the completion record will say: bytes of the external memory, and all lanes of the rows through the array.
  void count(const Instruction &instruction, tw_pkg_counts &counts) const {
    const isa::Semantics &sem = *instruction.row->semantics;
    uint64_t steps = 1;
    for (const isa::Loop &loop : sem.loops)
      steps *= loop.extent.kind == isa::Value::Field ? uint64_t(instruction.values[loop.extent.value])
                                                     : isa::fixedValue(loop.extent, config.n);
    for (const isa::Access &access : sem.accesses) {
      if (access.space == isa::Space::DRAM)
        (access.dir == isa::Dir::Read ? counts.bytes_read : counts.bytes_written) +=
            steps * uint64_t(elemBytes(access.elem));
      if (access.space == isa::Space::ACC && access.dir == isa::Dir::Update)
        counts.macs += steps;
    }
  }

  Plan &plan;
  const Target &target;
  const CompileOptions &options;
  const isa::HwConfig &config;
  std::vector<Segment> segments;         // their mappings are those that schedules name
  std::vector<std::vector<int>> chipOf;  // per segment, per tensor
  std::vector<Schedule> schedules;       // per segment
  std::vector<std::vector<int>> lines{}; // per segment, per block: of the file that the schedule comes from
  std::vector<Lowered> lowered;          // per segment
};

} // namespace

llvm::Error makeStreams(Plan &plan, const Target &target, const CompileOptions &options) {
  return Streams(plan, target, options).run();
}

} // namespace tw::codegen
