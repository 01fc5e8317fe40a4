// SPDX-License-Identifier: Apache-2.0
// Operators that are library functions, or nearly: CumSum v14, TopK v24, GridSample v22, RoiAlign v22, MaxRoiPool v22,
// DeformConv v22, Det v22, NonMaxSuppression v11; NonZero v13, Compress v11 and Unique v11 of what no constant is.
#include "Library.h"

#include "Compose.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/bit.h"

#include <limits>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

Value call(Node &node, llvm::StringRef function, ValueRange operands, ElementType type, Dims shape, Dims params) {
  return node.builder.create<LibraryOp>(node.location, toMlirType(node.builder.getContext(), type, shape), function,
                                        operands, params);
}

// A shape with all in front of the axis, the axis, and all behind it.
Shape aroundAxis(Dims shape, int64_t axis) {
  return {elementCount(shape.take_front(axis)), shape[axis], elementCount(shape.drop_front(axis + 1))};
}

LogicalResult checkRank(Node &node, llvm::StringRef what, Value value, size_t rank) {
  if (shapeOf(value).size() == rank)
    return success();
  return node.fail(what + " " + shapeText(shapeOf(value)) + " has " + llvm::Twine(shapeOf(value).size()) +
                   " dimensions, not " + llvm::Twine(rank));
}

// Which of the names an attribute has.
FailureOr<int64_t> choice(Node &node, llvm::StringRef attribute, llvm::StringRef given,
                          std::initializer_list<llvm::StringRef> names) {
  for (auto [i, name] : llvm::enumerate(names))
    if (given == name)
      return static_cast<int64_t>(i);
  return node.fail(attribute + " '" + given + "' is none of " + llvm::join(names, ", "));
}

int64_t bitsOf(float number) { return llvm::bit_cast<int64_t>(static_cast<double>(number)); }

} // namespace

LogicalResult buildCumSum(Node &node) {
  auto input = numericInput(node, 0);
  auto given = node.requiredConstant(1, "axis");
  if (failed(input) || failed(given))
    return failure();
  Dims shape = shapeOf(*input);
  if (given->size() != 1)
    return node.fail("axis has " + llvm::Twine(given->size()) + " values, it needs one");
  auto axis = node.axis(given->integerAt(0), shape.size());
  if (failed(axis))
    return failure();
  const Shape flat = aroundAxis(shape, *axis);
  const int64_t params[] = {node.integer("exclusive", 0) != 0, node.integer("reverse", 0) != 0, 0};
  Value sums =
      call(node, "cumulate", Compose(node).reshape(*input, flat), elementTypeOf(input->getType()), flat, params);
  node.setResult(0, Compose(node).reshape(sums, shape));
  return success();
}

LogicalResult buildTopK(Node &node) {
  auto input = numericInput(node, 0);
  if (failed(input))
    return failure();
  Dims shape = shapeOf(*input);
  auto axis = node.axis(node.integer("axis", -1), shape.size());
  if (failed(axis))
    return failure();
  int64_t k = node.integer("k", -1);
  if (node.version >= 10) {
    auto given = node.requiredConstant(1, "K");
    if (failed(given))
      return failure();
    if (given->size() != 1)
      return node.fail("K has " + llvm::Twine(given->size()) + " values, it needs one");
    k = given->integerAt(0);
  }
  if (k < 0 || k > shape[*axis])
    return node.fail("k is " + llvm::Twine(k) + ", dimension " + llvm::Twine(*axis) + " of " + shapeText(shape) +
                     " has " + llvm::Twine(shape[*axis]) + " elements");
  const Shape flat = aroundAxis(shape, *axis), chosen{flat[0], k, flat[2]};
  Shape result(shape);
  result[*axis] = k;
  // In order even where `sorted` is 0, which asks for any.
  Value places = call(node, "topk_indices", Compose(node).reshape(*input, flat), ElementType::I64, chosen,
                      {node.integer("largest", 1) != 0});
  // Where they lie in the whole tensor.
  Compose compose(node);
  Tensor first(ElementType::I64, {flat[0], 1, flat[2]});
  for (int64_t i = 0; i != first.size(); ++i)
    first.data<int64_t>()[i] = i / flat[2] * flat[1] * flat[2] + i % flat[2];
  Value all = compose.add(compose.mul(places, compose.number(places, static_cast<double>(flat[2]))),
                          node.constant("first", first));
  Value values = Compose(node).gather(Compose(node).reshape(*input, {elementCount(shape)}), all, 0);
  node.setResult(0, Compose(node).reshape(values, result));
  node.setResult(1, Compose(node).reshape(places, result));
  return success();
}

