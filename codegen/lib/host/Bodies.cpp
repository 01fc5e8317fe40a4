// SPDX-License-Identifier: Apache-2.0
#include "host/Bodies.h"

#include "tw/ir/GraphDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace tw::codegen {
namespace {

using namespace mlir;

using IndexOf = llvm::function_ref<IndexValue(const Stage::Parts &)>;

class Evaluator : Writer {
public:
  Evaluator(const Writer &writer, int64_t lanesCount) : Writer(writer), lanesCount(lanesCount) {}

  Value run(const Stage &stage, ArrayRef<Value> arguments, IndexOf indexOf) {
    for (auto [argument, value] : llvm::zip(stage.body->getArguments(), arguments))
      values[argument] = value;
    for (Operation &op : stage.body->without_terminator()) {
      if (auto place = dyn_cast<linalg::IndexOp>(op)) {
        indices[place] = indexOf(stage.indexOf[place.getDim()]);
        continue;
      }
      if (auto cast = dyn_cast<arith::IndexCastOp>(op); cast && cast.getType().isIndex()) {
        Value from = get(cast.getIn());
        if (!isa<VectorType>(from.getType()))
          indices[cast] = {b.create<arith::IndexCastOp>(at, b.getIndexType(), from), 0};
        else
          values[cast] = from; // per lane
        continue;
      }
      if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
        values[extract] = gather(extract);
        continue;
      }
      if (auto lut = dyn_cast<ir::LutOp>(op)) {
        values[lut] = lookUp(get(lut.getValue()), function.captured.lookup(lut.getTable()));
        continue;
      }
      if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
        values[constant] = number(cast<TypedAttr>(constant.getValue()));
        continue;
      }
      SmallVector<Value> operands;
      int64_t width = 1;
      for (Value operand : op.getOperands()) {
        operands.push_back(get(operand));
        if (auto type = dyn_cast<VectorType>(operands.back().getType()))
          width = type.getNumElements();
      }
      // A choice by one condition takes it as it is.
      for (auto [i, operand] : llvm::enumerate(operands))
        operand = isa<arith::SelectOp>(op) && i == 0 ? operand : spread(operand, width);
      OperationState state(at, op.getName().getStringRef(), operands, {}, op.getAttrs());
      for (Type type : op.getResultTypes())
        state.addTypes(width == 1 ? type : VectorType::get({width}, type));
      Operation *made = b.create(state);
      for (auto [from, to] : llvm::zip(op.getResults(), made->getResults()))
        values[from] = to;
    }
    return get(stage.body->getTerminator()->getOperand(0));
  }

private:
  Value get(Value value) {
    if (auto found = values.find(value); found != values.end())
      return found->second;
    Operation *outside = value.getDefiningOp(); // a constant of the function
    return values[value] = b.clone(*outside)->getResult(0);
  }

  // tensor[indices], lane by lane unless lanes are neighbours.
  Value gather(tensor::ExtractOp op) {
    const unsigned array = function.captured.lookup(op.getTensor());
    auto shape = cast<RankedTensorType>(op.getTensor().getType()).getShape();
    auto strides = ir::stridesOf(shape);
    Value base;
    int64_t laneStep = 0;
    SmallVector<std::pair<Value, int64_t>> perLane;
    for (auto [place, stride] : llvm::zip(op.getIndices(), strides)) {
      if (auto found = indices.find(place); found != indices.end()) {
        base = plus(base, times(found->second.base, stride));
        laneStep += found->second.laneStep * stride;
      } else {
        perLane.push_back({values.lookup(place), stride});
      }
    }
    if (!base)
      base = index(0);
    if (perLane.empty() && laneStep == 0)
      return load(array, base);
    if (perLane.empty() && laneStep == 1)
      return loadVector(array, base, lanesCount);
    SmallVector<Value> lanes;
    for (int64_t lane = 0; lane != lanesCount; ++lane) {
      Value address = addressOf(base, lane * laneStep);
      for (auto [vector, stride] : perLane) {
        Value one = lanesCount == 1 ? vector : this->lane(vector, lane);
        address = plus(address, times(b.create<arith::IndexCastOp>(at, b.getIndexType(), one), stride));
      }
      lanes.push_back(load(array, address));
    }
    return gathered(lanes);
  }

  // table[value + 128], lane by lane.
  Value lookUp(Value value, unsigned table) {
    auto type = dyn_cast<VectorType>(value.getType());
    SmallVector<Value> lanes;
    for (int64_t lane = 0, count = type ? type.getNumElements() : 1; lane != count; ++lane) {
      Value one = type ? this->lane(value, lane) : value;
      Value sign = b.create<arith::ConstantOp>(at, b.getI8IntegerAttr(-128));
      Value place = b.create<arith::IndexCastUIOp>(at, b.getIndexType(), b.create<arith::XOrIOp>(at, one, sign));
      lanes.push_back(load(table, place));
    }
    return gathered(lanes);
  }

  int64_t lanesCount;
  llvm::DenseMap<Value, Value> values;
  llvm::DenseMap<Value, IndexValue> indices;
};

} // namespace

Value evaluateBody(Writer &writer, const Stage &stage, ArrayRef<Value> arguments, int64_t lanes, IndexOf indexOf) {
  return Evaluator(writer, lanes).run(stage, arguments, indexOf);
}

} // namespace tw::codegen
