// SPDX-License-Identifier: Apache-2.0
// Functions of one number that are no activation: arithmetic, rounding, exponentials, trigonometry, questions.
#include "Compose.h"

#include <limits>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

LogicalResult buildFunction(Node &node, UnaryKind kind, FailureOr<Value> input) {
  if (failed(input))
    return failure();
  node.setResult(0, Compose(node).apply(kind, *input));
  return success();
}

bool isInteger(ElementType type) { return !isReal(type) && type != ElementType::Bool; }
bool isBool(ElementType type) { return type == ElementType::Bool; }

} // namespace

#define TW_FUNCTION(NAME, KIND)                                                                                        \
  LogicalResult build##NAME(Node &node) { return buildFunction(node, UnaryKind::KIND, realInput(node, 0)); }
TW_FUNCTION(Ceil, Ceil)
TW_FUNCTION(Floor, Floor)
TW_FUNCTION(Round, Round)
TW_FUNCTION(Sqrt, Sqrt)
TW_FUNCTION(Exp, Exp)
TW_FUNCTION(Log, Log)
TW_FUNCTION(Sin, Sin)
TW_FUNCTION(Cos, Cos)
TW_FUNCTION(Tan, Tan)
TW_FUNCTION(Asin, Asin)
TW_FUNCTION(Acos, Acos)
TW_FUNCTION(Atan, Atan)
TW_FUNCTION(Sinh, Sinh)
TW_FUNCTION(Cosh, Cosh)
TW_FUNCTION(Asinh, Asinh)
TW_FUNCTION(Acosh, Acosh)
TW_FUNCTION(Atanh, Atanh)
#undef TW_FUNCTION

#define TW_FUNCTION(NAME)                                                                                              \
  LogicalResult build##NAME(Node &node) { return buildFunction(node, UnaryKind::NAME, numericInput(node, 0)); }
TW_FUNCTION(Abs)
TW_FUNCTION(Neg)
TW_FUNCTION(Sign)
#undef TW_FUNCTION

// ONNX allows it of integers, too: their result is that of the nearest real, without its fraction.
LogicalResult buildErf(Node &node) {
  auto input = numericInput(node, 0);
  if (failed(input))
    return failure();
  Compose c(node);
  const ElementType type = elementTypeOf(input->getType());
  Value x = isReal(type) ? *input : c.cast(*input, ElementType::F64);
  node.setResult(0, c.cast(c.apply(UnaryKind::Erf, x), type));
  return success();
}

LogicalResult buildReciprocal(Node &node) {
  auto input = realInput(node, 0);
  if (failed(input))
    return failure();
  Compose c(node);
  node.setResult(0, c.div(c.number(*input, 1), *input));
  return success();
}

LogicalResult buildNot(Node &node) { return buildFunction(node, UnaryKind::Not, inputOf(node, 0, isBool, "bool")); }
LogicalResult buildBitwiseNot(Node &node) {
  return buildFunction(node, UnaryKind::Not, inputOf(node, 0, isInteger, "an integer"));
}

LogicalResult buildIsNaN(Node &node) {
  auto input = realNumber(node, 0);
  if (failed(input))
    return failure();
  node.setResult(0, Compose(node).compare(CompareKind::NotEqual, *input, *input));
  return success();
}

LogicalResult buildIsInf(Node &node) {
  auto input = realNumber(node, 0);
  if (failed(input))
    return failure();
  Compose c(node);
  const bool hasPositive = node.integer("detect_positive", 1) != 0,
             hasNegative = node.integer("detect_negative", 1) != 0;
  Value x = hasPositive && hasNegative ? c.apply(UnaryKind::Abs, *input) : *input;
  const double infinity = std::numeric_limits<double>::infinity();
  if (hasPositive || hasNegative)
    node.setResult(0, c.compare(CompareKind::Equal, x, c.number(x, hasPositive ? infinity : -infinity)));
  else
    node.setResult(0, c.expand(node.constant("false", Tensor(ElementType::Bool, {})), shapeOf(x)));
  return success();
}

} // namespace tw::ir::onnx
