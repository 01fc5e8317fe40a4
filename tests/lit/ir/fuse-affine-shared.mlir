// SPDX-License-Identifier: Apache-2.0
// A number for each channel in front of a value that two quantisers read: what is made of it stands before both.
// RUN: tw-opt %s --tw-fuse-qdq | FileCheck %s

// CHECK-COUNT-2: tw.qconv
// CHECK-NOT:     tw.add
func.func @main(%x: tensor<1x2x3x4xi8>) -> (tensor<1x2x3x4xi8>, tensor<1x2x3x4xi8>) {
  %s = tw.constant dense<0.5> : tensor<f32>
  %t = tw.constant dense<0.25> : tensor<f32>
  %u = tw.constant dense<0.75> : tensor<f32>
  %z = tw.constant dense<3> : tensor<i8>
  %c = tw.constant dense<[[[[1.5]], [[-0.5]]]]> : tensor<1x2x1x1xf32>
  %a = tw.dequantize %x, %s, %z : (tensor<1x2x3x4xi8>, tensor<f32>, tensor<i8>) -> tensor<1x2x3x4xf32>
  %b = tw.add %c, %a : (tensor<1x2x1x1xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %r = tw.relu %b : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %p = tw.quantize %r, %t, %z : (tensor<1x2x3x4xf32>, tensor<f32>, tensor<i8>) -> tensor<1x2x3x4xi8>
  %q = tw.quantize %r, %u, %z : (tensor<1x2x3x4xf32>, tensor<f32>, tensor<i8>) -> tensor<1x2x3x4xi8>
  return %p, %q : tensor<1x2x3x4xi8>, tensor<1x2x3x4xi8>
}
