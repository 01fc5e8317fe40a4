// SPDX-License-Identifier: Apache-2.0
// Of several elementwise operands all join, whatever their types; a product of two joins the one that runs last alone.
// RUN: tw-opt %s --tw-outline-blocks --tw-verify-ir=stage=outlined | FileCheck %s

// CHECK:       func.func private @blk_compare_0(
// CHECK-NEXT:    tw.compare
// CHECK-NEXT:    tw.unary <expm1>
// CHECK-NEXT:    tw.mul
// CHECK-NEXT:    tw.where
// CHECK-NEXT:    return
// CHECK:       func.func private @blk_matmul_1(
// CHECK-NEXT:    tw.matmul
// CHECK-NEXT:    tw.unary <exp>
// CHECK-NEXT:    return
// CHECK:       func.func private @blk_matmul_2(
// CHECK-NEXT:    tw.matmul
// CHECK-NEXT:    tw.add
// CHECK-NEXT:    return
// CHECK-NOT:   func.func private
func.func @main(%x: tensor<2x2xf32>, %k: tensor<f32>) -> tensor<2x2xf32> {
  %b = tw.compare <less> %x, %k : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xi1>
  %e = tw.unary <expm1> %x : tensor<2x2xf32>
  %m = tw.mul %e, %k : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  %w = tw.where %b, %m, %x : (tensor<2x2xi1>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %p = tw.matmul %w, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %f = tw.unary <exp> %p : tensor<2x2xf32>
  %q = tw.matmul %x, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %y = tw.add %f, %q : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}
