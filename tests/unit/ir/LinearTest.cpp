// SPDX-License-Identifier: Apache-2.0
#include "OnnxBuilder.h"
#include "OnnxImporting.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace tw::ir;
using namespace tw::ir::test;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();

// alpha * (a, b) . (3, 4) + beta * c
OnnxBuilder gemm(float alpha, float beta, int32_t type = ::onnx::TensorProto_DataType_FLOAT) {
  OnnxBuilder b(13);
  b.input("a", {"2", "2"}, type).input("b", {"2", "1"}, type).input("c", {"1"}, type).output("y", {"2", "1"});
  auto &node = b.node("Gemm", {"a", "b", "c"}, "y");
  OnnxBuilder::attribute(node, "alpha", alpha);
  OnnxBuilder::attribute(node, "beta", beta);
  return b;
}

std::vector<float> run(float alpha, float beta, std::vector<float> a, float c) {
  const Tensor y =
      Import(gemm(alpha, beta).bytes()).run({floats({2, 2}, a), floats({2, 1}, {3, 4}), floats({1}, {c})})[0];
  return {y.data<float>()[0], y.data<float>()[1]};
}

} // namespace

// onnx.reference and ONNX Runtime multiply by it: what is no number, or infinite, in A or B stays seen.
TEST(LinearTest, AnAlphaOfZeroIsAFactor) {
  EXPECT_EQ(run(0, 0.5f, {1, 2, -5, 7}, 8), (std::vector<float>{4, 4}));
  const std::vector<float> seen = run(0, 0.5f, {1, kInfinity, 1, 2}, 8);
  EXPECT_TRUE(std::isnan(seen[0]));
  EXPECT_EQ(seen[1], 4);
  EXPECT_TRUE(std::isnan(run(0, 1, {kNaN, 0, 0, 0}, 0)[0]));
}

// Both leave C out then.
TEST(LinearTest, ABetaOfZeroLeavesCOut) {
  EXPECT_EQ(run(2, 0, {1, 2, 3, 4}, kNaN), (std::vector<float>{22, 50}));
  EXPECT_EQ(run(2, 0, {1, 2, 3, 4}, kInfinity), (std::vector<float>{22, 50}));
  EXPECT_TRUE(std::isnan(run(2, 1, {1, 2, 3, 4}, kNaN)[0]));
}

TEST(LinearTest, ACOfAWrongShapeIsRefusedAlsoWhereNothingReadsIt) {
  OnnxBuilder b(13);
  b.input("a", {"2", "2"}).input("b", {"2", "1"}).input("c", {"3"}).output("y", {"2", "1"});
  OnnxBuilder::attribute(b.node("Gemm", {"a", "b", "c"}, "y"), "beta", 0.0f);
  EXPECT_NE(Import(b.bytes()).text(), "");
}
