// SPDX-License-Identifier: Apache-2.0
// Retargeting: an instruction set of three instructions (GEMM, LD, ST; 16-byte lines, 4 lanes, 128 bytes of buffer)
// that shares nothing with tw but the record types compiles and runs a matrix product through the same matcher and
// scheduler.
#include "Blocks.h"
#include "Records.h"
#include "tw/tensorize/Realise.h"
#include "tw/tensorize/Schedule.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

constexpr int kLanes = 4, kLineBytes = 16, kBufferBytes = 128;
enum ToySpace : uint8_t { kDram, kBuffer };
enum ToyPrimitive : uint8_t { kCopy, kMul, kAdd };
constexpr isa::Opcode opcode(uint8_t value) { return isa::Opcode(value); }

constexpr isa::Field field(std::string_view name, uint16_t lsb, uint8_t width, isa::FieldKind kind, int64_t min = 0) {
  return {name, {lsb, width, false}, kind, false, min, (int64_t(1) << width) - 1, ""};
}

// gemm: y[m][lane] = sum over kb, ic of x[m][kb][ic] * w[kb][ic][lane], modulo 256
constexpr std::array<isa::Field, 7> kGemmFields{
    {field("x", 8, 8, isa::FieldKind::Spm), field("x_ms", 16, 8, isa::FieldKind::Stride),
     field("w", 24, 8, isa::FieldKind::Spm), field("y", 32, 8, isa::FieldKind::Spm),
     field("y_ms", 40, 8, isa::FieldKind::Stride), field("m_n", 48, 4, isa::FieldKind::Extent, 1),
     field("k_n", 52, 4, isa::FieldKind::Extent, 1)}};
constexpr std::array<isa::Loop, 4> kGemmLoops{
    {{"m", byField(5), false}, {"kb", byField(6), true}, {"ic", kByLanes, true}, {"lane", kByLanes, false}}};
constexpr std::array<isa::Term, 1> kTermM{{{0, kOne}}}, kTermK{{{1, kOne}}};
constexpr std::array<isa::Dim, 2> kXDims{{{kTermM, byField(1), -1, -1}, {kTermK, kByLanes, -1, -1}}};
constexpr std::array<isa::Dim, 1> kYDims{{{kTermM, byField(4), -1, -1}}};
constexpr std::array<uint8_t, 2> kWPacked{{1, 2}};
constexpr std::array<isa::Access, 3> kGemmAccesses{{strided("x", kBuffer, isa::Dir::Read, 2, 0, kXDims),
                                                    packed("w", kBuffer, isa::Elem::I8, isa::Dir::Read, 3, 2, kWPacked),
                                                    strided("y", kBuffer, isa::Dir::Write, 3, 3, kYDims)}};
constexpr std::array<isa::Arg, 2> kMulArgs{{{isa::Arg::Access, 0}, {isa::Arg::Access, 1}}},
    kAddArgs{{{isa::Arg::Slot, 1}, {isa::Arg::Slot, 0}}};
constexpr std::array<isa::Node, 2> kGemmBody{
    {{"prod", 0, -1, isa::Primitive(kMul), kMulArgs}, {"y", 1, 2, isa::Primitive(kAdd), kAddArgs}}};
constexpr isa::Semantics kGemmSemantics{kGemmLoops, kGemmAccesses, kGemmBody, {}, isa::Init::Zero, 2};

// ld, st: n1 runs of n0 rows
constexpr std::array<isa::Field, 6> kMoveFields{
    {field("dram", 8, 16, isa::FieldKind::Offset), field("buffer", 24, 8, isa::FieldKind::Spm),
     field("n0", 32, 8, isa::FieldKind::Extent, 1), field("n1", 40, 8, isa::FieldKind::Extent, 1),
     field("ds1", 48, 16, isa::FieldKind::Stride), field("bs1", 64, 8, isa::FieldKind::Stride)}};
constexpr std::array<isa::Loop, 3> kMoveLoops{
    {{"i1", byField(3), false}, {"i0", byField(2), false}, {"lane", kByLanes, false}}};
