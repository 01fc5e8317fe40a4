// SPDX-License-Identifier: Apache-2.0
// Loops of matmul of other types than float32: float64 rounds product and sum, integers are modulo their width.
#include "Lowering.h"

using namespace mlir;

namespace tw::ir {

Value lowerProduct(Lowering &lowering, LinalgBuilder &l, Operation *op) {
  auto product = dyn_cast<MatmulOp>(op);
  const ElementType type = elementTypeOf(op->getResult(0).getType());
  if (!product || type == ElementType::F16 || type == ElementType::BF16 || type == ElementType::Bool)
    return nullptr;
  Dims out = shapeOf(product);
  unsigned rank = static_cast<unsigned>(out.size());
  auto left = l.broadcast(shapeOf(product.getA()).drop_back(2), out.drop_back(2));
  auto right = l.broadcast(shapeOf(product.getB()).drop_back(2), out.drop_back(2));
  left.append({l.dim(rank - 2), l.dim(rank)});
  right.append({l.dim(rank), l.dim(rank - 1)});
  Access init{l.filled(out, lowering.type(type), 0), l.dims(0, rank)};
  return l.generic({{lowering.given("lhs", product.getA()), left}, {lowering.given("rhs", product.getB()), right}},
                   init, rank, 1, [&](LinalgBuilder &b, ValueRange in) -> Value {
                     if (isReal(type))
                       return b.builder.create<arith::AddFOp>(
                           b.location, in[2], b.builder.create<arith::MulFOp>(b.location, in[0], in[1]));
                     return b.builder.create<arith::AddIOp>(b.location, in[2],
                                                            b.builder.create<arith::MulIOp>(b.location, in[0], in[1]));
                   });
}

} // namespace tw::ir
