// SPDX-License-Identifier: Apache-2.0
#include "library.h"

enum mode { LINEAR, NEAREST, CUBIC };
enum padding { ZEROS, BORDER, REFLECTION };
enum { MOST_DIMENSIONS = 3, MOST_TAPS = 4 };

// The elements along one dimension that a point is interpolated from; outside of the image: -1.
struct taps {
  int64_t at[MOST_TAPS];
  double weight[MOST_TAPS];
};

// Back into [low, high], folded at its ends.
static double reflected(double x, double low, double high) {
  const double range = high - low, beyond = x < low ? low - x : x - high;
  if (beyond <= 0)
    return x;
  if (range <= 0)
    return low;
  const double turns = __builtin_trunc(beyond / range), rest = beyond - turns * range;
  const int is_even = 2 * __builtin_trunc(turns / 2) == turns;
  return (x < low) == is_even ? low + rest : high - rest;
}

static double held(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

static double keys(double x) { // the cubic kernel of Keys with a = -3/4
  const double a = -0.75;
  x = __builtin_fabs(x);
  return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

static int64_t taps_of(double place, int64_t extent, const int64_t *params, struct taps *taps) {
  const int64_t mode = params[0], padding = params[1], aligned = params[2];
  const double low = aligned ? 0 : -0.5, high = aligned ? (double)extent - 1 : (double)extent - 0.5;
  double x = aligned ? (place + 1) / 2 * (double)(extent - 1) : ((place + 1) * (double)extent - 1) / 2;
  x = x != x ? 0 : held(x, -0x1p31, 0x1p31);
  if (mode == NEAREST)
    x = __builtin_rint(x);
  if (padding == BORDER)
    x = x < low || x > high ? held(x, 0, (double)(extent - 1)) : x;
  else if (padding == REFLECTION)
    x = reflected(x, low, high);
  const double base = __builtin_floor(x);
  const int64_t count = mode == NEAREST ? 1 : mode == LINEAR ? 2 : 4, first = (int64_t)base - (mode == CUBIC);
  for (int64_t t = 0; t < count; ++t) {
    const double away = x - (double)(first + t), size = __builtin_fabs(away);
    taps->weight[t] = mode == NEAREST ? 1 : mode == LINEAR ? 1 - size : keys(away);
    int64_t at = first + t;
    if (padding == BORDER)
      at = at < 0 ? 0 : at >= extent ? extent - 1 : at;
    else if (padding == REFLECTION)
      at = (int64_t)reflected((double)at, low, high);
    taps->at[t] = at < 0 || at >= extent ? -1 : at;
  }
  return count;
}

#define VALUE(TYPE, T, W)                                                                                              \
  static T value_##T(const T *image, const int64_t *extents, int64_t dimensions, const struct taps *taps,              \
                     int64_t count) {                                                                                  \
    int64_t all = 1;                                                                                                   \
    for (int64_t d = 0; d < dimensions; ++d)                                                                           \
      all *= count;                                                                                                    \
    double sum = 0;                                                                                                    \
    for (int64_t t = 0; t < all; ++t) {                                                                                \
      int64_t at = 0, rest = t, step = all, is_inside = 1;                                                             \
      double weight = 1;                                                                                               \
      for (int64_t d = 0; d < dimensions; ++d) {                                                                       \
        step /= count;                                                                                                 \
        const int64_t tap = rest / step;                                                                               \
        rest -= tap * step;                                                                                            \
        is_inside &= taps[d].at[tap] >= 0;                                                                             \
        at = at * extents[d] + taps[d].at[tap];                                                                        \
        weight *= taps[d].weight[tap];                                                                                 \
      }                                                                                                                \
      if (is_inside)                                                                                                   \
        sum += weight * (double)image[at];                                                                             \
    }                                                                                                                  \
    return (T)sum;                                                                                                     \
  }
TW_LIB_REALS(VALUE)

TW_LIB_FUNCTION(grid_sample) {
  const int64_t *extents = tensors[0].extents + 2, dimensions = tensors[0].rank - 2, channels = tensors[0].extents[1];
  int64_t pixels = 1, points = 1;
  for (int64_t d = 0; d < dimensions; ++d) {
    pixels *= extents[d];
    points *= tensors[2].extents[2 + d];
  }
  for (int64_t n = 0; n < tensors[0].extents[0]; ++n)
    for (int64_t p = 0; p < points; ++p) {
      struct taps taps[MOST_DIMENSIONS];
      int64_t count = 0;
      for (int64_t d = 0; d < dimensions; ++d) { // the last dimension's place comes first
        const int64_t at = (n * points + p) * dimensions + dimensions - 1 - d;
        const double place =
            tensors[1].type == TW_LIB_F64 ? ((const double *)data[1])[at] : (double)((const float *)data[1])[at];
        count = taps_of(place, extents[d], params, &taps[d]);
      }
      for (int64_t c = n * channels; c < (n + 1) * channels; ++c)
        switch (tensors[0].type) {
#define CASE(TYPE, T, W)                                                                                               \
  case TYPE:                                                                                                           \
    ((T *)data[2])[c * points + p] = value_##T((const T *)data[0] + c * pixels, extents, dimensions, taps, count);     \
    break;
          TW_LIB_REALS(CASE)
        }
    }
  return TW_LIB_DONE;
}
