// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-convert-uint8 | FileCheck %s

// Arguments and results keep their bytes: the attribute says that the caller sees uint8.
// CHECK-LABEL: func.func @boundary(
// CHECK-SAME:    %[[X:.*]]: tensor<2xi8> {tw.unsigned}) -> (tensor<2xf32>, tensor<2xi8> {tw.unsigned})
// CHECK:         %[[IN:.*]] = tw.flip_sign %[[X]]
// CHECK:         %[[R:.*]] = tw.reshape %[[IN]] {{.*}}tensor<1x2xi8>
// CHECK:         %[[B:.*]] = tw.reshape %[[R]]
// CHECK:         tw.dequantize %[[B]]
// CHECK:         %[[OUT:.*]] = tw.flip_sign %[[B]] : (tensor<2xi8>) -> tensor<2xi8>
// CHECK:         return %{{.*}}, %[[OUT]]
func.func @boundary(%x: tensor<2xui8>) -> (tensor<2xf32>, tensor<2xui8>) {
  %s = tw.constant dense<5.0e-01> : tensor<f32>
  %z = tw.constant dense<128> : tensor<ui8>
  %a = tw.reshape %x : (tensor<2xui8>) -> tensor<1x2xui8>
  %b = tw.reshape %a : (tensor<1x2xui8>) -> tensor<2xui8>
  %f = tw.dequantize %b, %s, %z : (tensor<2xui8>, tensor<f32>, tensor<ui8>) -> tensor<2xf32>
  return %f, %b : tensor<2xf32>, tensor<2xui8>
}

// What nothing quantises stays.
// CHECK-LABEL: func.func @plain(
// CHECK-SAME:    tensor<2xui8>) -> tensor<2xui8>
// CHECK-NOT:     tw.flip_sign
// CHECK:         tw.add %{{.*}} : (tensor<2xui8>, tensor<2xui8>) -> tensor<2xui8>
func.func private @somewhere(%x: tensor<2xui8>) -> tensor<2xui8>
func.func @plain(%x: tensor<2xui8>) -> tensor<2xui8> {
  %a = tw.reshape %x : (tensor<2xui8>) -> tensor<2xui8>
  %b = tw.add %a, %a : (tensor<2xui8>, tensor<2xui8>) -> tensor<2xui8>
  %c = func.call @somewhere(%b) : (tensor<2xui8>) -> tensor<2xui8>
  return %c : tensor<2xui8>
}

// An operator on uint8 between quantised values gets them as they are, once, and so do their readers from it.
// CHECK-LABEL: func.func @meet
// CHECK:         %[[Q:.*]] = tw.quantize {{.*}} -> tensor<2xi8>
// CHECK:         %[[U:.*]] = tw.flip_sign %[[Q]] : (tensor<2xi8>) -> tensor<2xui8>
// CHECK:         %[[D:.*]] = tw.add %[[U]], %[[U]] : (tensor<2xui8>, tensor<2xui8>) -> tensor<2xui8>
// CHECK:         %[[I:.*]] = tw.flip_sign %[[D]] : (tensor<2xui8>) -> tensor<2xi8>
// CHECK:         %[[C:.*]] = tw.concat %[[I]], %[[Q]] {{.*}} -> tensor<4xi8>
// CHECK:         tw.dequantize %[[C]]
// CHECK:         return %{{.*}}, %[[D]] : tensor<4xf32>, tensor<2xui8>
func.func @meet(%x: tensor<2xf32>) -> (tensor<4xf32>, tensor<2xui8>) {
  %s = tw.constant dense<5.0e-01> : tensor<f32>
  %z = tw.constant dense<128> : tensor<ui8>
  %q = tw.quantize %x, %s, %z : (tensor<2xf32>, tensor<f32>, tensor<ui8>) -> tensor<2xui8>
  %d = tw.add %q, %q : (tensor<2xui8>, tensor<2xui8>) -> tensor<2xui8>
  %c = tw.concat %d, %q {axis = 0 : i64} : (tensor<2xui8>, tensor<2xui8>) -> tensor<4xui8>
  %f = tw.dequantize %c, %s, %z : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
  return %f, %d : tensor<4xf32>, tensor<2xui8>
}

// A constant has the form that each of its readers wants.
// CHECK-LABEL: func.func @constants
// CHECK-DAG:     %[[W:.*]] = tw.constant dense<[-127, -126]> : tensor<2xi8>
// CHECK-DAG:     %[[U:.*]] = tw.constant dense<[1, 2]> : tensor<2xui8>
// CHECK-DAG:     tw.dequantize %[[W]]
// CHECK-DAG:     tw.mul %[[U]], %[[U]]
func.func @constants() -> (tensor<2xf32>, tensor<2xui8>) {
  %s = tw.constant dense<5.0e-01> : tensor<f32>
  %z = tw.constant dense<128> : tensor<ui8>
  %w = tw.constant dense<[1, 2]> : tensor<2xui8>
  %f = tw.dequantize %w, %s, %z : (tensor<2xui8>, tensor<f32>, tensor<ui8>) -> tensor<2xf32>
  %m = tw.mul %w, %w : (tensor<2xui8>, tensor<2xui8>) -> tensor<2xui8>
  return %f, %m : tensor<2xf32>, tensor<2xui8>
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
func.func @pad(%x: tensor<2xui8>) -> tensor<3xf32> {
  %s = tw.constant dense<5.0e-01> : tensor<f32>
  %z = tw.constant dense<128> : tensor<ui8>
  %a = tw.pad %x {lo = array<i64: 0>, hi = array<i64: 1>, value = 3.0 : f32} : (tensor<2xui8>) -> tensor<3xui8>
  %f = tw.dequantize %a, %s, %z : (tensor<3xui8>, tensor<f32>, tensor<ui8>) -> tensor<3xf32>
  return %f : tensor<3xf32>
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
