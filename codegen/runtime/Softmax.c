// SPDX-License-Identifier: Apache-2.0
#include "fixed.h"
#include "library.h"

TW_LIB_FUNCTION(softmax_i8) {
  const int64_t rows = tensors[0].extents[0], n = tensors[0].extents[1], parts = tensors[1].extents[0];
  const int64_t factor = params[0], shift = params[1], zero = params[2];
  const int8_t *high = (const int8_t *)data[1], *low = high + 256, *rest = high + 512;
  for (int64_t r = 0; r < rows; ++r) {
    const int8_t *x = (const int8_t *)data[0] + r * n;
    const int8_t *mask = (const int8_t *)data[2] + r % tensors[2].extents[0] * n;
    int8_t *y = (int8_t *)data[3] + r * n;
    int64_t top = -128, sum = 0, rests = 0;
    for (int64_t i = 0; i < n; ++i)
      if (mask[i] && x[i] > top)
        top = x[i];
    for (int64_t i = 0; i < n; ++i)
      if (mask[i]) {
        const int64_t d = x[i] - top + 255;
        sum += 256 * (high[d] + 128) + low[d] + 128;
        rests += parts > 2 ? rest[d] : 0;
      }
    const int32_t whole = (int32_t)tw_lib_round_shift(256 * sum + rests, 8);
    const int64_t m = tw_lib_sat32(tw_lib_round_shift(tw_lib_reciprocal(whole, 46) * factor, 30));
    const int64_t of_low = tw_lib_round_shift(m, 8);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t d = x[i] - top + 255;
      y[i] = !mask[i]
                 ? (int8_t)zero
                 : tw_lib_sat8(tw_lib_round_shift((high[d] + 128) * m + (low[d] + 128) * of_low, (int)shift) + zero);
    }
  }
  return TW_LIB_DONE;
}
