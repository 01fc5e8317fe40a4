// SPDX-License-Identifier: Apache-2.0
// Library functions on rows of quantised values, written from LibraryFunctions.def and docs/numerics.md.
#include "LibraryOps.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace tw::ir {
namespace {

using Wide = __int128; // no step of these formulas leaves it

// The integer next to numerator / 2^shift, the even one of two.
int64_t nearest(Wide numerator, int64_t shift) {
  const Wide unit = Wide(1) << shift;
  Wide quotient = numerator / unit, rest = numerator % unit;
  if (rest < 0) {
    --quotient;
    rest += unit;
  }
  if (2 * rest > unit || (2 * rest == unit && quotient % 2 != 0))
    ++quotient;
  return static_cast<int64_t>(
      std::clamp<Wide>(quotient, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()));
}
template <typename T> T limited(int64_t x) {
  return static_cast<T>(std::clamp<int64_t>(x, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}

// A line through the 64 points of 2^37 / (64 + i) that lie beside the mantissa of x.
int64_t reciprocal(int64_t x, int64_t shift) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (x <= 0)
    return kMost;
  const int64_t exponent = std::bit_width(static_cast<uint64_t>(x)) - 1;
  const int64_t mantissa = (x << (31 - exponent)) - (int64_t(1) << 31); // 31 bits
  const int64_t entry = mantissa / (1 << 25), fraction = mantissa % (1 << 25) / (1 << 9);
  auto point = [](int64_t i) { return ((int64_t(1) << 38) / (64 + i) + 1) / 2; };
  const int64_t value = point(entry) - (point(entry) - point(entry + 1)) * fraction / (1 << 16);
  const int64_t places = 31 + exponent - shift;
  return places < 0 ? kMost : std::min(nearest(value, places), kMost);
}

// The same for 1 / sqrt(x): points of sqrt(2^63 / d) from below, in units of 4, for d of 32 to 63 and, from odd
// exponents on, of 64 to 126.
int64_t inverseRoot(int64_t x, int64_t shift) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (x <= 0)
    return kMost;
  const int64_t exponent = std::bit_width(static_cast<uint64_t>(x)) - 1, odd = exponent % 2;
  const int64_t mantissa = (x << (31 - exponent)) - (int64_t(1) << 31);
  const int64_t entry = mantissa / (1 << 26), fraction = mantissa % (1 << 26) / (1 << 10);
  auto point = [&](int64_t i) { // i may be the next exponent's first
    const uint64_t under = (uint64_t(1) << 63) / static_cast<uint64_t>((32 + i) << odd);
    auto root = static_cast<uint64_t>(std::sqrt(static_cast<double>(under)));
    while (root * root > under)
      --root;
    while ((root + 1) * (root + 1) <= under)
      ++root;
    return static_cast<int64_t>(4 * root);
  };
  const int64_t value = point(entry) - (point(entry) - point(entry + 1)) * fraction / (1 << 16);
  const int64_t places = 31 + exponent / 2 - shift;
  return places < 0 ? kMost : std::min(nearest(value, places), kMost);
}

// The rows of values of which a mean is taken, by the four params that say how.
struct Row {
  Row(const Operands &in, Params params, int64_t row) : center(params[1]), inverse(params[2]), places(params[3]) {
    const int64_t n = in[0].shape[1];
    for (int8_t x : in[0].values<int8_t>().slice(static_cast<size_t>(row * n), static_cast<size_t>(n)))
      values.push_back(x - center);
    if (params[0] != 0)
      mean = limited<int32_t>(nearest(-Wide(sum(1)) * inverse, places - 22));
  }
  int64_t sum(int power) const {
    int64_t total = 0;
    for (int64_t x : values)
      total += power == 1 ? x : x * x;
    return total;
  }
  std::vector<int64_t> values;
  int64_t center, inverse, places;
  int64_t mean = 0; // with the other sign, in units of 2^-22
};

} // namespace

llvm::Error varianceI8(const Operands &in, Params params, Tensor &result) {
  for (int64_t r = 0; r < result.size(); ++r) {
    const Row row(in, params, r);
    const Wide square = limited<int32_t>(nearest(Wide(row.mean) * row.mean, 30));
    const int64_t variance = limited<int32_t>(
        nearest(Wide(row.sum(2)) * row.inverse - square * (Wide(1) << (row.places - 14)), row.places - 14));
    const int64_t steps = nearest(limited<int32_t>(nearest(Wide(variance) * params[4], params[5])), 16);
    result.data<int8_t>()[r] = limited<int8_t>(steps + params[6]);
  }
  return llvm::Error::success();
}

