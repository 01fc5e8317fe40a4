// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-join-moves | FileCheck %s

// Six channels in two groups, dealt out alternately; each half of them takes its own.
// CHECK-LABEL: func.func @halves
// CHECK-DAG:     %[[A:.*]] = tw.constant dense<[0, 3, 1]> : tensor<3xi32>
// CHECK-DAG:     %[[B:.*]] = tw.constant dense<[4, 2, 5]> : tensor<3xi32>
// CHECK-DAG:     %[[Y:.*]] = tw.gather %arg0, %[[A]] {axis = 2 : i64} : (tensor<1x2x6xi8>, tensor<3xi32>) -> tensor<1x2x3xi8>
// CHECK-DAG:     %[[Z:.*]] = tw.gather %arg0, %[[B]] {axis = 2 : i64}
// CHECK:         return %[[Y]], %[[Z]]
func.func @halves(%x: tensor<1x2x6xi8>) -> (tensor<1x2x3xi8>, tensor<1x2x3xi8>) {
  %p = tw.reshape %x : (tensor<1x2x6xi8>) -> tensor<1x2x2x3xi8>
  %t = tw.transpose %p {perm = array<i64: 0, 1, 3, 2>} : (tensor<1x2x2x3xi8>) -> tensor<1x2x3x2xi8>
  %s = tw.reshape %t : (tensor<1x2x3x2xi8>) -> tensor<1x2x6xi8>
  %y = tw.slice %s {starts = array<i64: 0, 0, 0>, steps = array<i64: 1, 1, 1>} : (tensor<1x2x6xi8>) -> tensor<1x2x3xi8>
  %z = tw.slice %s {starts = array<i64: 0, 0, 3>, steps = array<i64: 1, 1, 1>} : (tensor<1x2x6xi8>) -> tensor<1x2x3xi8>
  return %y, %z : tensor<1x2x3xi8>, tensor<1x2x3xi8>
}

// In the middle of a shape, in three parts; then every second, backwards, and of those some again.
// CHECK-LABEL: func.func @middle
// CHECK-DAG:     %[[P:.*]] = tw.constant dense<[6, 7]> : tensor<2xi32>
// CHECK:         %[[Y:.*]] = tw.gather %arg0, %[[P]] {axis = 1 : i64} : (tensor<2x8x3xi8>, tensor<2xi32>) -> tensor<2x2x3xi8>
// CHECK-NEXT:    return %[[Y]]
func.func @middle(%x: tensor<2x8x3xi8>) -> tensor<2x2x3xi8> {
  %p = tw.reshape %x : (tensor<2x8x3xi8>) -> tensor<2x2x2x2x3xi8>
  %t = tw.transpose %p {perm = array<i64: 0, 2, 3, 1, 4>} : (tensor<2x2x2x2x3xi8>) -> tensor<2x2x2x2x3xi8>
  %s = tw.reshape %t : (tensor<2x2x2x2x3xi8>) -> tensor<2x8x3xi8>
  %h = tw.slice %s {starts = array<i64: 0, 7, 0>, steps = array<i64: 1, -2, 1>} : (tensor<2x8x3xi8>) -> tensor<2x4x3xi8>
  %i = tw.constant dense<[1, -4]> : tensor<2xi32>
  %y = tw.gather %h, %i {axis = 1 : i64} : (tensor<2x4x3xi8>, tensor<2xi32>) -> tensor<2x2x3xi8>
  return %y : tensor<2x2x3xi8>
}

// Parts of two dimensions that change places, real numbers, and a slice of another dimension stay.
// CHECK-LABEL: func.func @stays
// CHECK:         tw.transpose
// CHECK:         tw.transpose
// CHECK:         tw.gather
// CHECK:         tw.slice
func.func @stays(%x: tensor<4x4xi8>, %f: tensor<2x6xf32>, %z: tensor<2x6xi8>) -> (tensor<4x4xi8>, tensor<2x6xf32>, tensor<1x6xi8>) {
  %p = tw.reshape %x : (tensor<4x4xi8>) -> tensor<2x2x2x2xi8>
  %t = tw.transpose %p {perm = array<i64: 2, 1, 0, 3>} : (tensor<2x2x2x2xi8>) -> tensor<2x2x2x2xi8>
  %s = tw.reshape %t : (tensor<2x2x2x2xi8>) -> tensor<4x4xi8>
  %fp = tw.reshape %f : (tensor<2x6xf32>) -> tensor<2x2x3xf32>
  %ft = tw.transpose %fp {perm = array<i64: 0, 2, 1>} : (tensor<2x2x3xf32>) -> tensor<2x3x2xf32>
  %fs = tw.reshape %ft : (tensor<2x3x2xf32>) -> tensor<2x6xf32>
  %zp = tw.reshape %z : (tensor<2x6xi8>) -> tensor<2x2x3xi8>
  %zt = tw.transpose %zp {perm = array<i64: 0, 2, 1>} : (tensor<2x2x3xi8>) -> tensor<2x3x2xi8>
  %zs = tw.reshape %zt : (tensor<2x3x2xi8>) -> tensor<2x6xi8>
  %y = tw.slice %zs {starts = array<i64: 1, 0>, steps = array<i64: 1, 1>} : (tensor<2x6xi8>) -> tensor<1x6xi8>
  return %s, %fs, %y : tensor<4x4xi8>, tensor<2x6xf32>, tensor<1x6xi8>
}
