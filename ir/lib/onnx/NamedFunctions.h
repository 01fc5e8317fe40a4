// SPDX-License-Identifier: Apache-2.0
// What for: functions that a node names in an attribute: those of the gates of recurrent layers, and of fused
// operators. Called by: their builders. Does not: build nodes of these names (Elementwise.cpp).
#ifndef TW_IR_LIB_ONNX_NAMEDFUNCTIONS_H
#define TW_IR_LIB_ONNX_NAMEDFUNCTIONS_H

#include "Compose.h"

namespace tw::ir::onnx {

struct Activation {
  using Function = Value (*)(Compose &compose, Value x, float alpha, float beta);
  Function function = nullptr;
  float alpha = 0, beta = 0;
  Value operator()(Compose &compose, Value x) const { return x ? function(compose, x, alpha, beta) : Value(); }
};

// By its name, with its own alpha and beta; a problem is recorded when there is none. `takes` is how many of the two
// numbers a node may give.
FailureOr<Activation> activationOf(Node &node, llvm::StringRef name, int &takes);

// The attributes activations, activation_alpha and activation_beta: the default ones for each of the directions.
FailureOr<llvm::SmallVector<Activation>> readActivations(Node &node, llvm::ArrayRef<llvm::StringRef> defaults,
                                                         int64_t directions);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_NAMEDFUNCTIONS_H
