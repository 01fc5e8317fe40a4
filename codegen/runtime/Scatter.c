// SPDX-License-Identifier: Apache-2.0
#include "library.h"

enum reduction { NONE, ADD, MUL, MAX, MIN };

// A NaN stays.
#define REAL(TYPE, T, W)                                                                                               \
  static T reduce_##T(int64_t reduction, T a, T b) {                                                                   \
    switch (reduction) {                                                                                               \
    case ADD:                                                                                                          \
      return a + b;                                                                                                    \
    case MUL:                                                                                                          \
      return a * b;                                                                                                    \
    case MAX:                                                                                                          \
      return a != a ? a : b != b ? b : a < b ? b : a;                                                                  \
    default:                                                                                                           \
      return a != a ? a : b != b ? b : b < a ? b : a;                                                                  \
    }                                                                                                                  \
  }
TW_LIB_REALS(REAL)

#define INTEGER(TYPE, T, W)                                                                                            \
  static T reduce_##T(int64_t reduction, T a, T b) {                                                                   \
    switch (reduction) {                                                                                               \
    case ADD:                                                                                                          \
      return (T)((W)a + (W)b);                                                                                         \
    case MUL:                                                                                                          \
      return (T)((W)a * (W)b);                                                                                         \
    case MAX:                                                                                                          \
      return a < b ? b : a;                                                                                            \
    default:                                                                                                           \
      return b < a ? b : a;                                                                                            \
    }                                                                                                                  \
  }
TW_LIB_INTEGERS(INTEGER)

#define ROW(TYPE, T, W)                                                                                                \
  static void row_##T(int64_t reduction, T *to, const T *from, int64_t count) {                                        \
    for (int64_t i = 0; i < count; ++i)                                                                                \
      to[i] = reduce_##T(reduction, to[i], from[i]);                                                                   \
  }
TW_LIB_NUMBERS(ROW)

TW_LIB_FUNCTION(scatter) {
  const int64_t type = tensors[0].type, rows = tensors[0].extents[0], inner = tensors[0].extents[1],
                updates = tensors[1].extents[0], bytes = inner * tw_lib_width(type), reduction = params[0];
  const int64_t *indices = data[1];
  tw_lib_copy(data[3], data[0], rows * bytes);
  for (int64_t k = 0; k < updates; ++k) {
    if (indices[k] < 0 || indices[k] >= rows)
      return tw_lib_fail(why, TW_HOST_FAILURE_INDEX, indices[k], rows);
    char *to = (char *)data[3] + indices[k] * bytes;
    const char *from = (const char *)data[2] + k * bytes;
    if (reduction == NONE) {
      tw_lib_copy(to, from, bytes);
      continue;
    }
    switch (type) {
#define CASE(TYPE, T, W)                                                                                               \
  case TYPE:                                                                                                           \
    row_##T(reduction, (T *)to, (const T *)from, inner);                                                               \
    break;
      TW_LIB_NUMBERS(CASE)
    case TW_LIB_BOOL: // a sum and a maximum are "or", the others "and"
      for (int64_t i = 0; i < inner; ++i)
        to[i] = reduction == ADD || reduction == MAX ? to[i] | from[i] : to[i] & from[i];
      break;
    }
  }
  return TW_LIB_DONE;
}
