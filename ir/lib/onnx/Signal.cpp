// SPDX-License-Identifier: Apache-2.0
// DFT v20, STFT v17 and what signals are prepared with: HannWindow, HammingWindow, BlackmanWindow, MelWeightMatrix v17,
// AffineGrid v20. A Fourier transform is a product with a constant matrix.
#include "Compose.h"
#include "TensorReader.h"

#include <cmath>
#include <numbers>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// What a transform reads and makes along its axis, and how many numbers an element has in and out (1 real, 2 complex).
struct Transform {
  int64_t length, in, out, partsIn, partsOut;
  bool inverse;
  bool isHalf; // the input is the first half of a spectrum whose signal is real
};

// [in * partsIn, out * partsOut]. Angles are reduced exactly, before anything is rounded.
Tensor transformMatrix(const Transform &t) {
  Tensor matrix(ElementType::F64, {t.in * t.partsIn, t.out * t.partsOut});
  const double norm = t.inverse ? 1 / static_cast<double>(t.length) : 1, sign = t.inverse ? 1 : -1;
  for (int64_t i = 0; i < matrix.size(); ++i) {
    const int64_t row = i / matrix.shape[1], column = i % matrix.shape[1];
    const int64_t n = row / t.partsIn, k = column / t.partsOut;
    const double angle = 2 * std::numbers::pi * static_cast<double>(n * k % t.length) / static_cast<double>(t.length);
    const bool isMirrored = t.isHalf && n != 0 && 2 * n != t.length;
    const double factor = norm * (isMirrored ? 2 : 1), real = factor * std::cos(angle),
                 imaginary = factor * sign * std::sin(angle);
    const bool fromImaginary = row % t.partsIn == 1, toImaginary = column % t.partsOut == 1;
    matrix.setNumber(i, fromImaginary == toImaginary ? real : toImaginary ? imaginary : -imaginary);
  }
  return matrix;
}

// Along dimension rank - 2 of [..., n, parts].
FailureOr<Value> transform(Node &node, Value signal, const Transform &t) {
  Compose compose(node);
  Shape shape(shapeOf(signal));
  const int64_t axis = static_cast<int64_t>(shape.size()) - 2;
  if (t.in < 1 || t.out < 1)
    return node.fail("a transform of " + llvm::Twine(t.in) + " to " + llvm::Twine(t.out) + " elements is none");
  if (elementCount({t.in, t.partsIn, t.out, t.partsOut}) > kMaxElements)
    return node.fail("a transform of " + llvm::Twine(t.in) + " to " + llvm::Twine(t.out) + " elements is too large");
  Value value = compose.slice(signal, axis, 0, t.in);
  Shape rows(Dims(shape).drop_back(2));
  rows.push_back(t.in * t.partsIn);
  if (rows.size() < 2)
    rows.insert(rows.begin(), 1);
  // In float64: what a spectrum does not hold must come out as 0 beside what it holds.
  Value product = compose.matmul(compose.cast(compose.reshape(value, rows), ElementType::F64),
                                 node.constant("fourier", transformMatrix(t)));
  shape[axis] = t.out;
  shape[axis + 1] = t.partsOut;
  return compose.cast(compose.reshape(product, shape), elementTypeOf(signal.getType()));
}

// A constant input of one number, or a problem.
FailureOr<double> scalarInput(Node &node, size_t index, llvm::StringRef what) {
  auto tensor = node.requiredConstant(index, what);
  if (failed(tensor))
    return failure();
  if (tensor->size() != 1)
    return node.fail(what + " must be one number, it is " + shapeText(tensor->shape));
  return tensor->numberAt(0);
}
FailureOr<int64_t> lengthInput(Node &node, size_t index, llvm::StringRef what) {
  auto number = scalarInput(node, index, what);
  if (failed(number))
    return failure();
  if (!(*number >= 1 && *number <= static_cast<double>(kMaxElements)))
    return node.fail(what + " is " + std::to_string(*number) + ", which is no usable length");
  return static_cast<int64_t>(*number);
}

// Element i of `count` is value(i), in the type that the node asks for.
template <typename Function> LogicalResult setNumbers(Node &node, Dims shape, const Function &value) {
  const int64_t asked = node.integer("output_datatype", 1);
  const auto type = elementTypeOfOnnx(static_cast<int>(asked));
  if (!type)
    return node.fail("output_datatype " + onnxTypeName(static_cast<int>(asked)) + " is not supported");
  if (elementCount(shape) > kMaxElements)
    return node.fail("result " + shapeText(shape) + " has more than " + llvm::Twine(kMaxElements) + " elements");
  Tensor result(*type, shape);
  for (int64_t i = 0; i < result.size(); ++i)
    result.setNumber(i, value(i));
  node.setResult(0, node.constant("window", result));
  return success();
}

