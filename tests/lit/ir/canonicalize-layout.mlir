// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-canonicalize-layout --tw-fold-constants | FileCheck %s

// Between two image operators no transpose remains; they stand at the boundary.
// CHECK-LABEL: func.func @chain
// CHECK:         %[[T:.*]] = tw.transpose %arg0 {perm = array<i64: 0, 2, 3, 1>}
// CHECK-NEXT:    %[[P:.*]] = tw.qpool <max> %[[T]]{{.*}} layout = #tw.layout<nhwc>
// CHECK-NEXT:    %[[L:.*]] = tw.qlut %[[P]], %arg1 : (tensor<1x4x5x3xi8>
// CHECK-NEXT:    %[[Q:.*]] = tw.qpool <max> %[[L]]
// CHECK-NEXT:    %[[R:.*]] = tw.transpose %[[Q]] {perm = array<i64: 0, 3, 1, 2>}
// CHECK-NEXT:    return %[[R]]
func.func @chain(%x: tensor<1x3x4x5xi8>, %t: tensor<256xi8>) -> tensor<1x3x4x5xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %a = tw.qpool <max> %x(%s, %z) out(%s, %z) {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x5xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x3x4x5xi8>
  %b = tw.qlut %a, %t : (tensor<1x3x4x5xi8>, tensor<256xi8>) -> tensor<1x3x4x5xi8>
  %c = tw.qpool <max> %b(%s, %z) out(%s, %z) {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x5xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x3x4x5xi8>
  return %c : tensor<1x3x4x5xi8>
}

// Flattening into a fully connected layer: its weights take the order. Columns (c, w) become (w, c).
// CHECK-LABEL: func.func @flatten
// CHECK-DAG:     %[[W:.*]] = tw.constant dense<{{\[\[}}1, 4, 2, 5, 3, 6]]> : tensor<1x6xi8>
// CHECK-DAG:     %[[X:.*]] = tw.reshape %{{.*}} -> tensor<1x6xi8>
// CHECK:         tw.qgemm %[[X]](%{{.*}}, %{{.*}}), %[[W]]
func.func @flatten(%x: tensor<1x2x1x3xi8>) -> tensor<1x1xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<[[1, 2, 3, 4, 5, 6]]> : tensor<1x6xi8>
  %a = tw.qpool <max> %x(%s, %z) out(%s, %z) {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x1x3xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2x1x3xi8>
  %f = tw.reshape %a : (tensor<1x2x1x3xi8>) -> tensor<1x6xi8>
  %g = tw.qgemm %f(%s, %z), %w(%s, %z) out(%s, %z) : (tensor<1x6xi8>, tensor<f32>, tensor<i8>, tensor<1x6xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x1xi8>
  return %g : tensor<1x1xi8>
}

// One channel: the transpose moves nothing and is a reshape. Axes follow the transposes that pass.
// CHECK-LABEL: func.func @unit_and_axes
// CHECK:         tw.reshape %arg0 : (tensor<1x1x4x5xi8>) -> tensor<1x4x5x1xi8>
// CHECK:         tw.concat {{.*}} {axis = 3 : i64}
// CHECK:         tw.pad {{.*}} {hi = array<i64: 0, 0, 0, 0>, lo = array<i64: 0, 1, 0, 0>
func.func @unit_and_axes(%x: tensor<1x1x4x5xi8>) -> tensor<1x2x5x5xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %a = tw.qpool <max> %x(%s, %z) out(%s, %z) {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x4x5xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x1x4x5xi8>
  %c = tw.concat %a, %a {axis = 1 : i64} : (tensor<1x1x4x5xi8>, tensor<1x1x4x5xi8>) -> tensor<1x2x4x5xi8>
  %p = tw.pad %c {lo = array<i64: 0, 0, 1, 0>, hi = array<i64: 0, 0, 0, 0>, value = 0.0 : f32} : (tensor<1x2x4x5xi8>) -> tensor<1x2x5x5xi8>
  %b = tw.qpool <max> %p(%s, %z) out(%s, %z) {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x5x5xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2x5x5xi8>
  return %b : tensor<1x2x5x5xi8>
}

// A shuffle of channels between image operators: groups are split and merged where the channels lie, innermost.
// CHECK-LABEL: func.func @shuffle
// CHECK:         %[[P:.*]] = tw.qpool
// CHECK-NEXT:    %[[S:.*]] = tw.reshape %[[P]] : (tensor<1x2x3x6xi8>) -> tensor<1x2x3x2x3xi8>
// CHECK-NEXT:    %[[T:.*]] = tw.transpose %[[S]] {perm = array<i64: 0, 1, 2, 4, 3>}
// CHECK-NEXT:    %[[M:.*]] = tw.reshape %[[T]] : (tensor<1x2x3x3x2xi8>) -> tensor<1x2x3x6xi8>
// CHECK-NEXT:    tw.qpool <max> %[[M]]
func.func @shuffle(%x: tensor<1x6x2x3xi8>) -> tensor<1x6x2x3xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %a = tw.qpool <max> %x(%s, %z) out(%s, %z) {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x6x2x3xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x6x2x3xi8>
  %b = tw.reshape %a : (tensor<1x6x2x3xi8>) -> tensor<1x2x3x2x3xi8>
  %c = tw.transpose %b {perm = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x2x3x2x3xi8>) -> tensor<1x3x2x2x3xi8>
  %d = tw.reshape %c : (tensor<1x3x2x2x3xi8>) -> tensor<1x6x2x3xi8>
  %e = tw.qpool <max> %d(%s, %z) out(%s, %z) {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x6x2x3xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x6x2x3xi8>
  return %e : tensor<1x6x2x3xi8>
}

// Slices, gathers and reductions of channels are of the innermost dimension; a reduction that drops the image leaves
// nothing of the transpose.
// CHECK-LABEL: func.func @choices
// CHECK:         tw.slice {{.*}} {starts = array<i64: 0, 0, 0, 1>, steps = array<i64: 1, 1, 1, 2>}
// CHECK:         tw.gather {{.*}} {axis = 3 : i64} : (tensor<1x4x5x3xf32>, tensor<4xi64>) -> tensor<1x4x5x4xf32>
// CHECK:         %[[R:.*]] = tw.reduce <sum> {{.*}} {axes = array<i64: 1, 2>, keepDims = false} : (tensor<1x4x5x4xf32>) -> tensor<1x4xf32>
// CHECK-NEXT:    return %[[R]]
func.func @choices(%x: tensor<1x6x4x5xf32>, %i: tensor<4xi64>) -> tensor<1x4xf32> {
  %a = tw.max_pool %x {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x6x4x5xf32>) -> tensor<1x6x4x5xf32>
  %b = tw.slice %a {starts = array<i64: 0, 1, 0, 0>, steps = array<i64: 1, 2, 1, 1>} : (tensor<1x6x4x5xf32>) -> tensor<1x3x4x5xf32>
  %c = tw.gather %b, %i {axis = 1 : i64} : (tensor<1x3x4x5xf32>, tensor<4xi64>) -> tensor<1x4x4x5xf32>
  %d = tw.reduce <sum> %c {axes = array<i64: 2, 3>, keepDims = false} : (tensor<1x4x4x5xf32>) -> tensor<1x4xf32>
  return %d : tensor<1x4xf32>
}

// Functions, relations, choices and casts let a transpose pass; a constant takes its order.
// CHECK-LABEL: func.func @elementwise
// CHECK-DAG:     %[[K:.*]] = tw.constant dense<{{\[\[}}1.000000e+00], [2.000000e+00], [3.000000e+00]]> : tensor<3x1xf32>
// CHECK:         %[[R:.*]] = tw.compare <less> %arg0, %[[K]] : (tensor<3x2xf32>, tensor<3x1xf32>) -> tensor<3x2xi1>
// CHECK-NEXT:    %[[U:.*]] = tw.unary <exp> %arg0 : tensor<3x2xf32>
// CHECK-NEXT:    %[[W:.*]] = tw.where %[[R]], %[[U]], %arg0
// CHECK-NEXT:    %[[C:.*]] = tw.cast %[[W]] : (tensor<3x2xf32>) -> tensor<3x2xi32>
// CHECK-NEXT:    tw.transpose %[[C]] {perm = array<i64: 1, 0>}
func.func @elementwise(%x: tensor<3x2xf32>) -> tensor<2x3xi32> {
  %k = tw.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %t = tw.transpose %x {perm = array<i64: 1, 0>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  %r = tw.compare <less> %t, %k : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  %u = tw.unary <exp> %t : tensor<2x3xf32>
  %w = tw.where %r, %u, %t : (tensor<2x3xi1>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %c = tw.cast %w : (tensor<2x3xf32>) -> tensor<2x3xi32>
  return %c : tensor<2x3xi32>
}
