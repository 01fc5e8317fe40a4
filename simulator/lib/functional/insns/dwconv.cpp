// SPDX-License-Identifier: Apache-2.0
#include "Window.h"

namespace tw::simulator {

Effects executeDwconv(State &state, const isa::Line &line) {
  const Window window(state, line);
  const RecordHead p = readRecord(state, window.param);
  const int64_t taps = window.kh_n * window.kw_n;
  const int8_t *w = state.spmAt(line.get(isa::dwconv::w));
  const auto pad = static_cast<int32_t>(line.get(isa::dwconv::pad_value));
  Effects effects;
  forLanes(state.n, [&]<int N>() {
    vectorised([&]() __attribute__((always_inline)) {
      window.forEachOutput([&](int64_t ocb, int64_t oh, int64_t ow) __attribute__((always_inline)) {
        const int32_t *bias = state.paramRow(window.param + 1 + 2 * ocb),
                      *mult = state.paramRow(window.param + 2 + 2 * ocb);
        int32_t sum[N] = {}; // at most 2^16 taps of 2^14
        window.forEachTap(ocb, oh, ow, [&](int64_t tap, const int8_t *row) __attribute__((always_inline)) {
          const int8_t *weights = w + (ocb * taps + tap) * N;
          for (int lane = 0; lane < N; ++lane)
            sum[lane] += (row ? row[lane] : pad) * weights[lane];
        });
        int8_t *y = state.spmAt(window.y.at(ocb, oh, ow));
        uint32_t outside = 0;
        for (int lane = 0; lane < N; ++lane) {
          const int32_t wide = requantWide(sum[lane], bias[lane], mult[lane], p.zp), q = saturate(wide);
          outside += wide != q;
          y[lane] = static_cast<int8_t>(limit(q, p.lo, p.hi));
        }
        effects.saturations += outside;
      });
    });
  });
  return effects;
}

} // namespace tw::simulator
