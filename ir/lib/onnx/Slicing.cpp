// SPDX-License-Identifier: Apache-2.0
// Parts of one tensor: Slice, Split, Compress, Trilu, CenterCropPad.
#include "Compose.h"
#include "Library.h"

#include <algorithm>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

// Where a slice of a dimension starts and how many elements it has. Going backwards from a start in front of all gives
// element 0, as ONNX's text says (docs/rationale/ir.md); numpy gives nothing.
struct Range {
  int64_t start, count;
};
Range rangeOf(int64_t extent, int64_t start, int64_t end, int64_t step) {
  if (extent == 0)
    return {0, 0};
  // A negative step may end in front of element 0: at -1, which no negative number counted from the end can name.
  const int64_t least = step > 0 ? 0 : -1, most = step > 0 ? extent : extent - 1;
  auto inside = [&](int64_t place, int64_t lowest) {
    return std::clamp(place < 0 ? place + extent : place, lowest, most);
  };
  const int64_t first = inside(start, 0), last = inside(end, least), span = step > 0 ? last - first : first - last;
  const int64_t size = step > 0 ? step : -step;
  return {first, span <= 0 ? 0 : 1 + (span - 1) / size};
}

// Starts, ends, axes and steps of a Slice; axes are resolved.
struct SliceArguments {
  Shape starts, ends, axes, steps;
};
FailureOr<SliceArguments> sliceArguments(Node &node, int64_t rank) {
  auto starts = attributeOrInput(node, "starts", 1), ends = attributeOrInput(node, "ends", 2),
       axes = attributeOrInput(node, "axes", 3), steps = attributeOrInput(node, "steps", 4);
  if (failed(starts) || failed(ends) || failed(axes) || failed(steps))
    return failure();
  if (!*starts || !*ends)
    return node.fail("starts or ends are missing");
  SliceArguments result{**starts, **ends, {}, {}};
  const int64_t count = result.starts.size();
  result.steps = steps->value_or(Shape(count, 1));
  Shape named = axes->value_or(iota(count));
  if (static_cast<int64_t>(result.ends.size()) != count || static_cast<int64_t>(named.size()) != count ||
      static_cast<int64_t>(result.steps.size()) != count)
    return node.fail("has " + llvm::Twine(count) + " starts, " + llvm::Twine(result.ends.size()) + " ends, " +
                     llvm::Twine(named.size()) + " axes and " + llvm::Twine(result.steps.size()) + " steps");
  for (int64_t axis : named) {
    auto resolved = node.axis(axis, rank);
    if (failed(resolved))
      return failure();
    result.axes.push_back(*resolved);
  }
  for (int64_t &step : result.steps) {
    if (step == 0)
      return node.fail("a step is 0");
    step = std::max(step, -kEnd); // so that it has an absolute value
  }
  return result;
}

// The extents of the parts of a dimension.
FailureOr<Shape> partsOf(Node &node, int64_t extent) {
  const int64_t outputs = static_cast<int64_t>(node.outputCount());
  auto given = attributeOrInput(node, "split", 1);
  if (failed(given))
    return failure();
  if (*given) {
    int64_t sum = 0;
    for (int64_t part : **given)
      sum = part < 0 || part > extent - sum ? extent + 1 : sum + part;
    if (static_cast<int64_t>((*given)->size()) != outputs || sum != extent)
      return node.fail("cannot split an extent of " + llvm::Twine(extent) + " into " + llvm::Twine(outputs) +
                       " parts of " + shapeText(**given));
    return **given;
  }
  const int64_t wanted = node.integer("num_outputs", outputs);
  if (wanted != outputs)
    return node.fail("num_outputs is " + llvm::Twine(wanted) + ", the node has " + llvm::Twine(outputs) + " outputs");
  if (node.version < 18 && extent % outputs != 0)
    return node.fail("cannot split an extent of " + llvm::Twine(extent) + " into " + llvm::Twine(outputs) +
                     " equal parts");
  const int64_t size = (extent + outputs - 1) / outputs;
  Shape parts;
  for (int64_t k = 0, left = extent; k < outputs; ++k, left -= parts.back())
    parts.push_back(std::min(size, left)); // the last one may be smaller
  return parts;
}

} // namespace

