// SPDX-License-Identifier: Apache-2.0
// The walk of the drains over ACC, with a row kernel for each instruction.
#ifndef TW_SIMULATOR_FUNCTIONAL_INSNS_DRAIN_H
#define TW_SIMULATOR_FUNCTIONAL_INSNS_DRAIN_H

#include "../Kernels.h"
#include "../Vector.h"

namespace tw::simulator {

// drqa begins with the fields of drq.
static_assert(isa::drq::param.lsb == isa::drqa::param.lsb && isa::drq::y_cs.lsb == isa::drqa::y_cs.lsb);

/// Calls row(sum, bias, mult, ocb, oh, ow, y) for each row of lanes; pointers to n words, y to n bytes.
template <typename Row> TW_ALWAYS_INLINE void forEachDrainRow(State &state, const isa::Line &line, Row row) {
  namespace f = isa::drq;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const uint64_t oc_n = get(f::oc_n), oh_n = get(f::oh_n), ow_n = get(f::ow_n), param = get(f::param);
  const TileWalk y{get(f::y), get(f::y_hs), get(f::y_ws), get(f::y_cs)};
  const int32_t *sum = state.accRow(get(f::acc));
  for (uint64_t ocb = 0; ocb < oc_n; ++ocb) {
    const int32_t *bias = state.paramRow(param + 1 + 2 * ocb), *mult = state.paramRow(param + 2 + 2 * ocb);
    for (uint64_t oh = 0; oh < oh_n; ++oh)
      for (uint64_t ow = 0; ow < ow_n; ++ow, sum += state.n)
        row(sum, bias, mult, ocb, oh, ow, state.spmAt(y.at(ocb, oh, ow)));
  }
}

/// wide = requantised sums before saturation; returns the lanes outside int8.
template <int N>
TW_ALWAYS_INLINE uint32_t requantRow(const int32_t *sum, const int32_t *bias, const int32_t *mult, int32_t zp,
                                     int32_t *wide) {
  uint32_t outside = 0;
  for (int lane = 0; lane < N; ++lane) {
    wide[lane] = requantWide(sum[lane], bias[lane], mult[lane], zp);
    outside += wide[lane] != saturate(wide[lane]);
  }
  return outside;
}

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_INSNS_DRAIN_H
