// SPDX-License-Identifier: Apache-2.0
// Tensors that are known when the model is imported: Range, Shape, Size, ConstantOfShape, EyeLike; and NonZero and
// Unique, the shape of whose results is their input's value.
#include "Compose.h"
#include "Library.h"
#include "TensorReader.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

Shape indexOf(int64_t linear, Dims shape) {
  Shape index(shape.size());
  for (size_t d = shape.size(); d-- > 0; linear /= shape[d])
    index[d] = linear % shape[d];
  return index;
}

void setInt64(Node &node, size_t output, Dims shape, Dims values) {
  node.setResult(output, Compose(node).integers(ElementType::I64, shape, values));
}

} // namespace

LogicalResult buildRange(Node &node) {
  auto start = node.requiredConstant(0, "start"), limit = node.requiredConstant(1, "limit"),
       delta = node.requiredConstant(2, "delta");
  if (failed(start) || failed(limit) || failed(delta))
    return failure();
  for (const Tensor *tensor : {&*start, &*limit, &*delta})
    if (tensor->size() != 1 || tensor->type != start->type)
      return node.fail("start, limit and delta must be one number each, of one type");
  const double step = delta->numberAt(0);
  const double count = std::ceil((limit->numberAt(0) - start->numberAt(0)) / step);
  if (!(count <= static_cast<double>(kMaxElements))) // also if it is no number
    return node.fail("a range from " + std::to_string(start->numberAt(0)) + " to " +
                     std::to_string(limit->numberAt(0)) + " in steps of " + std::to_string(step) +
                     " has no usable length");
  Tensor result(start->type, {std::max<int64_t>(0, static_cast<int64_t>(count))});
  for (int64_t i = 0; i < result.size(); ++i)
    if (isReal(result.type))
      result.setNumber(i, start->numberAt(0) + static_cast<double>(i) * step);
    else
      result.setInteger(i, start->integerAt(0) + i * delta->integerAt(0));
  node.setResult(0, node.constant("range", result));
  return success();
}

LogicalResult buildShape(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  Dims shape = shapeOf(input);
  const int64_t rank = shape.size();
  auto place = [&](StringRef attribute, int64_t fallback) {
    const int64_t given = node.integer(attribute, fallback);
    return std::clamp<int64_t>(given < 0 ? given + rank : given, 0, rank);
  };
  const int64_t start = place("start", 0), end = std::max(start, place("end", rank));
  setInt64(node, 0, {end - start}, shape.slice(start, end - start));
  return success();
}

LogicalResult buildSize(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  setInt64(node, 0, {}, elementCount(shapeOf(input)));
  return success();
}

LogicalResult buildConstantOfShape(Node &node) {
  auto shape = constantIntegers(node, 0, "shape");
  if (failed(shape))
    return failure();
  Tensor value(ElementType::F32, {1});
  if (node.hasAttribute("value")) {
    auto given = node.constantValue();
    if (failed(given))
      return failure();
    value = *std::move(given);
  }
  if (value.size() != 1)
    return node.fail("value must be one number, it has " + llvm::Twine(value.size()));
  for (int64_t extent : *shape)
    if (extent < 0)
      return node.fail("shape " + shapeText(*shape) + " has a negative extent");
  if (elementCount(*shape) > kMaxElements)
    return node.fail("result " + shapeText(*shape) + " has more than " + llvm::Twine(kMaxElements) + " elements");
  Tensor one(value.type, {});
  one.bytes = value.bytes;
  // The number is what is kept; a large tensor of it is made when it is needed.
  node.setResult(0, Compose(node).expand(node.constant("value", one), *shape));
  return success();
}

LogicalResult buildEyeLike(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  Dims shape = shapeOf(input);
  if (shape.size() != 2)
    return node.fail("needs a matrix, the input is " + shapeText(shape));
  ElementType type = elementTypeOf(input.getType());
  if (node.hasAttribute("dtype")) {
    const int wanted = static_cast<int>(node.integer("dtype", 0));
    auto known = elementTypeOfOnnx(wanted);
    if (!known)
      return node.fail("dtype " + onnxTypeName(wanted) + " is not supported");
    type = *known;
  }
  const int64_t diagonal = node.integer("k", 0);
  Tensor result(type, shape);
  for (int64_t r = 0; r < shape[0]; ++r)
    if (diagonal >= -r && diagonal < shape[1] - r)
      result.setInteger(r * shape[1] + r + diagonal, 1);
  node.setResult(0, node.constant("eye", result));
  return success();
}

