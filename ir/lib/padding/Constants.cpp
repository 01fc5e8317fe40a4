// SPDX-License-Identifier: Apache-2.0
#include "Constants.h"

#include "tw/ir/Interpreter.h"

#include <cmath>
#include <cstring>

namespace tw::ir::padding {
namespace {

// Elements of what is computed from constants; weights that a node dequantises are left alone.
constexpr int64_t kMostComputed = 1 << 20, kMostDequantised = 1 << 16;

void add(Range &range, double number, bool isFirst) {
  if (isFirst)
    range = {INFINITY, -INFINITY, false};
  if (std::isnan(number)) {
    range.mayBeNan = true;
    return;
  }
  range.lo = std::min(range.lo, number);
  range.hi = std::max(range.hi, number);
}

/// Looks at each element of a constant; false if its corner is not the small one.
class Look {
public:
  Look(Value &value, const Tensor &small, const Tensor &large) : value(value), small(small), large(large) {}

  bool run() {
    const int64_t width = byteWidth(value.type);
    isSeen.assign(value.rank(), false);
    if (!value.isPadded()) {
      if (small.bytes != large.bytes)
        return false;
      for (int64_t i = 0; i != large.size(); ++i)
        add(value.whole, large.numberAt(i), i == 0);
      value.corner = value.whole;
      return true;
    }
    for (int64_t i = 0; i != large.size(); ++i) {
      place(i);
      const double number = large.numberAt(i);
      add(value.whole, number, i == 0);
      if (outside == 1) {
        add(value.beside[size_t(axis)], number, !isSeen[size_t(axis)]);
        isSeen[size_t(axis)] = true;
      }
      if (outside != 0)
        continue;
      if (std::memcmp(&small.bytes[size_t(inSmall * width)], &large.bytes[size_t(i * width)], size_t(width)) != 0)
        return false;
      add(value.corner, number, inSmall == 0);
    }
    for (size_t k = 0; k != value.rank(); ++k)
      if (value.isPadded(k))
        lookAlong(k);
    return true;
  }

private:
  // Where the element stands: how many axes it is beyond the corner of, one of them, and its place in the small one.
  void place(int64_t index) {
    outside = inSmall = 0;
    int64_t stride = 1;
    for (size_t k = value.rank(); k-- != 0; index /= value.large[k]) {
      const int64_t at = index % value.large[k];
      if (at >= value.small[k]) {
        ++outside;
        axis = int64_t(k);
      }
      inSmall += at * stride;
      stride *= value.small[k];
    }
  }

  void lookAlong(size_t k) {
    const int64_t extent = value.small[k], inner = elementCount(Dims(value.small).drop_front(k + 1));
    double peak = INFINITY, trough = -INFINITY;
    bool isFirst = true;
    for (int64_t row = 0; row != (extent ? small.size() / extent : 0); ++row) {
      double most = -INFINITY, least = INFINITY;
      for (int64_t i = 0; i != extent; ++i) {
        const double number = small.numberAt(row / inner * inner * extent + i * inner + row % inner);
        if (i == value.place) {
          add(value.there[k], number, isFirst);
          isFirst = false;
        }
        most = std::max(most, number); // what is no number is passed over
        least = std::min(least, number);
      }
      peak = std::min(peak, most);
      trough = std::max(trough, least);
    }
    value.peak[k] = peak;
    value.trough[k] = trough;
  }

  Value &value;
  const Tensor &small, &large;
  std::vector<bool> isSeen;
  int64_t outside = 0, axis = 0, inSmall = 0;
};

} // namespace

bool Constants::isConstant(mlir::Value value) {
  mlir::Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (auto found = known.find(value); found != known.end())
    return found->second;
  bool result = mlir::isa<ConstantOp>(op);
  if (!result && op->getNumResults() == 1 && op->getNumOperands() != 0 &&
      elementCount(shapeOf(value)) <= (mlir::isa<DequantizeOp>(op) ? kMostDequantised : kMostComputed))
    result = llvm::all_of(op->getOperands(), [&](mlir::Value operand) { return isConstant(operand); });
  known[value] = result;
  return result;
}

std::shared_ptr<const Tensor> Constants::tensorOf(mlir::Value value) {
  if (auto found = tensors.find(value); found != tensors.end())
    return found->second;
  mlir::Operation *op = value.getDefiningOp();
  std::shared_ptr<const Tensor> tensor;
  if (auto constant = mlir::dyn_cast<ConstantOp>(op)) {
    tensor = std::make_shared<const Tensor>(readConstant(constant.getValue()));
  } else {
    std::vector<std::shared_ptr<const Tensor>> held;
    llvm::SmallVector<const Tensor *> operands;
    for (mlir::Value operand : op->getOperands()) {
      held.push_back(tensorOf(operand));
      operands.push_back(held.back().get());
    }
    if (!llvm::is_contained(operands, nullptr)) {
      auto result = evaluate(op, operands);
      if (result)
        tensor = std::make_shared<const Tensor>(std::move(*result));
      else
        llvm::consumeError(result.takeError());
    }
  }
  return tensors[value] = tensor;
}

std::optional<Value> lookAtConstant(const Tensor &small, mlir::Value ours, const Tensor &large, int64_t place,
                                    SameConstants &same) {
  Value value(small.shape, large.shape, large.type, place);
  if (small.type != large.type || !value.fits())
    return std::nullopt;
  const auto known = value.isPadded() ? same.end() : same.find(ours);
  if (known != same.end())
    return small.bytes == large.bytes ? std::optional(known->second) : std::nullopt;
  if (!Look(value, small, large).run())
    return std::nullopt;
  value.close();
  if (!value.isPadded())
    same.try_emplace(ours, value);
  return value;
}

} // namespace tw::ir::padding
