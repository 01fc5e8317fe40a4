// SPDX-License-Identifier: Apache-2.0
// What fusion promises of its integer operators.
#include "Material.h"

#include "tw/ir/Constants.h"
#include "tw/ir/QuantOps.h"

#include "mlir/Parser/Parser.h"

using namespace mlir;

namespace tw::ir::test {
namespace {

// One row of weights, x - 5, and the bias: the least and the largest sum.
std::optional<WideSum> wideGemm(const std::string &weights, int64_t depth, int64_t zero, int64_t bias) {
  const std::string k = std::to_string(depth);
  auto context = makeContext();
  auto module = parseSourceString<ModuleOp>(
      "func.func @main(%x: tensor<1x" + k +
          "xi8>) -> tensor<1x1xi8> {\n  %s = tw.constant dense<1.0> : tensor<f32>\n"
          "  %z = tw.constant dense<5> : tensor<i8>\n  %wz = tw.constant dense<" +
          std::to_string(zero) + "> : tensor<i8>\n  %w = tw.constant dense<" + weights + "> : tensor<1x" + k +
          "xi8>\n  %b = tw.constant dense<" + std::to_string(bias) +
          "> : tensor<1xi32>\n  %y = tw.qgemm %x(%s, %z), %w(%s, %wz) bias %b out(%s, %z) : (tensor<1x" + k +
          "xi8>, tensor<f32>, tensor<i8>, tensor<1x" + k +
          "xi8>, tensor<f32>, tensor<i8>, tensor<1xi32>, tensor<f32>, tensor<i8>) -> tensor<1x1xi8>\n  return %y : "
          "tensor<1x1xi8>\n}\n",
      context.get());
  EXPECT_TRUE(module);
  return wideSumOf(module->lookupSymbol<func::FuncOp>("main").front().getTerminator()->getOperand(0).getDefiningOp());
}

TEST(WideSumTest, TheBoundIsTheLeastAndTheLargestSumThatOccurs) {
  // x - 5 is -133 to 122; weights less 1 are 2 and -4: 2 * 122 + 4 * 133 = 776 and -(2 * 133 + 4 * 122) = -754.
  EXPECT_FALSE(wideGemm("[[3, -3]]", 2, 1, 2147483647 - 776));
  auto above = wideGemm("[[3, -3]]", 2, 1, 2147483647 - 775);
  ASSERT_TRUE(above);
  EXPECT_EQ(above->largest, int64_t(1) << 31);
  EXPECT_FALSE(wideGemm("[[3, -3]]", 2, 1, -2147483648 + 754));
  auto below = wideGemm("[[3, -3]]", 2, 1, -2147483648 + 753);
  ASSERT_TRUE(below);
  EXPECT_EQ(below->least, -(int64_t(1) << 31) - 1);
  // 66,400 weights of 127: 66,400 * 127 * 133 = 1,121,562,400 fits, with a zero point of -128 it does not.
  EXPECT_FALSE(wideGemm("127", 66400, 0, 0));
  EXPECT_TRUE(wideGemm("127", 66400, -128, 0));
}

} // namespace
} // namespace tw::ir::test
