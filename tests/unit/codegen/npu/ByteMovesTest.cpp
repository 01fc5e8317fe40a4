// SPDX-License-Identifier: Apache-2.0
// Blocks that only move bytes: whichever way is found, spelled out it is what the reference computes, in the lanes
// beside the rows, too, where it says what they hold.
#include "npu/ByteMoves.h"

#include "../Parsed.h"
#include "tw/ir/Constants.h"
#include "tw/ir/Interpreter.h"
#include "tw/isa/ConfigReader.h"

#include <gmock/gmock.h>

#include <random>

using namespace tw;
using namespace tw::codegen;
using testing::HasSubstr;

namespace {

using Shape = std::vector<int64_t>;

std::string typeOf(const Shape &shape) {
  std::string text = "tensor<";
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + "i8>";
}
std::string list(const Shape &numbers) {
  std::string text;
  for (int64_t number : numbers)
    text += (text.empty() ? ": " : ", ") + std::to_string(number);
  return "array<i64" + text + ">";
}
std::string moved(const Shape &from, const Shape &to, const std::string &operation, int operands = 1) {
  const std::string x = typeOf(from), y = typeOf(to);
  return "func.func @main(%x: " + x + ") -> " + y + " {\n  %y = tw." + operation + " : (" + x +
         (operands == 2 ? ", " + x : "") + ") -> " + y + "\n  return %y : " + y + "\n}\n";
}

// A tensor in rows of lanes.
struct InLanes {
  InLanes(const Shape &shape, int64_t lanes, int8_t beside)
      : last(shape.back()), padded(roundUp(last, lanes)), elements(1) {
    for (int64_t extent : shape)
      elements *= extent;
    bytes.assign(size_t(elements / last * padded), uint8_t(beside));
  }
  uint8_t &operator[](int64_t element) { return bytes[size_t(element / last * padded + element % last)]; }
  int64_t last, padded, elements;
  std::vector<uint8_t> bytes;
};

// What the moves make of x, by what tw/tensorize/Moves.h says of each of them.
void spell(const ByteMoves &moves, const InLanes &x, int64_t lanes, InLanes &y) {
  auto put = [&](int64_t to, int64_t lane, const tensorize::RowSource &row, int64_t fromLane) {
    ASSERT_LT(to * lanes + lane, int64_t(y.bytes.size()));
    y.bytes[size_t(to * lanes + lane)] =
        row.tensor < 0 ? uint8_t(row.row) : x.bytes.at(size_t(row.row * lanes + fromLane));
  };
  for (const tensorize::RowBox &box : moves.boxes) {
    auto walk = [&](auto &self, size_t level, int64_t to, int64_t from) -> void {
      if (level == 0) {
        for (int64_t lane = 0; lane != lanes; ++lane)
          put(to, lane, {box.tensor, box.tensor < 0 ? box.from : from}, lane);
        return;
      }
      const tensorize::RowBox::Level &its = box.levels[level - 1];
      for (int64_t i = 0; i != its.extent; ++i)
        self(self, level - 1, to + i * its.to, from + i * its.from);
    };
    walk(walk, box.levels.size(), box.to, box.from);
  }
  if (moves.lanes)
    for (int64_t p = 0; p != moves.lanes->pixels; ++p)
      for (int64_t c = 0; c != int64_t(moves.lanes->channels.size()); ++c) {
        tensorize::RowSource row = moves.lanes->channels[size_t(c)];
        const int64_t fromLane = row.row % lanes;
        if (row.tensor >= 0) {
          const auto &source = moves.lanes->sources[size_t(row.tensor)];
          row = {source.tensor, source.pixels[size_t(p)] + source.rows[size_t(row.row / lanes)]};
        }
        put(p * int64_t(moves.lanes->channels.size()) / lanes + c / lanes, c % lanes, row, fromLane);
      }
  if (moves.turns)
    for (const auto &made : moves.turns->made)
      for (int64_t lane = 0; lane != lanes; ++lane)
        put(made.row, lane, moves.turns->rows[size_t(made.turned / lanes * lanes + lane)], made.turned % lanes);
}

struct Asked {
  explicit Asked(const std::string &text, bool isOnChip = true)
      : parsed(text), config(*isa::loadConfig("tw8")), target(tensorize::makeTwTarget(config)),
        forms(plan, executors, target.lanes) {
    if (parsed.main().front().getOps<mlir::func::CallOp>().empty())
      parsed.fuse();
    random.seed(5);
    if (isOnChip)
      interpret();
    blocks.emplace(*parsed.module);
    EXPECT_EQ(blocks->calls().size(), 1u) << text;
    const BlockCall &call = blocks->calls().front();
    if (isOnChip)
      plan.giveChipForm(plan.table.of(call.call->getOperand(0)), target.lanes).beside = kBeside;
    made = byteMovesOf(call, plan, forms, target);
  }
  void interpret() {
    mlir::func::FuncOp main = parsed.main();
    x = ir::Tensor(ir::ElementType::I8, ir::Shape(ir::shapeOf(main.getArgument(0))));
    for (char &byte : x.bytes)
      byte = char(random());
    auto outputs = ir::Interpreter(*parsed.module).run(main, {x});
    ASSERT_TRUE(bool(outputs)) << llvm::toString(outputs.takeError());
    expected = outputs->front();
  }
  std::string refusal() const {
    auto *why = std::get_if<std::optional<tensorize::Rejection>>(&made);
    return !why ? "it moves" : !*why ? "no reason" : (*why)->text;
  }

