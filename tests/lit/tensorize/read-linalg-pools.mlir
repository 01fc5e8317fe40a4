// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-blocks-to-linalg --tw-print-blocks -o /dev/null | FileCheck %s

// Padding with -128 changes no maximum: it is skipped.
// CHECK:      @blk_max: for n=1 oh=2 ow=2 c=1, over kh=2 kw=2
// CHECK-NEXT:   input: i8[1x3x3x1] at (n, 2*oh + kh - 1, 2*ow + kw - 1, c), outside skipped
// CHECK-NEXT:   result: i8[1x2x2x1] at (n, oh, ow, c), written
// CHECK-NEXT:   each: %0 = max_i8(running, input)
// CHECK-NEXT:   then: %1 = clamp_i8(%0, 0, 127)
func.func private @blk_max(%x: tensor<1x3x3x1xi8>, %s: tensor<f32>) -> tensor<1x2x2x1xi8> {
  %z = tw.constant dense<4> : tensor<i8>
  %a = tw.qpool <max> %x(%s, %z) out(%s, %z) {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 0, 0>, dilations = array<i64: 1, 1>, clampLo = 0 : i64, layout = #tw.layout<nhwc>} : (tensor<1x3x3x1xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2x2x1xi8>
  return %a : tensor<1x2x2x1xi8>
}

// Multipliers per output position become a table by the number of elements under the window: 1, 2, (3), 4.
// CHECK:      @blk_average: for n=1 oh=2 ow=2 c=1, over kh=2 kw=2
// CHECK-NEXT:   input: i8[1x3x3x1] at (n, 2*oh + kh - 1, 2*ow + kw - 1, c), outside skipped
// CHECK-NEXT:   multipliers: i32[4] at (0), constant 536870912 268435456 536870912 134217728
// CHECK:        each: %0 = add_i8(running, input)
// CHECK-NEXT:   then: %1 = pool_avg(%0, count, 4, multipliers, 29, 4)
func.func private @blk_average(%x: tensor<1x3x3x1xi8>, %s: tensor<f32>) -> tensor<1x2x2x1xi8> {
  %z = tw.constant dense<4> : tensor<i8>
  %a = tw.qpool <average> %x(%s, %z) out(%s, %z) {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 0, 0>, dilations = array<i64: 1, 1>, layout = #tw.layout<nhwc>} : (tensor<1x3x3x1xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2x2x1xi8>
  return %a : tensor<1x2x2x1xi8>
}

func.func @main(%x: tensor<1x3x3x1xi8>) -> (tensor<1x2x2x1xi8>, tensor<1x2x2x1xi8>) {
  %s = tw.constant dense<1.0> : tensor<f32>
  %0 = call @blk_max(%x, %s) : (tensor<1x3x3x1xi8>, tensor<f32>) -> tensor<1x2x2x1xi8>
  %1 = call @blk_average(%x, %s) : (tensor<1x3x3x1xi8>, tensor<f32>) -> tensor<1x2x2x1xi8>
  return %0, %1 : tensor<1x2x2x1xi8>, tensor<1x2x2x1xi8>
}
