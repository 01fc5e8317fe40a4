// SPDX-License-Identifier: Apache-2.0
// Products of integers whose results are int32, as dynamically quantised models have them: MatMulInteger v10,
// ConvInteger v10, and com.microsoft's MatMulIntegerToFloat and DynamicQuantizeMatMul. The machine multiplies raw
// activations by weights; the activations' zero point, known when the model runs, times the weights' sums is taken off
// afterwards.
#include "../TurnedWeights.h"
#include "Compose.h"
#include "Quantised.h"
#include "Windows.h"
#include "tw/ir/QuantOps.h"

#include <algorithm>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// An int8 tensor and its zero point: a uint8 one less 128, its zero point, too.
struct Bytes {
  Value value, zero;
};

Value asInt8(Node &node, Value value) {
  if (elementTypeOf(value.getType()) == ElementType::I8)
    return value;
  auto type = toMlirType(node.builder.getContext(), ElementType::I8, shapeOf(value));
  auto tensor = constantOf(value);
  if (!tensor)
    return node.builder.create<FlipSignOp>(node.location, type, value);
  tensor->type = ElementType::I8;
  for (char &byte : tensor->bytes)
    byte = static_cast<char>(byte ^ 0x80);
  auto names = nodeNames(value.getLoc());
  return makeConstant(node.builder, value.getLoc(), names.empty() ? "constant" : names.front(), *tensor);
}

FailureOr<Bytes> bytesOf(Node &node, Value value, Value zero) {
  const ElementType type = elementTypeOf(value.getType());
  if (type != ElementType::I8 && type != ElementType::U8)
    return node.fail("multiplies " + llvm::StringRef(elementTypeName(type)) + ", expected int8 or uint8");
  if (!zero)
    zero = node.constant("zero_point", Tensor(type, {}));
  if (elementTypeOf(zero.getType()) != type)
    return node.fail("zero_point is " + llvm::StringRef(elementTypeName(elementTypeOf(zero.getType()))) +
                     ", its tensor is " + llvm::StringRef(elementTypeName(type)));
  if (elementCount(shapeOf(zero)) == 1 && !shapeOf(zero).empty()) {
    auto tensor = constantOf(zero);
    if (tensor)
      tensor->shape.clear();
    zero = tensor ? node.constant("zero_point", *tensor) : Compose(node).reshape(zero, {});
  }
  return Bytes{asInt8(node, value), asInt8(node, zero)};
}

FailureOr<Bytes> bytesInput(Node &node, size_t value, size_t zero) {
  Value tensor = node.input(value);
  if (!tensor)
    return failure();
  return bytesOf(node, tensor, node.hasInput(zero) ? node.input(zero) : Value());
}

Value wide(Node &node, Value value) { return Compose(node).cast(value, ElementType::I32); }

bool isZero(Value value) {
  auto tensor = constantOf(value);
  return tensor && llvm::all_of(tensor->bytes, [](char byte) { return byte == 0; });
}

