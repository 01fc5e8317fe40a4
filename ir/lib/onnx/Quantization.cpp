// SPDX-License-Identifier: Apache-2.0
// QuantizeLinear and DequantizeLinear v25 without blocks (v10 is its per-tensor case), and their use inside the QLinear
// forms.
#include "Node.h"
#include "TensorReader.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// Scales and zero points come as [] or [1]; per-tensor ones are stored as scalars. Both must be constants: the
// machine's numbers are computed from them at compile time.
FailureOr<Value> parameter(Node &node, size_t index, llvm::StringRef what) {
  auto tensor = node.requiredConstant(index, what);
  if (failed(tensor))
    return failure();
  if (tensor->rank() > 1)
    return node.fail(what + " is " + shapeText(tensor->shape) + ", only a scalar or a vector is supported");
  if (tensor->size() == 1)
    tensor->shape.clear();
  if (tensor->type == ElementType::F32)
    for (float scale : tensor->values<float>())
      if (!(scale > 0) || scale > std::numeric_limits<float>::max())
        return node.fail(what + " is " + std::to_string(scale) + ", a scale must be positive and finite");
  return node.constant(what, *tensor);
}

FailureOr<Value> scaleParameter(Node &node, size_t index) {
  auto value = parameter(node, index, "scale");
  if (succeeded(value) && elementTypeOf(value->getType()) != ElementType::F32)
    return node.fail("scale is " + llvm::StringRef(elementTypeName(elementTypeOf(value->getType()))) +
                     ", expected float32");
  return value;
}

FailureOr<Value> zeroParameter(Node &node, size_t index, ElementType fallback) {
  if (node.hasInput(index))
    return parameter(node, index, "zero_point");
  Tensor zero(fallback, {});
  return node.constant("zero_point", zero);
}

// Axis of a per-channel parameter, or 0 when it is per tensor and the axis means nothing.
FailureOr<int64_t> channelAxis(Node &node, Value scale, Value zero, Value tensor, int64_t axis) {
  int64_t count = std::max(elementCount(shapeOf(scale)), elementCount(shapeOf(zero)));
  if (count == 1)
    return 0;
  auto resolved = node.axis(axis, shapeOf(tensor).size());
  if (succeeded(resolved) && shapeOf(tensor)[*resolved] != count)
    return node.fail("has " + llvm::Twine(count) + " scales or zero points for " +
                     llvm::Twine(shapeOf(tensor)[*resolved]) + " slices of axis " + llvm::Twine(*resolved));
  return resolved;
}

FailureOr<Value> createDequantize(Node &node, Value input, Value scale, Value zero, int64_t axis) {
  ElementType type = elementTypeOf(input.getType());
  if (type != ElementType::I8 && type != ElementType::U8 && type != ElementType::I32)
    return node.fail("dequantises " + llvm::StringRef(elementTypeName(type)) + ", expected int8, uint8 or int32");
  if (elementTypeOf(zero.getType()) != type)
    return node.fail("zero_point is " + llvm::StringRef(elementTypeName(elementTypeOf(zero.getType()))) +
                     ", the input is " + llvm::StringRef(elementTypeName(type)));
  auto resolved = channelAxis(node, scale, zero, input, axis);
  if (failed(resolved))
    return failure();
  auto resultType = RankedTensorType::get(shapeOf(input), node.builder.getF32Type());
  return node.builder.create<DequantizeOp>(node.location, resultType, input, scale, zero, *resolved).getResult();
}

FailureOr<Value> createQuantize(Node &node, Value input, Value scale, Value zero, int64_t axis) {
  ElementType type = elementTypeOf(zero.getType());
  if (type != ElementType::I8 && type != ElementType::U8)
    return node.fail("quantises to " + llvm::StringRef(elementTypeName(type)) + ", expected int8 or uint8");
  auto resolved = channelAxis(node, scale, zero, input, axis);
  if (failed(resolved))
    return failure();
  auto resultType = toMlirType(node.builder.getContext(), type, shapeOf(input));
  return node.builder.create<QuantizeOp>(node.location, resultType, input, scale, zero, *resolved, Rounding::HalfEven)
      .getResult();
}

