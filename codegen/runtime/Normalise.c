// SPDX-License-Identifier: Apache-2.0
// The two parts of a layer norm, and a whole one.
#include "fixed.h"
#include "library.h"

struct sums {
  int64_t first, second; // of x and x^2, less the centre
};

static struct sums sums_of(const int8_t *x, int64_t n, int64_t center) {
  struct sums sums = {0, 0};
  for (int64_t i = 0; i < n; ++i) {
    const int32_t d = (int32_t)(x[i] - center);
    sums.first += d;
    sums.second += d * d;
  }
  return sums;
}

// -mean in units of 2^-22; the params that both functions begin with.
static int64_t negative_mean(struct sums sums, const int64_t *params) {
  return params[0] ? tw_lib_sat32(tw_lib_round_shift(-sums.first * params[2], (int)params[3] - 22)) : 0;
}

TW_LIB_FUNCTION(variance_i8) {
  const int64_t rows = tensors[0].extents[0], n = tensors[0].extents[1], inverse = params[2];
  const int places = (int)params[3] - 14;
  for (int64_t r = 0; r < rows; ++r) {
    const struct sums sums = sums_of((const int8_t *)data[0] + r * n, n, params[1]);
    const int64_t mean = negative_mean(sums, params);
    const int64_t square = tw_lib_sat32(tw_lib_round_shift(mean * mean, 30));
    const int64_t variance =
        tw_lib_sat32(tw_lib_round_shift(sums.second * inverse - square * ((int64_t)1 << places), places));
    const int64_t steps = tw_lib_sat32(tw_lib_round_shift(variance * params[4], (int)params[5]));
    ((int8_t *)data[1])[r] = tw_lib_sat8(tw_lib_round_shift(steps, 16) + params[6]);
  }
  return TW_LIB_DONE;
}

TW_LIB_FUNCTION(normalise_i8) {
  const int64_t rows = tensors[0].extents[0], n = tensors[0].extents[1], center = params[1], zero = params[6];
  const int shift = (int)params[4], far_shift = (int)params[5];
  for (int64_t r = 0; r < rows; ++r) {
    const int8_t *x = (const int8_t *)data[0] + r * n;
    const int8_t *entry = (const int8_t *)data[2] + ((const int8_t *)data[1])[r] + 128;
    int8_t *y = (int8_t *)data[3] + r * n;
    const int64_t mean = negative_mean(sums_of(x, n, center), params);
    const int64_t t = ((entry[0] + 128) * 256 + entry[256] + 128) * 256 + entry[512] + 128;
    const int64_t f = tensors[2].extents[0] > 3 ? entry[768] * 65536 : 0;
    const int64_t add = tw_lib_sat32(tw_lib_round_shift(mean * t, 22));
    const int64_t add_far = tw_lib_sat32(tw_lib_round_shift(mean * f, 22));
    for (int64_t i = 0; i < n; ++i) {
      int64_t value = tw_lib_sat8(tw_lib_round_shift((x[i] - center) * t + add, shift) + zero);
      if (f)
        value += 4 * tw_lib_sat8(tw_lib_round_shift((x[i] - center) * f + add_far, far_shift));
      y[i] = tw_lib_sat8(value);
    }
  }
  return TW_LIB_DONE;
}

TW_LIB_FUNCTION(norm_i8) {
  const int64_t rows = tensors[0].extents[0], n = tensors[0].extents[1], center = params[1];
  const int shift = (int)params[10];
  for (int64_t r = 0; r < rows; ++r) {
    const int8_t *x = (const int8_t *)data[0] + r * n;
    int8_t *high = (int8_t *)data[1] + 2 * r * n, *low = high + n;
    const struct sums sums = sums_of(x, n, center);
    const int64_t mean = negative_mean(sums, params), beside = tw_lib_round_shift(mean, 22);
    const int64_t moved = sums.first + n * beside, squares = sums.second + beside * (sums.first + moved);
    const int64_t variance =
        tw_lib_sat32(tw_lib_round_shift(squares * ((int64_t)1 << 30) - moved * moved * params[4], (int)params[5]));
    const int64_t root = tw_lib_inverse_root(tw_lib_sat32(variance + params[6]), (int)params[7]);
    const int64_t factor = tw_lib_sat32(tw_lib_round_shift(root * params[8], (int)params[9]));
    const int64_t addend = tw_lib_sat32(tw_lib_round_shift(mean * factor, 22));
    for (int64_t i = 0; i < n; ++i) {
      const int64_t z = (x[i] - center) * factor + addend;
      high[i] = tw_lib_sat8(tw_lib_round_shift(z, shift + 6));
      low[i] = tw_lib_sat8(tw_lib_round_shift(z - high[i] * ((int64_t)1 << (shift + 6)), shift));
    }
  }
  return TW_LIB_DONE;
}
