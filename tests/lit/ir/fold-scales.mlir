// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-fold-scales | FileCheck %s

// A batch normalisation behind a convolution, here an image of one column, leaves weights and a bias.
// CHECK-LABEL: func.func @normalised
// CHECK-DAG:     %[[W:.*]] = tw.constant dense<{{\[\[\[\[}}2.000000e+00]]], {{\[\[\[}}1.200000e+01]]]]> : tensor<2x1x1x1xf32>
// CHECK-DAG:     %[[B:.*]] = tw.constant dense<[3.000000e+00, 1.000000e+01]> : tensor<2xf32>
// CHECK:         %[[Y:.*]] = tw.conv %arg0, %[[W]], %[[B]]
// CHECK-NEXT:    %[[R:.*]] = tw.reshape %[[Y]]
// CHECK-NEXT:    return %[[R]]
func.func @normalised(%x: tensor<1x1x3x1xf32>) -> tensor<1x2x3xf32> {
  %w = tw.constant dense<[[[[1.0]]], [[[4.0]]]]> : tensor<2x1x1x1xf32>
  %b = tw.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %f = tw.constant dense<[[2.0], [3.0]]> : tensor<2x1xf32>
  %o = tw.constant dense<[[[1.0], [4.0]]]> : tensor<1x2x1xf32>
  %c = tw.conv %x, %w, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x3x1xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x3x1xf32>
  %r = tw.reshape %c : (tensor<1x2x3x1xf32>) -> tensor<1x2x3xf32>
  %m = tw.mul %r, %f : (tensor<1x2x3xf32>, tensor<2x1xf32>) -> tensor<1x2x3xf32>
  %y = tw.add %o, %m : (tensor<1x2x1xf32>, tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  return %y : tensor<1x2x3xf32>
}

// CHECK-LABEL: func.func @gemm
// CHECK-DAG:     %[[W:.*]] = tw.constant dense<5.000000e-01> : tensor<1x2xf32>
// CHECK-DAG:     %[[C:.*]] = tw.constant dense<[-3.000000e+00, -4.000000e+00]> : tensor<2xf32>
// CHECK:         tw.gemm %arg0, %[[W]], %[[C]]
// CHECK-NEXT:    return
func.func @gemm(%x: tensor<3x1xf32>) -> tensor<3x2xf32> {
  %w = tw.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %d = tw.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %s = tw.constant dense<[3.0, 4.0]> : tensor<2xf32>
  %g = tw.gemm %x, %w : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %q = tw.div %g, %d : (tensor<3x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  %y = tw.sub %q, %s : (tensor<3x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// Numbers that differ along another dimension, and a product that has two readers, stay.
// CHECK-LABEL: func.func @stays
// CHECK:         tw.gemm
// CHECK:         tw.mul
// CHECK:         tw.gemm
// CHECK:         tw.mul
func.func @stays(%x: tensor<2x1xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %w = tw.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %rows = tw.constant dense<[[2.0], [4.0]]> : tensor<2x1xf32>
  %f = tw.constant dense<2.0> : tensor<f32>
  %g = tw.gemm %x, %w : (tensor<2x1xf32>, tensor<1x2xf32>) -> tensor<2x2xf32>
  %y = tw.mul %g, %rows : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %h = tw.gemm %x, %w {alpha = 2.0 : f32} : (tensor<2x1xf32>, tensor<1x2xf32>) -> tensor<2x2xf32>
  %z = tw.mul %h, %f : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  return %y, %h, %z : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}
