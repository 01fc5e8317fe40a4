// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-convert-uint8 -verify-diagnostics

func.func @linear(%x: tensor<2xui8>) -> tensor<4xui8> {
  // expected-error @below {{'tw.resize' op has no int8 form: it works on uint8 values themselves}}
  %a = tw.resize %x {scales = array<f32: 2.0>, mode = #tw.resize_mode<linear>, coordinates = #tw.coordinate<half_pixel>, nearest = #tw.nearest<floor>} : (tensor<2xui8>) -> tensor<4xui8>
  return %a : tensor<4xui8>
}