llvm::Error normaliseI8(const Operands &in, Params params, Tensor &result) {
  const int8_t *tables = in[2].data<int8_t>();
  const int64_t n = in[0].shape[1], zero = params[6];
  for (int64_t r = 0; r < in[0].shape[0]; ++r) {
    const Row row(in, params, r);
    const int64_t u = in[1].data<int8_t>()[r] + 128;
    auto byte = [&](int64_t k) -> int64_t { return tables[k * 256 + u] + 128; };
    auto times = [&](int64_t x, int64_t m, int64_t shift) {
      return nearest(Wide(x) * m + limited<int32_t>(nearest(Wide(row.mean) * m, 22)), shift);
    };
    for (int64_t i = 0; i < n; ++i) {
      const int64_t x = row.values[static_cast<size_t>(i)];
      int64_t y = limited<int8_t>(times(x, (byte(0) * 256 + byte(1)) * 256 + byte(2), params[4]) + zero);
      if (in[2].shape[0] > 3)
        y = limited<int8_t>(y + 4 * limited<int8_t>(times(x, int64_t(tables[3 * 256 + u]) * 65536, params[5])));
      result.data<int8_t>()[r * n + i] = static_cast<int8_t>(y);
    }
  }
  return llvm::Error::success();
}

llvm::Error normI8(const Operands &in, Params params, Tensor &result) {
  const int64_t n = in[0].shape[1];
  for (int64_t r = 0; r < in[0].shape[0]; ++r) {
    const Row row(in, params, r);
    const int64_t nextToMean = nearest(row.mean, 22), moved = row.sum(1) + n * nextToMean;
    const Wide squares = row.sum(2) + nextToMean * (row.sum(1) + moved);
    const int64_t variance = limited<int32_t>(nearest((squares << 30) - Wide(moved) * moved * params[4], params[5]));
    const int64_t root = inverseRoot(limited<int32_t>(variance + params[6]), params[7]);
    const Wide factor = limited<int32_t>(nearest(Wide(root) * params[8], params[9]));
    const Wide addend = limited<int32_t>(nearest(row.mean * factor, 22));
    int8_t *high = result.data<int8_t>() + 2 * r * n, *low = high + n;
    for (int64_t i = 0; i < n; ++i) {
      const Wide z = row.values[static_cast<size_t>(i)] * factor + addend;
      high[i] = limited<int8_t>(nearest(z, params[10] + 6));
      low[i] = limited<int8_t>(nearest(z - high[i] * (Wide(1) << (params[10] + 6)), params[10]));
    }
  }
  return llvm::Error::success();
}

llvm::Error softmaxI8(const Operands &in, Params params, Tensor &result) {
  const int64_t factor = params[0], shift = params[1], zero = params[2], n = in[0].shape[1];
  const int8_t *tables = in[1].data<int8_t>();
  for (int64_t row = 0; row < in[0].shape[0]; ++row) {
    const int8_t *x = in[0].data<int8_t>() + row * n, *mask = in[2].data<int8_t>() + row % in[2].shape[0] * n;
    std::vector<int64_t> taken;
    for (int64_t i = 0; i < n; ++i)
      if (mask[i] != 0)
        taken.push_back(i);
    int64_t top = -128;
    for (int64_t i : taken)
      top = std::max<int64_t>(top, x[i]);
    auto part = [&](int64_t k, int64_t i) -> int64_t { return tables[k * 256 + x[i] - top + 255]; };
    auto high = [&](int64_t i) { return part(0, i) + 128; };
    auto low = [&](int64_t i) { return part(1, i) + 128; };
    Wide sum = 0; // in units of 1 / 256
    for (int64_t i : taken)
      sum += 256 * (256 * high(i) + low(i)) + (in[1].shape[0] > 2 ? part(2, i) : 0);
    const Wide multiplier = limited<int32_t>(nearest(Wide(reciprocal(nearest(sum, 8), 46)) * factor, 30));
    int8_t *y = result.data<int8_t>() + row * n;
    std::fill_n(y, n, static_cast<int8_t>(zero));
    for (int64_t i : taken)
      y[i] = limited<int8_t>(nearest(high(i) * multiplier + low(i) * nearest(multiplier, 8), shift) + zero);
  }
  return llvm::Error::success();
}

} // namespace tw::ir
