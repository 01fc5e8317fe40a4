// SPDX-License-Identifier: Apache-2.0
#include "library.h"

// Whole elements from `place` bins of `size` on, of an axis of `extent` that begins at `start`.
static int64_t edge(double place, int64_t start, int64_t extent) {
  const int64_t at = (int64_t)place + start;
  return at < 0 ? 0 : at > extent ? extent : at;
}

#define REGION(TYPE, T, W)                                                                                             \
  static void region_##T(const T *image, int64_t height, int64_t width, const T *roi, double scale, T *to,             \
                         int64_t rows, int64_t columns) {                                                              \
    int64_t corner[4];                                                                                                 \
    for (int k = 0; k != 4; ++k) /* halves away from zero */                                                           \
      corner[k] = (int64_t)__builtin_round((double)roi[1 + k] * scale);                                                \
    const int64_t left = corner[0], top = corner[1], wide = corner[2] - left + 1, high = corner[3] - top + 1;          \
    const double tall = (double)(high > 1 ? high : 1) / (double)rows,                                                  \
                 broad = (double)(wide > 1 ? wide : 1) / (double)columns;                                              \
    for (int64_t r = 0; r < rows; ++r)                                                                                 \
      for (int64_t c = 0; c < columns; ++c) {                                                                          \
        const int64_t y0 = edge(__builtin_floor((double)r * tall), top, height),                                       \
                      y1 = edge(__builtin_ceil((double)(r + 1) * tall), top, height),                                  \
                      x0 = edge(__builtin_floor((double)c * broad), left, width),                                      \
                      x1 = edge(__builtin_ceil((double)(c + 1) * broad), left, width);                                 \
        T most = y0 < y1 && x0 < x1 ? image[y0 * width + x0] : 0;                                                      \
        for (int64_t y = y0; y < y1; ++y)                                                                              \
          for (int64_t x = x0; x < x1; ++x)                                                                            \
            most = most < image[y * width + x] ? image[y * width + x] : most;                                          \
        to[r * columns + c] = most;                                                                                    \
      }                                                                                                                \
  }
TW_LIB_REALS(REGION)

TW_LIB_FUNCTION(max_roi_pool) {
  const int64_t images = tensors[0].extents[0], channels = tensors[0].extents[1], height = tensors[0].extents[2],
                width = tensors[0].extents[3], rows = tensors[2].extents[2], columns = tensors[2].extents[3];
  double scale;
  __builtin_memcpy(&scale, &params[0], 8);
  for (int64_t n = 0; n < tensors[1].extents[0]; ++n)
    switch (tensors[0].type) {
#define CASE(TYPE, T, W)                                                                                               \
  case TYPE: {                                                                                                         \
    const T *roi = (const T *)data[1] + n * 5;                                                                         \
    if (!(roi[0] >= 0 && roi[0] < (T)images))                                                                          \
      return tw_lib_fail(why, TW_HOST_FAILURE_IMAGE, n, images);                                                       \
    for (int64_t c = 0; c < channels; ++c)                                                                             \
      region_##T((const T *)data[0] + ((int64_t)roi[0] * channels + c) * height * width, height, width, roi, scale,    \
                 (T *)data[2] + (n * channels + c) * rows * columns, rows, columns);                                   \
    break;                                                                                                             \
  }
      TW_LIB_REALS(CASE)
    }
  return TW_LIB_DONE;
}
