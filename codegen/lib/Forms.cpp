// SPDX-License-Identifier: Apache-2.0
#include "Forms.h"

#include "tw/ir/Constants.h"
#include "tw/ir/Interpreter.h"
#include "tw/ir/State.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cassert>

namespace tw::codegen {

using mlir::Value;

namespace {

constexpr const char *kUnsigned = "tw.unsigned"; // an int8 argument or result of @main that callers know as uint8

bool isOnGpuAlone(const TensorInfo &tensor) { return tensor.gpuBuffer >= 0 && tensor.rowBuffer < 0 && !tensor.chip; }

} // namespace

// Of another entry, which left its state there.
int Forms::stateOf(llvm::StringRef name, uint64_t bytes, uint8_t fill) {
  uint64_t end = 0;
  for (size_t i = 0; i != plan.buffers.size(); ++i) {
    const isa::PackageBuffer &buffer = plan.buffers[i].package;
    if (buffer.kind != TW_PKG_STATE)
      continue;
    if (buffer.name == name) {
      assert(buffer.size == bytes && "what states of equal names must have");
      return int(i);
    }
    end = std::max(end, uint64_t(roundUp(int64_t(buffer.offset + buffer.size), kAlign)));
  }
  return plan.addBuffer({.kind = TW_PKG_STATE, .offset = end, .size = bytes, .name = name.str(), .fill = fill});
}

void Forms::bindArguments(mlir::func::FuncOp main) {
  auto bound =
      uint32_t(llvm::count_if(plan.steps, [](const Step &step) { return step.package.op == TW_PKG_STEP_BIND_DIM; }));
  for (unsigned i = 0; i != main.getNumArguments(); ++i) {
    const TensorId id = plan.table.of(main.getArgument(i));
    if (const auto first = main.getArgAttrOfType<mlir::IntegerAttr>(i, ir::kState)) {
      plan.table[id].rowBuffer =
          stateOf(ir::argumentName(main, i), uint64_t(plan.table.rowBytes(id)), uint8_t(first.getInt()));
      continue;
    }
    if (const auto dim = main.getArgAttrOfType<mlir::StringAttr>(i, ir::kSize)) {
      plan.table[id].rowBuffer = plan.addTemp(sizeof(int64_t), dim.str());
      Step step;
      step.package = {.op = TW_PKG_STEP_SIZE, .arguments = {uint32_t(plan.table[id].rowBuffer)}};
      step.dim = dim.str();
      plan.steps.push_back(std::move(step));
      continue;
    }
    plan.table[id].rowBuffer = addIo(TW_PKG_INPUT, main.getArgument(i), ir::argumentName(main, i),
                                     main.getArgAttr(i, kUnsigned) != nullptr, plan.entry.inputs);
    if (main.getArgAttr(i, ir::kBounds)) { // before anything else: a run outside them ends here
      Step step;
      step.package = {.op = TW_PKG_STEP_BIND_DIM, .arguments = {uint32_t(plan.table[id].rowBuffer)}, .target = bound++};
      plan.steps.push_back(std::move(step));
    }
  }
}

void Forms::bindResults(mlir::func::FuncOp main) {
  mlir::Operation *terminator = main.front().getTerminator();
  // An output may be what the state was before this run: the new state comes last.
  for (const bool isState : {false, true})
    for (unsigned i = 0; i != terminator->getNumOperands(); ++i) {
      const auto argument = main.getResultAttrOfType<mlir::IntegerAttr>(i, ir::kState);
      if (isState != (argument != nullptr))
        continue;
      Value value = terminator->getOperand(i);
      int to = isState ? plan.table[plan.table.of(main.getArgument(unsigned(argument.getInt())))].rowBuffer
                       : addIo(TW_PKG_OUTPUT, value, ir::resultName(main, i),
                               main.getResultAttr(i, kUnsigned) != nullptr, plan.entry.outputs);
      if (plan.buffers[to].package.size == 0)
        continue;
      const TensorInfo &tensor = plan.table[plan.table.original(plan.table.of(value))];
      const int from = isOnGpuAlone(tensor) ? tensor.gpuBuffer : rowForm(plan.table.of(value));
      plan.addCopy(from, to, plan.buffers[size_t(to)].package.size);
    }
}

int Forms::addIo(tw_pkg_buffer_kind kind, Value value, std::string name, bool isUnsigned, std::vector<uint32_t> &list) {
  static constexpr std::pair<ir::ElementType, tw_pkg_type> kTypes[] = {
      {ir::ElementType::F32, TW_PKG_F32},   {ir::ElementType::F64, TW_PKG_F64},   {ir::ElementType::F16, TW_PKG_F16},
      {ir::ElementType::BF16, TW_PKG_BF16}, {ir::ElementType::Bool, TW_PKG_BOOL}, {ir::ElementType::I8, TW_PKG_I8},
      {ir::ElementType::I16, TW_PKG_I16},   {ir::ElementType::I32, TW_PKG_I32},   {ir::ElementType::I64, TW_PKG_I64},
      {ir::ElementType::U8, TW_PKG_U8},     {ir::ElementType::U16, TW_PKG_U16},   {ir::ElementType::U32, TW_PKG_U32},
      {ir::ElementType::U64, TW_PKG_U64},
  };
  ir::ElementType type = isUnsigned ? ir::ElementType::U8 : ir::elementTypeOf(value.getType());
  tw_pkg_type packageType = std::ranges::find(kTypes, type, &std::pair<ir::ElementType, tw_pkg_type>::first)->second;
  plan.tensors.push_back({std::move(name), packageType, shapeVector(value)});
  int buffer = plan.addBuffer({kind, TW_PKG_NONE, 0, uint64_t(plan.table.rowBytes(plan.table.of(value))),
                               uint32_t(plan.tensors.size() - 1), ""});
  list.push_back(uint32_t(buffer));
  return buffer;
}

int Forms::convert(const Conversion &what) {
  for (auto &executor : executors)
    if (auto tried = executor->candidate(what); auto *candidate = std::get_if<std::unique_ptr<Candidate>>(&tried))
      return executor->take(what, std::move(*candidate));
  llvm_unreachable("the host changes every form");
}

double Forms::costOf(const Conversion &what) const {
  for (auto &executor : executors)
    if (auto tried = executor->candidate(what); auto *candidate = std::get_if<std::unique_ptr<Candidate>>(&tried))
      return (*candidate)->boundNs;
  llvm_unreachable("the host changes every form");
}

double Forms::costOf(const FormOf &wanted) const {
  const TensorInfo &tensor = plan.table[wanted.tensor];
  if (tensor.kind == TensorInfo::OfMain && ir::isConstant(tensor.value))
    return 0;
  const TensorId id = plan.table.original(wanted.tensor);
  if (wanted.form == Form::OnGpu) {
    if (plan.table[id].gpuBuffer >= 0)
      return 0;
    return costOf(FormOf{id, Form::RowMajor}) + costOf(Conversion{{id, Form::OnGpu}, 0, plan.table[id].rowBuffer});
  }
  if (wanted.form == Form::RowMajor) {
    if (isOnGpuAlone(plan.table[id]))
      return costOf(Conversion{{id, Form::RowMajor}, 0, plan.table[id].gpuBuffer, true});
    return plan.table[id].rowBuffer >= 0 || isReadInPlace(id) ? 0 : costOf(Conversion{{id, Form::RowMajor}});
  }
  if (tensor.chip)
    return 0;
  const TensorId source = rowsOf(wanted.tensor);
  const int rows = plan.table[source].rowBuffer;
  const bool isInPlace =
      plan.table.hasWholeRows(wanted.tensor, lanes) &&
      (rows < 0 || plan.buffers[size_t(rows)].package.kind == TW_PKG_TEMP || plan.table[source].npuRowBuffer >= 0);
  return costOf(FormOf{source, Form::RowMajor}) + (isInPlace ? 0 : costOf(Conversion{wanted, 0, rows}));
}

double Forms::costOfGiven(const FormOf &given) const {
  const bool isReturned = llvm::any_of(plan.table[given.tensor].value.getUsers(), [](mlir::Operation *user) {
    return user->hasTrait<mlir::OpTrait::IsTerminator>();
  });
  if (given.form == Form::OnGpu)
    return isReturned ? costOf(Conversion{{given.tensor, Form::RowMajor}, 0, -1, true}) : 0;
  return given.form == Form::RowMajor || !isReturned || isReadInPlace(given.tensor)
             ? 0
             : costOf(Conversion{{given.tensor, Form::RowMajor}});
}

// The tensor of @main whose row-major bytes those of a form in rows of lanes are.
TensorId Forms::rowsOf(TensorId id) const {
  const TensorInfo &tensor = plan.table[id];
  return plan.table.original(tensor.kind == TensorInfo::ImageRows ? tensor.source : id);
}

int Forms::rowForm(TensorId id) {
  id = plan.table.original(id);
  TensorInfo &tensor = plan.table[id];
  if (tensor.rowBuffer >= 0)
    return tensor.rowBuffer;
  if (auto constant = ir::constantOf(tensor.value))
    return tensor.rowBuffer = plan.addConstant(constant->bytes.data(), constant->bytes.size());
  if (isOnGpuAlone(tensor))
    return tensor.rowBuffer = convert({{id, Form::RowMajor}, 0, tensor.gpuBuffer, true});
  // Who makes it runs before who reads it; regions that have nothing to do with it stay open.
  if (tensor.chip.value().producer == plan.openSegment)
    plan.closeSegment();
  tensor.chip->isUsedOutside = true;
  if (isReadInPlace(id)) // nothing lies between its elements
    return tensor.rowBuffer = plan.chipBuffer(id);
  return tensor.rowBuffer = convert({{id, Form::RowMajor}, 0, plan.chipBuffer(id)});
}

int Forms::newRowForm(TensorId id) {
  return plan.table[id].rowBuffer = plan.addTemp(plan.table.rowBytes(id), plan.table[id].name);
}

int Forms::gpuForm(TensorId id) {
  id = plan.table.original(id);
  if (plan.table[id].gpuBuffer >= 0)
    return plan.table[id].gpuBuffer;
  const int rows = rowForm(id);
  if (plan.buffers[size_t(rows)].package.kind == TW_PKG_CONSTANT)
    return rows;
  const int made = convert({{id, Form::OnGpu}, 0, rows});
  return plan.table[id].gpuBuffer = made;
}

int Forms::newGpuForm(TensorId id) {
  return plan.table[id].gpuBuffer = plan.addDevice(plan.table.rowBytes(id), plan.table[id].name);
}

TensorId Forms::knownChipForm(TensorId id) const {
  if (plan.table[id].chip)
    return id;
  const TensorId original = plan.table.original(id);
  return plan.table[original].chip ? original : -1;
}

void Forms::makeConstant(TensorId id, int8_t zero) {
  const TensorInfo &tensor = plan.table[id];
  const ir::Tensor constant = *ir::constantOf(tensor.value);
  ChipForm &chip = plan.giveChipForm(id, lanes);
  chip.beside = zero;
  auto bytes = std::make_shared<std::vector<uint8_t>>(chip.bytes, uint8_t(zero));
  const int64_t last = tensor.shape.empty() ? 1 : tensor.shape.back(), padded = roundUp(last, lanes);
  for (int64_t i = 0; i != constant.size(); ++i)
    (*bytes)[i / last * padded + i % last] = uint8_t(constant.data<int8_t>()[i]);
  chip.constant = bytes;
}

void Forms::bringOnChip(TensorId id, int8_t zero) {
  const TensorInfo &tensor = plan.table[id];
  if (tensor.chip)
    return;
  if (tensor.kind == TensorInfo::OfMain && ir::isConstant(tensor.value))
    return makeConstant(id, zero);
  const TensorId source = rowsOf(id);
  const int from = rowForm(source);
  const int8_t beside = tensor.kind == TensorInfo::ImageRows ? tensor.fill : zero;
  plan.giveChipForm(id, lanes).beside = beside;
  int &made = plan.table[id].chip->buffer;
  const Conversion conversion{{id, Form::LaneRows}, beside, from};
  if (!plan.table.hasWholeRows(id, lanes)) {
    made = convert(conversion);
  } else if (plan.buffers[size_t(from)].package.kind == TW_PKG_TEMP) {
    made = from;
  } else {
    int &known = plan.table[source].npuRowBuffer; // of its bytes under another shape
    made = known = known >= 0 ? known : convert(conversion);
  }
}

} // namespace tw::codegen
