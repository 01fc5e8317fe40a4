// SPDX-License-Identifier: Apache-2.0
#include "library.h"

// Elimination with the largest pivot of each column; `m` is changed.
static double determinant(double *m, int64_t n) {
  double product = 1;
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < n; ++i)
      if (__builtin_fabs(m[i * n + k]) > __builtin_fabs(m[pivot * n + k]))
        pivot = i;
    if (pivot != k) {
      product = -product;
      for (int64_t j = k; j < n; ++j) {
        const double kept = m[k * n + j];
        m[k * n + j] = m[pivot * n + j];
        m[pivot * n + j] = kept;
      }
    }
    const double top = m[k * n + k];
    product *= top;
    if (top == 0)
      return product;
    for (int64_t i = k + 1; i < n; ++i) {
      const double factor = m[i * n + k] / top;
      for (int64_t j = k + 1; j < n; ++j)
        m[i * n + j] -= factor * m[k * n + j];
    }
  }
  return product;
}

TW_LIB_FUNCTION(determinant) {
  const int64_t n = tensors[0].extents[1], elements = n * n;
  double *m = data[2];
  (void)params;
  for (int64_t b = 0; b < tensors[0].extents[0]; ++b)
    switch (tensors[0].type) {
#define CASE(TYPE, T, W)                                                                                               \
  case TYPE:                                                                                                           \
    for (int64_t i = 0; i < elements; ++i)                                                                             \
      m[i] = (double)((const T *)data[0])[b * elements + i];                                                           \
    ((T *)data[1])[b] = (T)determinant(m, n);                                                                          \
    break;
      TW_LIB_REALS(CASE)
    }
  return TW_LIB_DONE;
}
