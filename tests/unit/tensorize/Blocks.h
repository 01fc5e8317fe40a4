// SPDX-License-Identifier: Apache-2.0
// Blocks that several tests of the matcher use: convolution, matrix product, depthwise, pooling, elementwise.
// Called by tests in this folder. Builds plain structs; nothing here knows an instruction.
#ifndef TW_TESTS_UNIT_TENSORIZE_BLOCKS_H
#define TW_TESTS_UNIT_TENSORIZE_BLOCKS_H

#include "tw/tensorize/Block.h"

namespace tw::test {

using tensorize::Arg;
using tensorize::Block;
using tensorize::Index;
using tensorize::Loop;
using tensorize::Node;
using tensorize::Operand;
using tensorize::Outside;

inline tensorize::Bytes constantBytes(int64_t count) {
  auto bytes = std::make_shared<std::vector<uint8_t>>(count);
  for (size_t i = 0; i != bytes->size(); ++i)
    (*bytes)[i] = uint8_t(i * 37 + 11);
  return bytes;
}
inline Arg operandArg(int index) { return {Arg::Operand, index, 0}; }
inline Arg slotArg(int index) { return {Arg::Slot, index, 0}; }
inline Arg runningArg() { return {Arg::Running, 0, 0}; }
inline Arg numberArg(int64_t value) { return {Arg::Constant, 0, value}; }
inline Index at(int loop, int64_t factor = 1, int64_t constant = 0) { return {{{loop, factor}}, constant}; }

struct ConvShape {
  int64_t n = 1, h = 8, w = 8, c = 32, oc = 48, kh = 3, kw = 3, stride = 1, dilation = 1, pad = 1;
  int64_t oh() const { return (h + 2 * pad - dilation * (kh - 1) - 1) / stride + 1; }
  int64_t ow() const { return (w + 2 * pad - dilation * (kw - 1) - 1) / stride + 1; }
};

// Loops n oh ow oc kh kw ic; operands x w bias multiplier y.
inline Block conv2d(const ConvShape &s) {
  Block block;
  block.name = "conv";
  block.loops = {{"n", s.n},         {"oh", s.oh()},     {"ow", s.ow()},   {"oc", s.oc},
                 {"kh", s.kh, true}, {"kw", s.kw, true}, {"ic", s.c, true}};
  Index row{{{1, s.stride}, {4, s.dilation}}, -s.pad}, column{{{2, s.stride}, {5, s.dilation}}, -s.pad};
  block.operands = {
      {"x",
       isa::Elem::I8,
       false,
       0,
       {s.n, s.h, s.w, s.c},
       {at(0), row, column, at(6)},
       s.pad ? Outside::Value : Outside::Never,
       3,
       nullptr},
      {"w",
       isa::Elem::I8,
       false,
       -1,
       {s.oc, s.kh, s.kw, s.c},
       {at(3), at(4), at(5), at(6)},
       Outside::Never,
       0,
       constantBytes(s.oc * s.kh * s.kw * s.c)},
      {"bias", isa::Elem::I32, false, -1, {s.oc}, {at(3)}, Outside::Never, 0, constantBytes(4 * s.oc)},
      {"multiplier", isa::Elem::F32, false, -1, {s.oc}, {at(3)}, Outside::Never, 0, constantBytes(4 * s.oc)},
      {"y",
       isa::Elem::I8,
       true,
       1,
       {s.n, s.oh(), s.ow(), s.oc},
       {at(0), at(1), at(2), at(3)},
       Outside::Never,
       0,
       nullptr}};
  block.body = {{"mul_i8", {operandArg(0), operandArg(1)}}, {"add_wrap32", {runningArg(), slotArg(0)}}};
  block.finish = {{"requant_fp32", {slotArg(1), operandArg(2), operandArg(3), numberArg(-4)}},
                  {"clamp_i8", {slotArg(2), numberArg(-4), numberArg(127)}}};
  return block;
}

// [M, K] x [N, K] -> [M, N]
inline Block gemm(int64_t m, int64_t k, int64_t n) {
  Block block;
  block.name = "gemm";
  block.loops = {{"m", m}, {"n", n}, {"k", k, true}};
  block.operands = {{"x", isa::Elem::I8, false, 0, {m, k}, {at(0), at(2)}, Outside::Never, 0, nullptr},
                    {"w", isa::Elem::I8, false, -1, {n, k}, {at(1), at(2)}, Outside::Never, 0, constantBytes(n * k)},
                    {"bias", isa::Elem::I32, false, -1, {n}, {at(1)}, Outside::Never, 0, constantBytes(4 * n)},
                    {"multiplier", isa::Elem::F32, false, -1, {}, {}, Outside::Never, 0, constantBytes(4)},
                    {"y", isa::Elem::I8, true, 1, {m, n}, {at(0), at(1)}, Outside::Never, 0, nullptr}};
  block.body = {{"mul_i8", {operandArg(1), operandArg(0)}}, {"add_wrap32", {slotArg(0), runningArg()}}};
  block.finish = {{"requant_fp32", {slotArg(1), operandArg(2), operandArg(3), numberArg(0)}}};
  return block;
}

// Loops n oh ow c kh kw.
inline Block depthwise(const ConvShape &s) {
  Block block;
  block.name = "depthwise";
  block.loops = {{"n", s.n}, {"oh", s.oh()}, {"ow", s.ow()}, {"c", s.c}, {"kh", s.kh, true}, {"kw", s.kw, true}};
  Index row{{{1, s.stride}, {4, s.dilation}}, -s.pad}, column{{{2, s.stride}, {5, s.dilation}}, -s.pad};
  block.operands = {
      {"x", isa::Elem::I8, false, 0, {s.n, s.h, s.w, s.c}, {at(0), row, column, at(3)}, Outside::Value, 0, nullptr},
      {"w",
       isa::Elem::I8,
       false,
       -1,
       {s.c, s.kh, s.kw},
       {at(3), at(4), at(5)},
       Outside::Never,
       0,
       constantBytes(s.c * s.kh * s.kw)},
      {"bias", isa::Elem::I32, false, -1, {s.c}, {at(3)}, Outside::Never, 0, constantBytes(4 * s.c)},
      {"multiplier", isa::Elem::F32, false, -1, {s.c}, {at(3)}, Outside::Never, 0, constantBytes(4 * s.c)},
      {"y",
       isa::Elem::I8,
       true,
       1,
       {s.n, s.oh(), s.ow(), s.c},
       {at(0), at(1), at(2), at(3)},
       Outside::Never,
       0,
       nullptr}};
  block.body = {{"mul_i8", {operandArg(0), operandArg(1)}}, {"add_wrap32", {runningArg(), slotArg(0)}}};
  block.finish = {{"requant_fp32", {slotArg(1), operandArg(2), operandArg(3), numberArg(0)}}};
  return block;
}

inline Block maxPool(const ConvShape &s) {
  Block block = depthwise(s);
  block.name = "max pool";
  block.operands[0].outside = Outside::Skip;
  block.operands = {block.operands[0], block.operands[4]};
  block.body = {{"max_i8", {runningArg(), operandArg(0)}}};
  block.finish = {};
  return block;
}

// Two tensors of one shape.
inline Block addition(std::vector<int64_t> shape) {
  Block block;
  block.name = "add";
  std::vector<Index> index;
  for (size_t d = 0; d != shape.size(); ++d) {
    block.loops.push_back({"d" + std::to_string(d), shape[d]});
    index.push_back(at(int(d)));
  }
  for (const char *name : {"a", "b", "y"})
    block.operands.push_back(
        {name, isa::Elem::I8, name[0] == 'y', int(block.operands.size()), shape, index, Outside::Never, 0, nullptr});
  block.body = {{"ew_add",
                 {operandArg(0), numberArg(1), numberArg(1000), operandArg(1), numberArg(2), numberArg(2000),
                  numberArg(10), numberArg(3)}}};
  return block;
}

// The block with its weights, operand 1, as the sum of two: a reduction that nothing else knows.
inline Block inTwoParts(Block block) {
  const int part = int(block.loops.size());
  block.loops.push_back({"part", 2, true});
  Operand &w = block.operands[1];
  w.shape.insert(w.shape.begin(), 2);
  w.index.insert(w.index.begin(), at(part));
  w.constant = constantBytes(2 * int64_t(w.constant->size()));
  return block;
}

} // namespace tw::test

#endif // TW_TESTS_UNIT_TENSORIZE_BLOCKS_H
