// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-fuse-qdq | FileCheck %s

// Factors are part of the table. Params are factor, shift, zero.
// CHECK-LABEL: func.func @softmax
// CHECK:         %[[R:.*]] = tw.reshape %arg0 : (tensor<2x3x4xi8>) -> tensor<6x4xi8>
// CHECK:         %[[Y:.*]] = tw.library "softmax_i8"(%[[R]], %{{.*}}, %{{.*}}) {params = array<i64: 1073741824, 30, -128>}
// CHECK-SAME:      (tensor<6x4xi8>, tensor<2x256xi8>, tensor<1x4xi8>) -> tensor<6x4xi8>
// CHECK:         tw.reshape %[[Y]] : (tensor<6x4xi8>) -> tensor<2x3x4xi8>
func.func @softmax(%x: tensor<2x3x4xi8>) -> tensor<2x3x4xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<3> : tensor<i8>
  %t = tw.constant dense<0.00390625> : tensor<f32>
  %w = tw.constant dense<-128> : tensor<i8>
  %k = tw.constant dense<8.0> : tensor<f32>
  %a = tw.dequantize %x, %s, %z : (tensor<2x3x4xi8>, tensor<f32>, tensor<i8>) -> tensor<2x3x4xf32>
  %b = tw.div %a, %k : (tensor<2x3x4xf32>, tensor<f32>) -> tensor<2x3x4xf32>
  %c = tw.softmax %b {axis = 2 : i64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %y = tw.quantize %c, %t, %w : (tensor<2x3x4xf32>, tensor<f32>, tensor<i8>) -> tensor<2x3x4xi8>
  return %y : tensor<2x3x4xi8>
}

// A mask has a row for each of the last rows in which it differs.
// CHECK-LABEL: func.func @masked
// CHECK-DAG:     tw.constant dense<{{\[\[}}1, 0], [1, 1]]> : tensor<2x2xi8>
// CHECK:         tw.library "softmax_i8"({{.*}}) {{.*}} : (tensor<6x2xi8>, tensor<2x256xi8>, tensor<2x2xi8>) -> tensor<6x2xi8>
func.func @masked(%x: tensor<3x2x2xi8>) -> tensor<3x2x2xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %t = tw.constant dense<0.00390625> : tensor<f32>
  %w = tw.constant dense<-128> : tensor<i8>
  %m = tw.constant dense<[[true, false], [true, true]]> : tensor<2x2xi1>
  %o = tw.constant dense<-1.0e+04> : tensor<f32>
  %a = tw.dequantize %x, %s, %w : (tensor<3x2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<3x2x2xf32>
  %b = tw.where %m, %a, %o : (tensor<2x2xi1>, tensor<3x2x2xf32>, tensor<f32>) -> tensor<3x2x2xf32>
  %c = tw.softmax %b {axis = 2 : i64} : (tensor<3x2x2xf32>) -> tensor<3x2x2xf32>
  %y = tw.quantize %c, %t, %w : (tensor<3x2x2xf32>, tensor<f32>, tensor<i8>) -> tensor<3x2x2xi8>
  return %y : tensor<3x2x2xi8>
}

// Added, it is the same where it is 0 or far below everything else.
// CHECK-LABEL: func.func @added_mask
// CHECK-DAG:     tw.constant dense<{{\[\[}}1, 0]]> : tensor<1x2xi8>
// CHECK:         tw.library "softmax_i8"
func.func @added_mask(%x: tensor<3x2xi8>) -> tensor<3x2xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %t = tw.constant dense<0.00390625> : tensor<f32>
  %w = tw.constant dense<-128> : tensor<i8>
  %m = tw.constant dense<[0.0, 0xFF800000]> : tensor<2xf32>
  %a = tw.dequantize %x, %s, %w : (tensor<3x2xi8>, tensor<f32>, tensor<i8>) -> tensor<3x2xf32>
  %b = tw.add %a, %m : (tensor<3x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  %c = tw.softmax %b {axis = 1 : i64} : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = tw.quantize %c, %t, %w : (tensor<3x2xf32>, tensor<f32>, tensor<i8>) -> tensor<3x2xi8>
  return %y : tensor<3x2xi8>
}

