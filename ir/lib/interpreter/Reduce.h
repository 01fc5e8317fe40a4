// SPDX-License-Identifier: Apache-2.0
// Reductions over axes, in the order that FloatFunctions.h says.
#ifndef TW_IR_LIB_INTERPRETER_REDUCE_H
#define TW_IR_LIB_INTERPRETER_REDUCE_H

#include "Kernels.h"

#include "tw/ir/FloatFunctions.h"

#include <algorithm>

namespace tw::ir {

// `kept` is the shape with 1 for each reduced dimension. Combines, from `first` on, what each element of the result
// stands for.
template <typename T, typename Combine>
void reduceInOrder(const T *x, Dims shape, Dims kept, T first, const Combine &combine, T *result) {
  const Shape strides = broadcastStrides(kept, shape);
  const int64_t count = elementCount(kept);
  // The innermost dimensions that are reduced: one index for all of them.
  size_t outer = shape.size();
  int64_t inner = 1;
  while (outer > 0 && (shape[outer - 1] == 1 || kept[outer - 1] == 1))
    inner *= shape[--outer];
  std::fill_n(result, count, first);
  if (inner <= 1) {
    forEachIndex(shape, [&](int64_t i, Dims index) {
      T &total = result[offsetOf(index, strides)];
      total = combine(total, x[i]);
    });
    return;
  }
  const int64_t used = std::min(inner, kSumLanes);
  llvm::SmallVector<T, 0> lanes(count * used, first);
  forEachIndex(shape, [&](int64_t i, Dims index) {
    T &lane = lanes[offsetOf(index, strides) * used + i % inner % kSumLanes];
    lane = combine(lane, x[i]);
  });
  for (int64_t i = 0; i < count; ++i) {
    result[i] = lanes[i * used];
    for (int64_t lane = 1; lane < used; ++lane)
      result[i] = combine(result[i], lanes[i * used + lane]);
  }
}

} // namespace tw::ir

#endif // TW_IR_LIB_INTERPRETER_REDUCE_H
