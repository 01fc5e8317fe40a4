// SPDX-License-Identifier: Apache-2.0
#include "Evaluate.h"

#include "tw/isa/Numerics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace tw::test {

using namespace tensorize;

int64_t evaluatePrimitive(std::string_view name, const std::vector<int64_t> &a, const std::vector<int8_t> &table) {
  auto b = [&](size_t i) { return int8_t(a[i]); };
  auto w = [&](size_t i) { return int32_t(a[i]); };
  if (name == "requant_fp32")
    return isa::requantFp32(w(0), w(1), uint32_t(a[2]), b(3));
  if (name == "ew_add")
    return isa::ewAdd(b(0), b(1), w(2), b(3), b(4), w(5), int(a[6]), b(7));
  if (name == "ew_min")
    return isa::ewMin(b(0), b(1), w(2), b(3), b(4), w(5), int(a[6]), b(7));
  if (name == "ew_max")
    return isa::ewMax(b(0), b(1), w(2), b(3), b(4), w(5), int(a[6]), b(7));
  if (name == "ew_mul")
    return isa::ewMul(b(0), b(1), b(2), b(3), w(4), int(a[5]), b(6));
  if (name == "pool_avg")
    return isa::poolAvg(w(0), w(1), b(2), w(3), int(a[4]), b(5));
  if (name == "pool_max")
    return isa::poolMax(b(0), b(1), w(2), int(a[3]), b(4));
  if (name == "clamp_i8")
    return isa::clampI8(b(0), std::min(b(1), b(2)), std::max(b(1), b(2)));
  if (name == "lut_i8")
    return isa::lutI8(table.data(), b(1));
  if (name == "max_i8")
    return isa::maxI8(b(0), b(1));
  if (name == "add_i8")
    return isa::addI8(w(0), b(1));
  if (name == "add_wrap32")
    return isa::addWrap32(w(0), w(1));
  if (name == "mul_i8")
    return isa::mulI8(b(0), b(1));
  if (name == "mul_zp")
    return isa::mulZp(b(0), b(1), b(2), b(3));
  ADD_FAILURE() << "no function for " << name;
  return 0;
}

namespace {

class Evaluator {
public:
  Evaluator(const Block &block, const Tensors &tensors, int64_t lanes) : block(block), tensors(tensors), lanes(lanes) {}

  std::vector<int8_t> run() {
    std::vector<int> parallel, reduced;
    for (size_t loop = 0; loop != block.loops.size(); ++loop)
      (block.loops[loop].isReduction ? reduced : parallel).push_back(int(loop));
    const Operand &written = block.operands[size_t(writtenOperand(block))];
    std::vector<int8_t> result(elements(written), 0);
    at.assign(block.loops.size(), 0);
    overAll(parallel, 0, [&] {
      count = 0;
      running = block.isReduced() && block.body.back().primitive == "max_i8" ? -128 : 0;
      slots.assign(size_t(block.resultSlot()) + 1, 0);
      overAll(reduced, 0, [&] {
        if (isSkipped())
          return;
        ++count;
        for (size_t slot = 0; slot != block.body.size(); ++slot)
          slots[slot] = valueOf(block.body[slot]);
        if (block.isReduced())
          running = slots[block.body.size() - 1];
      });
      if (block.isReduced())
        slots[block.body.size() - 1] = running;
      for (size_t i = 0; i != block.finish.size(); ++i)
        slots[block.body.size() + i] = valueOf(block.finish[i]);
      const int64_t to = position(written);
      EXPECT_TRUE(to >= 0 || isBeside(written)) << "the result has no such element";
      if (to >= 0)
        result[size_t(to)] = int8_t(slots.back());
    });
    return result;
  }

private:
  template <typename Body> void overAll(const std::vector<int> &loops, size_t next, const Body &body) {
    if (next == loops.size())
      return body();
    for (at[loops[next]] = 0; at[loops[next]] != block.loops[loops[next]].extent; ++at[loops[next]])
      overAll(loops, next + 1, body);
  }

  static size_t elements(const Operand &operand) {
    size_t count = 1;
    for (int64_t extent : operand.shape)
      count *= size_t(extent);
    return count;
  }

