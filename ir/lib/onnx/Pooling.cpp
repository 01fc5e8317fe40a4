// SPDX-License-Identifier: Apache-2.0
// MaxPool v22, MaxUnpool v22, AveragePool v22, LpPool v22, their global forms, LRN v13, and ReduceMean v13.
#include "TensorReader.h"
#include "Windows.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

struct PoolAttributes {
  SpatialAttributes spatial;
  Shape beyond; // of the padding behind each dimension, what only ceil_mode adds
};

// ceil_mode is padding at the far side that no element fills, for one more window: but a window that would begin behind
// the image and its padding in front is dropped (ONNX since opset 22, and what exporters and runtimes always did).
FailureOr<PoolAttributes> poolAttributes(Node &node, Dims input) {
  auto spatial = spatialAttributes(node, input, std::nullopt);
  if (failed(spatial))
    return failure();
  PoolAttributes result{*spatial, Shape(spatial->rank(), 0)};
  for (size_t d = 0; d < spatial->rank() && node.integer("ceil_mode", 0); ++d) {
    const int64_t front = input[2 + d] + spatial->front(d), room = front + spatial->back(d) - spatial->span(d);
    const int64_t last = llvm::divideCeilSigned(room, spatial->strides[d]) * spatial->strides[d];
    if (last >= 0 && last < front)
      result.beyond[d] = last - room; // of a small image the only window is larger than all of it
    result.spatial.back(d) += result.beyond[d];
  }
  // A window must hold at least one element of the image.
  for (size_t d = 0; d < spatial->rank(); ++d)
    if (const int64_t most = std::max(result.spatial.front(d), result.spatial.back(d)); most >= spatial->span(d))
      return node.fail("padding " + llvm::Twine(most) + " reaches a window of only padding (kernel " +
                       llvm::Twine(spatial->kernel[d]) + ")");
  if (failed(windowPositions(node, input, result.spatial)))
    return failure();
  return result;
}

// Maxima and means of windows are those along one dimension of those along another. Calls
// create(image [N, C, H, W], attributes of two dimensions) for the last two and for each in front of them.
template <typename Create>
Value poolByDimensions(Node &node, Value value, const SpatialAttributes &spatial, const Create &create) {
  Compose compose(node);
  const size_t rank = spatial.rank();
  auto pool = [&](size_t first, size_t count) {
    SpatialAttributes window = spatial.dims(first, count);
    const Shape shape(shapeOf(value));
    Shape image(shape);
    if (count == 1) { // an image of one column, or of as many as there are elements behind the dimension
      window.kernel.push_back(1);
      window.strides.push_back(1);
      window.dilations.push_back(1);
      window.pads = {window.pads[0], 0, window.pads[1], 0};
      image = {shape[0], elementCount(Dims(shape).slice(1, 1 + first)), shape[2 + first],
               elementCount(Dims(shape).drop_front(3 + first))};
    } else {
      image = {shape[0], elementCount(Dims(shape).slice(1, 1 + first)), shape[2 + first], shape[3 + first]};
    }
    const Value pooled = create(compose.reshape(value, image), window);
    Shape result(shape);
    for (size_t d = 0; d < count; ++d)
      result[2 + first + d] = shapeOf(pooled)[2 + d];
    value = compose.reshape(pooled, result);
  };
  for (size_t d = 0; d + 2 < rank || (rank == 1 && d == 0); ++d)
    pool(d, 1);
  if (rank > 1)
    pool(rank - 2, 2);
  return value;
}

Window windowOf(const SpatialAttributes &spatial) {
  return {spatial.kernel, spatial.strides, spatial.pads, spatial.dilations};
}

Value createMaxPool(Node &node, Value input, const SpatialAttributes &spatial) {
  return poolByDimensions(node, input, spatial, [&](Value image, const SpatialAttributes &window) {
    Shape shape = llvm::cantFail(poolShape(shapeOf(image), windowOf(window), ChannelPosition::First));
    return node.builder.create<MaxPoolOp>(node.location, cast<RankedTensorType>(image.getType()).clone(shape), image,
                                          window.kernel, window.strides, window.pads, window.dilations, Layout::NCHW);
  });
}

