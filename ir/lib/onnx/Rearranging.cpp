// SPDX-License-Identifier: Apache-2.0
// All elements of one tensor, copied or in another order: Tile, DepthToSpace, SpaceToDepth, Col2Im.
#include "Compose.h"
#include "TensorReader.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// Block size of an operator on images [N, C, H, W].
FailureOr<int64_t> blockOf(Node &node, Value input) {
  const int64_t block = node.integer("blocksize", 0);
  if (shapeOf(input).size() != 4)
    return node.fail("only images of rank 4 are supported, the input is " + shapeText(shapeOf(input)));
  if (block < 1 || block > kMaxElements)
    return node.fail("blocksize is " + llvm::Twine(block) + ", it must be at least 1");
  return block;
}

FailureOr<Shape> repeatsOf(Node &node, size_t rank) {
  Shape repeats;
  if (node.version >= 6) {
    auto given = constantIntegers(node, 1, "repeats");
    if (failed(given))
      return failure();
    repeats = *given;
  } else { // so many times along one axis
    auto tiles = node.requiredConstant(1, "tiles"), axis = node.requiredConstant(2, "axis");
    if (failed(tiles) || failed(axis))
      return failure();
    if (tiles->size() != 1 || axis->size() != 1)
      return node.fail("tiles and axis must be one number each");
    auto resolved = node.axis(axis->integerAt(0), rank);
    if (failed(resolved))
      return failure();
    repeats.assign(rank, 1);
    repeats[*resolved] = tiles->integerAt(0);
  }
  if (repeats.size() != rank)
    return node.fail("has " + llvm::Twine(repeats.size()) + " repeats for rank " + llvm::Twine(rank));
  for (int64_t repeat : repeats)
    if (repeat < 1 || repeat > kMaxElements)
      return node.fail("repeats are " + shapeText(repeats) + ", each must be at least 1");
  return repeats;
}

// A number per spatial dimension, at least `least`; the attribute's length must be theirs.
FailureOr<Shape> perDimension(Node &node, StringRef name, size_t count, int64_t fallback, int64_t least) {
  Shape values = node.integers(name).value_or(Shape(count, fallback));
  if (values.size() != count)
    return node.fail(name + " has " + llvm::Twine(values.size()) + " entries, there must be " + llvm::Twine(count));
  for (int64_t value : values)
    if (value < least || value > kMaxElements)
      return node.fail(name + " are " + shapeText(values) + ", each must be at least " + llvm::Twine(least));
  return values;
}

} // namespace

LogicalResult buildTile(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  const Shape shape(shapeOf(input));
  auto repeats = repeatsOf(node, shape.size());
  if (failed(repeats))
    return failure();
  // A repeated dimension is the inner one of two, the outer of which is broadcast.
  Shape apart, expanded, result;
  for (auto [extent, repeat] : llvm::zip(shape, *repeats)) {
    if (repeat != 1) {
      apart.push_back(1);
      expanded.push_back(repeat);
    }
    apart.push_back(extent);
    expanded.push_back(extent);
    result.push_back(extent * repeat);
  }
  if (elementCount(expanded) > kMaxElements)
    return node.fail("result " + shapeText(result) + " has more than " + llvm::Twine(kMaxElements) + " elements");
  node.setResult(0, Compose(node).reshape(Compose(node).expand(Compose(node).reshape(input, apart), expanded), result));
  return success();
}

LogicalResult buildDepthToSpace(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  auto block = blockOf(node, input);
  if (failed(block))
    return failure();
  const int64_t b = *block;
  Dims in = shapeOf(input);
  const std::string mode = node.text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD")
    return node.fail("mode '" + mode + "' is not DCR or CRD");
  if (in[1] % b != 0 || in[1] / b % b != 0)
    return node.fail("cannot make blocks of " + llvm::Twine(b) + "x" + llvm::Twine(b) + " of " + llvm::Twine(in[1]) +
                     " channels");
  const int64_t channels = in[1] / b / b;
  const Shape result{in[0], channels, in[2] * b, in[3] * b};
  const bool isDepthFirst = mode == "DCR";
  const Shape apart =
      isDepthFirst ? Shape{in[0], b, b, channels, in[2], in[3]} : Shape{in[0], channels, b, b, in[2], in[3]};
  const Shape perm = isDepthFirst ? Shape{0, 3, 4, 1, 5, 2} : Shape{0, 1, 4, 2, 5, 3};
  node.setResult(0, Compose(node).reshape(Compose(node).transpose(Compose(node).reshape(input, apart), perm), result));
  return success();
}

