// SPDX-License-Identifier: Apache-2.0
#include "Window.h"

namespace tw::simulator {

Effects executePoolavg(State &state, const isa::Line &line) {
  const Window window(state, line);
  const RecordHead p = readRecord(state, window.param);
  const int32_t *table = state.paramRow(window.param + 1); // rows of words are contiguous
  forLanes(state.n, [&]<int N>() {
    vectorised([&]() __attribute__((always_inline)) {
      window.forEachOutput([&](int64_t ocb, int64_t oh, int64_t ow) __attribute__((always_inline)) {
        int32_t sum[N] = {}, count = 0;
        window.forEachTap(ocb, oh, ow, [&](int64_t, const int8_t *row) __attribute__((always_inline)) {
          if (!row)
            return;
          ++count;
          for (int lane = 0; lane < N; ++lane)
            sum[lane] += row[lane];
        });
        const int32_t m = table[std::max(count, 1) - 1];
        int8_t *y = state.spmAt(window.y.at(ocb, oh, ow));
        for (int lane = 0; lane < N; ++lane)
          y[lane] = static_cast<int8_t>(
              limit(isa::poolAvg(sum[lane], count, static_cast<int8_t>(p.za), m, p.shift, static_cast<int8_t>(p.zy)),
                    p.lo, p.hi));
      });
    });
  });
  return {};
}

} // namespace tw::simulator
