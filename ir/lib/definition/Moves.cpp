// SPDX-License-Identifier: Apache-2.0
// Operators that move elements, and Resize.
#include "Elements.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace tw::ir::definition {
namespace {

Reader transpose(TransposeOp op, Elements &elements) {
  const Shape x(shapeOf(op.getInput())), y(shapeOf(op.getResult())), perm(op.getPerm());
  return [=, read = elements.reader(op.getInput())](int64_t i) {
    const Shape at = indexAt(i, y);
    Shape from(x.size());
    for (size_t d = 0; d < perm.size(); ++d)
      from[perm[d]] = at[d];
    return read(linearAt(from, x));
  };
}

Reader concat(ConcatOp op, Elements &elements) {
  const Shape y(shapeOf(op.getResult()));
  const size_t axis = op.getAxis();
  std::vector<Reader> readers;
  std::vector<Shape> shapes;
  for (Value input : op.getInputs()) {
    readers.push_back(elements.reader(input));
    shapes.emplace_back(shapeOf(input));
  }
  return [=](int64_t i) {
    Shape at = indexAt(i, y);
    size_t k = 0;
    for (; at[axis] >= shapes[k][axis]; ++k)
      at[axis] -= shapes[k][axis];
    return readers[k](linearAt(at, shapes[k]));
  };
}

Reader pad(PadOp op, Elements &elements) {
  const Shape x(shapeOf(op.getInput())), y(shapeOf(op.getResult())), lo(op.getLo());
  const double value = op.getValue().convertToFloat();
  return [=, read = elements.reader(op.getInput())](int64_t i) {
    Shape at = indexAt(i, y);
    for (size_t d = 0; d < at.size(); ++d) {
      at[d] -= lo[d];
      if (at[d] < 0 || at[d] >= x[d])
        return value;
    }
    return read(linearAt(at, x));
  };
}

Reader slice(SliceOp op, Elements &elements) {
  const Shape x(shapeOf(op.getInput())), y(shapeOf(op.getResult())), starts(op.getStarts()), steps(op.getSteps());
  return [=, read = elements.reader(op.getInput())](int64_t i) {
    Shape at = indexAt(i, y);
    for (size_t d = 0; d < at.size(); ++d)
      at[d] = starts[d] + at[d] * steps[d];
    return read(linearAt(at, x));
  };
}

// numpy.take, mode 'clip' for what is beyond either end.
Reader gather(GatherOp op, Elements &elements) {
  const Shape x(shapeOf(op.getInput())), places(shapeOf(op.getIndices())), y(shapeOf(op.getResult()));
  const size_t axis = op.getAxis();
  return [=, read = elements.reader(op.getInput()), index = elements.whole(op.getIndices())](int64_t i) {
    const Shape at = indexAt(i, y);
    const Dims where = Dims(at).slice(axis, places.size());
    double place = (*index)[linearAt(where, places)];
    place += place < 0 ? static_cast<double>(x[axis]) : 0;
    Shape from(at.begin(), at.begin() + static_cast<ptrdiff_t>(axis));
    from.push_back(static_cast<int64_t>(std::clamp(place, 0.0, static_cast<double>(x[axis] - 1))));
    from.append(at.begin() + static_cast<ptrdiff_t>(axis + places.size()), at.end());
    return read(linearAt(from, x));
  };
}

// ONNX Resize v13, coordinate_transformation_mode. In float32, as the coordinates of every implementation are: which
// element is nearest may depend on it.
float sourcePosition(int64_t at, CoordinateMode mode, float scale, int64_t in, int64_t out) {
  const float x = static_cast<float>(at);
  switch (mode) {
  case CoordinateMode::Asymmetric:
    return x / scale;
  case CoordinateMode::AlignCorners:
    return out > 1 ? x * static_cast<float>(in - 1) / static_cast<float>(out - 1) : 0;
  case CoordinateMode::PytorchHalfPixel:
    return out > 1 ? (x + 0.5f) / scale - 0.5f : 0;
  case CoordinateMode::HalfPixel:
    return (x + 0.5f) / scale - 0.5f;
  }
  llvm_unreachable("all modes are listed");
}

float nearest(float position, NearestMode mode) {
  switch (mode) {
  case NearestMode::Floor:
    return std::floor(position);
  case NearestMode::Ceil:
    return std::ceil(position);
  case NearestMode::RoundPreferFloor:
    return std::ceil(position - 0.5f);
  case NearestMode::RoundPreferCeil:
    return std::floor(position + 0.5f);
  }
  llvm_unreachable("all modes are listed");
}

// What one input position gives to an output position of the same dimension.
struct Tap {
  int64_t at;
  double weight;
};

std::vector<Tap> tapsOf(ResizeOp op, size_t dim, int64_t at, int64_t in, int64_t out) {
  const float position = sourcePosition(at, op.getCoordinates(), op.getScales()[dim], in, out);
  auto inside = [&](double x) { return static_cast<int64_t>(std::clamp(x, 0.0, static_cast<double>(in - 1))); };
  if (op.getMode() == ResizeMode::Nearest)
    return {{inside(nearest(position, op.getNearest())), 1}};
  const double low = std::floor(static_cast<double>(position)), part = static_cast<double>(position) - low;
  return {{inside(low), 1 - part}, {inside(low + 1), part}};
}

// Integers keep their type: an interpolated one is truncated towards zero, as ONNX Runtime does.
Reader resize(ResizeOp op, Elements &elements) {
  const Shape x(shapeOf(op.getInput())), y(shapeOf(op.getResult()));
  const bool isReal = elementTypeOf(op.getType()) == ElementType::F32;
  std::vector<std::vector<std::vector<Tap>>> taps(y.size()); // by dimension, output position
  for (size_t d = 0; d < y.size(); ++d)
    for (int64_t at = 0; at < y[d]; ++at)
      taps[d].push_back(tapsOf(op, d, at, x[d], y[d]));
  return [=, read = elements.whole(op.getInput())](int64_t i) {
    const Shape at = indexAt(i, y);
    std::vector<Tap> sources{{0, 1}}; // row-major index so far, weight
    for (size_t d = 0; d < y.size(); ++d) {
      std::vector<Tap> next;
      for (const Tap &source : sources)
        for (const Tap &tap : taps[d][at[d]])
          if (tap.weight != 0)
            next.push_back({source.at * x[d] + tap.at, source.weight * tap.weight});
      sources = std::move(next);
    }
    double sum = 0;
    for (const Tap &source : sources)
      sum += source.weight * (*read)[source.at];
    return isReal ? sum : std::trunc(sum);
  };
}

} // namespace

Reader moveReader(Operation *op, Elements &elements) {
  return llvm::TypeSwitch<Operation *, Reader>(op)
      .Case([&](ReshapeOp typed) { return elements.reader(typed.getInput()); })
      .Case([&](TransposeOp typed) { return transpose(typed, elements); })
      .Case([&](ConcatOp typed) { return concat(typed, elements); })
      .Case([&](PadOp typed) { return pad(typed, elements); })
      .Case([&](SliceOp typed) { return slice(typed, elements); })
      .Case([&](GatherOp typed) { return gather(typed, elements); })
      .Case([&](ResizeOp typed) { return resize(typed, elements); })
      .Default([](Operation *) { return nullptr; });
}

} // namespace tw::ir::definition
