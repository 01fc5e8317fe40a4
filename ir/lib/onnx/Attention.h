// SPDX-License-Identifier: Apache-2.0
// What for: the parts that ONNX's attention and ONNX Runtime's have in common.
// Called by: their builders.
// Does not: read a node.
#ifndef TW_IR_LIB_ONNX_ATTENTION_H
#define TW_IR_LIB_ONNX_ATTENTION_H

#include "Compose.h"

namespace tw::ir::onnx {

// [batch, length, heads * size] -> [batch, heads, length, size], and back. `heads` divides the last dimension.
Value splitHeads(Compose &compose, Value value, int64_t heads);
Value joinHeads(Compose &compose, Value value);
// [batch, heads, length, size] -> the same with each head `times` times.
Value repeatHeads(Compose &compose, Value value, int64_t times);
// x [batch, length, heads, size]: the first `count` numbers of each head turned; cosines and sines [batch or 1, length,
// 1, count / 2]. Pairs are neighbours, or the halves.
Value rotated(Compose &compose, Value x, Value cosines, Value sines, int64_t count, bool isInterleaved);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_ATTENTION_H
