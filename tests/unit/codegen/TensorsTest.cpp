// SPDX-License-Identifier: Apache-2.0
// One number for each tensor, whatever forms it lies in.
#include "Tensors.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

using namespace tw::codegen;
using namespace mlir;

namespace {

struct TensorsTest : testing::Test {
  TensorsTest() {
    context.loadDialect<func::FuncDialect>();
    Builder b(&context);
    module = ModuleOp::create(b.getUnknownLoc());
    auto image = RankedTensorType::get({1, 4, 5, 3}, b.getI8Type()),
         flat = RankedTensorType::get({1, 60}, b.getI8Type()), sums = RankedTensorType::get({2, 3}, b.getI32Type());
    auto function = func::FuncOp::create(b.getUnknownLoc(), "main", b.getFunctionType({image, flat, sums}, {}));
    module->push_back(function);
    Block &body = *function.addEntryBlock();
    for (Value value : body.getArguments())
      values.push_back(value);
  }
  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
  std::vector<Value> values;
  TensorTable table;
};

} // namespace

TEST_F(TensorsTest, AValueKeepsItsNumber) {
  const TensorId first = table.of(values[0]), second = table.of(values[1]);
  EXPECT_NE(first, second);
  EXPECT_EQ(table.of(values[0]), first);
  EXPECT_EQ(table[first].shape, (std::vector<int64_t>{1, 4, 5, 3}));
}

TEST_F(TensorsTest, ARenamedTensorHasTheBytesOfItsOriginal) {
  const TensorId image = table.of(values[0]), flat = table.of(values[1]);
  EXPECT_EQ(table.original(flat), flat);
  table[flat].source = table.original(image);
  EXPECT_EQ(table.original(flat), image);
  EXPECT_EQ(table.rowBytes(flat), table.rowBytes(image));
}

TEST_F(TensorsTest, ImageRowsAreKeptApartByWhatStandsBehindThem) {
  const TensorId image = table.of(values[0]);
  const TensorId rows = table.imageRowsOf(image, 7);
  EXPECT_EQ(table.imageRowsOf(image, 7), rows);
  EXPECT_NE(table.imageRowsOf(image, -7), rows);
  EXPECT_EQ(table[rows].shape, (std::vector<int64_t>{1, 4, 15}));
  EXPECT_EQ(table.chipBytes(rows, 16), 4 * 16);
}

TEST_F(TensorsTest, RowsOfLanesAreWholeOnes) {
  EXPECT_EQ(table.chipBytes(table.of(values[0]), 16), 4 * 5 * 16);
  EXPECT_EQ(table.chipBytes(table.of(values[2]), 16), 2 * 16 * 4);
  const TensorId part = table.addPart("conv", {2, 17});
  EXPECT_EQ(table.chipBytes(part, 16), 2 * 32);
  EXPECT_EQ(table[part].name, "conv");
}

TEST_F(TensorsTest, OneRowIsAllThatASingleLastDimensionHolds) {
  for (const std::vector<int64_t> &shape : {std::vector<int64_t>{}, {17}, {1, 1, 17}})
    EXPECT_TRUE(table.isOneRow(table.addPart("", shape))) << shape.size();
  for (const std::vector<int64_t> &shape : {std::vector<int64_t>{2, 17}, {17, 1}})
    EXPECT_FALSE(table.isOneRow(table.addPart("", shape))) << shape[0];
}
