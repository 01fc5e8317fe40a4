// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-outline-blocks -verify-diagnostics -split-input-file

// expected-error @below {{has no function 'main' to outline}}
module {
  func.func @other() {
    return
  }
}