// The place in the image of each tap of each window, counted as `storage_order` says: [1, 1, taps, positions...].
// Outside the image the last place, which is never less than that of an element.
Tensor tapPlaces(Dims image, const SpatialAttributes &spatial, Dims positions, bool columnMajor) {
  const size_t rank = spatial.rank();
  Shape steps(rank, 1);
  for (size_t d = 0; d < rank; ++d)
    steps[d] = elementCount(columnMajor ? image.take_front(d) : image.drop_front(d + 1));
  Shape shape{1, 1, elementCount(spatial.kernel)};
  shape.append(positions.begin(), positions.end());
  Tensor places(ElementType::I64, shape);
  const int64_t windows = elementCount(positions);
  for (int64_t i = 0; i < places.size(); ++i) {
    int64_t tap = i / windows, window = i % windows, place = 0;
    bool isInside = true;
    for (size_t d = rank; d-- > 0; tap /= spatial.kernel[d], window /= positions[d]) {
      const int64_t at = window % positions[d] * spatial.strides[d] + tap % spatial.kernel[d] * spatial.dilations[d] -
                         spatial.front(d);
      isInside = isInside && at >= 0 && at < image[d];
      place += at * steps[d];
    }
    places.data<int64_t>()[i] = isInside ? place : elementCount(image) - 1;
  }
  return places;
}

// Of the taps that are the maximum the first place, and in front of it all images before.
FailureOr<Value> createPlaces(Node &node, Value input, Value maxima, const SpatialAttributes &spatial) {
  auto taps = createWindows(node, input, spatial);
  if (failed(taps))
    return failure();
  Compose compose(node);
  const Dims shape = shapeOf(input), positions = shapeOf(maxima).drop_front(2), image = shape.drop_front(2);
  Value places = node.constant("places", tapPlaces(image, spatial, positions, node.integer("storage_order", 0) == 1));
  Value last = compose.number(ElementType::I64, static_cast<double>(elementCount(image) - 1));
  Value isMaximum = compose.compare(CompareKind::Equal, *taps, compose.unsqueeze(maxima, 2));
  Value first = compose.reduce(ReduceKind::Min, compose.where(isMaximum, places, last), {2}, false);
  Shape images{shape[0], shape[1]};
  images.append(positions.size(), 1);
  Tensor before(ElementType::I64, images);
  for (int64_t i = 0; i < before.size(); ++i)
    before.data<int64_t>()[i] = i * elementCount(image);
  return compose.add(first, node.constant("before", before));
}

// How many elements of the image each window holds; with `includePad` of its padding, too, but not of what is beyond.
Tensor windowCounts(Dims image, const PoolAttributes &pool, Dims positions, bool includePad, ElementType type) {
  const SpatialAttributes &spatial = pool.spatial;
  Shape shape{1, 1};
  shape.append(positions.begin(), positions.end());
  Tensor counts(type, shape);
  for (int64_t i = 0; i < counts.size(); ++i) {
    int64_t window = i, count = 1;
    for (size_t d = spatial.rank(); d-- > 0; window /= positions[d]) {
      const int64_t begin = includePad ? -spatial.front(d) : 0,
                    end = image[d] + (includePad ? spatial.back(d) - pool.beyond[d] : 0);
      int64_t inside = 0;
      for (int64_t k = 0; k < spatial.kernel[d]; ++k) {
        const int64_t at = window % positions[d] * spatial.strides[d] + k * spatial.dilations[d] - spatial.front(d);
        inside += at >= begin && at < end;
      }
      count *= inside;
    }
    counts.setInteger(i, count);
  }
  return counts;
}

bool isOfBytes(Value value) {
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  return dequantize && byteWidth(elementTypeOf(dequantize.getInput().getType())) == 1;
}

// Means of as many numbers each are one convolution of the bytes, by 1 / count: along one dimension after another they
// would be rounded in between.
FailureOr<Value> createQuantisedMean(Node &node, Value input, const SpatialAttributes &spatial, float count) {
  Shape shape{shapeOf(input)[1], 1};
  shape.append(spatial.kernel);
  Tensor ones(ElementType::I8, shape);
  std::fill_n(ones.data<int8_t>(), ones.size(), 1);
  Value weight = node.builder.create<DequantizeOp>(
      node.location, RankedTensorType::get(shape, node.builder.getF32Type()), node.constant("ones", ones),
      node.constant("share", Tensor::of<float>({}, {1 / count})), node.constant("zero", Tensor::of<int8_t>({}, {0})));
  return createConvolution(node, input, weight, Value(), spatial, shape[0]);
}

