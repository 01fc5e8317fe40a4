// SPDX-License-Identifier: Apache-2.0
#include "library.h"

struct box {
  double low[2], high[2];
};

static struct box box_of(const float *box, int64_t is_center) {
  struct box result;
  for (int d = 0; d != 2; ++d) {
    const double a = (double)box[d], b = (double)box[2 + d];
    result.low[d] = is_center ? a - b / 2 : a < b ? a : b;
    result.high[d] = is_center ? a + b / 2 : a < b ? b : a;
  }
  return result;
}

static int overlap(struct box a, struct box b, double threshold) {
  double common = 1, area = 1, other = 1;
  for (int d = 0; d != 2; ++d) {
    const double low = a.low[d] > b.low[d] ? a.low[d] : b.low[d], high = a.high[d] < b.high[d] ? a.high[d] : b.high[d];
    if (high <= low)
      return 0;
    common *= high - low;
    area *= a.high[d] - a.low[d];
    other *= b.high[d] - b.low[d];
  }
  const double all = area + other - common;
  return common > 0 && area > 0 && other > 0 && all > 0 && common / all > threshold;
}

// A heap of places: the one of the highest score on top, of equal ones the first.
static int precedes(const float *score, int64_t a, int64_t b) {
  return score[a] > score[b] || (score[a] == score[b] && a < b);
}
static void sink(const float *score, int64_t *heap, int64_t count, int64_t at, int64_t place) {
  for (int64_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && precedes(score, heap[child + 1], heap[child]))
      ++child;
    if (!precedes(score, heap[child], place))
      break;
    heap[at] = heap[child];
  }
  heap[at] = place;
}

TW_LIB_FUNCTION(non_max_suppression) {
  const int64_t images = tensors[0].extents[0], classes = tensors[0].extents[1], boxes = tensors[0].extents[2],
                most = *(const int64_t *)data[2], room = tensors[5].extents[0];
  const double overlapping = (double)*(const float *)data[3], least = (double)*(const float *)data[4];
  int64_t *row = data[5], *heap = data[6], rows = 0;
  for (int64_t n = 0; n < images; ++n)
    for (int64_t c = 0; c < classes; ++c) {
      const float *score = (const float *)data[0] + (n * classes + c) * boxes,
                  *box = (const float *)data[1] + n * boxes * 4;
      int64_t count = 0, first = rows;
      for (int64_t b = 0; b < boxes; ++b)
        if ((double)score[b] > least)
          heap[count++] = b;
      for (int64_t i = count / 2; i-- > 0;)
        sink(score, heap, count, i, heap[i]);
      while (count > 0 && rows - first < most) {
        const int64_t best = heap[0], last = heap[--count];
        sink(score, heap, count, 0, last);
        const struct box candidate = box_of(box + best * 4, params[0]);
        int is_kept = 1;
        for (int64_t r = first; r < rows && is_kept; ++r)
          is_kept = !overlap(candidate, box_of(box + row[r * 3 + 2] * 4, params[0]), overlapping);
        if (!is_kept)
          continue;
        if (rows == room)
          return tw_lib_fail(why, TW_HOST_FAILURE_MORE_ROWS, rows + 1, room);
        row[rows * 3] = n;
        row[rows * 3 + 1] = c;
        row[rows * 3 + 2] = best;
        ++rows;
      }
    }
  return rows == room ? TW_LIB_DONE : tw_lib_fail(why, TW_HOST_FAILURE_ROWS, rows, room);
}
