// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Shapes.h"

#include "tw/isa/DiagError.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <limits>

namespace tw::ir {
namespace {

// Anything larger is no extent, stride or padding; products of two and sums of a few stay in range.
constexpr int64_t kMostExtent = int64_t(1) << 31;

llvm::Error wrong(const llvm::Twine &text) { return errorAt("", text); }

llvm::Error checkNumbers(Dims numbers, const char *what) {
  for (int64_t number : numbers)
    if (number > kMostExtent || number < -kMostExtent)
      return wrong(llvm::Twine(what) + " of " + llvm::Twine(number) + " is more than " + llvm::Twine(kMostExtent));
  return llvm::Error::success();
}

// Output extent of one windowed dimension; ONNX Conv v11 with explicit pads, rounded down.
llvm::Expected<int64_t> windowExtent(int64_t input, int64_t kernel, int64_t stride, int64_t dilation, int64_t padSum) {
  if (kernel < 1 || stride < 1 || dilation < 1)
    return wrong("kernel, stride and dilation must be at least 1");
  int64_t span = (kernel - 1) * dilation + 1;
  if (input + padSum < span)
    return wrong("window of " + llvm::Twine(span) + " does not fit a padded extent of " + llvm::Twine(input + padSum));
  return (input + padSum - span) / stride + 1;
}

llvm::Error checkWindow(const Window &w) {
  if (w.kernel.size() != 2 || w.strides.size() != 2 || w.dilations.size() != 2 || w.pads.size() != 4)
    return wrong("only two-dimensional windows are supported (kernel has " + llvm::Twine(w.kernel.size()) +
                 " dimensions)");
  if (llvm::any_of(w.pads, [](int64_t p) { return p < 0; }))
    return wrong("padding must not be negative");
  for (auto [numbers, what] :
       {std::pair{w.kernel, "kernel"}, {w.strides, "stride"}, {w.dilations, "dilation"}, {w.pads, "padding"}})
    if (llvm::Error error = checkNumbers(numbers, what))
      return error;
  return llvm::Error::success();
}

llvm::Expected<Shape> windowShape(Dims input, int64_t channels, const Window &w, ChannelPosition position) {
  bool last = position == ChannelPosition::Last;
  Shape result{input[0], channels};
  for (int d = 0; d < 2; ++d) {
    auto extent =
        windowExtent(input[(last ? 1 : 2) + d], w.kernel[d], w.strides[d], w.dilations[d], w.pads[d] + w.pads[d + 2]);
    if (!extent)
      return extent.takeError();
    result.push_back(*extent);
  }
  if (last)
    std::rotate(result.begin() + 1, result.begin() + 2, result.end());
  return result;
}

} // namespace

int64_t elementCount(Dims shape) {
  uint64_t count = 1;
  for (int64_t d : shape)
    count = llvm::SaturatingMultiply(count, static_cast<uint64_t>(d));
  return static_cast<int64_t>(std::min(count, static_cast<uint64_t>(std::numeric_limits<int64_t>::max())));
}

std::string shapeText(Dims shape) {
  std::string text;
  for (int64_t d : shape)
    text += (text.empty() ? "" : "x") + std::to_string(d);
  return text.empty() ? "scalar" : text;
}

llvm::Expected<Shape> convShape(Dims input, Dims weight, Window window, int64_t group, ChannelPosition position) {
  if (input.size() != 4 || weight.size() != 4)
    return wrong("convolution needs rank 4, input is " + shapeText(input) + ", weight is " + shapeText(weight));
  if (llvm::is_contained(weight, 0))
    return wrong("a tensor of " + shapeText(weight) + " has no element to compute with");
  bool last = position == ChannelPosition::Last;
  window.kernel = weight.slice(last ? 1 : 2, 2);
  if (auto error = checkWindow(window))
    return error;
  int64_t channels = input[last ? 3 : 1], perGroup = weight[last ? 3 : 1];
  if (group < 1 || channels != perGroup * group || weight[0] % group != 0)
    return wrong("input has " + llvm::Twine(channels) + " channels, weight " + shapeText(weight) + " with group " +
                 llvm::Twine(group) + " needs " + llvm::Twine(perGroup * group));
  return windowShape(input, weight[0], window, position);
}

llvm::Expected<Shape> poolShape(Dims input, Window window, ChannelPosition position) {
  if (input.size() != 4)
    return wrong("pooling needs rank 4, input is " + shapeText(input));
  if (auto error = checkWindow(window))
    return error;
  return windowShape(input, input[position == ChannelPosition::Last ? 3 : 1], window, position);
}

llvm::Expected<Shape> gemmShape(Dims a, Dims b, bool transA, bool transB) {
  if (a.size() != 2 || b.size() != 2)
    return wrong("gemm needs rank 2, inputs are " + shapeText(a) + " and " + shapeText(b));
  if (a[transA ? 0 : 1] != b[transB ? 1 : 0])
    return wrong("inner dimensions differ: " + shapeText(a) + (transA ? " transposed" : "") + " by " + shapeText(b) +
                 (transB ? " transposed" : ""));
  return Shape{a[transA ? 1 : 0], b[transB ? 0 : 1]};
}

llvm::Expected<Shape> broadcastShape(Dims a, Dims b) {
  Shape result(std::max(a.size(), b.size()));
  for (size_t i = 0; i < result.size(); ++i) {
    int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1, y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1)
      return wrong("shapes " + shapeText(a) + " and " + shapeText(b) + " do not broadcast");
    result[result.size() - 1 - i] = x == 1 ? y : x;
  }
  return result;
}

