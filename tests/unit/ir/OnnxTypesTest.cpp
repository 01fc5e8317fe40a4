// SPDX-License-Identifier: Apache-2.0
// Element types: how initializers of each are read, and what becomes of those that are computed in float32.
#include "OnnxBuilder.h"
#include "OnnxImporting.h"

#include <gmock/gmock.h>

namespace tw::ir::test {
namespace {

using ::onnx::TensorProto;
using ::testing::HasSubstr;

// What an initializer is as the graph's result.
struct Read {
  std::string problem;
  Tensor tensor;
};
Read readInitializer(TensorProto tensor) {
  OnnxBuilder b;
  b.input("x", {"2"}).output("y", {});
  b.graph().mutable_output(0)->mutable_type()->clear_tensor_type();
  tensor.set_name("w");
  *b.graph().add_initializer() = tensor;
  b.node("Identity", {"w"}, "y");
  Import import(b.bytes());
  if (!import.module)
    return {import.text(), {}};
  return {"", import.run({floats({2}, {0, 0})})[0]};
}

TensorProto proto(int type, std::vector<int64_t> dims) {
  TensorProto tensor;
  tensor.set_data_type(type);
  for (int64_t dim : dims)
    tensor.add_dims(dim);
  return tensor;
}

TEST(OnnxTypesTest, EachTypeIsReadFromItsField) {
  auto narrow = [](int type) {
    TensorProto tensor = proto(type, {2});
    tensor.add_int32_data(1);
    tensor.add_int32_data(3);
    return readInitializer(tensor).tensor;
  };
  EXPECT_EQ(narrow(TensorProto::INT8), Tensor::of<int8_t>({2}, {1, 3}));
  EXPECT_EQ(narrow(TensorProto::UINT8), Tensor::of<uint8_t>({2}, {1, 3}));
  EXPECT_EQ(narrow(TensorProto::INT16), Tensor::of<int16_t>({2}, {1, 3}));
  EXPECT_EQ(narrow(TensorProto::UINT16), Tensor::of<uint16_t>({2}, {1, 3}));
  EXPECT_EQ(narrow(TensorProto::INT32), Tensor::of<int32_t>({2}, {1, 3}));
  EXPECT_EQ(narrow(TensorProto::BOOL), Tensor::of<bool>({2}, {true, true})); // three is true, and one
  TensorProto half = proto(TensorProto::FLOAT16, {2});
  half.add_int32_data(0x3C00);
  half.add_int32_data(0xC100);
  EXPECT_EQ(readInitializer(half).tensor, Tensor::of<Float16>({2}, {Float16(1.0), Float16(-2.5)}));
  TensorProto brain = proto(TensorProto::BFLOAT16, {1});
  brain.add_int32_data(0x3FC0);
  EXPECT_EQ(readInitializer(brain).tensor, Tensor::of<BFloat16>({1}, {BFloat16(1.5)}));
  TensorProto wide = proto(TensorProto::DOUBLE, {1});
  wide.add_double_data(0.1);
  EXPECT_EQ(readInitializer(wide).tensor, Tensor::of<double>({1}, {0.1}));
  TensorProto u32 = proto(TensorProto::UINT32, {1}), u64 = proto(TensorProto::UINT64, {1});
  u32.add_uint64_data(4294967295u);
  u64.add_uint64_data(18446744073709551615u);
  EXPECT_EQ(readInitializer(u32).tensor, Tensor::of<uint32_t>({1}, {4294967295u}));
  EXPECT_EQ(readInitializer(u64).tensor, Tensor::of<uint64_t>({1}, {18446744073709551615u}));
}

TEST(OnnxTypesTest, IntegersOfFewBitsAreUnpacked) {
  constexpr int kUint4 = 21, kInt4 = 22, kUint2 = 25, kInt2 = 26;
  TensorProto tensor = proto(kInt4, {3});
  tensor.set_raw_data(std::string("\x81\x07", 2)); // the first number in the low bits; half a byte is left over
  EXPECT_EQ(readInitializer(tensor).tensor, Tensor::of<int8_t>({3}, {1, -8, 7}));
  tensor.set_data_type(kUint4);
  EXPECT_EQ(readInitializer(tensor).tensor, Tensor::of<uint8_t>({3}, {1, 8, 7}));
  tensor.clear_raw_data();
  tensor.add_int32_data(0x81);
  EXPECT_THAT(readInitializer(tensor).problem, HasSubstr("has 1 values, the shape 3 needs 2"));
  tensor.add_int32_data(0x07);
  EXPECT_EQ(readInitializer(tensor).tensor, Tensor::of<uint8_t>({3}, {1, 8, 7}));
  tensor = proto(kInt2, {5});
  tensor.set_raw_data(std::string("\xE4\x02", 2));
  EXPECT_EQ(readInitializer(tensor).tensor, Tensor::of<int8_t>({5}, {0, 1, -2, -1, -2}));
  tensor.set_data_type(kUint2);
  EXPECT_EQ(readInitializer(tensor).tensor, Tensor::of<uint8_t>({5}, {0, 1, 2, 3, 2}));
}

TEST(OnnxTypesTest, WhatHasNoElementTypeIsRefusedByName) {
  for (auto [type, name] : {std::pair(8, "string"), std::pair(14, "complex64"), std::pair(99, "type 99")})
    EXPECT_THAT(readInitializer(proto(type, {1})).problem,
                HasSubstr("initializer 'w': is " + std::string(name) + ", which is not supported"));
  OnnxBuilder b;
  b.input("x", {"2"}, 14).output("y", {"2"});
  b.node("Relu", {"x"}, "y");
  EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("input 'x': is complex64, which is not supported"));
}

// They are held in bytes, and their type is followed through what moves them.
TEST(OnnxTypesTest, IntegersOfFewBitsAreValuesOfTheGraph) {
  constexpr int kUint4 = 21, kInt4 = 22;
  auto model = [](int from, int to, int result) {
    OnnxBuilder b(21);
    b.input("x", {"1", "4"}, from).output("y", {"4"}, result);
    OnnxBuilder::attribute(b.node("Cast", {"x"}, "c"), "to", int64_t(to));
    b.integers("shape", {1}, {4});
    b.node("Reshape", {"c", "shape"}, "y");
    return b.bytes();
  };
  EXPECT_EQ(Import(model(TensorProto::FLOAT, kInt4, kInt4)).run({floats({1, 4}, {-8.5f, -1, 7.9f, 9})})[0],
            Tensor::of<int8_t>({4}, {-8, -1, 7, -7}));
  EXPECT_EQ(Import(model(TensorProto::INT32, kUint4, kUint4)).run({Tensor::of<int32_t>({1, 4}, {0, 15, 16, -1})})[0],
            Tensor::of<uint8_t>({4}, {0, 15, 0, 15}));
  EXPECT_EQ(
      Import(model(kInt4, TensorProto::INT8, TensorProto::INT8)).run({Tensor::of<int8_t>({1, 4}, {-8, -1, 0, 7})})[0],
      Tensor::of<int8_t>({4}, {-8, -1, 0, 7}));
  EXPECT_THAT(Import(model(TensorProto::FLOAT, kInt4, TensorProto::INT8)).text(),
              HasSubstr("output 'y': is declared as int8, the graph computes int4"));
}

// They are held by their bits, which only what moves them may have. The backend suite's cases have their numbers.
TEST(OnnxTypesTest, FloatsOfFewBitsAreValuesOfTheGraph) {
  constexpr int kE4M3 = 17, kE5M2 = 19, kE2M1 = 23, kE8M0 = 24;
  auto model = [](int opset, const std::string &op, int from, int to, int result) {
    OnnxBuilder b(opset);
    b.input("x", {"1", "4"}, from).output("y", {"4"}, result);
    OnnxBuilder::attribute(b.node("Cast", {"x"}, "c"), "to", int64_t(to));
    b.integers("shape", {1}, {4});
    b.node("Reshape", {"c", "shape"}, "r");
    b.node(op, {"r"}, "y");
    return b.bytes();
  };
  const Tensor numbers = floats({1, 4}, {-1.5f, 0, 1, 1000});
  EXPECT_EQ(Import(model(19, "Identity", TensorProto::FLOAT, kE4M3, kE4M3)).run({numbers})[0],
            Tensor::of<uint8_t>({4}, {0xBC, 0, 0x38, 0x7E}));
  EXPECT_EQ(Import(model(23, "Identity", TensorProto::FLOAT, kE2M1, kE2M1)).run({numbers})[0],
            Tensor::of<uint8_t>({4}, {0xB, 0, 2, 7}));
  EXPECT_EQ(Import(model(19, "IsNaN", kE5M2, kE5M2, TensorProto::BOOL))
                .run({Tensor::of<uint8_t>({1, 4}, {0x7C, 0x7D, 0xFF, 0})})[0],
            Tensor::of<bool>({4}, {false, true, true, false}));
  EXPECT_THAT(Import(model(19, "Relu", TensorProto::FLOAT, kE4M3, kE4M3)).text(),
              HasSubstr("input 0 is float8e4m3fn, which is not supported for version 14 of the operator"));
  EXPECT_THAT(Import(model(19, "Identity", TensorProto::FLOAT, kE2M1, kE2M1)).text(),
              HasSubstr("input 0 is float4e2m1, which is not supported for version 19 of the operator"));
  EXPECT_THAT(Import(model(24, "Identity", TensorProto::FLOAT, kE8M0, kE8M0)).text(),
              HasSubstr("makes float8e8m0 of numbers, which is not supported"));
  EXPECT_THAT(Import(model(19, "Identity", TensorProto::FLOAT, kE5M2, kE4M3)).text(),
              HasSubstr("output 'y': is declared as float8e4m3fn, the graph computes float8e5m2"));
}

TEST(OnnxTypesTest, SixteenBitFloatsAreComputedInFloat32AndRounded) {
  constexpr int kHalf = TensorProto::FLOAT16;
  OnnxBuilder b;
  b.input("x", {"2"}, kHalf).output("y", {"2"}, kHalf);
  TensorProto w = proto(kHalf, {2});
  w.set_name("w");
  w.add_int32_data(0x3C00); // 1
  w.add_int32_data(0x1400); // 2^-10
  *b.graph().add_initializer() = w;
  b.node("Add", {"x", "w"}, "a");
  b.node("Flatten", {"a"}, "f");
  b.node("Squeeze", {"f"}, "y");
  Import import(b.bytes());
  // 2048 + 1 is a tie in float16 and goes to even, at each operator.
  EXPECT_EQ(import.run({Tensor::of<Float16>({2}, {Float16(2048.0), Float16(1.0)})})[0],
            Tensor::of<Float16>({2}, {Float16(2048.0), Float16(1.0009765625)}));
  int casts = 0;
  import.module->walk([&](CastOp) { ++casts; });
  EXPECT_EQ(casts, 2) << "the input's and the sum's; the weight's is folded, moves have none";
}

} // namespace
} // namespace tw::ir::test
