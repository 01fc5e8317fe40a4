// SPDX-License-Identifier: Apache-2.0
#include "library.h"

// One line of the axis, from its end if `reverse`.
#define LINE(TYPE, T, W)                                                                                               \
  static void line_##T(T *to, const T *from, int64_t extent, int64_t inner, const int64_t *params) {                   \
    const int64_t exclusive = params[0], reverse = params[1], product = params[2];                                     \
    W sum = product ? 1 : 0;                                                                                           \
    for (int64_t k = 0; k < extent; ++k) {                                                                             \
      const int64_t at = (reverse ? extent - 1 - k : k) * inner;                                                       \
      const W next = product ? sum * (W)from[at] : sum + (W)from[at];                                                  \
      to[at] = (T)(exclusive ? sum : next);                                                                            \
      sum = next;                                                                                                      \
    }                                                                                                                  \
  }
TW_LIB_NUMBERS(LINE)

TW_LIB_FUNCTION(cumulate) {
  const int64_t outer = tensors[0].extents[0], extent = tensors[0].extents[1], inner = tensors[0].extents[2];
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      const int64_t first = o * extent * inner + i;
      switch (tensors[0].type) {
#define CASE(TYPE, T, W)                                                                                               \
  case TYPE:                                                                                                           \
    line_##T((T *)data[1] + first, (const T *)data[0] + first, extent, inner, params);                                 \
    break;
        TW_LIB_NUMBERS(CASE)
      }
    }
  return TW_LIB_DONE;
}
