// SPDX-License-Identifier: Apache-2.0
// Library functions, after ONNX's text of the operators that they are. What their values decide is decided by the exact
// numbers; a count that is not the model's is a problem.
#include "Elements.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/bit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

using namespace mlir;

namespace tw::ir::definition {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// One call: its operands' numbers and shapes.
struct Call {
  explicit Call(LibraryOp op) : params(op.getParams()), result(shapeOf(op.getResult())) {
    for (Value input : op.getInputs()) {
      shapes.emplace_back(shapeOf(input));
      types.push_back(elementTypeOf(input.getType()));
    }
    type = elementTypeOf(op.getResult().getType());
  }

  double at(size_t operand, Dims index) const { return (*numbers[operand])[linearAt(index, shapes[operand])]; }
  int64_t param(size_t index) const { return params[index]; }
  double realParam(size_t index) const { return llvm::bit_cast<double>(params[index]); }

  Shape params;
  Shape result;
  ElementType type;
  std::vector<Shape> shapes;
  std::vector<ElementType> types;
  std::vector<Numbers> numbers;
};

using All = std::vector<double>; // every element of a result

//===- Rows -------------------------------------------------------------------------------------------------------===//

double updated(int64_t reduction, double old, double with, ElementType type) {
  if (type == ElementType::Bool)
    return reduction == 1 || reduction == 3 ? std::max(old, with) : std::min(old, with);
  switch (reduction) {
  case 1:
    return held(old + with, type);
  case 2:
    return isReal(type) ? old * with : heldOf64(modulo64(old) * modulo64(with), type);
  default:
    if (std::isnan(old) || std::isnan(with))
      return std::isnan(old) ? old : with;
    return reduction == 3 ? std::max(old, with) : std::min(old, with);
  }
}

All scatter(const Call &call) {
  All all = *call.numbers[0];
  const int64_t inner = call.result[1];
  for (int64_t k = 0; k < call.shapes[1][0]; ++k)
    for (int64_t i = 0; i < inner; ++i) {
      double &element = all[static_cast<int64_t>(call.at(1, {k})) * inner + i];
      const double with = call.at(2, {k, i});
      element = call.param(0) == 0 ? with : updated(call.param(0), element, with, call.type);
    }
  return all;
}

// The element itself and those in front of it; behind it, if they are read from the end.
double cumulated(const Call &call, Dims at) {
  const bool isExclusive = call.param(0) != 0, isReverse = call.param(1) != 0, isProduct = call.param(2) != 0;
  double sum = isProduct ? 1 : 0;
  for (int64_t k = 0; k < call.result[1]; ++k) {
    const bool isBefore = isReverse ? k > at[1] : k < at[1];
    if (!isBefore && (k != at[1] || isExclusive))
      continue;
    const double x = call.at(0, {at[0], k, at[2]});
    sum = updated(isProduct ? 2 : 1, sum, x, call.type);
  }
  return sum;
}

All topkIndices(const Call &call) {
  All all(elementCount(call.result));
  for (int64_t o = 0; o < call.result[0]; ++o)
    for (int64_t i = 0; i < call.result[2]; ++i) {
      // By value, then by place: the smallest first, of the negative values if the largest are wanted.
      std::vector<std::pair<double, int64_t>> keys;
      for (int64_t k = 0; k < call.shapes[0][1]; ++k) {
        const double x = call.at(0, {o, k, i}), value = std::isnan(x) ? kInfinity : x;
        keys.push_back({call.param(0) != 0 ? -value : value, k});
      }
      std::ranges::sort(keys);
      for (int64_t k = 0; k < call.result[1]; ++k)
        all[linearAt({o, k, i}, call.result)] = static_cast<double>(keys[k].second);
    }
  return all;
}

All nonzero(const Call &call) {
  All all;
  const size_t rank = call.shapes[0].size();
  for (size_t d = 0; d < rank; ++d)
    for (size_t i = 0; i < call.numbers[0]->size(); ++i)
      if ((*call.numbers[0])[i] != 0)
        all.push_back(static_cast<double>(indexAt(static_cast<int64_t>(i), call.shapes[0])[d]));
  return all;
}

All compress(const Call &call) {
  All all;
  for (int64_t o = 0; o < call.shapes[0][0]; ++o)
    for (int64_t k = 0; k < std::min(call.shapes[0][1], call.shapes[1][0]); ++k)
      for (int64_t i = 0; i < call.shapes[0][2]; ++i)
        if (call.at(1, {k}) != 0)
          all.push_back(call.at(0, {o, k, i}));
  return all;
}

All unique(const Call &call) {
  const int64_t rows = call.shapes[0][0], inner = call.shapes[0][1];
  auto row = [&](int64_t i) {
    std::vector<std::pair<bool, double>> values; // whatever is no number behind all that are
    for (int64_t k = 0; k < inner; ++k) {
      const double x = call.at(0, {i, k});
      values.push_back({std::isnan(x), std::isnan(x) ? 0 : x});
    }
    return values;
  };
  std::vector<int64_t> firsts; // of each value its first row
  for (int64_t i = 0; i < rows; ++i)
    if (std::ranges::none_of(firsts, [&](int64_t first) { return row(first) == row(i); }))
      firsts.push_back(i);
  if (call.param(0) != 0)
    std::ranges::sort(firsts, [&](int64_t a, int64_t b) { return row(a) < row(b); });
  auto numberOf = [&](int64_t i) {
    return std::ranges::find_if(firsts, [&](int64_t first) { return row(first) == row(i); }) - firsts.begin();
  };
  All all;
  if (call.param(1) == 0)
    all.assign(firsts.begin(), firsts.end());
  else if (call.param(1) == 2)
    all.assign(firsts.size(), 0);
  for (int64_t i = 0; i < rows && call.param(1) != 0; ++i)
    if (call.param(1) == 1)
      all.push_back(static_cast<double>(numberOf(i)));
    else
      ++all[numberOf(i)];
  return all;
}

All nonMaxSuppression(const Call &call) {
  const int64_t boxes = call.shapes[0][2];
  const bool isCenter = call.param(0) != 0;
  struct Box {
    double low[2], high[2];
    double area() const { return (high[0] - low[0]) * (high[1] - low[1]); }
  };
  auto boxOf = [&](int64_t n, int64_t b) {
    Box box;
    for (int64_t d : {0, 1}) {
      const double p = call.at(1, {n, b, d}), q = call.at(1, {n, b, d + 2});
      box.low[d] = isCenter ? p - q / 2 : std::min(p, q);
      box.high[d] = isCenter ? p + q / 2 : std::max(p, q);
    }
    return box;
  };
  auto overlap = [](const Box &a, const Box &b) {
    Box common;
    for (int d : {0, 1}) {
      common.low[d] = std::max(a.low[d], b.low[d]);
      common.high[d] = std::min(a.high[d], b.high[d]);
      if (common.high[d] <= common.low[d])
        return 0.0;
    }
    const double all = a.area() + b.area() - common.area();
    return a.area() > 0 && b.area() > 0 && all > 0 ? common.area() / all : 0.0;
  };
  All all;
  for (int64_t n = 0; n < call.shapes[0][0]; ++n)
    for (int64_t c = 0; c < call.shapes[0][1]; ++c) {
      std::set<std::pair<double, int64_t>> left; // by descending score, then by place
      for (int64_t b = 0; b < boxes; ++b)
        if (call.at(0, {n, c, b}) > call.at(4, {0}))
          left.insert({-call.at(0, {n, c, b}), b});
      for (double count = 0; !left.empty() && count < call.at(2, {0}); ++count) {
        const int64_t best = left.begin()->second;
        left.erase(left.begin());
        all.insert(all.end(), {double(n), double(c), double(best)});
        std::erase_if(
            left, [&](const auto &other) { return overlap(boxOf(n, best), boxOf(n, other.second)) > call.at(3, {0}); });
      }
    }
  return all;
}

// Laplace's expansion where it is short; else by elimination.
double determinantOf(std::vector<std::vector<double>> m) {
  const size_t n = m.size();
  if (n == 0)
    return 1;
  if (n == 1)
    return m[0][0];
  if (n <= 3) {
    double sum = 0;
    for (size_t j = 0; j < n; ++j) {
      std::vector<std::vector<double>> minor;
      for (size_t i = 1; i < n; ++i) {
        minor.push_back(m[i]);
        minor.back().erase(minor.back().begin() + static_cast<std::ptrdiff_t>(j));
      }
      sum += (j % 2 == 0 ? 1 : -1) * m[0][j] * determinantOf(std::move(minor));
    }
    return sum;
  }
  // Column 0 below its largest element becomes 0.
  auto top = std::ranges::max_element(m, {}, [](const auto &row) { return std::fabs(row[0]); });
  if ((*top)[0] == 0)
    return 0;
  const double factor = ((top - m.begin()) % 2 == 0 ? 1 : -1) * (*top)[0];
  const std::vector<double> pivot = *top;
  m.erase(top);
  for (std::vector<double> &row : m) {
    const double share = row[0] / pivot[0];
    for (size_t j = 1; j < n; ++j)
      row[j] -= share * pivot[j];
    row.erase(row.begin());
  }
  return factor * determinantOf(std::move(m));
}

double determinant(const Call &call, Dims at) {
  const int64_t n = call.shapes[0][1];
  std::vector<std::vector<double>> m(n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      m[i].push_back(call.at(0, {at[0], i, j}));
  return determinantOf(std::move(m));
}

//===- Images -----------------------------------------------------------------------------------------------------===//

// The image at a point between its elements, zeros outside.
double between(const Call &call, int64_t n, int64_t c, double y, double x) {
  double sum = 0;
  for (double row : {std::floor(y), std::floor(y) + 1})
    for (double column : {std::floor(x), std::floor(x) + 1})
      if (row >= 0 && row < double(call.shapes[0][2]) && column >= 0 && column < double(call.shapes[0][3]))
        sum +=
            (1 - std::fabs(y - row)) * (1 - std::fabs(x - column)) * call.at(0, {n, c, int64_t(row), int64_t(column)});
  return sum;
}

// ONNX GridSample: where `normal` (-1 to 1) lies among `extent` elements, and how what is outside is found.
struct Axis {
  int64_t extent, mode, padding;
  bool isAligned;

  double first() const { return isAligned ? 0 : -0.5; }
  double last() const { return double(extent) - 1 - first(); }
  double reflected(double x) const {
    const double range = last() - first();
    if (range == 0)
      return first();
    const double period = std::fmod(std::fabs(x - first()), 2 * range);
    return first() + std::min(period, 2 * range - period);
  }
  double place(double normal) const {
    if (std::isnan(normal))
      normal = isAligned ? -1 : 1 / double(extent) - 1; // element 0
    double x = first() + (normal + 1) / 2 * (last() - first());
    x = std::min(std::max(x, -0x1p31), 0x1p31);
    if (mode == 1)
      x = std::nearbyint(x);
    if (x < first() || x > last())
      x = padding == 1 ? std::min(std::max(x, 0.0), double(extent) - 1) : padding == 2 ? reflected(x) : x;
    return x;
  }
  // -1: a zero
  int64_t element(double at) const {
    if (padding == 1)
      at = std::min(std::max(at, 0.0), double(extent) - 1);
    if (padding == 2)
      at = std::trunc(at < first() || at > last() ? reflected(at) : at);
    return at >= 0 && at < double(extent) ? int64_t(at) : -1;
  }
  double weight(double distance) const {
    const double d = std::fabs(distance), a = -0.75;
    if (mode != 2)
      return std::max(1 - d, 0.0);
    return d <= 1 ? (a + 2) * d * d * d - (a + 3) * d * d + 1 : a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a;
  }
};

double gridSample(const Call &call, Dims at) {
  const size_t dimensions = at.size() - 2;
  Shape point{at[0]};
  point.append(at.begin() + 2, at.end());
  point.push_back(0);
  std::vector<std::pair<double, Shape>> terms{{1, {at[0], at[1]}}}; // weights and the elements that they are of
  for (size_t d = 0; d < dimensions; ++d) {
    const Axis axis{call.shapes[0][2 + d], call.param(0), call.param(1), call.param(2) != 0};
    point.back() = static_cast<int64_t>(dimensions - 1 - d);
    const double x = axis.place(call.at(1, point)), reach = axis.mode == 2 ? 2 : 1;
    std::vector<std::pair<double, Shape>> longer;
    for (const auto &[weight, index] : terms)
      for (double tap = std::floor(x) - reach + 1; tap <= std::floor(x) + reach; ++tap)
        if (const int64_t element = axis.element(tap); element >= 0 && (axis.mode != 1 || axis.weight(x - tap) != 0)) {
          longer.push_back({weight * axis.weight(x - tap), index});
          longer.back().second.push_back(element);
        }
    terms = std::move(longer);
  }
  double sum = 0;
  for (const auto &[weight, index] : terms)
    sum += weight * call.at(0, index);
  return sum;
}

double roiAlign(const Call &call, Dims at) {
  const double scale = call.realParam(3), offset = call.param(1) != 0 ? 0.5 : 0;
  const int64_t image = static_cast<int64_t>(call.at(2, {at[0]}));
  // Axis 0 is y: corners are given as x, y.
  double start[2], bin[2];
  int64_t samples[2];
  for (int64_t d : {0, 1}) {
    start[d] = call.at(1, {at[0], 1 - d}) * scale - offset;
    double size = call.at(1, {at[0], 3 - d}) * scale - offset - start[d];
    if (call.param(1) == 0)
      size = std::max(size, 1.0);
    bin[d] = size / double(call.result[2 + d]);
    samples[d] = call.param(2) > 0 ? call.param(2) : int64_t(std::ceil(bin[d]));
  }
  double sum = 0, most = -kInfinity;
  for (int64_t i = 0; i < samples[0]; ++i)
    for (int64_t j = 0; j < samples[1]; ++j) {
      const int64_t step[2] = {i, j};
      double low[2], share[2];
      bool isInside = true;
      for (int64_t d : {0, 1}) {
        const double extent = double(call.shapes[0][2 + d]);
        const double place = start[d] + (double(at[2 + d]) + (double(step[d]) + 0.5) / double(samples[d])) * bin[d];
        isInside &= place >= -1 && place <= extent;
        const double inside = std::min(std::max(place, 0.0), extent - 1);
        low[d] = std::floor(inside);
        share[d] = inside - low[d];
      }
      double largest = isInside ? -kInfinity : 0;
      for (int corner = 0; corner < 4 && isInside; ++corner) {
        double part = 1;
        Shape index{image, at[1]};
        for (int d : {0, 1}) {
          const bool isFar = (corner >> (1 - d) & 1) != 0;
          part *= isFar ? share[d] : 1 - share[d];
          index.push_back(std::min(int64_t(low[d]) + isFar, call.shapes[0][2 + d] - 1));
        }
        part *= call.at(0, index);
        sum += part;
        largest = std::max(largest, part);
      }
      most = std::max(most, largest);
    }
  if (samples[0] <= 0 || samples[1] <= 0) // a region of no size
    return 0;
  return call.param(0) != 0 ? most : sum / double(samples[0] * samples[1]);
}

double maxRoiPool(const Call &call, Dims at) {
  int64_t begin[2], end[2];
  for (int64_t d : {0, 1}) {
    const double first = std::round(call.at(1, {at[0], 2 - d}) * call.realParam(0)),
                 last = std::round(call.at(1, {at[0], 4 - d}) * call.realParam(0));
    const double bin = std::max(last - first + 1, 1.0) / double(call.result[2 + d]),
                 extent = double(call.shapes[0][2 + d]);
    begin[d] = int64_t(std::clamp(first + std::floor(double(at[2 + d]) * bin), 0.0, extent));
    end[d] = int64_t(std::clamp(first + std::ceil(double(at[2 + d] + 1) * bin), 0.0, extent));
  }
  double most = begin[0] < end[0] && begin[1] < end[1] ? -kInfinity : 0;
  for (int64_t y = begin[0]; y < end[0]; ++y)
    for (int64_t x = begin[1]; x < end[1]; ++x)
      most = std::max(most, call.at(0, {int64_t(call.at(1, {at[0], 0})), at[1], y, x}));
  return most;
}

double deformConv(const Call &call, Dims at) {
  const Shape &weight = call.shapes[1];
  const int64_t perGroup = call.result[1] / call.param(6), channelsPerOffset = call.shapes[0][1] / call.param(7);
  double sum = 0;
  for (int64_t c = 0; c < weight[1]; ++c)
    for (int64_t i = 0; i < weight[2]; ++i)
      for (int64_t j = 0; j < weight[3]; ++j) {
        const int64_t channel = at[1] / perGroup * weight[1] + c;
        const int64_t tap = (channel / channelsPerOffset * weight[2] + i) * weight[3] + j;
        const double y = double(at[2] * call.param(0) - call.param(2) + i * call.param(4)) +
                         call.at(2, {at[0], 2 * tap, at[2], at[3]}),
                     x = double(at[3] * call.param(1) - call.param(3) + j * call.param(5)) +
                         call.at(2, {at[0], 2 * tap + 1, at[2], at[3]});
        sum +=
            between(call, at[0], channel, y, x) * call.at(1, {at[1], c, i, j}) * call.at(3, {at[0], tap, at[2], at[3]});
      }
  return sum;
}

using ElementOf = double (*)(const Call &, Dims);
using AllOf = All (*)(const Call &);

} // namespace

Reader libraryReader(Operation *op, Elements &elements) {
  auto library = dyn_cast<LibraryOp>(op);
  if (!library)
    return nullptr;
  auto call = std::make_shared<Call>(library);
  for (Value input : library.getInputs())
    call->numbers.push_back(elements.whole(input));
  const auto element = llvm::StringSwitch<ElementOf>(library.getName())
                           .Case("cumulate", cumulated)
                           .Case("determinant", determinant)
                           .Case("grid_sample", gridSample)
                           .Case("roi_align", roiAlign)
                           .Case("max_roi_pool", maxRoiPool)
                           .Case("deform_conv", deformConv)
                           .Default(nullptr);
  if (element)
    return [call, element](int64_t i) { return element(*call, indexAt(i, call->result)); };
  const auto function = llvm::StringSwitch<AllOf>(library.getName())
                            .Case("scatter", scatter)
                            .Case("topk_indices", topkIndices)
                            .Case("non_max_suppression", nonMaxSuppression)
                            .Case("nonzero", nonzero)
                            .Case("compress", compress)
                            .Case("unique", unique)
                            .Default(nullptr);
  if (!function)
    return nullptr;
  auto all = std::make_shared<const All>(function(*call));
  if (static_cast<int64_t>(all->size()) != elementCount(call->result)) {
    if (!elements.problem)
      elements.problem = Diag{"", library.getName().str() + " gives " + std::to_string(all->size()) +
                                      " numbers, the model has " + shapeText(call->result)};
    return [](int64_t) { return 0.0; };
  }
  return [all](int64_t i) { return (*all)[i]; };
}

} // namespace tw::ir::definition
