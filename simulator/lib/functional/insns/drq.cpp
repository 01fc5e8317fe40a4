// SPDX-License-Identifier: Apache-2.0
#include "Drain.h"

namespace tw::simulator {

Effects executeDrq(State &state, const isa::Line &line) {
  const RecordHead p = readRecord(state, line.get(isa::drq::param));
  Effects effects;
  forLanes(state.n, [&]<int N>() {
    vectorised([&]() __attribute__((always_inline)) {
      forEachDrainRow(state, line,
                      [&](const int32_t *sum, const int32_t *bias, const int32_t *mult, uint64_t, uint64_t, uint64_t,
                          int8_t *y) __attribute__((always_inline)) {
                        int32_t wide[N];
                        effects.saturations += requantRow<N>(sum, bias, mult, p.zp, wide);
                        for (int lane = 0; lane < N; ++lane)
                          y[lane] = static_cast<int8_t>(limit(saturate(wide[lane]), p.lo, p.hi));
                      });
    });
  });
  return effects;
}

} // namespace tw::simulator