// a - b cos(2 pi i / n) + c cos(4 pi i / n)
LogicalResult buildCosineWindow(Node &node, double a, double b, double c) {
  auto size = lengthInput(node, 0, "size");
  if (failed(size))
    return failure();
  const double period = static_cast<double>(node.integer("periodic", 1) ? *size : *size - 1);
  return setNumbers(node, {*size}, [&](int64_t i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / period;
    return a - b * std::cos(angle) + c * std::cos(2 * angle);
  });
}

FailureOr<int64_t> partsOf(Node &node, Value signal, size_t leastRank) {
  const Dims shape = shapeOf(signal);
  if (shape.size() < leastRank || shape.back() > 2)
    return node.fail("input 0 is " + shapeText(shape) + ", it needs " + llvm::Twine(leastRank) +
                     " dimensions at least and 1 or 2 as the last, real or complex");
  return shape.back();
}

} // namespace

LogicalResult buildHannWindow(Node &node) { return buildCosineWindow(node, 0.5, 0.5, 0); }
LogicalResult buildHammingWindow(Node &node) { return buildCosineWindow(node, 25.0 / 46, 21.0 / 46, 0); }
LogicalResult buildBlackmanWindow(Node &node) { return buildCosineWindow(node, 0.42, 0.5, 0.08); }

// Triangles between the mel bands' edges, which lie on whole bins of the spectrum.
LogicalResult buildMelWeightMatrix(Node &node) {
  auto bands = lengthInput(node, 0, "num_mel_bins"), length = lengthInput(node, 1, "dft_length"),
       rate = lengthInput(node, 2, "sample_rate");
  auto low = scalarInput(node, 3, "lower_edge_hertz"), high = scalarInput(node, 4, "upper_edge_hertz");
  if (failed(bands) || failed(length) || failed(rate) || failed(low) || failed(high))
    return failure();
  auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const double first = mel(*low), step = (mel(*high) - first) / static_cast<double>(*bands + 2);
  std::vector<double> edges;
  for (int64_t i = 0; i < *bands + 2; ++i) {
    const double hertz = 700 * (std::pow(10, (static_cast<double>(i) * step + first) / 2595) - 1);
    edges.push_back(std::floor(static_cast<double>(*length + 1) * hertz / static_cast<double>(*rate)));
  }
  return setNumbers(node, {*length / 2 + 1, *bands}, [&](int64_t i) {
    const double bin = static_cast<double>(i / *bands);
    const double lower = edges[i % *bands], centre = edges[i % *bands + 1], upper = edges[i % *bands + 2];
    if (centre == lower && bin == centre)
      return 1.0;
    if (bin >= lower && bin <= centre && centre != lower)
      return (bin - lower) / (centre - lower);
    return bin >= centre && bin < upper ? (upper - bin) / (upper - centre) : 0.0;
  });
}

LogicalResult buildDFT(Node &node) {
  auto inputs = realInputs(node, 1);
  if (failed(inputs))
    return failure();
  Value signal = inputs->front();
  auto parts = partsOf(node, signal, 2);
  if (failed(parts))
    return failure();
  const int64_t rank = static_cast<int64_t>(shapeOf(signal).size());
  FailureOr<int64_t> axis = node.integer("axis", 1);
  if (node.version >= 20) {
    axis = -2;
    if (node.hasInput(2)) {
      auto given = scalarInput(node, 2, "axis");
      if (failed(given))
        return failure();
      axis = static_cast<int64_t>(*given);
    }
  }
  axis = node.axis(*axis, rank);
  if (failed(axis))
    return failure();
  if (*axis == rank - 1)
    return node.fail("axis " + llvm::Twine(*axis) + " is that of the real and imaginary parts");
  const bool inverse = node.integer("inverse", 0), onesided = node.integer("onesided", 0);
  const int64_t extent = shapeOf(signal)[*axis];
  FailureOr<int64_t> length = inverse && onesided ? std::max<int64_t>(1, 2 * (extent - 1)) : extent;
  if (node.hasInput(1))
    length = lengthInput(node, 1, "dft_length");
  if (failed(length))
    return failure();
  Transform t{*length, 0, *length, *parts, 2, inverse, inverse && onesided};
  if (t.isHalf)
    t.partsOut = 1;
  else if (onesided)
    t.out = *length / 2 + 1;
  t.in = std::min(extent, t.isHalf ? *length / 2 + 1 : *length);

  Compose compose(node);
  Shape swap = iota(rank);
  std::swap(swap[*axis], swap[rank - 2]);
  auto result = transform(node, compose.transpose(signal, swap), t);
  if (failed(result))
    return failure();
  node.setResult(0, compose.transpose(*result, swap));
  return success();
}