LogicalResult buildGridSample(Node &node) {
  auto data = realInput(node, 0), grid = realInput(node, 1);
  if (failed(data) || failed(grid))
    return failure();
  Dims image = shapeOf(*data), points = shapeOf(*grid);
  const auto dimensions = static_cast<int64_t>(image.size()) - 2;
  if ((dimensions != 2 && dimensions != 3) || points.size() != image.size() || points.back() != dimensions ||
      points[0] != image[0])
    return node.fail("input " + shapeText(image) + " with grid " + shapeText(points) +
                     ": images of two or three dimensions and a grid of as many coordinates are supported");
  llvm::StringRef linear = node.version < 20 ? "bilinear" : "linear", cubic = node.version < 20 ? "bicubic" : "cubic";
  auto mode = choice(node, "mode", node.text("mode", linear), {linear, "nearest", cubic});
  auto padding = choice(node, "padding_mode", node.text("padding_mode", "zeros"), {"zeros", "border", "reflection"});
  if (failed(mode) || failed(padding))
    return failure();
  Shape result{image[0], image[1]};
  result.append(points.begin() + 1, points.end() - 1);
  node.setResult(0, call(node, "grid_sample", {*data, *grid}, elementTypeOf(data->getType()), result,
                         {*mode, *padding, node.integer("align_corners", 0) != 0}));
  return success();
}

LogicalResult buildRoiAlign(Node &node) {
  auto inputs = realInputs(node, 2);
  Value images = node.input(2);
  if (failed(inputs) || !images || failed(checkRank(node, "input", (*inputs)[0], 4)) ||
      failed(checkRank(node, "rois", (*inputs)[1], 2)) || failed(checkRank(node, "batch_indices", images, 1)))
    return failure();
  Dims data = shapeOf((*inputs)[0]), regions = shapeOf((*inputs)[1]);
  if (regions[1] != 4 || shapeOf(images)[0] != regions[0])
    return node.fail("rois " + shapeText(regions) + " with batch_indices " + shapeText(shapeOf(images)) +
                     ": they need four numbers and one index for each region");
  auto mode = choice(node, "mode", node.text("mode", "avg"), {"avg", "max"});
  // Before version 16 there was no such attribute, and nothing was moved by half a pixel.
  auto coordinates =
      choice(node, "coordinate_transformation_mode",
             node.text("coordinate_transformation_mode", node.version < 16 ? "output_half_pixel" : "half_pixel"),
             {"output_half_pixel", "half_pixel"});
  if (failed(mode) || failed(coordinates))
    return failure();
  const Shape result{regions[0], data[1], node.integer("output_height", 1), node.integer("output_width", 1)};
  node.setResult(
      0, call(node, "roi_align", {(*inputs)[0], (*inputs)[1], images}, elementTypeOf((*inputs)[0].getType()), result,
              {*mode, *coordinates, node.integer("sampling_ratio", 0), bitsOf(node.real("spatial_scale", 1))}));
  return success();
}

LogicalResult buildMaxRoiPool(Node &node) {
  auto inputs = realInputs(node, 2);
  auto pooled = node.integers("pooled_shape");
  if (failed(inputs) || failed(checkRank(node, "input", (*inputs)[0], 4)) ||
      failed(checkRank(node, "rois", (*inputs)[1], 2)))
    return failure();
  Dims data = shapeOf((*inputs)[0]), regions = shapeOf((*inputs)[1]);
  if (!pooled || pooled->size() != 2 || regions[1] != 5)
    return node.fail("needs a pooled_shape of two numbers and five numbers for each region, rois are " +
                     shapeText(regions));
  node.setResult(0, call(node, "max_roi_pool", *inputs, elementTypeOf((*inputs)[0].getType()),
                         {regions[0], data[1], (*pooled)[0], (*pooled)[1]}, {bitsOf(node.real("spatial_scale", 1))}));
  return success();
}

