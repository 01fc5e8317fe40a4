// SPDX-License-Identifier: Apache-2.0
// QuantizeLinear and DequantizeLinear v25 (those of com.microsoft are its case without blocks), DynamicQuantizeLinear,
// and the pieces of operators on quantised tensors.
#include "Compose.h"
#include "NarrowFloats.h"
#include "Quantised.h"
#include "TensorReader.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

bool isQuantised(ElementType type) {
  return llvm::is_contained({ElementType::I8, ElementType::U8, ElementType::I16, ElementType::U16}, type);
}

// One number for the tensor is a scalar, whatever its rank is in the model.
FailureOr<Value> parameter(Node &node, size_t index, llvm::StringRef what) {
  Value value = node.number(index);
  if (!value)
    return failure();
  auto tensor = constantOf(value);
  if (tensor && tensor->type == ElementType::F32)
    for (float scale : tensor->values<float>())
      if (!(scale > 0) || scale > std::numeric_limits<float>::max())
        return node.fail(what + " is " + std::to_string(scale) + ", a scale must be positive and finite" +
                         (std::isinf(scale)
                              ? ": calibrated over infinities, of a mask for example; a large finite number "
                                "(-1e4) instead of them gives a scale"
                              : ""));
  if (elementCount(shapeOf(value)) != 1 || shapeOf(value).empty())
    return value;
  if (!tensor)
    return Compose(node).reshape(value, {});
  tensor->shape.clear();
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
  return node.constant("zero_point", Tensor(fallback, {}));
}

// Axis of a per-channel parameter, or 0 when it is per tensor and the axis means nothing.
FailureOr<int64_t> channelAxis(Node &node, Value scale, Value zero, Value tensor, int64_t axis) {
  const int64_t scales = elementCount(shapeOf(scale)), zeros = elementCount(shapeOf(zero));
  if (scales == 1 && zeros == 1)
    return 0;
  auto resolved = node.axis(axis, shapeOf(tensor).size());
  if (failed(resolved))
    return failure();
  const int64_t slices = shapeOf(tensor)[*resolved];
  for (int64_t count : {scales, zeros})
    if (count != 1 && count != slices)
      return node.fail("has " + llvm::Twine(count) + " scales or zero points for " + llvm::Twine(slices) +
                       " slices of axis " + llvm::Twine(*resolved));
  return resolved;
}

bool isFloat(const HeldType *type) { return type && type->isFloat(); }

bool isPerAxis(Value scale, Value zero) { return shapeOf(scale).size() <= 1 && shapeOf(zero).size() <= 1; }

// The parameter of each element, for those that are no vector: `blockSize` elements of the axis share one, or with 0 it
// broadcasts.
FailureOr<Value> spread(Node &node, Value value, Dims tensor, int64_t axis, int64_t blockSize, llvm::StringRef what) {
  Dims shape = shapeOf(value);
  if (elementCount(shape) == 1 || blockSize == 0)
    return value;
  Shape wanted(tensor);
  wanted[axis] = (tensor[axis] + blockSize - 1) / blockSize;
  if (Dims(wanted) != shape)
    return node.fail(what + " is " + shapeText(shape) + ", blocks of " + llvm::Twine(blockSize) + " along axis " +
                     llvm::Twine(axis) + " of " + shapeText(tensor) + " need " + shapeText(wanted));
  Shape block(tensor[axis]);
  for (int64_t i = 0; i < tensor[axis]; ++i)
    block[i] = i / blockSize;
  Compose compose(node);
  return compose.gather(value, compose.integers("block", block), axis);
}

// A vector along an axis, for values of `rank` dimensions.
Value alongAxis(Node &node, Value value, int64_t axis, int64_t rank) {
  Dims shape = shapeOf(value);
  if (shape.size() != 1)
    return value;
  Shape spread(rank, 1);
  spread[axis] = shape[0];
  return Compose(node).reshape(value, spread);
}

