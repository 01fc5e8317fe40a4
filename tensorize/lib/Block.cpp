// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Block.h"

#include <cstdlib>
#include <cstring>

namespace tw::tensorize {

int writtenOperand(const Block &block) {
  for (size_t i = 0; i != block.operands.size(); ++i)
    if (block.operands[i].isWritten)
      return int(i);
  return -1;
}

namespace {

std::string text(const Index &index, const std::vector<Loop> &loops) {
  std::string result;
  for (const Term &term : index.terms)
    result += (result.empty() ? "" : " + ") + (term.factor == 1 ? "" : std::to_string(term.factor) + "*") +
              loops[term.loop].name;
  if (result.empty())
    return std::to_string(index.constant);
  if (index.constant != 0)
    result += (index.constant < 0 ? " - " : " + ") + std::to_string(std::abs(index.constant));
  return result;
}

std::string text(const Operand &operand, const std::vector<Loop> &loops) {
  static constexpr const char *kElems[] = {"i8", "i32", "f32"};
  std::string result = "  " + operand.name + ": " + kElems[int(operand.elem)] + "[";
  for (size_t d = 0; d != operand.shape.size(); ++d)
    result += (d ? "x" : "") + std::to_string(operand.shape[d]);
  result += "] at (";
  for (size_t d = 0; d != operand.index.size(); ++d)
    result += (d ? ", " : "") + text(operand.index[d], loops);
  result += ")";
  if (operand.outside == Outside::Value)
    result += ", outside " + std::to_string(operand.outsideValue);
  if (operand.outside == Outside::Skip)
    result += ", outside skipped";
  if (operand.constant && operand.elem != isa::Elem::F32 && operand.constant->size() <= 16) {
    result += ", constant";
    for (size_t i = 0; i < operand.constant->size(); i += operand.elem == isa::Elem::I8 ? 1 : 4) {
      int32_t value = int8_t((*operand.constant)[i]);
      if (operand.elem == isa::Elem::I32)
        std::memcpy(&value, &(*operand.constant)[i], 4);
      result += " " + std::to_string(value);
    }
  } else if (operand.constant) {
    result += ", constant";
  }
  return result + (operand.isWritten ? ", written\n" : "\n");
}

std::string text(const Arg &arg, const Block &block) {
  switch (arg.kind) {
  case Arg::Operand:
    return block.operands[arg.index].name;
  case Arg::Slot:
    return "%" + std::to_string(arg.index);
  case Arg::Running:
    return "running";
  case Arg::Constant:
    return std::to_string(arg.value);
  case Arg::Count:
    return "count";
  }
  return "";
}

} // namespace

std::string str(const Block &block) {
  std::string result = "for";
  for (bool isReduction : {false, true}) {
    bool isFirst = isReduction && block.isReduced();
    for (const Loop &loop : block.loops)
      if (loop.isReduction == isReduction) {
        result += (isFirst ? ", over " : " ") + loop.name + "=" + std::to_string(loop.extent);
        isFirst = false;
      }
  }
  result += "\n";
  for (const Operand &operand : block.operands)
    result += text(operand, block.loops);
  for (int slot = 0; slot <= block.resultSlot(); ++slot) {
    result += slot < int(block.body.size()) ? "  each: " : "  then: ";
    result += "%" + std::to_string(slot) + " = " + block.node(slot).primitive + "(";
    for (size_t a = 0; a != block.node(slot).args.size(); ++a)
      result += (a ? ", " : "") + text(block.node(slot).args[a], block);
    result += ")\n";
  }
  return result;
}

} // namespace tw::tensorize
