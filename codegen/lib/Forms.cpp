// SPDX-License-Identifier: Apache-2.0
#include "Forms.h"

#include "tw/ir/Constants.h"
#include "tw/ir/Interpreter.h"

#include <algorithm>

namespace tw::codegen {

using mlir::Value;

namespace {

constexpr const char *kUnsigned = "tw.unsigned"; // an int8 argument or result of @main that callers know as uint8

int64_t rowBytes(Value value) { return productOf(shapeVector(value)) * elementBytes(value); }

} // namespace

std::vector<int64_t> shapeVector(Value value) {
  auto shape = ir::shapeOf(value);
  return {shape.begin(), shape.end()};
}

int64_t elementBytes(Value value) { return ir::byteWidth(ir::elementTypeOf(value.getType())); }

std::string nameOf(Value value) {
  if (mlir::Operation *op = value.getDefiningOp())
    if (auto names = ir::nodeNames(op->getLoc()); !names.empty())
      return names.front().str();
  return "";
}

void Forms::bindArguments(mlir::func::FuncOp main) {
  for (unsigned i = 0; i != main.getNumArguments(); ++i)
    rows[main.getArgument(i)] = addIo(TW_PKG_INPUT, main.getArgument(i), ir::argumentName(main, i),
                                      main.getArgAttr(i, kUnsigned) != nullptr, plan.entry.inputs);
}

void Forms::bindResults(mlir::func::FuncOp main) {
  mlir::Operation *terminator = main.front().getTerminator();
  for (unsigned i = 0; i != terminator->getNumOperands(); ++i) {
    Value value = terminator->getOperand(i);
    int from = rowForm(value);
    int to = addIo(TW_PKG_OUTPUT, value, ir::resultName(main, i), main.getResultAttr(i, kUnsigned) != nullptr,
                   plan.entry.outputs);
    Step step;
    step.package = isa::copyBytes(uint32_t(to), uint32_t(from), plan.buffers[to].package.size);
    plan.steps.push_back(std::move(step));
  }
}

int Forms::addIo(tw_pkg_buffer_kind kind, Value value, std::string name, bool isUnsigned, std::vector<uint32_t> &list) {
  static constexpr std::pair<ir::ElementType, tw_pkg_type> kTypes[] = {{ir::ElementType::F32, TW_PKG_F32},
                                                                       {ir::ElementType::I8, TW_PKG_I8},
                                                                       {ir::ElementType::U8, TW_PKG_U8},
                                                                       {ir::ElementType::I32, TW_PKG_I32},
                                                                       {ir::ElementType::I64, TW_PKG_I64}};
  ir::ElementType type = isUnsigned ? ir::ElementType::U8 : ir::elementTypeOf(value.getType());
  tw_pkg_type packageType = std::ranges::find(kTypes, type, &std::pair<ir::ElementType, tw_pkg_type>::first)->second;
  std::vector<int64_t> shape = shapeVector(value);
  plan.tensors.push_back({std::move(name), packageType, shape});
  int buffer = plan.addBuffer(
      {kind, TW_PKG_NONE, 0, uint64_t(productOf(shape) * ir::byteWidth(type)), uint32_t(plan.tensors.size() - 1), ""});
  list.push_back(uint32_t(buffer));
  return buffer;
}

void Forms::convert(const std::string &what, const HostStep &code, int from, int to) {
  std::vector<int> arguments;
  for (const HostStep::Buffer &buffer : code.buffers)
    arguments.push_back(buffer.kind == HostArray::Result ? to : from);
  plan.addHostStep(what, code, arguments);
}

Value Forms::source(Value value) const {
  auto found = sources.find(value);
  return found == sources.end() ? value : found->second;
}

int Forms::rowForm(Value value) {
  value = source(value);
  if (auto found = rows.find(value); found != rows.end())
    return found->second;
  if (auto constant = ir::constantOf(value))
    return rows[value] = plan.addConstant(constant->bytes.data(), constant->bytes.size());
  int chip = chipForms.at(value);
  plan.closeSegment();
  plan.chipTensors[chip].isUsedOutside = true;
  int buffer = plan.addTemp(rowBytes(value), nameOf(value));
  const mlir::Type element = llvm::cast<mlir::RankedTensorType>(value.getType()).getElementType();
  convert("unpack", *llvm::cantFail(host.unpack(element, shapeVector(value), lanes)), plan.chipBuffer(chip), buffer);
  return rows[value] = buffer;
}

int Forms::newRowForm(Value value) { return rows[value] = plan.addTemp(rowBytes(value), nameOf(value)); }

int Forms::knownChipForm(Value value) const {
  for (Value known : {value, source(value)})
    if (auto found = chipForms.find(known); found != chipForms.end())
      return found->second;
  return -1;
}

int Forms::chipForm(Value value, int8_t zero, bool cannotUseKnown) {
  if (auto found = chipForms.find(value); found != chipForms.end())
    return found->second;
  if (int known = knownChipForm(value); known >= 0 && !cannotUseKnown)
    return known;
  std::vector<int64_t> shape = shapeVector(value);
  if (auto constant = ir::constantOf(value)) {
    int chip = plan.addChipTensor(nameOf(value), shape, lanes);
    auto bytes = std::make_shared<std::vector<uint8_t>>(plan.chipTensors[chip].bytes, uint8_t(zero));
    int64_t last = shape.empty() ? 1 : shape.back(), padded = roundUp(last, lanes);
    for (int64_t i = 0; i != constant->size(); ++i)
      (*bytes)[i / last * padded + i % last] = uint8_t(constant->data<int8_t>()[i]);
    plan.chipTensors[chip].constant = bytes;
    return chipForms[value] = chip;
  }
  int from = rowForm(value), chip = plan.addChipTensor(nameOf(value), shape, lanes);
  convert("pack", *llvm::cantFail(host.pack(shape, lanes, zero)), from, plan.chipBuffer(chip));
  return chipForms[value] = chip;
}

std::vector<int64_t> Forms::rowsShape(Value value) {
  std::vector<int64_t> shape = shapeVector(value);
  shape[shape.size() - 2] *= shape.back();
  shape.pop_back();
  return shape;
}

int Forms::rowsForm(Value value, int8_t zero) {
  ByValue &known = rowsForms[zero];
  if (auto found = known.find(value); found != known.end())
    return found->second;
  std::vector<int64_t> shape = rowsShape(value);
  int from = rowForm(value), chip = plan.addChipTensor(nameOf(value), shape, lanes);
  convert("pack", *llvm::cantFail(host.pack(shape, lanes, zero)), from, plan.chipBuffer(chip));
  return known[value] = chip;
}

} // namespace tw::codegen
