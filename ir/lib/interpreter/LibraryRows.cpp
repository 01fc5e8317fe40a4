// SPDX-License-Identifier: Apache-2.0
// Library functions that choose rows by their values, and determinants.
#include "LibraryOps.h"

#include "tw/isa/DiagError.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace tw::ir {
namespace {

llvm::Error otherCount(int64_t count, int64_t room) {
  return errorAt("", "its operands give " + llvm::Twine(count) + " rows, the model's shape has " + llvm::Twine(room));
}

// [low, high] of one axis of a box.
std::pair<double, double> side(const Tensor &boxes, int64_t box, int64_t axis, bool isCenter) {
  const double a = boxes.numberAt(box * 4 + axis), b = boxes.numberAt(box * 4 + 2 + axis);
  return isCenter ? std::pair(a - b / 2, a + b / 2) : std::pair(std::min(a, b), std::max(a, b));
}

double overlap(const Tensor &boxes, int64_t a, int64_t b, bool isCenter) {
  double common = 1, first = 1, second = 1;
  for (int64_t axis : {0, 1}) {
    const auto p = side(boxes, a, axis, isCenter), q = side(boxes, b, axis, isCenter);
    common *= std::max(std::min(p.second, q.second) - std::max(p.first, q.first), 0.0);
    first *= p.second - p.first;
    second *= q.second - q.first;
  }
  const double all = first + second - common;
  return common > 0 && first > 0 && second > 0 && all > 0 ? common / all : 0;
}

// Elements of a row in an order in which a NaN is the largest, and equal to another.
template <typename T> bool isLess(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    if (std::isnan(a) || std::isnan(b))
      return !std::isnan(a) && std::isnan(b);
  return a < b;
}

} // namespace

llvm::Error determinant(const Operands &in, Params, Tensor &result) {
  const int64_t n = in[0].shape[1];
  for (int64_t b = 0; b < result.shape[0]; ++b) {
    std::vector<std::vector<double>> rows(n, std::vector<double>(n));
    for (int64_t i = 0; i < n * n; ++i)
      rows[i / n][i % n] = in[0].numberAt(b * n * n + i);
    double product = 1;
    for (int64_t k = 0; k < n && product != 0; ++k) {
      auto pivot = std::max_element(rows.begin() + k, rows.end(),
                                    [&](const auto &x, const auto &y) { return std::fabs(x[k]) < std::fabs(y[k]); });
      if (pivot != rows.begin() + k) {
        std::swap(*pivot, rows[k]);
        product = -product;
      }
      product *= rows[k][k];
      for (int64_t i = k + 1; i < n && rows[k][k] != 0; ++i) {
        const double factor = rows[i][k] / rows[k][k];
        for (int64_t j = k + 1; j < n; ++j)
          rows[i][j] -= factor * rows[k][j];
      }
    }
    result.setNumber(b, product);
  }
  return llvm::Error::success();
}

llvm::Error nonMaxSuppression(const Operands &in, Params params, Tensor &result) {
  const Tensor &scores = in[0], &boxes = in[1];
  const int64_t classes = scores.shape[1], count = scores.shape[2];
  std::vector<int64_t> rows;
  for (int64_t n = 0; n < scores.shape[0]; ++n)
    for (int64_t c = 0; c < classes; ++c) {
      auto score = [&](int64_t box) { return scores.numberAt((n * classes + c) * count + box); };
      std::vector<int64_t> candidates, kept;
      for (int64_t box = 0; box < count; ++box)
        if (score(box) > in[4].numberAt(0))
          candidates.push_back(box);
      std::ranges::sort(candidates,
                        [&](int64_t a, int64_t b) { return score(a) != score(b) ? score(a) > score(b) : a < b; });
      for (int64_t box : candidates) {
        if (static_cast<int64_t>(kept.size()) >= in[2].integerAt(0))
          break;
        if (std::ranges::any_of(kept, [&](int64_t other) {
              return overlap(boxes, n * count + box, n * count + other, params[0] != 0) > in[3].numberAt(0);
            }))
          continue;
        kept.push_back(box);
        rows.insert(rows.end(), {n, c, box});
      }
    }
  if (static_cast<int64_t>(rows.size()) != result.size())
    return otherCount(static_cast<int64_t>(rows.size() / 3), result.shape[0]);
  std::ranges::copy(rows, result.data<int64_t>());
  return llvm::Error::success();
}

llvm::Error nonzero(const Operands &in, Params, Tensor &result) {
  std::vector<Shape> found;
  forEachIndex(in[0].shape, [&](int64_t i, Dims index) {
    if (isReal(in[0].type) ? in[0].numberAt(i) != 0 : in[0].integerAt(i) != 0)
      found.emplace_back(index);
  });
  const int64_t count = static_cast<int64_t>(found.size());
  if (count != result.shape[1])
    return otherCount(count, result.shape[1]);
  for (int64_t i = 0; i < result.size(); ++i)
    result.setInteger(i, found[i % count][i / count]);
  return llvm::Error::success();
}

llvm::Error compress(const Operands &in, Params, Tensor &result) {
  const int64_t extent = in[0].shape[1], inner = in[0].shape[2];
  std::vector<int64_t> taken;
  for (int64_t k = 0; k < std::min(extent, in[1].size()); ++k)
    if (in[1].integerAt(k) != 0)
      taken.push_back(k);
  if (static_cast<int64_t>(taken.size()) != result.shape[1])
    return otherCount(static_cast<int64_t>(taken.size()), result.shape[1]);
  forEachIndex(result.shape, [&](int64_t i, Dims at) {
    copyElement(result, i, in[0], (at[0] * extent + taken[at[1]]) * inner + at[2]);
  });
  return llvm::Error::success();
}

llvm::Error unique(const Operands &in, Params params, Tensor &result) {
  const int64_t rows = in[0].shape[0], inner = in[0].shape[1];
  return withElementType(in[0].type, [&](auto element) -> llvm::Error {
    using T = decltype(element);
    if constexpr (!std::is_arithmetic_v<T>) {
      return errorAt("", "it is not defined for " + llvm::StringRef(elementTypeName(in[0].type)));
    } else {
      const T *data = in[0].data<T>();
      auto less = [&](int64_t i, int64_t j) {
        return std::lexicographical_compare(data + i * inner, data + (i + 1) * inner, data + j * inner,
                                            data + (j + 1) * inner, isLess<T>);
      };
      std::map<int64_t, std::vector<int64_t>, decltype(less)> groups(less); // by value, each with its rows in order
      for (int64_t i = 0; i < rows; ++i)
        groups[i].push_back(i);
      std::vector<std::vector<int64_t>> list;
      for (const auto &[first, members] : groups)
        list.push_back(members);
      if (params[0] == 0)
        std::ranges::sort(list, {}, [](const auto &members) { return members.front(); });
      if (static_cast<int64_t>(list.size()) != params[2])
        return otherCount(static_cast<int64_t>(list.size()), params[2]);
      for (auto [number, members] : llvm::enumerate(list))
        if (params[1] == 1)
          for (int64_t i : members)
            result.setInteger(i, static_cast<int64_t>(number));
        else
          result.setInteger(static_cast<int64_t>(number),
                            params[1] == 0 ? members.front() : static_cast<int64_t>(members.size()));
      return llvm::Error::success();
    }
  });
}

} // namespace tw::ir
