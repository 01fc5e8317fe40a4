// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-fuse-qdq | FileCheck %s

// The bias keeps its integers, ReLU becomes a clamp at the zero point, equal zero points of the channels become one.
// CHECK-LABEL: func.func @conv
// CHECK-DAG:     %[[B:.*]] = tw.constant dense<[3, -4]> : tensor<2xi32>
// CHECK-DAG:     %[[WZ:.*]] = tw.constant dense<0> : tensor<i8>
// CHECK:         %[[Y:.*]] = tw.qconv %arg0(%{{.*}}, %{{.*}}), %{{.*}}(%{{.*}}, %[[WZ]]) bias %[[B]] out(%{{[0-9]+}}, %{{[0-9]+}}) {clampLo = 5 : i64,
// CHECK-SAME:      pads = array<i64: 0, 1, 0, 1>
// CHECK-NEXT:    return %[[Y]]
func.func @conv(%x: tensor<1x1x1x4xi8>) -> tensor<1x2x1x4xi8> {
  %xs = tw.constant dense<0.5> : tensor<f32>
  %xz = tw.constant dense<-3> : tensor<i8>
  %w = tw.constant dense<[[[[1, 2, 3]]], [[[4, 5, 6]]]]> : tensor<2x1x1x3xi8>
  %ws = tw.constant dense<[0.25, 0.125]> : tensor<2xf32>
  %wz = tw.constant dense<0> : tensor<2xi8>
  %b = tw.constant dense<[3, -4]> : tensor<2xi32>
  %bs = tw.constant dense<[0.125, 0.0625]> : tensor<2xf32>
  %bz = tw.constant dense<0> : tensor<2xi32>
  %ys = tw.constant dense<0.75> : tensor<f32>
  %yz = tw.constant dense<5> : tensor<i8>
  %xf = tw.dequantize %x, %xs, %xz : (tensor<1x1x1x4xi8>, tensor<f32>, tensor<i8>) -> tensor<1x1x1x4xf32>
  %wf = tw.dequantize %w, %ws, %wz {axis = 0 : i64} : (tensor<2x1x1x3xi8>, tensor<2xf32>, tensor<2xi8>) -> tensor<2x1x1x3xf32>
  %bf = tw.dequantize %b, %bs, %bz {axis = 0 : i64} : (tensor<2xi32>, tensor<2xf32>, tensor<2xi32>) -> tensor<2xf32>
  %c = tw.conv %xf, %wf, %bf {strides = array<i64: 1, 1>, pads = array<i64: 0, 1, 0, 1>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x4xf32>, tensor<2x1x1x3xf32>, tensor<2xf32>) -> tensor<1x2x1x4xf32>
  %r = tw.relu %c : (tensor<1x2x1x4xf32>) -> tensor<1x2x1x4xf32>
  %q = tw.quantize %r, %ys, %yz : (tensor<1x2x1x4xf32>, tensor<f32>, tensor<i8>) -> tensor<1x2x1x4xi8>
  return %q : tensor<1x2x1x4xi8>
}

// A multiplier outside [2^-40, 2^8] cannot be executed: the operator stays in float.
// CHECK-LABEL: func.func @multiplier_too_large
// CHECK-NOT:     tw.qgemm
// CHECK:         tw.gemm
func.func @multiplier_too_large(%x: tensor<1x1xi8>) -> tensor<1x1xi8> {
  %big = tw.constant dense<1.0e+03> : tensor<f32>
  %small = tw.constant dense<1.0> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<1> : tensor<1x1xi8>
  %xf = tw.dequantize %x, %big, %z : (tensor<1x1xi8>, tensor<f32>, tensor<i8>) -> tensor<1x1xf32>
  %wf = tw.dequantize %w, %small, %z : (tensor<1x1xi8>, tensor<f32>, tensor<i8>) -> tensor<1x1xf32>
  %c = tw.gemm %xf, %wf {transB} : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  %q = tw.quantize %c, %small, %z : (tensor<1x1xf32>, tensor<f32>, tensor<i8>) -> tensor<1x1xi8>
  return %q : tensor<1x1xi8>
}

