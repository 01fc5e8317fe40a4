// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-verify-ir=stage=outlined -verify-diagnostics -split-input-file

// expected-error @below {{needs a public function 'main' with a body}}
module {
}

// -----

func.func @main() {
  return
}
// expected-error @below {{'func.func' op is public, only 'main' may be}}
func.func @other() {
  return
}

// -----

// expected-error @below {{'func.func' op has branches, a graph is straight-line}}
func.func @main() {
  cf.br ^next
^next:
  return
}

// -----

func.func @main(%x: tensor<2xui8>) -> tensor<2xf32> {
  %s = tw.constant dense<5.0e-01> : tensor<f32>
  %z = tw.constant dense<128> : tensor<ui8>
  // expected-error @below {{'tw.dequantize' op works on uint8 after tw-convert-uint8}}
  %a = tw.dequantize %x, %s, %z : (tensor<2xui8>, tensor<f32>, tensor<ui8>) -> tensor<2xf32>
  return %a : tensor<2xf32>
}

// -----

func.func @main(%x: tensor<2xi8>) -> tensor<1x2xi8> {
  // expected-error @below {{'tw.reshape' op stands in 'main', which holds constants and calls only after tw-outline-blocks}}
  %a = tw.reshape %x : (tensor<2xi8>) -> tensor<1x2xi8>
  return %a : tensor<1x2xi8>
}

// -----

func.func private @blk(%x: tensor<1x1x1x1xi8>) -> tensor<1x1x1x1xi8> {
  // expected-error @below {{'tw.max_pool' op is not NHWC after tw-canonicalize-layout}}
  %a = tw.max_pool %x {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x1xi8>) -> tensor<1x1x1x1xi8>
  return %a : tensor<1x1x1x1xi8>
}
func.func @main(%x: tensor<1x1x1x1xi8>) -> tensor<1x1x1x1xi8> {
  %a = call @blk(%x) : (tensor<1x1x1x1xi8>) -> tensor<1x1x1x1xi8>
  return %a : tensor<1x1x1x1xi8>
}
