// SPDX-License-Identifier: Apache-2.0
// RUN: tw-opt %s --tw-verify-ir=stage=done -verify-diagnostics

// expected-error @below {{tw-verify-ir knows the stages imported, fused and outlined, not 'done'}}
module {
}
