// SPDX-License-Identifier: Apache-2.0
// What for: blocks as loops. Every outlined function whose operator has a loop form gets a body of linalg.generic,
// built here and nowhere else. Called by: codegen's pipeline after the graph passes; tests. Does not: choose a target;
// a body it cannot build (an operator without a loop form) is left as it was.
//
// The form that tensorize and the host path may rely on. `loops` are in this order, reductions last:
//   qconv     n oh ow o | kh kw c     x(n, oh*sh + kh*dh, ow*sw + kw*dw, c)  w(o, kh, kw, c)     acc(n, oh, ow, o)
//   depthwise n oh ow c | kh kw       x(n, ..., c)                           w(c, kh, kw, 0)     acc(n, oh, ow, c)
//   grouped   n oh ow g o | kh kw c   x(n, ..., g, c)                        w(g, o, kh, kw, c)  acc(n, oh, ow, g, o)
//   qgemm     m n | k                 x(m, k)                                w(n, k)             acc(m, n)
//   qmatmul   b... m n | k            a(b, m, k)                             b(b, k, n)          acc(b, m, n)
//   qpool     n oh ow c | kh kw       x(n, ..., c), an empty window tensor(kh, kw)               acc(n, oh, ow, c)
// core body:  acc + (sext(x) - inZero) * (sext(w) - weightZero), int32 modulo 2^32; a zero that is 0 is left out;
//             max: maxsi(acc, x); average: acc + (sext(x) - inZero)
// epilogue:   a second linalg.generic, parallel over acc's dimensions:
//             tw.requantize(acc + bias(o), multiplier(o) or multiplier(), outZero)
//             [tw.rescale((q - outZero) * multSum + (r - residualZero) * multResidual, shift, sumZero)]
//             [maxsi clampLo, minsi clampHi] [tw.lut]
//             average: tw.rescale(acc * multiplier() or multiplier(oh, ow), shift, outZero)
// qconv_sums, qgemm_sums: the core of qconv and qgemm with x as it is, no epilogue
// qeltwise:   one linalg.generic over the result's dimensions, broadcast dimensions are 0 in the map:
//             tw.rescale((a - aZero) * multLhs + (b - bZero) * multRhs, shift, outZero); mul: (a-..) * (b-..) * multLhs
// qlut:       one linalg.generic with tw.lut
// Grouped convolutions drain in five dimensions, too: bias and multiplier are (g, o), the result is reshaped.
// `tw.loops` on a core names its loops for people. Padding is tensor.pad with a constant (the input's zero point; -128
// for a maximum) directly before the core. Scales have become numbers: arguments computed per call from the scales in
// @main (QuantParams.h). Zero points and clamps are constants in the body. Each argument says what it is in `tw.role`:
//   input lhs rhs residual (activations)
//   weight bias multiplier mult_lhs mult_rhs mult_sum mult_residual shift weight_zero table
//   scale zero divisor (float blocks only)
// Everything else (float32 operators, quantize and dequantize, softmax, resize, moves of elements) becomes loops as
// well, for the host: several generics in sequence, arith and math in their bodies. What is quantised to uint8 is int8
// here: arguments of @main that are so for the caller are i8 with `tw.unsigned`, and a block of xori 0x80 follows.
#ifndef TW_IR_TOLINALG_H
#define TW_IR_TOLINALG_H

#include "mlir/IR/BuiltinOps.h"

namespace tw::ir {

mlir::LogicalResult lowerBlocksToLinalg(mlir::ModuleOp module);

} // namespace tw::ir

#endif // TW_IR_TOLINALG_H
