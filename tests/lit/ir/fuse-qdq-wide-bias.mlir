// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-fuse-qdq | FileCheck %s

// The sums of two products of at most 128 reach 256 below and 254 above the bias. Where each is -128 or 127 in the
// result, the bias goes as far from the end of int32 as they need; the second and last channel have room already.
// CHECK-LABEL: func.func @saturated
// CHECK:         tw.constant dense<[-2147483392, -2147483392, 2147483393, 2147483393]> : tensor<4xi32>
func.func @saturated(%x: tensor<3x2xi8>) -> tensor<3x4xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<1> : tensor<4x2xi8>
  %b = tw.constant dense<[-2147483648, -2147483392, 2147483647, 2147483393]> : tensor<4xi32>
  %y = tw.qgemm %x(%s, %z), %w(%s, %z) bias %b out(%s, %z) : (tensor<3x2xi8>, tensor<f32>, tensor<i8>, tensor<4x2xi8>, tensor<f32>, tensor<i8>, tensor<4xi32>, tensor<f32>, tensor<i8>) -> tensor<3x4xi8>
  return %y : tensor<3x4xi8>
}

// Steps of 2^25 make -64 and 64 of that bias. A sum of 2 * 127 * -128 is 32512 below it: the bias moves by as much, and
// the scale grows by 2^31 / (2^31 - 32512) = 1.0000151395; 32258 above the other: by 1.0000150212.
// CHECK-LABEL: func.func @scaled
// CHECK-DAG:     tw.constant dense<[-2147451136, 2147451389]> : tensor<2xi32>
// CHECK-DAG:     tw.constant dense<[1.00001514, 1.00001502]> : tensor<2xf32>
func.func @scaled(%x: tensor<3x2xi8>) -> tensor<3x2xi8> {
  %s = tw.constant dense<1.0> : tensor<f32>
  %o = tw.constant dense<33554432.0> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<127> : tensor<2x2xi8>
  %b = tw.constant dense<[-2147483648, 2147483647]> : tensor<2xi32>
  %y = tw.qgemm %x(%s, %z), %w(%s, %z) bias %b out(%o, %z) : (tensor<3x2xi8>, tensor<f32>, tensor<i8>, tensor<2x2xi8>, tensor<f32>, tensor<i8>, tensor<2xi32>, tensor<f32>, tensor<i8>) -> tensor<3x2xi8>
  return %y : tensor<3x2xi8>
}

// Products that are a large part of the sum forbid it: 8192 * 127 * 127 = 132 million and steps of 2^25, of which a
// sixteenth would be a quarter of a step.
// CHECK-LABEL: func.func @counts
// CHECK:         tw.constant dense<-2147483648> : tensor<1xi32>
func.func @counts(%x: tensor<1x8192xi8>) -> tensor<1x1xi8> {
  %s = tw.constant dense<1.0> : tensor<f32>
  %o = tw.constant dense<33554432.0> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<127> : tensor<1x8192xi8>
  %b = tw.constant dense<-2147483648> : tensor<1xi32>
  %y = tw.qgemm %x(%s, %z), %w(%s, %z) bias %b out(%o, %z) : (tensor<1x8192xi8>, tensor<f32>, tensor<i8>, tensor<1x8192xi8>, tensor<f32>, tensor<i8>, tensor<1xi32>, tensor<f32>, tensor<i8>) -> tensor<1x1xi8>
  return %y : tensor<1x1xi8>
}
