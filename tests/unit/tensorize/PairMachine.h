// SPDX-License-Identifier: Apache-2.0
// A machine of five instructions that meet in a memory, small enough to say by hand what each field must be: a sum of
// products over a window of rows, a drain of the sums, two copies and a filling copy. 4 lanes.
// Called by tests in this folder. Shares nothing with tw but the record types and the names of primitives.
#ifndef TW_TESTS_UNIT_TENSORIZE_PAIRMACHINE_H
#define TW_TESTS_UNIT_TENSORIZE_PAIRMACHINE_H

#include "Blocks.h"
#include "Records.h"
#include "tw/tensorize/Realise.h"
#include "tw/tensorize/Target.h"

#include <gtest/gtest.h>

#include <array>

namespace tw::test::pair {

inline constexpr int kLanes = 4;
enum Space : uint8_t { kOuter, kBuffer, kSums, kParams };
enum Primitive : uint8_t { kCopy, kMul, kAdd, kRequantise, kClamp };
enum MacField : uint8_t { kX, kXRows, kStep, kXRowsHeld, kPad, kPadValue, kW, kMacAcc, kMacM, kTaps, kK, kAccumulate };
enum DrainField : uint8_t { kDrainAcc, kRecord, kY, kYRows, kDrainM, kLow, kHigh };

constexpr isa::Field field(std::string_view name, isa::FieldKind kind, int64_t min, int64_t max) {
  return {name, {0, 16, min < 0}, kind, false, min, max, ""};
}
// mac: acc[m][lane] (+)= sum over tap, kb, ic of x[m*step + tap - pad][kb][ic] * w[tap][kb][ic][lane], rows of x
// outside 0..x_h-1 are pad_value
inline constexpr std::array<isa::Field, 12> kMacFields{
    {field("x", isa::FieldKind::Spm, 0, 1023), field("x_rs", isa::FieldKind::Stride, 0, 63),
     field("step", isa::FieldKind::Stride, 1, 3), field("x_h", isa::FieldKind::Extent, 1, 31),
     field("pad", isa::FieldKind::Sint, -3, 3), field("pad_value", isa::FieldKind::Sint, -128, 127),
     field("w", isa::FieldKind::Spm, 0, 1023), field("acc", isa::FieldKind::Acc, 0, 15),
     field("m_n", isa::FieldKind::Extent, 1, 8), field("t_n", isa::FieldKind::Extent, 1, 7),
     field("k_n", isa::FieldKind::Extent, 1, 8), field("accumulate", isa::FieldKind::Flag, 0, 1)}};
inline constexpr std::array<isa::Loop, 5> kMacLoops{{{"m", byField(kMacM), false},
                                                     {"tap", byField(kTaps), true},
                                                     {"kb", byField(kK), true},
                                                     {"ic", kByLanes, true},
                                                     {"lane", kByLanes, false}}};
inline constexpr std::array<isa::Term, 2> kWindow{{{0, byField(kStep)}, {1, kOne}}};
inline constexpr std::array<isa::Term, 1> kTermK{{{2, kOne}}}, kTermFirst{{{0, kOne}}}, kTermSecond{{{1, kOne}}};
inline constexpr std::array<isa::Dim, 2> kXDims{
    {{kWindow, byField(kXRows), kXRowsHeld, kPad}, {kTermK, kByLanes, -1, -1}}};
inline constexpr std::array<uint8_t, 3> kWPacked{{1, 2, 3}};
inline constexpr std::array<uint8_t, 1> kFirstLoop{{0}};
inline constexpr std::array<isa::Access, 3> kMacAccesses{
    {strided("x", kBuffer, isa::Dir::Read, 3, kX, kXDims, -1, kPadValue),
     packed("w", kBuffer, isa::Elem::I8, isa::Dir::Read, 4, kW, kWPacked),
     packed("acc", kSums, isa::Elem::I32, isa::Dir::Update, 4, kMacAcc, kFirstLoop)}};
inline constexpr std::array<isa::Arg, 2> kMulArgs{{{isa::Arg::Access, 0}, {isa::Arg::Access, 1}}},
    kAddArgs{{{isa::Arg::Access, 2}, {isa::Arg::Slot, 0}}};
inline constexpr std::array<isa::Node, 2> kMacBody{
    {{"prod", 0, -1, isa::Primitive(kMul), kMulArgs}, {"acc", 1, 2, isa::Primitive(kAdd), kAddArgs}}};
inline constexpr isa::Semantics kMacSemantics{kMacLoops, kMacAccesses, kMacBody, {}, isa::Init::Acc, 2};

// drain: y[m][lane] = clamp(requantise(acc[m][lane], bias[lane], multiplier[lane], zero), lo, hi); a record is a row of
// words, whose first byte is the zero point, a row of biases and a row of multipliers
inline constexpr std::array<isa::Field, 7> kDrainFields{
    {field("acc", isa::FieldKind::Acc, 0, 15), field("record", isa::FieldKind::Param, 0, 7),
     field("y", isa::FieldKind::Spm, 0, 1023), field("y_rs", isa::FieldKind::Stride, 0, 63),
     field("m_n", isa::FieldKind::Extent, 1, 8), field("lo", isa::FieldKind::Sint, -128, 127),
     field("hi", isa::FieldKind::Sint, -128, 127)}};
inline constexpr std::array<isa::Loop, 2> kDrainLoops{{{"m", byField(kDrainM), false}, {"lane", kByLanes, false}}};
inline constexpr std::array<isa::Dim, 1> kYDims{{{kTermFirst, byField(kYRows), -1, -1}}};
inline constexpr std::array<isa::Access, 5> kDrainAccesses{
    {packed("acc", kSums, isa::Elem::I32, isa::Dir::Read, 1, kDrainAcc, kFirstLoop),
     packed("head", kParams, isa::Elem::I32, isa::Dir::Read, -1, kRecord, {}),
     packed("bias", kParams, isa::Elem::I32, isa::Dir::Read, 1, kRecord, {}, 1),
     packed("multiplier", kParams, isa::Elem::F32, isa::Dir::Read, 1, kRecord, {}, 2),
     strided("y", kBuffer, isa::Dir::Write, 1, kY, kYDims)}};
inline constexpr std::array<isa::Arg, 4> kRequantiseArgs{
    {{isa::Arg::Access, 0}, {isa::Arg::Access, 2}, {isa::Arg::Access, 3}, {isa::Arg::Word, 0}}};
inline constexpr std::array<isa::Arg, 3> kClampArgs{
    {{isa::Arg::Slot, 0}, {isa::Arg::Field, kLow}, {isa::Arg::Field, kHigh}}};
inline constexpr std::array<isa::Node, 2> kDrainBody{
    {{"q", 0, -1, isa::Primitive(kRequantise), kRequantiseArgs}, {"y", 1, 4, isa::Primitive(kClamp), kClampArgs}}};
inline constexpr isa::Semantics kDrainSemantics{kDrainLoops, kDrainAccesses, kDrainBody, {}, isa::Init::None, 2};

// ld, st: n1 runs of n0 rows; ldfill: the same, but rows behind `held` are filled
enum MoveField : uint8_t { kRegion, kOuterAt, kBufferAt, kN0, kN1, kOuterStride, kBufferStride, kHeld };
inline constexpr std::array<isa::Field, 8> kMoveFields{
    {field("region", isa::FieldKind::Region, 0, 7), field("outer", isa::FieldKind::Offset, 0, 65535),
     field("buffer", isa::FieldKind::Spm, 0, 1023), field("n0", isa::FieldKind::Extent, 1, 16),
     field("n1", isa::FieldKind::Extent, 1, 5), field("os1", isa::FieldKind::Stride, 0, 65535),
     field("bs1", isa::FieldKind::Stride, 0, 1023), field("held", isa::FieldKind::Extent, 0, 16)}};
inline constexpr std::array<isa::Loop, 3> kMoveLoops{
    {{"i1", byField(kN1), false}, {"i0", byField(kN0), false}, {"lane", kByLanes, false}}};
inline constexpr std::array<isa::Dim, 2> kOuterDims{
    {{kTermFirst, byField(kOuterStride), -1, -1}, {kTermSecond, kByLanes, -1, -1}}},
    kBufferDims{{{kTermFirst, byField(kBufferStride), -1, -1}, {kTermSecond, kByLanes, -1, -1}}},
    kFillDims{{{kTermFirst, byField(kOuterStride), -1, -1}, {kTermSecond, kByLanes, kHeld, -1}}};
inline constexpr std::array<isa::Access, 2> kLoadEnds{
    {strided("outer", kOuter, isa::Dir::Read, 2, kOuterAt, kOuterDims, kRegion),
     strided("buffer", kBuffer, isa::Dir::Write, 2, kBufferAt, kBufferDims)}},
    kFillEnds{{strided("outer", kOuter, isa::Dir::Read, 2, kOuterAt, kFillDims, kRegion),
               strided("buffer", kBuffer, isa::Dir::Write, 2, kBufferAt, kBufferDims)}},
    kStoreEnds{{strided("buffer", kBuffer, isa::Dir::Read, 2, kBufferAt, kBufferDims),
                strided("outer", kOuter, isa::Dir::Write, 2, kOuterAt, kOuterDims, kRegion)}};
inline constexpr std::array<isa::Arg, 1> kCopyArgs{{{isa::Arg::Access, 0}}};
inline constexpr std::array<isa::Node, 1> kCopyBody{{{"to", 0, 1, isa::Primitive(kCopy), kCopyArgs}}};
inline constexpr isa::Semantics kLoadSemantics{kMoveLoops, kLoadEnds, kCopyBody, {}, isa::Init::None, 1},
    kFillSemantics{kMoveLoops, kFillEnds, kCopyBody, {}, isa::Init::None, 1},
    kStoreSemantics{kMoveLoops, kStoreEnds, kCopyBody, {}, isa::Init::None, 1};

inline constexpr std::array<isa::Instruction, 5> kInstructions{
    {{isa::Opcode(1), "mac", "", isa::Engine(0), false, false, kMacFields, &kMacSemantics, {}, {}},
     {isa::Opcode(2), "drain", "", isa::Engine(0), false, false, kDrainFields, &kDrainSemantics, {}, {}},
     {isa::Opcode(3), "ld", "", isa::Engine(0), false, false, kMoveFields, &kLoadSemantics, {}, {}},
     {isa::Opcode(4), "ldfill", "", isa::Engine(0), false, false, kMoveFields, &kFillSemantics, {}, {}},
     {isa::Opcode(5), "st", "", isa::Engine(0), false, false, kMoveFields, &kStoreSemantics, {}, {}}}};
inline constexpr std::array<isa::Opcode, 2> kBoth{{isa::Opcode(1), isa::Opcode(2)}};
inline constexpr std::array<isa::Intrinsic, 1> kIntrinsics{{{"mac+drain", kBoth}}};
inline constexpr std::array<isa::PrimitiveInfo, 5> kPrimitives{
    {{"copy8", 1}, {"mul_i8", 2}, {"add_wrap32", 2}, {"requant_fp32", 4}, {"clamp_i8", 3}}};
inline constexpr std::array<isa::ParamWord, 1> kWords{{{"zero", 0, 0, 8, true}}};

inline tensorize::Target target() {
  tensorize::Target target;
  target.name = "pair";
  target.lanes = kLanes;
  target.memories = {
      {"OUTER", 0, 1, true}, {"BUFFER", 1024, 1, false}, {"SUMS", 16, 16, false, 1, 2}, {"PARAMS", 8, 16}};
  target.instructions = kInstructions;
  target.intrinsics = kIntrinsics;
  target.primitives = kPrimitives;
  target.words = kWords;
  target.cycles = [](const tensorize::Instruction &) { return 10; };
  target.externalBytesPerCycle = 4;
  return target;
}

inline const tensorize::Target &machine() {
  static const tensorize::Target target = pair::target();
  return target;
}

/// Of mac, drained.
inline const tensorize::Chain &chain() {
  static const tensorize::Chain chain = chainsOf(machine()).front();
  return chain;
}

/// How the block runs on it, and why not otherwise.
inline std::vector<tensorize::Mapping> match(const Block &block, std::vector<tensorize::Rejection> *why = nullptr) {
  std::vector<tensorize::Rejection> rejections;
  std::vector<tensorize::Mapping> mappings = matchChain(block, chain(), machine(), rejections);
  if (why)
    *why = std::move(rejections);
  return mappings;
}

/// Of a block that does, the first.
inline tensorize::Mapping mappingOf(const Block &block) {
  std::vector<tensorize::Rejection> why;
  std::vector<tensorize::Mapping> mappings = match(block, &why);
  EXPECT_FALSE(mappings.empty()) << (why.empty() ? "" : why.back().str());
  return mappings.front();
}

// y[m][oc] = sum over tap, c of x[stride*m + tap - pad][c] * w[oc][tap][c]; loops m oc tap c; operands x w bias
// multiplier y. Rows of x outside hold 3.
inline Block window(int64_t rows, int64_t channels, int64_t outputs, int64_t taps, int64_t stride, int64_t pad) {
  const int64_t m = (rows + 2 * pad - taps) / stride + 1;
  Block block;
  block.name = "window";
  block.loops = {{"m", m}, {"oc", outputs}, {"tap", taps, true}, {"c", channels, true}};
  block.operands = {
      {"x",
       isa::Elem::I8,
       false,
       0,
       {rows, channels},
       {Index{{{0, stride}, {2, 1}}, -pad}, at(3)},
       pad ? Outside::Value : Outside::Never,
       3,
       nullptr},
      {"w",
       isa::Elem::I8,
       false,
       -1,
       {outputs, taps, channels},
       {at(1), at(2), at(3)},
       Outside::Never,
       0,
       constantBytes(outputs * taps * channels)},
      {"bias", isa::Elem::I32, false, -1, {outputs}, {at(1)}, Outside::Never, 0, constantBytes(4 * outputs)},
      {"multiplier", isa::Elem::F32, false, -1, {outputs}, {at(1)}, Outside::Never, 0, constantBytes(4 * outputs)},
      {"y", isa::Elem::I8, true, 1, {m, outputs}, {at(0), at(1)}, Outside::Never, 0, nullptr}};
  block.body = {{"mul_i8", {operandArg(0), operandArg(1)}}, {"add_wrap32", {runningArg(), slotArg(0)}}};
  block.finish = {{"requant_fp32", {slotArg(1), operandArg(2), operandArg(3), numberArg(-4)}},
                  {"clamp_i8", {slotArg(2), numberArg(-4), numberArg(100)}}};
  return block;
}

} // namespace tw::test::pair

#endif // TW_TESTS_UNIT_TENSORIZE_PAIRMACHINE_H
