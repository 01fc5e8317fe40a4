// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-convert-uint8 | FileCheck %s

// Arguments and results keep their bytes: the attribute says that the caller sees uint8.
// CHECK-LABEL: func.func @boundary(
// CHECK-SAME:    %[[X:.*]]: tensor<2xi8> {tw.unsigned}) -> (tensor<2xi8> {tw.unsigned})
// CHECK:         %[[IN:.*]] = tw.flip_sign %[[X]]
// CHECK:         %[[R:.*]] = tw.reshape %[[IN]]
// CHECK:         %[[OUT:.*]] = tw.flip_sign
// CHECK:         return %[[OUT]]
func.func @boundary(%x: tensor<2xui8>) -> tensor<2xui8> {
  %a = tw.reshape %x : (tensor<2xui8>) -> tensor<1x2xui8>
  %b = tw.reshape %a : (tensor<1x2xui8>) -> tensor<2xui8>
  return %b : tensor<2xui8>
}

// 128 becomes 0, 0 becomes -128; int32 zero points stay.
// CHECK-LABEL: func.func @zeros
// CHECK-DAG:     tw.constant dense<0> : tensor<i8>
// CHECK-DAG:     tw.constant dense<[-128, 127]> : tensor<2xi8>
// CHECK-DAG:     tw.constant dense<0> : tensor<i32>
// CHECK:         tw.dequantize %{{.*}} : (tensor<2xi8>, tensor<f32>, tensor<i8>)
func.func @zeros(%b: tensor<2xi32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %s = tw.constant dense<5.0e-01> : tensor<f32>
  %z = tw.constant dense<128> : tensor<ui8>
  %w = tw.constant dense<[0, 255]> : tensor<2xui8>
  %z32 = tw.constant dense<0> : tensor<i32>
  %f = tw.dequantize %w, %s, %z : (tensor<2xui8>, tensor<f32>, tensor<ui8>) -> tensor<2xf32>
  %g = tw.dequantize %b, %s, %z32 : (tensor<2xi32>, tensor<f32>, tensor<i32>) -> tensor<2xf32>
  return %f, %g : tensor<2xf32>, tensor<2xf32>
}

// The padding value is a uint8 as well.
// CHECK-LABEL: func.func @pad
// CHECK:         tw.pad %{{.*}} {hi = array<i64: 1>, lo = array<i64: 0>, value = -1.250000e+02 : f32}
func.func @pad(%x: tensor<2xui8>) -> tensor<3xui8> {
  %a = tw.pad %x {lo = array<i64: 0>, hi = array<i64: 1>, value = 3.0 : f32} : (tensor<2xui8>) -> tensor<3xui8>
  return %a : tensor<3xui8>
}

// Towards zero is downwards for a uint8, and stays so for the int8 that it becomes.
// CHECK-LABEL: func.func @linear
// CHECK:         tw.resize {{.*}}roundDown
// CHECK-LABEL: func.func @nearest
// CHECK-NOT:     roundDown
// CHECK:         tw.resize
func.func @linear(%x: tensor<2xui8>) -> tensor<4xui8> {
  %a = tw.resize %x {scales = array<f32: 2.0>, mode = #tw.resize_mode<linear>, coordinates = #tw.coordinate<half_pixel>, nearest = #tw.nearest<floor>} : (tensor<2xui8>) -> tensor<4xui8>
  return %a : tensor<4xui8>
}
func.func @nearest(%x: tensor<2xui8>) -> tensor<4xui8> {
  %a = tw.resize %x {scales = array<f32: 2.0>, mode = #tw.resize_mode<nearest>, coordinates = #tw.coordinate<half_pixel>, nearest = #tw.nearest<floor>} : (tensor<2xui8>) -> tensor<4xui8>
  return %a : tensor<4xui8>
}
