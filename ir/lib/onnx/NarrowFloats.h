// SPDX-License-Identifier: Apache-2.0
// What for: floats of eight and fewer bits as numbers, and numbers as them.
// Called by: the node that builders see, and the builders of what makes such floats (Cast, QuantizeLinear).
// Does not: say which types there are (HeldTypes.h).
#ifndef TW_IR_LIB_ONNX_NARROWFLOATS_H
#define TW_IR_LIB_ONNX_NARROWFLOATS_H

#include "HeldTypes.h"
#include "Node.h"

namespace tw::ir::onnx {

// float32 that the bits mean.
Value numbersOfBits(Node &node, Value bits, const HeldType &type);

// The bits of the nearest, of two the one with the even fraction. Beyond the largest: that, or without `saturate`
// infinity, or what is no number where there is none. A problem is recorded for a type that nothing is rounded to.
FailureOr<Value> bitsOfNumbers(Node &node, Value numbers, const HeldType &type, bool saturate);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_NARROWFLOATS_H