LogicalResult buildDeformConv(Node &node) {
  auto inputs = realInputs(node, 3);
  if (failed(inputs))
    return failure();
  for (Value input : *inputs)
    if (failed(checkRank(node, "input", input, 4)))
      return failure();
  Dims data = shapeOf((*inputs)[0]), weight = shapeOf((*inputs)[1]), offset = shapeOf((*inputs)[2]);
  const int64_t group = node.integer("group", 1), offsetGroup = node.integer("offset_group", 1),
                taps = offsetGroup * weight[2] * weight[3];
  if (group < 1 || offsetGroup < 1 || data[1] != weight[1] * group || weight[0] % group != 0 ||
      data[1] % offsetGroup != 0 || offset[0] != data[0] || offset[1] != 2 * taps)
    return node.fail("input " + shapeText(data) + ", weight " + shapeText(weight) + " and offset " + shapeText(offset) +
                     " do not fit together with group " + llvm::Twine(group) + " and offset_group " +
                     llvm::Twine(offsetGroup));
  const Shape result{data[0], weight[0], offset[2], offset[3]}, masks{data[0], taps, offset[2], offset[3]};
  const ElementType type = elementTypeOf((*inputs)[0].getType());
  if (node.hasInput(4)) {
    auto mask = realInput(node, 4);
    if (failed(mask))
      return failure();
    if (shapeOf(*mask) != Dims(masks))
      return node.fail("mask is " + shapeText(shapeOf(*mask)) + ", not " + shapeText(masks));
    inputs->push_back(*mask);
  } else {
    inputs->push_back(Compose(node).expand(Compose(node).number((*inputs)[0], 1), masks));
  }
  const Shape ones{1, 1}, none{0, 0, 0, 0};
  const Shape strides = node.integers("strides").value_or(ones), pads = node.integers("pads").value_or(none),
              dilations = node.integers("dilations").value_or(ones);
  if (strides.size() != 2 || pads.size() != 4 || dilations.size() != 2)
    return node.fail("strides, pads and dilations are " + shapeText(strides) + ", " + shapeText(pads) + " and " +
                     shapeText(dilations) + ", they need 2, 4 and 2 numbers");
  Value sums = call(node, "deform_conv", *inputs, type, result,
                    {strides[0], strides[1], pads[0], pads[1], dilations[0], dilations[1], group, offsetGroup});
  if (node.hasInput(3)) {
    auto bias = realInput(node, 3);
    if (failed(bias))
      return failure();
    if (elementCount(shapeOf(*bias)) != weight[0])
      return node.fail("bias " + shapeText(shapeOf(*bias)) + " has no number for each of " + llvm::Twine(weight[0]) +
                       " channels");
    sums = Compose(node).add(sums, Compose(node).reshape(*bias, {1, weight[0], 1, 1}));
  }
  node.setResult(0, sums);
  return success();
}

LogicalResult buildDet(Node &node) {
  auto input = realInput(node, 0);
  if (failed(input))
    return failure();
  Dims shape = shapeOf(*input);
  if (shape.size() < 2 || shape.back() != shape[shape.size() - 2])
    return node.fail("input " + shapeText(shape) + " is no stack of square matrices");
  Dims stack = shape.drop_back(2);
  const ElementType type = elementTypeOf(input->getType());
  Value flat = Compose(node).reshape(*input, {elementCount(stack), shape.back(), shape.back()});
  node.setResult(0, Compose(node).reshape(call(node, "determinant", flat, type, {elementCount(stack)}, {}), stack));
  return success();
}

