// SPDX-License-Identifier: Apache-2.0
// Arithmetic as it is written against what comes of it, on numbers that are added up by hand.
#include "linalg/Nest.h"

#include "Blocks.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

template <typename T> Bytes bytesOf(std::vector<T> values) {
  auto bytes = std::make_shared<std::vector<uint8_t>>(values.size() * sizeof(T));
  std::memcpy(bytes->data(), values.data(), bytes->size());
  return bytes;
}
template <typename T> std::vector<T> valuesOf(const Operand &operand) {
  std::vector<T> values(operand.constant->size() / sizeof(T));
  std::memcpy(values.data(), operand.constant->data(), operand.constant->size());
  return values;
}

struct Writer {
  Nest nest;
  int operand(Operand operand) {
    const int bits = operand.elem == isa::Elem::I8 ? 8 : 32;
    nest.operands.push_back(std::move(operand));
    return nest.add({Scalar::Operand, bits, int(nest.operands.size()) - 1});
  }
  int input(std::vector<int64_t> shape, std::vector<Index> index) {
    return operand({"x", isa::Elem::I8, false, 0, std::move(shape), std::move(index)});
  }
  template <typename T>
  int constant(std::string name, isa::Elem elem, std::vector<T> values, std::vector<int64_t> shape,
               std::vector<Index> index) {
    return operand({std::move(name), elem, false, -1, std::move(shape), std::move(index), Outside::Never, 0,
                    bytesOf(std::move(values))});
  }
  int op(Scalar::Kind kind, int bits, std::vector<int> args) { return nest.add({kind, bits, -1, 0, std::move(args)}); }
  int number(int64_t value) { return nest.number(value); }

  // Over the reduction: the sum of a term.
  int sumOf(int term) {
    nest.update = op(Scalar::Add, 32, {nest.add({Scalar::Running, 32}), term});
    return nest.add({Scalar::Reduced, 32});
  }
  // y[n], the result.
  std::variant<Block, Rejection> run(int result) {
    nest.result = result;
    nest.operands.push_back({"y", isa::Elem::I8, true, 1, {nest.loops[0].extent}, {at(0)}});
    return normalise(nest);
  }
};

const Block &made(const std::variant<Block, Rejection> &result) {
  static const Block none;
  if (auto *rejection = std::get_if<Rejection>(&result)) {
    ADD_FAILURE() << rejection->diag().str();
    return none;
  }
  return std::get<Block>(result);
}
std::string refused(const std::variant<Block, Rejection> &result) {
  auto *rejection = std::get_if<Rejection>(&result);
  return rejection ? rejection->diag().str() : "";
}

// y[n] = requantise(sum over k of (x[k] - zx) * (w[n][k] - zw) + bias[n]); n and k have two steps.
struct Product : Writer {
  Product(int64_t zeroOfX, std::vector<int8_t> weights) {
    nest.loops = {{"n", 2}, {"k", 2, true}};
    x = op(Scalar::Sub, 32, {input({2}, {at(1)}), number(zeroOfX)});
    w = constant<int8_t>("w", isa::Elem::I8, std::move(weights), {2, 2}, {at(0), at(1)});
  }
  std::variant<Block, Rejection> finish() {
    const int sum = sumOf(op(Scalar::Mul, 32, {x, w}));
    const int bias = constant<int32_t>("bias", isa::Elem::I32, {10, 20}, {2}, {at(0)});
    const int multiplier = constant<float>("multiplier", isa::Elem::F32, {0.5f, 0.25f}, {2}, {at(0)});
    return run(op(Scalar::Requantize, 8, {op(Scalar::Add, 32, {sum, bias}), multiplier, number(-3)}));
  }
  int x, w;
};

const Operand &operandOf(const Block &block, const std::string &name) {
  for (const Operand &operand : block.operands)
    if (operand.name == name)
      return operand;
  static const Operand none;
  ADD_FAILURE() << "no operand " << name << " in\n" << str(block);
  return none;
}

} // namespace

// sum((x - 3) * w) = sum(x * w) - 3 * sum(w): of (1, 2) and (3, -4) that is -9 and +3 beside biases of 10 and 20.
TEST(NormaliseTest, AZeroPointOfTheInputIsPartOfTheBias) {
  const auto result = Product(3, {1, 2, 3, -4}).finish();
  const Block &block = made(result);
  EXPECT_EQ(str(block), "for n=2, over k=2\n"
                        "  x: i8[2] at (k)\n"
                        "  w: i8[2x2] at (n, k), constant 1 2 3 -4\n"
                        "  multiplier: f32[2] at (n), constant\n"
                        "  bias: i32[2] at (n), constant 1 23\n"
                        "  y: i8[2] at (n), written\n"
                        "  each: %0 = mul_i8(x, w)\n"
                        "  each: %1 = add_wrap32(running, %0)\n"
                        "  then: %2 = requant_fp32(%1, bias, multiplier, -3)\n");
}