LogicalResult checkBlockSize(Node &node) {
  if (const int64_t size = node.integer("block_size", 0))
    return node.fail("block_size " + llvm::Twine(size) + " is not supported, only one scale for a tensor or an axis");
  return success();
}

// What a quantiser makes: the type of its zero point, without one output_dtype, without that uint8.
FailureOr<ElementType> quantizedType(Node &node, size_t zero) {
  const int64_t asked = node.integer("output_dtype", 0);
  const auto type = asked ? elementTypeOfOnnx(asked) : ElementType::U8;
  if (!type)
    return node.fail("output_dtype " + onnxTypeName(asked) + " is not supported");
  if (Value value = node.hasInput(zero) ? node.input(zero) : Value()) {
    if (asked && elementTypeOf(value.getType()) != *type)
      return node.fail("output_dtype is " + onnxTypeName(asked) + ", zero_point is " +
                       llvm::StringRef(elementTypeName(elementTypeOf(value.getType()))));
    return elementTypeOf(value.getType());
  }
  return *type;
}

} // namespace

FailureOr<Value> dequantizeInput(Node &node, size_t value, size_t scale, size_t zero, int64_t axis) {
  Value input = node.input(value);
  if (!input)
    return failure();
  auto scaleValue = scaleParameter(node, scale);
  auto zeroValue = zeroParameter(node, zero, elementTypeOf(input.getType()));
  if (failed(scaleValue) || failed(zeroValue))
    return failure();
  return createDequantize(node, input, *scaleValue, *zeroValue, axis);
}

FailureOr<Value> dequantizeBias(Node &node, size_t bias, size_t inScale, size_t weightScale) {
  Value input = node.input(bias);
  auto x = node.requiredConstant(inScale, "scale"), w = node.requiredConstant(weightScale, "scale");
  if (!input || failed(x) || failed(w))
    return failure();
  Tensor scale(ElementType::F32, w->size() == 1 ? Dims() : Dims(w->shape)), zero(ElementType::I32, scale.shape);
  for (int64_t i = 0; i < scale.size(); ++i)
    scale.data<float>()[i] = x->data<float>()[0] * w->data<float>()[i];
  return createDequantize(node, input, node.constant("bias_scale", scale), node.constant("bias_zero", zero), 0);
}

FailureOr<Value> quantizeValue(Node &node, Value input, size_t scale, size_t zero) {
  auto scaleValue = scaleParameter(node, scale);
  auto type = quantizedType(node, zero);
  if (failed(scaleValue) || failed(type))
    return failure();
  auto zeroValue = zeroParameter(node, zero, *type);
  if (failed(zeroValue))
    return failure();
  return createQuantize(node, input, *scaleValue, *zeroValue, node.integer("axis", 1));
}

LogicalResult buildDequantizeLinear(Node &node) {
  const int64_t type = node.integer("output_dtype", 0);
  if (type && elementTypeOfOnnx(type) != ElementType::F32)
    return node.fail("output_dtype " + onnxTypeName(type) + " is not supported, only float32 is");
  if (failed(checkBlockSize(node)))
    return failure();
  auto result = dequantizeInput(node, 0, 1, 2, node.integer("axis", 1));
  if (failed(result))
    return failure();
  node.setResult(0, *result);
  return success();
}

LogicalResult buildQuantizeLinear(Node &node) {
  if (failed(checkBlockSize(node)))
    return failure();
  auto inputs = node.floatInputs(1);
  if (failed(inputs))
    return failure();
  auto result = quantizeValue(node, (*inputs)[0], 1, 2);
  if (failed(result))
    return failure();
  node.setResult(0, *result);
  return success();
}

} // namespace tw::ir::onnx
