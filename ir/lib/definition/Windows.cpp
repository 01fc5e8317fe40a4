// SPDX-License-Identifier: Apache-2.0
// Operators that reduce a window or axes: the pools, ReduceMean, Softmax.
#include "Elements.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace tw::ir::definition {
namespace {

struct Pool {
  Shape x, y, kernel, strides, pads, dilations; // images [N, C, H, W]; pads [top, left, bottom, right]

  // Calls visit(row-major index) for each element of the image in the window of output `i`.
  template <typename Visit> void forEach(int64_t i, const Visit &visit) const {
    const Shape at = indexAt(i, y);
    for (int64_t kh = 0; kh < kernel[0]; ++kh)
      for (int64_t kw = 0; kw < kernel[1]; ++kw) {
        const int64_t h = at[2] * strides[0] + kh * dilations[0] - pads[0];
        const int64_t w = at[3] * strides[1] + kw * dilations[1] - pads[1];
        if (h >= 0 && h < x[2] && w >= 0 && w < x[3])
          visit(linearAt({at[0], at[1], h, w}, x));
      }
  }
};

Reader maxPool(MaxPoolOp op, Elements &elements) {
  if (op.getLayout() != Layout::NCHW)
    return nullptr;
  Pool pool{Shape(shapeOf(op.getInput())), Shape(shapeOf(op.getResult())),
            Shape(op.getKernel()),         Shape(op.getStrides()),
            Shape(op.getPads()),           Shape(op.getDilations())};
  return [pool, x = elements.whole(op.getInput())](int64_t i) {
    double top = -std::numeric_limits<double>::infinity();
    pool.forEach(i, [&](int64_t at) { top = std::fmax(top, (*x)[at]); });
    return top;
  };
}

// The divisor counts the elements of the image, or those of the kernel with count_include_pad.
Reader averagePool(AveragePoolOp op, Elements &elements) {
  if (op.getLayout() != Layout::NCHW)
    return nullptr;
  Pool pool{Shape(shapeOf(op.getInput())), Shape(shapeOf(op.getResult())),
            Shape(op.getKernel()),         Shape(op.getStrides()),
            Shape(op.getPads()),           {1, 1}};
  return [pool, x = elements.whole(op.getInput()), includesPad = op.getCountIncludePad(), &elements](int64_t i) {
    double sum = 0;
    int64_t count = 0;
    pool.forEach(i, [&](int64_t at) {
      sum = elements.rounded(sum + (*x)[at]);
      ++count;
    });
    return sum / static_cast<double>(includesPad ? pool.kernel[0] * pool.kernel[1] : count);
  };
}

Reader reduceMean(ReduceMeanOp op, Elements &elements) {
  const Shape x(shapeOf(op.getInput()));
  Shape kept, reduced; // dimensions
  for (int64_t d = 0; d < static_cast<int64_t>(x.size()); ++d)
    (llvm::is_contained(op.getAxes(), d) ? reduced : kept).push_back(d);
  auto extents = [&](Dims dims) {
    Shape result;
    for (int64_t d : dims)
      result.push_back(x[d]);
    return result;
  };
  const Shape outer = extents(kept), inner = extents(reduced);
  Numbers input = elements.whole(op.getInput());
  return [=, &elements](int64_t i) {
    Shape at(x.size());
    const Shape fixed = indexAt(i, outer);
    for (size_t d = 0; d < kept.size(); ++d)
      at[kept[d]] = fixed[d];
    double sum = 0;
    const int64_t count = elementCount(inner);
    for (int64_t k = 0; k < count; ++k) {
      const Shape moving = indexAt(k, inner);
      for (size_t d = 0; d < reduced.size(); ++d)
        at[reduced[d]] = moving[d];
      sum = elements.rounded(sum + (*input)[linearAt(at, x)]);
    }
    return sum / static_cast<double>(count);
  };
}

Reader softmax(SoftmaxOp op, Elements &elements) {
  const Shape shape(shapeOf(op.getInput()));
  const int64_t extent = shape[op.getAxis()], step = elementCount(Dims(shape).drop_front(op.getAxis() + 1));
  Numbers x = elements.whole(op.getInput());
  auto result = std::make_shared<std::vector<double>>(x->size());
  for (int64_t begin = 0; begin < static_cast<int64_t>(x->size()); ++begin) {
    if (begin / step % extent != 0)
      continue; // not the first of its row
    double top = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t k = 0; k < extent; ++k)
      top = std::fmax(top, (*x)[begin + k * step]);
    for (int64_t k = 0; k < extent; ++k)
      sum += std::exp((*x)[begin + k * step] - top);
    for (int64_t k = 0; k < extent; ++k)
      (*result)[begin + k * step] = std::exp((*x)[begin + k * step] - top) / sum;
  }
  return [result](int64_t i) { return (*result)[i]; };
}

} // namespace

Reader windowReader(Operation *op, Elements &elements) {
  return llvm::TypeSwitch<Operation *, Reader>(op)
      .Case([&](MaxPoolOp typed) { return maxPool(typed, elements); })
      .Case([&](AveragePoolOp typed) { return averagePool(typed, elements); })
      .Case([&](ReduceMeanOp typed) { return reduceMean(typed, elements); })
      .Case([&](SoftmaxOp typed) { return softmax(typed, elements); })
      .Default([](Operation *) { return nullptr; });
}

} // namespace tw::ir::definition