// Parameters of each element, in blocks, along an axis or one for all.
FailureOr<std::pair<Value, Value>> spreadBoth(Node &node, Value tensor, Value scale, Value zero, int64_t axis,
                                              int64_t blockSize) {
  Dims shape = shapeOf(tensor);
  if (isPerAxis(scale, zero) && blockSize == 0) {
    auto resolved = channelAxis(node, scale, zero, tensor, axis);
    if (failed(resolved))
      return failure();
    const int64_t rank = static_cast<int64_t>(shape.size());
    return std::pair(alongAxis(node, scale, *resolved, rank), alongAxis(node, zero, *resolved, rank));
  }
  auto scales = spread(node, scale, shape, axis, blockSize, "scale");
  auto zeros = spread(node, zero, shape, axis, blockSize, "zero_point");
  if (failed(scales) || failed(zeros))
    return failure();
  return std::pair(*scales, *zeros);
}

bool isZero(Value value) {
  auto tensor = constantOf(value);
  if (!tensor)
    return false;
  for (int64_t i = 0; i < tensor->size(); ++i)
    if (tensor->numberAt(i) != 0)
      return false;
  return true;
}

std::pair<double, double> limitsOf(ElementType type) {
  switch (type) {
  case ElementType::I8:
    return {-128, 127};
  case ElementType::U8:
    return {0, 255};
  case ElementType::I16:
    return {-32768, 32767};
  default:
    return {0, 65535};
  }
}

FailureOr<Value> createDequantize(Node &node, Value input, Value scale, Value zero, int64_t axis,
                                  int64_t blockSize = 0) {
  ElementType type = elementTypeOf(input.getType());
  if (!isQuantised(type) && type != ElementType::I32 && type != ElementType::F32)
    return node.fail("dequantises " + llvm::StringRef(elementTypeName(type)) +
                     ", expected int8, uint8, int16, uint16 or int32");
  if (elementTypeOf(zero.getType()) != type)
    return node.fail("zero_point is " + llvm::StringRef(elementTypeName(elementTypeOf(zero.getType()))) +
                     ", the input is " + llvm::StringRef(elementTypeName(type)));
  if (type != ElementType::F32 && isPerAxis(scale, zero) && blockSize == 0) {
    auto resolved = channelAxis(node, scale, zero, input, axis);
    if (failed(resolved))
      return failure();
    auto resultType = RankedTensorType::get(shapeOf(input), node.builder.getF32Type());
    return node.builder.create<DequantizeOp>(node.location, resultType, input, scale, zero, *resolved).getResult();
  }
  auto parameters = spreadBoth(node, input, scale, zero, axis, blockSize);
  if (failed(parameters))
    return failure();
  const auto [scales, zeros] = *parameters;
  Compose compose(node);
  Value steps = input;
  if (type != ElementType::F32)
    steps = compose.cast(compose.sub(compose.cast(input, ElementType::I32), compose.cast(zeros, ElementType::I32)),
                         ElementType::F32);
  else if (!isZero(zeros))
    steps = compose.sub(input, zeros);
  Value real = compose.mul(steps, scales);
  if (!real)
    return failure();
  return real;
}

FailureOr<Value> createQuantize(Node &node, Value input, Value scale, Value zero, int64_t axis, int64_t blockSize = 0) {
  ElementType type = elementTypeOf(zero.getType());
  if (!isQuantised(type))
    return node.fail("quantises to " + llvm::StringRef(elementTypeName(type)) +
                     ", expected int8, uint8, int16 or uint16");
  if (isPerAxis(scale, zero) && blockSize == 0) {
    auto resolved = channelAxis(node, scale, zero, input, axis);
    if (failed(resolved))
      return failure();
    auto resultType = toMlirType(node.builder.getContext(), type, shapeOf(input));
    return node.builder.create<QuantizeOp>(node.location, resultType, input, scale, zero, *resolved, Rounding::HalfEven)
        .getResult();
  }
  auto parameters = spreadBoth(node, input, scale, zero, axis, blockSize);
  if (failed(parameters))
    return failure();
  const auto [scales, zeros] = *parameters;
  Compose compose(node);
  const auto [lo, hi] = limitsOf(type);
  Value steps = compose.apply(UnaryKind::Round, compose.div(input, scales));
  // What is no number becomes the zero point, as tw.quantize has it.
  steps = compose.where(compose.compare(CompareKind::Equal, steps, steps), steps, compose.number(ElementType::F32, 0));
  Value sum = compose.add(steps, compose.cast(zeros, ElementType::F32));
  Value result = compose.cast(compose.min(compose.max(sum, lo), hi), type);
  if (!result)
    return failure();
  return result;
}

