// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-blocks-to-linalg | FileCheck %s

// CHECK-DAG: #[[IMAGE:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1 * 2 + d4, d2 + d5 * 3, d3)>
// CHECK-DAG: #[[WEIGHT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d3, d4, d5, 0)>
// CHECK-DAG: #[[CHANNEL:.*]] = affine_map<(d0, d1, d2, d3) -> (d3)>

// A depthwise convolution: padding with the zero point, the sum, then the drain. Scales have become multipliers.
// CHECK-LABEL: func.func private @blk_conv(
// CHECK-SAME:    %[[X:.*]]: tensor<1x3x4x2xi8> {tw.role = "input"}, %[[W:.*]]: tensor<2x2x2x1xi8> {tw.role = "weight"},
// CHECK-SAME:    %[[M:.*]]: tensor<2xf32> {tw.role = "multiplier"}) -> tensor<1x2x2x2xi8>
// CHECK:         %[[P:.*]] = tensor.pad %[[X]] low[0, 1, 0, 0] high[0, 0, 1, 0]
// CHECK:         %[[ACC:.*]] = linalg.generic {indexing_maps = [#[[IMAGE]], #[[WEIGHT]], #{{.*}}], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%[[P]], %[[W]]
// CHECK:           arith.subi
// CHECK:           arith.muli
// CHECK:           arith.addi
// CHECK:         linalg.generic {indexing_maps = [#{{.*}}, #[[CHANNEL]], #{{.*}}]{{.*}} ins(%[[ACC]], %[[M]]
// CHECK:           %[[Z:.*]] = arith.constant -3 : i32
// CHECK:           tw.requantize %{{.*}}, %{{.*}}, %[[Z]] : i32
// CHECK:           arith.maxsi
func.func private @blk_conv(%x: tensor<1x3x4x2xi8>, %xs: tensor<f32>, %w: tensor<2x2x2x1xi8>, %ws: tensor<2xf32>, %ys: tensor<f32>) -> tensor<1x2x2x2xi8> {
  %xz = tw.constant dense<5> : tensor<i8>
  %wz = tw.constant dense<0> : tensor<i8>
  %yz = tw.constant dense<-3> : tensor<i8>
  %a = tw.qconv %x(%xs, %xz), %w(%ws, %wz) out(%ys, %yz) {clampLo = -3 : i64, group = 2 : i64, layout = #tw.layout<nhwc>, strides = array<i64: 2, 1>, pads = array<i64: 1, 0, 0, 1>, dilations = array<i64: 1, 3>} : (tensor<1x3x4x2xi8>, tensor<f32>, tensor<i8>, tensor<2x2x2x1xi8>, tensor<2xf32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2x2x2xi8>
  return %a : tensor<1x2x2x2xi8>
}

// Ratios 0.5 / 1 and 2 / 1: the larger multiplier is below 2^30 at shift 28.
// CHECK-LABEL: func.func private @blk_add(
// CHECK-SAME:    {tw.role = "lhs"}, %{{.*}} {tw.role = "rhs"}, %{{.*}} {tw.role = "mult_lhs"}, %{{.*}} {tw.role = "mult_rhs"}, %{{.*}} {tw.role = "shift"})
// CHECK:         tw.rescale
func.func private @blk_add(%x: tensor<4xi8>, %y: tensor<1xi8>, %xs: tensor<f32>, %ys: tensor<f32>, %s: tensor<f32>) -> tensor<4xi8> {
  %z = tw.constant dense<0> : tensor<i8>
  %a = tw.qeltwise <add> %x(%xs, %z), %y(%ys, %z) out(%s, %z) : (tensor<4xi8>, tensor<f32>, tensor<i8>, tensor<1xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<4xi8>
  return %a : tensor<4xi8>
}

// Sums take x as it is, beside padding with its zero point.
// CHECK-LABEL: func.func private @blk_sums(
// CHECK:         tensor.pad
// CHECK:         %[[ACC:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<1x1x2x3xi32>)
// CHECK-NOT:       arith.subi
// CHECK:         return %[[ACC]]
func.func private @blk_sums(%x: tensor<1x1x2x2xi8>, %w: tensor<3x1x1x2xi8>) -> tensor<1x1x2x3xi32> {
  %xz = tw.constant dense<5> : tensor<i8>
  %wz = tw.constant dense<0> : tensor<i8>
  %a = tw.qconv_sums %x(%xz), %w(%wz) {layout = #tw.layout<nhwc>, strides = array<i64: 1, 2>, pads = array<i64: 0, 1, 0, 1>, dilations = array<i64: 1, 1>} : (tensor<1x1x2x2xi8>, tensor<i8>, tensor<3x1x1x2xi8>, tensor<i8>) -> tensor<1x1x2x3xi32>
  return %a : tensor<1x1x2x3xi32>
}

// CHECK-LABEL: func.func @main
// CHECK-DAG:     %[[MULT:.*]] = tw.constant dense<[2.500000e-01, 5.000000e-01]> : tensor<2xf32>
// CHECK-DAG:     call @blk_conv(%arg0, %{{.*}}, %[[MULT]])
// CHECK-DAG:     %[[A:.*]] = tw.constant dense<134217728> : tensor<i32>
// CHECK-DAG:     %[[B:.*]] = tw.constant dense<536870912> : tensor<i32>
// CHECK-DAG:     %[[S:.*]] = tw.constant dense<28> : tensor<i32>
// CHECK:         call @blk_add(%arg1, %arg2, %[[A]], %[[B]], %[[S]])
func.func @main(%x: tensor<1x3x4x2xi8>, %y: tensor<4xi8>, %z: tensor<1xi8>) -> (tensor<1x2x2x2xi8>, tensor<4xi8>) {
  %one = tw.constant dense<1.0> : tensor<f32>
  %half = tw.constant dense<0.5> : tensor<f32>
  %two = tw.constant dense<2.0> : tensor<f32>
  %w = tw.constant dense<1> : tensor<2x2x2x1xi8>
  %ws = tw.constant dense<[0.5, 1.0]> : tensor<2xf32>
  %a = call @blk_conv(%x, %half, %w, %ws, %one) : (tensor<1x3x4x2xi8>, tensor<f32>, tensor<2x2x2x1xi8>, tensor<2xf32>, tensor<f32>) -> tensor<1x2x2x2xi8>
  %b = call @blk_add(%y, %z, %half, %two, %one) : (tensor<4xi8>, tensor<1xi8>, tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<4xi8>
  return %a, %b : tensor<1x2x2x2xi8>, tensor<4xi8>
}
