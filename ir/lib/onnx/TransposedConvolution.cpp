// SPDX-License-Identifier: Apache-2.0
// ConvTranspose v22. Along a dimension of stride s, every s-th element of the result has the same taps: such a phase is
// a convolution with a part of the weight. Phases that take equally many taps from the same places are output channels
// of one convolution; in the end all are interleaved.
#include "TensorReader.h"
#include "Windows.h"

#include <map>
#include <numeric>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// Strides of 256 by 256, more than any model was seen with; each phase is written down.
constexpr int64_t kMostPhases = 1 << 16;

int64_t floorDivide(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

// One dimension. Position u of the result, counted from where padding would begin, gets x[i] * w[k] of all
// i * stride + k * dilation == u.
struct Axis {
  int64_t in, out, kernel, stride, dilation, front;

  int64_t firstBlock() const { return floorDivide(front, stride); } // positions are blocks of `stride` phases
  int64_t blocks() const { return floorDivide(front + out - 1, stride) - firstBlock() + 1; }
  int64_t tapStep() const { return stride / std::gcd(stride, dilation); }
  int64_t inputStep() const { return dilation / std::gcd(stride, dilation); }
};

// The taps of a phase: first, first + tapStep, ...; the first meets x[m - offset] in block m.
struct Phase {
  int64_t first, taps, offset;
};
Phase phaseOf(const Axis &axis, int64_t phase) {
  for (int64_t k = 0; k < std::min(axis.kernel, axis.tapStep()); ++k)
    if (k * axis.dilation % axis.stride == phase)
      return {k, (axis.kernel - k - 1) / axis.tapStep() + 1, k * axis.dilation / axis.stride};
  return {0, 0, 0};
}

// What convolutions of phases differ in, one entry for each dimension. Most taps first: so the phases come in order
// where the kernel is no multiple of the stride.
struct Kind {
  Shape taps, offsets;
  bool operator<(const Kind &other) const { return std::tie(taps, offsets) > std::tie(other.taps, other.offsets); }
};

// Phases of one kind, in order.
struct PhaseGroup {
  std::vector<Shape> firsts; // the first taps of each phase, one entry for each dimension
  Shape numbers;             // which of all phases it is, the last dimension fastest
};

class Builder {
public:
  Builder(Node &node, Value input, Value weight, Value bias, std::vector<Axis> axes, int64_t group)
      : node(node), compose(node), input(input), weight(weight), bias(bias), axes(std::move(axes)), group(group) {}

  FailureOr<Value> build() {
    std::map<Kind, PhaseGroup> groups;
    Shape strides;
    for (const Axis &axis : axes)
      strides.push_back(axis.stride);
    const int64_t phases = elementCount(strides);
    for (int64_t p = 0; p < phases; ++p) {
      Kind kind;
      Shape firsts;
      int64_t rest = p;
      for (size_t d = axes.size(); d-- > 0; rest /= axes[d].stride) {
        const Phase phase = phaseOf(axes[d], rest % axes[d].stride);
        kind.taps.insert(kind.taps.begin(), phase.taps);
        kind.offsets.insert(kind.offsets.begin(), phase.offset);
        firsts.insert(firsts.begin(), phase.first);
      }
      if (isEmpty(kind))
        kind = {Shape(axes.size(), 0), Shape(axes.size(), 0)};
      groups[kind].firsts.push_back(firsts);
      groups[kind].numbers.push_back(p);
    }
    std::vector<Value> parts;
    Shape order;
    for (const auto &[kind, phaseGroup] : groups) {
      auto part =
          llvm::is_contained(kind.taps, 0) ? FailureOr<Value>(emptyPhases(phaseGroup)) : convolve(kind, phaseGroup);
      if (failed(part) || !*part)
        return failure();
      parts.push_back(*part);
      order.append(phaseGroup.numbers);
    }
    Value all = compose.concat(parts, 2);
    if (!llvm::is_sorted(order)) {
      Tensor places(ElementType::I32, {phases});
      for (int64_t i = 0; i < phases; ++i)
        places.setInteger(order[i], i);
      all = compose.gather(all, node.constant("phases", places), 2);
    }
    return interleave(all, strides);
  }

private:
  // The first and the last element of the input that a phase reads.
  std::pair<int64_t, int64_t> reads(const Kind &kind, size_t dim) const {
    const Axis &axis = axes[dim];
    const int64_t last = axis.firstBlock() - kind.offsets[dim];
    return {last - (kind.taps[dim] - 1) * axis.inputStep(), last + axis.blocks() - 1};
  }
  bool isEmpty(const Kind &kind) const {
    for (size_t d = 0; d < axes.size(); ++d)
      if (auto [begin, end] = reads(kind, d); kind.taps[d] == 0 || begin >= axes[d].in || end < 0)
        return true;
    return false;
  }
  int64_t outputsPerGroup() const { return shapeOf(weight)[1]; }
  Shape blocks() const {
    Shape result;
    for (const Axis &axis : axes)
      result.push_back(axis.blocks());
    return result;
  }

  // [C, O/g, K1, ...] -> [g * phases * O/g, C/g, taps1, ...], the last tap first: a convolution reads forward.
  Value weightOf(const Kind &kind, const PhaseGroup &phases) {
    const Shape shape(shapeOf(weight));
    const int64_t taps = elementCount(kind.taps), count = static_cast<int64_t>(phases.firsts.size());
    Tensor places(ElementType::I32, {count, taps});
    for (int64_t i = 0; i < places.size(); ++i) {
      int64_t rest = i % taps, place = 0, step = 1;
      for (size_t d = axes.size(); d-- > 0; rest /= kind.taps[d]) {
        const int64_t tap = kind.taps[d] - 1 - rest % kind.taps[d];
        place += (phases.firsts[i / taps][d] + tap * axes[d].tapStep()) * step;
        step *= axes[d].kernel;
      }
      places.setInteger(i, place);
    }
    Value value = compose.reshape(weight, {group, shape[0] / group, shape[1], elementCount(Dims(shape).drop_front(2))});
    value = compose.gather(value, node.constant("taps", places), 3); // [g, C/g, O/g, phases, taps]
    value = compose.transpose(value, {0, 3, 2, 1, 4});
    Shape result{shape[1] * group * count, shape[0] / group};
    result.append(kind.taps);
    return compose.reshape(value, result);
  }

  Value biasOf(int64_t phases) {
    if (!bias)
      return {};
    const int64_t perGroup = outputsPerGroup();
    Tensor places(ElementType::I32, {group * phases * perGroup});
    for (int64_t i = 0; i < places.size(); ++i)
      places.setInteger(i, i / (phases * perGroup) * perGroup + i % perGroup);
    return phases == 1 ? bias : compose.gather(bias, node.constant("channels", places), 0);
  }

  // [N, g, phases, O/g, blocks...]
  FailureOr<Value> convolve(const Kind &kind, const PhaseGroup &phases) {
    SpatialAttributes spatial{kind.taps, Shape(axes.size(), 1), Shape(2 * axes.size(), 0), Shape(axes.size(), 1)};
    Value image = input;
    for (size_t d = 0; d < axes.size(); ++d) {
      const Axis &axis = axes[d];
      spatial.dilations[d] = axis.inputStep();
      const auto [begin, end] = reads(kind, d);
      const int64_t low = std::clamp<int64_t>(begin, 0, axis.in - 1), high = std::clamp<int64_t>(end, low, axis.in - 1);
      image = compose.slice(image, static_cast<int64_t>(2 + d), low, high - low + 1);
      spatial.pads[d] = low - begin;
      spatial.back(d) = end - high;
    }
    return shaped(createConvolution(node, image, weightOf(kind, phases),
                                    biasOf(static_cast<int64_t>(phases.firsts.size())), spatial, group),
                  static_cast<int64_t>(phases.firsts.size()));
  }

  FailureOr<Value> shaped(FailureOr<Value> value, int64_t phases) {
    if (failed(value))
      return failure();
    Shape shape{shapeOf(input)[0], group, phases, outputsPerGroup()};
    shape.append(blocks());
    return compose.reshape(*value, shape);
  }

  // Phases that no tap reaches are their bias.
  Value emptyPhases(const PhaseGroup &phases) {
    const int64_t count = static_cast<int64_t>(phases.firsts.size());
    Shape shape{shapeOf(input)[0], group, count, outputsPerGroup()}, aligned{1, group, 1, outputsPerGroup()};
    shape.append(blocks());
    aligned.append(axes.size(), 1);
    Value value = bias ? compose.reshape(bias, aligned) : compose.number(input, 0);
    return compose.expand(value, shape);
  }

  // [N, g, phases, O/g, blocks...] -> the result, cropped.
  Value interleave(Value value, Dims strides) {
    const Shape shape(shapeOf(value));
    const int64_t rank = static_cast<int64_t>(axes.size());
    Shape split{shape[0], shape[1]}, perm{0, 1, 2 + rank}, result{shape[0], shape[1] * shape[3]};
    split.append(strides.begin(), strides.end());
    split.append(shape.begin() + 3, shape.end());
    for (int64_t d = 0; d < rank; ++d) {
      perm.push_back(3 + rank + d);
      perm.push_back(2 + d);
      result.push_back(axes[d].blocks() * axes[d].stride);
    }
    value = compose.reshape(compose.transpose(compose.reshape(value, split), perm), result);
    for (int64_t d = 0; d < rank; ++d)
      value = compose.slice(value, 2 + d, axes[d].front - axes[d].firstBlock() * axes[d].stride, axes[d].out);
    return value;
  }

  Node &node;
  Compose compose;
  Value input, weight, bias;
  std::vector<Axis> axes;
  int64_t group;
};

// Padding and extent of each dimension: from pads, or so that the result is as large as is asked.
FailureOr<std::vector<Axis>> axesOf(Node &node, Dims input, const SpatialAttributes &spatial) {
  const size_t rank = spatial.rank();
  const Shape extra = node.integers("output_padding").value_or(Shape(rank, 0));
  auto asked = node.integers("output_shape");
  const std::string autoPad = node.text("auto_pad", "NOTSET");
  const bool isSame = autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER";
  if (extra.size() != rank)
    return node.fail("output_padding needs " + llvm::Twine(rank) + " entries for an input of shape " +
                     shapeText(input));
  if (asked && asked->size() == rank + 2) // with batch and channels, as some exporters write it
    asked->erase(asked->begin(), asked->begin() + 2);
  if (asked && asked->size() != rank)
    return node.fail("output_shape needs " + llvm::Twine(rank) + " entries for an input of shape " + shapeText(input));
  std::vector<Axis> axes;
  for (size_t d = 0; d < rank; ++d) {
    const int64_t stride = spatial.strides[d], whole = stride * (input[2 + d] - 1) + extra[d] + spatial.span(d);
    Axis axis{input[2 + d],         whole - spatial.front(d) - spatial.back(d),
              spatial.kernel[d],    stride,
              spatial.dilations[d], spatial.front(d)};
    if (asked || isSame) {
      axis.out = asked ? (*asked)[d] : input[2 + d] * stride;
      const int64_t total = whole - axis.out;
      axis.front = autoPad == "SAME_UPPER" ? floorDivide(total, 2) : total - floorDivide(total, 2);
    }
    if (extra[d] < 0 || axis.out < 1 || axis.out > kMaxElements)
      return node.fail("makes " + llvm::Twine(axis.out) + " elements of dimension " + llvm::Twine(2 + d) + " of " +
                       shapeText(input));
    axes.push_back(axis);
  }
  return axes;
}

} // namespace

