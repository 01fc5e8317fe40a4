// SPDX-License-Identifier: Apache-2.0
#include "Window.h"

namespace tw::simulator {

Effects executePoolmax(State &state, const isa::Line &line) {
  const Window window(state, line);
  const RecordHead p = readRecord(state, window.param);
  const double factor = p.ma * inversePower(p.shift);
  forLanes(state.n, [&]<int N>() {
    vectorised([&]() __attribute__((always_inline)) {
      window.forEachOutput([&](int64_t ocb, int64_t oh, int64_t ow) __attribute__((always_inline)) {
        int8_t top[N];
        std::fill(top, top + N, int8_t{-128});
        window.forEachTap(ocb, oh, ow, [&](int64_t, const int8_t *row) __attribute__((always_inline)) {
          if (row)
            for (int lane = 0; lane < N; ++lane)
              top[lane] = std::max(top[lane], row[lane]);
        });
        int8_t *y = state.spmAt(window.y.at(ocb, oh, ow));
        for (int lane = 0; lane < N; ++lane)
          y[lane] = static_cast<int8_t>(limit(saturate(roundLimited((top[lane] - p.za) * factor) + p.zy), p.lo, p.hi));
      });
    });
  });
  return {};
}

} // namespace tw::simulator
