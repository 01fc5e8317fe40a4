// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-outline-blocks --tw-verify-ir=stage=outlined | FileCheck %s

// Equal blocks with other weights are one function; a zero point stands inside, scales and weights are arguments.
// CHECK:       func.func private @blk_qgemm_0(%{{.*}}: tensor<1x2xi8>, %{{.*}}: tensor<f32>, %{{.*}}: tensor<2x2xi8>) -> tensor<1x2xi8>
// CHECK-NEXT:    tw.constant dense<7> : tensor<i8>
// CHECK-NEXT:    tw.qgemm
// CHECK:       func.func private @blk_softmax_1(
// CHECK:         tw.dequantize
// CHECK:         tw.softmax
// CHECK:         tw.quantize
// CHECK-NOT:   func.func private
// CHECK:       func.func @main
// CHECK:         %[[A:.*]] = call @blk_qgemm_0(%arg0
// CHECK:         %[[B:.*]] = call @blk_qgemm_0(%[[A]]
// CHECK:         %[[C:.*]] = call @blk_softmax_1(%[[B]]
// CHECK:         return %[[C]]
func.func @main(%x: tensor<1x2xi8>) -> tensor<1x2xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<7> : tensor<i8>
  %w = tw.constant dense<1> : tensor<2x2xi8>
  %v = tw.constant dense<2> : tensor<2x2xi8>
  %a = tw.qgemm %x(%s, %z), %w(%s, %z) out(%s, %z) : (tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<2x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
  %b = tw.qgemm %a(%s, %z), %v(%s, %z) out(%s, %z) : (tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<2x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
  %f = tw.dequantize %b, %s, %z : (tensor<1x2xi8>, tensor<f32>, tensor<i8>) -> tensor<1x2xf32>
  %m = tw.softmax %f {axis = 1 : i64} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %q = tw.quantize %m, %s, %z : (tensor<1x2xf32>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
  return %q : tensor<1x2xi8>
}
