// SPDX-License-Identifier: Apache-2.0
// Resize v19 and Upsample v10. What tw.resize does is one; the rest is, one dimension after the other, elements taken
// by constant indices, weighted and added up.
#include "Compose.h"
#include "TensorReader.h"

#include <cmath>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

enum class Interpolation { Nearest, Linear, Cubic };
enum class Coordinates {
  HalfPixel,
  AlignCorners,
  Asymmetric,
  PytorchHalfPixel,
  HalfPixelSymmetric,
  TfHalfPixelForNn,
  TfCropAndResize
};
// Version 10 says of nearest no more than its name: runtimes take the element below, or when they make the image
// smaller the one above.
enum class Rounding { PreferFloor, PreferCeil, Floor, Ceil, Version10 };

struct Settings {
  Interpolation mode = Interpolation::Nearest;
  Coordinates coordinates = Coordinates::Asymmetric;
  Rounding nearest = Rounding::Floor;
  double cubicA = -0.75, extrapolation = 0;
  bool excludeOutside = false, antialias = false;
};

// One dimension: from `in` elements to `out`. `scale` may be another number than their ratio.
struct Line {
  int64_t in = 1, out = 1;
  double scale = 1;
  double roiBegin = 0, roiEnd = 1;
  bool isIdentity(const Settings &settings) const {
    return in == out && scale == 1 && settings.coordinates != Coordinates::TfCropAndResize;
  }
};

// What each position of the result is made of: `taps` indices and weights each.
struct Taps {
  int64_t count = 1;
  std::vector<int64_t> indices;
  std::vector<double> weights;
  std::vector<bool> isOutside; // the extrapolation value stands there
};

// The length that the formulas mean: a number of elements that need not be whole (docs/rationale/ir.md).
double resizedLength(const Line &line) {
  const double asked = line.scale * static_cast<double>(line.in), whole = std::round(asked);
  constexpr double kScaleError = 0x1p-23; // scales are float32: 0.2 of 5 elements is one
  return std::abs(asked - whole) <= asked * kScaleError ? whole : asked;
}

double originalPosition(const Line &line, Coordinates coordinates, int64_t index) {
  const double x = static_cast<double>(index), last = static_cast<double>(line.in - 1), resized = resizedLength(line);
  switch (coordinates) {
  case Coordinates::HalfPixel:
    return (x + 0.5) / line.scale - 0.5;
  case Coordinates::AlignCorners:
    return resized == 1 ? 0 : x * last / (resized - 1);
  case Coordinates::Asymmetric:
    return x / line.scale;
  case Coordinates::PytorchHalfPixel:
    return resized > 1 ? (x + 0.5) / line.scale - 0.5 : 0;
  case Coordinates::HalfPixelSymmetric:
    return static_cast<double>(line.in) / 2 * (1 - static_cast<double>(line.out) / resized) + (x + 0.5) / line.scale -
           0.5;
  case Coordinates::TfHalfPixelForNn:
    return (x + 0.5) / line.scale;
  case Coordinates::TfCropAndResize: {
    const double size = line.roiEnd - line.roiBegin;
    return line.roiBegin * last + (resized > 1 ? x * size * last / (resized - 1) : size * last / 2);
  }
  }
  llvm_unreachable("all modes are listed");
}

double nearestIndex(double position, Rounding rounding, double scale) {
  switch (rounding) {
  case Rounding::PreferFloor:
    return std::ceil(position - 0.5);
  case Rounding::PreferCeil:
    return std::floor(position + 0.5);
  case Rounding::Floor:
    return std::floor(position);
  case Rounding::Ceil:
    return std::ceil(position);
  case Rounding::Version10:
    return scale < 1 ? std::ceil(position) : std::floor(position);
  }
  llvm_unreachable("all modes are listed");
}

