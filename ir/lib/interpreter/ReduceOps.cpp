// SPDX-License-Identifier: Apache-2.0
// Reductions over axes, of any element type: sums, products, extrema and the places of extrema; means of float32.
#include "Reduce.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace tw::ir {
namespace {

template <typename T> constexpr bool kIsNarrow = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

// The shape with 1 for each reduced dimension.
Shape keptShape(Dims shape, Dims axes) {
  Shape kept(shape);
  for (int64_t axis : axes)
    kept[axis] = 1;
  return kept;
}

// Which of two is the minimum (or maximum) as IEEE 754 has it: what is no number before all, -0 below 0.
template <typename T> bool isBelow(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    if (a == b)
      return std::signbit(a) && !std::signbit(b);
  return a < b;
}
template <typename T> T extremum(ReduceKind kind, T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    if (std::isnan(a) || std::isnan(b))
      return std::isnan(a) ? a : b;
  return (kind == ReduceKind::Min ? isBelow(b, a) : isBelow(a, b)) ? b : a;
}

template <typename T> T identityOf(ReduceKind kind) {
  using Limits = std::numeric_limits<T>;
  switch (kind) {
  case ReduceKind::Sum:
    return 0;
  case ReduceKind::Prod:
    return 1;
  case ReduceKind::Min:
    return Limits::has_infinity ? Limits::infinity() : Limits::max();
  case ReduceKind::Max:
    return Limits::has_infinity ? static_cast<T>(-Limits::infinity()) : Limits::lowest();
  }
  llvm_unreachable("all kinds are listed");
}

// Integers wrap: through the unsigned type, wide enough that nothing is promoted to a signed one.
template <typename T> T combined(ReduceKind kind, T a, T b) {
  if (kind == ReduceKind::Min || kind == ReduceKind::Max)
    return extremum(kind, a, b);
  if constexpr (std::is_floating_point_v<T>)
    return kind == ReduceKind::Sum ? a + b : a * b;
  else
    return static_cast<T>(kind == ReduceKind::Sum ? static_cast<uint64_t>(a) + static_cast<uint64_t>(b)
                                                  : static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

// The place of the extremum of a line; the first of equal ones, or the last. What is no number is the extremum.
template <typename T> int64_t placeOf(const T *x, int64_t step, int64_t extent, ReduceKind kind, bool takesLast) {
  auto isNan = [](T value) {
    if constexpr (std::is_floating_point_v<T>)
      return std::isnan(value);
    return false;
  };
  int64_t best = 0;
  for (int64_t k = 1; k < extent; ++k) {
    const T value = x[k * step], top = x[best * step];
    const bool isBetter = isNan(top) ? false : isNan(value) || (kind == ReduceKind::Max ? value > top : value < top);
    if (isBetter || (takesLast && (value == top || (isNan(value) && isNan(top)))))
      best = k;
  }
  return best;
}

} // namespace

llvm::Expected<Tensor> evaluateOp(ReduceOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  withElementType(result.type, [&](auto element) {
    using T = decltype(element);
    if constexpr (!kIsNarrow<T>)
      reduceInOrder<T>(
          in[0].data<T>(), in[0].shape, keptShape(in[0].shape, op.getAxes()), identityOf<T>(op.getKind()),
          [&](T a, T b) { return combined(op.getKind(), a, b); }, result.data<T>());
  });
  return result;
}

llvm::Expected<Tensor> evaluateOp(ArgReduceOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  const size_t axis = op.getAxis();
  const int64_t extent = in[0].shape[axis], inner = elementCount(Dims(in[0].shape).drop_front(axis + 1));
  withElementType(in[0].type, [&](auto element) {
    using T = decltype(element);
    if constexpr (!kIsNarrow<T>)
      for (int64_t i = 0; i < result.size(); ++i)
        result.data<int64_t>()[i] = placeOf(in[0].data<T>() + i / inner * extent * inner + i % inner, inner, extent,
                                            op.getKind(), op.getLastIndex());
  });
  return result;
}

llvm::Expected<Tensor> evaluateOp(ReduceMeanOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  reduceInOrder<float>(
      in[0].data<float>(), in[0].shape, keptShape(in[0].shape, op.getAxes()), 0, [](float a, float b) { return a + b; },
      result.data<float>());
  const float count = static_cast<float>(in[0].size() / result.size());
  for (int64_t i = 0; i < result.size(); ++i)
    result.data<float>()[i] /= count;
  return result;
}

} // namespace tw::ir
