// SPDX-License-Identifier: Apache-2.0
// What for: weights as ONNX's products have them, turned to what tw.qgemm has.
#ifndef TW_IR_LIB_TURNEDWEIGHTS_H
#define TW_IR_LIB_TURNEDWEIGHTS_H

#include "tw/ir/Tensor.h"

namespace tw::ir {

/// int8 [K, N] -> [N, K].
inline Tensor turned(const Tensor &from) {
  const int64_t rows = from.shape[0], columns = from.shape[1];
  Tensor to(ElementType::I8, {columns, rows});
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      to.data<int8_t>()[c * rows + r] = from.data<int8_t>()[r * columns + c];
  return to;
}

} // namespace tw::ir

#endif // TW_IR_LIB_TURNEDWEIGHTS_H