LogicalResult buildSlice(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  const Shape shape(shapeOf(input));
  auto arguments = sliceArguments(node, shape.size());
  if (failed(arguments))
    return failure();
  Shape starts(shape.size(), 0), steps(shape.size(), 1), result(shape);
  for (size_t i = 0; i < arguments->axes.size(); ++i) {
    const int64_t axis = arguments->axes[i];
    steps[axis] = arguments->steps[i];
    const Range range = rangeOf(shape[axis], arguments->starts[i], arguments->ends[i], steps[axis]);
    starts[axis] = range.start, result[axis] = range.count;
    if (range.count <= 1)
      steps[axis] = 1;
  }
  node.setResult(0, Compose(node).slice(input, starts, result, steps));
  return success();
}

LogicalResult buildSplit(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  Shape shape(shapeOf(input));
  auto axis = node.axis(node.integer("axis", 0), shape.size());
  if (failed(axis))
    return failure();
  auto parts = partsOf(node, shape[*axis]);
  if (failed(parts))
    return failure();
  Shape starts(shape.size(), 0);
  for (auto [k, part] : llvm::enumerate(*parts)) {
    shape[*axis] = part;
    node.setResult(k, Compose(node).slice(input, starts, shape));
    starts[*axis] += part;
  }
  return success();
}

LogicalResult buildCompress(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  auto axis = optionalAxis(node, input);
  if (failed(axis))
    return failure();
  if (auto declared = node.declaredShape(0); declared && node.hasInput(1) && !node.constantInput(1))
    return selectCompressed(node, *axis, *declared);
  auto condition = node.requiredConstant(1, "condition");
  if (failed(condition))
    return failure();
  if (!*axis)
    input = Compose(node).reshape(input, {elementCount(shapeOf(input))});
  Shape taken;
  for (int64_t i = 0; i < std::min(condition->size(), shapeOf(input)[axis->value_or(0)]); ++i)
    if (condition->integerAt(i) != 0)
      taken.push_back(i);
  const int64_t count = taken.size();
  node.setResult(
      0, Compose(node).gather(input, Compose(node).integers(ElementType::I64, {count}, taken), axis->value_or(0)));
  return success();
}

// Elements on one side of a diagonal stay, the others are 0.
LogicalResult buildTrilu(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  Dims shape = shapeOf(input);
  if (shape.size() < 2)
    return node.fail("needs matrices, the input is " + shapeText(shape));
  int64_t diagonal = 0;
  if (node.hasInput(1)) {
    auto k = constantIntegers(node, 1, "k");
    if (failed(k))
      return failure();
    if (k->size() != 1)
      return node.fail("k must be one number, it has " + llvm::Twine(k->size()));
    // Beyond the matrix there is nothing: no sum below overflows.
    diagonal = std::clamp(k->front(), -(int64_t(1) << 40), int64_t(1) << 40);
  }
  const bool isUpper = node.integer("upper", 1) != 0;
  const int64_t rows = shape[shape.size() - 2], columns = shape.back();
  Tensor mask(ElementType::Bool, {rows, columns});
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      mask.data<bool>()[r * columns + c] = isUpper ? c - r >= diagonal : c - r <= diagonal;
  Value zero = Compose(node).number(elementTypeOf(input.getType()), 0);
  node.setResult(0, Compose(node).where(node.constant("mask", mask), input, zero));
  return success();
}

// Each of the axes cropped or padded with 0 around its middle: of an odd difference the larger half is at the end.
LogicalResult buildCenterCropPad(Node &node) {
  Value input = node.input(0);
  auto target = constantIntegers(node, 1, "shape");
  if (!input || failed(target))
    return failure();
  const Shape shape(shapeOf(input));
  Shape axes;
  for (int64_t axis : node.integers("axes").value_or(iota(shape.size()))) {
    auto resolved = node.axis(axis, shape.size());
    if (failed(resolved))
      return failure();
    axes.push_back(*resolved);
  }
  if (axes.size() != target->size())
    return node.fail("shape has " + llvm::Twine(target->size()) + " entries for " + llvm::Twine(axes.size()) + " axes");
  Shape lo(shape.size(), 0), hi(shape.size(), 0);
  for (auto [axis, extent] : llvm::zip(axes, *target)) {
    const int64_t missing = extent - shape[axis], half = (missing < 0 ? -missing : missing) / 2;
    lo[axis] = missing < 0 ? -half : half;
    hi[axis] = missing - lo[axis];
  }
  auto type = node.resultType(input, padShape(shape, lo, hi));
  if (failed(type))
    return failure();
  node.setResult(0, node.builder.create<PadOp>(node.location, *type, input, lo, hi, llvm::APFloat(0.0f)));
  return success();
}

} // namespace tw::ir::onnx