double cubicWeight(double distance, double a) {
  const double x = std::abs(distance);
  if (x <= 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}
double linearWeight(double distance) { return std::max(0.0, 1 - std::abs(distance)); }

// How far from a position its weights reach: antialiasing widens them as the image becomes smaller.
double reachOf(const Settings &settings, double shrink) {
  return (settings.mode == Interpolation::Cubic ? 2 : 1) / shrink;
}

Taps tapsOf(const Line &line, const Settings &settings) {
  Taps taps;
  const double shrink = settings.antialias ? std::min(line.scale, 1.0) : 1.0;
  const bool isNearest = settings.mode == Interpolation::Nearest;
  const double reach = reachOf(settings, shrink);
  const int64_t before = isNearest ? 0 : static_cast<int64_t>(std::ceil(reach)) - 1;
  taps.count = isNearest ? 1 : 2 * before + 2;
  for (int64_t x = 0; x < line.out; ++x) {
    const double position = originalPosition(line, settings.coordinates, x);
    taps.isOutside.push_back(settings.coordinates == Coordinates::TfCropAndResize &&
                             (position < 0 || position > static_cast<double>(line.in - 1)));
    const double first = isNearest ? nearestIndex(position, settings.nearest, line.scale)
                                   : std::floor(position) - static_cast<double>(before);
    double sum = 0;
    for (int64_t t = 0; t < taps.count; ++t) {
      const double index = first + static_cast<double>(t), distance = (index - position) * shrink;
      const bool isInside = index >= 0 && index < static_cast<double>(line.in);
      double weight = isNearest                               ? 1
                      : settings.mode == Interpolation::Cubic ? cubicWeight(distance, settings.cubicA)
                                                              : linearWeight(distance);
      if (settings.excludeOutside && !isInside && !isNearest)
        weight = 0;
      sum += weight;
      taps.weights.push_back(weight);
      taps.indices.push_back(static_cast<int64_t>(std::clamp(index, 0.0, static_cast<double>(line.in - 1))));
    }
    for (auto &weight : llvm::make_range(taps.weights.end() - taps.count, taps.weights.end()))
      weight = sum == 0 ? weight : weight / sum;
  }
  return taps;
}

// The line's tensor of `type` against dimension `dim`, its taps, if it has any, behind it.
Shape alongDim(int64_t rank, int64_t dim, int64_t extent) {
  Shape shape(rank - dim, 1);
  shape[0] = extent;
  return shape;
}

Value resizeDim(Node &node, Value input, int64_t dim, const Taps &taps) {
  Compose compose(node);
  const int64_t out = static_cast<int64_t>(taps.isOutside.size()), rank = static_cast<int64_t>(shapeOf(input).size());
  Tensor indices(ElementType::I32, taps.count == 1 ? Shape{out} : Shape{out, taps.count});
  for (int64_t i = 0; i < indices.size(); ++i)
    indices.setInteger(i, taps.indices[i]);
  Value taken = compose.gather(input, node.constant("taps", indices), dim);
  if (taps.count == 1)
    return taken;
  Shape shape = alongDim(rank + 1, dim, out);
  shape[1] = taps.count;
  Tensor weights(elementTypeOf(input.getType()), shape);
  for (int64_t i = 0; i < weights.size(); ++i)
    weights.setNumber(i, taps.weights[i]);
  return compose.reduce(ReduceKind::Sum, compose.mul(taken, node.constant("weights", weights)), {dim + 1}, false);
}

Value extrapolate(Node &node, Value value, int64_t dim, const Taps &taps, double number) {
  if (!llvm::is_contained(taps.isOutside, true))
    return value;
  Compose compose(node);
  Tensor outside(ElementType::Bool, alongDim(static_cast<int64_t>(shapeOf(value).size()), dim,
                                             static_cast<int64_t>(taps.isOutside.size())));
  llvm::copy(taps.isOutside, outside.data<bool>());
  return compose.where(node.constant("outside", outside), compose.number(value, number), value);
}

// In which type elements are weighted: reals in their own, integers in one that holds them.
ElementType weightedType(ElementType type) {
  return isReal(type) ? type : byteWidth(type) < 4 ? ElementType::F32 : ElementType::F64;
}

FailureOr<Value> composeResize(Node &node, Value input, llvm::ArrayRef<Line> lines, const Settings &settings) {
  Compose compose(node);
  const ElementType type = elementTypeOf(input.getType());
  const bool isWeighted = settings.mode != Interpolation::Nearest;
  std::vector<Taps> taps;
  for (const Line &line : lines) {
    const double reach = isWeighted ? 2 * reachOf(settings, settings.antialias ? std::min(line.scale, 1.0) : 1.0) : 1;
    if (!(reach * static_cast<double>(line.out) <= static_cast<double>(kMaxElements)))
      return node.fail("resizing by " + std::to_string(line.scale) + " takes more than " + llvm::Twine(kMaxElements) +
                       " elements");
    taps.push_back(line.isIdentity(settings) ? Taps() : tapsOf(line, settings));
  }
  Value value = isWeighted ? compose.cast(input, weightedType(type)) : input;
  for (size_t d = 0; d < lines.size(); ++d)
    if (!lines[d].isIdentity(settings))
      value = resizeDim(node, value, static_cast<int64_t>(d), taps[d]);
  for (size_t d = 0; d < lines.size(); ++d)
    value = extrapolate(node, value, static_cast<int64_t>(d), taps[d], settings.extrapolation);
  return compose.cast(value, type);
}

std::optional<ResizeMode> dialectMode(Interpolation mode) {
  if (mode == Interpolation::Nearest)
    return ResizeMode::Nearest;
  return mode == Interpolation::Linear ? std::optional(ResizeMode::Linear) : std::nullopt;
}

std::optional<CoordinateMode> dialectCoordinates(Coordinates coordinates) {
  switch (coordinates) {
  case Coordinates::HalfPixel:
    return CoordinateMode::HalfPixel;
  case Coordinates::AlignCorners:
    return CoordinateMode::AlignCorners;
  case Coordinates::Asymmetric:
    return CoordinateMode::Asymmetric;
  case Coordinates::PytorchHalfPixel:
    return CoordinateMode::PytorchHalfPixel;
  case Coordinates::HalfPixelSymmetric:
  case Coordinates::TfHalfPixelForNn:
  case Coordinates::TfCropAndResize:
    return std::nullopt;
  }
  llvm_unreachable("all names are listed");
}

std::optional<NearestMode> dialectNearest(Rounding rounding, llvm::ArrayRef<Line> lines) {
  switch (rounding) {
  case Rounding::PreferFloor:
    return NearestMode::RoundPreferFloor;
  case Rounding::PreferCeil:
    return NearestMode::RoundPreferCeil;
  case Rounding::Floor:
    return NearestMode::Floor;
  case Rounding::Ceil:
    return NearestMode::Ceil;
  case Rounding::Version10:
    if (llvm::all_of(lines, [](const Line &line) { return line.scale >= 1; }))
      return NearestMode::Floor;
    return std::nullopt;
  }
  llvm_unreachable("all modes are listed");
}

// tw.resize, where it is the same: float32 and bytes; whole lengths where the formula asks for them; nobody is left
// out.
Value asDialectResize(Node &node, Value input, llvm::ArrayRef<Line> lines, const Settings &settings) {
  const auto mode = dialectMode(settings.mode);
  const auto coordinates = dialectCoordinates(settings.coordinates);
  const auto nearest = dialectNearest(settings.nearest, lines);
  const ElementType type = elementTypeOf(input.getType());
  const bool asksLength =
      llvm::is_contained({Coordinates::AlignCorners, Coordinates::PytorchHalfPixel}, settings.coordinates);
  if (!mode || !coordinates || !nearest || settings.antialias || settings.excludeOutside ||
      !llvm::is_contained({ElementType::F32, ElementType::I8, ElementType::U8}, type) ||
      (asksLength && llvm::any_of(lines, [](const Line &line) {
         return std::abs(resizedLength(line) - static_cast<double>(line.out)) > 1e-3;
       })))
    return {};
  Shape shape;
  llvm::SmallVector<float> scales;
  for (const Line &line : lines) {
    shape.push_back(line.out);
    scales.push_back(static_cast<float>(line.scale));
  }
  return node.builder.create<ResizeOp>(node.location, cast<RankedTensorType>(input.getType()).clone(Dims(shape)), input,
                                       scales, *mode, *coordinates, *nearest, /*roundDown=*/false);
}

LogicalResult setResized(Node &node, Value input, llvm::ArrayRef<Line> lines, const Settings &settings) {
  Shape shape;
  for (const Line &line : lines)
    shape.push_back(line.out);
  if (elementCount(shape) > kMaxElements)
    return node.fail("result " + shapeText(shape) + " has more than " + llvm::Twine(kMaxElements) + " elements");
  if (Value value = asDialectResize(node, input, lines, settings)) {
    node.setResult(0, value);
    return success();
  }
  auto value = composeResize(node, input, lines, settings);
  if (failed(value) || !*value)
    return failure();
  node.setResult(0, *value);
  return success();
}

template <typename Enum>
FailureOr<Enum> named(Node &node, llvm::StringRef attribute, llvm::StringRef fallback,
                      std::initializer_list<std::pair<llvm::StringRef, Enum>> names) {
  const std::string text = node.text(attribute, fallback);
  for (const auto &[name, value] : names)
    if (name == text)
      return value;
  return node.fail(attribute + " '" + text + "' is not supported");
}

FailureOr<Interpolation> interpolation(Node &node) {
  return named<Interpolation>(node, "mode", "nearest",
                              {{"nearest", Interpolation::Nearest},
                               {"linear", Interpolation::Linear},
                               {"bilinear", Interpolation::Linear}, // Upsample 1
                               {"cubic", Interpolation::Cubic}});
}

FailureOr<Settings> resizeSettings(Node &node) {
  Settings settings;
  auto mode = interpolation(node);
  if (failed(mode))
    return failure();
  settings.mode = *mode;
  if (node.version < 11) {
    settings.nearest = Rounding::Version10;
    return settings;
  }
  auto coordinates = named<Coordinates>(node, "coordinate_transformation_mode", "half_pixel",
                                        {{"half_pixel", Coordinates::HalfPixel},
                                         {"align_corners", Coordinates::AlignCorners},
                                         {"asymmetric", Coordinates::Asymmetric},
                                         {"pytorch_half_pixel", Coordinates::PytorchHalfPixel},
                                         {"half_pixel_symmetric", Coordinates::HalfPixelSymmetric},
                                         {"tf_half_pixel_for_nn", Coordinates::TfHalfPixelForNn},
                                         {"tf_crop_and_resize", Coordinates::TfCropAndResize}});
  auto nearest = named<Rounding>(node, "nearest_mode", "round_prefer_floor",
                                 {{"round_prefer_floor", Rounding::PreferFloor},
                                  {"round_prefer_ceil", Rounding::PreferCeil},
                                  {"floor", Rounding::Floor},
                                  {"ceil", Rounding::Ceil}});
  if (failed(coordinates) || failed(nearest))
    return failure();
  settings.coordinates = *coordinates;
  settings.nearest = *nearest;
  settings.cubicA = node.real("cubic_coeff_a", -0.75f);
  settings.extrapolation = node.real("extrapolation_value", 0);
  settings.excludeOutside = node.integer("exclude_outside", 0);
  settings.antialias = node.integer("antialias", 0) && settings.mode != Interpolation::Nearest;
  return settings;
}

// The dimensions that sizes, scales and roi speak of.
FailureOr<Shape> resizedAxes(Node &node, int64_t rank) {
  auto given = node.integers("axes");
  if (!given || given->empty())
    return iota(rank);
  Shape axes;
  for (int64_t asked : *given) {
    auto axis = node.axis(asked, rank);
    if (failed(axis))
      return failure();
    if (llvm::is_contained(axes, *axis))
      return node.fail("axis " + llvm::Twine(*axis) + " is named twice");
    axes.push_back(*axis);
  }
  return axes;
}

Shape extentsOf(llvm::ArrayRef<Line> lines) {
  Shape shape;
  for (const Line &line : lines)
    shape.push_back(line.in);
  return shape;
}

std::string countText(int64_t count, const char *what, llvm::ArrayRef<Line> lines, Dims axes) {
  std::string text =
      "has " + std::to_string(count) + " " + what + " for an input of shape " + shapeText(extentsOf(lines));
  return axes.size() == lines.size() ? text : text + " and " + std::to_string(axes.size()) + " axes";
}

LogicalResult applyScales(Node &node, std::vector<Line> &lines, Dims axes, const Tensor &scales) {
  if (scales.type != ElementType::F32)
    return node.fail("scales must be float32");
  if (scales.size() != static_cast<int64_t>(axes.size()))
    return node.fail(countText(scales.size(), "scales", lines, axes));
  for (size_t i = 0; i < axes.size(); ++i) {
    Line &line = lines[axes[i]];
    line.scale = scales.data<float>()[i];
    const float extent = std::floor(static_cast<float>(line.in) * scales.data<float>()[i]);
    if (!(extent >= 1 && extent <= static_cast<float>(kMaxElements))) // also if it is no number
      return node.fail("cannot resize dimension " + llvm::Twine(axes[i]) + " of " + shapeText(extentsOf(lines)) +
                       " by the scale " + std::to_string(scales.data<float>()[i]));
    line.out = static_cast<int64_t>(extent);
  }
  return success();
}

LogicalResult applySizes(Node &node, std::vector<Line> &lines, Dims axes, const Tensor &sizes) {
  if (sizes.size() != static_cast<int64_t>(axes.size()))
    return node.fail(countText(sizes.size(), "sizes", lines, axes));
  const std::string policy = node.text("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller")
    return node.fail("keep_aspect_ratio_policy '" + policy + "' is not stretch, not_larger or not_smaller");
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    Line &line = lines[axes[i]];
    line.out = sizes.integerAt(static_cast<int64_t>(i));
    if (line.out < 1 || line.out > kMaxElements)
      return node.fail("cannot resize dimension " + llvm::Twine(axes[i]) + " to " + llvm::Twine(line.out));
    line.scale = static_cast<double>(line.out) / static_cast<double>(line.in);
    least = std::min(least, line.scale);
    most = std::max(most, line.scale);
  }
  if (policy == "stretch")
    return success();
  for (int64_t axis : axes) { // half up
    lines[axis].scale = policy == "not_larger" ? least : most;
    lines[axis].out = std::max<int64_t>(1, static_cast<int64_t>(std::floor(resizedLength(lines[axis]) + 0.5)));
  }
  return success();
}