// A step of the reduction by which no weight is indexed adds the same products again.
TEST(NormaliseTest, ALoopThatTheWeightsDoNotKnowCountsInTheCorrection) {
  Product product(3, {1, 2, 3, -4});
  product.nest.loops.push_back({"again", 5, true});
  const auto result = product.finish();
  EXPECT_EQ(valuesOf<int32_t>(operandOf(made(result), "bias")), (std::vector<int32_t>{10 - 5 * 9, 20 + 5 * 3}));
}

TEST(NormaliseTest, WeightsLessTheirZeroPointAreWeights) {
  Product product(0, {1, 2, 3, -4});
  product.w = product.op(Scalar::Sub, 32, {product.w, product.number(2)});
  EXPECT_EQ(valuesOf<int8_t>(operandOf(made(product.finish()), "w")), (std::vector<int8_t>{-1, 0, 1, -6}));
  Product each(0, {1, 2, 3, -4});
  each.w = each.op(Scalar::Sub, 32, {each.w, each.constant<int8_t>("zw", isa::Elem::I8, {1, 10}, {2}, {at(0)})});
  EXPECT_EQ(valuesOf<int8_t>(operandOf(made(each.finish()), "w")), (std::vector<int8_t>{0, 1, -7, -14}));
}

// 100 - 50 and -100 - 50: the second is -128 and -22.
TEST(NormaliseTest, AWeightThatIsNoInt8ThenIsASumOfTwo) {
  Product product(1, {100, -100, 1, 2});
  product.w = product.op(Scalar::Sub, 32, {product.w, product.number(50)});
  const auto result = product.finish();
  const Block &block = made(result);
  ASSERT_EQ(block.loops.size(), 3u);
  EXPECT_EQ(block.loops[2].name, "part");
  EXPECT_EQ(block.loops[2].extent, 2);
  EXPECT_TRUE(block.loops[2].isReduction);
  const Operand &w = operandOf(block, "w");
  EXPECT_EQ(w.index, (std::vector<Index>{at(2), at(0), at(1)}));
  EXPECT_EQ(valuesOf<int8_t>(w), (std::vector<int8_t>{50, -128, -49, -48, 0, -22, 0, 0}));
  // Both parts are in the sums: 50 - 150 and -49 - 48.
  EXPECT_EQ(valuesOf<int32_t>(operandOf(block, "bias")), (std::vector<int32_t>{10 + 100, 20 + 97}));
}

TEST(NormaliseTest, AWeightThatIsNoSumOfTwoIsRefused) {
  Product product(0, {127, 0, 0, 0});
  product.w = product.op(Scalar::Sub, 32, {product.w, product.number(-128)});
  EXPECT_EQ(refused(product.finish()), "dtype: a weight less its zero point is 255, which is no sum of two int8: "
                                       "quantise the weights as int8");
}

TEST(NormaliseTest, WhereBothFactorsAreComputedBothKeepTheirZeroPoints) {
  Writer writer;
  writer.nest.loops = {{"n", 2}, {"k", 2, true}};
  const int a = writer.input({2}, {at(1)}), b = writer.input({2, 2}, {at(0), at(1)});
  const int sum = writer.sumOf(writer.op(Scalar::Mul, 32, {writer.op(Scalar::Sub, 32, {a, writer.number(3)}), b}));
  const int multiplier = writer.constant<float>("multiplier", isa::Elem::F32, {0.5f}, {}, {});
  const auto result = writer.run(writer.op(Scalar::Requantize, 8, {sum, multiplier, writer.number(0)}));
  const Block &block = made(result);
  EXPECT_EQ(block.body[0].primitive, "mul_zp");
  EXPECT_EQ(block.body[0].args[1].value, 3);
  EXPECT_EQ(block.body[0].args[3].value, 0);
}

TEST(NormaliseTest, PaddingThatChangesNoMaximumIsSkippedAndOtherPaddingIsRefused) {
  auto largest = [](int32_t padding) {
    Writer writer;
    writer.nest.loops = {{"n", 2}, {"k", 3, true}};
    const int x = writer.input({2}, {Index{{{0, 1}, {1, 1}}, -1}});
    writer.nest.operands[0].outside = Outside::Value;
    writer.nest.operands[0].outsideValue = padding;
    writer.nest.start = -128;
    writer.nest.update = writer.op(Scalar::Max, 8, {writer.nest.add({Scalar::Running, 8}), x});
    return writer.run(writer.nest.add({Scalar::Reduced, 8}));
  };
  const auto result = largest(-128);
  EXPECT_EQ(made(result).operands[0].outside, Outside::Skip);
  EXPECT_EQ(made(result).body[0].primitive, "max_i8");
  EXPECT_EQ(refused(largest(0)), "body: its padding holds 0, which changes the result");
}

