// SPDX-License-Identifier: Apache-2.0
// Operators that pass elements on: converted, chosen, repeated, or as they are.
#include "Compose.h"
#include "NarrowFloats.h"
#include "TensorReader.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// The type that `to` names: a number, or in version 1 its name.
int namedType(Node &node) {
  if (node.version >= 6)
    return static_cast<int>(node.integer("to", 0));
  int number = 0;
  ::onnx::TensorProto_DataType type;
  if (::onnx::TensorProto_DataType_Parse(node.text("to", ""), &type))
    number = type;
  return number;
}

// As an integer of so few bits: a real number loses its fraction, any its upper bits.
Value narrowed(Node &node, Value value, const HeldType &type) {
  Compose compose(node);
  const double count = 1 << type.bits, below = type.isSigned() ? count / 2 : 0;
  value = compose.cast(value, ElementType::I32);
  value = compose.apply(BinaryKind::Mod, compose.add(value, below), compose.number(ElementType::I32, count));
  return compose.cast(compose.add(value, -below), type.element);
}

FailureOr<Value> converted(Node &node, ElementType type, const HeldType *held) {
  Value number = node.number(0);
  if (!number)
    return failure();
  if (!held)
    return Compose(node).cast(number, type);
  if (held->isFloat())
    return bitsOfNumbers(node, number, *held, node.integer("saturate", 1) != 0);
  return narrowed(node, number, *held);
}

LogicalResult castTo(Node &node, ElementType type, const HeldType *held) {
  if (held && node.heldType(0) == held)
    return buildIdentity(node);
  auto result = converted(node, type, held);
  if (failed(result))
    return failure();
  if (const HeldType *from = node.heldType(0);
      from && !from->isFloat() && *result == node.input(0)) // of another type of the model's: a value of its own
    *result = node.builder.create<CastOp>(node.location, result->getType(), *result);
  node.setResult(0, *result);
  node.setHeldType(0, held);
  return success();
}

} // namespace

LogicalResult buildCast(Node &node) {
  const int to = namedType(node);
  auto type = storedTypeOfOnnx(to);
  if (!type)
    return node.fail("casts to " + onnxTypeName(to) + ", which is not supported");
  return castTo(node, *type, findHeldType(to));
}

LogicalResult buildCastLike(Node &node) {
  Value like = node.input(1);
  if (!like)
    return failure();
  return castTo(node, elementTypeOf(like.getType()), node.heldType(1));
}

LogicalResult buildWhere(Node &node) {
  auto condition = inputOf(node, 0, [](ElementType type) { return type == ElementType::Bool; }, "bool");
  Value yes = node.input(1), no = node.input(2);
  if (failed(condition) || !yes || !no)
    return failure();
  if (elementTypeOf(yes.getType()) != elementTypeOf(no.getType()))
    return node.fail("input 1 is " + llvm::StringRef(elementTypeName(elementTypeOf(yes.getType()))) + ", input 2 is " +
                     llvm::StringRef(elementTypeName(elementTypeOf(no.getType()))) + "; they must have one type");
  auto both = broadcastShape(shapeOf(yes), shapeOf(no));
  auto type = node.resultType(yes, both ? broadcastShape(shapeOf(*condition), *both) : std::move(both));
  if (failed(type))
    return failure();
  node.setResult(0, Compose(node).where(*condition, yes, no));
  return success();
}

LogicalResult buildExpand(Node &node) {
  Value input = node.input(0);
  auto wanted = node.requiredConstant(1, "shape");
  if (!input || failed(wanted))
    return failure();
  Shape shape;
  for (int64_t i = 0; i < wanted->size(); ++i)
    shape.push_back(wanted->integerAt(i));
  auto type = node.resultType(input, broadcastShape(shapeOf(input), shape));
  if (failed(type))
    return failure();
  node.setResult(0, Compose(node).expand(input, type->getShape()));
  return success();
}

LogicalResult buildIdentity(Node &node) {
  Value value = node.input(0);
  if (!value)
    return failure();
  node.setResult(0, value);
  return success();
}

// Inference: everything is kept, and since version 10 the mask says so.
LogicalResult buildDropout(Node &node) {
  if (node.version >= 12 && node.hasInput(2)) {
    auto training = node.requiredConstant(2, "training_mode");
    if (failed(training))
      return failure();
    if (training->size() != 1 || training->integerAt(0) != 0)
      return node.fail("training_mode is true, only inference is supported");
  }
  if (failed(buildIdentity(node)))
    return failure();
  if (node.version >= 10) {
    Tensor kept(ElementType::Bool, {});
    kept.setInteger(0, 1);
    node.setResult(1, Compose(node).expand(node.constant("mask", kept), shapeOf(node.input(0))));
  }
  return success();
}

LogicalResult buildConstant(Node &node) {
  auto tensor = node.constantValue();
  if (failed(tensor))
    return failure();
  node.setResult(0, node.constant("constant", *tensor));
  return success();
}

} // namespace tw::ir::onnx