// Frames are taken by constant indices.
LogicalResult buildSTFT(Node &node) {
  auto inputs = realInputs(node, 1);
  if (failed(inputs))
    return failure();
  Value signal = inputs->front();
  if (shapeOf(signal).size() == 2) // a real one may leave its last dimension out
    signal = Compose(node).unsqueeze(signal, 2);
  auto parts = partsOf(node, signal, 3);
  auto step = lengthInput(node, 1, "frame_step");
  if (failed(parts) || failed(step))
    return failure();
  Value window = node.hasInput(2) ? node.input(2) : Value();
  FailureOr<int64_t> length = window ? elementCount(shapeOf(window)) : shapeOf(signal)[1];
  if (node.hasInput(3))
    length = lengthInput(node, 3, "frame_length");
  if (failed(length))
    return failure();
  const int64_t samples = shapeOf(signal)[1], covered = window ? elementCount(shapeOf(window)) : *length;
  if (covered < 1 || covered > *length || *length > samples)
    return node.fail("a window of " + llvm::Twine(covered) + " in frames of " + llvm::Twine(*length) + " of " +
                     llvm::Twine(samples) + " samples does not fit");
  const int64_t frames = (samples - *length) / *step + 1;
  if (frames > kMaxElements / covered)
    return node.fail(llvm::Twine(frames) + " frames of " + llvm::Twine(covered) + " samples are too many");
  Tensor places(ElementType::I32, {frames, covered});
  for (int64_t i = 0; i < places.size(); ++i)
    places.setInteger(i, i / covered * *step + i % covered);
  Compose compose(node);
  Value framed = compose.gather(signal, node.constant("frames", places), 1); // [batch, frames, covered, parts]
  if (window)
    framed = compose.mul(framed, compose.reshape(window, {covered, 1}));
  const int64_t out = node.integer("onesided", 1) ? *length / 2 + 1 : *length;
  if (!framed)
    return failure();
  auto result = transform(node, framed, {*length, covered, out, *parts, 2, false, false});
  if (failed(result))
    return failure();
  node.setResult(0, *result);
  return success();
}

// The positions of an image of `size` in [-1, 1], moved by theta.
LogicalResult buildAffineGrid(Node &node) {
  auto inputs = realInputs(node, 1);
  auto size = node.requiredConstant(1, "size");
  if (failed(inputs) || failed(size))
    return failure();
  const Value theta = inputs->front();
  const Dims shape = shapeOf(theta);
  const int64_t dims = size->size() - 2;
  if ((dims != 2 && dims != 3) || shape != Dims{size->integerAt(0), dims, dims + 1})
    return node.fail("theta is " + shapeText(shape) + " for a size of " + llvm::Twine(size->size()) + " numbers");
  Shape image;
  for (int64_t d = 0; d < dims; ++d) {
    image.push_back(size->integerAt(2 + d));
    if (image.back() < 1 || image.back() > kMaxElements)
      return node.fail("size holds " + llvm::Twine(image.back()) + ", which is no usable extent");
  }
  const int64_t positions = elementCount(image);
  if (positions > kMaxElements / (dims + 1))
    return node.fail("a grid of " + shapeText(image) + " has more than " + llvm::Twine(kMaxElements) + " elements");
  const bool alignCorners = node.integer("align_corners", 0);
  // Homogeneous coordinates, the fastest dimension first: [dims + 1, positions].
  Tensor grid(elementTypeOf(theta.getType()), {dims + 1, positions});
  for (int64_t p = 0; p < positions; ++p) {
    grid.setNumber(dims * positions + p, 1);
    int64_t rest = p;
    for (int64_t d = dims; d-- > 0; rest /= image[d]) {
      const double extent = static_cast<double>(image[d]), at = static_cast<double>(rest % image[d]);
      const double value = !alignCorners ? (2 * at + 1) / extent - 1 : image[d] == 1 ? -1 : 2 * at / (extent - 1) - 1;
      grid.setNumber((dims - 1 - d) * positions + p, value);
    }
  }
  Compose compose(node);
  Value moved = compose.transpose(compose.matmul(theta, node.constant("grid", grid)), {0, 2, 1});
  Shape result{shape[0]};
  result.append(image);
  result.push_back(dims);
  node.setResult(0, compose.reshape(moved, result));
  return success();
}

} // namespace tw::ir::onnx