// Numbers that count, a row with nothing in it, another axis and an output that is too fine stay in float32.
// CHECK-LABEL: func.func @near_mask
// CHECK-NOT:     tw.library
func.func @near_mask(%x: tensor<3x2xi8>) -> tensor<3x2xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %t = tw.constant dense<0.00390625> : tensor<f32>
  %w = tw.constant dense<-128> : tensor<i8>
  %m = tw.constant dense<[0.0, -3.0]> : tensor<2xf32>
  %a = tw.dequantize %x, %s, %w : (tensor<3x2xi8>, tensor<f32>, tensor<i8>) -> tensor<3x2xf32>
  %b = tw.add %a, %m : (tensor<3x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  %c = tw.softmax %b {axis = 1 : i64} : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = tw.quantize %c, %t, %w : (tensor<3x2xf32>, tensor<f32>, tensor<i8>) -> tensor<3x2xi8>
  return %y : tensor<3x2xi8>
}
// CHECK-LABEL: func.func @zero_is_no_mask
// CHECK-NOT:     tw.library
func.func @zero_is_no_mask(%x: tensor<2x2xi8>) -> tensor<2x2xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %t = tw.constant dense<0.00390625> : tensor<f32>
  %w = tw.constant dense<-128> : tensor<i8>
  %m = tw.constant dense<[[true, false], [true, true]]> : tensor<2x2xi1>
  %o = tw.constant dense<0.0> : tensor<f32>
  %a = tw.dequantize %x, %s, %w : (tensor<2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<2x2xf32>
  %b = tw.where %m, %a, %o : (tensor<2x2xi1>, tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  %c = tw.softmax %b {axis = 1 : i64} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %y = tw.quantize %c, %t, %w : (tensor<2x2xf32>, tensor<f32>, tensor<i8>) -> tensor<2x2xi8>
  return %y : tensor<2x2xi8>
}
// CHECK-LABEL: func.func @empty_row
// CHECK-NOT:     tw.library
func.func @empty_row(%x: tensor<2x2xi8>) -> tensor<2x2xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %t = tw.constant dense<0.00390625> : tensor<f32>
  %w = tw.constant dense<-128> : tensor<i8>
  %m = tw.constant dense<[[true, true], [false, false]]> : tensor<2x2xi1>
  %o = tw.constant dense<-1.0e+04> : tensor<f32>
  %a = tw.dequantize %x, %s, %w : (tensor<2x2xi8>, tensor<f32>, tensor<i8>) -> tensor<2x2xf32>
  %b = tw.where %m, %a, %o : (tensor<2x2xi1>, tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  %c = tw.softmax %b {axis = 1 : i64} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %y = tw.quantize %c, %t, %w : (tensor<2x2xf32>, tensor<f32>, tensor<i8>) -> tensor<2x2xi8>
  return %y : tensor<2x2xi8>
}
// CHECK-LABEL: func.func @first_axis
// CHECK-NOT:     tw.library
func.func @first_axis(%x: tensor<3x2xi8>) -> tensor<3x2xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %t = tw.constant dense<0.00390625> : tensor<f32>
  %w = tw.constant dense<-128> : tensor<i8>
  %a = tw.dequantize %x, %s, %w : (tensor<3x2xi8>, tensor<f32>, tensor<i8>) -> tensor<3x2xf32>
  %c = tw.softmax %a {axis = 0 : i64} : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = tw.quantize %c, %t, %w : (tensor<3x2xf32>, tensor<f32>, tensor<i8>) -> tensor<3x2xi8>
  return %y : tensor<3x2xi8>
}
// CHECK-LABEL: func.func @fine_output
// CHECK-NOT:     tw.library
func.func @fine_output(%x: tensor<3x2xi8>) -> tensor<3x2xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %t = tw.constant dense<4.0e-06> : tensor<f32>
  %w = tw.constant dense<-128> : tensor<i8>
  %a = tw.dequantize %x, %s, %w : (tensor<3x2xi8>, tensor<f32>, tensor<i8>) -> tensor<3x2xf32>
  %c = tw.softmax %a {axis = 1 : i64} : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = tw.quantize %c, %t, %w : (tensor<3x2xf32>, tensor<f32>, tensor<i8>) -> tensor<3x2xi8>
  return %y : tensor<3x2xi8>
}