// Windows of two over x[-1..2], of which the first has one element: each count has a multiplier.
TEST(NormaliseTest, AnAverageHasAMultiplierForEachNumberOfElements) {
  auto average = [](std::vector<int32_t> multipliers, int64_t begin) {
    Writer writer;
    writer.nest.loops = {{"n", 2}, {"k", 2, true}};
    const int x = writer.input({3}, {Index{{{0, 2}, {1, 1}}, begin}});
    writer.nest.operands[0].outside = Outside::Value;
    writer.nest.operands[0].outsideValue = 5;
    const int sum = writer.sumOf(writer.op(Scalar::Sub, 32, {x, writer.number(5)}));
    const int multiplier = writer.constant<int32_t>("m", isa::Elem::I32, std::move(multipliers), {2}, {at(0)});
    const int scaled = writer.op(Scalar::Mul, 64, {sum, multiplier});
    return writer.run(writer.op(Scalar::Rescale, 8, {scaled, writer.number(10), writer.number(-1)}));
  };
  const auto result = average({1000, 2000}, -1);
  const Block &block = made(result);
  EXPECT_EQ(valuesOf<int32_t>(operandOf(block, "multipliers")), (std::vector<int32_t>{1000, 2000}));
  EXPECT_EQ(operandOf(block, "x").outside, Outside::Skip);
  EXPECT_EQ(block.body[0].primitive, "add_i8");
  ASSERT_EQ(block.finish.size(), 1u);
  EXPECT_EQ(block.finish[0].primitive, "pool_avg");
  EXPECT_EQ(block.finish[0].args[1].kind, Arg::Count);
  EXPECT_EQ(block.finish[0].args[2].value, 5);
  EXPECT_EQ(block.finish[0].args[4].value, 10);
  EXPECT_EQ(block.finish[0].args[5].value, -1);
  // Behind the last row it is the second window that has one element.
  EXPECT_EQ(valuesOf<int32_t>(operandOf(made(average({1000, 2000}, 0)), "multipliers")),
            (std::vector<int32_t>{2000, 1000}));
}

TEST(NormaliseTest, OneNumberOfElementsWithTwoMultipliersIsRefused) {
  Writer writer;
  writer.nest.loops = {{"n", 2}, {"k", 2, true}};
  const int sum = writer.sumOf(writer.input({4}, {Index{{{0, 2}, {1, 1}}, 0}}));
  writer.nest.operands[0].outside = Outside::Value; // no step gets there
  const int multiplier = writer.constant<int32_t>("m", isa::Elem::I32, {1000, 2000}, {2}, {at(0)});
  const int scaled = writer.op(Scalar::Mul, 64, {sum, multiplier});
  EXPECT_EQ(refused(writer.run(writer.op(Scalar::Rescale, 8, {scaled, writer.number(10), writer.number(0)}))),
            "parameter: two windows of 2 elements have different multipliers");
}

TEST(NormaliseTest, BoundsAreOneClampAndAMissingBoundIsTheTypes) {
  auto bounded = [](bool hasUpper) {
    Writer writer;
    writer.nest.loops = {{"n", 2}};
    int value = writer.op(Scalar::Max, 8, {writer.input({2}, {at(0)}), writer.nest.number(-7, 8)});
    if (hasUpper)
      value = writer.op(Scalar::Min, 8, {value, writer.nest.number(9, 8)});
    return writer.run(value);
  };
  for (bool hasUpper : {true, false}) {
    const auto result = bounded(hasUpper);
    const Block &block = made(result);
    ASSERT_EQ(block.body.size(), 1u);
    EXPECT_EQ(block.body[0].primitive, "clamp_i8");
    EXPECT_EQ(block.body[0].args[1].value, -7);
    EXPECT_EQ(block.body[0].args[2].value, hasUpper ? 9 : 127);
  }
}

TEST(NormaliseTest, WhatNoInstructionComputesIsRefused) {
  Writer moves;
  moves.nest.loops = {{"n", 2}};
  EXPECT_EQ(refused(moves.run(moves.input({2}, {at(0)}))), "body: it only moves elements");
  Writer cube;
  cube.nest.loops = {{"n", 2}};
  const int x = cube.input({2}, {at(0)});
  EXPECT_EQ(refused(cube.run(cube.op(Scalar::Mul, 32, {cube.op(Scalar::Mul, 32, {x, x}), x}))),
            "body: no instruction has its arithmetic");
  Product started(0, {1, 2, 3, 4});
  started.nest.start = 1;
  EXPECT_EQ(refused(started.finish()), "body: its reduction is no sum or maximum of its terms");
}
