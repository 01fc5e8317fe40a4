// SPDX-License-Identifier: Apache-2.0
// The pipeline: fuse, place each operator, cut into segments, schedule, lay out DRAM, synchronise, write the plan.
#include "tw/codegen/Compile.h"

#include "HostCode.h"
#include "tw/codegen/Synchronise.h"
#include "tw/ir/Constants.h"
#include "tw/ir/Interpreter.h"
#include "tw/ir/Passes.h"
#include "tw/isa/ProgramChecker.h"
#include "tw/tensorize/Allocate.h"
#include "tw/tensorize/BlockOf.h"
#include "tw/tensorize/Realise.h"
#include "tw/tensorize/Schedule.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <set>

namespace tw::codegen {
namespace {

using namespace tensorize;
using mlir::Operation;
using mlir::Value;

constexpr int64_t kAlign = 64;
constexpr const char *kUnsigned = "tw.unsigned"; // an int8 argument or result of @main that callers know as uint8

int64_t roundUp(int64_t value, int64_t step) { return (value + step - 1) / step * step; }
std::vector<int64_t> shapeVector(Value value) {
  auto shape = ir::shapeOf(value);
  return {shape.begin(), shape.end()};
}
int64_t productOf(const std::vector<int64_t> &shape) {
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

/// An int8 tensor in rows of lanes.
struct ChipTensor {
  std::string name;
  std::vector<int64_t> shape; // logical
  int64_t bytes = 0;
  int buffer = -1;   // its place in the arena; -1: never in DRAM
  int producer = -1; // segment; -1: packed by the host
  bool isUsedOutside = false;
  Bytes constant{}; // physical bytes of a constant tensor
};

struct Step {
  isa::PackageStep package;
  int segment = -1; // NPU
};

class Compiler {
public:
  Compiler(mlir::ModuleOp module, const CompileOptions &options)
      : module(module), options(options), target(makeTwTarget(options.config)), chains(chainsOf(target)),
        host(options.hostCpu) {}

  llvm::Expected<Compiled> run() {
    if (auto error = fuse())
      return std::move(error);
    auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
    bindArguments(main);
    for (Operation &op : main.front())
      if (auto error = place(&op))
        return std::move(error);
    flushSegment();
    if (auto error = bindResults(main))
      return std::move(error);
    if (auto error = scheduleSegments())
      return std::move(error);
    layOutArena();
    if (auto error = writeStreams())
      return std::move(error);
    if (auto error = checkStreams())
      return std::move(error);
    return finish();
  }

private:
  llvm::Error fuse() {
    mlir::PassManager manager(module.getContext());
    ir::GraphPipelineOptions pipeline;
    pipeline.fuseResidual = options.fuseResidual;
    pipeline.outline = false;
    ir::buildGraphPipeline(manager, pipeline);
    dumpModule("imported");
    if (mlir::failed(manager.run(module)))
      return llvm::createStringError("the graph could not be fused: see the errors above");
    dumpModule("fused");
    return llvm::Error::success();
  }

  void dumpModule(std::string_view stage) {
    if (!options.dump)
      return;
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.print(stream, mlir::OpPrintingFlags().elideLargeElementsAttrs(16).elideLargeResourceString(16));
    options.dump(stage, text);
  }

  //===- Buffers and forms of values
  //-----------------------------------------------------------------------------------===//

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

  void bindArguments(mlir::func::FuncOp main) {
    for (unsigned i = 0; i != main.getNumArguments(); ++i)
      rows[main.getArgument(i)] = addIo(TW_PKG_INPUT, main.getArgument(i), ir::argumentName(main, i),
                                        main.getArgAttr(i, kUnsigned) != nullptr, entry.inputs);
  }

  int addIo(tw_pkg_buffer_kind kind, Value value, std::string name, bool isUnsigned, std::vector<uint32_t> &list) {
    static constexpr std::pair<ir::ElementType, tw_pkg_type> kTypes[] = {{ir::ElementType::F32, TW_PKG_F32},
                                                                         {ir::ElementType::I8, TW_PKG_I8},
                                                                         {ir::ElementType::U8, TW_PKG_U8},
                                                                         {ir::ElementType::I32, TW_PKG_I32},
                                                                         {ir::ElementType::I64, TW_PKG_I64}};
    ir::ElementType type = isUnsigned ? ir::ElementType::U8 : ir::elementTypeOf(value.getType());
    tw_pkg_type packageType = std::ranges::find(kTypes, type, &std::pair<ir::ElementType, tw_pkg_type>::first)->second;
    std::vector<int64_t> shape = shapeVector(value);
    tensors.push_back({std::move(name), packageType, shape});
    int buffer = addBuffer(
        {kind, TW_PKG_NONE, 0, uint64_t(productOf(shape) * ir::byteWidth(type)), uint32_t(tensors.size() - 1), ""});
    list.push_back(uint32_t(buffer));
    return buffer;
  }

  // Row-major form of a value, made from the accelerator's if need be.
  int rowForm(Value value) {
    if (auto found = rows.find(value); found != rows.end())
      return found->second;
    if (auto constant = ir::constantOf(value))
      return rows[value] = addConstant(constant->bytes.data(), constant->bytes.size());
    int chip = chipForms.at(value);
    flushSegment();
    chipTensors[chip].isUsedOutside = true;
    int buffer = addTemp(productOf(shapeVector(value)), nameOf(value));
    hostStep("unpack", {chipBuffer(chip), buffer}, [&](const std::string &name) {
      host.addUnpack(name, shapeVector(value), target.lanes);
      return llvm::Error::success();
    });
    return rows[value] = buffer;
  }

  int chipBuffer(int chip) {
    if (chipTensors[chip].buffer < 0)
      chipTensors[chip].buffer = addTemp(chipTensors[chip].bytes, chipTensors[chip].name);
    return chipTensors[chip].buffer;
  }

  int newChipTensor(std::string name, std::vector<int64_t> shape) {
    int64_t bytes = productOf(physicalShape(shape, target.lanes));
    chipTensors.push_back({std::move(name), std::move(shape), bytes});
    return int(chipTensors.size()) - 1;
  }

  // Form of a value in rows of lanes: what the accelerator reads.
  int chipForm(Value value) {
    if (auto found = chipForms.find(value); found != chipForms.end())
      return found->second;
    std::vector<int64_t> shape = shapeVector(value);
    int chip = newChipTensor(nameOf(value), shape);
    if (auto constant = ir::constantOf(value)) {
      auto bytes = std::make_shared<std::vector<uint8_t>>(chipTensors[chip].bytes, 0);
      int64_t last = shape.empty() ? 1 : shape.back(), padded = roundUp(last, target.lanes);
      for (int64_t i = 0; i != constant->size(); ++i)
        (*bytes)[i / last * padded + i % last] = uint8_t(constant->data<int8_t>()[i]);
      chipTensors[chip].constant = bytes;
    } else {
      int from = rowForm(value);
      hostStep("pack", {from, chipBuffer(chip)}, [&](const std::string &name) {
        host.addPack(name, shape, target.lanes, 0);
        return llvm::Error::success();
      });
    }
    return chipForms[value] = chip;
  }

  static std::string nameOf(Value value) {
    if (Operation *op = value.getDefiningOp())
      if (auto names = ir::nodeNames(op->getLoc()); !names.empty())
        return names.front().str();
    return "";
  }

  //===- Placement
  //-------------------------------------------------------------------------------------------------------===//

  template <typename Add> void hostStep(const std::string &what, std::vector<int> arguments, const Add &add) {
    Step step;
    step.package.op = TW_PKG_STEP_HOST;
    step.package.name = "tw_" + what + "_" + std::to_string(steps.size());
    for (int buffer : arguments)
      step.package.arguments.push_back(uint32_t(buffer));
    if (auto error = add(step.package.name))
      hostError = llvm::joinErrors(std::move(hostError), std::move(error));
    steps.push_back(std::move(step));
    ++report.hostSteps;
  }

  llvm::Error place(Operation *op) {
    if (mlir::isa<ir::ConstantOp>(op) || op->hasTrait<mlir::OpTrait::IsTerminator>())
      return llvm::Error::success();
    if (mlir::isa<ir::ReshapeOp>(op) && placeReshape(mlir::cast<ir::ReshapeOp>(op)))
      return llvm::Error::success();
    PlacementRow row;
    row.node = nameOf(op->getResult(0));
    row.operation = op->getName().stripDialect().str();
    row.macs = macsOf(op);
    report.macs += row.macs;
    if (placeOnNpu(op, row)) {
      report.macsOnNpu += row.macs;
    } else {
      placeOnHost(op);
    }
    report.rows.push_back(std::move(row));
    return std::move(hostError);
  }

  static int64_t macsOf(Operation *op) {
    return llvm::TypeSwitch<Operation *, int64_t>(op)
        .Case<ir::QConvOp, ir::ConvOp>([](auto conv) {
          return ir::elementCount(ir::shapeOf(conv.getResult())) * ir::elementCount(ir::shapeOf(conv.getWeight())) /
                 ir::shapeOf(conv.getWeight())[0];
        })
        .Case([](ir::QGemmOp gemm) {
          return ir::elementCount(ir::shapeOf(gemm.getResult())) * ir::shapeOf(gemm.getInput())[1];
        })
        .Case([](ir::GemmOp gemm) {
          return ir::elementCount(ir::shapeOf(gemm.getResult())) * ir::shapeOf(gemm.getA())[gemm.getTransA() ? 0 : 1];
        })
        .Case<ir::QMatmulOp, ir::MatmulOp>([](auto product) {
          return ir::elementCount(ir::shapeOf(product.getResult())) * ir::shapeOf(product.getA()).back();
        })
        .Default([](Operation *) { return 0; });
  }

  // A reshape of a tensor in rows of lanes that keeps its bytes is only another name, or part of its users' accesses.
  bool placeReshape(ir::ReshapeOp op) {
    Value from = op.getInput(), to = op.getResult();
    auto found = chipForms.find(from);
    if (found == chipForms.end())
      return false;
    std::vector<int64_t> a = shapeVector(from), b = shapeVector(to);
    int64_t lastA = a.empty() ? 1 : a.back(), lastB = b.empty() ? 1 : b.back();
    if (lastA == lastB || (lastA % target.lanes == 0 && lastB % target.lanes == 0)) {
      chipForms[to] = found->second;
      return true;
    }
    bool areUsersProducts = llvm::all_of(to.getUsers(), [](Operation *user) { return mlir::isa<ir::QGemmOp>(user); });
    if (!areUsersProducts)
      return false;
    chipForms[to] = found->second;
    return true;
  }

  bool placeOnNpu(Operation *op, PlacementRow &row) {
    // Tensor numbers are only promised while it is not known whether the operator stays.
    std::vector<Value> values;
    std::vector<std::vector<int64_t>> between;
    TensorNumbers numbers;
    numbers.of = [&](Value value) {
      for (size_t i = 0; i != values.size(); ++i)
        if (values[i] == value)
          return int(i);
      values.push_back(value);
      return int(values.size()) - 1;
    };
    numbers.fresh = [&](const std::vector<int64_t> &shape) {
      between.push_back(shape);
      return kFresh + int(between.size()) - 1;
    };
    auto made = blocksOf(op, numbers);
    if (auto *rejection = std::get_if<Rejection>(&made)) {
      row.how = rejection->str();
      return false;
    }
    std::vector<Task> tasks;
    for (Block &block : std::get<std::vector<Block>>(made)) {
      Task task;
      task.name = row.node;
      std::vector<Rejection> rejections;
      // Few channels: first as bytes of image rows, if the host lays the image out anyway.
      if (std::optional<Block> folded = foldThin(block, values))
        match(*folded, task, rejections);
      for (size_t i = 0; i != values.size(); ++i)
        if (auto found = chipForms.find(values[i]); found != chipForms.end())
          if (!readThroughReshape(block, int(i), chipTensors[found->second].shape)) {
            // Equal bytes under another shape need no change of the access.
            std::vector<int64_t> a = chipTensors[found->second].shape, b = shapeVector(values[i]);
            if ((a.back() != b.back()) && (a.back() % target.lanes != 0 || b.back() % target.lanes != 0)) {
              row.how = "layout: its input is a reshape that no access can follow";
              return false;
            }
          }
      if (task.mappings.empty())
        match(block, task, rejections);
      if (task.mappings.empty()) {
        // The reason of the chain that came furthest: bodies are compared first.
        auto best = std::ranges::find_if(rejections, [](const Rejection &r) { return r.kind != "body"; });
        row.how = (best != rejections.end() ? *best
                   : rejections.empty()     ? Rejection{"", "body", "no instruction"}
                                            : rejections.front())
                      .str();
        return false;
      }
      std::ranges::sort(task.mappings, {}, [](const Mapping &mapping) { return outerSteps(mapping); });
      tasks.push_back(std::move(task));
    }
    if (auto failure = tryAlone(tasks, values, between)) {
      row.how = failure->str();
      return false;
    }
    commit(op, std::move(tasks), values, between, row);
    return true;
  }

  // Adds the proved mappings of a block.
  void match(const Block &block, Task &task, std::vector<Rejection> &rejections) {
    for (const Chain &chain : chains) {
      std::vector<Mapping> mappings = matchChain(block, chain, target, rejections);
      for (size_t m = 0; m != std::min<size_t>(mappings.size(), 2); ++m) {
        if (std::string wrong = proveMapping(mappings[m], target); !wrong.empty())
          rejections.push_back({chain.name, "proof", wrong});
        else
          task.mappings.push_back(std::move(mappings[m]));
      }
    }
  }

  // The block with folded rows, where that fills lanes that channels alone leave empty.
  std::optional<Block> foldThin(const Block &block, const std::vector<Value> &values) {
    std::optional<Block> folded = foldRows(block, target.lanes);
    if (!folded)
      return std::nullopt;
    for (Operand &operand : folded->operands)
      if (operand.hasWholeRows) {
        if (operand.tensor >= kFresh || chipForms.count(values[operand.tensor]))
          return std::nullopt;
        std::vector<int64_t> shape = shapeVector(values[operand.tensor]);
        if (shape.back() * 2 > target.lanes)
          return std::nullopt;
        operand.tensor += kRows;
      }
    return folded;
  }

  // Numbers of tensors while an operator is tried: a value, the value as bytes of rows, or a tensor between two blocks.
  std::vector<int64_t> shapeOfNumber(int number, const std::vector<Value> &values,
                                     const std::vector<std::vector<int64_t>> &between) const {
    if (number >= kRows)
      return rowsShape(values[number - kRows]);
    return number >= kFresh ? between[number - kFresh] : shapeVector(values[number]);
  }

  static std::vector<int64_t> rowsShape(Value value) {
    std::vector<int64_t> shape = shapeVector(value);
    shape[shape.size() - 2] *= shape.back();
    shape.pop_back();
    return shape;
  }

  // Form as bytes of rows, which the host makes; `fill` stands behind the last pixel.
  int rowsChipForm(Value value, int8_t fill) {
    if (auto found = rowsForms.find(value); found != rowsForms.end())
      return found->second;
    std::vector<int64_t> shape = rowsShape(value);
    int chip = newChipTensor(nameOf(value), shape), from = rowForm(value);
    hostStep("pack", {from, chipBuffer(chip)}, [&](const std::string &name) {
      host.addPack(name, shape, target.lanes, fill);
      return llvm::Error::success();
    });
    return rowsForms[value] = chip;
  }

  static int64_t outerSteps(const Mapping &mapping) {
    int64_t steps = 1;
    for (size_t loop = 0; loop != mapping.loopTo.size(); ++loop)
      if (mapping.loopTo[loop] < 0)
        steps *= mapping.block.loops[loop].extent;
    return steps;
  }

  // Does the operator fit when nothing else is on chip? Then the scheduler can always give way.
  std::optional<Rejection> tryAlone(std::vector<Task> &tasks, const std::vector<Value> &values,
                                    const std::vector<std::vector<int64_t>> &between) {
    for (Task &task : tasks) {
      Segment alone;
      std::map<int, int> local;
      Task copy = task;
      renumber(copy, [&](int tensor) {
        auto [found, isNew] = local.try_emplace(tensor, int(alone.tensors.size()));
        if (isNew)
          alone.tensors.push_back({"", productOf(physicalShape(shapeOfNumber(tensor, values, between), target.lanes)),
                                   true, true, nullptr});
        return found->second;
      });
      alone.tasks.push_back(std::move(copy));
      auto result = scheduleSegment(alone, target);
      if (auto *failure = std::get_if<ScheduleFailure>(&result))
        return failure->rejection;
    }
    return std::nullopt;
  }

  template <typename To> static void renumber(Task &task, const To &to) {
    for (Mapping &mapping : task.mappings)
      for (Operand &operand : mapping.block.operands)
        if (!operand.constant)
          operand.tensor = to(operand.tensor);
  }

  void commit(Operation *op, std::vector<Task> tasks, const std::vector<Value> &values,
              const std::vector<std::vector<int64_t>> &between, PlacementRow &row) {
    std::map<int, int> chipOf;
    Value result = op->getResult(0);
    for (const Task &task : tasks)
      for (const Operand &operand : task.mappings.front().block.operands)
        if (operand.tensor >= kRows)
          chipOf[operand.tensor] = rowsChipForm(values[operand.tensor - kRows], int8_t(operand.outsideValue));
        else if (!operand.constant && operand.tensor < kFresh && values[operand.tensor] != result)
          chipOf[operand.tensor] = chipForm(values[operand.tensor]);
    if (openSegment < 0) {
      openSegment = int(segments.size());
      segments.emplace_back();
      segmentRows.emplace_back();
    }
    for (size_t i = 0; i != values.size(); ++i)
      if (values[i] == result) {
        chipOf[int(i)] = chipForms[result] = newChipTensor(row.node, shapeVector(result));
        chipTensors[chipForms[result]].producer = openSegment;
      }
    for (size_t i = 0; i != between.size(); ++i) {
      chipOf[kFresh + int(i)] = newChipTensor(row.node, between[i]);
      chipTensors[chipOf[kFresh + int(i)]].producer = openSegment;
    }
    for (Task &task : tasks) {
      task.tag = uint16_t(tagNames.size());
      tagNames.push_back(row.node);
      renumber(task, [&](int tensor) { return chipOf.at(tensor); });
      row.how += (row.how.empty() ? "" : ", ") + task.mappings.front().chain->name;
      segments[openSegment].push_back(std::move(task));
      segmentRows[openSegment].push_back(int(report.rows.size()));
    }
    row.isOnNpu = true;
  }

  void placeOnHost(Operation *op) {
    std::vector<int> arguments;
    for (Value operand : op->getOperands())
      arguments.push_back(rowForm(operand));
    Value result = op->getResult(0);
    int buffer =
        addTemp(productOf(shapeVector(result)) * ir::byteWidth(ir::elementTypeOf(result.getType())), nameOf(result));
    rows[result] = buffer;
    arguments.push_back(buffer);
    hostStep(op->getName().stripDialect().str(), arguments,
             [&](const std::string &name) { return host.addOperation(name, op); });
  }

  void flushSegment() {
    if (openSegment < 0)
      return;
    Step step;
    step.package.op = TW_PKG_STEP_NPU;
    step.segment = openSegment;
    steps.push_back(std::move(step));
    openSegment = -1;
    ++report.npuSteps;
  }

  llvm::Error bindResults(mlir::func::FuncOp main) {
    Operation *terminator = main.front().getTerminator();
    for (unsigned i = 0; i != terminator->getNumOperands(); ++i) {
      Value value = terminator->getOperand(i);
      int from = rowForm(value);
      int to = addIo(TW_PKG_OUTPUT, value, ir::resultName(main, i), main.getResultAttr(i, kUnsigned) != nullptr,
                     entry.outputs);
      Step step;
      step.package.op = TW_PKG_STEP_COPY;
      step.package.arguments = {uint32_t(to), uint32_t(from)};
      step.package.bytes = buffers[to].package.size;
      steps.push_back(std::move(step));
    }
    return std::move(hostError);
  }

  //===- Schedule, memory, streams
  //------------------------------------------------------------------------------------------===//

  llvm::Error scheduleSegments() {
    for (size_t s = 0; s != segments.size(); ++s) {
      Segment segment;
      std::vector<int> chipOf;
      std::map<int, int> local;
      for (Task &task : segments[s]) {
        renumber(task, [&](int chip) {
          auto [found, isNew] = local.try_emplace(chip, int(segment.tensors.size()));
          if (isNew) {
            const ChipTensor &tensor = chipTensors[chip];
            bool isMade = tensor.producer == int(s);
            segment.tensors.push_back(
                {tensor.name, tensor.bytes, !isMade, isMade && isUsedAfter(chip, s), tensor.constant});
            chipOf.push_back(chip);
          }
          return found->second;
        });
        segment.tasks.push_back(std::move(task));
      }
      auto result = scheduleSegment(segment, target);
      if (auto *failure = std::get_if<ScheduleFailure>(&result))
        return llvm::createStringError("'" + segment.tasks[failure->task].name +
                                       "' cannot be scheduled: " + failure->rejection.str());
      auto &lowered = std::get<LoweredSegment>(result);
      for (size_t t = 0; t != segment.tensors.size(); ++t)
        if (lowered.isInDram[t] && !segment.tensors[t].constant)
          chipBuffer(chipOf[t]);
      scheduleText += lowered.schedule.str(segment);
      for (size_t t = 0; t != segment.tasks.size(); ++t) {
        PlacementRow &row = report.rows[segmentRows[s][t]];
        row.how = segment.tasks[t].mappings[lowered.schedule.blocks[t].mapping].chain->name;
        row.cycles += lowered.schedule.blocks[t].cycles;
        row.boundBy = lowered.schedule.blocks[t].boundBy;
        report.cycles += lowered.schedule.blocks[t].cycles;
      }
      report.chipBytes = std::max(report.chipBytes, lowered.peakBytes);
      report.chipBound = std::max(report.chipBound, lowered.peakBound);
      report.chipSize = options.config.spmBytes;
      loweredSegments.push_back(std::move(lowered));
      chipsOfSegment.push_back(std::move(chipOf));
      keptSegments.push_back(std::move(segment));
    }
    if (options.dump)
      options.dump("schedule", scheduleText);
    return llvm::Error::success();
  }

  bool isUsedAfter(int chip, size_t segment) const {
    if (chipTensors[chip].isUsedOutside)
      return true;
    for (size_t s = segment + 1; s < segments.size(); ++s)
      for (const Task &task : segments[s])
        for (const Operand &operand : task.mappings.front().block.operands)
          if (!operand.constant && operand.tensor == chip)
            return true;
    return false;
  }

  void touch(int buffer, int step) {
    Buffer &b = buffers[buffer];
    if (b.firstStep < 0)
      b.firstStep = step;
    b.lastStep = step;
  }

  void layOutArena() {
    for (size_t s = 0; s != steps.size(); ++s) {
      for (uint32_t buffer : steps[s].package.arguments)
        touch(int(buffer), int(s));
      if (steps[s].segment >= 0)
        for (int chip : chipsOfSegment[steps[s].segment])
          if (chipTensors[chip].buffer >= 0)
            touch(chipTensors[chip].buffer, int(s));
    }
    std::vector<Lifetime> lives;
    std::vector<int> which;
    for (size_t b = 0; b != buffers.size(); ++b)
      if (buffers[b].package.kind == TW_PKG_TEMP && buffers[b].firstStep >= 0) {
        lives.push_back({int64_t(buffers[b].package.size), buffers[b].firstStep, buffers[b].lastStep, 0});
        which.push_back(int(b));
      }
    Allocation allocation = allocate(lives, int64_t(1) << 39, kAlign);
    for (size_t i = 0; i != which.size(); ++i)
      buffers[which[i]].package.offset = uint64_t(allocation.address[i]);
    report.arenaBytes = uint64_t(roundUp(allocation.peak, kAlign));
    report.arenaBound = uint64_t(allocation.bound);
  }

  llvm::Error writeStreams() {
    for (Step &step : steps) {
      if (step.segment < 0)
        continue;
      LoweredSegment &lowered = loweredSegments[step.segment];
      constants.resize(size_t(roundUp(int64_t(constants.size()), kAlign)));
      const int64_t constantBase = int64_t(constants.size());
      constants.insert(constants.end(), lowered.constants.begin(), lowered.constants.end());
      std::vector<TaggedInstruction> instructions;
      tw_pkg_counts counts{};
      for (ScheduledInstruction &scheduled : lowered.instructions) {
        const Relocation &relocation = scheduled.relocation;
        if (relocation.kind == Relocation::Constant)
          scheduled.instruction.values[relocation.field] += constantBase;
        else if (relocation.kind == Relocation::TensorBase)
          scheduled.instruction.values[relocation.field] +=
              int64_t(buffers[chipTensors[chipsOfSegment[step.segment][relocation.tensor]].buffer].package.offset);
        count(scheduled.instruction, counts);
        instructions.push_back({std::move(scheduled.instruction), scheduled.tag});
      }
      SyncCounts sync;
      auto lines = synchronise(instructions, options.config, &sync);
      if (!lines)
        return llvm::createStringError("instruction cannot be encoded: " + lines.diag().str());
      step.package.firstLine = uint32_t(program.lines.size());
      step.package.lineCount = uint32_t(lines->size());
      step.package.counts = uint32_t(stepCounts.size());
      for (const BlockSchedule &block : lowered.schedule.blocks)
        counts.cycles += block.cycles;
      stepCounts.push_back(counts);
      program.lines.insert(program.lines.end(), lines->begin(), lines->end());
      report.waits += sync.waits;
      report.fences += sync.fences;
      report.arrayMacs += counts.macs;
      report.bytesRead += counts.bytes_read;
      report.bytesWritten += counts.bytes_written;
    }
    report.lines = int(program.lines.size());
    return llvm::Error::success();
  }

  // The same checker as the assembler's and the tests': bounds, liveness, races. A finding is a defect of this
  // compiler.
  llvm::Error checkStreams() {
    isa::Regions regions{};
    regions[size_t(isa::RegionRole::Const)] = {uint64_t(roundUp(int64_t(constants.size()), kAlign)), true, false};
    regions[size_t(isa::RegionRole::Arena)] = {report.arenaBytes, true, true};
    for (const Step &step : steps) {
      if (step.segment < 0)
        continue;
      isa::Program part;
      part.lines.assign(program.lines.begin() + step.package.firstLine,
                        program.lines.begin() + step.package.firstLine + step.package.lineCount);
      for (const isa::Finding &finding : isa::checkProgram(part, options.config, regions, 1))
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
      steps *= loop.extent.kind == isa::Value::Field   ? uint64_t(instruction.values[loop.extent.value])
               : loop.extent.kind == isa::Value::Lanes ? options.config.n
                                                       : uint64_t(loop.extent.value);
    for (const isa::Access &access : sem.accesses) {
      if (access.space == isa::Space::DRAM)
        (access.dir == isa::Dir::Read ? counts.bytes_read : counts.bytes_written) +=
            steps * uint64_t(elemBytes(access.elem));
      if (access.space == isa::Space::ACC && access.dir == isa::Dir::Update)
        counts.macs += steps;
    }
  }

  llvm::Expected<Compiled> finish() {
    Compiled compiled;
    isa::Package &package = compiled.package;
    package.config = options.config;
    for (size_t tag = 0; tag != tagNames.size(); ++tag)
      program.tags[uint16_t(tag)] = tagNames[tag];
    package.program = std::move(program);
    constants.resize(size_t(roundUp(int64_t(constants.size()), kAlign)));
    package.constants = std::move(constants);
    package.tensors = std::move(tensors);
    for (Buffer &buffer : buffers)
      package.buffers.push_back(std::move(buffer.package));
    for (Step &step : steps)
      package.steps.push_back(std::move(step.package));
    entry.name = "main";
    entry.stepCount = uint32_t(package.steps.size());
    package.entries.push_back(std::move(entry));
    package.arenaBytes = report.arenaBytes;
    package.counts = std::move(stepCounts);
    if (options.dump)
      options.dump("host", host.text());
    if (!host.isEmpty()) {
      auto object = host.link();
      if (!object)
        return object.takeError();
      package.hostCode = std::move(*object);
    }
    report.constantBytes = package.constants.size();
    compiled.report = std::move(report);
    compiled.schedule = std::move(scheduleText);
    return compiled;
  }

  static constexpr int kFresh = 1 << 20; // numbers of tensors between the blocks of one operator
  static constexpr int kRows = 1 << 21;  // plus the number of a value: the value as bytes of rows

  mlir::ModuleOp module;
  const CompileOptions &options;
  Target target;
  std::vector<Chain> chains;
  HostCode host;
  llvm::Error hostError = llvm::Error::success();
  CompileReport report;
  std::string scheduleText;

  std::vector<Buffer> buffers;
  std::vector<isa::PackageTensor> tensors;
  isa::PackageEntry entry;
  std::vector<uint8_t> constants;
  llvm::DenseMap<Value, int> rows; // row-major form: buffer
  struct ValueLess {
    bool operator()(Value a, Value b) const { return a.getAsOpaquePointer() < b.getAsOpaquePointer(); }
  };
  std::map<Value, int, ValueLess> chipForms; // form in rows of lanes: chip tensor
  std::map<Value, int, ValueLess> rowsForms; // form as bytes of image rows: chip tensor
  std::vector<ChipTensor> chipTensors;
  std::vector<Step> steps;
  std::vector<std::vector<Task>> segments; // operands number chip tensors
  std::vector<std::vector<int>> segmentRows;
  int openSegment = -1;
  std::vector<std::string> tagNames;
  std::vector<LoweredSegment> loweredSegments;
  std::vector<std::vector<int>> chipsOfSegment;
  std::vector<Segment> keptSegments; // mappings that the schedules name
  isa::Program program;
  std::vector<tw_pkg_counts> stepCounts;
};

} // namespace

llvm::Expected<Compiled> compile(mlir::ModuleOp module, const CompileOptions &options) {
  return Compiler(module, options).run();
}

} // namespace tw::codegen
