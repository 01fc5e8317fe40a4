// SPDX-License-Identifier: Apache-2.0
#include "host/Writer.h"

#include "../NativeCode.h"

#include "mlir/IR/Matchers.h"

using namespace tw;
using namespace tw::codegen;
using namespace mlir;

namespace {

struct WriterTest : testing::Test {
  WriterTest() {
    const Type byte = IntegerType::get(&native.context, 8), truth = IntegerType::get(&native.context, 1);
    truths = function.addArray({HostArray::Argument, truth, 8});
    bytes = function.addArray({HostArray::Result, byte, 8});
    module = ModuleOp::create(native.at());
    builder.setInsertionPointToEnd(module->getBody());
  }
  static std::optional<int64_t> constant(Value value) {
    APInt number;
    return matchPattern(value, m_ConstantInt(&number)) ? std::optional(number.getSExtValue()) : std::nullopt;
  }

  test::NativeCode native;
  HostFunction function;
  unsigned truths = 0, bytes = 0;
  OwningOpRef<ModuleOp> module;
  OpBuilder builder{&native.context};
  Writer writer{builder, native.at(), function, {}};
};

} // namespace

TEST_F(WriterTest, WhatIsNothingCostsNoCode) {
  Value x = writer.index(5);
  const size_t before = module->getBody()->getOperations().size();
  EXPECT_EQ(writer.plus(nullptr, nullptr), Value());
  EXPECT_EQ(writer.plus(x, nullptr), x);
  EXPECT_EQ(writer.plus(nullptr, x), x);
  EXPECT_EQ(writer.times(nullptr, 3), Value());
  EXPECT_EQ(writer.times(x, 0), Value()) << "a step of 0 moves nothing";
  EXPECT_EQ(writer.times(x, 1), x);
  EXPECT_EQ(writer.addressOf(x, 0), x);
  EXPECT_EQ(writer.gathered({x}), x) << "one lane is a scalar";
  EXPECT_EQ(writer.spread(x, 1), x);
  EXPECT_EQ(module->getBody()->getOperations().size(), before);
  EXPECT_EQ(constant(writer.addressOf(nullptr, -3)), -3);
}

TEST_F(WriterTest, AVectorIsNotSpreadAgain) {
  Value x = writer.index(5);
  Value vector = writer.spread(x, 4);
  EXPECT_EQ(cast<VectorType>(vector.getType()).getNumElements(), 4);
  EXPECT_EQ(writer.spread(vector, 4), vector);
  EXPECT_EQ(cast<VectorType>(writer.spread(x, 2).getType()).getNumElements(), 2);
}

// Other writers of a bool may leave any byte but 0; what is written here is 0 or 1.
TEST_F(WriterTest, AnyByteButZeroIsTrueAndTrueIsOne) {
  function.arrays[bytes].element = IntegerType::get(&native.context, 1);
  for (int64_t width : {1, 4, 8})
    native.add("f" + std::to_string(width), function, [&](OpBuilder &b, ArrayRef<Value> memory, Value, Value) {
      Writer its{b, native.at(), function, memory};
      for (int64_t at = 0; at != 8; at += width) {
        Value stored = its.toMemory(bytes, its.loadVector(truths, its.index(at), width));
        if (width == 1)
          its.create<memref::StoreOp>(stored, memory[bytes], its.index(at));
        else
          its.create<vector::StoreOp>(stored, memory[bytes], its.index(at));
      }
    });
  native.link();
  std::vector<uint8_t> from{0, 1, 2, 0x80, 0xff, 0, 0x7f, 1}, to(8);
  for (const char *name : {"f1", "f4", "f8"}) {
    to.assign(8, 0xee);
    native.run(name, {from.data(), to.data()});
    EXPECT_EQ(to, (std::vector<uint8_t>{0, 1, 1, 1, 1, 0, 1, 1})) << name;
  }
}