LogicalResult buildNonMaxSuppression(Node &node) {
  auto inputs = node.floatInputs(2);
  if (failed(inputs))
    return failure();
  Value boxes = (*inputs)[0], scores = (*inputs)[1];
  if (failed(checkRank(node, "boxes", boxes, 3)) || failed(checkRank(node, "scores", scores, 3)))
    return failure();
  Dims box = shapeOf(boxes), score = shapeOf(scores);
  if (box[2] != 4 || box[0] != score[0] || box[1] != score[2])
    return node.fail("boxes " + shapeText(box) + " and scores " + shapeText(score) + " do not fit together");
  auto rows = box[1] == 0 ? Shape{0, 3} : node.declaredShape(0);
  if (!rows || rows->size() != 2)
    return node.fail("how many boxes are selected is known when the model runs: shapes are static here, so the model "
                     "has to give the shape of this output");
  // One number, or what stands for none.
  auto oneOf = [&](size_t index, llvm::StringRef name, const Tensor &otherwise) -> FailureOr<Value> {
    if (!node.hasInput(index))
      return node.constant(name, otherwise);
    Value given = node.input(index);
    if (elementTypeOf(given.getType()) != otherwise.type || elementCount(shapeOf(given)) != 1)
      return node.fail(name + " is no single " + llvm::StringRef(elementTypeName(otherwise.type)));
    return Compose(node).reshape(given, {1});
  };
  auto most = oneOf(2, "max_output_boxes_per_class", Tensor::of<int64_t>({1}, {0}));
  auto overlap = oneOf(3, "iou_threshold", Tensor::of<float>({1}, {0}));
  auto least = oneOf(4, "score_threshold", Tensor::of<float>({1}, {-std::numeric_limits<float>::infinity()}));
  if (failed(most) || failed(overlap) || failed(least))
    return failure();
  node.setResult(0, call(node, "non_max_suppression", {scores, boxes, *most, *overlap, *least}, ElementType::I64,
                         {(*rows)[0], 3}, {node.integer("center_point_box", 0) != 0}));
  return success();
}

LogicalResult selectNonZero(Node &node, Dims declared) {
  Value input = node.input(0);
  if (!input)
    return failure();
  Dims shape = shapeOf(input);
  if (shape.empty() || declared.size() != 2 || declared[0] != static_cast<int64_t>(shape.size()))
    return node.fail("the model says that the result is " + shapeText(declared) + ", the input is " + shapeText(shape));
  node.setResult(0, call(node, "nonzero", input, ElementType::I64, declared, {}));
  return success();
}

LogicalResult selectCompressed(Node &node, std::optional<int64_t> axis, Dims declared) {
  Value input = node.input(0), condition = node.input(1);
  if (!input || !condition || failed(checkRank(node, "condition", condition, 1)))
    return failure();
  Dims shape = shapeOf(input);
  const Shape flat = axis ? aroundAxis(shape, *axis) : Shape{1, elementCount(shape), 1};
  Shape result = axis ? Shape(shape) : Shape{0};
  if (declared.size() == result.size())
    result[axis.value_or(0)] = declared[axis.value_or(0)];
  if (Dims(result) != declared)
    return node.fail("the model says that the result is " + shapeText(declared) + ", the input is " + shapeText(shape));
  Value taken = call(node, "compress", {Compose(node).reshape(input, flat), condition}, elementTypeOf(input.getType()),
                     {flat[0], declared[axis.value_or(0)], flat[2]}, {});
  node.setResult(0, Compose(node).reshape(taken, declared));
  return success();
}

LogicalResult selectUnique(Node &node, std::optional<int64_t> axis, Dims declared) {
  Value input = node.input(0);
  if (!input)
    return failure();
  if (!axis)
    input = Compose(node).reshape(input, {elementCount(shapeOf(input))});
  const int64_t along = axis.value_or(0);
  Dims shape = shapeOf(input);
  if (declared.size() != shape.size())
    return node.fail("the model says that the result is " + shapeText(declared) + ", the input is " + shapeText(shape));
  // Slices as rows; the narrow types are compared in float32, which holds them.
  Shape perm = iota(static_cast<int64_t>(shape.size()));
  std::rotate(perm.begin(), perm.begin() + along, perm.begin() + along + 1);
  const int64_t extent = shape[along], count = declared[along];
  Value rows = Compose(node).reshape(Compose(node).transpose(input, perm),
                                     {extent, elementCount(shape) / std::max<int64_t>(extent, 1)});
  if (const ElementType type = elementTypeOf(input.getType()); type == ElementType::F16 || type == ElementType::BF16)
    rows = Compose(node).cast(rows, ElementType::F32);
  const int64_t sorted = node.integer("sorted", 1) != 0;
  auto ask = [&](int64_t what, int64_t size) {
    return call(node, "unique", rows, ElementType::I64, {size}, {sorted, what, count});
  };
  Value firsts = ask(0, count);
  node.setResult(0, Compose(node).gather(input, firsts, along));
  node.setResult(1, firsts);
  if (node.isOutputRead(2))
    node.setResult(2, ask(1, extent));
  if (node.isOutputRead(3))
    node.setResult(3, ask(2, count));
  return success();
}

} // namespace tw::ir::onnx