LogicalResult applyRegion(Node &node, std::vector<Line> &lines, Dims axes, const Tensor &roi) {
  if (roi.size() != 2 * static_cast<int64_t>(axes.size()))
    return node.fail(countText(roi.size(), "roi bounds", lines, axes));
  for (size_t i = 0; i < axes.size(); ++i) {
    lines[axes[i]].roiBegin = roi.numberAt(static_cast<int64_t>(i));
    lines[axes[i]].roiEnd = roi.numberAt(static_cast<int64_t>(axes.size() + i));
    if (!std::isfinite(lines[axes[i]].roiBegin) || !std::isfinite(lines[axes[i]].roiEnd))
      return node.fail("roi holds what is no finite number");
  }
  return success();
}

std::vector<Line> linesOf(Value input) {
  std::vector<Line> lines;
  for (int64_t extent : shapeOf(input))
    lines.push_back({extent, extent});
  return lines;
}

// An input that is there and, as old exporters write what is absent, not empty.
bool isGiven(Node &node, size_t index) { return node.hasInput(index) && elementCount(shapeOf(node.input(index))) > 0; }

} // namespace

LogicalResult buildResize(Node &node) {
  Value input = node.input(0);
  auto settings = resizeSettings(node);
  if (!input || failed(settings))
    return failure();
  std::vector<Line> lines = linesOf(input);
  auto axes = resizedAxes(node, static_cast<int64_t>(lines.size()));
  if (failed(axes))
    return failure();
  const bool bySizes = node.version >= 11 && isGiven(node, 3);
  const size_t index = node.version < 11 ? 1 : bySizes ? 3 : 2;
  auto given = node.requiredConstant(index, bySizes ? "sizes" : "scales");
  if (failed(given) ||
      failed(bySizes ? applySizes(node, lines, *axes, *given) : applyScales(node, lines, *axes, *given)))
    return failure();
  if (settings->coordinates == Coordinates::TfCropAndResize) {
    auto roi = node.requiredConstant(1, "roi");
    if (failed(roi) || failed(applyRegion(node, lines, *axes, *roi)))
      return failure();
  }
  return setResized(node, input, lines, *settings);
}

// Scales in attributes of their own in version 1, in one in version 7, in an input since.
LogicalResult buildUpsample(Node &node) {
  Value input = node.input(0);
  auto mode = interpolation(node);
  if (!input || failed(mode))
    return failure();
  std::vector<Line> lines = linesOf(input);
  FailureOr<Tensor> scales = Tensor(ElementType::F32, {});
  if (node.version < 7)
    scales = Tensor::of<float>({4}, {1, 1, node.real("height_scale", 1), node.real("width_scale", 1)});
  else if (auto given = node.reals("scales"); node.version < 9 && given)
    scales = Tensor::of<float>({static_cast<int64_t>(given->size())}, *given);
  else if (node.version < 9)
    return node.fail("scales are missing");
  else
    scales = node.requiredConstant(1, "scales");
  Settings settings;
  settings.mode = *mode;
  if (failed(scales) || failed(applyScales(node, lines, iota(static_cast<int64_t>(lines.size())), *scales)))
    return failure();
  return setResized(node, input, lines, settings);
}

} // namespace tw::ir::onnx
