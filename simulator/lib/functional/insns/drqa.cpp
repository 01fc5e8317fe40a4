// SPDX-License-Identifier: Apache-2.0
#include "Drain.h"

namespace tw::simulator {

Effects executeDrqa(State &state, const isa::Line &line) {
  namespace f = isa::drqa;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const RecordHead p = readRecord(state, get(f::param));
  const TileWalk r{get(f::r), get(f::r_hs), get(f::r_ws), get(f::r_cs)};
  const double inverse = inversePower(p.shift), ma = p.ma, mb = p.mb;
  Effects effects;
  forLanes(state.n, [&]<int N>() {
    vectorised([&]() __attribute__((always_inline)) {
      forEachDrainRow(state, line,
                      [&](const int32_t *sum, const int32_t *bias, const int32_t *mult, uint64_t ocb, uint64_t oh,
                          uint64_t ow, int8_t *y) __attribute__((always_inline)) {
                        const int8_t *residual = state.spmAt(r.at(ocb, oh, ow));
                        int32_t wide[N];
                        effects.saturations += requantRow<N>(sum, bias, mult, p.zp, wide);
                        int8_t result[N]; // y may be the residual's row
                        for (int lane = 0; lane < N; ++lane) {
                          const double q = (saturate(wide[lane]) - p.za) * ma;
                          const double s = q + (residual[lane] - p.zb) * mb;
                          result[lane] =
                              static_cast<int8_t>(limit(saturate(roundLimited(s * inverse) + p.zy), p.lo, p.hi));
                        }
                        std::copy(result, result + N, y);
                      });
    });
  });
  return effects;
}

} // namespace tw::simulator