  // -1: outside
  int64_t position(const Operand &operand) const {
    int64_t result = 0;
    for (size_t d = 0; d != operand.shape.size(); ++d) {
      int64_t index = operand.index[d].constant;
      for (const Term &term : operand.index[d].terms)
        index += term.factor * at[size_t(term.loop)];
      if (index < 0 || index >= operand.shape[d])
        return -1;
      result = result * operand.shape[d] + index;
    }
    return result;
  }

  // Behind the last element of the last dimension, in its last row of lanes.
  bool isBeside(const Operand &operand) const {
    if (operand.constant || operand.shape.empty())
      return false;
    Operand wider = operand;
    wider.shape.back() = (operand.shape.back() + lanes - 1) / lanes * lanes;
    return position(wider) >= 0;
  }

  bool isSkipped() const {
    return std::ranges::any_of(block.operands, [&](const Operand &operand) {
      return operand.outside == Outside::Skip && position(operand) < 0;
    });
  }

  int64_t load(const Operand &operand) const {
    const int64_t from = position(operand);
    if (from < 0 && isBeside(operand))
      return 77; // whatever lies there
    if (from < 0) {
      EXPECT_EQ(operand.outside, Outside::Value) << operand.name << " is read outside its shape";
      return operand.outsideValue;
    }
    if (!operand.constant)
      return tensors.at(operand.tensor).at(size_t(from));
    if (operand.elem == isa::Elem::I8)
      return int8_t(operand.constant->at(size_t(from)));
    uint32_t bits = 0;
    std::memcpy(&bits, &operand.constant->at(size_t(from) * 4), 4);
    return operand.elem == isa::Elem::F32 ? int64_t(bits) : int64_t(int32_t(bits));
  }

  int64_t valueOf(const Node &node) const {
    std::vector<int64_t> args;
    std::vector<int8_t> table;
    for (const Arg &arg : node.args)
      switch (arg.kind) {
      case Arg::Operand:
        if (const Operand &operand = block.operands[size_t(arg.index)];
            node.primitive == "lut_i8" && operand.constant) {
          table.assign(operand.constant->begin(), operand.constant->end());
          args.push_back(0);
        } else {
          args.push_back(load(operand));
        }
        break;
      case Arg::Slot:
        args.push_back(slots[size_t(arg.index)]);
        break;
      case Arg::Running:
        args.push_back(running);
        break;
      case Arg::Constant:
        args.push_back(arg.value);
        break;
      case Arg::Count:
        args.push_back(count);
        break;
      }
    return evaluatePrimitive(node.primitive, args, table);
  }

  const Block &block;
  const Tensors &tensors;
  const int64_t lanes;
  std::vector<int64_t> at, slots;
  int64_t running = 0, count = 0;
};

} // namespace

std::vector<int8_t> evaluate(const Block &block, const Tensors &tensors, int64_t lanes) {
  return Evaluator(block, tensors, lanes).run();
}

Tensors randomTensors(const Block &block, std::mt19937 &random) {
  Tensors tensors;
  for (const Operand &operand : block.operands) {
    if (operand.constant || operand.isWritten)
      continue;
    size_t count = 1;
    for (int64_t extent : operand.shape)
      count *= size_t(extent);
    std::vector<int8_t> &values = tensors[operand.tensor];
    while (values.size() < count)
      values.push_back(int8_t(random()));
  }
  return tensors;
}

void randomiseConstants(Block &block, std::mt19937 &random) {
  double terms = 1;
  for (const Loop &loop : block.loops)
    terms *= loop.isReduction ? double(loop.extent) : 1;
  for (Operand &operand : block.operands) {
    if (!operand.constant)
      continue;
    auto bytes = std::make_shared<std::vector<uint8_t>>(*operand.constant);
    auto put = [&](size_t at, const auto &value) { std::memcpy(&(*bytes)[at], &value, sizeof(value)); };
    for (size_t i = 0; i != bytes->size(); i += operand.elem == isa::Elem::I8 ? 1 : 4)
      if (operand.elem == isa::Elem::I8)
        put(i, int8_t(random()));
      else if (operand.elem == isa::Elem::I32)
        put(i, int32_t(random() % 20001) - 10000);
      else // products are about 73 * 73, and sums of random signs grow with the root
        put(i, float((0.5 + double(random() % 1000) / 1000) * 60 / (73.0 * 73.0 * std::sqrt(terms))));
    operand.constant = bytes;
  }
}

} // namespace tw::test
