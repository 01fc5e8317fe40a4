// SPDX-License-Identifier: Apache-2.0
#include "library.h"

// Does element i stand in front of element j? No two are equal: the lower place is first. A NaN is the largest number.
#define PRECEDES(TYPE, T, W)                                                                                           \
  static int precedes_##T(const T *x, int64_t inner, int64_t largest, int64_t i, int64_t j) {                          \
    const T a = x[i * inner], b = x[j * inner];                                                                        \
    const int less = a < b || (b != b && a == a), greater = b < a || (a != a && b == b);                               \
    return less == greater ? i < j : largest ? greater : less;                                                         \
  }                                                                                                                    \
  /* Puts `place` into the heap of `count` at `at` or below; whoever stands last is on top. */                         \
  static void sink_##T(const T *x, int64_t inner, int64_t largest, int64_t *heap, int64_t count, int64_t at,           \
                       int64_t place) {                                                                                \
    for (int64_t child; (child = 2 * at + 1) < count; at = child) {                                                    \
      if (child + 1 < count && precedes_##T(x, inner, largest, heap[child * inner], heap[(child + 1) * inner]))        \
        ++child;                                                                                                       \
      if (!precedes_##T(x, inner, largest, place, heap[child * inner]))                                                \
        break;                                                                                                         \
      heap[at * inner] = heap[child * inner];                                                                          \
    }                                                                                                                  \
    heap[at * inner] = place;                                                                                          \
  }                                                                                                                    \
  static void line_##T(const T *x, int64_t extent, int64_t inner, int64_t largest, int64_t *first, int64_t k) {        \
    for (int64_t i = 0; i < k; ++i)                                                                                    \
      first[i * inner] = i;                                                                                            \
    for (int64_t i = k / 2; i-- > 0;)                                                                                  \
      sink_##T(x, inner, largest, first, k, i, first[i * inner]);                                                      \
    for (int64_t i = k; i < extent; ++i)                                                                               \
      if (precedes_##T(x, inner, largest, i, first[0]))                                                                \
        sink_##T(x, inner, largest, first, k, 0, i);                                                                   \
    for (int64_t count = k - 1; count > 0; --count) {                                                                  \
      const int64_t last = first[0], place = first[count * inner];                                                     \
      sink_##T(x, inner, largest, first, count, 0, place);                                                             \
      first[count * inner] = last;                                                                                     \
    }                                                                                                                  \
  }
TW_LIB_NUMBERS(PRECEDES)

TW_LIB_FUNCTION(topk_indices) {
  const int64_t outer = tensors[0].extents[0], extent = tensors[0].extents[1], inner = tensors[0].extents[2],
                k = tensors[1].extents[1];
  if (k == 0)
    return TW_LIB_DONE;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      int64_t *first = (int64_t *)data[1] + o * k * inner + i;
      switch (tensors[0].type) {
#define CASE(TYPE, T, W)                                                                                               \
  case TYPE:                                                                                                           \
    line_##T((const T *)data[0] + o * extent * inner + i, extent, inner, params[0], first, k);                         \
    break;
        TW_LIB_NUMBERS(CASE)
      }
    }
  return TW_LIB_DONE;
}
