// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-drop-dead-taps | FileCheck %s

// Of 3x3 taps 24 apart on an image of 4x4 the centre is left.
// CHECK-LABEL: func.func @centre
// CHECK-DAG:     %[[W:.*]] = tw.constant dense<5.000000e+00> : tensor<1x1x1x1xf32>
// CHECK:         tw.conv %arg0, %[[W]] {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
func.func @centre(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = tw.constant dense<[[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]]> : tensor<1x1x3x3xf32>
  %y = tw.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 24, 24, 24, 24>, dilations = array<i64: 24, 24>} : (tensor<1x1x4x4xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x4x4xf32>
  return %y : tensor<1x1x4x4xf32>
}

// The integer form, channels last, in groups: rows 0 and 1 of four go, columns stay. Padding in front shrinks by two.
// CHECK-LABEL: func.func @integers
// CHECK-DAG:     %[[W:.*]] = tw.constant dense<{{\[\[\[\[}}3], [4]], {{\[\[}}5], [6]]], {{\[\[\[}}13], [14]], {{\[\[}}15], [16]]]]> : tensor<2x2x2x1xi8>
// CHECK:         tw.qconv %arg0(%{{.*}}), %[[W]](%{{.*}}) out(%{{.*}}) {dilations = array<i64: 1, 1>, group = 2 : i64, layout = #tw.layout<nhwc>, pads = array<i64: 0, 1, 0, 0>, strides = array<i64: 1, 1>}
func.func @integers(%x: tensor<1x2x3x2xi8>) -> tensor<1x1x3x2xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<-3> : tensor<i8>
  %w = tw.constant dense<[[[[99], [98]], [[97], [96]], [[3], [4]], [[5], [6]]], [[[89], [88]], [[87], [86]], [[13], [14]], [[15], [16]]]]> : tensor<2x4x2x1xi8>
  %y = tw.qconv %x(%s, %z), %w(%s, %z) out(%s, %z) {strides = array<i64: 1, 1>, pads = array<i64: 2, 1, 0, 0>, dilations = array<i64: 1, 1>, group = 2 : i64, layout = #tw.layout<nhwc>} : (tensor<1x2x3x2xi8>, tensor<f32>, tensor<i8>, tensor<2x4x2x1xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x1x3x2xi8>
  return %y : tensor<1x1x3x2xi8>
}

// Two windows two apart on four columns: the middle tap reads columns 1 and 3. Less padding than none is a slice.
// CHECK-LABEL: func.func @cropped
// CHECK-DAG:     %[[W:.*]] = tw.constant dense<2.000000e+00> : tensor<1x1x1x1xf32>
// CHECK-DAG:     %[[X:.*]] = tw.slice %arg0 {starts = array<i64: 0, 0, 0, 1>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x1x1x4xf32>) -> tensor<1x1x1x3xf32>
// CHECK:         tw.conv %[[X]], %[[W]] {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 2>}
func.func @cropped(%x: tensor<1x1x1x4xf32>) -> tensor<1x1x1x2xf32> {
  %w = tw.constant dense<[[[[1.0, 2.0, 3.0]]]]> : tensor<1x1x1x3xf32>
  %y = tw.conv %x, %w {strides = array<i64: 1, 2>, pads = array<i64: 0, 23, 0, 24>, dilations = array<i64: 1, 24>} : (tensor<1x1x1x4xf32>, tensor<1x1x1x3xf32>) -> tensor<1x1x1x2xf32>
  return %y : tensor<1x1x1x2xf32>
}

// One window, whose first tap reads column 2: columns in front of it are read by nobody. Weights that are computed are
// sliced, too.
// CHECK-LABEL: func.func @computed_weights
// CHECK-DAG:     %[[W:.*]] = tw.slice %arg1 {starts = array<i64: 0, 0, 0, 1>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x1x1x3xf32>) -> tensor<1x1x1x1xf32>
// CHECK-DAG:     %[[X:.*]] = tw.slice %arg0 {starts = array<i64: 0, 0, 0, 2>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x1x1x4xf32>) -> tensor<1x1x1x1xf32>
// CHECK:         tw.conv %[[X]], %[[W]] {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>
func.func @computed_weights(%x: tensor<1x1x1x4xf32>, %w: tensor<1x1x1x3xf32>) -> tensor<1x1x1x1xf32> {
  %y = tw.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 3, 0, 4>, dilations = array<i64: 1, 5>} : (tensor<1x1x1x4xf32>, tensor<1x1x1x3xf32>) -> tensor<1x1x1x1xf32>
  return %y : tensor<1x1x1x1xf32>
}

