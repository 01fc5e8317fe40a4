// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-fuse-sums | FileCheck %s

// The zero point of the sums: -3 times the weights of the channel (6 and 15), less the bias in steps of 0.125 and 0.0625.
// CHECK-LABEL: func.func @conv
// CHECK-DAG:     %[[S:.*]] = tw.constant dense<[1.250000e-01, 6.250000e-02]> : tensor<2xf32>
// CHECK-DAG:     %[[Z:.*]] = tw.constant dense<[-21, -41]> : tensor<2xi32>
// CHECK:         %[[SUMS:.*]] = tw.qconv_sums %arg0(%{{.*}}), %{{.*}}(%{{.*}}) {{.*}}pads = array<i64: 0, 1, 0, 1>{{.*}} -> tensor<1x2x1x4xi32>
// CHECK-NEXT:    %[[Y:.*]] = tw.dequantize %[[SUMS]], %[[S]], %[[Z]] :
// CHECK-NEXT:    return %[[Y]]
func.func @conv(%x: tensor<1x1x1x4xi8>) -> tensor<1x2x1x4xf32> {
  %xs = tw.constant dense<0.5> : tensor<f32>
  %xz = tw.constant dense<-3> : tensor<i8>
  %w = tw.constant dense<[[[[1, 2, 3]]], [[[4, 5, 6]]]]> : tensor<2x1x1x3xi8>
  %ws = tw.constant dense<[0.25, 0.125]> : tensor<2xf32>
  %wz = tw.constant dense<0> : tensor<2xi8>
  %b = tw.constant dense<[3, -4]> : tensor<2xi32>
  %bs = tw.constant dense<[0.125, 0.0625]> : tensor<2xf32>
  %bz = tw.constant dense<0> : tensor<2xi32>
  %xf = tw.dequantize %x, %xs, %xz : (tensor<1x1x1x4xi8>, tensor<f32>, tensor<i8>) -> tensor<1x1x1x4xf32>
  %wf = tw.dequantize %w, %ws, %wz {axis = 0 : i64} : (tensor<2x1x1x3xi8>, tensor<2xf32>, tensor<2xi8>) -> tensor<2x1x1x3xf32>
  %bf = tw.dequantize %b, %bs, %bz {axis = 0 : i64} : (tensor<2xi32>, tensor<2xf32>, tensor<2xi32>) -> tensor<2xf32>
  %c = tw.conv %xf, %wf, %bf {strides = array<i64: 1, 1>, pads = array<i64: 0, 1, 0, 1>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x4xf32>, tensor<2x1x1x3xf32>, tensor<2xf32>) -> tensor<1x2x1x4xf32>
  return %c : tensor<1x2x1x4xf32>
}