FailureOr<Value> createAveragePool(Node &node, Value input, const PoolAttributes &pool, bool includePad) {
  auto isZero = [](int64_t n) { return n == 0; };
  const bool hasDilation = llvm::any_of(pool.spatial.dilations, [](int64_t n) { return n != 1; });
  const ElementType type = elementTypeOf(input.getType());
  if ((hasDilation || pool.spatial.rank() > 2) && isOfBytes(input)) {
    auto positions = windowPositions(node, shapeOf(input), pool.spatial);
    if (failed(positions))
      return failure();
    const Tensor counts = windowCounts(shapeOf(input).drop_front(2), pool, *positions, includePad, ElementType::F32);
    if (llvm::all_equal(counts.values<float>()))
      return createQuantisedMean(node, input, pool.spatial, counts.values<float>().front());
  }
  if (type == ElementType::F32 && !hasDilation && (!includePad || llvm::all_of(pool.beyond, isZero)))
    return poolByDimensions(node, input, pool.spatial, [&](Value image, const SpatialAttributes &window) {
      Shape shape = llvm::cantFail(poolShape(shapeOf(image), windowOf(window), ChannelPosition::First));
      return node.builder.create<AveragePoolOp>(node.location, cast<RankedTensorType>(image.getType()).clone(shape),
                                                image, window.kernel, window.strides, window.pads, includePad,
                                                Layout::NCHW);
    });
  auto sum = createWindowSum(node, input, pool.spatial);
  if (failed(sum))
    return failure();
  const Dims image = shapeOf(input).drop_front(2), positions = shapeOf(*sum).drop_front(2);
  return Compose(node).div(*sum, node.constant("counts", windowCounts(image, pool, positions, includePad, type)));
}

// [N, C, D1, D2, ...] as [N, C, D1 * D2 * ..., 1]: the global pools do not ask where an element lies. Images stay.
FailureOr<Value> asImage(Node &node, Value input) {
  const Dims shape = shapeOf(input);
  if (shape.size() < 2)
    return node.fail("needs batch and channels, the input is " + shapeText(shape));
  if (shape.size() == 4)
    return input;
  return Compose(node).reshape(input, {shape[0], shape[1], elementCount(shape.drop_front(2)), 1});
}

LogicalResult setGlobal(Node &node, Value input, Value pooled) {
  Shape shape(shapeOf(input).size(), 1);
  shape[0] = shapeOf(input)[0];
  shape[1] = shapeOf(input)[1];
  node.setResult(0, Compose(node).reshape(pooled, shape));
  return success();
}

// |x|^p, and the inverse.
Value power(Compose &compose, Value input, double p) {
  Value magnitude = compose.apply(UnaryKind::Abs, input);
  if (p == 1)
    return magnitude;
  return p == 2 ? compose.mul(input, input) : compose.apply(BinaryKind::Pow, magnitude, compose.number(input, p));
}
Value root(Compose &compose, Value input, double p) {
  if (p == 1)
    return input;
  return p == 2 ? compose.apply(UnaryKind::Sqrt, input)
                : compose.apply(BinaryKind::Pow, input, compose.number(input, 1 / p));
}

// A real number in version 1, an integer since.
FailureOr<double> norm(Node &node) {
  const double p = node.version < 2 ? node.real("p", 2) : static_cast<double>(node.integer("p", 2));
  if (!(p > 0))
    return node.fail("p is " + std::to_string(p) + ", it must be more than 0");
  return p;
}

// What MaxUnpool makes: as it is asked for, or the least image that its windows cover.
FailureOr<Shape> unpooledShape(Node &node, Dims shape, const SpatialAttributes &spatial) {
  Shape result{shape[0], shape[1]};
  for (size_t d = 0; d < spatial.rank(); ++d)
    result.push_back((shape[2 + d] - 1) * spatial.strides[d] + spatial.span(d) - spatial.front(d) - spatial.back(d));
  if (node.hasInput(2)) {
    auto asked = node.requiredConstant(2, "output_shape");
    if (failed(asked))
      return failure();
    if (asked->size() != static_cast<int64_t>(result.size()))
      return node.fail("output_shape has " + llvm::Twine(asked->size()) + " extents for " + shapeText(result));
    for (size_t d = 0; d < result.size(); ++d)
      result[d] = asked->integerAt(static_cast<int64_t>(d));
  }
  int64_t count = 1;
  for (auto [d, extent] : llvm::enumerate(result)) {
    if (extent < 1)
      return node.fail((node.hasInput(2) ? "output_shape leaves" : "pads leave") +
                       llvm::Twine(" nothing of dimension ") + llvm::Twine(d));
    if (extent > kMaxElements / count)
      return node.fail("result " + shapeText(result) + " has more than " + llvm::Twine(kMaxElements) + " elements");
    count *= extent;
  }
  return result;
}

} // namespace

LogicalResult buildMaxPool(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  auto pool = poolAttributes(node, shapeOf(input));
  if (failed(pool))
    return failure();
  Value result = createMaxPool(node, input, pool->spatial);
  node.setResult(0, result);
  if (!node.isOutputRead(1))
    return success();
  auto places = createPlaces(node, input, result, pool->spatial);
  if (failed(places))
    return failure();
  node.setResult(1, *places);
  return success();
}

