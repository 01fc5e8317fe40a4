// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-convert-uint8 -verify-diagnostics

func.func private @somewhere(%x: tensor<2xui8>) -> tensor<2xui8> {
  %y = tw.reshape %x : (tensor<2xui8>) -> tensor<2xui8>
  return %y : tensor<2xui8>
}

func.func @call(%x: tensor<2xui8>) -> tensor<2xui8> {
  // expected-error @below {{'func.call' op has no int8 form: it works on uint8 values themselves}}
  %a = func.call @somewhere(%x) : (tensor<2xui8>) -> tensor<2xui8>
  return %a : tensor<2xui8>
}
