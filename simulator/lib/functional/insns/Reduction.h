// SPDX-License-Identifier: Apache-2.0
// The walk of the reductions: all rows of a result, then the result.
#ifndef TW_SIMULATOR_FUNCTIONAL_INSNS_REDUCTION_H
#define TW_SIMULATOR_FUNCTIONAL_INSNS_REDUCTION_H

#include "../Kernels.h"
#include "../Vector.h"

#include <cstring>

namespace tw::simulator {

static_assert(isa::redsum::param.lsb == isa::redsq::param.lsb && isa::redsum::param.lsb == isa::redmax::param.lsb &&
              isa::redsum::param.lsb == isa::redmin::param.lsb && isa::redsum::a.lsb == isa::redmin::a.lsb);

/// step(running value of a lane, byte) for each row, in int32, from `first` on; finish(running values, y) for each
/// result.
template <int N, typename Step, typename Finish>
TW_ALWAYS_INLINE void forEachReduction(State &state, const isa::Line &line, int32_t first, Step step, Finish finish) {
  namespace f = isa::redsum;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const uint64_t n0 = get(f::n0), n1 = get(f::n1), n2 = get(f::n2);
  const TileWalk a{get(f::a), get(f::a_s0), get(f::a_s1), get(f::a_s2)};
  const uint64_t y = get(f::y), stride = get(f::y_s2);
  for (uint64_t i2 = 0; i2 < n2; ++i2) {
    int32_t running[N];
    std::fill(running, running + N, first);
    for (uint64_t i1 = 0; i1 < n1; ++i1)
      for (uint64_t i0 = 0; i0 < n0; ++i0) {
        const int8_t *row = state.spmAt(a.at(i2, i0, i1));
        for (int lane = 0; lane < N; ++lane)
          running[lane] = step(running[lane], int32_t{row[lane]});
      }
    finish(running, state.spmAt(y + i2 * stride));
  }
}

/// Sums: N int32 in four rows. value(a - za) is what a byte adds.
template <typename ValueOf> Effects executeSum(State &state, const isa::Line &line, ValueOf value) {
  const int32_t za = readRecord(state, static_cast<uint64_t>(line.get(isa::redsum::param))).za;
  forLanes(state.n, [&]<int N>() {
    vectorised([&]() __attribute__((always_inline)) {
      forEachReduction<N>(
          state, line, 0,
          [&](int32_t sum, int32_t a) __attribute__((always_inline)) { return isa::addWrap32(sum, value(a - za)); },
          [&](const int32_t *sums, int8_t *y)
              __attribute__((always_inline)) { std::memcpy(y, sums, N * sizeof(int32_t)); });
    });
  });
  return {};
}

/// Extremes: one row, rescaled once.
template <typename Step> Effects executeExtreme(State &state, const isa::Line &line, int32_t first, Step step) {
  const RecordHead p = readRecord(state, static_cast<uint64_t>(line.get(isa::redsum::param)));
  const double factor = p.ma * inversePower(p.shift);
  forLanes(state.n, [&]<int N>() {
    vectorised([&]() __attribute__((always_inline)) {
      forEachReduction<N>(state, line, first, step, [&](const int32_t *top, int8_t *y) __attribute__((always_inline)) {
        for (int lane = 0; lane < N; ++lane)
          y[lane] = static_cast<int8_t>(limit(saturate(roundLimited((top[lane] - p.za) * factor) + p.zy), p.lo, p.hi));
      });
    });
  });
  return {};
}

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_INSNS_REDUCTION_H
