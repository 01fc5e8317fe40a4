// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-blocks-to-linalg --tw-print-blocks -o /dev/null | FileCheck %s

// A convolution: the padding is an access outside, the input's zero point a correction beside the bias:
// 10 - 5 * (1 + 1 + 1 + 1) and 20 - 5 * (2 + 2 + 2 + 2).
// CHECK:      @blk_conv: for n=1 oh=2 ow=3 oc=2, over kh=1 kw=2 ic=2
// CHECK-NEXT:   input: i8[1x2x4x2] at (n, oh + kh, 2*ow + kw - 1, ic), outside 5
// CHECK-NEXT:   weight: i8[2x1x2x2] at (oc, kh, kw, ic), constant 1 1 1 1 2 2 2 2
// CHECK-NEXT:   multiplier: f32[2] at (oc), constant
// CHECK-NEXT:   bias: i32[2] at (oc), constant -10 -20
// CHECK-NEXT:   result: i8[1x2x3x2] at (n, oh, ow, oc), written
// CHECK-NEXT:   each: %0 = mul_i8(input, weight)
// CHECK-NEXT:   each: %1 = add_wrap32(running, %0)
// CHECK-NEXT:   then: %2 = requant_fp32(%1, bias, multiplier, -3)
// CHECK-NEXT:   then: %3 = clamp_i8(%2, -3, 127)
func.func private @blk_conv(%x: tensor<1x2x4x2xi8>, %xs: tensor<f32>, %w: tensor<2x1x2x2xi8>, %ws: tensor<2xf32>, %b: tensor<2xi32>, %ys: tensor<f32>) -> tensor<1x2x3x2xi8> {
  %xz = tw.constant dense<5> : tensor<i8>
  %wz = tw.constant dense<0> : tensor<i8>
  %yz = tw.constant dense<-3> : tensor<i8>
  %a = tw.qconv %x(%xs, %xz), %w(%ws, %wz) bias %b out(%ys, %yz) {clampLo = -3 : i64, layout = #tw.layout<nhwc>, strides = array<i64: 1, 2>, pads = array<i64: 0, 1, 0, 1>, dilations = array<i64: 1, 1>} : (tensor<1x2x4x2xi8>, tensor<f32>, tensor<i8>, tensor<2x1x2x2xi8>, tensor<2xf32>, tensor<i8>, tensor<2xi32>, tensor<f32>, tensor<i8>) -> tensor<1x2x3x2xi8>
  return %a : tensor<1x2x3x2xi8>
}

// Weights less their zero point are weights.
// CHECK:      @blk_gemm: for m=1 n=2, over k=2
// CHECK:        weight: i8[2x2] at (n, k), constant -2 -2 -2 -2
// CHECK:        requant_fp32(%1, 0, multiplier, 7)
func.func private @blk_gemm(%x: tensor<1x2xi8>, %s: tensor<f32>, %w: tensor<2x2xi8>) -> tensor<1x2xi8> {
  %xz = tw.constant dense<0> : tensor<i8>
  %wz = tw.constant dense<3> : tensor<i8>
  %yz = tw.constant dense<7> : tensor<i8>
  %a = tw.qgemm %x(%s, %xz), %w(%s, %wz) out(%s, %yz) : (tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<2x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
  return %a : tensor<1x2xi8>
}

// What is no int8 then is a sum of two that are: -40 - 100 = -128 - 12, 5 - 100 = -95.
// CHECK:      @blk_wide: for m=1 n=1, over k=2 part=2
// CHECK:        weight: i8[2x1x2] at (part, n, k), constant -128 -95 -12 0
func.func private @blk_wide(%x: tensor<1x2xi8>, %s: tensor<f32>, %w: tensor<1x2xi8>) -> tensor<1x1xi8> {
  %z = tw.constant dense<0> : tensor<i8>
  %wz = tw.constant dense<100> : tensor<i8>
  %a = tw.qgemm %x(%s, %z), %w(%s, %wz) out(%s, %z) : (tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x1xi8>
  return %a : tensor<1x1xi8>
}

// CHECK:      @blk_add: for d0=4
// CHECK-NEXT:   lhs: i8[4] at (d0)
// CHECK-NEXT:   rhs: i8[1] at (0)
// CHECK-NEXT:   result: i8[4] at (d0), written
// CHECK-NEXT:   each: %0 = ew_add(lhs, 2, 536870912, rhs, 0, 536870912, 30, -1)
func.func private @blk_add(%x: tensor<4xi8>, %y: tensor<1xi8>, %s: tensor<f32>, %os: tensor<f32>) -> tensor<4xi8> {
  %xz = tw.constant dense<2> : tensor<i8>
  %yz = tw.constant dense<0> : tensor<i8>
  %oz = tw.constant dense<-1> : tensor<i8>
  %a = tw.qeltwise <add> %x(%s, %xz), %y(%s, %yz) out(%os, %oz) : (tensor<4xi8>, tensor<f32>, tensor<i8>, tensor<1xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<4xi8>
  return %a : tensor<4xi8>
}

// CHECK: @blk_reshape: argument 0 under another shape
func.func private @blk_reshape(%x: tensor<1x2x2x3xi8>) -> tensor<1x12xi8> {
  %a = tw.reshape %x : (tensor<1x2x2x3xi8>) -> tensor<1x12xi8>
  return %a : tensor<1x12xi8>
}

// CHECK: @blk_softmax: dtype: it computes in float32
func.func private @blk_softmax(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %m = tw.softmax %x {axis = 1 : i64} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  return %m : tensor<1x2xf32>
}

// Neither factor is known: both keep their zero points.
// CHECK: @blk_product: for m=2 n=2, over k=3
// CHECK:   rhs: i8[3x2] at (k, n)
// CHECK:   each: %0 = mul_zp(lhs, 1, rhs, 2)
func.func private @blk_product(%x: tensor<2x3xi8>, %y: tensor<3x2xi8>, %s: tensor<f32>) -> tensor<2x2xi8> {
  %xz = tw.constant dense<1> : tensor<i8>
  %yz = tw.constant dense<2> : tensor<i8>
  %a = tw.qmatmul %x(%s, %xz), %y(%s, %yz) out(%s, %xz) : (tensor<2x3xi8>, tensor<f32>, tensor<i8>, tensor<3x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<2x2xi8>
  return %a : tensor<2x2xi8>
}

func.func @main(%x: tensor<1x2x4x2xi8>, %v: tensor<1x2xi8>, %e: tensor<4xi8>, %f: tensor<1xi8>, %i: tensor<1x2x2x3xi8>, %r: tensor<1x2xf32>, %p: tensor<2x3xi8>, %q: tensor<3x2xi8>) -> (tensor<1x2x3x2xi8>, tensor<1x2xi8>, tensor<4xi8>, tensor<1x12xi8>, tensor<1x2xf32>, tensor<2x2xi8>, tensor<1x1xi8>) {
  %s = tw.constant dense<1.0> : tensor<f32>
  %two = tw.constant dense<2.0> : tensor<f32>
  %w = tw.constant dense<[[[[1, 1], [1, 1]]], [[[2, 2], [2, 2]]]]> : tensor<2x1x2x2xi8>
  %ws = tw.constant dense<[0.5, 1.0]> : tensor<2xf32>
  %b = tw.constant dense<[10, 20]> : tensor<2xi32>
  %u = tw.constant dense<1> : tensor<2x2xi8>
  %0 = call @blk_conv(%x, %s, %w, %ws, %b, %s) : (tensor<1x2x4x2xi8>, tensor<f32>, tensor<2x1x2x2xi8>, tensor<2xf32>, tensor<2xi32>, tensor<f32>) -> tensor<1x2x3x2xi8>
  %1 = call @blk_gemm(%v, %s, %u) : (tensor<1x2xi8>, tensor<f32>, tensor<2x2xi8>) -> tensor<1x2xi8>
  %wide = tw.constant dense<[[-40, 5]]> : tensor<1x2xi8>
  %6 = call @blk_wide(%v, %s, %wide) : (tensor<1x2xi8>, tensor<f32>, tensor<1x2xi8>) -> tensor<1x1xi8>
  %2 = call @blk_add(%e, %f, %s, %two) : (tensor<4xi8>, tensor<1xi8>, tensor<f32>, tensor<f32>) -> tensor<4xi8>
  %3 = call @blk_reshape(%i) : (tensor<1x2x2x3xi8>) -> tensor<1x12xi8>
  %4 = call @blk_softmax(%r) : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %5 = call @blk_product(%p, %q, %s) : (tensor<2x3xi8>, tensor<3x2xi8>, tensor<f32>) -> tensor<2x2xi8>
  return %0, %1, %2, %3, %4, %5, %6 : tensor<1x2x3x2xi8>, tensor<1x2xi8>, tensor<4xi8>, tensor<1x12xi8>, tensor<1x2xf32>, tensor<2x2xi8>, tensor<1x1xi8>
}
