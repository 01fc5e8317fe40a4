// SPDX-License-Identifier: Apache-2.0
// Gemm v13, MatMul v13.
#include "Node.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

FailureOr<Value> reshapeTo(Node &node, Value value, Dims shape) {
  auto type = RankedTensorType::get(shape, cast<RankedTensorType>(value.getType()).getElementType());
  return node.builder.create<ReshapeOp>(node.location, type, value).getResult();
}

// numpy matmul: a vector gains a unit dimension for the product and loses it afterwards.
FailureOr<Value> createMatmul(Node &node, Value a, Value b) {
  bool vectorA = shapeOf(a).size() == 1, vectorB = shapeOf(b).size() == 1;
  if (vectorA)
    a = *reshapeTo(node, a, {1, shapeOf(a)[0]});
  if (vectorB)
    b = *reshapeTo(node, b, {shapeOf(b)[0], 1});
  auto type = node.resultType(a, matmulShape(shapeOf(a), shapeOf(b)));
  if (failed(type))
    return failure();
  Value result = node.builder.create<MatmulOp>(node.location, *type, a, b);
  if (!vectorA && !vectorB)
    return result;
  Shape shape(shapeOf(result));
  if (vectorB)
    shape.pop_back();
  if (vectorA)
    shape.erase(shape.end() - (vectorB ? 1 : 2));
  return reshapeTo(node, result, shape);
}

} // namespace

LogicalResult buildGemm(Node &node) {
  bool hasC = node.hasInput(2);
  auto inputs = node.floatInputs(hasC ? 3 : 2);
  if (failed(inputs))
    return failure();
  bool transA = node.integer("transA", 0), transB = node.integer("transB", 0);
  auto type = node.resultType((*inputs)[0], gemmShape(shapeOf((*inputs)[0]), shapeOf((*inputs)[1]), transA, transB));
  if (failed(type))
    return failure();
  if (hasC) {
    auto shape = broadcastShape(shapeOf((*inputs)[2]), type->getShape());
    if (!shape)
      return node.fail(llvm::toString(shape.takeError()));
    if (Dims(*shape) != type->getShape())
      return node.fail("C is " + shapeText(shapeOf((*inputs)[2])) + ", the product is " + shapeText(type->getShape()));
  }
  node.setResult(0, node.builder.create<GemmOp>(node.location, *type, (*inputs)[0], (*inputs)[1],
                                                hasC ? (*inputs)[2] : Value(), llvm::APFloat(node.real("alpha", 1)),
                                                llvm::APFloat(node.real("beta", 1)), transA, transB));
  return success();
}

LogicalResult buildMatMul(Node &node) {
  auto inputs = node.floatInputs(2);
  if (failed(inputs))
    return failure();
  auto result = createMatmul(node, (*inputs)[0], (*inputs)[1]);
  if (failed(result))
    return failure();
  node.setResult(0, *result);
  return success();
}

} // namespace tw::ir::onnx
