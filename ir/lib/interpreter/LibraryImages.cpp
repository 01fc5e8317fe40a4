// SPDX-License-Identifier: Apache-2.0
// Library functions on images. Numbers are float64 until they are stored.
#include "LibraryOps.h"

#include "tw/isa/DiagError.h"

#include "llvm/ADT/bit.h"

#include <algorithm>
#include <cmath>

namespace tw::ir {
namespace {

llvm::Error noImage(double image, int64_t images) {
  return errorAt("", "a region names image " + llvm::Twine(static_cast<int64_t>(image)) + " of " + llvm::Twine(images));
}

//===- grid_sample ------------------------------------------------------------------------------------------------===//

struct Tap {
  std::optional<int64_t> place; // none: outside, zero
  double weight;
};

struct GridAxis {
  int64_t extent;
  enum : int64_t { Linear, Nearest, Cubic } mode;
  enum : int64_t { Zeros, Border, Reflection } padding;
  bool isAligned;

  double low() const { return isAligned ? 0 : -0.5; }
  double high() const { return static_cast<double>(extent) - (isAligned ? 1 : 0.5); }

  double fold(double x) const {
    const double range = high() - low();
    if (x >= low() && x <= high())
      return x;
    if (range <= 0)
      return low();
    const bool isBelow = x < low();
    const double beyond = isBelow ? low() - x : x - high(), turns = std::trunc(beyond / range),
                 rest = beyond - turns * range;
    const bool turnsBack = std::fmod(turns, 2) == 0;
    return isBelow == turnsBack ? low() + rest : high() - rest;
  }

  double position(double normal) const {
    const double n = static_cast<double>(extent);
    double x = isAligned ? (normal + 1) / 2 * (n - 1) : ((normal + 1) * n - 1) / 2;
    x = std::isnan(x) ? 0 : std::clamp(x, -0x1p31, 0x1p31);
    if (mode == Nearest)
      x = std::nearbyint(x);
    if (padding == Border && (x < low() || x > high()))
      return std::clamp(x, 0.0, n - 1);
    return padding == Reflection ? fold(x) : x;
  }

  std::optional<int64_t> element(int64_t at) const {
    if (padding == Border)
      return std::clamp<int64_t>(at, 0, extent - 1);
    if (padding == Reflection)
      at = static_cast<int64_t>(fold(static_cast<double>(at)));
    return at >= 0 && at < extent ? std::optional(at) : std::nullopt;
  }

  // Keys, Cubic convolution interpolation (1981), with a = -3/4.
  static double cubic(double distance) {
    const double a = -0.75, x = std::fabs(distance);
    return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  }

