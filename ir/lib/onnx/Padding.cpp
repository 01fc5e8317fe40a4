// SPDX-License-Identifier: Apache-2.0
// Pad of all versions and modes. What is put around is a number, or elements of the input by their places.
#include "Compose.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

struct Pads {
  Shape lo, hi; // per dimension
};

FailureOr<Pads> padsOf(Node &node, int64_t rank) {
  auto given = attributeOrInput(node, node.version == 1 ? "paddings" : "pads", 1);
  if (failed(given))
    return failure();
  Shape axes = iota(rank);
  if (node.version >= 18 && node.hasInput(3)) {
    auto named = constantIntegers(node, 3, "axes");
    if (failed(named))
      return failure();
    axes.clear();
    for (int64_t axis : *named) {
      auto resolved = node.axis(axis, rank);
      if (failed(resolved))
        return failure();
      axes.push_back(*resolved);
    }
  }
  if (!*given || (*given)->size() != 2 * axes.size())
    return node.fail("pads need " + llvm::Twine(2 * axes.size()) + " entries for " + llvm::Twine(axes.size()) +
                     " dimensions, there are " + llvm::Twine(*given ? (*given)->size() : 0));
  Pads pads{Shape(rank, 0), Shape(rank, 0)};
  for (size_t i = 0; i < axes.size(); ++i) {
    pads.lo[axes[i]] = (**given)[i];
    pads.hi[axes[i]] = (**given)[axes.size() + i];
  }
  return pads;
}

// The element of a line of `extent` that stands at `place`, which may be outside.
int64_t sourceOf(StringRef mode, int64_t place, int64_t extent) {
  auto modulo = [](int64_t a, int64_t b) { return (a % b + b) % b; };
  if (mode == "edge")
    return std::clamp<int64_t>(place, 0, extent - 1);
  if (mode == "wrap")
    return modulo(place, extent);
  if (extent == 1)
    return 0;
  const int64_t folded = modulo(place, 2 * (extent - 1)); // the line forth and back, each end once
  return std::min(folded, 2 * (extent - 1) - folded);
}

// The value around is a number that the operator's attribute holds: a float32.
std::optional<float> attributeValue(Node &node, ElementType type) {
  if (node.version < 11)
    return node.real("value", 0);
  if (!node.hasInput(2))
    return 0.0f;
  auto value = node.constantInput(2);
  if (!value || value->size() != 1)
    return std::nullopt;
  const double number = value->numberAt(0);
  const float held = static_cast<float>(number);
  const bool isExact = isReal(type) ? static_cast<double>(held) == number || number != number
                                    : std::abs(number) <= 16777216 && static_cast<double>(held) == number;
  return isExact ? std::optional(held) : std::nullopt;
}

// Blocks of a value around the input, one dimension after the other.
Value surround(Node &node, Value input, Value value, const Pads &pads) {
  Shape starts, kept;
  for (auto [extent, lo, hi] : llvm::zip(shapeOf(input), pads.lo, pads.hi)) {
    starts.push_back(std::max<int64_t>(-lo, 0));
    kept.push_back(extent + std::min<int64_t>(lo, 0) + std::min<int64_t>(hi, 0));
  }
  Value result = Compose(node).slice(input, starts, kept);
  value = Compose(node).reshape(value, {});
  for (size_t d = 0; d < kept.size(); ++d) {
    SmallVector<Value> parts;
    auto block = [&](int64_t extent) {
      Shape shape(shapeOf(result));
      shape[d] = extent;
      if (extent > 0)
        parts.push_back(Compose(node).expand(value, shape));
    };
    block(pads.lo[d]);
    parts.push_back(result);
    block(pads.hi[d]);
    result = Compose(node).concat(parts, static_cast<int64_t>(d));
  }
  return result;
}

} // namespace

LogicalResult buildPad(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  const Shape shape(shapeOf(input));
  auto pads = padsOf(node, shape.size());
  if (failed(pads))
    return failure();
  auto type = node.resultType(input, padShape(shape, pads->lo, pads->hi));
  if (failed(type))
    return failure();
  const std::string mode = node.text("mode", "constant");
  if (mode == "constant") {
    if (auto value = attributeValue(node, elementTypeOf(input.getType()))) {
      node.setResult(
          0, node.builder.create<PadOp>(node.location, *type, input, pads->lo, pads->hi, llvm::APFloat(*value)));
      return success();
    }
    Value value = node.input(2);
    if (elementCount(shapeOf(value)) != 1 || elementTypeOf(value.getType()) != elementTypeOf(input.getType()))
      return node.fail("constant_value must be one number of the input's type, it is " +
                       llvm::StringRef(elementTypeName(elementTypeOf(value.getType()))) + " " +
                       shapeText(shapeOf(value)));
    for (size_t d = 0; d < shape.size(); ++d)
      if (shape[d] + std::min<int64_t>(pads->lo[d], 0) + std::min<int64_t>(pads->hi[d], 0) < 1)
        return node.fail("padding leaves nothing of dimension " + llvm::Twine(d) + " of " + shapeText(shape));
    node.setResult(0, surround(node, input, value, *pads));
    return success();
  }
  if (!llvm::is_contained({"reflect", "edge", "wrap"}, mode))
    return node.fail("mode '" + mode + "' is not constant, reflect, edge or wrap");
  Value result = input;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (pads->lo[d] == 0 && pads->hi[d] == 0)
      continue;
    if (shape[d] == 0)
      return node.fail("dimension " + llvm::Twine(d) + " of " + shapeText(shape) + " has no element to pad with");
    Shape places;
    for (int64_t i = 0; i < type->getDimSize(d); ++i)
      places.push_back(sourceOf(mode, i - pads->lo[d], shape[d]));
    const int64_t count = places.size();
    result = Compose(node).gather(result, Compose(node).integers(ElementType::I64, {count}, places),
                                  static_cast<int64_t>(d));
  }
  node.setResult(0, result);
  return success();
}

} // namespace tw::ir::onnx