// By constant weights [K, N]: the sums of raw activations, less zero point times sums of weights. Null where they may
// leave int32 or a zero point belongs to a row.
Value productByWeights(Node &node, const Bytes &a, const Bytes &b) {
  auto weights = constantOf(b.value), zeros = constantOf(b.zero);
  if (!weights || !zeros || weights->rank() != 2 || zeros->rank() > 1 || shapeOf(a.value).empty() ||
      shapeOf(a.value).back() != weights->shape[0] || !shapeOf(a.zero).empty() || elementCount(shapeOf(a.value)) == 0 ||
      weights->size() == 0)
    return {};
  const Tensor rows = turned(*weights);
  const int64_t channels = rows.shape[0], depth = rows.shape[1];
  if (zeros->rank() == 1 && zeros->size() != channels)
    return {};
  if (wideSumOf(rows, constantInts(b.zero), {-128, 127}, std::vector<int64_t>(channels, 0)))
    return {};
  Tensor sums(ElementType::I32, {channels});
  for (int64_t i = 0; i < rows.size(); ++i)
    sums.data<int32_t>()[i / depth] +=
        rows.data<int8_t>()[i] - static_cast<int32_t>(zeros->integerAt(zeros->rank() == 0 ? 0 : i / depth));

  Compose compose(node);
  Shape shape(shapeOf(a.value));
  Value flat = compose.reshape(a.value, {elementCount(shape) / depth, depth});
  auto names = nodeNames(b.value.getLoc());
  Value constant = makeConstant(node.builder, b.value.getLoc(), names.empty() ? "weight" : names.front(), rows);
  auto type = toMlirType(node.builder.getContext(), ElementType::I32, {shapeOf(flat)[0], channels});
  Value result = node.builder.create<QGemmSumsOp>(node.location, type, flat, constant, b.zero);
  if (!isZero(a.zero))
    result = compose.sub(result, compose.mul(wide(node, a.zero), node.constant("weight_sums", sums)));
  shape.back() = channels;
  return compose.reshape(result, shape);
}

// A zero point for each row of the first factor stands in front of its columns.
Value centred(Node &node, const Bytes &bytes, bool isFirst) {
  Compose compose(node);
  if (isZero(bytes.zero))
    return wide(node, bytes.value);
  Value zero = bytes.zero;
  if (isFirst && shapeOf(zero).size() == 1)
    zero = compose.unsqueeze(zero, 1);
  return compose.sub(wide(node, bytes.value), wide(node, zero));
}

Value integerProduct(Node &node, const Bytes &a, const Bytes &b) {
  if (Value result = productByWeights(node, a, b))
    return result;
  Compose compose(node);
  Value first = centred(node, a, true), second = centred(node, b, false);
  if (!first || !second)
    return {};
  const bool isRow = shapeOf(first).size() == 1, isColumn = shapeOf(second).size() == 1;
  if (isRow)
    first = compose.unsqueeze(first, 0);
  if (isColumn)
    second = compose.unsqueeze(second, 1);
  Value result = compose.matmul(first, second);
  if (result && isColumn)
    result = compose.squeeze(result, static_cast<int64_t>(shapeOf(result).size()) - 1);
  if (result && isRow)
    result = compose.squeeze(result, static_cast<int64_t>(shapeOf(result).size()) - (isColumn ? 1 : 2));
  return result;
}

QuantisedFactor factorOf(Node &node, size_t value, size_t zero, size_t scale) {
  return {node.input(value), node.hasInput(zero) ? node.input(zero) : Value(), node.input(scale)};
}

LogicalResult finishReal(Node &node, FailureOr<Value> product, size_t bias) {
  if (failed(product))
    return failure();
  Value result = node.hasInput(bias) ? Compose(node).add(*product, node.input(bias)) : *product;
  if (!result)
    return failure();
  node.setResult(0, result);
  return success();
}

} // namespace

FailureOr<Value> realProduct(Node &node, const QuantisedFactor &a, const QuantisedFactor &b) {
  if (!a.integers || !a.scale || !b.integers || !b.scale)
    return failure();
  auto first = bytesOf(node, a.integers, a.zero), second = bytesOf(node, b.integers, b.zero);
  if (failed(first) || failed(second))
    return failure();
  Compose compose(node);
  Value result = compose.cast(integerProduct(node, *first, *second), ElementType::F32);
  result = compose.mul(result, compose.mul(a.scale, b.scale));
  return result ? FailureOr<Value>(result) : FailureOr<Value>(failure());
}

FailureOr<Value> dynamicProduct(Node &node, Value a, const QuantisedFactor &b) {
  if (!a)
    return failure();
  if (elementTypeOf(a.getType()) != ElementType::F32)
    return node.fail("quantises " + llvm::StringRef(elementTypeName(elementTypeOf(a.getType()))) +
                     ", expected float32");
  const DynamicallyQuantized bytes = quantizeDynamically(node, a);
  if (!bytes.integers)
    return failure();
  return realProduct(node, {bytes.integers, bytes.zero, bytes.scale}, b);
}

