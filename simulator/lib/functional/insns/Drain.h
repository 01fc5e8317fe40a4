// SPDX-License-Identifier: Apache-2.0
// The walk of the drains over ACC and the stages of a row: requantise, add a residual, clamp, look up. Each instruction
// is one choice of them.
#ifndef TW_SIMULATOR_FUNCTIONAL_INSNS_DRAIN_H
#define TW_SIMULATOR_FUNCTIONAL_INSNS_DRAIN_H

#include "../Kernels.h"
#include "../Vector.h"

#include "tw/isa/Timing.h"

namespace tw::simulator {

// Every drain begins with the fields of drq, and those with a residual have it at one place.
static_assert(isa::drq::param.lsb == isa::drqa::param.lsb && isa::drq::y_cs.lsb == isa::drqa::y_cs.lsb);
static_assert(isa::drq::param.lsb == isa::drqt::param.lsb && isa::drq::y_cs.lsb == isa::drqt::y_cs.lsb);
static_assert(isa::drq::param.lsb == isa::drqtal::param.lsb && isa::drqa::r_cs.lsb == isa::drqtal::r_cs.lsb);
static_assert(isa::drqa::r_cs.lsb == isa::drqta::r_cs.lsb && isa::drqa::r_cs.lsb == isa::drqal::r_cs.lsb);
static_assert(isa::drql::table.lsb == isa::drqtl::table.lsb && isa::drqal::table.lsb == isa::drqtal::table.lsb);

/// One row of a drain: `parameters` are the rows of its channel block (bias, multipliers, perhaps shifts).
struct DrainRow {
  const int32_t *sum;
  const int32_t *parameters;
  uint64_t ocb, oh, ow;
  int8_t *y;
};

/// Calls row(DrainRow) for each row of lanes, in stream order. `rowsPerBlock`: parameter rows of a channel block.
template <typename Row>
TW_ALWAYS_INLINE void forEachDrainRow(State &state, const isa::Line &line, uint64_t rowsPerBlock, Row row) {
  namespace f = isa::drq;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const uint64_t oc_n = get(f::oc_n), oh_n = get(f::oh_n), ow_n = get(f::ow_n), param = get(f::param);
  const TileWalk y{get(f::y), get(f::y_hs), get(f::y_ws), get(f::y_cs)};
  const int32_t *sum = state.accRow(get(f::acc));
  for (uint64_t ocb = 0; ocb < oc_n; ++ocb) {
    const int32_t *parameters = state.paramRow(param + 1 + rowsPerBlock * ocb);
    for (uint64_t oh = 0; oh < oh_n; ++oh)
      for (uint64_t ow = 0; ow < ow_n; ++ow, sum += state.n)
        row(DrainRow{sum, parameters, ocb, oh, ow, state.spmAt(y.at(ocb, oh, ow))});
  }
}

/// wide = requantised sums before saturation; returns the lanes outside int8.
template <int N, bool kIsTflite> TW_ALWAYS_INLINE uint32_t requantRow(const DrainRow &row, int32_t zp, int32_t *wide) {
  const int32_t *bias = row.parameters, *mult = bias + N, *shift = mult + N;
  uint32_t outside = 0;
  for (int lane = 0; lane < N; ++lane) {
    if constexpr (kIsTflite)
      wide[lane] = isa::requantTfliteWide(row.sum[lane], bias[lane], mult[lane], shift[lane], int8_t(zp));
    else
      wide[lane] = requantWide(row.sum[lane], bias[lane], mult[lane], zp);
    outside += wide[lane] != saturate(wide[lane]);
  }
  return outside;
}

template <isa::Opcode kOpcode> Effects executeDrain(State &state, const isa::Line &line) {
  constexpr isa::DrainKind kKind = isa::DrainKind::of(kOpcode);
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const RecordHead p = readRecord(state, get(isa::drq::param));
  TileWalk r{};
  if constexpr (kKind.adds)
    r = {get(isa::drqa::r), get(isa::drqa::r_hs), get(isa::drqa::r_ws), get(isa::drqa::r_cs)};
  const int8_t *table = state.lut.data();
  if constexpr (kKind.looksUp)
    table += get(kKind.adds ? isa::drqal::table : isa::drql::table) * isa::kLutBytes;
  const double inverse = inversePower(p.shift), ma = p.ma, mb = p.mb;
  Effects effects;
  forLanes(state.n, [&]<int N>() {
    vectorisedWide([&]() __attribute__((always_inline)) {
      forEachDrainRow(state, line, kKind.isTflite ? 3 : 2, [&](const DrainRow &row) __attribute__((always_inline)) {
        int32_t wide[N];
        effects.saturations += requantRow<N, kKind.isTflite>(row, p.zp, wide);
        int8_t result[N]; // y may be the residual's row
        if constexpr (kKind.adds) {
          const int8_t *residual = state.spmAt(r.at(row.ocb, row.oh, row.ow));
          for (int lane = 0; lane < N; ++lane) {
            const double q = (saturate(wide[lane]) - p.za) * ma;
            const double s = q + (residual[lane] - p.zb) * mb;
            result[lane] = static_cast<int8_t>(limit(saturate(roundLimited(s * inverse) + p.zy), p.lo, p.hi));
          }
        } else {
          for (int lane = 0; lane < N; ++lane)
            result[lane] = static_cast<int8_t>(limit(saturate(wide[lane]), p.lo, p.hi));
        }
        if constexpr (kKind.looksUp)
          for (int lane = 0; lane < N; ++lane)
            result[lane] = isa::lutI8(table, result[lane]);
        std::copy(result, result + N, row.y);
      });
    });
  });
  return effects;
}

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_INSNS_DRAIN_H