  // Compares what is spelled with the reference; which way it was, or empty.
  std::string way() {
    auto *moves = std::get_if<ByteMoves>(&made);
    if (!moves)
      return "";
    const int64_t lanes = target.lanes;
    InLanes from(Shape(x.shape.begin(), x.shape.end()), lanes, kBeside),
        to(Shape(expected.shape.begin(), expected.shape.end()), lanes, 0x55);
    for (int64_t i = 0; i != x.size(); ++i)
      from[i] = uint8_t(x.data<int8_t>()[i]);
    spell(*moves, from, lanes, to);
    for (int64_t i = 0; i != expected.size(); ++i)
      EXPECT_EQ(int8_t(to[i]), expected.data<int8_t>()[i]) << "element " << i;
    if (moves->beside)
      for (int64_t row = 0; row != to.elements / to.last; ++row)
        for (int64_t lane = to.last; lane != to.padded; ++lane)
          EXPECT_EQ(int8_t(to.bytes[size_t(row * to.padded + lane)]), *moves->beside) << "row " << row;
    return moves->turns ? "turns" : moves->lanes ? "lanes" : "boxes";
  }

  static constexpr int8_t kBeside = -77;
  test::Parsed parsed;
  const isa::HwConfig config;
  const tensorize::Target target;
  Plan plan;
  std::vector<std::unique_ptr<Executor>> executors;
  Forms forms;
  std::optional<Blocks> blocks;
  std::mt19937 random;
  ir::Tensor x, expected;
  std::variant<ByteMoves, std::optional<tensorize::Rejection>> made;
};

} // namespace

// Extents around the 8 lanes of the machine, in every dimension.
TEST(ByteMovesTest, EveryWayMovesWhatTheReferenceDoes) {
  std::mt19937 random(23);
  auto extent = [&] { return std::vector<int64_t>{1, 2, 3, 7, 8, 9, 15, 16, 17}[random() % 9]; };
  std::map<std::string, int> ways;
  for (int trial = 0; trial != 150; ++trial) {
    const Shape x{extent(), extent(), extent()};
    Shape y = x;
    std::string text;
    const size_t axis = random() % 3;
    switch (trial % 4) {
    case 0: {
      Shape order{0, 1, 2};
      std::shuffle(order.begin(), order.end(), random);
      for (size_t d = 0; d != 3; ++d)
        y[d] = x[size_t(order[d])];
      text = moved(x, y, "transpose %x {perm = " + list(order) + "}");
      break;
    }
    case 1:
      y[axis] *= 2;
      text = moved(x, y, "concat %x, %x {axis = " + std::to_string(axis) + " : i64}", 2);
      break;
    case 2: {
      Shape starts(3, 0), steps(3, 1);
      steps[axis] = random() % 2 ? -1 : 2;
      starts[axis] = steps[axis] < 0 ? x[axis] - 1 : 0;
      y[axis] = (x[axis] + 1) / 2;
      text = moved(x, y, "slice %x {starts = " + list(starts) + ", steps = " + list(steps) + "}");
      break;
    }
    default: {
      Shape low(3, 0), high(3, 0);
      low[axis] = int64_t(random() % 3);
      high[(axis + 1) % 3] = int64_t(random() % 3);
      for (size_t d = 0; d != 3; ++d)
        y[d] += low[d] + high[d];
      text = moved(x, y, "pad %x {lo = " + list(low) + ", hi = " + list(high) + ", value = -7.0 : f32}");
    }
    }
    SCOPED_TRACE(text);
    test::Parsed parsed(text);
    parsed.fuse();
    if (parsed.main().front().getOps<mlir::func::CallOp>().empty() || x == y)
      continue; // it moves nothing
    ++ways[Asked(text).way()];
  }
  for (const char *way : {"boxes", "lanes", "turns"})
    EXPECT_GT(ways[way], 5) << way;
}