LogicalResult buildConvTranspose(Node &node) {
  const bool hasBias = node.hasInput(2);
  auto inputs = realInputs(node, hasBias ? 3 : 2);
  if (failed(inputs))
    return failure();
  const Value input = (*inputs)[0], weight = (*inputs)[1], bias = hasBias ? (*inputs)[2] : Value();
  const Dims shape = shapeOf(input), weightShape = shapeOf(weight);
  const int64_t group = node.integer("group", 1);
  if (weightShape.size() < 3 || weightShape.size() != shape.size())
    return node.fail("input " + shapeText(shape) + " and weight " + shapeText(weightShape) +
                     " are none of a convolution");
  if (group < 1 || shape[1] % group != 0 || weightShape[0] != shape[1])
    return node.fail("input has " + llvm::Twine(shape[1]) + " channels, weight " + shapeText(weightShape) +
                     " with group " + llvm::Twine(group) + " does not fit");
  if (bias && shapeOf(bias) != Dims{weightShape[1] * group})
    return node.fail("bias is " + shapeText(shapeOf(bias)) + " for " + llvm::Twine(weightShape[1] * group) +
                     " output channels");
  auto spatial = spatialAttributes(node, shape, weightShape.drop_front(2));
  if (failed(spatial))
    return failure();
  auto axes = axesOf(node, shape, *spatial);
  if (failed(axes))
    return failure();
  if (elementCount(spatial->strides) > kMostPhases)
    return node.fail("strides " + shapeText(spatial->strides) + " make more than " + llvm::Twine(kMostPhases) +
                     " phases");
  auto result = Builder(node, input, weight, bias, *axes, group).build();
  if (failed(result))
    return failure();
  node.setResult(0, *result);
  return success();
}

} // namespace tw::ir::onnx
