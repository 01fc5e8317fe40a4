// SPDX-License-Identifier: Apache-2.0
// Operators that reduce axes: ONNX ReduceSum, ReduceProd, ReduceMin, ReduceMax, ArgMin, ArgMax.
#include "Elements.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;

namespace tw::ir::definition {
namespace {

// All elements of the input that one of the result stands for.
class Group {
public:
  Group(Dims input, Dims axes) : x(input) {
    for (int64_t d = 0; d < static_cast<int64_t>(x.size()); ++d) {
      const bool isReduced = llvm::is_contained(axes, d);
      (isReduced ? reduced : kept).push_back(d);
      (isReduced ? inner : outer).push_back(x[d]);
    }
  }
  int64_t count() const { return elementCount(inner); }
  int64_t element(int64_t result, int64_t k) const { // row-major, as is the k-th of the group
    Shape at(x.size());
    const Shape fixed = indexAt(result, outer), moving = indexAt(k, inner);
    for (size_t d = 0; d < kept.size(); ++d)
      at[kept[d]] = fixed[d];
    for (size_t d = 0; d < reduced.size(); ++d)
      at[reduced[d]] = moving[d];
    return linearAt(at, x);
  }

private:
  Shape x, kept, reduced, outer, inner;
};

Reader sum(ReduceOp op, const Group &group, Elements &elements) {
  return [=, &elements, x = elements.whole(op.getInput())](int64_t i) {
    double total = 0, largest = 0;
    for (int64_t k = 0; k < group.count(); ++k) {
      total = elements.rounded(total + (*x)[group.element(i, k)]);
      largest = std::max(largest, std::abs(total));
    }
    elements.float32Error =
        std::max(elements.float32Error, std::ldexp(static_cast<double>(group.count()) * largest, -24));
    return total;
  };
}

// Each factor is rounded once in float32.
Reader product(ReduceOp op, const Group &group, Elements &elements) {
  return [=, &elements, x = elements.whole(op.getInput())](int64_t i) {
    double total = 1;
    for (int64_t k = 0; k < group.count(); ++k)
      total *= (*x)[group.element(i, k)];
    const double lost = std::ldexp(static_cast<double>(group.count()) * std::abs(total), -24);
    elements.float32Error = std::max(elements.float32Error, std::isfinite(lost) ? lost : 0);
    return total;
  };
}

Reader ofIntegers(ReduceOp op, const Group &group, Elements &elements) {
  const bool isSum = op.getKind() == ReduceKind::Sum;
  return [=, type = elementTypeOf(op.getType()), x = elements.whole(op.getInput())](int64_t i) {
    uint64_t total = isSum ? 0 : 1;
    for (int64_t k = 0; k < group.count(); ++k) {
      const uint64_t value = modulo64((*x)[group.element(i, k)]);
      total = isSum ? total + value : total * value;
    }
    return heldOf64(total, type);
  };
}

// What is no number is the extremum, wherever it stands.
bool isBeyond(double a, double b, ReduceKind kind) {
  if (std::isnan(b))
    return false;
  return std::isnan(a) || (kind == ReduceKind::Max ? a > b : a < b);
}

// Of nothing: the end of the type's range.
double farEnd(ElementType type, ReduceKind kind) {
  return withElementType(type, [&](auto element) {
    using T = decltype(element);
    using Limits = std::numeric_limits<std::conditional_t<std::is_arithmetic_v<T>, T, double>>;
    if (Limits::has_infinity)
      return kind == ReduceKind::Max ? -std::numeric_limits<double>::infinity()
                                     : std::numeric_limits<double>::infinity();
    return static_cast<double>(kind == ReduceKind::Max ? Limits::lowest() : Limits::max());
  });
}

Reader extremum(ReduceOp op, const Group &group, Elements &elements) {
  const double none = farEnd(elementTypeOf(op.getType()), op.getKind());
  return [=, kind = op.getKind(), x = elements.whole(op.getInput())](int64_t i) {
    double top = none;
    for (int64_t k = 0; k < group.count(); ++k)
      if (const double value = (*x)[group.element(i, k)]; isBeyond(value, top, kind))
        top = value;
    return top;
  };
}

Reader reduce(ReduceOp op, Elements &elements) {
  const Group group(shapeOf(op.getInput()), op.getAxes());
  if (op.getKind() == ReduceKind::Min || op.getKind() == ReduceKind::Max)
    return extremum(op, group, elements);
  if (!isReal(elementTypeOf(op.getType())))
    return ofIntegers(op, group, elements);
  return op.getKind() == ReduceKind::Sum ? sum(op, group, elements) : product(op, group, elements);
}

Reader place(ArgReduceOp op, Elements &elements) {
  const Group group(shapeOf(op.getInput()), static_cast<int64_t>(op.getAxis()));
  return [=, kind = op.getKind(), takesLast = op.getLastIndex(), x = elements.whole(op.getInput())](int64_t i) {
    // Looked for from the end that wins among equals.
    const int64_t count = group.count();
    auto at = [&](int64_t k) { return takesLast ? count - 1 - k : k; };
    int64_t best = 0;
    for (int64_t k = 1; k < count; ++k)
      if (isBeyond((*x)[group.element(i, at(k))], (*x)[group.element(i, at(best))], kind))
        best = k;
    return static_cast<double>(at(best));
  };
}

} // namespace

Reader reductionReader(Operation *op, Elements &elements) {
  return llvm::TypeSwitch<Operation *, Reader>(op)
      .Case([&](ReduceOp typed) { return reduce(typed, elements); })
      .Case([&](ArgReduceOp typed) { return place(typed, elements); })
      .Default([](Operation *) { return nullptr; });
}

} // namespace tw::ir::definition
