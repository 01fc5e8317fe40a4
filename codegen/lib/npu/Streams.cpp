// SPDX-License-Identifier: Apache-2.0
#include "npu/Streams.h"

#include "tw/isa/DiagError.h"
#include "tw/isa/Encoder.h"
#include "tw/isa/ProgramChecker.h"
#include "tw/isa/Synchronise.h"
#include "tw/tensorize/LeastWork.h"

#include <algorithm>
#include <map>

namespace tw::codegen {

using namespace tensorize;

NumberedSegment::NumberedSegment(std::vector<Task> tasks, llvm::function_ref<Tensor(TensorId)> describe) {
  std::map<TensorId, int> numbers;
  segment.tasks = std::move(tasks);
  for (Task &task : segment.tasks)
    for (Mapping &mapping : task.mappings)
      for (Operand &operand : mapping.block.operands) {
        if (operand.constant)
          continue;
        auto [found, isNew] = numbers.try_emplace(operand.tensor, int(ids.size()));
        if (isNew) {
          segment.tensors.push_back(describe(operand.tensor));
          ids.push_back(operand.tensor);
        }
        operand.tensor = found->second;
      }
}

void Streams::findReaders() {
  for (size_t s = 0; s != plan.segments.size(); ++s) {
    if (auto &moves = plan.segments[s].moves)
      moves->forEachSource([&](int tensor) { lastReader[tensor] = s; });
    if (const auto &sequence = plan.segments[s].sequence)
      for (const TokenStream::Operand &operand : sequence->stream.operands)
        lastReader[operand.tensor] = s;
    for (const Task &task : plan.segments[s].tasks)
      for (const Operand &operand : task.mappings.front().block.operands)
        if (!operand.constant)
          lastReader[operand.tensor] = s;
  }
}

bool Streams::isUsedAfter(TensorId id, size_t segment) const {
  auto last = lastReader.find(id);
  return plan.table[id].chip->isUsedOutside || (last != lastReader.end() && last->second > segment);
}

Tensor Streams::describe(TensorId id, size_t segment) const {
  const ChipForm &chip = *plan.table[id].chip;
  const bool isMade = chip.producer == int(segment);
  return {plan.table[id].name, chip.bytes, !isMade, isMade && isUsedAfter(id, segment), chip.constant};
}

void Streams::numberSegments() {
  findReaders();
  for (size_t s = 0; s != plan.segments.size(); ++s) {
    SegmentPlan &its = plan.segments[s];
    if (!its.isScheduled()) {
      its.moves ? numberMoves(s) : numberSequence(s);
      segments.emplace_back();
      continue;
    }
    NumberedSegment numbered(std::move(its.tasks), [&](TensorId id) { return describe(id, s); });
    its.tensors = std::move(numbered.ids);
    segments.push_back(std::move(numbered.segment));
  }
}

// A tensor's number in segment s, and its description in the list that belongs to it.
int Streams::numberIn(size_t s, TensorId id, std::vector<Tensor> &tensors) {
  std::vector<TensorId> &ids = plan.segments[s].tensors;
  auto found = std::ranges::find(ids, id);
  if (found == ids.end()) {
    tensors.push_back(describe(id, s));
    found = ids.insert(found, id);
  }
  return int(found - ids.begin());
}

void Streams::numberMoves(size_t s) {
  Moves &moves = *plan.segments[s].moves;
  moves.result = numberIn(s, moves.result, moves.tensors);
  moves.forEachSource([&](int &tensor) { tensor = numberIn(s, tensor, moves.tensors); });
}

void Streams::numberSequence(size_t s) {
  TokenStream &stream = plan.segments[s].sequence->stream;
  stream.result.tensor = numberIn(s, stream.result.tensor, stream.tensors);
  for (TokenStream::Operand &operand : stream.operands)
    operand.tensor = numberIn(s, operand.tensor, stream.tensors);
}

// Instructions that need no schedule.
LoweredSegment Streams::emitAlone(const SegmentPlan &its) const {
  return its.moves ? emitMoves(*its.moves, target) : emitTokens(its.sequence->stream, target, its.sequence->tile);
}

llvm::Expected<std::optional<Misfit>> Streams::choose() {
  for (size_t s = 0; s != segments.size(); ++s) {
    if (!plan.segments[s].isScheduled()) {
      schedules.emplace_back();
      lowered.push_back({{}, emitAlone(plan.segments[s])});
      continue;
    }
    auto chosen = chooseSchedules(segments[s], target);
    if (auto *failure = std::get_if<ScheduleFailure>(&chosen))
      return misfit(s, *failure);
    std::vector<Schedule> &candidates = std::get<std::vector<Schedule>>(chosen);
    if (!options.measure)
      candidates.resize(1);
    std::vector<Lowered> ways;
    for (const Schedule &schedule : candidates) {
      auto placed = placeSchedule(segments[s], target, schedule);
      if (auto *failure = std::get_if<ScheduleFailure>(&placed))
        return misfit(s, *failure);
      ways.push_back({std::move(std::get<MemoryMap>(placed)), std::nullopt});
      if (candidates.size() == 1)
        break; // nothing to compare: no instructions yet
      auto emitted = emitSchedule(segments[s], target, schedule, ways.back().map, ConstantBytes::Counted);
      if (auto *failure = std::get_if<ScheduleFailure>(&emitted))
        return refuse(s, *failure);
      ways.back().code = std::move(std::get<LoweredSegment>(emitted));
    }
    auto best = ways.size() == 1 ? llvm::Expected<size_t>(0) : shortest(segments[s], ways);
    if (!best)
      return best.takeError();
    schedules.push_back(std::move(candidates[*best]));
    if (std::ranges::find(schedules[s].blocks, 0u, &BlockSchedule::cycles) != schedules[s].blocks.end())
      estimate(segments[s], target, schedules[s]); // a block that took what room it found
    lowered.push_back({std::move(ways[*best].map), std::nullopt});
  }
  return std::nullopt;
}

// Which of these jobs is the shortest.
llvm::Expected<size_t> Streams::shortest(const Segment &segment, const std::vector<Lowered> &ways) const {
  size_t best = 0;
  uint64_t least = 0;
  for (size_t w = 0; w != ways.size(); ++w) {
    auto times = jobAlone(segment, *ways[w].code);
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
llvm::Expected<uint64_t> Streams::jobAlone(const Segment &segment, const LoweredSegment &made) const {
  isa::Package package;
  package.config = config;
  std::vector<Place> places;
  for (const Tensor &tensor : segment.tensors) {
    places.push_back({int64_t(package.arenaBytes)});
    package.arenaBytes += uint64_t(roundUp(tensor.bytes, kAlign));
  }
  auto code = encode(made, places, 0);
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

llvm::Error Streams::readGiven() {
  // A file speaks of the segments that compute.
  std::vector<Segment> computing;
  for (const Segment &segment : segments)
    if (!segment.tasks.empty())
      computing.push_back(segment);
  auto read = readSchedules(options.schedule->text, options.schedule->name, machine(), computing);
  if (!read)
    return errorOf(read.diag());
  for (size_t s = 0, next = 0; s != segments.size(); ++s) {
    const bool isGiven = plan.segments[s].isScheduled();
    schedules.push_back(isGiven ? std::move(read->schedules[next]) : Schedule());
    fileLines.push_back(isGiven ? std::move(read->lines[next++]) : std::vector<int>());
  }
  for (size_t s = 0; s != segments.size(); ++s) {
    if (!plan.segments[s].isScheduled()) {
      lowered.push_back({{}, emitAlone(plan.segments[s])});
      continue;
    }
    estimate(segments[s], target, schedules[s]);
    auto placed = placeSchedule(segments[s], target, schedules[s]);
    if (auto *failure = std::get_if<ScheduleFailure>(&placed))
      return refuse(s, *failure);
    lowered.push_back({std::move(std::get<MemoryMap>(placed)), std::nullopt});
  }
  return llvm::Error::success();
}

llvm::Error Streams::refuse(size_t s, const ScheduleFailure &failure) const {
  const std::string place =
      fileLines.empty() ? "" : options.schedule->name + ":" + std::to_string(fileLines[s][failure.task]);
  return errorOf(
      {place, "'" + segments[s].tasks[failure.task].name + "' cannot be scheduled", {failure.rejection.diag()}});
}

llvm::Expected<std::variant<std::vector<RegionCost>, Misfit>> Streams::schedule() {
  numberSegments();
  if (options.schedule) {
    if (auto error = readGiven())
      return std::move(error);
  } else {
    auto misfit = choose();
    if (!misfit)
      return misfit.takeError();
    if (*misfit)
      return std::move(**misfit);
  }
  std::vector<RegionCost> costs;
  for (size_t s = 0; s != segments.size(); ++s) {
    report(s);
    costs.push_back(costOf(s));
  }
  std::vector<Segment> computing;
  std::vector<Schedule> theirs;
  for (size_t s = 0; s != segments.size(); ++s)
    if (!segments[s].tasks.empty()) {
      computing.push_back(segments[s]);
      theirs.push_back(schedules[s]);
    }
  plan.scheduleText = printSchedules(machine(), computing, theirs);
  return costs;
}

RegionCost Streams::costOf(size_t s) const {
  RegionCost cost{.executor = ExecutorId::Npu};
  for (int row : plan.segments[s].rows)
    if (cost.rows.empty() || cost.rows.back() != row)
      cost.rows.push_back(row);
  LeastWork work;
  if (!plan.segments[s].isScheduled()) { // its instructions are known: the busiest engine's
    tw_pkg_counts counts{};
    std::array<uint64_t, isa::kEngines> busy{};
    for (const ScheduledInstruction &scheduled : lowered[s].code->instructions) {
      busy[size_t(scheduled.instruction.row->engine)] += target.cycles(scheduled.instruction);
      count(scheduled.instruction, counts);
    }
    work.bytesRead = counts.bytes_read;
    work.bytesWritten = counts.bytes_written;
    cost.ns = nsOf(std::max(*std::ranges::max_element(busy), work.bound(target)));
    cost.bytes = work.bytesRead + work.bytesWritten;
    if (const std::optional<Moves> &moves = plan.segments[s].moves)
      cost.peakBytes = cost.leastPeakBytes = chipBytesOf(*moves, target);
    if (const std::optional<SequencePlan> &sequence = plan.segments[s].sequence) {
      cost.leastPeakBytes = leastBytesOf(sequence->stream, target);
      cost.peakBytes = cost.leastPeakBytes * uint64_t(sequence->tile.blocks);
    }
  } else {
    for (const Task &task : segments[s].tasks)
      work += leastWork(task, target);
    for (const BlockSchedule &block : schedules[s].blocks) {
      cost.ns += nsOf(block.cycles);
      cost.bytes += block.externalBytes;
    }
    cost.peakBytes = lowered[s].map.peakBytes;
    cost.leastPeakBytes = lowered[s].map.peakBound;
  }
  cost.boundNs = nsOf(work.bound(target));
  return cost;
}

void Streams::report(size_t s) {
  CompileReport &report = plan.report;
  const std::vector<int> &rows = plan.segments[s].rows;
  for (size_t t = 0; t != segments[s].tasks.size(); ++t) {
    PlacementRow &row = report.rows[rows[t]];
    const std::string &chain = segments[s].tasks[t].mappings[schedules[s].blocks[t].mapping].chain->name;
    row.how = t > 0 && rows[t] == rows[t - 1] ? row.how + ", " + chain : chain;
  }
  report.chipBytes = std::max(report.chipBytes, lowered[s].map.peakBytes);
  report.chipBound = std::max(report.chipBound, lowered[s].map.peakBound);
  report.chipSize = config.spmBytes;
}

llvm::Error Streams::emit() {
  for (size_t s = 0; s != segments.size(); ++s) {
    std::optional<LoweredSegment> &code = lowered[s].code;
    if (!code) {
      auto emitted = emitSchedule(segments[s], target, schedules[s], lowered[s].map);
      if (auto *failure = std::get_if<ScheduleFailure>(&emitted))
        return refuse(s, *failure);
      code = std::move(std::get<LoweredSegment>(emitted));
    }
    for (size_t t = 0; t != code->isInDram.size(); ++t)
      if (const TensorId id = plan.segments[s].tensors[t]; code->isInDram[t] && !plan.table[id].chip->constant)
        plan.chipBuffer(id);
  }
  return llvm::Error::success();
}

llvm::Error Streams::link() {
  if (auto error = writeLines())
    return error;
  return checkLines();
}

llvm::Error Streams::writeLines() {
  for (Step &step : plan.steps) {
    if (step.segment < 0)
      continue;
    const LoweredSegment &made = *lowered[size_t(step.segment)].code;
    int64_t constantBase = 0;
    if (!made.constants.empty()) // layers of several entries have the same
      constantBase =
          int64_t(plan.buffers[size_t(plan.addConstant(made.constants.data(), made.constants.size()))].package.offset);
    std::vector<Place> places;
    for (TensorId id : plan.segments[size_t(step.segment)].tensors) {
      Place &place = places.emplace_back();
      if (const int buffer = plan.table[id].chip->buffer; buffer >= 0)
        place = {int64_t(plan.buffers[size_t(buffer)].package.offset),
                 int64_t(plan.buffers[size_t(buffer)].package.region)};
    }
    auto encoded = encode(made, places, constantBase);
    if (!encoded)
      return encoded.takeError();
    step.package.firstLine = uint32_t(plan.program.lines.size());
    step.package.lineCount = uint32_t(encoded->lines.size());
    step.package.counts = uint32_t(plan.stepCounts.size());
    plan.stepCounts.push_back(encoded->counts);
    plan.program.lines.insert(plan.program.lines.end(), encoded->lines.begin(), encoded->lines.end());
    for (const isa::Line &line : encoded->lines) {
      plan.report.waits += isa::waits(line).count;
      plan.report.fences += line.opcodeByte() == unsigned(isa::Opcode::Fence);
    }
    plan.report.arrayMacs += encoded->counts.macs;
    plan.report.bytesRead += encoded->counts.bytes_read;
    plan.report.bytesWritten += encoded->counts.bytes_written;
  }
  plan.report.lines = int(plan.program.lines.size());
  return llvm::Error::success();
}

llvm::Expected<Streams::Code> Streams::encode(const LoweredSegment &made, const std::vector<Place> &places,
                                              int64_t constantBase) const {
  Code code;
  isa::Program program;
  for (const ScheduledInstruction &scheduled : made.instructions) {
    Instruction instruction = scheduled.instruction;
    std::vector<int64_t> &values = instruction.values;
    if (const Relocation &relocation = scheduled.relocation; relocation.kind == Relocation::Constant) {
      values[size_t(relocation.field)] += constantBase;
    } else if (relocation.kind == Relocation::TensorBase) {
      values[size_t(relocation.field)] += places[size_t(relocation.tensor)].address;
      for (const isa::Access &access : scheduled.instruction.row->semantics->accesses)
        if (access.baseField == relocation.field)
          values[size_t(access.regionField)] = places[size_t(relocation.tensor)].region;
    }
    count(instruction, code.counts);
    std::vector<isa::FieldValue> fields;
    for (size_t f = 0; f != values.size(); ++f)
      fields.push_back({instruction.row->fields[f].name, values[f]});
    auto line = isa::encode(instruction.row->opcode, fields, {}, {}, scheduled.tag);
    if (!line)
      return errorOf({"", "instruction cannot be encoded", {line.diag()}});
    program.lines.push_back(*line);
  }
  program.lines.emplace_back(isa::Opcode::End);
  code.lines = isa::synchronise(program, config).lines;
  return code;
}

// The same checker as the assembler's and the tests': bounds, liveness, races. A finding is a defect of this
// compiler.
llvm::Error Streams::checkLines() const {
  isa::Regions regions{};
  regions[size_t(isa::RegionRole::Const)] = {uint64_t(roundUp(int64_t(plan.constants.size()), kAlign)), true, false};
  regions[size_t(isa::RegionRole::Arena)] = {plan.report.arenaBytes, true, true};
  for (const Buffer &buffer : plan.buffers)
    if (buffer.package.kind == TW_PKG_INPUT && buffer.package.region != TW_PKG_NONE)
      regions[buffer.package.region] = {buffer.package.size, true, false};
  for (const Step &step : plan.steps) {
    if (step.segment < 0)
      continue;
    isa::Program part;
    part.lines.assign(plan.program.lines.begin() + step.package.firstLine,
                      plan.program.lines.begin() + step.package.firstLine + step.package.lineCount);
    for (const isa::Finding &finding : isa::checkProgram(part, config, regions, 1))
      return errorOf({"",
                      "the program that was made is not legal (a defect of the compiler)",
                      {{"line " + std::to_string(finding.line), finding.text}}});
  }
  return llvm::Error::success();
}

// What the completion record will say: bytes of the external memory, and all lanes of the rows through the array.
void Streams::count(const Instruction &instruction, tw_pkg_counts &counts) const {
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

} // namespace tw::codegen
