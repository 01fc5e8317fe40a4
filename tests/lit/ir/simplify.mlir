// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-simplify | FileCheck %s

// Of x[1:9:2] every second one, backward.
// CHECK-LABEL: func.func @slice_of_slice
// CHECK:         %[[Y:.*]] = tw.slice %arg0 {starts = array<i64: 7>, steps = array<i64: -4>} : (tensor<10xf32>) -> tensor<2xf32>
// CHECK-NEXT:    return %[[Y]]
func.func @slice_of_slice(%x: tensor<10xf32>) -> tensor<2xf32> {
  %a = tw.slice %x {starts = array<i64: 1>, steps = array<i64: 2>} : (tensor<10xf32>) -> tensor<4xf32>
  %y = tw.slice %a {starts = array<i64: 3>, steps = array<i64: -2>} : (tensor<4xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: func.func @whole
// CHECK-NEXT:    return %arg0
func.func @whole(%x: tensor<2x3xi8>) -> tensor<2x3xi8> {
  %y = tw.slice %x {starts = array<i64: 0, 0>, steps = array<i64: 1, 1>} : (tensor<2x3xi8>) -> tensor<2x3xi8>
  return %y : tensor<2x3xi8>
}

// CHECK-LABEL: func.func @slice_of_concat
// CHECK-NEXT:    %[[Y:.*]] = tw.slice %arg1 {starts = array<i64: 0, 1>
// CHECK-NEXT:    return %[[Y]]
func.func @slice_of_concat(%a: tensor<2x3xi8>, %b: tensor<2x4xi8>) -> tensor<2x2xi8> {
  %c = tw.concat %a, %b {axis = 1 : i64} : (tensor<2x3xi8>, tensor<2x4xi8>) -> tensor<2x7xi8>
  %y = tw.slice %c {starts = array<i64: 0, 4>, steps = array<i64: 1, 1>} : (tensor<2x7xi8>) -> tensor<2x2xi8>
  return %y : tensor<2x2xi8>
}

// A slice that reads both operands stays.
// CHECK-LABEL: func.func @slice_of_both
// CHECK:         tw.concat
// CHECK:         tw.slice
func.func @slice_of_both(%a: tensor<2x3xi8>, %b: tensor<2x4xi8>) -> tensor<2x2xi8> {
  %c = tw.concat %a, %b {axis = 1 : i64} : (tensor<2x3xi8>, tensor<2x4xi8>) -> tensor<2x7xi8>
  %y = tw.slice %c {starts = array<i64: 0, 2>, steps = array<i64: 1, 1>} : (tensor<2x7xi8>) -> tensor<2x2xi8>
  return %y : tensor<2x2xi8>
}

// CHECK-LABEL: func.func @concat_of_slices
// CHECK-NEXT:    return %arg0
func.func @concat_of_slices(%x: tensor<2x5xf32>) -> tensor<2x5xf32> {
  %a = tw.slice %x {starts = array<i64: 0, 0>, steps = array<i64: 1, 1>} : (tensor<2x5xf32>) -> tensor<2x2xf32>
  %b = tw.slice %x {starts = array<i64: 0, 2>, steps = array<i64: 1, 1>} : (tensor<2x5xf32>) -> tensor<2x3xf32>
  %y = tw.concat %a, %b {axis = 1 : i64} : (tensor<2x2xf32>, tensor<2x3xf32>) -> tensor<2x5xf32>
  return %y : tensor<2x5xf32>
}

// The other way round it is no part of the value.
// CHECK-LABEL: func.func @swapped
// CHECK:         tw.concat
func.func @swapped(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %a = tw.slice %x {starts = array<i64: 0, 0>, steps = array<i64: 1, 1>} : (tensor<2x4xf32>) -> tensor<2x2xf32>
  %b = tw.slice %x {starts = array<i64: 0, 2>, steps = array<i64: 1, 1>} : (tensor<2x4xf32>) -> tensor<2x2xf32>
  %y = tw.concat %b, %a {axis = 1 : i64} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @gather_of_line
// CHECK:         %[[S:.*]] = tw.slice %arg0 {starts = array<i64: 0, 4>, steps = array<i64: 1, -2>} : (tensor<3x5xf32>) -> tensor<3x3xf32>
// CHECK-NEXT:    %[[T:.*]] = tw.slice %arg0 {starts = array<i64: 2, 0>, steps = array<i64: 1, 1>} : (tensor<3x5xf32>) -> tensor<1x5xf32>
// CHECK-NEXT:    %[[U:.*]] = tw.reshape %[[T]] : (tensor<1x5xf32>) -> tensor<5xf32>
// CHECK-NEXT:    return %[[S]], %[[U]]
func.func @gather_of_line(%x: tensor<3x5xf32>) -> (tensor<3x3xf32>, tensor<5xf32>) {
  %i = tw.constant dense<[4, 2, 0]> : tensor<3xi64>
  %k = tw.constant dense<-1> : tensor<i64>
  %y = tw.gather %x, %i {axis = 1 : i64} : (tensor<3x5xf32>, tensor<3xi64>) -> tensor<3x3xf32>
  %z = tw.gather %x, %k {axis = 0 : i64} : (tensor<3x5xf32>, tensor<i64>) -> tensor<5xf32>
  return %y, %z : tensor<3x3xf32>, tensor<5xf32>
}

// Every int8 is an int32 and a float32; not every float32 is a float16.
// CHECK-LABEL: func.func @cast_of_cast
// CHECK-DAG:     %[[A:.*]] = tw.cast %arg0 : (tensor<4xi8>) -> tensor<4xf32>
// CHECK-DAG:     %[[N:.*]] = tw.cast %arg1 : (tensor<4xf32>) -> tensor<4xf16>
// CHECK-DAG:     %[[B:.*]] = tw.cast %[[N]] : (tensor<4xf16>) -> tensor<4xf32>
// CHECK:         return %[[A]], %[[B]]
func.func @cast_of_cast(%x: tensor<4xi8>, %z: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = tw.cast %x : (tensor<4xi8>) -> tensor<4xi32>
  %y = tw.cast %a : (tensor<4xi32>) -> tensor<4xf32>
  %b = tw.cast %z : (tensor<4xf32>) -> tensor<4xf16>
  %w = tw.cast %b : (tensor<4xf16>) -> tensor<4xf32>
  return %y, %w : tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @neutral
// CHECK-NOT:     tw.add
// CHECK-NOT:     tw.mul
// CHECK-NOT:     tw.sub
// CHECK-NOT:     tw.div
// CHECK:         return %arg0
func.func @neutral(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %zero = tw.constant dense<0.0> : tensor<f32>
  %one = tw.constant dense<1.0> : tensor<1xf32>
  %a = tw.add %zero, %x : (tensor<f32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %b = tw.mul %a, %one : (tensor<2x3xf32>, tensor<1xf32>) -> tensor<2x3xf32>
  %c = tw.sub %b, %zero : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %y = tw.div %c, %one : (tensor<2x3xf32>, tensor<1xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// 0 - x is not x.
// CHECK-LABEL: func.func @negated
// CHECK:         tw.sub
func.func @negated(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %zero = tw.constant dense<0.0> : tensor<f32>
  %y = tw.sub %zero, %x : (tensor<f32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @expanded_for_nothing
// CHECK-NEXT:    %[[Y:.*]] = tw.add %arg0, %arg1 : (tensor<2x3xf32>, tensor<3xf32>)
// CHECK-NEXT:    return %[[Y]]
func.func @expanded_for_nothing(%x: tensor<2x3xf32>, %z: tensor<3xf32>) -> tensor<2x3xf32> {
  %a = tw.expand %z : (tensor<3xf32>) -> tensor<1x3xf32>
  %b = tw.expand %a : (tensor<1x3xf32>) -> tensor<2x3xf32>
  %y = tw.add %x, %b : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @reduce_of_one
// CHECK-NEXT:    %[[Y:.*]] = tw.reshape %arg0 : (tensor<2x1x3xi32>) -> tensor<2x3xi32>
// CHECK-NEXT:    return %[[Y]]
func.func @reduce_of_one(%x: tensor<2x1x3xi32>) -> tensor<2x3xi32> {
  %y = tw.reduce <max> %x {axes = array<i64: 1>, keepDims = false} : (tensor<2x1x3xi32>) -> tensor<2x3xi32>
  return %y : tensor<2x3xi32>
}

// A pixel between itself and itself is that pixel; of two, or of integers, something is computed.
// CHECK-LABEL: func.func @resize_of_one
// CHECK-NEXT:    %[[Y:.*]] = tw.resize %arg0 {{.*}}mode = #tw.resize_mode<nearest>
// CHECK-NEXT:    %[[Z:.*]] = tw.resize %arg1 {{.*}}mode = #tw.resize_mode<linear>
// CHECK-NEXT:    %[[U:.*]] = tw.resize %arg2 {{.*}}mode = #tw.resize_mode<linear>
// CHECK-NEXT:    return %[[Y]], %[[Z]], %[[U]]
func.func @resize_of_one(%x: tensor<1x3x1x1xf32>, %z: tensor<1x3x1x2xf32>, %u: tensor<1x3x1x1xi8>) -> (tensor<1x3x4x5xf32>, tensor<1x3x4x4xf32>, tensor<1x3x4x5xi8>) {
  %a = tw.resize %x {scales = array<f32: 1.0, 1.0, 4.0, 5.0>, mode = #tw.resize_mode<linear>, coordinates = #tw.coordinate<half_pixel>, nearest = #tw.nearest<floor>} : (tensor<1x3x1x1xf32>) -> tensor<1x3x4x5xf32>
  %b = tw.resize %z {scales = array<f32: 1.0, 1.0, 4.0, 2.0>, mode = #tw.resize_mode<linear>, coordinates = #tw.coordinate<half_pixel>, nearest = #tw.nearest<floor>} : (tensor<1x3x1x2xf32>) -> tensor<1x3x4x4xf32>
  %c = tw.resize %u {scales = array<f32: 1.0, 1.0, 4.0, 5.0>, mode = #tw.resize_mode<linear>, coordinates = #tw.coordinate<half_pixel>, nearest = #tw.nearest<floor>} : (tensor<1x3x1x1xi8>) -> tensor<1x3x4x5xi8>
  return %a, %b, %c : tensor<1x3x4x5xf32>, tensor<1x3x4x4xf32>, tensor<1x3x4x5xi8>
}
