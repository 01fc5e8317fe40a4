// SPDX-License-Identifier: Apache-2.0
#include "LinalgBuilder.h"

#include <numeric>

using namespace mlir;

namespace tw::ir {

llvm::SmallVector<AffineExpr> LinalgBuilder::dims(unsigned begin, unsigned end) {
  llvm::SmallVector<AffineExpr> result;
  for (unsigned d = begin; d < end; ++d)
    result.push_back(dim(d));
  return result;
}

llvm::SmallVector<AffineExpr> LinalgBuilder::broadcast(Dims shape, Dims result) {
  llvm::SmallVector<AffineExpr> indices;
  size_t shift = result.size() - shape.size();
  for (size_t d = 0; d < shape.size(); ++d)
    indices.push_back(shape[d] == 1 && result[shift + d] != 1 ? zero() : dim(static_cast<unsigned>(shift + d)));
  return indices;
}

Value LinalgBuilder::scalar(Type type, double value) {
  TypedAttr attr = isa<FloatType>(type) ? TypedAttr(builder.getFloatAttr(type, value))
                                        : TypedAttr(builder.getIntegerAttr(type, static_cast<int64_t>(value)));
  return builder.create<arith::ConstantOp>(location, attr);
}

Value LinalgBuilder::empty(Dims shape, Type element) {
  return builder.create<tensor::EmptyOp>(location, shape, element);
}

Value LinalgBuilder::filled(Dims shape, Type element, double value) {
  Value init = empty(shape, element);
  return builder.create<linalg::FillOp>(location, scalar(element, value), init).getResult(0);
}

Value LinalgBuilder::pad(Value tensor, Dims lo, Dims hi, Value value) {
  if (llvm::all_of(lo, [](int64_t p) { return p == 0; }) && llvm::all_of(hi, [](int64_t p) { return p == 0; }))
    return tensor;
  llvm::SmallVector<OpFoldResult> low, high;
  Shape shape(shapeOf(tensor));
  for (size_t d = 0; d < shape.size(); ++d) {
    low.push_back(builder.getIndexAttr(lo[d]));
    high.push_back(builder.getIndexAttr(hi[d]));
    shape[d] += lo[d] + hi[d];
  }
  auto type = RankedTensorType::get(shape, cast<RankedTensorType>(tensor.getType()).getElementType());
  return builder.create<tensor::PadOp>(location, type, tensor, low, high, value);
}

Value LinalgBuilder::reshape(Value tensor, Dims shape) {
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  if (shapeOf(tensor) == shape)
    return tensor;
  // Through one dimension: every reshape is a collapse and an expansion.
  auto all = [](size_t rank) {
    llvm::SmallVector<ReassociationIndices> groups(rank == 0 ? 0 : 1);
    if (rank > 0) {
      groups[0].resize(rank);
      std::iota(groups[0].begin(), groups[0].end(), 0);
    }
    return groups;
  };
  auto flat = RankedTensorType::get({elementCount(shape)}, element);
  if (shapeOf(tensor).empty())
    tensor = builder.create<tensor::ExpandShapeOp>(location, flat, tensor, ArrayRef<ReassociationIndices>());
  else if (shapeOf(tensor).size() > 1)
    tensor = builder.create<tensor::CollapseShapeOp>(location, flat, tensor, all(shapeOf(tensor).size()));
  auto result = RankedTensorType::get(shape, element);
  if (shape.empty())
    return builder.create<tensor::CollapseShapeOp>(location, result, tensor, ArrayRef<ReassociationIndices>());
  return shape.size() == 1 ? tensor
                           : builder.create<tensor::ExpandShapeOp>(location, result, tensor, all(shape.size()));
}

Value LinalgBuilder::generic(llvm::ArrayRef<Access> inputs, const Access &init, unsigned parallel, unsigned reductions,
                             Body body, llvm::ArrayRef<llvm::StringRef> loops) {
  llvm::SmallVector<AffineMap> maps;
  llvm::SmallVector<Value> tensors;
  auto map = [&](const Access &access) {
    return AffineMap::get(parallel + reductions, 0, access.indices, builder.getContext());
  };
  for (const Access &input : inputs) {
    maps.push_back(map(input));
    tensors.push_back(input.tensor);
  }
  maps.push_back(map(init));
  llvm::SmallVector<utils::IteratorType> iterators(parallel, utils::IteratorType::parallel);
  iterators.append(reductions, utils::IteratorType::reduction);
  auto fill = [&](OpBuilder &inside, Location place, ValueRange arguments) {
    LinalgBuilder nested(inside, place);
    Value result = body(nested, arguments);
    inside.create<linalg::YieldOp>(place, result);
  };
  auto op =
      builder.create<linalg::GenericOp>(location, init.tensor.getType(), tensors, init.tensor, maps, iterators, fill);
  if (!loops.empty())
    op->setAttr("tw.loops", builder.getStrArrayAttr(loops));
  return op.getResult(0);
}

Value LinalgBuilder::extend(Value value, unsigned width) {
  return builder.create<arith::ExtSIOp>(location, builder.getIntegerType(width), value);
}

Value LinalgBuilder::widened(Value value, Type type) {
  return value.getType() == type ? value : builder.create<arith::ExtSIOp>(location, type, value).getResult();
}

Value LinalgBuilder::minus(Value value, int64_t constant) {
  if (constant == 0)
    return value;
  return builder.create<arith::SubIOp>(location, value, scalar(value.getType(), static_cast<double>(constant)));
}

Value LinalgBuilder::clamp(Value value, int64_t lo, int64_t hi) {
  if (lo > -128)
    value = builder.create<arith::MaxSIOp>(location, value, scalar(value.getType(), static_cast<double>(lo)));
  if (hi < 127)
    value = builder.create<arith::MinSIOp>(location, value, scalar(value.getType(), static_cast<double>(hi)));
  return value;
}

} // namespace tw::ir