// The axis of blocks; nothing asks for it without them.
FailureOr<int64_t> blockAxis(Node &node, Value input, int64_t blockSize) {
  if (blockSize < 0)
    return node.fail("block_size is " + llvm::Twine(blockSize) + ", expected 0 or more");
  const int64_t axis = node.integer("axis", 1);
  return blockSize == 0 ? axis : node.axis(axis, shapeOf(input).size());
}

// To a float of eight and fewer bits, which has no steps that are all alike. A zero point of 0 is left out: added, it
// would make 0 of -0.
FailureOr<Value> quantiseToFloat(Node &node, Value input, const HeldType &type) {
  auto scale = scaleParameter(node, 1);
  auto zero =
      node.hasInput(2) ? parameter(node, 2, "zero_point") : node.constant("zero_point", Tensor(ElementType::F32, {}));
  if (failed(scale) || failed(zero))
    return failure();
  const int64_t blockSize = node.integer("block_size", 0);
  auto axis = blockAxis(node, input, blockSize);
  if (failed(axis))
    return failure();
  auto parameters = spreadBoth(node, input, *scale, *zero, *axis, blockSize);
  if (failed(parameters))
    return failure();
  Compose compose(node);
  Value quotient = compose.div(input, parameters->first);
  if (!isZero(parameters->second))
    quotient = compose.add(quotient, parameters->second);
  if (!quotient)
    return failure();
  return bitsOfNumbers(node, quotient, type, node.integer("saturate", 1) != 0);
}

