// SPDX-License-Identifier: Apache-2.0
#include "host/Products.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

namespace tw::codegen {

using namespace mlir;
using ir::Shape;

namespace {

std::optional<Factor> factorOf(Value value) {
  Factor factor;
  APInt zero;
  if (auto minus = value.getDefiningOp<arith::SubIOp>(); minus && matchPattern(minus.getRhs(), m_ConstantInt(&zero))) {
    factor.zero = zero.getSExtValue();
    value = minus.getLhs();
  }
  auto wide = value.getDefiningOp<arith::ExtSIOp>();
  auto argument = wide ? dyn_cast<BlockArgument>(wide.getIn()) : nullptr;
  if (!argument || !argument.getType().isInteger(8))
    return std::nullopt;
  factor.argument = argument.getArgNumber();
  return factor;
}

// How many factors are neighbours in memory, over as many loops of the sum as join.
int64_t neighbours(const HostNest &nest, ArrayRef<int64_t> x, ArrayRef<int64_t> w) {
  unsigned loop = nest.loops() - 1;
  int64_t count = nest.extents[loop];
  while (loop-- > 0 && nest.isReduction[loop]) {
    if (nest.extents[loop] == 1)
      continue;
    if (x[loop] != count || w[loop] != count)
      break;
    count *= nest.extents[loop];
  }
  return count;
}

} // namespace

std::optional<std::pair<Factor, Factor>> dotOf(linalg::GenericOp op) {
  Block *body = op.getBody();
  auto sum = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddIOp>();
  if (!sum || !sum.getType().isInteger(32) || sum.getLhs() != body->getArguments().back() || op.getNumDpsInputs() != 2)
    return std::nullopt;
  auto product = sum.getRhs().getDefiningOp<arith::MulIOp>();
  if (!product)
    return std::nullopt;
  auto x = factorOf(product.getLhs()), w = factorOf(product.getRhs());
  if (!x || !w || x->argument == w->argument)
    return std::nullopt;
  return std::pair(*x, *w);
}

Type Widening::type(MLIRContext *context) const { return IntegerType::get(context, dot == Dot::Pairs ? 16 : 8); }

Value Widening::operator()(OpBuilder &builder, Location location, Value x) const {
  if (dot == Dot::Pairs)
    return builder.create<arith::ExtSIOp>(location, builder.getI16Type(), x);
  Value sign = builder.create<arith::ConstantOp>(location, builder.getI8IntegerAttr(-128));
  return builder.create<arith::XOrIOp>(location, x, sign);
}

TypedAttr Widening::held(MLIRContext *context, int64_t byte) const {
  return IntegerAttr::get(type(context), dot == Dot::Pairs ? byte : int64_t(int8_t(byte ^ 0x80)));
}

Dot dotFor(const HostNest &nest, Dot dot, ArrayRef<int64_t> x, ArrayRef<int64_t> w, int64_t zeroOfWeights) {
  // Neighbours in memory of both factors are what is multiplied in one step.
  const unsigned last = nest.loops() - 1;
  if (dot == Dot::None || !nest.isReduction[last] || x[last] != 1 || w[last] != 1)
    return Dot::None;
  // Neighbouring results differ in the known factor only: they lie in lanes.
  bool hasLanes = false;
  for (unsigned loop = 0; loop != nest.loops(); ++loop)
    hasLanes |= !nest.isReduction[loop] && nest.extents[loop] > 1 && nest.output.steps[loop] == 1 && x[loop] == 0 &&
                w[loop] != 0;
  const Dot kind = zeroOfWeights == 0 ? dot : Dot::Pairs;
  const bool isLong = neighbours(nest, x, w) >= (kind == Dot::Pairs ? 2 : 3);
  return hasLanes && isLong ? kind : Dot::None;
}

HostArray correctionOf(const HostNest &nest, ArrayRef<int64_t> wSteps, unsigned argument, int64_t factor, int64_t zero,
                       MLIRContext *context, Steps &steps) {
  Shape extents(nest.extents.begin(), nest.extents.end());
  steps.assign(extents.size(), 0);
  int64_t count = 1;
  for (size_t loop = extents.size(); loop-- > 0;)
    if (!nest.isReduction[loop] && wSteps[loop] != 0) {
      steps[loop] = count;
      count *= extents[loop];
    }
  HostArray array{HostArray::Derived, IntegerType::get(context, 32), count};
  array.isConstant = true;
  array.constant.arguments = {argument};
  array.constant.compute = [extents, count, factor, zero, steps = Shape(steps.begin(), steps.end()),
                            walk = Shape(wSteps.begin(), wSteps.end())](ArrayRef<ir::Tensor> constants) {
    ir::Tensor result(ir::ElementType::I32, {count});
    const int8_t *w = constants[0].data<int8_t>();
    Shape index(extents.size(), 0);
    // Loops that the weights do not have are walked once.
    for (bool isMore = true; isMore;) {
      int64_t from = 0, to = 0;
      for (size_t loop = 0; loop != extents.size(); ++loop) {
        from += index[loop] * walk[loop];
        to += index[loop] * steps[loop];
      }
      int32_t &sum = result.data<int32_t>()[to];
      sum = int32_t(uint32_t(sum) + uint32_t(factor * (w[from] - zero)));
      isMore = false;
      for (size_t loop = extents.size(); loop-- > 0 && !isMore;) {
        if (walk[loop] == 0)
          continue;
        if (++index[loop] == extents[loop])
          index[loop] = 0;
        else
          isMore = true;
      }
    }
    return result;
  };
  return array;
}

} // namespace tw::codegen