// A bias between two steps is added in float32, and so is one that is no number a channel.
// CHECK-LABEL: func.func @uneven_bias
// CHECK-DAG:     %[[C:.*]] = tw.constant dense<[3.000000e-01, 0.000000e+00]> : tensor<2xf32>
// CHECK-DAG:     %[[Z:.*]] = tw.constant dense<0> : tensor<2xi32>
// CHECK:         %[[SUMS:.*]] = tw.qgemm_sums %arg0, %{{.*}}(%{{.*}}) : (tensor<2x2xi8>, tensor<2x2xi8>, tensor<i8>) -> tensor<2x2xi32>
// CHECK-NEXT:    %[[D:.*]] = tw.dequantize %[[SUMS]], %{{.*}}, %[[Z]]
// CHECK-NEXT:    tw.add %[[D]], %[[C]]
func.func @uneven_bias(%x: tensor<2x2xi8>) -> tensor<2x2xf32> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>
  %c = tw.constant dense<[0.3, 0.0]> : tensor<2xf32>
  %a = tw.dequantize %x, %s, %z : (tensor<2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<2x2xf32>
  %b = tw.dequantize %w, %s, %z : (tensor<2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<2x2xf32>
  %y = tw.gemm %a, %b, %c : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @column_bias
// CHECK:         tw.qgemm_sums
// CHECK:         tw.add {{.*}} : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
func.func @column_bias(%x: tensor<2x2xi8>) -> tensor<2x2xf32> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>
  %c = tw.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %a = tw.dequantize %x, %s, %z : (tensor<2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<2x2xf32>
  %b = tw.dequantize %w, %s, %z : (tensor<2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<2x2xf32>
  %y = tw.gemm %a, %b, %c : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// [K, N] weights are turned, batches become rows.
// CHECK-LABEL: func.func @matmul
// CHECK-DAG:     %[[W:.*]] = tw.constant dense<{{\[\[}}1, 3], [2, 4]]> : tensor<2x2xi8>
// CHECK:         %[[R:.*]] = tw.reshape %arg0 : (tensor<3x5x2xi8>) -> tensor<15x2xi8>
// CHECK:         tw.qgemm_sums %[[R]], %[[W]]({{.*}} -> tensor<15x2xi32>
// CHECK:         tw.reshape {{.*}} -> tensor<3x5x2xf32>
func.func @matmul(%x: tensor<3x5x2xi8>) -> tensor<3x5x2xf32> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>
  %a = tw.dequantize %x, %s, %z : (tensor<3x5x2xi8>, tensor<f32>, tensor<i8>) -> tensor<3x5x2xf32>
  %b = tw.dequantize %w, %s, %z : (tensor<2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<2x2xf32>
  %y = tw.matmul %a, %b : (tensor<3x5x2xf32>, tensor<2x2xf32>) -> tensor<3x5x2xf32>
  return %y : tensor<3x5x2xf32>
}

// Its bias stands in an addition: whole steps go into the zero points, others stay one.
// CHECK-LABEL: func.func @matmul_bias
// CHECK-DAG:     %[[Z:.*]] = tw.constant dense<[-2, 4]> : tensor<2xi32>
// CHECK-DAG:     %[[B:.*]] = tw.constant dense<{{\[\[}}5.000000e-01, 3.000000e-01]]> : tensor<1x2xf32>
// CHECK:         tw.dequantize %{{.*}}, %{{.*}}, %[[Z]]
// CHECK:         tw.add %{{.*}}, %[[B]] : (tensor<15x2xf32>, tensor<1x2xf32>) -> tensor<15x2xf32>
func.func @matmul_bias(%x: tensor<3x5x2xi8>) -> (tensor<3x5x2xf32>, tensor<3x5x2xf32>) {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>
  %v = tw.constant dense<[[5, 6], [7, 8]]> : tensor<2x2xi8>
  %b = tw.constant dense<[0.5, -1.0]> : tensor<2xf32>
  %c = tw.constant dense<[[[0.5, 0.3]]]> : tensor<1x1x2xf32>
  %a = tw.dequantize %x, %s, %z : (tensor<3x5x2xi8>, tensor<f32>, tensor<i8>) -> tensor<3x5x2xf32>
  %d = tw.dequantize %w, %s, %z : (tensor<2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<2x2xf32>
  %e = tw.dequantize %v, %s, %z : (tensor<2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<2x2xf32>
  %p = tw.matmul %a, %d : (tensor<3x5x2xf32>, tensor<2x2xf32>) -> tensor<3x5x2xf32>
  %q = tw.matmul %a, %e : (tensor<3x5x2xf32>, tensor<2x2xf32>) -> tensor<3x5x2xf32>
  %y = tw.add %b, %p : (tensor<2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %t = tw.add %q, %c : (tensor<3x5x2xf32>, tensor<1x1x2xf32>) -> tensor<3x5x2xf32>
  return %y, %t : tensor<3x5x2xf32>, tensor<3x5x2xf32>
}

// A bias with which a sum may leave int32 is added in float32; where sums may do so alone, the product stays as it is, and
// so does one of two tensors that are computed.
// CHECK-LABEL: func.func @not_in_int32
// CHECK-DAG:     tw.constant dense<0> : tensor<2xi32>
// CHECK:         tw.qgemm_sums
// CHECK:         tw.add
// CHECK:         tw.matmul
// CHECK:         tw.matmul
func.func @not_in_int32(%x: tensor<2x2xi8>, %v: tensor<2x2xi8>, %long: tensor<1x140000xi8>) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<1x1xf32>) {
  %s = tw.constant dense<1.0> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>
  %u = tw.constant dense<-128> : tensor<140000x1xi8>
  %c = tw.constant dense<[2147483520.0, 0.0]> : tensor<2xf32>
  %a = tw.dequantize %x, %s, %z : (tensor<2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<2x2xf32>
  %b = tw.dequantize %w, %s, %z : (tensor<2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<2x2xf32>
  %d = tw.dequantize %v, %s, %z : (tensor<2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<2x2xf32>
  %e = tw.dequantize %long, %s, %z : (tensor<1x140000xi8>, tensor<f32>, tensor<i8>) -> tensor<1x140000xf32>
  %f = tw.dequantize %u, %s, %z : (tensor<140000x1xi8>, tensor<f32>, tensor<i8>) -> tensor<140000x1xf32>
  %y = tw.gemm %a, %b, %c : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %p = tw.matmul %a, %d : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %q = tw.matmul %e, %f : (tensor<1x140000xf32>, tensor<140000x1xf32>) -> tensor<1x1xf32>
  return %y, %p, %q : tensor<2x2xf32>, tensor<2x2xf32>, tensor<1x1xf32>
}