// A stride beyond the image: tap 0 reads its second window, tap 2 its first, tap 1 nothing, and it stays between them.
// CHECK-LABEL: func.func @between
// CHECK-NOT:     tw.slice
// CHECK:         tw.conv {{.*}}dilations = array<i64: 1, 4>, pads = array<i64: 0, 8, 0, 8>{{.*}}tensor<1x1x1x3xf32>
func.func @between(%x: tensor<1x1x1x1xf32>) -> tensor<1x1x1x2xf32> {
  %w = tw.constant dense<1.0> : tensor<1x1x1x3xf32>
  %y = tw.conv %x, %w {strides = array<i64: 1, 8>, pads = array<i64: 0, 8, 0, 8>, dilations = array<i64: 1, 4>} : (tensor<1x1x1x1xf32>, tensor<1x1x1x3xf32>) -> tensor<1x1x1x2xf32>
  return %y : tensor<1x1x1x2xf32>
}

// No tap meets the image: the result is the bias, and the kernel stays.
// CHECK-LABEL: func.func @nothing
// CHECK:         tw.conv {{.*}}dilations = array<i64: 1, 9>, pads = array<i64: 0, 7, 0, 7>{{.*}}tensor<1x1x1x2xf32>
func.func @nothing(%x: tensor<1x1x1x2xf32>) -> tensor<1x1x1x1xf32> {
  %w = tw.constant dense<1.0> : tensor<1x1x1x2xf32>
  %y = tw.conv %x, %w {strides = array<i64: 1, 8>, pads = array<i64: 0, 7, 0, 7>, dilations = array<i64: 1, 9>} : (tensor<1x1x1x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x1x1x1xf32>
  return %y : tensor<1x1x1x1xf32>
}

// Of weights that were dequantised the integers are cut.
// CHECK-LABEL: func.func @dequantised
// CHECK-DAG:     %[[Q:.*]] = tw.constant dense<{{\[\[\[\[}}2]]], {{\[\[\[}}5]]]]> : tensor<2x1x1x1xi8>
// CHECK:         %[[W:.*]] = tw.dequantize %[[Q]], %{{.*}}, %{{.*}} {axis = 0 : i64}
// CHECK:         tw.conv %arg0, %[[W]]
func.func @dequantised(%x: tensor<1x1x1x1xf32>) -> tensor<1x2x1x1xf32> {
  %q = tw.constant dense<[[[[1, 2, 3]]], [[[4, 5, 6]]]]> : tensor<2x1x1x3xi8>
  %s = tw.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %z = tw.constant dense<0> : tensor<2xi8>
  %w = tw.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<2x1x1x3xi8>, tensor<2xf32>, tensor<2xi8>) -> tensor<2x1x1x3xf32>
  %y = tw.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 1, 0, 1>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x1xf32>, tensor<2x1x1x3xf32>) -> tensor<1x2x1x1xf32>
  return %y : tensor<1x2x1x1xf32>
}

// Padding of sums is the zero point: of 0 it adds nothing, of 7 it does.
// CHECK-LABEL: func.func @sums
// CHECK:         tw.qconv_sums %arg0({{.*}}pads = array<i64: 0, 0, 0, 0>{{.*}}tensor<1x1x1x1xi8>
// CHECK:         tw.qconv_sums %arg0({{.*}}pads = array<i64: 0, 1, 0, 1>{{.*}}tensor<1x1x1x3xi8>
func.func @sums(%x: tensor<1x1x1x1xi8>) -> (tensor<1x1x1x1xi32>, tensor<1x1x1x1xi32>) {
  %zero = tw.constant dense<0> : tensor<i8>
  %seven = tw.constant dense<7> : tensor<i8>
  %w = tw.constant dense<3> : tensor<1x1x1x3xi8>
  %a = tw.qconv_sums %x(%zero), %w(%seven) {strides = array<i64: 1, 1>, pads = array<i64: 0, 1, 0, 1>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x1xi8>, tensor<i8>, tensor<1x1x1x3xi8>, tensor<i8>) -> tensor<1x1x1x1xi32>
  %b = tw.qconv_sums %x(%seven), %w(%seven) {strides = array<i64: 1, 1>, pads = array<i64: 0, 1, 0, 1>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x1xi8>, tensor<i8>, tensor<1x1x1x3xi8>, tensor<i8>) -> tensor<1x1x1x1xi32>
  return %a, %b : tensor<1x1x1x1xi32>, tensor<1x1x1x1xi32>
}
