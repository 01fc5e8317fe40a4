// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-fold-constants | FileCheck %s

// CHECK-LABEL: func.func @moves
// CHECK-NEXT:    %[[C:.*]] = tw.constant dense<{{\[\[}}1, 3], [2, 4]]> : tensor<2x2xi8>
// CHECK-NEXT:    return %[[C]]
func.func @moves() -> tensor<2x2xi8> {
  %c = tw.constant dense<[1, 2, 3, 4]> : tensor<4xi8>
  %r = tw.reshape %c : (tensor<4xi8>) -> tensor<2x2xi8>
  %t = tw.transpose %r {perm = array<i64: 1, 0>} : (tensor<2x2xi8>) -> tensor<2x2xi8>
  return %t : tensor<2x2xi8>
}

// Fusion wants the integers: the transpose goes above the dequantize and takes its axis along.
// CHECK-LABEL: func.func @weights
// CHECK-DAG:     %[[W:.*]] = tw.constant dense<{{\[\[}}1, 3], [2, 4]]> : tensor<2x2xi8>
// CHECK-DAG:     %[[S:.*]] = tw.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
// CHECK:         %[[D:.*]] = tw.dequantize %[[W]], %[[S]], %{{.*}} {axis = 0 : i64}
// CHECK-NEXT:    return %[[D]]
func.func @weights() -> tensor<2x2xf32> {
  %c = tw.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>
  %s = tw.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %z = tw.constant dense<0> : tensor<2xi8>
  %d = tw.dequantize %c, %s, %z {axis = 1 : i64} : (tensor<2x2xi8>, tensor<2xf32>, tensor<2xi8>) -> tensor<2x2xf32>
  %t = tw.transpose %d {perm = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %t : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @arithmetic
// CHECK-NEXT:    tw.constant dense<[4.000000e+00, 6.000000e+00]> : tensor<2xf32>
func.func @arithmetic() -> tensor<2xf32> {
  %a = tw.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %b = tw.constant dense<[3.0, 4.0]> : tensor<2xf32>
  %c = tw.add %a, %b : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %c : tensor<2xf32>
}

// A gather of taps and a reshape that merges the channels with them: their scale is repeated for each.
// CHECK-LABEL: func.func @taps
// CHECK-DAG:     %[[W:.*]] = tw.constant dense<{{\[\[}}2], [1], [4], [3]]> : tensor<4x1xi8>
// CHECK-DAG:     %[[S:.*]] = tw.constant dense<[1.000000e+00, 1.000000e+00, 2.000000e+00, 2.000000e+00]> : tensor<4xf32>
// CHECK:         %[[D:.*]] = tw.dequantize %[[W]], %[[S]], %{{.*}} {axis = 0 : i64}
// CHECK-NEXT:    return %[[D]]
func.func @taps() -> tensor<4x1xf32> {
  %c = tw.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>
  %s = tw.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %z = tw.constant dense<0> : tensor<i8>
  %i = tw.constant dense<[1, 0]> : tensor<2xi32>
  %d = tw.dequantize %c, %s, %z {axis = 0 : i64} : (tensor<2x2xi8>, tensor<2xf32>, tensor<i8>) -> tensor<2x2xf32>
  %t = tw.gather %d, %i {axis = 1 : i64} : (tensor<2x2xf32>, tensor<2xi32>) -> tensor<2x2xf32>
  %r = tw.reshape %t : (tensor<2x2xf32>) -> tensor<4x1xf32>
  return %r : tensor<4x1xf32>
}

// Slices that are taken along the axis of the scales take these along.
// CHECK-LABEL: func.func @channels
// CHECK-DAG:     %[[W:.*]] = tw.constant dense<[3, 1, 3]> : tensor<3xi8>
// CHECK-DAG:     %[[S:.*]] = tw.constant dense<[2.000000e+00, 1.000000e+00, 2.000000e+00]> : tensor<3xf32>
// CHECK:         tw.dequantize %[[W]], %[[S]], %{{.*}} {axis = 0 : i64}
func.func @channels() -> tensor<3xf32> {
  %c = tw.constant dense<[1, 3]> : tensor<2xi8>
  %s = tw.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %z = tw.constant dense<0> : tensor<2xi8>
  %i = tw.constant dense<[-1, 0, 1]> : tensor<3xi32>
  %d = tw.dequantize %c, %s, %z {axis = 0 : i64} : (tensor<2xi8>, tensor<2xf32>, tensor<2xi8>) -> tensor<2xf32>
  %t = tw.gather %d, %i {axis = 0 : i64} : (tensor<2xf32>, tensor<3xi32>) -> tensor<3xf32>
  return %t : tensor<3xf32>
}

// A reshape that divides the slices of one scale among dimensions has none of one dimension: it stays.
// CHECK-LABEL: func.func @divided
// CHECK:         tw.dequantize
// CHECK:         tw.reshape
func.func @divided() -> tensor<2x2xf32> {
  %c = tw.constant dense<[1, 3, 5, 7]> : tensor<4xi8>
  %s = tw.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %z = tw.constant dense<0> : tensor<i8>
  %d = tw.dequantize %c, %s, %z {axis = 0 : i64} : (tensor<4xi8>, tensor<4xf32>, tensor<i8>) -> tensor<4xf32>
  %r = tw.reshape %d : (tensor<4xf32>) -> tensor<2x2xf32>
  return %r : tensor<2x2xf32>
}

// Of numbers alone nothing is left to dequantise.
// CHECK-LABEL: func.func @numbers
// CHECK-NEXT:    %[[C:.*]] = tw.constant dense<[2.000000e+00, 4.000000e+00]> : tensor<2xf32>
// CHECK-NEXT:    return %[[C]]
func.func @numbers() -> tensor<2xf32> {
  %q = tw.constant dense<[1, 2]> : tensor<2xi8>
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %f = tw.constant dense<4.0> : tensor<f32>
  %d = tw.dequantize %q, %s, %z : (tensor<2xi8>, tensor<f32>, tensor<i8>) -> tensor<2xf32>
  %m = tw.mul %d, %f : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return %m : tensor<2xf32>
}