// What a quantiser makes: the type of its zero point, without one output_dtype, without that uint8.
FailureOr<ElementType> quantizedType(Node &node, size_t zero) {
  const int64_t asked = node.integer("output_dtype", 0);
  const auto type = asked ? storedTypeOfOnnx(asked) : ElementType::U8;
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

FailureOr<Value> dequantizeBias(Node &node, size_t bias, size_t inScale, size_t weightScale, float factor) {
  Value input = node.input(bias);
  auto x = scaleParameter(node, inScale), w = scaleParameter(node, weightScale);
  if (!input || failed(x) || failed(w))
    return failure();
  if (elementTypeOf(input.getType()) != ElementType::I32)
    return node.fail("bias is " + llvm::StringRef(elementTypeName(elementTypeOf(input.getType()))) +
                     ", expected int32");
  auto known = constantOf(*x), weights = constantOf(*w);
  Value scale;
  if (known && weights && known->size() == 1) {
    Tensor product(ElementType::F32, weights->shape);
    for (int64_t i = 0; i < product.size(); ++i)
      product.data<float>()[i] = factor * known->data<float>()[0] * weights->data<float>()[i];
    scale = node.constant("bias_scale", product);
  } else {
    Compose compose(node);
    scale = compose.mul(compose.mul(*x, *w), factor);
    if (!scale)
      return failure();
  }
  Tensor zero(ElementType::I32, {});
  return createDequantize(node, input, scale, node.constant("bias_zero", zero),
                          static_cast<int64_t>(shapeOf(input).size()) - 1);
}

FailureOr<Value> quantizeValue(Node &node, Value input, size_t scale, size_t zero, int64_t axis) {
  auto scaleValue = scaleParameter(node, scale);
  auto type = quantizedType(node, zero);
  if (failed(scaleValue) || failed(type))
    return failure();
  auto zeroValue = zeroParameter(node, zero, *type);
  if (failed(zeroValue))
    return failure();
  return createQuantize(node, input, *scaleValue, *zeroValue, axis, node.integer("block_size", 0));
}

LogicalResult buildDequantizeLinear(Node &node) {
  const int64_t asked = node.integer("output_dtype", 0);
  const auto type = asked ? elementTypeOfOnnx(asked) : ElementType::F32;
  if (!type || !isReal(*type))
    return node.fail("output_dtype " + onnxTypeName(asked) + " is not supported, only float types are");
  Value input = node.number(0);
  if (!input)
    return failure();
  if (elementTypeOf(input.getType()) == ElementType::F32 && !isFloat(node.heldType(0)))
    return node.fail("dequantises float32, expected an integer or a float of eight and fewer bits");
  const int64_t blockSize = node.integer("block_size", 0);
  auto axis = blockAxis(node, input, blockSize);
  auto scale = scaleParameter(node, 1);
  auto zero = zeroParameter(node, 2, elementTypeOf(input.getType()));
  if (failed(axis) || failed(scale) || failed(zero))
    return failure();
  auto result = createDequantize(node, input, *scale, *zero, *axis, blockSize);
  if (failed(result))
    return failure();
  node.setResult(0, Compose(node).cast(*result, *type));
  return success();
}

LogicalResult buildQuantizeLinear(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  if (elementTypeOf(input.getType()) == ElementType::I32) // ONNX has it in float32, too
    input = Compose(node).cast(input, ElementType::F32);
  if (elementTypeOf(input.getType()) != ElementType::F32)
    return node.fail("quantises " + llvm::StringRef(elementTypeName(elementTypeOf(input.getType()))) +
                     ", expected a float type or int32");
  // What the model says its integers are: they are held in a byte, but have no more bits than that.
  const HeldType *held =
      node.hasInput(2) ? node.heldType(2) : findHeldType(static_cast<int>(node.integer("output_dtype", 0)));
  if (const auto asked = static_cast<int>(node.integer("output_dtype", 0)); asked && findHeldType(asked) != held)
    return node.fail("output_dtype is " + onnxTypeName(asked) + ", zero_point is of another type");
  if (isFloat(held)) {
    auto bits = quantiseToFloat(node, input, *held);
    if (failed(bits))
      return failure();
    node.setResult(0, *bits);
    node.setHeldType(0, held);
    return success();
  }
  auto axis = blockAxis(node, input, node.integer("block_size", 0));
  if (failed(axis))
    return failure();
  auto result = quantizeValue(node, input, 1, 2, *axis);
  if (failed(result))
    return failure();
  if (held) {
    node.setHeldType(0, held);
    Compose compose(node);
    const double steps = 1 << (held->isSigned() ? held->bits - 1 : held->bits);
    *result = compose.min(compose.max(*result, held->isSigned() ? -steps : 0), steps - 1);
  }
  node.setResult(0, *result);
  return success();
}

DynamicallyQuantized quantizeDynamically(Node &node, Value input) {
  Compose compose(node);
  Shape axes(shapeOf(input).size());
  for (size_t d = 0; d < axes.size(); ++d)
    axes[d] = static_cast<int64_t>(d);
  auto extreme = [&](ReduceKind kind) { return axes.empty() ? input : compose.reduce(kind, input, axes, false); };
  Value least = compose.min(extreme(ReduceKind::Min), 0), most = compose.max(extreme(ReduceKind::Max), 0);
  Value scale = compose.div(compose.sub(most, least), 255);
  // Of zeros alone every scale is right but 0.
  Value isZero = compose.compare(CompareKind::Equal, scale, compose.number(ElementType::F32, 0));
  scale = compose.where(isZero, compose.number(ElementType::F32, 1), scale);
  Value steps = compose.sub(0, compose.div(least, scale));
  Value zero = compose.cast(compose.apply(UnaryKind::Round, compose.min(compose.max(steps, 0), 255)), ElementType::U8);
  if (!zero)
    return {};
  auto type = toMlirType(node.builder.getContext(), ElementType::U8, shapeOf(input));
  Value integers =
      node.builder.create<QuantizeOp>(node.location, type, input, scale, zero, /*axis=*/0, Rounding::HalfEven);
  return {integers, scale, zero};
}

LogicalResult buildDynamicQuantizeLinear(Node &node) {
  auto inputs = node.floatInputs(1);
  if (failed(inputs))
    return failure();
  const DynamicallyQuantized result = quantizeDynamically(node, inputs->front());
  if (!result.integers)
    return failure();
  node.setResult(0, result.integers);
  node.setResult(1, result.scale);
  node.setResult(2, result.zero);
  return success();
}

} // namespace tw::ir::onnx
