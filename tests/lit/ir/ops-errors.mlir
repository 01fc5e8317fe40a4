// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s -verify-diagnostics -split-input-file

func.func @f(%x: tensor<1x3x4x4xf32>, %w: tensor<2x2x1x1xf32>) {
  // expected-error @below {{'tw.conv' op input has 3 channels, weight 2x2x1x1 with group 1 needs 2}}
  %a = tw.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  return
}

// -----

func.func @f(%x: tensor<1x1x4x4xf32>) {
  // expected-error @below {{'tw.average_pool' op window of 5 does not fit a padded extent of 4}}
  %a = tw.average_pool %x {kernel = array<i64: 5, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>} : (tensor<1x1x4x4xf32>) -> tensor<1x1x1x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %y: tensor<4x5xf32>) {
  // expected-error @below {{'tw.gemm' op inner dimensions differ: 2x3 by 4x5}}
  %a = tw.gemm %x, %y : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%x: tensor<2xf32>, %y: tensor<3xf32>) {
  // expected-error @below {{'tw.add' op shapes 2 and 3 do not broadcast}}
  %a = tw.add %x, %y : (tensor<2xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @below {{'tw.transpose' op result is 2x3, its operands give 3x2}}
  %a = tw.transpose %x {perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @below {{'tw.reshape' op from 2x3 to 5 changes the number of elements}}
  %a = tw.reshape %x : (tensor<2x3xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %s: tensor<2xf32>, %z: tensor<i8>) {
  // expected-error @below {{'tw.quantize' op has 2 scales or zero points for 3 slices of axis 1}}
  %a = tw.quantize %x, %s, %z : (tensor<2x3xf32>, tensor<2xf32>, tensor<i8>) -> tensor<2x3xi8>
  return
}

// -----

func.func @f(%x: tensor<2xi8>, %s: tensor<f32>, %z: tensor<ui8>) {
  // expected-error @below {{'tw.dequantize' op zero point and input differ in element type}}
  %a = tw.dequantize %x, %s, %z : (tensor<2xi8>, tensor<f32>, tensor<ui8>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2xi8>, %t: tensor<255xi8>) {
  // expected-error @below {{'tw.qlut' op a table has 256 entries, not 255}}
  %a = tw.qlut %x, %t : (tensor<2xi8>, tensor<255xi8>) -> tensor<2xi8>
  return
}

// -----

func.func @f(%x: tensor<1x2xi8>, %s: tensor<f32>, %z: tensor<i8>, %w: tensor<2x2xi8>) {
  // expected-error @below {{'tw.qgemm' op clamp [5, 4] is not a range inside [-128, 127]}}
  %a = tw.qgemm %x(%s, %z), %w(%s, %z) out(%s, %z) {clampLo = 5 : i64, clampHi = 4 : i64} : (tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<2x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
  return
}

// -----

func.func @f(%x: tensor<1x2xi8>, %s: tensor<f32>, %z: tensor<i8>, %w: tensor<2x2xi8>, %b: tensor<3xi32>) {
  // expected-error @below {{'tw.qgemm' op bias is 3 for 2 output channels}}
  %a = tw.qgemm %x(%s, %z), %w(%s, %z) bias %b out(%s, %z) : (tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<2x2xi8>, tensor<f32>, tensor<i8>, tensor<3xi32>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
  return
}

// -----

func.func @f() {
  // expected-error @below {{'tw.constant' op resource 'absent' has no data (was it elided?)}}
  %a = tw.constant dense_resource<absent> : tensor<100xi8>
  return
}

// -----

func.func @f(%x: tensor<2xi32>) -> tensor<4xi32> {
  // expected-error @below {{'tw.resize' op interpolates int32, only float32, int8 and uint8 are supported}}
  %a = tw.resize %x {scales = array<f32: 2.0>, mode = #tw.resize_mode<linear>, coordinates = #tw.coordinate<half_pixel>, nearest = #tw.nearest<floor>} : (tensor<2xi32>) -> tensor<4xi32>
  return %a : tensor<4xi32>
}
