// SPDX-License-Identifier: Apache-2.0
#include "Node.h"

using namespace mlir;

namespace tw::ir::onnx {

std::optional<Tensor> Node::constantInput(size_t index) {
  if (!hasInput(index))
    return std::nullopt;
  Value value = input(index);
  return value ? constantOf(value) : std::nullopt;
}

FailureOr<Tensor> Node::requiredConstant(size_t index, llvm::StringRef what) {
  Value value = input(index);
  if (!value)
    return failure();
  if (auto tensor = constantOf(value))
    return *std::move(tensor);
  return fail(what + " (input " + llvm::Twine(index) + ") must be a constant, it is computed by the graph");
}

FailureOr<RankedTensorType> Node::resultType(Value like, llvm::Expected<Shape> shape) {
  if (!shape)
    return fail(llvm::toString(shape.takeError()));
  return RankedTensorType::get(*shape, cast<RankedTensorType>(like.getType()).getElementType());
}

FailureOr<llvm::SmallVector<Value>> Node::floatInputs(size_t count) {
  llvm::SmallVector<Value> values;
  for (size_t i = 0; i < count; ++i) {
    Value value = input(i);
    if (!value)
      return failure();
    ElementType type = elementTypeOf(value.getType());
    if (type != ElementType::F32)
      return fail("input " + llvm::Twine(i) + " is " + llvm::StringRef(elementTypeName(type)) +
                  ", only float32 is supported here (quantised models need DequantizeLinear before it)");
    values.push_back(value);
  }
  return values;
}

FailureOr<int64_t> Node::axis(int64_t value, int64_t rank) {
  if (value < -rank || value >= rank)
    return fail("axis " + llvm::Twine(value) + " is outside rank " + llvm::Twine(rank));
  return value < 0 ? value + rank : value;
}

FailureOr<SpatialAttributes> spatialAttributes(Node &node, Dims input, std::optional<Dims> kernel) {
  if (input.size() != 4)
    return node.fail("only images of rank 4 are supported, the input is " + shapeText(input));
  SpatialAttributes result;
  auto kernelShape = node.integers("kernel_shape");
  if (!kernelShape && !kernel)
    return node.fail("kernel_shape is missing");
  if (kernelShape && kernel && Dims(*kernelShape) != *kernel)
    return node.fail("kernel_shape is " + shapeText(*kernelShape) + ", the weights have " + shapeText(*kernel));
  result.kernel = kernelShape ? *kernelShape : Shape(kernel->begin(), kernel->end());
  result.strides = node.integers("strides").value_or(Shape{1, 1});
  result.dilations = node.integers("dilations").value_or(Shape{1, 1});
  result.pads = node.integers("pads").value_or(Shape{0, 0, 0, 0});
  if (result.kernel.size() != 2 || result.strides.size() != 2 || result.dilations.size() != 2 ||
      result.pads.size() != 4)
    return node.fail("kernel_shape, strides and dilations need 2 entries and pads 4 for an image");
  for (int d = 0; d < 2; ++d)
    if (result.kernel[d] < 1 || result.strides[d] < 1 || result.dilations[d] < 1)
      return node.fail("kernel_shape, strides and dilations must be at least 1");
  std::string autoPad = node.text("auto_pad", "NOTSET");
  if (autoPad == "NOTSET" || autoPad.empty())
    return result;
  result.pads = {0, 0, 0, 0};
  if (autoPad == "VALID")
    return result;
  if (autoPad != "SAME_UPPER" && autoPad != "SAME_LOWER")
    return node.fail("auto_pad '" + autoPad + "' is not NOTSET, VALID, SAME_UPPER or SAME_LOWER");
  for (int d = 0; d < 2; ++d) {
    int64_t extent = input[2 + d], stride = result.strides[d], output = (extent + stride - 1) / stride;
    int64_t span = (result.kernel[d] - 1) * result.dilations[d] + 1;
    int64_t total = std::max<int64_t>(0, (output - 1) * stride + span - extent);
    int64_t small = total / 2;
    result.pads[d] = autoPad == "SAME_UPPER" ? small : total - small;
    result.pads[d + 2] = total - result.pads[d];
  }
  return result;
}

} // namespace tw::ir::onnx
