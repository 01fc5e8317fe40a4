// SPDX-License-Identifier: Apache-2.0
#include "npu/NpuExecutor.h"

#include "npu/ByteMoves.h"
#include "npu/Sequences.h"

#include "tw/tensorize/LeastWork.h"
#include "tw/tensorize/Rewrite.h"

#include <algorithm>

namespace tw::codegen {

using namespace tensorize;

namespace {

// Blocks of one program that its instructions can tell apart.
constexpr size_t kMostTags = size_t(1) << isa::header::tag.width;

// Mappings on one chain whose proof is tried, and those that the scheduler chooses from.
constexpr size_t kTried = 8, kKept = 2;

struct NpuCandidate final : Candidate {
  std::vector<Task> tasks;
  std::optional<ByteMoves> moves;       // instead of tasks
  std::optional<SequencePlan> sequence; // instead of both
};

// May a tensor be read under another shape without a change of its bytes in rows of lanes?
bool liesAlike(const std::vector<int64_t> &a, const std::vector<int64_t> &b, int lanes) {
  const int64_t lastA = a.empty() ? 1 : a.back(), lastB = b.empty() ? 1 : b.back();
  return lastA == lastB || (lastA % lanes == 0 && lastB % lanes == 0);
}

int64_t outerSteps(const Mapping &mapping) {
  int64_t steps = 1;
  for (size_t loop = 0; loop != mapping.loopTo.size(); ++loop)
    if (mapping.loopTo[loop] < 0)
      steps *= mapping.block.loops[loop].extent;
  return steps;
}

// Fewest steps outside the instructions first.
void add(Task &task, Mapping mapping) {
  auto place = std::ranges::upper_bound(task.mappings, outerSteps(mapping), {}, outerSteps);
  task.mappings.insert(place, std::move(mapping));
}

} // namespace

std::variant<std::unique_ptr<Candidate>, Refusals> NpuExecutor::candidate(const BlockCall &call,
                                                                          const BlockLoops &loops) {
  Rejections rejections;
  Tasks tasks;
  uint64_t leastBytes = 0;
  if (call.facts.notes.sum)
    rejections = {*call.facts.notes.sum};
  else if (auto *block = std::get_if<Block>(&loops.block))
    tasks = fittingTasks(*block, {call.facts.node, loops.tensors}, leastBytes, rejections);
  else
    rejections = {std::get<Rejection>(loops.block)};
  std::optional<ByteMoves> moves;
  std::optional<SequencePlan> sequence;
  if (auto found = sequenceOf(call, plan, forms, target, config)) {
    if (auto *its = std::get_if<SequencePlan>(&*found))
      sequence = std::move(*its);
    else
      rejections = {std::get<Rejection>(*found)};
  } else if (tasks.empty()) {
    auto found = byteMovesOf(call, plan, forms, target);
    if (auto *its = std::get_if<ByteMoves>(&found))
      moves = std::move(*its);
    else if (auto &why = std::get<std::optional<Rejection>>(found))
      rejections.push_back(*why);
  }
  if (plan.tagNames.size() + tasks.size() + size_t(moves || sequence) > kMostTags) {
    rejections = {{"", "descriptor",
                   "instructions name their block by a tag, and all " + std::to_string(kMostTags) +
                       " tags are taken by blocks before it"}};
    tasks.clear();
    moves.reset();
    sequence.reset();
  }
  if (!tasks.empty() || moves || sequence) {
    auto candidate = std::make_unique<NpuCandidate>();
    const TensorId result = plan.table.of(call.call->getResult(0));
    candidate->given = {{result, Form::LaneRows}};
    LeastWork work;
    auto want = [&](TensorId id) {
      if (const FormOf wanted{id, Form::LaneRows};
          id != result && plan.table[id].kind != TensorInfo::Part && !llvm::is_contained(candidate->wanted, wanted))
        candidate->wanted.push_back(wanted);
    };
    for (const Task &task : tasks) {
      work += leastWork(task, target);
      for (const Operand &operand : task.mappings.front().block.operands)
        if (!operand.constant)
          want(operand.tensor);
    }
    if (moves) {
      Moves its{"", 0, {}, 0, moves->boxes, moves->lanes, moves->turns};
      its.forEachSource(want);
      work += leastWork(its, target);
      leastBytes = chipBytesOf(its, target);
    }
    if (sequence) {
      for (const TokenStream::Operand &operand : sequence->stream.operands)
        want(operand.tensor);
      leastBytes = leastBytesOf(sequence->stream, target);
    }
    if ((moves && moves->boxes.empty()) || sequence) // whatever else it does, it stores its result
      work.bytesWritten += uint64_t(plan.table.chipBytes(result, target.lanes));
    candidate->boundNs = streams.nsOf(work.bound(target));
    candidate->leastBytes = leastBytes;
    candidate->tasks = std::move(tasks);
    candidate->moves = std::move(moves);
    candidate->sequence = std::move(sequence);
    return candidate;
  }
  Refusals refusals;
  for (Rejection &rejection : rejections)
    refusals.push_back({id(), std::move(rejection)});
  return refusals;
}

// Tasks that compute the block and fit when nothing else is on chip. Rows that lie whole may be too long for it, or for
// a field: then the image lies in rows of lanes after all.
std::vector<Task> NpuExecutor::fittingTasks(const Block &block, Trial trial, uint64_t &leastBytes,
                                            Rejections &rejections) {
  for (bool mayFold : {true, false}) {
    trial.mayFold = mayFold;
    std::vector<Task> tasks = tasksFor(block, trial, rejections);
    auto failure = tasks.empty() ? std::nullopt : tryAlone(tasks, leastBytes);
    if (!failure)
      return tasks;
    rejections = {*failure};
    const bool isFolded = std::ranges::any_of(tasks, [](const Task &task) {
      return std::ranges::any_of(task.mappings.front().block.operands, &Operand::hasWholeRows);
    });
    if (!isFolded)
      break;
  }
  return {};
}

// Tasks that together compute the block: one, or one for each part that it must be cut into. Empty: rejected.
std::vector<Task> NpuExecutor::tasksFor(const Block &block, const Trial &trial, Rejections &rejections) {
  Task task;
  // Few channels: first as bytes of image rows, if the host lays the image out anyway.
  if (std::optional<Block> folded = foldThin(block, trial))
    match(*folded, task, rejections);
  // Groups that fill whole rows of lanes: products with the zeros between them are left out. What does not match or
  // fit so does not with all groups together either, but the latter says why for the reader.
  if (task.mappings.empty())
    if (std::optional<Block> bundled = bundleGroups(block, target.lanes)) {
      readKnownForms(*bundled, trial);
      Rejections unbundled;
      match(*bundled, task, unbundled);
    }
  if (task.mappings.empty()) {
    Block plain = densifyGroups(block).value_or(block);
    readKnownForms(plain, trial);
    if (std::optional<Block> paired = pairColumns(plain, target.lanes)) {
      Rejections unpaired; // the plain block says why, if neither fits
      match(*paired, task, unpaired);
    }
    match(plain, task, rejections);
  }
  if (task.mappings.empty())
    if (std::optional<Block> diagonal = diagonalise(block, target.lanes)) {
      readKnownForms(*diagonal, trial);
      match(*diagonal, task, rejections);
    }
  if (!task.mappings.empty())
    return {std::move(task)};
  for (int cut : cutsOf(block)) {
    const TensorId part = plan.table.addPart(trial.node, block.operands[writtenOperand(block)].shape);
    auto parts = splitAfter(block, cut, part);
    if (!parts)
      continue;
    std::vector<Task> tasks = tasksFor(parts->first, trial, rejections);
    if (!tasks.empty())
      if (std::vector<Task> rest = tasksFor(parts->second, trial, rejections); !rest.empty()) {
        std::ranges::move(rest, std::back_inserter(tasks));
        return tasks;
      }
  }
  return {};
}

// Packed weights are zero beside the tensor. Where both factors are computed, the first has to be its zero point there:
// so is what the host packs for this product, but not what a table made of such lanes or another reader had packed.
bool NpuExecutor::multipliesLanesBeside(const Mapping &mapping) const {
  const Block &block = mapping.block;
  auto isRaggedSum = [&](const LaneSplit &split) {
    return block.loops[split.blockLoop].isReduction && split.extent % target.lanes != 0;
  };
  if (block.body.empty() || block.body.front().primitive != "mul_zp" ||
      std::ranges::none_of(mapping.splits, isRaggedSum))
    return false;
  for (size_t access = 0; access != mapping.binding.operandOf.size(); ++access) {
    const int o = mapping.binding.operandOf[access];
    const bool isFactor = std::ranges::any_of(
        block.body.front().args, [&](const Arg &arg) { return arg.kind == Arg::Operand && arg.index == o; });
    if (!isFactor || isPackedStream(mapping, int(access)))
      continue;
    const std::optional<ChipForm> &chip = plan.table[block.operands[o].tensor].chip;
    if (chip && chip->beside != int8_t(block.operands[o].zero))
      return true;
  }
  return false;
}

// What a block leaves in the lanes beside its result: the zero point of its last requantisation, if what it reads holds
// zero points there or meets weights that are zero.
std::optional<int8_t> NpuExecutor::besideResult(const Block &block) const {
  auto meetsWeights = [&](int o) {
    return !block.body.empty() && block.body.front().primitive == "mul_i8" &&
           std::ranges::any_of(block.body.front().args,
                               [&](const Arg &arg) { return arg.kind == Arg::Operand && arg.index == o; });
  };
  for (int o = 0; o != int(block.operands.size()); ++o)
    if (const Operand &operand = block.operands[size_t(o)];
        !operand.isWritten && !operand.constant && !meetsWeights(o)) {
      const std::optional<ChipForm> &chip = plan.table[operand.tensor].chip;
      if (!chip || chip->beside != int8_t(operand.zero))
        return std::nullopt;
    }
  std::optional<int64_t> value;
  for (const std::vector<Node> *nodes : {&block.body, &block.finish})
    for (const Node &node : *nodes) {
      const auto &args = node.args;
      if (node.primitive == "lut_i8" || node.primitive == "mul_zp")
        return std::nullopt;
      if (node.primitive == "clamp_i8" && value && args[1].kind == Arg::Constant && args[2].kind == Arg::Constant)
        value = std::min(std::max(*value, args[1].value), args[2].value);
      else if (args.back().kind == Arg::Constant)
        value = args.back().value;
      else
        value.reset();
    }
  return value ? std::optional(int8_t(*value)) : std::nullopt;
}

// Adds the proved mappings of a block: fewest steps outside the instructions first.
void NpuExecutor::match(const Block &block, Task &task, Rejections &rejections) const {
  for (const Chain &chain : chains) {
    std::vector<Mapping> mappings = matchChain(block, chain, target, rejections);
    size_t proved = 0;
    for (size_t m = 0; m != std::min(mappings.size(), kTried) && proved != kKept; ++m) {
      if (multipliesLanesBeside(mappings[m])) {
        rejections.push_back({chain.name, "alignment",
                              "the lanes beside its first factor belong to the sums, too, and may hold another number "
                              "than its zero point: make its rows a multiple of " +
                                  std::to_string(target.lanes) + " elements"});
      } else if (std::string wrong = proveMapping(mappings[m], target); !wrong.empty()) {
        rejections.push_back({chain.name, "proof", wrong});
      } else {
        add(task, mappings[m]);
        for (Mapping &passes : inPasses(mappings[m], target))
          if (proveMapping(passes, target).empty())
            add(task, std::move(passes));
        ++proved;
      }
    }
  }
}

// The block with folded rows, where that fills lanes that channels alone leave empty.
std::optional<Block> NpuExecutor::foldThin(const Block &block, const Trial &trial) {
  std::optional<Block> folded = trial.mayFold ? foldRows(block, target.lanes) : std::nullopt;
  if (!folded)
    return std::nullopt;
  for (Operand &operand : folded->operands)
    if (operand.hasWholeRows) {
      const TensorInfo &tensor = plan.table[operand.tensor];
      if (tensor.kind != TensorInfo::OfMain || forms.knownChipForm(operand.tensor) >= 0 ||
          tensor.shape.back() * 2 > target.lanes)
        return std::nullopt;
      const int32_t fill = operand.outside == Outside::Value ? operand.outsideValue : operand.zero;
      operand.tensor = plan.table.imageRowsOf(operand.tensor, int8_t(fill));
    }
  return folded;
}

// Accesses follow the shapes in which tensors already lie on chip.
void NpuExecutor::readKnownForms(Block &block, const Trial &trial) const {
  for (TensorId tensor : trial.tensors) {
    const TensorId known = forms.knownChipForm(tensor);
    if (known < 0)
      continue;
    const std::vector<int64_t> &shape = plan.table[known].shape;
    if (std::optional<Block> through = readThroughReshape(block, tensor, shape))
      block = std::move(*through);
    else if (!liesAlike(shape, plan.table[tensor].shape, target.lanes))
      continue; // it gets a form of its own
    for (Operand &operand : block.operands)
      if (!operand.constant && operand.tensor == tensor)
        operand.tensor = known;
  }
}

// Does each task fit when nothing else is on chip, and with how much of it? Then the scheduler can always give way.
std::optional<Rejection> NpuExecutor::tryAlone(const std::vector<Task> &tasks, uint64_t &leastBytes) const {
  NumberedSegment alone(
      tasks, [&](TensorId id) -> Tensor { return {"", plan.table.chipBytes(id, target.lanes), true, true, nullptr}; });
  auto least = leastMemory(alone.segment, target);
  if (auto *failure = std::get_if<ScheduleFailure>(&least))
    return failure->rejection;
  leastBytes = std::get<uint64_t>(least);
  return std::nullopt;
}

void NpuExecutor::take(int block, const BlockCall &call, std::unique_ptr<Candidate> candidate, PlacementRow &row) {
  auto &its = static_cast<NpuCandidate &>(*candidate);
  if (its.moves)
    return takeMoves(block, call, std::move(*its.moves), row);
  if (its.sequence)
    return takeSequence(block, call, std::move(*its.sequence), row);
  std::vector<Task> tasks = std::move(its.tasks);
  const TensorId result = plan.table.of(call.call->getResult(0));
  // Forms first: a step that makes one ends the segment that the block would join.
  llvm::SmallVector<TensorId> made;
  for (const Task &task : tasks)
    for (const Mapping &mapping : task.mappings)
      for (const Operand &operand : mapping.block.operands) {
        if (operand.constant)
          continue;
        if (operand.tensor == result || plan.table[operand.tensor].kind == TensorInfo::Part)
          made.push_back(operand.tensor);
        else
          forms.bringOnChip(operand.tensor, int8_t(operand.zero));
      }
  const int segment = plan.joinSegment();
  for (TensorId id : made)
    if (!plan.table[id].chip)
      plan.giveChipForm(id, target.lanes).producer = segment;
  for (const Task &task : tasks) {
    const Block &its = task.mappings.front().block;
    plan.table[its.operands[size_t(writtenOperand(its))].tensor].chip->beside = besideResult(its);
  }
  row.executor = ExecutorId::Npu;
  row.tag = uint16_t(plan.tagNames.size());
  plan.tagNames.push_back(row.node);
  for (Task &task : tasks) {
    task.name = row.node;
    task.tag = row.tag;
    row.how += (row.how.empty() ? "" : ", ") + task.mappings.front().chain->name;
    plan.segments[segment].tasks.push_back(std::move(task));
    plan.segments[segment].rows.push_back(int(plan.report.rows.size()));
    plan.segments[segment].blocks.push_back(block);
  }
}

// A stream of its own: what it reads has been stored by the one before.
void NpuExecutor::takeMoves(int block, const BlockCall &call, ByteMoves moves, PlacementRow &row) {
  const TensorId result = plan.table.of(call.call->getResult(0));
  row.how = moves.boxes.empty() ? "rows turned into lanes" : "copies of rows";
  SegmentPlan &its = beginAlone(block, result, row);
  plan.table[result].chip->beside = moves.beside;
  its.moves =
      Moves{row.node, row.tag, {}, result, std::move(moves.boxes), std::move(moves.lanes), std::move(moves.turns)};
  plan.closeSegment();
}

void NpuExecutor::takeSequence(int block, const BlockCall &call, SequencePlan sequence, PlacementRow &row) {
  const TensorId result = plan.table.of(call.call->getResult(0));
  for (const TokenStream::Operand &operand : sequence.stream.operands)
    forms.bringOnChip(operand.tensor, 0);
  row.how = "sequence";
  SegmentPlan &its = beginAlone(block, result, row);
  plan.table[result].chip->beside = sequence.beside;
  sequence.stream.tag = row.tag;
  its.sequence = std::move(sequence);
  plan.closeSegment();
}

// The segment of a block that has one for itself.
SegmentPlan &NpuExecutor::beginAlone(int block, TensorId result, PlacementRow &row) {
  plan.closeSegment();
  const int segment = plan.joinSegment();
  plan.giveChipForm(result, target.lanes).producer = segment;
  row.executor = ExecutorId::Npu;
  row.tag = uint16_t(plan.tagNames.size());
  plan.tagNames.push_back(row.node);
  SegmentPlan &its = plan.segments[size_t(segment)];
  its.rows.push_back(int(plan.report.rows.size()));
  its.blocks.push_back(block);
  return its;
}

std::variant<std::unique_ptr<Candidate>, Rejection> NpuExecutor::candidate(const Conversion &what) {
  const TensorInfo &tensor = plan.table[what.to.tensor];
  auto refuse = [&](std::string text) { return Rejection{"", Rejection::kMoves, "'" + tensor.name + "': " + text}; };
  if (what.isOnGpu || what.to.form == Form::OnGpu)
    return refuse("the NPU does not see the GPU's memory");
  if (!plan.table.hasWholeRows(what.to.tensor, target.lanes))
    return refuse("a copy moves whole rows of " + std::to_string(target.lanes) + " elements, and it has " +
                  std::to_string(tensor.shape.empty() ? 1 : tensor.shape.back()) + " in a row");
  if (what.to.form != Form::LaneRows || what.from < 0 || plan.buffers[size_t(what.from)].package.kind != TW_PKG_INPUT)
    return refuse("the NPU reads the arena and the caller's inputs, and writes the arena alone");
  if (regionOf(what.from) == TW_PKG_NONE)
    return refuse("the machine's regions for tensors of the caller are taken");
  auto candidate = std::make_unique<Candidate>();
  candidate->wanted = {{what.to.tensor, Form::RowMajor}};
  candidate->given = {what.to};
  return candidate;
}

int NpuExecutor::take(const Conversion &what, std::unique_ptr<Candidate>) {
  plan.buffers[size_t(what.from)].package.region = regionOf(what.from);
  return what.from;
}

// The region of a buffer of the caller: its own, or else one that is free.
uint32_t NpuExecutor::regionOf(int buffer) const {
  if (const uint32_t its = plan.buffers[size_t(buffer)].package.region; its != TW_PKG_NONE)
    return its;
  for (auto role : {isa::RegionRole::Io0, isa::RegionRole::Io1, isa::RegionRole::Io2, isa::RegionRole::Io3})
    if (std::ranges::none_of(plan.buffers, [&](const Buffer &other) { return other.package.region == uint32_t(role); }))
      return uint32_t(role);
  return TW_PKG_NONE;
}

} // namespace tw::codegen
