// SPDX-License-Identifier: Apache-2.0
// Elementwise float operators join what they change, if nobody else reads it: of two producers the later one. Without
// join-float every operator is a block.
// RUN: tw-opt %s --tw-outline-blocks --tw-verify-ir=stage=outlined | FileCheck %s
// RUN: tw-opt %s --tw-outline-blocks=join-float=false | FileCheck %s --check-prefix=APART

// CHECK:       func.func private @blk_matmul_0(
// CHECK-NEXT:    tw.matmul
// CHECK-NEXT:    return
// CHECK:       func.func private @blk_matmul_1(
// CHECK-NEXT:    tw.matmul
// CHECK-NEXT:    return
// CHECK:       func.func private @blk_matmul_2(
// CHECK-NEXT:    tw.matmul
// CHECK-NEXT:    tw.add
// CHECK-NEXT:    tw.relu
// CHECK-NEXT:    return
// A value with two readers is written; a broadcast result is another tensor than the one that it changes.
// CHECK:       func.func private @blk_sigmoid_3(
// CHECK:       func.func private @blk_mul_4(
// CHECK-NOT:   func.func private
// APART-COUNT-6: func.func private
func.func @main(%x: tensor<2x2xf32>, %r: tensor<3x2x2xf32>) -> (tensor<2x2xf32>, tensor<3x2x2xf32>) {
  %a = tw.matmul %x, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %b = tw.matmul %a, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %c = tw.matmul %x, %a : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %d = tw.add %b, %c : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %e = tw.relu %d : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %f = tw.sigmoid %e : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %g = tw.mul %f, %r : (tensor<2x2xf32>, tensor<3x2x2xf32>) -> tensor<3x2x2xf32>
  return %e, %g : tensor<2x2xf32>, tensor<3x2x2xf32>
}