LogicalResult buildSpaceToDepth(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  auto block = blockOf(node, input);
  if (failed(block))
    return failure();
  const int64_t b = *block;
  Dims in = shapeOf(input);
  if (in[2] % b != 0 || in[3] % b != 0)
    return node.fail("cannot cut " + shapeText(in) + " into blocks of " + llvm::Twine(b) + "x" + llvm::Twine(b));
  const Shape result{in[0], in[1] * b * b, in[2] / b, in[3] / b};
  Value apart = Compose(node).reshape(input, {in[0], in[1], in[2] / b, b, in[3] / b, b});
  node.setResult(0, Compose(node).reshape(Compose(node).transpose(apart, {0, 3, 5, 1, 2, 4}), result));
  return success();
}

// The columns of blocks [N, C * block, L] added up where they lie in an image: one addition for each place in a block.
LogicalResult buildCol2Im(Node &node) {
  Value input = node.input(0);
  auto image = constantIntegers(node, 1, "image_shape"), block = constantIntegers(node, 2, "block_shape");
  if (!input || failed(image) || failed(block))
    return failure();
  const size_t rank = image->size();
  auto dilations = perDimension(node, "dilations", rank, 1, 1), pads = perDimension(node, "pads", 2 * rank, 0, 0),
       strides = perDimension(node, "strides", rank, 1, 1);
  if (failed(dilations) || failed(pads) || failed(strides))
    return failure();
  const Shape shape(shapeOf(input));
  Shape blocks; // how many lie along each dimension
  bool fits = block->size() == rank && shape.size() == 3 && rank > 0;
  for (size_t d = 0; fits && d < rank; ++d) {
    const int64_t free = (*image)[d] + (*pads)[d] + (*pads)[rank + d] - (*dilations)[d] * ((*block)[d] - 1) - 1;
    fits = (*block)[d] > 0 && (*image)[d] > 0 && free >= 0;
    blocks.push_back(free / (*strides)[d] + 1);
  }
  const int64_t places = elementCount(*block);
  if (!fits || shape[1] % places != 0 || elementCount(blocks) != shape[2])
    return node.fail("columns " + shapeText(shape) + " are not those of blocks " + shapeText(*block) +
                     " in an image of " + shapeText(*image));
  const Shape channels{shape[0], shape[1] / places};
  auto images = [&](Dims extents) {
    Shape result(channels);
    llvm::append_range(result, extents);
    return result;
  };
  Value columns = Compose(node).reshape(input, {channels[0], channels[1], places, shape[2]}), sum;
  for (int64_t place = 0; place < places; ++place) {
    Value part = Compose(node).slice(columns, {0, 0, place, 0}, {channels[0], channels[1], 1, shape[2]});
    // Each element in front of as many zeros as a stride jumps over.
    Shape apart(channels), zeros(2, 0), wide, lo(2, 0), hi(2, 0);
    for (size_t d = 0; d < rank; ++d) {
      apart.append({blocks[d], 1});
      zeros.append({0, (*strides)[d] - 1});
      wide.push_back(blocks[d] * (*strides)[d]);
    }
    int64_t rest = place;
    Shape at(rank);
    for (size_t d = rank; d-- > 0; rest /= (*block)[d])
      at[d] = rest % (*block)[d] * (*dilations)[d] - (*pads)[d];
    for (size_t d = 0; d < rank; ++d) {
      lo.push_back(at[d]);
      hi.push_back((*image)[d] - at[d] - wide[d]);
    }
    part = Compose(node).pad(Compose(node).reshape(part, apart), Shape(zeros.size(), 0), zeros, 0);
    part = Compose(node).pad(Compose(node).reshape(part, images(wide)), lo, hi, 0);
    sum = sum ? Compose(node).add(sum, part) : part;
  }
  node.setResult(0, sum);
  return success();
}

} // namespace tw::ir::onnx
