// SPDX-License-Identifier: Apache-2.0
#include "library.h"

// Three dimensions: those that an image lacks have extent 1.
#define PLACE(TYPE, T, W)                                                                                              \
  static int64_t place_##T(const T *image, const int64_t *extents, const int64_t *at, const int64_t *params) {         \
    const int64_t *kernel = params, *strides = params + 3, *pads = params + 6, *dilations = params + 9;                \
    int64_t best = -1;                                                                                                 \
    for (int64_t i = 0; i < kernel[0]; ++i)                                                                            \
      for (int64_t j = 0; j < kernel[1]; ++j)                                                                          \
        for (int64_t k = 0; k < kernel[2]; ++k) {                                                                      \
          const int64_t x = at[0] * strides[0] - pads[0] + i * dilations[0],                                           \
                        y = at[1] * strides[1] - pads[1] + j * dilations[1],                                           \
                        z = at[2] * strides[2] - pads[2] + k * dilations[2];                                           \
          if (x < 0 || x >= extents[0] || y < 0 || y >= extents[1] || z < 0 || z >= extents[2])                        \
            continue;                                                                                                  \
          const int64_t place = (x * extents[1] + y) * extents[2] + z;                                                 \
          if (best < 0 || image[place] > image[best])                                                                  \
            best = place;                                                                                              \
        }                                                                                                              \
    return best;                                                                                                       \
  }
TW_LIB_NUMBERS(PLACE)

TW_LIB_FUNCTION(max_pool_indices) {
  const int64_t images = tensors[0].extents[0] * tensors[0].extents[1], first = 5 - tensors[0].rank;
  int64_t extents[3] = {1, 1, 1}, windows[3] = {1, 1, 1};
  for (int64_t d = 2; d < tensors[0].rank; ++d) {
    extents[first + d - 2] = tensors[0].extents[d];
    windows[first + d - 2] = tensors[1].extents[d];
  }
  const int64_t pixels = extents[0] * extents[1] * extents[2];
  int64_t *to = data[1];
  for (int64_t n = 0; n < images; ++n)
    for (int64_t p = 0; p < windows[0] * windows[1] * windows[2]; ++p) {
      const int64_t at[3] = {p / (windows[1] * windows[2]), p / windows[2] % windows[1], p % windows[2]};
      int64_t place = 0;
      switch (tensors[0].type) {
#define CASE(TYPE, T, W)                                                                                               \
  case TYPE:                                                                                                           \
    place = place_##T((const T *)data[0] + n * pixels, extents, at, params);                                           \
    break;
        TW_LIB_NUMBERS(CASE)
      }
      if (params[12]) { // the first dimension runs fastest
        const int64_t x = place / (extents[1] * extents[2]), y = place / extents[2] % extents[1],
                      z = place % extents[2];
        place = tensors[0].rank == 5 ? (z * extents[1] + y) * extents[0] + x : z * extents[1] + y;
      }
      *to++ = n * pixels + place;
    }
  return TW_LIB_DONE;
}