namespace {

// A block of several moves of %x, the last of them %y.
std::string block(const Shape &from, const Shape &to, const std::string &moves) {
  const std::string x = typeOf(from), y = typeOf(to);
  return "func.func private @blk_pad_0(%x: " + x + ") -> " + y + " {\n" + moves + "  return %y : " + y +
         "\n}\nfunc.func @main(%x: " + x + ") -> " + y + " {\n  %y = call @blk_pad_0(%x) : (" + x + ") -> " + y +
         "\n  return %y : " + y + "\n}\n";
}

} // namespace

// Rows of nine are rows of twelve elements: channels come from another lane in each row.
TEST(ByteMovesTest, ChannelsThatChangeTheirLaneFromRowToRowAreNoCopies) {
  Asked its(block({8, 9}, {5, 12},
                  "  %f = tw.reshape %x : (tensor<8x9xi8>) -> tensor<6x12xi8>\n"
                  "  %y = tw.slice %f {starts = array<i64: 1, 0>, steps = array<i64: 1, 1>} : (tensor<6x12xi8>) -> "
                  "tensor<5x12xi8>\n"));
  EXPECT_THAT(its.refusal(), HasSubstr("stand in one lane and come from different ones"));
}

// The same rows twice, with a border of another number each time: all else of a row comes from one.
TEST(ByteMovesTest, AChannelOfTwoNumbersIsNotOne) {
  auto bordered = [](const std::string &to, const std::string &value) {
    return "  %" + to + " = tw.pad %x {lo = array<i64: 0, 1>, hi = array<i64: 0, 0>, value = " + value +
           " : f32} : (tensor<3x8xi8>) -> tensor<3x9xi8>\n";
  };
  for (const char *second : {"3.0", "5.0"}) {
    Asked its(block({3, 8}, {6, 9},
                    bordered("p", "3.0") + bordered("q", second) +
                        "  %y = tw.concat %p, %q {axis = 0 : i64} : (tensor<3x9xi8>, tensor<3x9xi8>) -> "
                        "tensor<6x9xi8>\n"));
    if (second == std::string("3.0"))
      EXPECT_EQ(its.way(), "lanes");
    else
      EXPECT_THAT(its.refusal(), HasSubstr("stand in one lane and come from different ones"));
  }
}

TEST(ByteMovesTest, WhatTheHostMadeStaysThere) {
  EXPECT_EQ(Asked(moved({4, 16}, {16, 4}, "transpose %x {perm = array<i64: 1, 0>}"), false).refusal(),
            "what it reads is made by the host, too");
}

// One element more than the compiler looks up one by one.
TEST(ByteMovesTest, AHugeTensorIsRefusedBeforeItsElementsAreLookedUp) {
  Asked its(
      moved({4096, 4096}, {4097, 4096}, "pad %x {lo = array<i64: 1, 0>, hi = array<i64: 0, 0>, value = 0.0 : f32}"),
      false);
  its.plan.giveChipForm(its.plan.table.of(its.blocks->calls().front().call->getOperand(0)), 8);
  its.made = byteMovesOf(its.blocks->calls().front(), its.plan, its.forms, its.target);
  EXPECT_EQ(its.refusal(), "it moves 16781312 elements, the compiler looks up the places of 16777216 at most");
}

TEST(ByteMovesTest, ABlockThatComputesGetsNoReasonFromHere) {
  EXPECT_EQ(Asked("func.func @main(%x: tensor<4x16xi8>) -> tensor<4x16xi8> {\n"
                  "  %t = tw.constant dense<3> : tensor<256xi8>\n"
                  "  %y = tw.qlut %x, %t : (tensor<4x16xi8>, tensor<256xi8>) -> tensor<4x16xi8>\n"
                  "  return %y : tensor<4x16xi8>\n}\n")
                .refusal(),
            "no reason");
}
