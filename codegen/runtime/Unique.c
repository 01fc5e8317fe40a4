// SPDX-License-Identifier: Apache-2.0
#include "library.h"

enum what { FIRST, INVERSE, COUNTS };

// -1, 0 or 1: how two rows stand; a NaN is the largest number, and equal to another.
#define COMPARED(TYPE, T, W)                                                                                           \
  static int compared_##T(const T *a, const T *b, int64_t inner) {                                                     \
    for (int64_t i = 0; i < inner; ++i) {                                                                              \
      const int less = a[i] < b[i] || (b[i] != b[i] && a[i] == a[i]),                                                  \
                more = b[i] < a[i] || (a[i] != a[i] && b[i] == b[i]);                                                  \
      if (less || more)                                                                                                \
        return less ? -1 : 1;                                                                                          \
    }                                                                                                                  \
    return 0;                                                                                                          \
  }
TW_LIB_NUMBERS(COMPARED)

static int compared(const void *data, int64_t type, int64_t inner, int64_t i, int64_t j) {
  switch (type) {
#define CASE(TYPE, T, W)                                                                                               \
  case TYPE:                                                                                                           \
    return compared_##T((const T *)data + i * inner, (const T *)data + j * inner, inner);
    TW_LIB_NUMBERS(CASE)
  case TW_LIB_BOOL:
    return compared_uint8_t((const uint8_t *)data + i * inner, (const uint8_t *)data + j * inner, inner);
  }
  return 0;
}

TW_LIB_FUNCTION(unique) {
  const int64_t rows = tensors[0].extents[0], inner = tensors[0].extents[1], type = tensors[0].type, sorted = params[0],
                what = params[1], room = params[2];
  // Rows in order, then the number of each first row; and the first row equal to each.
  int64_t *order = data[2], *first = order + rows, *to = data[1];
  for (int64_t i = 0; i < rows; ++i)
    order[i] = i;
  for (int64_t end = rows, start = rows / 2; end > 1;) { // heap sort; of equal rows the earlier one first
    int64_t place;
    if (start > 0) {
      place = order[--start];
    } else {
      place = order[--end];
      order[end] = order[0];
    }
    int64_t at = start;
    for (int64_t child; (child = 2 * at + 1) < end; at = child) {
#define IN_ORDER(I, J) (compared(data[0], type, inner, I, J) < ((I) < (J)))
      if (child + 1 < end && IN_ORDER(order[child], order[child + 1]))
        ++child;
      if (!IN_ORDER(place, order[child]))
        break;
      order[at] = order[child];
    }
    order[at] = place;
  }
  int64_t count = 0;
  for (int64_t i = 0, begin = 0; i < rows; ++i) {
    if (compared(data[0], type, inner, order[begin], order[i]) != 0)
      begin = i;
    count += begin == i;
    first[order[i]] = order[begin];
  }
  if (count != room)
    return tw_lib_fail(why, TW_HOST_FAILURE_ROWS, count, room);
  // First rows are numbered by value or by place; the number stands, as -1 less it, where the first row did.
  int64_t number = 0;
  if (what == FIRST && sorted) {
    for (int64_t i = 0; i < rows; ++i)
      if (first[order[i]] == order[i])
        to[number++] = order[i];
    return TW_LIB_DONE;
  }
  if (sorted) {
    for (int64_t i = 0; i < rows; ++i)
      if (first[order[i]] == order[i])
        first[order[i]] = -1 - number++;
  } else {
    for (int64_t i = 0; i < rows; ++i)
      if (first[i] == i)
        first[i] = -1 - number++;
  }
  if (what == COUNTS)
    for (int64_t i = 0; i < room; ++i)
      to[i] = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t its = first[i] < 0 ? -1 - first[i] : -1 - first[first[i]];
    if (what == INVERSE)
      to[i] = its;
    else if (what == COUNTS)
      ++to[its];
    else if (first[i] < 0)
      to[its] = i;
  }
  return TW_LIB_DONE;
}
