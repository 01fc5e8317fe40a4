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
    for (size_t s = 0; s != segments.size(); ++s)
      report(s);
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

  // Where several schedules are worth it, the one whose job is the shortest.
  llvm::Error choose() {
    for (size_t s = 0; s != segments.size(); ++s) {
      auto chosen = chooseSchedules(segments[s], target);
      if (auto *failure = std::get_if<ScheduleFailure>(&chosen))
        return refuse(s, *failure);
      std::vector<Schedule> &candidates = std::get<std::vector<Schedule>>(chosen);
      if (!options.measure)
        candidates.resize(1);
      std::vector<Lowered> ways;
      for (const Schedule &schedule : candidates) {
        auto way = lower(s, schedule);
        if (!way)
          return way.takeError();
        ways.push_back(std::move(*way));
      }
      auto best = ways.size() == 1 ? llvm::Expected<size_t>(0) : shortest(segments[s], ways);
      if (!best)
        return best.takeError();
      schedules.push_back(std::move(candidates[*best]));
      lowered.push_back(std::move(ways[*best]));
    }
    return llvm::Error::success();
  }

  // Which of these jobs is the shortest.
  llvm::Expected<size_t> shortest(const Segment &segment, const std::vector<Lowered> &ways) const {
    size_t best = 0;
    uint64_t least = 0;
    for (size_t w = 0; w != ways.size(); ++w) {
      auto times = jobAlone(segment, ways[w].code);
      if (!times)
        return times.takeError();
      if (w == 0 || *times < least) {
        best = w;
        least = *times;
      }
    }
    return best;
  }

  // Cycles of a segment's job: a package that holds nothing else, with tensors one behind the other, says them.
  llvm::Expected<uint64_t> jobAlone(const Segment &segment, const LoweredSegment &made) const {
    isa::Package package;
    package.config = config;
    std::vector<int64_t> address;
    for (const Tensor &tensor : segment.tensors) {
      address.push_back(int64_t(package.arenaBytes));
      package.arenaBytes += uint64_t(roundUp(tensor.bytes, kAlign));
    }
    auto code = encode(made, address, 0);
    if (!code)
      return code.takeError();
    package.program.lines = std::move(code->lines);
    for (const Task &task : segment.tasks)
      package.program.tags[task.tag] = task.name;
    package.constants = made.constants;
    package.constants.resize(size_t(roundUp(int64_t(package.constants.size()), kAlign)));
    isa::PackageStep step;
    step.op = TW_PKG_STEP_RUN;
    step.lineCount = uint32_t(package.program.lines.size());
    step.counts = 0;
    package.steps.push_back(std::move(step));
    package.counts.push_back(code->counts);
    isa::PackageEntry entry;
    entry.name = "main";
    entry.stepCount = 1;
    package.entries.push_back(std::move(entry));
    auto times = options.measure(package);
    if (!times)
      return times.takeError();
    return times->front().cycles;
  }

  llvm::Error readGiven() {
    auto read = readSchedules(options.schedule->text, options.schedule->name, machine(), segments);
    if (!read)
      return llvm::createStringError(read.diag().str());
    schedules = std::move(read->schedules);
    lines = std::move(read->lines);
    for (size_t s = 0; s != segments.size(); ++s) {
      estimate(segments[s], target, schedules[s]);
      auto way = lower(s, schedules[s]);
      if (!way)
        return way.takeError();
      lowered.push_back(std::move(*way));
    }
    return llvm::Error::success();
  }

  llvm::Error refuse(size_t s, const ScheduleFailure &failure) const {
    const std::string place =
        lines.empty() ? "" : options.schedule->name + ":" + std::to_string(lines[s][failure.task]) + ": ";
    return llvm::createStringError(place + "'" + segments[s].tasks[failure.task].name +
                                   "' cannot be scheduled: " + failure.rejection.str());
  }

  llvm::Expected<Lowered> lower(size_t s, const Schedule &schedule) const {
    auto placed = placeSchedule(segments[s], target, schedule);
    if (auto *failure = std::get_if<ScheduleFailure>(&placed))
      return refuse(s, *failure);
    auto emitted = emitSchedule(segments[s], target, schedule, std::get<MemoryMap>(placed));
    if (auto *failure = std::get_if<ScheduleFailure>(&emitted))
      return refuse(s, *failure);
    return Lowered{std::move(std::get<MemoryMap>(placed)), std::move(std::get<LoweredSegment>(emitted))};
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
      const LoweredSegment &made = lowered[step.segment].code;
      constants.resize(size_t(roundUp(int64_t(constants.size()), kAlign)));
      const int64_t constantBase = int64_t(constants.size());
      constants.insert(constants.end(), made.constants.begin(), made.constants.end());
      std::vector<int64_t> address;
      for (int chip : chipOf[step.segment]) {
        const int buffer = plan.chipTensors[chip].buffer;
        address.push_back(buffer < 0 ? 0 : int64_t(plan.buffers[buffer].package.offset));
      }
      auto code = encode(made, address, constantBase);
      if (!code)
        return code.takeError();
      step.package.firstLine = uint32_t(plan.program.lines.size());
      step.package.lineCount = uint32_t(code->lines.size());
      step.package.counts = uint32_t(plan.stepCounts.size());
      plan.stepCounts.push_back(code->counts);
      plan.program.lines.insert(plan.program.lines.end(), code->lines.begin(), code->lines.end());
      plan.report.waits += code->sync.waits;
      plan.report.fences += code->sync.fences;
      plan.report.arrayMacs += code->counts.macs;
      plan.report.bytesRead += code->counts.bytes_read;
      plan.report.bytesWritten += code->counts.bytes_written;
    }
    plan.report.lines = int(plan.program.lines.size());
    return llvm::Error::success();
  }

  /// A segment's instructions with waits and addresses.
  struct Code {
    std::vector<isa::Line> lines;
    tw_pkg_counts counts{};
    SyncCounts sync{};
  };

  // `address`: of each tensor of the segment that lies in the arena.
  llvm::Expected<Code> encode(const LoweredSegment &made, const std::vector<int64_t> &address,
                              int64_t constantBase) const {
    Code code;
    std::vector<TaggedInstruction> instructions;
    for (const ScheduledInstruction &scheduled : made.instructions) {
      instructions.push_back({scheduled.instruction, scheduled.tag});
      if (const Relocation &relocation = scheduled.relocation; relocation.kind != Relocation::None)
        instructions.back().instruction.values[relocation.field] +=
            relocation.kind == Relocation::Constant ? constantBase : address[relocation.tensor];
      count(instructions.back().instruction, code.counts);
    }
    auto synchronised = synchronise(instructions, config, &code.sync);
    if (!synchronised)
      return llvm::createStringError("instruction cannot be encoded: " + synchronised.diag().str());
    code.lines = std::move(*synchronised);
    return code;
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