constexpr std::array<isa::Term, 1> kTerm1{{{0, kOne}}}, kTerm0{{{1, kOne}}};
constexpr std::array<isa::Dim, 2> kDramDims{{{kTerm1, byField(4), -1, -1}, {kTerm0, kByLanes, -1, -1}}},
    kBufferDims{{{kTerm1, byField(5), -1, -1}, {kTerm0, kByLanes, -1, -1}}};
constexpr std::array<isa::Access, 2> kLoadEnds{{strided("dram", kDram, isa::Dir::Read, 2, 0, kDramDims),
                                                strided("buffer", kBuffer, isa::Dir::Write, 2, 1, kBufferDims)}};
constexpr std::array<isa::Access, 2> kStoreEnds{{strided("buffer", kBuffer, isa::Dir::Read, 2, 1, kBufferDims),
                                                 strided("dram", kDram, isa::Dir::Write, 2, 0, kDramDims)}};
constexpr std::array<isa::Arg, 1> kCopyArgs{{{isa::Arg::Access, 0}}};
constexpr std::array<isa::Node, 1> kCopyBody{{{"to", 0, 1, isa::Primitive(kCopy), kCopyArgs}}};
constexpr isa::Semantics kLoadSemantics{kMoveLoops, kLoadEnds, kCopyBody, {}, isa::Init::None, 1},
    kStoreSemantics{kMoveLoops, kStoreEnds, kCopyBody, {}, isa::Init::None, 1};

constexpr std::array<isa::Instruction, 3> kToy{
    {{opcode(1), "toy.gemm", "", isa::Engine(0), false, false, kGemmFields, &kGemmSemantics, {}, {}},
     {opcode(2), "toy.ld", "", isa::Engine(0), false, false, kMoveFields, &kLoadSemantics, {}, {}},
     {opcode(3), "toy.st", "", isa::Engine(0), false, false, kMoveFields, &kStoreSemantics, {}, {}}}};
constexpr std::array<isa::PrimitiveInfo, 3> kToyPrimitives{{{"copy8", 1}, {"mul8", 2}, {"add8", 2}}};

Target toy() {
  Target target;
  target.name = "toy";
  target.lanes = kLanes;
  target.memories = {{"DRAM", 0, 1, true}, {"BUFFER", kBufferBytes, 1, false}};
  target.instructions = kToy;
  target.primitives = kToyPrimitives;
  target.cycles = [](const Instruction &) { return 1; };
  return target;
}

using Line = std::array<uint8_t, kLineBytes>;

void put(Line &line, isa::FieldRef at, int64_t value) {
  for (int bit = 0; bit != at.width; ++bit)
    if (value >> bit & 1)
      line[(at.lsb + bit) / 8] |= uint8_t(1 << (at.lsb + bit) % 8);
}
int64_t take(const Line &line, isa::FieldRef at) {
  int64_t value = 0;
  for (int bit = 0; bit != at.width; ++bit)
    value |= int64_t(line[(at.lsb + bit) / 8] >> (at.lsb + bit) % 8 & 1) << bit;
  return value;
}

// Runs lines by their fields; written from the comments above, not from the records.
struct Machine {
  std::vector<uint8_t> dram = std::vector<uint8_t>(4096), buffer = std::vector<uint8_t>(kBufferBytes, 0xEE);

  void run(const Line &line) {
    auto get = [&](const auto &fields, size_t i) { return take(line, fields[i].ref); };
    if (line[0] == 1) {
      auto f = [&](size_t i) { return get(kGemmFields, i); };
      for (int64_t m = 0; m != f(5); ++m)
        for (int lane = 0; lane != kLanes; ++lane) {
          uint8_t sum = 0;
          for (int64_t k = 0; k != f(6) * kLanes; ++k)
            sum = uint8_t(sum + buffer.at(f(0) + m * f(1) + k) * buffer.at(f(2) + k * kLanes + lane));
          buffer.at(f(3) + m * f(4) + lane) = sum;
        }
      return;
    }
    auto f = [&](size_t i) { return get(kMoveFields, i); };
    for (int64_t i1 = 0; i1 != f(3); ++i1)
      for (int64_t byte = 0; byte != f(2) * kLanes; ++byte) {
        uint8_t &inDram = dram.at(f(0) + i1 * f(4) + byte), &inBuffer = buffer.at(f(1) + i1 * f(5) + byte);
        (line[0] == 2 ? inBuffer : inDram) = line[0] == 2 ? inDram : inBuffer;
      }
  }
};

} // namespace