LogicalResult buildNonZero(Node &node) {
  if (auto declared = node.declaredShape(0); declared && node.hasInput(0) && !node.constantInput(0))
    return selectNonZero(node, *declared);
  auto input = node.requiredConstant(0, "the input of NonZero, whose value is the shape of its result,");
  if (failed(input))
    return failure();
  std::vector<Shape> found;
  for (int64_t i = 0; i < input->size(); ++i)
    if (isReal(input->type) ? input->numberAt(i) != 0 : input->integerAt(i) != 0)
      found.push_back(indexOf(i, input->shape));
  Shape values;
  for (size_t d = 0; d < input->shape.size(); ++d)
    for (const Shape &index : found)
      values.push_back(index[d]);
  setInt64(node, 0, {input->rank(), static_cast<int64_t>(found.size())}, values);
  return success();
}

// The different slices of an axis, or elements of the flattened input.
LogicalResult buildUnique(Node &node) {
  if (!node.input(0))
    return failure();
  auto given = optionalAxis(node, node.input(0));
  if (failed(given))
    return failure();
  if (auto declared = node.declaredShape(0); declared && !node.constantInput(0))
    return selectUnique(node, *given, *declared);
  auto input = node.requiredConstant(0, "the input of Unique, whose value is the shape of its result,");
  if (failed(input))
    return failure();
  Tensor tensor = *std::move(input);
  if (!*given)
    tensor.shape = {tensor.size()};
  const int64_t axis = given->value_or(0);
  const int64_t extent = tensor.shape[axis], inner = elementCount(Dims(tensor.shape).drop_front(axis + 1)),
                slice = extent == 0 ? 0 : tensor.size() / extent;
  auto at = [&](int64_t k, int64_t i) { return (i / inner * extent + k) * inner + i % inner; };
  auto order = [&](int64_t a, int64_t b) -> int { // of two slices, by their first elements that differ
    for (int64_t i = 0; i < slice; ++i)
      if (isReal(tensor.type)) {
        const double x = tensor.numberAt(at(a, i)), y = tensor.numberAt(at(b, i));
        if (x < y || x > y)
          return x < y ? -1 : 1;
      } else {
        const int64_t x = tensor.integerAt(at(a, i)), y = tensor.integerAt(at(b, i));
        if (x != y)
          return (tensor.type == ElementType::U64 ? static_cast<uint64_t>(x) < static_cast<uint64_t>(y) : x < y) ? -1
                                                                                                                 : 1;
      }
    return 0;
  };
  // Sorted, the first of equal ones in front; then the first of each run.
  Shape sorted = iota(extent), firsts, runOf(extent);
  llvm::sort(sorted, [&](int64_t a, int64_t b) {
    const int which = order(a, b);
    return which != 0 ? which < 0 : a < b;
  });
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i == 0 || order(sorted[i - 1], sorted[i]) != 0)
      firsts.push_back(sorted[i]);
    runOf[sorted[i]] = static_cast<int64_t>(firsts.size()) - 1;
  }
  const int64_t count = firsts.size();
  Shape rank = iota(count); // place of each run in the result
  if (node.integer("sorted", 1) == 0) {
    Shape byPlace = rank;
    llvm::sort(byPlace, [&](int64_t a, int64_t b) { return firsts[a] < firsts[b]; });
    for (auto [place, run] : llvm::enumerate(byPlace))
      rank[run] = static_cast<int64_t>(place);
  }
  Shape indices(count), inverse(extent), counts(count, 0);
  for (int64_t run = 0; run < count; ++run)
    indices[rank[run]] = firsts[run];
  for (int64_t k = 0; k < extent; ++k)
    ++counts[inverse[k] = rank[runOf[k]]];
  Shape shape(tensor.shape);
  shape[axis] = count;
  Tensor result(tensor.type, shape);
  const int64_t width = byteWidth(tensor.type);
  for (int64_t k = 0; k < count; ++k)
    for (int64_t i = 0; i < slice; ++i)
      std::copy_n(tensor.bytes.begin() + at(indices[k], i) * width, width,
                  result.bytes.begin() + ((i / inner * count + k) * inner + i % inner) * width);
  node.setResult(0, node.constant("unique", result));
  setInt64(node, 1, {count}, indices);
  setInt64(node, 2, {extent}, inverse);
  setInt64(node, 3, {count}, counts);
  return success();
}

} // namespace tw::ir::onnx