llvm::Expected<Shape> matmulShape(Dims a, Dims b) {
  if (a.size() < 2 || b.size() < 2)
    return wrong("matmul needs at least rank 2, inputs are " + shapeText(a) + " and " + shapeText(b));
  if (a.back() != b[b.size() - 2])
    return wrong("inner dimensions differ: " + shapeText(a) + " by " + shapeText(b));
  auto batch = broadcastShape(a.drop_back(2), b.drop_back(2));
  if (!batch)
    return batch.takeError();
  batch->push_back(a[a.size() - 2]);
  batch->push_back(b.back());
  return batch;
}

llvm::Expected<Shape> transposeShape(Dims input, Dims perm) {
  Shape sorted(perm.begin(), perm.end());
  llvm::sort(sorted);
  for (size_t i = 0; i < sorted.size(); ++i)
    if (sorted[i] != static_cast<int64_t>(i))
      return wrong("perm is not a permutation");
  if (perm.size() != input.size())
    return wrong("perm has " + llvm::Twine(perm.size()) + " entries, input is " + shapeText(input));
  Shape result;
  for (int64_t p : perm)
    result.push_back(input[p]);
  return result;
}

llvm::Expected<Shape> concatShape(llvm::ArrayRef<Shape> inputs, int64_t axis) {
  if (inputs.empty())
    return wrong("concat needs an input");
  Shape result = inputs.front();
  if (axis < 0 || axis >= static_cast<int64_t>(result.size()))
    return wrong("axis " + llvm::Twine(axis) + " is outside shape " + shapeText(result));
  for (const Shape &shape : inputs.drop_front()) {
    if (shape.size() != result.size())
      return wrong("shapes " + shapeText(result) + " and " + shapeText(shape) + " do not concatenate");
    for (size_t d = 0; d < shape.size(); ++d) {
      if (static_cast<int64_t>(d) == axis)
        result[d] += shape[d];
      else if (result[d] != shape[d])
        return wrong("shapes " + shapeText(result) + " and " + shapeText(shape) + " do not concatenate on axis " +
                     llvm::Twine(axis));
    }
  }
  return result;
}

llvm::Expected<Shape> padShape(Dims input, Dims lo, Dims hi) {
  if (lo.size() != input.size() || hi.size() != input.size())
    return wrong("pads have " + llvm::Twine(lo.size() + hi.size()) + " entries, input is " + shapeText(input));
  for (Dims pads : {lo, hi})
    if (llvm::Error error = checkNumbers(pads, "padding"))
      return error;
  Shape result;
  for (size_t d = 0; d < input.size(); ++d) {
    result.push_back(input[d] + lo[d] + hi[d]);
    if (result.back() < 0)
      return wrong("padding leaves less than nothing of dimension " + llvm::Twine(d) + " of " + shapeText(input));
  }
  return result;
}

llvm::Expected<Shape> gatherShape(Dims input, Dims indices, int64_t axis) {
  if (axis < 0 || axis >= static_cast<int64_t>(input.size()))
    return wrong("axis " + llvm::Twine(axis) + " is outside shape " + shapeText(input));
  if (input[axis] == 0 && elementCount(indices) != 0)
    return wrong("axis " + llvm::Twine(axis) + " of " + shapeText(input) + " has no element to gather");
  Shape result(input.take_front(axis));
  result.append(indices.begin(), indices.end());
  result.append(input.begin() + axis + 1, input.end());
  return result;
}

llvm::Expected<Shape> reduceShape(Dims input, Dims axes, bool keepDims) {
  Shape result;
  for (int64_t axis : axes)
    if (axis < 0 || axis >= static_cast<int64_t>(input.size()))
      return wrong("axis " + llvm::Twine(axis) + " is outside shape " + shapeText(input));
  for (size_t d = 0; d < input.size(); ++d) {
    bool reduced = llvm::is_contained(axes, static_cast<int64_t>(d));
    if (!reduced || keepDims)
      result.push_back(reduced ? 1 : input[d]);
  }
  return result;
}

} // namespace tw::ir