// The two parts of a layer norm: of the mean no zero point matters. Infinite factors (of a variance of zero) take a
// table more.
// CHECK-LABEL: func.func @norm
// CHECK:         %[[V:.*]] = tw.library "variance_i8"(%arg0) {params = array<i64: 1, 0, 1073741824, 32, {{.*}}, -128>} : (tensor<3x4xi8>) -> tensor<3x1xi8>
// CHECK:         %[[Y:.*]] = tw.library "normalise_i8"(%arg0, %[[V]], %{{.*}}) {params = array<i64: 1, 0, 1073741824, 32, {{.*}}, 5>}
// CHECK-SAME:      (tensor<3x4xi8>, tensor<3x1xi8>, tensor<4x256xi8>) -> tensor<3x4xi8>
// CHECK:         return %[[Y]]
func.func @norm(%x: tensor<3x4xi8>) -> tensor<3x4xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<3> : tensor<i8>
  %vs = tw.constant dense<2.0> : tensor<f32>
  %vz = tw.constant dense<-128> : tensor<i8>
  %t = tw.constant dense<0.03125> : tensor<f32>
  %w = tw.constant dense<5> : tensor<i8>
  %a = tw.dequantize %x, %s, %z : (tensor<3x4xi8>, tensor<f32>, tensor<i8>) -> tensor<3x4xf32>
  %mean = tw.reduce_mean %a {axes = array<i64: 1>, keepDims = true} : (tensor<3x4xf32>) -> tensor<3x1xf32>
  %d = tw.sub %a, %mean : (tensor<3x4xf32>, tensor<3x1xf32>) -> tensor<3x4xf32>
  %q = tw.mul %d, %d : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  %v = tw.reduce_mean %q {axes = array<i64: 1>, keepDims = true} : (tensor<3x4xf32>) -> tensor<3x1xf32>
  %vq = tw.quantize %v, %vs, %vz : (tensor<3x1xf32>, tensor<f32>, tensor<i8>) -> tensor<3x1xi8>
  %vf = tw.dequantize %vq, %vs, %vz : (tensor<3x1xi8>, tensor<f32>, tensor<i8>) -> tensor<3x1xf32>
  %r = tw.unary <sqrt> %vf : tensor<3x1xf32>
  %n = tw.div %d, %r : (tensor<3x4xf32>, tensor<3x1xf32>) -> tensor<3x4xf32>
  %y = tw.quantize %n, %t, %w : (tensor<3x4xf32>, tensor<f32>, tensor<i8>) -> tensor<3x4xi8>
  return %y : tensor<3x4xi8>
}

// One variance for rows that have their own is none of this.
// CHECK-LABEL: func.func @one_factor
// CHECK-NOT:     tw.library
func.func @one_factor(%x: tensor<3x4xi8>, %v: tensor<1x1xi8>) -> tensor<3x4xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<3> : tensor<i8>
  %zeros = tw.constant dense<0.0> : tensor<3x1xf32>
  %a = tw.dequantize %x, %s, %z : (tensor<3x4xi8>, tensor<f32>, tensor<i8>) -> tensor<3x4xf32>
  %f = tw.dequantize %v, %s, %z : (tensor<1x1xi8>, tensor<f32>, tensor<i8>) -> tensor<1x1xf32>
  %g = tw.add %f, %zeros : (tensor<1x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %r = tw.unary <sqrt> %g : tensor<3x1xf32>
  %n = tw.div %a, %r : (tensor<3x4xf32>, tensor<3x1xf32>) -> tensor<3x4xf32>
  %y = tw.quantize %n, %s, %z : (tensor<3x4xf32>, tensor<f32>, tensor<i8>) -> tensor<3x4xi8>
  return %y : tensor<3x4xi8>
}

// The mean of something else is none of this.
// CHECK-LABEL: func.func @other_mean
// CHECK-NOT:     tw.library
func.func @other_mean(%x: tensor<3x4xi8>, %u: tensor<3x4xi8>) -> tensor<3x1xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<3> : tensor<i8>
  %a = tw.dequantize %x, %s, %z : (tensor<3x4xi8>, tensor<f32>, tensor<i8>) -> tensor<3x4xf32>
  %b = tw.dequantize %u, %s, %z : (tensor<3x4xi8>, tensor<f32>, tensor<i8>) -> tensor<3x4xf32>
  %mean = tw.reduce_mean %b {axes = array<i64: 1>, keepDims = true} : (tensor<3x4xf32>) -> tensor<3x1xf32>
  %d = tw.sub %a, %mean : (tensor<3x4xf32>, tensor<3x1xf32>) -> tensor<3x4xf32>
  %q = tw.mul %d, %d : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  %v = tw.reduce_mean %q {axes = array<i64: 1>, keepDims = true} : (tensor<3x4xf32>) -> tensor<3x1xf32>
  %vq = tw.quantize %v, %s, %z : (tensor<3x1xf32>, tensor<f32>, tensor<i8>) -> tensor<3x1xi8>
  return %vq : tensor<3x1xi8>
}

