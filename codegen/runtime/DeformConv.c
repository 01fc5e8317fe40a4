// SPDX-License-Identifier: Apache-2.0
#include "library.h"

// Between the four neighbours of a point; zeros outside of the image.
#define BETWEEN(TYPE, T, W)                                                                                            \
  static double between_##T(const T *image, int64_t height, int64_t width, double y, double x) {                       \
    if (!(y > -1 && y < (double)height && x > -1 && x < (double)width))                                                \
      return 0;                                                                                                        \
    const double top = __builtin_floor(y), left = __builtin_floor(x), down = y - top, across = x - left;               \
    double sum = 0;                                                                                                    \
    for (int64_t i = 0; i != 2; ++i)                                                                                   \
      for (int64_t j = 0; j != 2; ++j) {                                                                               \
        const int64_t row = (int64_t)top + i, column = (int64_t)left + j;                                              \
        if (row >= 0 && row < height && column >= 0 && column < width)                                                 \
          sum += (i ? down : 1 - down) * (j ? across : 1 - across) * (double)image[row * width + column];              \
      }                                                                                                                \
    return sum;                                                                                                        \
  }                                                                                                                    \
  static T sum_##T(const T *image, const T *weight, const T *offset, const T *mask, const int64_t *extents,            \
                   const int64_t *kernel, int64_t channels, int64_t first, int64_t per_offset, int64_t points,         \
                   double y, double x, const int64_t *params) {                                                        \
    const int64_t height = extents[2], width = extents[3], taps = kernel[0] * kernel[1];                               \
    double sum = 0;                                                                                                    \
    for (int64_t c = 0; c < channels; ++c)                                                                             \
      for (int64_t k = 0; k < taps; ++k) {                                                                             \
        const int64_t at = ((first + c) / per_offset * taps + k) * points;                                             \
        const double row = y + (double)(k / kernel[1] * params[4]) + (double)offset[2 * at],                           \
                     column = x + (double)(k % kernel[1] * params[5]) + (double)offset[2 * at + points];               \
        sum += between_##T(image + (first + c) * height * width, height, width, row, column) *                         \
               (double)weight[c * taps + k] * (double)mask[at];                                                        \
      }                                                                                                                \
    return (T)sum;                                                                                                     \
  }
TW_LIB_REALS(BETWEEN)

// params: strides, pads at the top and left, dilations, group, offset group
TW_LIB_FUNCTION(deform_conv) {
  const int64_t *image = tensors[0].extents, *weight = tensors[1].extents, *result = tensors[4].extents;
  const int64_t channels = weight[1], outputs = result[1], columns = result[3], points = result[2] * columns;
  const int64_t per_group = outputs / params[6], per_offset = image[1] / params[7], taps = weight[2] * weight[3];
  for (int64_t n = 0; n < result[0]; ++n)
    for (int64_t o = 0; o < outputs; ++o)
      for (int64_t p = 0; p < points; ++p) {
        const double y = (double)(p / columns * params[0] - params[2]),
                     x = (double)(p % columns * params[1] - params[3]);
        switch (tensors[0].type) {
#define CASE(TYPE, T, W)                                                                                               \
  case TYPE:                                                                                                           \
    ((T *)data[4])[(n * outputs + o) * points + p] =                                                                   \
        sum_##T((const T *)data[0] + n * image[1] * image[2] * image[3], (const T *)data[1] + o * channels * taps,     \
                (const T *)data[2] + n * params[7] * taps * 2 * points + p,                                            \
                (const T *)data[3] + n * params[7] * taps * points + p, image, weight + 2, channels,                   \
                o / per_group * channels, per_offset, points, y, x, params);                                           \
    break;
          TW_LIB_REALS(CASE)
        }
      }
  return TW_LIB_DONE;
}