// The inverse of a MaxPool with places: numbers go where these say, everything else is 0. A place is one of the image
// that was pooled, which is the result: output_shape says its extents where several are pooled alike.
LogicalResult buildMaxUnpool(Node &node) {
  auto inputs = realInputs(node, 1);
  Value places = node.input(1);
  if (failed(inputs) || !places)
    return failure();
  const Value input = inputs->front();
  const Dims shape = shapeOf(input);
  auto spatial = spatialAttributes(node, shape, std::nullopt);
  if (failed(spatial))
    return failure();
  if (elementTypeOf(places.getType()) != ElementType::I64 || shapeOf(places) != shape)
    return node.fail("input 1 must be int64 " + shapeText(shape) + ", one place for each number");
  auto result = unpooledShape(node, shape, *spatial);
  if (failed(result))
    return failure();
  const int64_t count = elementCount(shape);
  Compose compose(node);
  Value zeros = compose.zeros(elementTypeOf(input.getType()), {elementCount(*result), 1});
  const Value operands[] = {zeros, compose.reshape(places, {count}), compose.reshape(input, {count, 1})};
  Value scattered =
      node.builder.create<LibraryOp>(node.location, zeros.getType(), "scatter", operands, llvm::ArrayRef<int64_t>{0});
  node.setResult(0, compose.reshape(scattered, *result));
  return success();
}

LogicalResult buildGlobalMaxPool(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  auto image = asImage(node, input);
  if (failed(image))
    return failure();
  SpatialAttributes whole{Shape(shapeOf(*image).drop_front(2)), {1, 1}, {0, 0, 0, 0}, {1, 1}};
  if (elementCount(whole.kernel) == 0)
    return node.fail("an image of " + shapeText(shapeOf(input)) + " has no element to compute with");
  return setGlobal(node, input, createMaxPool(node, *image, whole));
}

LogicalResult buildAveragePool(Node &node) {
  auto inputs = realInputs(node, 1);
  if (failed(inputs))
    return failure();
  auto pool = poolAttributes(node, shapeOf(inputs->front()));
  if (failed(pool))
    return failure();
  auto result = createAveragePool(node, inputs->front(), *pool, node.integer("count_include_pad", 0));
  if (failed(result))
    return failure();
  node.setResult(0, *result);
  return success();
}

LogicalResult buildGlobalAveragePool(Node &node) {
  auto inputs = realInputs(node, 1);
  if (failed(inputs))
    return failure();
  auto image = asImage(node, inputs->front());
  if (failed(image))
    return failure();
  return setGlobal(node, inputs->front(), Compose(node).mean(*image, {2, 3}, true));
}

LogicalResult buildLpPool(Node &node) {
  auto inputs = realInputs(node, 1);
  if (failed(inputs))
    return failure();
  auto pool = poolAttributes(node, shapeOf(inputs->front()));
  auto p = norm(node);
  if (failed(pool) || failed(p))
    return failure();
  Compose compose(node);
  auto sum = createWindowSum(node, power(compose, inputs->front(), *p), pool->spatial);
  if (failed(sum))
    return failure();
  node.setResult(0, root(compose, *sum, *p));
  return success();
}

LogicalResult buildGlobalLpPool(Node &node) {
  auto inputs = realInputs(node, 1);
  if (failed(inputs))
    return failure();
  auto image = asImage(node, inputs->front());
  auto p = norm(node);
  if (failed(image) || failed(p))
    return failure();
  Compose compose(node);
  Value sum = compose.reduce(ReduceKind::Sum, power(compose, *image, *p), {2, 3}, true);
  return setGlobal(node, inputs->front(), root(compose, sum, *p));
}

// x / (bias + alpha / size * sum of x^2 over the nearest channels)^beta
LogicalResult buildLRN(Node &node) {
  auto inputs = realInputs(node, 1);
  if (failed(inputs))
    return failure();
  Value input = inputs->front();
  const Dims shape = shapeOf(input);
  const int64_t size = node.integer("size", 0);
  if (shape.size() < 2 || size < 1)
    return node.fail("size " + llvm::Twine(size) + " is no number of channels of " + shapeText(shape));
  Compose compose(node);
  const int64_t before = std::min((size - 1) / 2, shape[1] - 1), behind = std::min(size / 2, shape[1] - 1);
  const SpatialAttributes nearest{{before + 1 + behind, 1}, {1, 1}, {before, 0, behind, 0}, {1, 1}};
  Value image = compose.reshape(compose.mul(input, input), {shape[0], 1, shape[1], elementCount(shape.drop_front(2))});
  auto sum = createWindowSum(node, image, nearest);
  if (failed(sum))
    return failure();
  const double alpha = node.real("alpha", 1e-4f), beta = node.real("beta", 0.75f), bias = node.real("bias", 1);
  Value base = compose.add(compose.mul(*sum, alpha / static_cast<double>(size)), bias);
  Value divisor = compose.apply(BinaryKind::Pow, base, compose.number(base, beta));
  node.setResult(0, compose.div(input, compose.reshape(divisor, shape)));
  return success();
}

} // namespace tw::ir::onnx