TEST(ToyTest, AnInstructionSetOfThreeCompilesAndRunsAMatrixProduct) {
  const Target target = toy();
  const std::vector<Chain> chains = chainsOf(target);
  ASSERT_EQ(chains.size(), 1u);
  const int64_t m = 11, k = 10, n = 7;
  Block block = gemm(m, k, n);
  block.operands = {block.operands[0], block.operands[1], block.operands[4]};
  block.body = {{"mul8", {operandArg(0), operandArg(1)}}, {"add8", {runningArg(), slotArg(0)}}};
  block.finish.clear();

  std::vector<Rejection> rejections;
  Task task{"gemm", 0, matchChain(block, chains[0], target, rejections)};
  ASSERT_FALSE(task.mappings.empty()) << (rejections.empty() ? "" : rejections[0].str());
  EXPECT_EQ(proveMapping(task.mappings[0], target), "");
  const int64_t xBytes = m * 12, yBytes = m * 8;
  Segment segment{{{"x", xBytes, true, false, nullptr}, {"y", yBytes, false, true, nullptr}}, {task}};
  auto chosen = chooseSchedules(segment, target);
  ASSERT_TRUE(std::holds_alternative<std::vector<Schedule>>(chosen))
      << std::get<ScheduleFailure>(chosen).rejection.diag().str();
  const Schedule &schedule = std::get<std::vector<Schedule>>(chosen).front();
  auto placed = placeSchedule(segment, target, schedule);
  ASSERT_TRUE(std::holds_alternative<MemoryMap>(placed)) << std::get<ScheduleFailure>(placed).rejection.diag().str();
  auto result = emitSchedule(segment, target, schedule, std::get<MemoryMap>(placed));
  ASSERT_TRUE(std::holds_alternative<LoweredSegment>(result))
      << std::get<ScheduleFailure>(result).rejection.diag().str();
  LoweredSegment &lowered = std::get<LoweredSegment>(result);

  Machine machine;
  const int64_t yAt = xBytes, constantsAt = xBytes + yBytes;
  std::mt19937 random(7);
  std::vector<uint8_t> x(m * k);
  for (int64_t i = 0; i != m * k; ++i)
    machine.dram[i / k * 12 + i % k] = x[i] = uint8_t(random());
  std::copy(lowered.constants.begin(), lowered.constants.end(), machine.dram.begin() + constantsAt);
  for (ScheduledInstruction &scheduled : lowered.instructions) {
    const Relocation &r = scheduled.relocation;
    if (r.kind != Relocation::None)
      scheduled.instruction.values[r.field] += r.kind == Relocation::Constant ? constantsAt : r.tensor == 1 ? yAt : 0;
    Line line{};
    line[0] = uint8_t(scheduled.instruction.row->opcode);
    for (size_t f = 0; f != scheduled.instruction.values.size(); ++f)
      put(line, scheduled.instruction.row->fields[f].ref, scheduled.instruction.values[f]);
    machine.run(line);
  }
  const std::vector<uint8_t> &w = *block.operands[1].constant;
  for (int64_t i = 0; i != m; ++i)
    for (int64_t j = 0; j != n; ++j) {
      uint8_t expected = 0;
      for (int64_t step = 0; step != k; ++step)
        expected = uint8_t(expected + x[i * k + step] * w[j * k + step]);
      EXPECT_EQ(machine.dram[yAt + i * 8 + j], expected) << i << ", " << j;
    }
}
