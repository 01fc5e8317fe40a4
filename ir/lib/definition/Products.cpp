// SPDX-License-Identifier: Apache-2.0
// Sums of products: Conv, Gemm, MatMul, and those of integers. A product of a float32 and a dequantised byte is exact
// in float64, and so is the sum for all that an int32 could hold.
#include "Elements.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace tw::ir::definition {
namespace {

// A sum that remembers what it would cost to compute it in float32.
class Sum {
public:
  Sum(double start, Elements &elements) : elements(elements), sum(start), largest(std::abs(start)) {}
  void add(double product) {
    sum = elements.rounded(sum + product);
    largest = std::max(largest, std::abs(sum));
    ++terms;
  }
  double total() const {
    elements.float32Error = std::max(elements.float32Error, std::ldexp(static_cast<double>(terms) * largest, -24));
    return sum;
  }

private:
  Elements &elements;
  double sum, largest;
  int64_t terms = 0;
};

// [N, C, H, W] with weights [O, C/group, KH, KW].
Reader conv(ConvOp op, Elements &elements) {
  if (op.getLayout() != Layout::NCHW)
    return nullptr;
  const Shape x(shapeOf(op.getInput())), w(shapeOf(op.getWeight())), y(shapeOf(op.getResult()));
  const Shape strides(op.getStrides()), pads(op.getPads()), dilations(op.getDilations());
  const int64_t perGroup = y[1] / static_cast<int64_t>(op.getGroup());
  Numbers input = elements.whole(op.getInput()), weight = elements.whole(op.getWeight());
  Numbers bias = op.getBias() ? elements.whole(op.getBias()) : nullptr;
  return [=, &elements](int64_t i) {
    const Shape at = indexAt(i, y);
    Sum sum(bias ? (*bias)[at[1]] : 0, elements);
    for (int64_t c = 0; c < w[1]; ++c)
      for (int64_t kh = 0; kh < w[2]; ++kh) {
        const int64_t h = at[2] * strides[0] + kh * dilations[0] - pads[0];
        if (h < 0 || h >= x[2])
          continue;
        const int64_t channel = at[1] / perGroup * w[1] + c;
        const double *row = input->data() + ((at[0] * x[1] + channel) * x[2] + h) * x[3];
        const double *kernel = weight->data() + ((at[1] * w[1] + c) * w[2] + kh) * w[3];
        for (int64_t kw = 0; kw < w[3]; ++kw) {
          const int64_t column = at[3] * strides[1] + kw * dilations[1] - pads[1];
          if (column >= 0 && column < x[3])
            sum.add(row[column] * kernel[kw]);
        }
      }
    return sum.total();
  };
}

// The same of integers, whose padding is their zero point; one or none for each channel of the weights.
Reader convSums(QConvSumsOp op, Elements &elements) {
  if (op.getLayout() != Layout::NCHW)
    return nullptr;
  const Shape x(shapeOf(op.getInput())), w(shapeOf(op.getWeight())), y(shapeOf(op.getResult()));
  const Shape strides(op.getStrides()), pads(op.getPads()), dilations(op.getDilations());
  const int64_t perGroup = y[1] / static_cast<int64_t>(op.getGroup());
  Numbers input = elements.whole(op.getInput()), weight = elements.whole(op.getWeight()),
          inZero = elements.whole(op.getInZero()), zeros = elements.whole(op.getWeightZero());
  return [=](int64_t i) {
    const Shape at = indexAt(i, y), taps{w[1], w[2], w[3]};
    const double zero = (*zeros)[zeros->size() == 1 ? 0 : at[1]];
    double sum = 0;
    for (int64_t k = 0; k < elementCount(taps); ++k) {
      const Shape tap = indexAt(k, taps);
      const int64_t row = at[2] * strides[0] + tap[1] * dilations[0] - pads[0];
      const int64_t column = at[3] * strides[1] + tap[2] * dilations[1] - pads[1];
      const bool isInside = row >= 0 && row < x[2] && column >= 0 && column < x[3];
      sum +=
          (isInside ? (*input)[linearAt({at[0], at[1] / perGroup * w[1] + tap[0], row, column}, x)] : inZero->front()) *
          ((*weight)[at[1] * elementCount(taps) + k] - zero);
    }
    return sum;
  };
}

// [M, K] by [N, K]
Reader gemmSums(QGemmSumsOp op, Elements &elements) {
  const int64_t depth = shapeOf(op.getInput())[1], channels = shapeOf(op.getWeight())[0];
  Numbers input = elements.whole(op.getInput()), weight = elements.whole(op.getWeight()),
          zeros = elements.whole(op.getWeightZero());
  return [=](int64_t i) {
    const int64_t row = i / channels, channel = i % channels;
    double sum = 0;
    for (int64_t k = 0; k < depth; ++k)
      sum += (*input)[row * depth + k] * ((*weight)[channel * depth + k] - (*zeros)[zeros->size() == 1 ? 0 : channel]);
    return sum;
  };
}

Reader gemm(GemmOp op, Elements &elements) {
  const Shape aShape(shapeOf(op.getA())), bShape(shapeOf(op.getB())), y(shapeOf(op.getResult()));
  const Shape cShape = op.getC() ? Shape(shapeOf(op.getC())) : Shape();
  const bool transA = op.getTransA(), transB = op.getTransB();
  const double alpha = op.getAlpha().convertToFloat(), beta = op.getBeta().convertToFloat();
  const int64_t depth = aShape[transA ? 0 : 1];
  Numbers a = elements.whole(op.getA()), b = elements.whole(op.getB());
  Numbers c = op.getC() ? elements.whole(op.getC()) : nullptr;
  return [=, &elements](int64_t i) {
    const Shape at = indexAt(i, y);
    Sum sum(0, elements);
    for (int64_t k = 0; k < depth; ++k)
      sum.add((*a)[transA ? k * aShape[1] + at[0] : at[0] * aShape[1] + k] *
              (*b)[transB ? at[1] * bShape[1] + k : k * bShape[1] + at[1]]);
    return alpha * sum.total() + (c ? beta * (*c)[broadcastAt(at, cShape)] : 0);
  };
}

// [..., M, K] x [..., K, N]
Reader matmul(MatmulOp op, Elements &elements) {
  const Shape aShape(shapeOf(op.getA())), bShape(shapeOf(op.getB())), y(shapeOf(op.getResult()));
  const Shape aBatch(Dims(aShape).drop_back(2)), bBatch(Dims(bShape).drop_back(2));
  const int64_t rows = y[y.size() - 2], columns = y.back(), depth = aShape.back();
  Numbers a = elements.whole(op.getA()), b = elements.whole(op.getB());
  return [=, &elements, type = elementTypeOf(op.getType())](int64_t i) {
    const Shape at = indexAt(i, y);
    const Dims batch = Dims(at).drop_back(2);
    const double *left = a->data() + (broadcastAt(batch, aBatch) * rows + at[y.size() - 2]) * depth;
    const double *right = b->data() + broadcastAt(batch, bBatch) * depth * columns + at.back();
    if (!isReal(type)) {
      uint64_t whole = 0;
      for (int64_t k = 0; k < depth; ++k)
        whole += modulo64(left[k]) * modulo64(right[k * columns]);
      return heldOf64(whole, type);
    }
    Sum sum(0, elements);
    for (int64_t k = 0; k < depth; ++k)
      sum.add(left[k] * right[k * columns]);
    return sum.total();
  };
}

} // namespace

Reader productReader(Operation *op, Elements &elements) {
  return llvm::TypeSwitch<Operation *, Reader>(op)
      .Case([&](ConvOp typed) { return conv(typed, elements); })
      .Case([&](GemmOp typed) { return gemm(typed, elements); })
      .Case([&](MatmulOp typed) { return matmul(typed, elements); })
      .Case([&](QConvSumsOp typed) { return convSums(typed, elements); })
      .Case([&](QGemmSumsOp typed) { return gemmSums(typed, elements); })
      .Default([](Operation *) { return nullptr; });
}

} // namespace tw::ir::definition
