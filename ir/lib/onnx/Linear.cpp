// SPDX-License-Identifier: Apache-2.0
// Gemm v13, MatMul v13.
#include "Compose.h"

#include "tw/isa/DiagError.h"

#include <cmath>

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

// Inputs 0..count-1 of one type: float32, or another that the dialect multiplies.
FailureOr<llvm::SmallVector<Value>> factors(Node &node, size_t count) {
  Value first = node.input(0);
  if (!first)
    return failure();
  const ElementType type = elementTypeOf(first.getType());
  if (!llvm::is_contained({ElementType::F64, ElementType::I32, ElementType::I64, ElementType::U32, ElementType::U64},
                          type))
    return node.floatInputs(count);
  llvm::SmallVector<Value> values;
  for (size_t i = 0; i < count; ++i) {
    Value value = node.input(i);
    if (!value)
      return failure();
    if (elementTypeOf(value.getType()) != type)
      return node.fail("inputs 0 and " + llvm::Twine(i) + " differ in element type");
    values.push_back(value);
  }
  return values;
}

// tw.gemm is float32: of other types the product, the factors and the sum one after the other.
LogicalResult buildOtherGemm(Node &node, llvm::ArrayRef<Value> inputs, bool transA, bool transB) {
  Compose compose(node);
  const float alpha = node.real("alpha", 1), beta = node.real("beta", 1);
  const ElementType type = elementTypeOf(inputs[0].getType());
  if (!isReal(type) && (alpha != std::floor(alpha) || beta != std::floor(beta)))
    return node.fail("alpha and beta must be whole numbers for " + llvm::StringRef(elementTypeName(type)));
  auto turned = [&](Value value, bool isTurned) { return isTurned ? compose.transpose(value, {1, 0}) : value; };
  Value result = compose.matmul(turned(inputs[0], transA), turned(inputs[1], transB));
  if (alpha != 1)
    result = compose.mul(result, alpha);
  if (inputs.size() > 2)
    result = compose.add(result, beta == 1 ? inputs[2] : compose.mul(inputs[2], beta));
  if (!result)
    return failure();
  node.setResult(0, result);
  return success();
}

} // namespace

LogicalResult buildGemm(Node &node) {
  bool hasC = node.hasInput(2);
  auto inputs = factors(node, hasC ? 3 : 2);
  if (failed(inputs))
    return failure();
  bool transA = node.integer("transA", 0), transB = node.integer("transB", 0);
  auto type = node.resultType((*inputs)[0], gemmShape(shapeOf((*inputs)[0]), shapeOf((*inputs)[1]), transA, transB));
  if (failed(type))
    return failure();
  if (hasC) {
    auto shape = broadcastShape(shapeOf((*inputs)[2]), type->getShape());
    if (!shape)
      return node.fail(diagOf(shape.takeError()).str());
    if (Dims(*shape) != type->getShape())
      return node.fail("C is " + shapeText(shapeOf((*inputs)[2])) + ", the product is " + shapeText(type->getShape()));
  }
  // As everywhere with Gemm, beta = 0 leaves C out, whatever it holds; alpha is a factor, 0 or not.
  if (hasC && node.real("beta", 1) == 0) {
    hasC = false;
    inputs->pop_back();
  }
  if (!type->getElementType().isF32())
    return buildOtherGemm(node, *inputs, transA, transB);
  node.setResult(0, node.builder.create<GemmOp>(node.location, *type, (*inputs)[0], (*inputs)[1],
                                                hasC ? (*inputs)[2] : Value(), llvm::APFloat(node.real("alpha", 1)),
                                                llvm::APFloat(node.real("beta", 1)), transA, transB));
  return success();
}

LogicalResult buildMatMul(Node &node) {
  auto inputs = factors(node, 2);
  if (failed(inputs))
    return failure();
  auto result = createMatmul(node, (*inputs)[0], (*inputs)[1]);
  if (failed(result))
    return failure();
  node.setResult(0, *result);
  return success();
}

} // namespace tw::ir::onnx