  std::vector<Tap> taps(double normal) const {
    const double x = position(normal);
    const auto base = static_cast<int64_t>(std::floor(x));
    std::vector<Tap> list;
    if (mode == Nearest)
      list.push_back({element(base), 1});
    else if (mode == Linear)
      for (int64_t at : {base, base + 1})
        list.push_back({element(at), 1 - std::fabs(x - static_cast<double>(at))});
    else
      for (int64_t at = base - 1; at <= base + 2; ++at)
        list.push_back({element(at), cubic(x - static_cast<double>(at))});
    return list;
  }
};

// The sum over the taps of all dimensions from `d` on, those in front chosen.
void addTaps(const Tensor &data, llvm::ArrayRef<std::vector<Tap>> taps, size_t d, int64_t begin, double weight,
             double &sum) {
  if (d == taps.size()) {
    sum += weight * data.numberAt(begin);
    return;
  }
  for (const Tap &tap : taps[d])
    if (tap.place)
      addTaps(data, taps, d + 1, begin * data.shape[2 + d] + *tap.place, weight * tap.weight, sum);
}

//===- roi_align --------------------------------------------------------------------------------------------------===//

// One of the two elements of an axis around a place, and the share of the second.
struct Neighbours {
  int64_t first, second;
  double share;
  Neighbours(double place, int64_t extent) {
    place = std::max(place, 0.0);
    first = static_cast<int64_t>(place);
    if (first >= extent - 1) {
      first = second = extent - 1;
      share = 0;
    } else {
      second = first + 1;
      share = place - static_cast<double>(first);
    }
  }
};

bool isNear(double place, int64_t extent) { return place >= -1 && place <= static_cast<double>(extent); }

} // namespace

llvm::Error gridSample(const Operands &in, Params params, Tensor &result) {
  const size_t dimensions = in[0].shape.size() - 2;
  const int64_t points = elementCount(Dims(result.shape).drop_front(2)), channels = result.shape[1];
  for (int64_t n = 0; n < result.shape[0]; ++n)
    for (int64_t p = 0; p < points; ++p) {
      std::vector<std::vector<Tap>> taps;
      for (size_t d = 0; d < dimensions; ++d) {
        const int64_t place = (n * points + p + 1) * static_cast<int64_t>(dimensions) - 1 - static_cast<int64_t>(d);
        const GridAxis axis{in[0].shape[2 + d], static_cast<decltype(GridAxis::mode)>(params[0]),
                            static_cast<decltype(GridAxis::padding)>(params[1]), params[2] != 0};
        taps.push_back(axis.taps(in[1].numberAt(place)));
      }
      for (int64_t c = 0; c < channels; ++c) {
        double sum = 0;
        addTaps(in[0], taps, 0, n * channels + c, 1, sum);
        result.setNumber((n * channels + c) * points + p, sum);
      }
    }
  return llvm::Error::success();
}

llvm::Error roiAlign(const Operands &in, Params params, Tensor &result) {
  const bool isMax = params[0] != 0, isHalf = params[1] != 0;
  const double scale = llvm::bit_cast<double>(params[3]), offset = isHalf ? 0.5 : 0;
  const int64_t height = in[0].shape[2], width = in[0].shape[3], rows = result.shape[2], columns = result.shape[3];
  for (int64_t n = 0; n < result.shape[0]; ++n)
    if (const int64_t image = in[2].integerAt(n); image < 0 || image >= in[0].shape[0])
      return noImage(static_cast<double>(image), in[0].shape[0]);
  forEachIndex(result.shape, [&](int64_t i, Dims at) {
    auto corner = [&](int64_t k) { return in[1].numberAt(at[0] * 4 + k) * scale - offset; };
    double wide = corner(2) - corner(0), high = corner(3) - corner(1);
    if (!isHalf) {
      wide = std::max(1.0, wide);
      high = std::max(1.0, high);
    }
    const double tall = high / static_cast<double>(rows), broad = wide / static_cast<double>(columns);
    const int64_t down = params[2] > 0 ? params[2] : static_cast<int64_t>(std::ceil(tall)),
                  across = params[2] > 0 ? params[2] : static_cast<int64_t>(std::ceil(broad));
    const int64_t begin = (in[2].integerAt(at[0]) * in[0].shape[1] + at[1]) * height * width;
    double sum = 0;
    std::optional<double> largest;
    for (int64_t r = 0; r < down; ++r)
      for (int64_t c = 0; c < across; ++c) {
        const double y = corner(1) + static_cast<double>(at[2]) * tall +
                         (static_cast<double>(r) + 0.5) * tall / static_cast<double>(down),
                     x = corner(0) + static_cast<double>(at[3]) * broad +
                         (static_cast<double>(c) + 0.5) * broad / static_cast<double>(across);
        double parts[4] = {0, 0, 0, 0};
        if (isNear(y, height) && isNear(x, width)) {
          const Neighbours v(y, height), h(x, width);
          for (int k = 0; k < 4; ++k) {
            const int64_t place = (k < 2 ? v.first : v.second) * width + (k % 2 == 0 ? h.first : h.second);
            parts[k] =
                (k < 2 ? 1 - v.share : v.share) * (k % 2 == 0 ? 1 - h.share : h.share) * in[0].numberAt(begin + place);
          }
        }
        sum += parts[0] + parts[1] + parts[2] + parts[3];
        const double most = *std::ranges::max_element(parts);
        if (!largest || *largest < most)
          largest = most;
      }
    result.setNumber(i, isMax ? largest.value_or(0) : sum / static_cast<double>(std::max<int64_t>(down * across, 1)));
  });
  return llvm::Error::success();
}

llvm::Error maxRoiPool(const Operands &in, Params params, Tensor &result) {
  const double scale = llvm::bit_cast<double>(params[0]);
  const int64_t height = in[0].shape[2], width = in[0].shape[3];
  for (int64_t n = 0; n < result.shape[0]; ++n)
    if (const double image = in[1].numberAt(n * 5); !(image >= 0 && image < static_cast<double>(in[0].shape[0])))
      return noImage(image, in[0].shape[0]);
  forEachIndex(result.shape, [&](int64_t i, Dims at) {
    auto corner = [&](int64_t k) { return std::llround(in[1].numberAt(at[0] * 5 + k) * scale); };
    // The elements of an axis that bin `bin` of `bins` covers.
    auto range = [](int64_t low, int64_t high, int64_t bin, int64_t bins, int64_t extent) {
      const double size = static_cast<double>(std::max<int64_t>(high - low + 1, 1)) / static_cast<double>(bins);
      auto edge = [&](double place) { return std::clamp<int64_t>(static_cast<int64_t>(place) + low, 0, extent); };
      return std::pair(edge(std::floor(static_cast<double>(bin) * size)),
                       edge(std::ceil(static_cast<double>(bin + 1) * size)));
    };
    auto [top, bottom] = range(corner(2), corner(4), at[2], result.shape[2], height);
    auto [left, right] = range(corner(1), corner(3), at[3], result.shape[3], width);
    const int64_t begin = (static_cast<int64_t>(in[1].numberAt(at[0] * 5)) * in[0].shape[1] + at[1]) * height * width;
    std::optional<double> most;
    for (int64_t y = top; y < bottom; ++y)
      for (int64_t x = left; x < right; ++x) {
        const double value = in[0].numberAt(begin + y * width + x);
        most = most && !(*most < value) ? *most : value;
      }
    result.setNumber(i, most.value_or(0));
  });
  return llvm::Error::success();
}

llvm::Error deformConv(const Operands &in, Params params, Tensor &result) {
  const Tensor &x = in[0], &w = in[1], &offset = in[2], &mask = in[3];
  const int64_t height = x.shape[2], width = x.shape[3], kh = w.shape[2], kw = w.shape[3];
  const int64_t outputsPerGroup = result.shape[1] / params[6], channelsPerOffset = x.shape[1] / params[7];
  forEachIndex(result.shape, [&](int64_t i, Dims at) {
    double sum = 0;
    for (int64_t c = 0; c < w.shape[1]; ++c) {
      const int64_t channel = at[1] / outputsPerGroup * w.shape[1] + c, group = channel / channelsPerOffset;
      for (int64_t k = 0; k < kh * kw; ++k) {
        const int64_t tap = group * kh * kw + k;
        auto moved = [&](int64_t which) {
          return offset.numberAt(offsetOf({at[0], 2 * tap + which, at[2], at[3]}, stridesOf(offset.shape)));
        };
        const double row = static_cast<double>(at[2] * params[0] - params[2]) +
                           static_cast<double>(k / kw * params[4]) + moved(0),
                     column = static_cast<double>(at[3] * params[1] - params[3]) +
                              static_cast<double>(k % kw * params[5]) + moved(1);
        double value = 0;
        if (row > -1 && row < static_cast<double>(height) && column > -1 && column < static_cast<double>(width)) {
          const double top = std::floor(row), left = std::floor(column);
          for (int corner = 0; corner < 4; ++corner) {
            const bool isBelow = corner >= 2, isRight = corner % 2 != 0;
            const int64_t y = static_cast<int64_t>(top) + isBelow, z = static_cast<int64_t>(left) + isRight;
            const double share =
                (isBelow ? row - top : 1 - (row - top)) * (isRight ? column - left : 1 - (column - left));
            if (y >= 0 && y < height && z >= 0 && z < width)
              value += share * x.numberAt(offsetOf({at[0], channel, y, z}, stridesOf(x.shape)));
          }
        }
        sum += value * w.numberAt((at[1] * w.shape[1] + c) * kh * kw + k) *
               mask.numberAt(offsetOf({at[0], tap, at[2], at[3]}, stridesOf(mask.shape)));
      }
    }
    result.setNumber(i, sum);
  });
  return llvm::Error::success();
}

} // namespace tw::ir