// CHECK-LABEL: func.func @add
// CHECK-NEXT:    tw.constant
// CHECK-NEXT:    tw.constant
// CHECK-NEXT:    %[[Y:.*]] = tw.qeltwise <add> %arg0(%{{.*}}, %{{.*}}), %arg1(%{{.*}}, %{{.*}}) out(%{{.*}}, %{{.*}}) {clampHi = 6 : i64, clampLo = 0 : i64}
// CHECK-NEXT:    return %[[Y]]
func.func @add(%x: tensor<4xi8>, %y: tensor<4xi8>) -> tensor<4xi8> {
  %s = tw.constant dense<1.0> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %a = tw.dequantize %x, %s, %z : (tensor<4xi8>, tensor<f32>, tensor<i8>) -> tensor<4xf32>
  %b = tw.dequantize %y, %s, %z : (tensor<4xi8>, tensor<f32>, tensor<i8>) -> tensor<4xf32>
  %c = tw.add %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %r = tw.relu %c : (tensor<4xf32>) -> tensor<4xf32>
  %k = tw.clip %r {lo = -1.0 : f32, hi = 6.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  %q = tw.quantize %k, %s, %z : (tensor<4xf32>, tensor<f32>, tensor<i8>) -> tensor<4xi8>
  return %q : tensor<4xi8>
}

// A float result that somebody else reads is there for him beside the integers.
// CHECK-LABEL: func.func @shared_result
// CHECK-DAG:     tw.add
// CHECK-DAG:     tw.qlut
func.func @shared_result(%x: tensor<4xi8>) -> (tensor<4xi8>, tensor<4xf32>) {
  %s = tw.constant dense<1.0> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %a = tw.dequantize %x, %s, %z : (tensor<4xi8>, tensor<f32>, tensor<i8>) -> tensor<4xf32>
  %c = tw.add %a, %a : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %q = tw.quantize %c, %s, %z : (tensor<4xf32>, tensor<f32>, tensor<i8>) -> tensor<4xi8>
  return %q, %c : tensor<4xi8>, tensor<4xf32>
}

// Functions of one value are a table; the mean over an image is a pool; equal scales around a move are nothing.
// CHECK-LABEL: func.func @others
// CHECK:         tw.qlut %arg0
// CHECK:         tw.qpool <average> %arg1
// CHECK-SAME:      kernel = array<i64: 2, 3>
// CHECK:         tw.reshape %arg0
// CHECK-NOT:     tw.quantize
func.func @others(%x: tensor<4xi8>, %i: tensor<1x5x2x3xi8>) -> (tensor<4xi8>, tensor<1x5xi8>, tensor<2x2xi8>) {
  %s = tw.constant dense<0.5> : tensor<f32>
  %t = tw.constant dense<0.25> : tensor<f32>
  %z = tw.constant dense<1> : tensor<i8>
  %a = tw.dequantize %x, %s, %z : (tensor<4xi8>, tensor<f32>, tensor<i8>) -> tensor<4xf32>
  %b = tw.tanh %a : (tensor<4xf32>) -> tensor<4xf32>
  %c = tw.quantize %b, %t, %z : (tensor<4xf32>, tensor<f32>, tensor<i8>) -> tensor<4xi8>
  %d = tw.dequantize %i, %s, %z : (tensor<1x5x2x3xi8>, tensor<f32>, tensor<i8>) -> tensor<1x5x2x3xf32>
  %e = tw.reduce_mean %d {axes = array<i64: 2, 3>, keepDims = false} : (tensor<1x5x2x3xf32>) -> tensor<1x5xf32>
  %f = tw.quantize %e, %t, %z : (tensor<1x5xf32>, tensor<f32>, tensor<i8>) -> tensor<1x5xi8>
  %g = tw.reshape %a : (tensor<4xf32>) -> tensor<2x2xf32>
  %h = tw.quantize %g, %s, %z : (tensor<2x2xf32>, tensor<f32>, tensor<i8>) -> tensor<2x2xi8>
  return %c, %f, %h : tensor<4xi8>, tensor<1x5xi8>, tensor<2x2xi8>
}

// Parts, gathers of known or given places and broadcasts of integers are of the integers; with another scale behind them
// a table stands where there are the fewest elements.
// CHECK-LABEL: func.func @choices
// CHECK-NOT:     tw.dequantize
// CHECK-DAG:     %[[S:.*]] = tw.slice %arg0 {{.*}} : (tensor<1x4x2x2xi8>) -> tensor<1x2x2x2xi8>
// CHECK-DAG:     %[[G:.*]] = tw.gather %arg0, %arg1 {{.*}} : (tensor<1x4x2x2xi8>, tensor<3xi64>) -> tensor<1x3x2x2xi8>
// CHECK-DAG:     %[[L:.*]] = tw.qlut %arg0, {{.*}} : (tensor<1x4x2x2xi8>
// CHECK-DAG:     %[[E:.*]] = tw.expand %[[L]] : (tensor<1x4x2x2xi8>) -> tensor<5x4x2x2xi8>
// CHECK:         return %[[S]], %[[G]], %[[E]]
func.func @choices(%x: tensor<1x4x2x2xi8>, %i: tensor<3xi64>) -> (tensor<1x2x2x2xi8>, tensor<1x3x2x2xi8>, tensor<5x4x2x2xi8>) {
  %s = tw.constant dense<0.5> : tensor<f32>
  %t = tw.constant dense<0.25> : tensor<f32>
  %z = tw.constant dense<3> : tensor<i8>
  %r = tw.dequantize %x, %s, %z : (tensor<1x4x2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<1x4x2x2xf32>
  %a = tw.slice %r {starts = array<i64: 0, 1, 0, 0>, steps = array<i64: 1, 2, 1, 1>} : (tensor<1x4x2x2xf32>) -> tensor<1x2x2x2xf32>
  %b = tw.gather %r, %i {axis = 1 : i64} : (tensor<1x4x2x2xf32>, tensor<3xi64>) -> tensor<1x3x2x2xf32>
  %c = tw.expand %r : (tensor<1x4x2x2xf32>) -> tensor<5x4x2x2xf32>
  %qa = tw.quantize %a, %s, %z : (tensor<1x2x2x2xf32>, tensor<f32>, tensor<i8>) -> tensor<1x2x2x2xi8>
  %qb = tw.quantize %b, %s, %z : (tensor<1x3x2x2xf32>, tensor<f32>, tensor<i8>) -> tensor<1x3x2x2xi8>
  %qc = tw.quantize %c, %t, %z : (tensor<5x4x2x2xf32>, tensor<f32>, tensor<i8>) -> tensor<5x4x2x2xi8>
  return %qa, %qb, %qc : tensor<1x2x2x2xi8>, tensor<1x3x2x2xi8>, tensor<5x4x2x2xi8>
}

// A quantiser passes a gather, but not to its indices.
// CHECK-LABEL: func.func @above_gather
// CHECK:         %[[Q:.*]] = tw.quantize %arg0
// CHECK-NEXT:    tw.gather %[[Q]], %arg1 {axis = 0 : i64} : (tensor<4xi8>, tensor<3xi64>) -> tensor<3xi8>
func.func @above_gather(%x: tensor<4xf32>, %i: tensor<3xi64>) -> tensor<3xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<3> : tensor<i8>
  %g = tw.gather %x, %i {axis = 0 : i64} : (tensor<4xf32>, tensor<3xi64>) -> tensor<3xf32>
  %y = tw.quantize %g, %s, %z : (tensor<3xf32>, tensor<f32>, tensor<i8>) -> tensor<3xi8>
  return %y : tensor<3xi8>
}

// Extrema and their places are those of the integers; a sum is not.
// CHECK-LABEL: func.func @extrema
// CHECK-DAG:     %[[M:.*]] = tw.reduce <max> %arg0 {{.*}} : (tensor<2x5xi8>) -> tensor<2xi8>
// CHECK-DAG:     %[[A:.*]] = tw.arg_reduce <min> %arg0 {{.*}} : (tensor<2x5xi8>) -> tensor<1x5xi64>
// CHECK-DAG:     %[[S:.*]] = tw.reduce <sum> %{{.*}} : (tensor<2x5xf32>) -> tensor<2xf32>
// CHECK:         return %[[M]], %[[A]], %[[S]]
func.func @extrema(%x: tensor<2x5xi8>) -> (tensor<2xi8>, tensor<1x5xi64>, tensor<2xf32>) {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<3> : tensor<i8>
  %r = tw.dequantize %x, %s, %z : (tensor<2x5xi8>, tensor<f32>, tensor<i8>) -> tensor<2x5xf32>
  %m = tw.reduce <max> %r {axes = array<i64: 1>, keepDims = false} : (tensor<2x5xf32>) -> tensor<2xf32>
  %q = tw.quantize %m, %s, %z : (tensor<2xf32>, tensor<f32>, tensor<i8>) -> tensor<2xi8>
  %a = tw.arg_reduce <min> %r {axis = 0 : i64} : (tensor<2x5xf32>) -> tensor<1x5xi64>
  %t = tw.reduce <sum> %r {axes = array<i64: 1>, keepDims = false} : (tensor<2x5xf32>) -> tensor<2xf32>
  return %q, %a, %t : tensor<2xi8>, tensor<1x5xi64>, tensor<2xf32>
}

// So is a choice by a relation, through other types, and numbers that are constants.
// CHECK-LABEL: func.func @relation
// CHECK:         tw.qlut %arg0
// CHECK-NEXT:    return
func.func @relation(%x: tensor<4xi8>) -> tensor<4xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<1> : tensor<i8>
  %k = tw.constant dense<2.0> : tensor<1xf64>
  %a = tw.dequantize %x, %s, %z : (tensor<4xi8>, tensor<f32>, tensor<i8>) -> tensor<4xf32>
  %b = tw.cast %a : (tensor<4xf32>) -> tensor<4xf64>
  %c = tw.compare <less> %b, %k : (tensor<4xf64>, tensor<1xf64>) -> tensor<4xi1>
  %d = tw.unary <expm1> %a : tensor<4xf32>
  %e = tw.where %c, %d, %a : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %f = tw.binary <pow> %e, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %q = tw.quantize %f, %s, %z : (tensor<4xf32>, tensor<f32>, tensor<i8>) -> tensor<4xi8>
  return %q : tensor<4xi8>
}

// A maximum of integers that nobody quantises, as the first of two in three dimensions.
// CHECK-LABEL: func.func @max_pool_alone
// CHECK:         %[[P:.*]] = tw.qpool <max> %arg0(%[[S:.*]], %[[Z:.*]]) out(%[[S]], %[[Z]]) {{.*}} -> tensor<1x2x2x3xi8>
// CHECK-NEXT:    %[[Y:.*]] = tw.dequantize %[[P]], %[[S]], %[[Z]]
// CHECK-NEXT:    return %[[Y]]
func.func @max_pool_alone(%x: tensor<1x2x4x3xi8>) -> tensor<1x2x2x3xf32> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<-3> : tensor<i8>
  %r = tw.dequantize %x, %s, %z : (tensor<1x2x4x3xi8>, tensor<f32>, tensor<i8>) -> tensor<1x2x4x3xf32>
  %y = tw.max_pool %r {kernel = array<i64: 2, 1>, strides = array<i64: 2, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x4x3xf32>) -> tensor<1x2x2x3xf32>
  return %y : tensor<1x2x2x3xf32>
}
