// SPDX-License-Identifier: Apache-2.0
#include "library.h"

#define REGION(TYPE, T, W)                                                                                             \
  /* The weighted elements around a point, none outside of the image by more than one. */                              \
  static void around_##T(const T *image, int64_t height, int64_t width, double y, double x, double *parts) {           \
    parts[0] = parts[1] = parts[2] = parts[3] = 0;                                                                     \
    if (!(y >= -1 && y <= (double)height && x >= -1 && x <= (double)width))                                            \
      return;                                                                                                          \
    y = y > 0 ? y : 0;                                                                                                 \
    x = x > 0 ? x : 0;                                                                                                 \
    int64_t top = (int64_t)y, left = (int64_t)x, bottom = top + 1, right = left + 1;                                   \
    if (top >= height - 1)                                                                                             \
      y = (double)(top = bottom = height - 1);                                                                         \
    if (left >= width - 1)                                                                                             \
      x = (double)(left = right = width - 1);                                                                          \
    const double down = y - (double)top, across = x - (double)left, up = 1 - down, back = 1 - across;                  \
    parts[0] = up * back * (double)image[top * width + left];                                                          \
    parts[1] = up * across * (double)image[top * width + right];                                                       \
    parts[2] = down * back * (double)image[bottom * width + left];                                                     \
    parts[3] = down * across * (double)image[bottom * width + right];                                                  \
  }                                                                                                                    \
  static void region_##T(const T *image, int64_t height, int64_t width, const T *roi, T *to, int64_t rows,             \
                         int64_t columns, const int64_t *params) {                                                     \
    const int64_t is_max = params[0], half = params[1], samples = params[2];                                           \
    double scale;                                                                                                      \
    __builtin_memcpy(&scale, &params[3], 8);                                                                           \
    const double offset = half ? 0.5 : 0, left = (double)roi[0] * scale - offset,                                      \
                 top = (double)roi[1] * scale - offset;                                                                \
    double wide = (double)roi[2] * scale - offset - left, high = (double)roi[3] * scale - offset - top;                \
    if (!half) {                                                                                                       \
      wide = wide > 1 ? wide : 1;                                                                                      \
      high = high > 1 ? high : 1;                                                                                      \
    }                                                                                                                  \
    const double tall = high / (double)rows, broad = wide / (double)columns;                                           \
    const int64_t down = samples > 0 ? samples : (int64_t)__builtin_ceil(tall),                                        \
                  across = samples > 0 ? samples : (int64_t)__builtin_ceil(broad);                                     \
    const int64_t count = down * across > 1 ? down * across : 1;                                                       \
    for (int64_t r = 0; r < rows; ++r)                                                                                 \
      for (int64_t c = 0; c < columns; ++c) {                                                                          \
        double result = 0;                                                                                             \
        int is_first = 1;                                                                                              \
        for (int64_t i = 0; i < down; ++i)                                                                             \
          for (int64_t j = 0; j < across; ++j) {                                                                       \
            const double y = top + (double)r * tall + ((double)i + 0.5) * tall / (double)down,                         \
                         x = left + (double)c * broad + ((double)j + 0.5) * broad / (double)across;                    \
            double parts[4];                                                                                           \
            around_##T(image, height, width, y, x, parts);                                                             \
            double most = parts[0];                                                                                    \
            for (int k = 1; k != 4; ++k)                                                                               \
              most = most < parts[k] ? parts[k] : most;                                                                \
            if (!is_max)                                                                                               \
              result += parts[0] + parts[1] + parts[2] + parts[3];                                                     \
            else if (is_first || result < most)                                                                        \
              result = most;                                                                                           \
            is_first = 0;                                                                                              \
          }                                                                                                            \
        to[r * columns + c] = (T)(is_max ? result : result / (double)count);                                           \
      }                                                                                                                \
  }
TW_LIB_REALS(REGION)

TW_LIB_FUNCTION(roi_align) {
  const int64_t images = tensors[0].extents[0], channels = tensors[0].extents[1], height = tensors[0].extents[2],
                width = tensors[0].extents[3], rows = tensors[3].extents[2], columns = tensors[3].extents[3];
  for (int64_t n = 0; n < tensors[1].extents[0]; ++n) {
    const int64_t image = ((const int64_t *)data[2])[n];
    if (image < 0 || image >= images)
      return tw_lib_fail(why, TW_HOST_FAILURE_IMAGE, n, images);
    for (int64_t c = 0; c < channels; ++c)
      switch (tensors[0].type) {
#define CASE(TYPE, T, W)                                                                                               \
  case TYPE:                                                                                                           \
    region_##T((const T *)data[0] + (image * channels + c) * height * width, height, width,                            \
               (const T *)data[1] + n * 4, (T *)data[3] + (n * channels + c) * rows * columns, rows, columns, params); \
    break;
        TW_LIB_REALS(CASE)
      }
  }
  return TW_LIB_DONE;
}
