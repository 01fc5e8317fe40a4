// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-fuse-drain | FileCheck %s

// CHECK-LABEL: func.func @residual
// CHECK:         %[[Y:.*]] = tw.qgemm %arg0(%{{.*}}, %{{.*}}), %{{.*}}(%{{.*}}, %{{.*}}) out(%{{.*}}, %{{.*}}) residual(%arg1, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) {clampLo = 0 : i64}
// CHECK-NEXT:    return %[[Y]]
func.func @residual(%x: tensor<1x2xi8>, %r: tensor<1x2xi8>) -> tensor<1x2xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<1> : tensor<2x2xi8>
  %g = tw.qgemm %x(%s, %z), %w(%s, %z) out(%s, %z) : (tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<2x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
  %a = tw.qeltwise <add> %r(%s, %z), %g(%s, %z) out(%s, %z) {clampLo = 0 : i64} : (tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
  return %a : tensor<1x2xi8>
}

// The drain clamps once, after the addition: with a clamp of its own the product stays apart.
// CHECK-LABEL: func.func @clamped_product
// CHECK:         tw.qgemm
// CHECK:         tw.qeltwise
func.func @clamped_product(%x: tensor<1x2xi8>, %r: tensor<1x2xi8>) -> tensor<1x2xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<1> : tensor<2x2xi8>
  %g = tw.qgemm %x(%s, %z), %w(%s, %z) out(%s, %z) {clampLo = 0 : i64} : (tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<2x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
  %a = tw.qeltwise <add> %r(%s, %z), %g(%s, %z) out(%s, %z) : (tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
  return %a : tensor<1x2xi8>
}

// A result with a second reader is needed as it is, and so is one that is subtracted.
// CHECK-LABEL: func.func @two_readers
// CHECK:         tw.qgemm
// CHECK:         tw.qeltwise <add>
// CHECK:         tw.qeltwise <sub>
func.func @two_readers(%x: tensor<1x2xi8>, %r: tensor<1x2xi8>) -> (tensor<1x2xi8>, tensor<1x2xi8>) {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<1> : tensor<2x2xi8>
  %g = tw.qgemm %x(%s, %z), %w(%s, %z) out(%s, %z) : (tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<2x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
  %a = tw.qeltwise <add> %r(%s, %z), %g(%s, %z) out(%s, %z) : (tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
  %b = tw.qeltwise <sub> %r(%s, %z), %g(%s, %z) out(%s, %z) : (tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
  return %a, %b : tensor<1x2xi8>, tensor<1x2xi8>
}

// CHECK-LABEL: func.func @table
// CHECK:         %[[Y:.*]] = tw.qgemm {{.*}} lut(%arg1)
// CHECK-NEXT:    return %[[Y]]
func.func @table(%x: tensor<1x2xi8>, %t: tensor<256xi8>) -> tensor<1x2xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<0> : tensor<i8>
  %w = tw.constant dense<1> : tensor<2x2xi8>
  %g = tw.qgemm %x(%s, %z), %w(%s, %z) out(%s, %z) : (tensor<1x2xi8>, tensor<f32>, tensor<i8>, tensor<2x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
  %a = tw.qlut %g, %t : (tensor<1x2xi8>, tensor<256xi8>) -> tensor<1x2xi8>
  return %a : tensor<1x2xi8>
}
