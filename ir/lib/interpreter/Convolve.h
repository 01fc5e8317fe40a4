// SPDX-License-Identifier: Apache-2.0
// The convolution and product loops, shared by float32 and int8: they differ in the type of the sum only.
#ifndef TW_IR_LIB_INTERPRETER_CONVOLVE_H
#define TW_IR_LIB_INTERPRETER_CONVOLVE_H

#include "Kernels.h"

#include <algorithm>

namespace tw::ir {

// sum of (x - zx) * (w - zw) over `count` elements. Unit strides are spelled out so that the compiler vectorises them.
template <typename Sum, typename T>
Sum dot(const T *x, int64_t strideX, Sum zx, const T *w, int64_t strideW, Sum zw, int64_t count, Sum sum) {
  if (strideX == 1 && strideW == 1) {
    for (int64_t i = 0; i < count; ++i)
      sum += (static_cast<Sum>(x[i]) - zx) * (static_cast<Sum>(w[i]) - zw);
    return sum;
  }
  for (int64_t i = 0; i < count; ++i)
    sum += (static_cast<Sum>(x[i * strideX]) - zx) * (static_cast<Sum>(w[i * strideW]) - zw);
  return sum;
}

// Of float32, in order, each product and sum rounded once: the order that is part of an operator's meaning.
float fusedDot(const float *x, int64_t strideX, const float *w, int64_t strideW, int64_t count, float sum);
template <>
inline float dot<float, float>(const float *x, int64_t strideX, float, const float *w, int64_t strideW, float,
                               int64_t count, float sum) {
  return fusedDot(x, strideX, w, strideW, count, sum);
}

// Of int8, exactly: runs whose sums fit 32 bits, added up in 64.
template <>
inline int64_t dot<int64_t, int8_t>(const int8_t *x, int64_t strideX, int64_t zx, const int8_t *w, int64_t strideW,
                                    int64_t zw, int64_t count, int64_t sum) {
  constexpr int64_t kRun = 1 << 15; // 255 * 255 * kRun < 2^31
  for (int64_t begin = 0; begin < count; begin += kRun)
    sum += dot<int32_t, int8_t>(x + begin * strideX, strideX, static_cast<int32_t>(zx), w + begin * strideW, strideW,
                                static_cast<int32_t>(zw), std::min(kRun, count - begin), 0);
  return sum;
}

struct ConvGeometry {
  Dims strides, pads, dilations;
  int64_t group;
  Layout layout;
};

// Calls store(linear output index, output channel, sum). Elements outside the image are skipped: they are the zero
// point.
template <typename Sum, typename T, typename Zero, typename Store>
void convolve(const Tensor &input, const Tensor &weight, Dims outputShape, const ConvGeometry &g, Sum inZero,
              const Zero &weightZero, const Store &store) {
  ImageView x(input.shape, g.layout), y(outputShape, g.layout), w(weight.shape, g.layout);
  int64_t perGroup = y.c / g.group;
  for (int64_t n = 0; n < y.n; ++n)
    for (int64_t oh = 0; oh < y.h; ++oh)
      for (int64_t ow = 0; ow < y.w; ++ow)
        for (int64_t o = 0; o < y.c; ++o) {
          Sum sum = 0, zero = weightZero(o);
          const T *image = input.data<T>() + n * x.strideN + (o / perGroup) * w.c * x.strideC;
          for (int64_t kh = 0; kh < w.h; ++kh) {
            int64_t ih = oh * g.strides[0] - g.pads[0] + kh * g.dilations[0];
            if (ih < 0 || ih >= x.h)
              continue;
            for (int64_t kw = 0; kw < w.w; ++kw) {
              int64_t iw = ow * g.strides[1] - g.pads[1] + kw * g.dilations[1];
              if (iw < 0 || iw >= x.w)
                continue;
              sum = dot<Sum, T>(image + ih * x.strideH + iw * x.strideW, x.strideC, inZero,
                                weight.data<T>() + o * w.strideN + kh * w.strideH + kw * w.strideW, w.strideC, zero,
                                w.c, sum);
            }
          }
          store(n * y.strideN + o * y.strideC + oh * y.strideH + ow * y.strideW, o, sum);
        }
}

// Batched [.., M, K] x [.., K, N]; calls store(linear output index, sum).
template <typename Sum, typename T, typename Store>
void multiply(const Tensor &a, const Tensor &b, Dims outputShape, Sum aZero, Sum bZero, const Store &store) {
  size_t rank = outputShape.size();
  int64_t rows = outputShape[rank - 2], columns = outputShape[rank - 1], depth = a.shape.back();
  Shape batch(outputShape.drop_back(2));
  Shape aBatch = broadcastStrides(Dims(a.shape).drop_back(2), batch),
        bBatch = broadcastStrides(Dims(b.shape).drop_back(2), batch);
  forEachIndex(batch, [&](int64_t linear, Dims index) {
    const T *left = a.data<T>() + offsetOf(index, aBatch) * rows * depth;
    const T *right = b.data<T>() + offsetOf(index, bBatch) * depth * columns;
    for (int64_t m = 0; m < rows; ++m)
      for (int64_t n = 0; n < columns; ++n)
        store((linear * rows + m) * columns + n,
              dot<Sum, T>(left + m * depth, 1, aZero, right + n, columns, bZero, depth, Sum(0)));
  });
}

} // namespace tw::ir

#endif // TW_IR_LIB_INTERPRETER_CONVOLVE_H
