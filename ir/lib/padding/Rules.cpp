// SPDX-License-Identifier: Apache-2.0
// What an operator makes of a padded value: each rule says when the corner of its result is what it is for small
// dimensions, and what is known of the elements beside it.
#include "Elements.h"
#include "Regions.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

namespace tw::ir::padding {
namespace {

using Reason = std::optional<std::string>;
using Values = llvm::ArrayRef<const Value *>;

const Reason kFine = std::nullopt;
const std::string kMixes = "mixes what is padded with the rest";
// In float32 exp of less than this below the greatest is exactly zero.
constexpr double kNothing = -110;

Reason elementwise(Values operands, Value &result, Function function) {
  llvm::SmallVector<Operand> mapped;
  for (const Value *operand : operands) {
    auto axes = broadcastAxes(*operand, result);
    if (!axes)
      return "repeats a row for some dimensions and not for others";
    mapped.push_back({operand, *axes});
  }
  applyTo(result, mapped, function);
  return kFine;
}

Reason quantised(Values operands, Value &result, Function function) {
  if (operands[1]->isPadded() || operands[2]->isPadded())
    return "has a scale for each place along what is padded";
  return elementwise(operands.take_front(1), result, function);
}

// The result's axes are some of the operand's.
void rearrange(const Value &operand, const Axes &axes, Value &result) {
  applyTo(result, {{&operand, axes}}, [](llvm::ArrayRef<Range> x) { return x[0]; });
}

Reason transpose(TransposeOp op, const Value &operand, Value &result) {
  Axes axes;
  for (int64_t from : op.getPerm())
    axes.push_back(int(from));
  rearrange(operand, axes, result);
  return kFine;
}

// Axes of both sides whose extents multiply to the same, for small and large dimensions alike.
struct Group {
  llvm::SmallVector<size_t> from, to;
};

std::optional<std::vector<Group>> groupsOf(const Value &operand, const Value &result) {
  std::vector<Group> groups;
  size_t i = 0, k = 0;
  while (i != operand.rank() || k != result.rank()) {
    Group group;
    int64_t small[2] = {1, 1}, large[2] = {1, 1};
    do {
      const bool takesFrom = i != operand.rank() && (large[0] <= large[1] || k == result.rank());
      if (!takesFrom && k == result.rank())
        return std::nullopt;
      const Value &value = takesFrom ? operand : result;
      size_t &axis = takesFrom ? i : k;
      small[!takesFrom] *= value.small[axis];
      large[!takesFrom] *= value.large[axis];
      if (!value.isOne(axis))
        (takesFrom ? group.from : group.to).push_back(axis);
      ++axis;
    } while (small[0] != small[1] || large[0] != large[1]);
    groups.push_back(std::move(group));
  }
  return groups;
}

// Row-major, so the outermost axis of a group may be longer: what is beside it lies behind all else.
Reason reshape(const Value &operand, Value &result) {
  if (elementCount(operand.small) == 0)
    return operand.isPadded() ? Reason("has no elements for some dimensions") : kFine;
  auto groups = groupsOf(operand, result);
  if (!groups)
    return kMixes;
  Axes axes(result.rank(), -1);
  bool isRenamed = true;
  for (const Group &group : *groups) {
    const auto isInner = [](const Value &value, llvm::ArrayRef<size_t> its) {
      return llvm::any_of(its.drop_front(its.empty() ? 0 : 1), [&](size_t axis) { return value.isPadded(axis); });
    };
    if (isInner(operand, group.from) || isInner(result, group.to))
      return kMixes;
    if (group.from.empty() || group.to.empty())
      continue;
    axes[group.to[0]] = int(group.from[0]);
    isRenamed &= !operand.isPadded(group.from[0]) || (group.from.size() == 1 && group.to.size() == 1);
  }
  const Operand mapped{&operand, axes};
  const auto same = [](llvm::ArrayRef<Range> x) { return x[0]; };
  isRenamed ? applyTo(result, mapped, same) : applyToParts(result, mapped, same);
  return kFine;
}

Reason concat(ConcatOp op, Values operands, Value &result) {
  const size_t axis = op.getAxis();
  for (const Value *operand : operands.drop_back())
    if (operand->isPadded(axis))
      return "puts something behind what is padded";
  llvm::SmallVector<Operand> mapped;
  Axes axes;
  for (size_t k = 0; k != result.rank(); ++k)
    axes.push_back(int(k));
  for (const Value *operand : operands)
    mapped.push_back({operand, axes});
  applyToParts(result, mapped, [](llvm::ArrayRef<Range> x) {
    Range all = x[0];
    for (const Range &range : x.drop_front())
      all = hull(all, range);
    return all;
  });
  if (result.isPadded(axis))
    result.beside[axis] = operands.back()->beside[axis];
  return kFine;
}

Reason pad(PadOp op, const Value &operand, Value &result) {
  Axes axes;
  for (size_t k = 0; k != result.rank(); ++k) {
    if ((operand.isPadded(k) || result.isPadded(k)) && (op.getLo()[k] != 0 || op.getHi()[k] != 0))
      return "adds or cuts along what is padded";
    axes.push_back(int(k));
  }
  const Range filling = Range::exactly(op.getValue().convertToDouble());
  applyToParts(result, {{&operand, axes}}, [&](llvm::ArrayRef<Range> x) { return hull(x[0], filling); });
  return kFine;
}

// Both graphs take the elements at the same places.
Reason slice(SliceOp op, const Value &operand, Value &result) {
  Axes axes;
  for (size_t k = 0; k != result.rank(); ++k) {
    if (operand.isPadded(k) && op.getSteps()[k] < 0)
      return "turns round what is padded";
    axes.push_back(int(k));
  }
  applyToParts(result, {{&operand, axes}}, [](llvm::ArrayRef<Range> x) { return x[0]; });
  for (size_t k = 0; k != result.rank(); ++k)
    if (result.isPadded(k)) // some of what is beside the result may be in the operand's corner
      result.beside[k] = operand.isPadded(k) ? hull(operand.beside[k], operand.corner) : operand.corner;
  return kFine;
}

Reason gather(GatherOp op, const Value &data, const Value &indices, Value &result) {
  const size_t axis = op.getAxis(), more = indices.rank();
  // Negative ones count from the end, and those behind it are held to it.
  if (data.isPadded(axis) && !(indices.corner.lo >= 0 && indices.corner.hi < double(data.small[axis])))
    return "counts from the end of what is padded";
  Axes fromData(result.rank(), -1);
  for (size_t k = 0; k != data.rank(); ++k)
    if (k != axis)
      fromData[k < axis ? k : k + more - 1] = int(k);
  applyToParts(result, {{&data, fromData}}, [](llvm::ArrayRef<Range> x) { return x[0]; });
  // Beside the indices any slice may be taken: of the data's corner, unless there are slices beside it.
  for (size_t k = axis; k != axis + more; ++k)
    result.beside[k] = data.isPadded(axis) ? data.whole : data.corner;
  return kFine;
}

// The operand's axes that are left, by axis of the result.
Axes keptAxes(const Value &operand, Dims reduced, bool keepDims) {
  Axes axes;
  for (size_t k = 0; k != operand.rank(); ++k)
    if (!llvm::is_contained(reduced, int64_t(k)))
      axes.push_back(int(k));
    else if (keepDims)
      axes.push_back(-1);
  return axes;
}

int64_t countOf(Dims shape, Dims axes) {
  int64_t count = 1;
  for (int64_t axis : axes)
    count *= shape[size_t(axis)];
  return count;
}

// Of as many terms as there are in the corner, and of all.
Range sumOf(const Range &term, int64_t small, int64_t large, ElementType type) {
  return rounded(hull(timesCount(term, small), timesCount(term, large)), type, double(large));
}

bool isAnyPadded(const Value &operand, Dims axes) {
  return llvm::any_of(axes, [&](int64_t axis) { return operand.isPadded(size_t(axis)); });
}

Reason reduceMean(ReduceMeanOp op, const Value &operand, Value &result) {
  if (isAnyPadded(operand, op.getAxes()))
    return "averages over what is padded";
  applyToParts(result, {{&operand, keptAxes(operand, op.getAxes(), op.getKeepDims())}}, [&](llvm::ArrayRef<Range> x) {
    return rounded(x[0], result.type, double(countOf(operand.large, op.getAxes())));
  });
  return kFine;
}

Reason reduce(ReduceOp op, const Value &operand, Value &result) {
  const bool isSum = op.getKind() == ReduceKind::Sum;
  for (int64_t axis : op.getAxes()) {
    if (!operand.isPadded(size_t(axis)))
      continue;
    if (!isSum || !operand.beside[size_t(axis)].isZero())
      return "takes what is padded into a " + stringifyReduceKind(op.getKind()).str();
    if (llvm::count_if(op.getAxes(), [&](int64_t other) { return operand.isPadded(size_t(other)); }) != 1)
      return kMixes;
  }
  const int64_t small = countOf(operand.small, op.getAxes()), large = countOf(operand.large, op.getAxes());
  const Operand mapped{&operand, keptAxes(operand, op.getAxes(), op.getKeepDims())};
  applyToParts(result, mapped, [&](llvm::ArrayRef<Range> x) {
    switch (op.getKind()) {
    case ReduceKind::Sum:
      return sumOf(x[0], small, large, result.type);
    case ReduceKind::Min:
    case ReduceKind::Max:
      return x[0];
    case ReduceKind::Prod:
      return anyOf(result.type);
    }
    llvm_unreachable("all reductions are listed");
  });
  if (isAnyPadded(operand, op.getAxes())) // beside another axis they are summed with anything
    std::fill(result.beside.begin(), result.beside.end(), result.whole);
  return kFine;
}

Reason softmax(SoftmaxOp op, const Value &operand, Value &result) {
  const size_t axis = op.getAxis();
  Axes axes;
  for (size_t k = 0; k != result.rank(); ++k)
    axes.push_back(int(k));
  applyToParts(result, {{&operand, axes}}, [&](llvm::ArrayRef<Range> x) {
    return x[0].isFinite() ? Range::between(0, 1.0001) : anyOf(result.type);
  });
  if (!operand.isPadded(axis))
    return kFine;
  const Range &beside = operand.beside[axis], &corner = operand.corner;
  const double peak = operand.peak[axis];
  if (corner.mayBeNan || !(corner.hi < INFINITY) || !(peak > -INFINITY) || beside.mayBeNan ||
      !(beside.hi <= peak + kNothing))
    return "gives a share to what is padded, as nothing shows that it is hidden by a mask";
  // Along another axis a row is beside as a whole, with anything in it.
  std::fill(result.beside.begin(), result.beside.end(), result.whole);
  result.beside[axis] = Range::exactly(0);
  result.corner = Range::between(0, 1.0001); // each row has a finite greatest
  return kFine;
}

// What an index is, is not looked at.
Reason argReduce(ArgReduceOp op, const Value &operand) {
  return operand.isPadded(size_t(op.getAxis())) ? Reason("looks for a place along what is padded") : kFine;
}

// One of two factors is zero beside the axis that they are summed over, and the other finite: exactly nothing is added.
Reason summed(const Value &a, size_t inA, const Value &b, size_t inB) {
  const Range &left = a.beside[inA], &right = b.beside[inB];
  if (a.isPadded(inA) && !(left.isZero() && right.isFinite()) && !(right.isZero() && left.isFinite()))
    return "sums over what is padded, which is not known to be zero";
  return kFine;
}

Reason product(const Operand &a, size_t inA, const Operand &b, size_t inB, Value &result) {
  if (auto reason = summed(*a.value, inA, *b.value, inB))
    return reason;
  applyToParts(result, {a, b}, [&](llvm::ArrayRef<Range> x) {
    const Range term = ofCorners(x[0], x[1], [](double left, double right) { return left * right; });
    return sumOf(term, a.value->small[inA], a.value->large[inA], result.type);
  });
  if (a.value->isPadded(inA)) // a row beside is summed with what is beside in both ways
    std::fill(result.beside.begin(), result.beside.end(), result.whole);
  return kFine;
}

Reason matmul(Values operands, Value &result) {
  const Value &a = *operands[0], &b = *operands[1];
  if (a.rank() < 2 || b.rank() < 2)
    return a.isPadded() || b.isPadded() ? Reason(kMixes) : kFine;
  Axes fromA(result.rank(), -1), fromB(result.rank(), -1);
  const auto batch = [&](const Value &value, Axes &axes) {
    for (size_t k = 0; k + 2 < value.rank(); ++k) {
      const size_t there = k + result.rank() - value.rank();
      if (value.isOne(k))
        continue;
      if (value.small[k] != result.small[there] || value.large[k] != result.large[there])
        return false;
      axes[there] = int(k);
    }
    return true;
  };
  if (!batch(a, fromA) || !batch(b, fromB))
    return "repeats a matrix for some dimensions and not for others";
  fromA[result.rank() - 2] = int(a.rank() - 2);
  fromB[result.rank() - 1] = int(b.rank() - 1);
  return product({&a, fromA}, a.rank() - 1, {&b, fromB}, b.rank() - 2, result);
}

Reason gemm(GemmOp op, Values operands, Value &result) {
  const Value &a = *operands[0], &b = *operands[1];
  Value products(result.small, result.large, result.type, result.place);
  if (auto reason = product({&a, {op.getTransA() ? 1 : 0, -1}}, op.getTransA() ? 0 : 1,
                            {&b, {-1, op.getTransB() ? 0 : 1}}, op.getTransB() ? 1 : 0, products))
    return reason;
  products.close();
  const double alpha = op.getAlpha().convertToFloat(), beta = op.getBeta().convertToFloat();
  llvm::SmallVector<const Value *, 2> terms{&products};
  if (operands.size() == 3)
    terms.push_back(operands[2]);
  return elementwise(terms, result, [&](llvm::ArrayRef<Range> x) {
    Range sum = ofEnds(x[0], [&](double value) { return alpha * value; });
    if (x.size() == 2)
      sum = ofCorners(sum, x[1], [&](double left, double right) { return left + beta * right; });
    return rounded(sum, result.type, 3);
  });
}

// Images of a batch are computed one by one, whatever a window does inside them.
Reason images(Values operands, const Value &result) {
  for (const Value *other : operands.drop_front())
    if (other->isPadded())
      return "has weights that are padded";
  for (const Value *value : {operands[0], &result})
    for (size_t k = 1; k != value->rank(); ++k)
      if (value->isPadded(k))
        return "has a window that moves along what is padded";
  if (operands[0]->small[0] != result.small[0] || operands[0]->large[0] != result.large[0])
    return kMixes;
  return kFine;
}

} // namespace

Reason follow(mlir::Operation *op, Values operands, Value &result) {
  if (auto function = elementFunction(op))
    return mlir::isa<QuantizeOp, DequantizeOp>(op) ? quantised(operands, result, function)
                                                   : elementwise(operands, result, function);
  return llvm::TypeSwitch<mlir::Operation *, Reason>(op)
      .Case([&](TransposeOp its) { return transpose(its, *operands[0], result); })
      .Case<ReshapeOp>([&](auto) { return reshape(*operands[0], result); })
      .Case([&](ConcatOp its) { return concat(its, operands, result); })
      .Case([&](PadOp its) { return pad(its, *operands[0], result); })
      .Case([&](SliceOp its) { return slice(its, *operands[0], result); })
      .Case([&](GatherOp its) { return gather(its, *operands[0], *operands[1], result); })
      .Case([&](ReduceMeanOp its) { return reduceMean(its, *operands[0], result); })
      .Case([&](ReduceOp its) { return reduce(its, *operands[0], result); })
      .Case([&](ArgReduceOp its) { return argReduce(its, *operands[0]); })
      .Case([&](SoftmaxOp its) { return softmax(its, *operands[0], result); })
      .Case<MatmulOp>([&](auto) { return matmul(operands, result); })
      .Case([&](GemmOp its) { return gemm(its, operands, result); })
      .Case<ConvOp, MaxPoolOp, AveragePoolOp, ResizeOp>([&](auto) { return images(operands, result); })
      .Default([&](mlir::Operation *) -> Reason {
        if (result.isPadded() || llvm::any_of(operands, [](const Value *value) { return value->isPadded(); }))
          return "is not known to keep apart what is padded";
        return kFine;
      });
}

} // namespace tw::ir::padding
