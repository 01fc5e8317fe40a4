// SPDX-License-Identifier: Apache-2.0
#include "Elements.h"

#include <algorithm>
#include <utility>

using namespace mlir;

namespace tw::ir::definition {
namespace {

template <typename T> Reader typedReader(const Tensor &tensor) {
  return [data = tensor.data<T>()](int64_t i) { return static_cast<double>(data[i]); };
}

// Cheap to compute again for each reader.
bool isCheap(Operation *op) { return isa<ConstantOp, DequantizeOp, ReshapeOp, TransposeOp>(op); }

// Whoever has fewer elements than a user is read for several of its elements: the mean of a row, for example.
bool isReadOften(Value value) {
  if (!value.hasOneUse())
    return true;
  const int64_t count = elementCount(shapeOf(value));
  return llvm::any_of(value.use_begin()->getOwner()->getResults(), [&](Value result) {
    return isa<RankedTensorType>(result.getType()) && elementCount(shapeOf(result)) > count;
  });
}

// Moves and choices give what is there; whatever else gives a real rounds it.
bool isRounded(Operation *op) {
  if (auto unary = dyn_cast<UnaryOp>(op))
    return !llvm::is_contained({UnaryKind::Abs, UnaryKind::Neg, UnaryKind::Sign, UnaryKind::Ceil, UnaryKind::Floor,
                                UnaryKind::Round, UnaryKind::Not},
                               unary.getKind());
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getKind() == ReduceKind::Sum || reduce.getKind() == ReduceKind::Prod;
  return !isa<ConstantOp, ReshapeOp, TransposeOp, ConcatOp, PadOp, SliceOp, GatherOp, ExpandOp, WhereOp, MinOp, MaxOp,
              ReluOp, ClipOp, MaxPoolOp>(op);
}

} // namespace

Reader readerOf(const Tensor &tensor) {
  return withElementType(tensor.type, [&](auto element) { return typedReader<decltype(element)>(tensor); });
}

Shape indexAt(int64_t linear, Dims shape) {
  Shape index(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    index[d] = linear % shape[d];
    linear /= shape[d];
  }
  return index;
}

int64_t linearAt(Dims index, Dims shape) {
  int64_t linear = 0;
  for (size_t d = 0; d < shape.size(); ++d)
    linear = linear * shape[d] + index[d];
  return linear;
}

int64_t broadcastAt(Dims at, Dims shape) {
  int64_t linear = 0;
  const size_t shift = at.size() - shape.size();
  for (size_t d = 0; d < shape.size(); ++d)
    linear = linear * shape[d] + (shape[d] == 1 ? 0 : at[shift + d]);
  return linear;
}

void Elements::set(Value value, const Tensor &tensor) {
  fixed[value] = readerOf(tensor);
  kept.erase(value);
  current.erase(value);
  errors.erase(value);
}

Reader Elements::reader(Value value) {
  if (auto found = fixed.find(value); found != fixed.end())
    return found->second;
  Operation *op = value.getDefiningOp();
  if (!isCheap(op) && isReadOften(value)) {
    Numbers numbers = whole(value);
    return [numbers](int64_t i) { return (*numbers)[i]; };
  }
  return build(op);
}

Numbers Elements::whole(Value value) {
  Numbers known = current[value].lock();
  if (auto found = kept.find(value); found != kept.end())
    known = found->second;
  if (known) {
    float32Error = std::max(float32Error, errors[value]);
    return known;
  }
  const double outer = std::exchange(float32Error, 0);
  Operation *op = value.getDefiningOp();
  const bool isFixed = fixed.count(value) != 0;
  Reader read = isFixed ? fixed[value] : build(op);
  auto numbers = std::make_shared<std::vector<double>>(elementCount(shapeOf(value)));
  for (size_t i = 0; i < numbers->size(); ++i)
    (*numbers)[i] = read(static_cast<int64_t>(i));
  errors[value] = float32Error;
  float32Error = std::max(outer, float32Error);
  current[value] = numbers;
  if (!isFixed && !isCheap(op) && isReadOften(value))
    kept[value] = numbers;
  return numbers;
}

Reader Elements::build(Operation *op) {
  Reader exact = exactly(op);
  if (!seed || op->getNumResults() != 1 || !isReal(elementTypeOf(op->getResult(0).getType())) || !isRounded(op))
    return exact;
  return [this, exact](int64_t i) { return rounded(exact(i)); };
}

Reader Elements::exactly(Operation *op) {
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    auto tensor = std::make_shared<Tensor>(readConstant(constant.getValue()));
    return [tensor, read = readerOf(*tensor)](int64_t i) { return read(i); };
  }
  for (auto family :
       {pointwiseReader, elementwiseReader, productReader, windowReader, moveReader, reductionReader, libraryReader})
    if (Reader reader = family(op, *this))
      return reader;
  if (!problem) {
    auto names = nodeNames(op->getLoc());
    problem = Diag{"node '" + (names.empty() ? std::string() : names.front().str()) + "'",
                   "'" + op->getName().getStringRef().str() + "' has no definition to compare with"};
  }
  return [](int64_t) { return 0.0; };
}

} // namespace tw::ir::definition