// A norm that nothing quantises inside is one function, whatever scales and moves its channels is a depthwise convolution.
// CHECK-LABEL: func.func @whole_norm
// CHECK-DAG:     tw.constant dense<{{\[\[\[\[}}64], [1]]], {{\[\[\[}}-64], [-1]]], {{\[\[\[}}64], [1]]], {{\[\[\[}}64], [1]]]]> : tensor<4x1x2x1xi8>
// CHECK:         %[[N:.*]] = tw.library "norm_i8"(%arg0) {params = array<i64: 1, 0, 1073741824, 32, 268435456, {{.*}}>} : (tensor<3x4xi8>) -> tensor<3x2x4xi8>
// CHECK:         %[[I:.*]] = tw.reshape %[[N]] : (tensor<3x2x4xi8>) -> tensor<1x3x2x4xi8>
// CHECK:         tw.qconv %[[I]]
// CHECK-SAME:    -> tensor<1x3x1x4xi8>
func.func @whole_norm(%x: tensor<3x4xi8>) -> tensor<3x4xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<3> : tensor<i8>
  %e = tw.constant dense<1.0e-05> : tensor<f32>
  %one = tw.constant dense<1.0> : tensor<f32>
  %g = tw.constant dense<[1.0, -0.5, 0.25, 1.0]> : tensor<4xf32>
  %b = tw.constant dense<[0.0, 1.0, -1.0, 0.5]> : tensor<4xf32>
  %t = tw.constant dense<0.03125> : tensor<f32>
  %w = tw.constant dense<5> : tensor<i8>
  %a = tw.dequantize %x, %s, %z : (tensor<3x4xi8>, tensor<f32>, tensor<i8>) -> tensor<3x4xf32>
  %mean = tw.reduce_mean %a {axes = array<i64: 1>, keepDims = true} : (tensor<3x4xf32>) -> tensor<3x1xf32>
  %d = tw.sub %a, %mean : (tensor<3x4xf32>, tensor<3x1xf32>) -> tensor<3x4xf32>
  %q = tw.mul %d, %d : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  %v = tw.reduce_mean %q {axes = array<i64: 1>, keepDims = true} : (tensor<3x4xf32>) -> tensor<3x1xf32>
  %ve = tw.add %v, %e : (tensor<3x1xf32>, tensor<f32>) -> tensor<3x1xf32>
  %r = tw.unary <sqrt> %ve : tensor<3x1xf32>
  %i = tw.div %one, %r : (tensor<f32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %n = tw.mul %d, %i : (tensor<3x4xf32>, tensor<3x1xf32>) -> tensor<3x4xf32>
  %p = tw.mul %n, %g : (tensor<3x4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  %o = tw.add %p, %b : (tensor<3x4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  %y = tw.quantize %o, %t, %w : (tensor<3x4xf32>, tensor<f32>, tensor<i8>) -> tensor<3x4xi8>
  return %y : tensor<3x4xi8>
}

// Deviations from the mean of one tensor by the root of another's are none of this.
// CHECK-LABEL: func.func @other_variance
// CHECK-NOT:     tw.library
func.func @other_variance(%x: tensor<3x4xi8>, %u: tensor<3x4xi8>) -> tensor<3x4xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<3> : tensor<i8>
  %t = tw.constant dense<0.03125> : tensor<f32>
  %a = tw.dequantize %x, %s, %z : (tensor<3x4xi8>, tensor<f32>, tensor<i8>) -> tensor<3x4xf32>
  %b = tw.dequantize %u, %s, %z : (tensor<3x4xi8>, tensor<f32>, tensor<i8>) -> tensor<3x4xf32>
  %q = tw.mul %b, %b : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  %v = tw.reduce_mean %q {axes = array<i64: 1>, keepDims = true} : (tensor<3x4xf32>) -> tensor<3x1xf32>
  %r = tw.unary <sqrt> %v : tensor<3x1xf32>
  %n = tw.div %a, %r : (tensor<3x4xf32>, tensor<3x1xf32>) -> tensor<3x4xf32>
  %y = tw.quantize %n, %t, %z : (tensor<3x4xf32>, tensor<f32>, tensor<i8>) -> tensor<3x4xi8>
  return %y : tensor<3x4xi8>
}

// Nor is an output so fine that 14 bits are too few.
// CHECK-LABEL: func.func @fine_norm
// CHECK-NOT:     tw.library
func.func @fine_norm(%x: tensor<3x4xi8>) -> tensor<3x4xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<3> : tensor<i8>
  %t = tw.constant dense<1.0e-04> : tensor<f32>
  %a = tw.dequantize %x, %s, %z : (tensor<3x4xi8>, tensor<f32>, tensor<i8>) -> tensor<3x4xf32>
  %q = tw.mul %a, %a : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  %v = tw.reduce_mean %q {axes = array<i64: 1>, keepDims = true} : (tensor<3x4xf32>) -> tensor<3x1xf32>
  %r = tw.unary <sqrt> %v : tensor<3x1xf32>
  %n = tw.div %a, %r : (tensor<3x4xf32>, tensor<3x1xf32>) -> tensor<3x4xf32>
  %y = tw.quantize %n, %t, %z : (tensor<3x4xf32>, tensor<f32>, tensor<i8>) -> tensor<3x4xi8>
  return %y : tensor<3x4xi8>
}
