// SPDX-License-Identifier: Apache-2.0
#include "Place.h"

#include "Reasons.h"
#include "tw/ir/Constants.h"
#include "tw/ir/Macs.h"
#include "tw/ir/QuantOps.h"
#include "tw/tensorize/ReadLinalg.h"
#include "tw/tensorize/Rewrite.h"

#include <algorithm>

namespace tw::codegen {

using namespace tensorize;
using mlir::Operation;
using mlir::Value;

namespace {

// Numbers of tensors while a block is tried: a value, a tensor between two parts, or a value as bytes of rows.
constexpr int kBetween = 1 << 20;
constexpr int kRows = 1 << 21; // plus the number of the value

// Blocks of one program that its instructions can tell apart.
constexpr size_t kMostTags = size_t(1) << isa::header::tag.width;

// Mappings on one chain whose proof is tried, and those that the scheduler chooses from.
constexpr size_t kTried = 8, kKept = 2;

// May a tensor be read under another shape without a change of its bytes in rows of lanes?
bool liesAlike(const std::vector<int64_t> &a, const std::vector<int64_t> &b, int lanes) {
  const int64_t lastA = a.empty() ? 1 : a.back(), lastB = b.empty() ? 1 : b.back();
  return lastA == lastB || (lastA % lanes == 0 && lastB % lanes == 0);
}

// The accumulator and the vector unit's sums have 32 bits.
std::optional<Rejection> sumTooWide(llvm::ArrayRef<Operation *> operators) {
  for (Operation *op : operators)
    if (auto sum = ir::wideSumOf(op))
      return Rejection{"", "extent",
                       "the sum of output channel " + std::to_string(sum->channel) + " may be anything from " +
                           std::to_string(sum->least) + " to " + std::to_string(sum->largest) +
                           ", the NPU's sums have 32 bits: runs on the host, which adds in 64"};
  return std::nullopt;
}

int64_t outerSteps(const Mapping &mapping) {
  int64_t steps = 1;
  for (size_t loop = 0; loop != mapping.loopTo.size(); ++loop)
    if (mapping.loopTo[loop] < 0)
      steps *= mapping.block.loops[loop].extent;
  return steps;
}

} // namespace

llvm::Error Placer::place(BlockCall call) {
  PlacementRow row;
  row.node = nameOf(call.graph.getResult(0));
  row.operation = kindOf(call.graphFunction);
  row.block = call.graphFunction.getName().str();
  std::vector<Operation *> operators = blocks.inlined(call);
  for (Operation *op : operators) {
    const int64_t macs = ir::macsOf(op);
    row.macs += macs;
    if (macs != 0 && ir::elementTypeOf(op->getOperand(0).getType()) == ir::ElementType::I8)
      plan.report.macsInt8 += macs;
  }
  plan.report.macs += row.macs;
  if (placeOnNpu(call, operators, row))
    plan.report.macsOnNpu += row.macs;
  else if (auto error = placeOnHost(call))
    return llvm::createStringError("node '" + row.node + "': " + llvm::toString(std::move(error)) +
                                   ", and not on the NPU: " + row.how);
  if (!row.how.empty()) // a block that only renames its argument takes no time anywhere
    plan.report.rows.push_back(std::move(row));
  return llvm::Error::success();
}

bool Placer::placeOnNpu(BlockCall call, const std::vector<Operation *> &operators, PlacementRow &row) {
  Trial trial;
  auto made = readBlock(call.loopFunction, call.loops, [&](Value value) {
    value = blocks.inGraph(value);
    auto found = std::ranges::find(trial.values, value);
    const int number = int(found - trial.values.begin());
    if (found == trial.values.end())
      trial.values.push_back(value);
    return number;
  });
  if (auto *renaming = std::get_if<Renaming>(&made)) {
    forms.rename(call.graph.getResult(0), blocks.inGraph(call.loops.getOperand(renaming->argument)));
    return true;
  }
  Rejections rejections;
  std::vector<Task> tasks;
  if (std::ranges::find(plan.report.executors, ExecutorId::Npu) == plan.report.executors.end()) {
    row.how = "the package is for the host alone";
    return false;
  }
  if (auto tooWide = sumTooWide(operators)) {
    rejections = {*tooWide};
  } else if (auto *block = std::get_if<Block>(&made)) {
    trial.needsOwnForm.assign(trial.values.size(), false);
    tasks = fittingTasks(*block, trial, rejections);
  } else {
    rejections = {std::get<Rejection>(made)};
  }
  if (plan.tagNames.size() + tasks.size() > kMostTags) {
    rejections = {{"", "descriptor",
                   "instructions name their block by a tag, and all " + std::to_string(kMostTags) +
                       " tags are taken by blocks before it"}};
    tasks.clear();
  }
  if (tasks.empty()) {
    row.how = reasonFor(call, operators, rejections);
    for (const Rejection &rejection : rejections)
      row.rejections.push_back({rejection.intrinsic, rejection.kind, rejection.text});
    return false;
  }
  commit(call, std::move(tasks), trial, row);
  return true;
}

// Tasks that compute the block and fit when nothing else is on chip. Rows that lie whole may be too long for it, or for
// a field: then the image lies in rows of lanes after all.
std::vector<Task> Placer::fittingTasks(const Block &block, Trial &trial, Rejections &rejections) const {
  for (bool mayFold : {true, false}) {
    Trial attempt = trial;
    attempt.mayFold = mayFold;
    std::vector<Task> tasks = tasksFor(block, attempt, rejections);
    auto failure = tasks.empty() ? std::nullopt : tryAlone(tasks, attempt);
    if (!failure) {
      trial = std::move(attempt);
      return tasks;
    }
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
std::vector<Task> Placer::tasksFor(const Block &block, Trial &trial, Rejections &rejections) const {
  Task task;
  // Few channels: first as bytes of image rows, if the host lays the image out anyway.
  if (std::optional<Block> folded = foldThin(block, trial))
    match(*folded, task, rejections);
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
    const int tensor = kBetween + int(trial.between.size());
    auto parts = splitAfter(block, cut, tensor);
    if (!parts)
      continue;
    trial.between.push_back(block.operands[writtenOperand(block)].shape);
    std::vector<Task> tasks = tasksFor(parts->first, trial, rejections);
    if (!tasks.empty())
      if (std::vector<Task> rest = tasksFor(parts->second, trial, rejections); !rest.empty()) {
        std::ranges::move(rest, std::back_inserter(tasks));
        return tasks;
      }
    trial.between.resize(size_t(tensor - kBetween));
  }
  return {};
}

// Adds the proved mappings of a block: fewest steps outside the instructions first.
void Placer::match(const Block &block, Task &task, Rejections &rejections) const {
  for (const Chain &chain : chains) {
    std::vector<Mapping> mappings = matchChain(block, chain, target, rejections);
    size_t proved = 0;
    for (size_t m = 0; m != std::min(mappings.size(), kTried) && proved != kKept; ++m) {
      if (std::string wrong = proveMapping(mappings[m], target); !wrong.empty()) {
        rejections.push_back({chain.name, "proof", wrong});
      } else {
        auto place = std::ranges::upper_bound(task.mappings, outerSteps(mappings[m]), {}, outerSteps);
        task.mappings.insert(place, std::move(mappings[m]));
        ++proved;
      }
    }
  }
}

// The block with folded rows, where that fills lanes that channels alone leave empty.
std::optional<Block> Placer::foldThin(const Block &block, const Trial &trial) const {
  std::optional<Block> folded = trial.mayFold ? foldRows(block, target.lanes) : std::nullopt;
  if (!folded)
    return std::nullopt;
  for (Operand &operand : folded->operands)
    if (operand.hasWholeRows) {
      if (operand.tensor >= kBetween || forms.knownChipForm(trial.values[operand.tensor]) >= 0)
        return std::nullopt;
      if (shapeVector(trial.values[operand.tensor]).back() * 2 > target.lanes)
        return std::nullopt;
      operand.tensor += kRows;
    }
  return folded;
}

// Accesses follow the shapes in which tensors already lie on chip.
void Placer::readKnownForms(Block &block, Trial &trial) const {
  for (size_t i = 0; i != trial.values.size(); ++i) {
    const int chip = forms.knownChipForm(trial.values[i]);
    if (chip < 0)
      continue;
    const std::vector<int64_t> &shape = plan.chipTensors[chip].shape;
    if (std::optional<Block> through = readThroughReshape(block, int(i), shape))
      block = std::move(*through);
    else
      trial.needsOwnForm[i] = !liesAlike(shape, shapeVector(trial.values[i]), target.lanes);
  }
}

// Of a tensor in the form that the trial gives it.
int64_t Placer::bytesOf(int number, const Trial &trial) const {
  if (number >= kRows)
    return productOf(physicalShape(Forms::rowsShape(trial.values[number - kRows]), target.lanes));
  if (number >= kBetween)
    return productOf(physicalShape(trial.between[number - kBetween], target.lanes));
  const Value value = trial.values[number];
  return productOf(physicalShape(shapeVector(value), target.lanes, elementBytes(value)));
}

// Does each task fit when nothing else is on chip? Then the scheduler can always give way.
std::optional<Rejection> Placer::tryAlone(const std::vector<Task> &tasks, const Trial &trial) const {
  Segment segment{{}, tasks};
  std::map<int, int> local;
  for (Task &task : segment.tasks)
    renumber(task, [&](int tensor) {
      auto [found, isNew] = local.try_emplace(tensor, int(segment.tensors.size()));
      if (isNew)
        segment.tensors.push_back({"", bytesOf(tensor, trial), true, true, nullptr});
      return found->second;
    });
  if (auto failure = cannotRun(segment, target))
    return failure->rejection;
  return std::nullopt;
}

void Placer::commit(BlockCall call, std::vector<Task> tasks, const Trial &trial, PlacementRow &row) {
  std::map<int, int> chipOf;
  const Value result = call.graph.getResult(0);
  for (const Task &task : tasks)
    for (const Mapping &mapping : task.mappings)
      for (const Operand &operand : mapping.block.operands)
        if (operand.constant || chipOf.count(operand.tensor)) {
          continue;
        } else if (operand.tensor >= kRows) {
          chipOf[operand.tensor] =
              forms.rowsForm(trial.values[operand.tensor - kRows],
                             int8_t(operand.outside == Outside::Value ? operand.outsideValue : operand.zero));
        } else if (operand.tensor < kBetween && trial.values[operand.tensor] != result) {
          chipOf[operand.tensor] =
              forms.chipForm(trial.values[operand.tensor], int8_t(operand.zero), trial.needsOwnForm[operand.tensor]);
        }
  const int segment = plan.joinSegment();
  auto make = [&](int number, const std::vector<int64_t> &shape, int64_t bytes) {
    chipOf[number] = plan.addChipTensor(row.node, shape, target.lanes, bytes);
    plan.chipTensors[chipOf[number]].producer = segment;
  };
  for (size_t i = 0; i != trial.values.size(); ++i)
    if (trial.values[i] == result) {
      make(int(i), shapeVector(result), elementBytes(result));
      forms.setChipForm(result, chipOf[int(i)]);
    }
  for (size_t i = 0; i != trial.between.size(); ++i)
    make(kBetween + int(i), trial.between[i], 1);
  row.tag = uint16_t(plan.tagNames.size());
  plan.tagNames.push_back(row.node);
  for (Task &task : tasks) {
    task.name = row.node;
    task.tag = row.tag;
    renumber(task, [&](int tensor) { return chipOf.at(tensor); });
    row.how += (row.how.empty() ? "" : ", ") + task.mappings.front().chain->name;
    plan.segments[segment].tasks.push_back(std::move(task));
    plan.segments[segment].rows.push_back(int(plan.report.rows.size()));
  }
  row.executor = ExecutorId::Npu;
}

llvm::Error Placer::placeOnHost(BlockCall call) {
  std::vector<bool> isConstant;
  for (Value operand : call.loops.getOperands())
    isConstant.push_back(ir::isConstant(operand));
  auto code = host.add(call.loopFunction, isConstant);
  if (!code)
    return code.takeError();
  std::vector<int> arguments;
  for (const HostStep::Buffer &buffer : (*code)->buffers) {
    if (buffer.kind == HostArray::Derived) {
      std::vector<ir::Tensor> constants;
      for (unsigned argument : buffer.constant->arguments)
        constants.push_back(*ir::constantOf(call.loops.getOperand(argument)));
      const ir::Tensor bytes = buffer.constant->compute(constants);
      arguments.push_back(plan.addConstant(bytes.bytes.data(), bytes.bytes.size()));
    } else if (buffer.kind == HostArray::Argument) {
      arguments.push_back(forms.rowForm(blocks.inGraph(call.loops.getOperand(buffer.argument))));
    } else {
      arguments.push_back(forms.newRowForm(call.graph.getResult(buffer.argument)));
    }
  }
  plan.addHostStep(kindOf(call.graphFunction), **code, arguments);
  return llvm::Error::success();
}

} // namespace tw::codegen