LogicalResult buildMatMulInteger(Node &node) {
  auto a = bytesInput(node, 0, 2), b = bytesInput(node, 1, 3);
  if (failed(a) || failed(b))
    return failure();
  Value result = integerProduct(node, *a, *b);
  if (!result)
    return failure();
  node.setResult(0, result);
  return success();
}

// a, b, scale of a, scale of b, zero points, bias
LogicalResult buildMatMulIntegerToFloat(Node &node) {
  return finishReal(node, realProduct(node, factorOf(node, 0, 4, 2), factorOf(node, 1, 5, 3)), 6);
}

// real a, b, scale of b, zero point of b, bias
LogicalResult buildDynamicQuantizeMatMul(Node &node) {
  return finishReal(node, dynamicProduct(node, node.input(0), factorOf(node, 1, 3, 2)), 4);
}

// Outside the image is the zero point: a term less there, in the sums of the weights as well.
LogicalResult buildConvInteger(Node &node) {
  auto x = bytesInput(node, 0, 2), w = bytesInput(node, 1, 3);
  if (failed(x) || failed(w))
    return failure();
  Dims input = shapeOf(x->value), weight = shapeOf(w->value);
  if (weight.size() < 3)
    return node.fail("a weight of " + shapeText(weight) + " is none of a convolution: it needs at least 3 dimensions");
  if (!shapeOf(x->zero).empty())
    return node.fail("x_zero_point is " + shapeText(shapeOf(x->zero)) + ", expected one number");
  auto spatial = spatialAttributes(node, input, weight.drop_front(2));
  if (failed(spatial))
    return failure();
  const int64_t group = node.integer("group", 1);
  if (shapeOf(w->zero).size() > 1 || (shapeOf(w->zero).size() == 1 && shapeOf(w->zero)[0] != weight[0]))
    return node.fail("w_zero_point is " + shapeText(shapeOf(w->zero)) + ", expected one number or " +
                     llvm::Twine(weight[0]));
  // Of two dimensions there is an operator for sums that stay in int32.
  constexpr int64_t kMostTerms = (int64_t(1) << 31) / (128 * 255) - 1;
  if (weight.size() != 4 || !isConstant(w->zero) || elementCount(weight.drop_front(1)) > kMostTerms) {
    Compose compose(node);
    Shape perChannel(weight.size(), 1);
    perChannel[0] = elementCount(shapeOf(w->zero));
    Value weights = compose.sub(wide(node, w->value), compose.reshape(wide(node, w->zero), perChannel));
    if (!weights)
      return failure();
    auto result = createConvolution(node, centred(node, *x, true), weights, Value(), *spatial, group);
    if (failed(result))
      return failure();
    node.setResult(0, *result);
    return success();
  }
  Window window{spatial->kernel, spatial->strides, spatial->pads, spatial->dilations};
  auto shape = node.resultType(x->value, convShape(input, weight, window, group, ChannelPosition::First));
  if (failed(shape))
    return failure();
  auto sums = [&](Value image) -> Value {
    Shape result(shape->getShape());
    result[0] = shapeOf(image)[0];
    Value none = node.constant("zero", Tensor(ElementType::I8, {}));
    return node.builder.create<QConvSumsOp>(
        node.location, toMlirType(node.builder.getContext(), ElementType::I32, result), image, none, w->value, w->zero,
        spatial->strides, spatial->pads, spatial->dilations, group, Layout::NCHW);
  };
  Value result = sums(x->value);
  if (!isZero(x->zero)) {
    Tensor ones(ElementType::I8, {1, input[1], input[2], input[3]});
    std::fill(ones.bytes.begin(), ones.bytes.end(), 1);
    Compose compose(node);
    result = compose.sub(result, compose.mul(wide(node, x->zero), sums(node.constant("ones", ones))));
  }
  node.setResult(0, result);
  return success();
}

} // namespace tw::ir::onnx
