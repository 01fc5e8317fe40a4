// SPDX-License-Identifier: Apache-2.0
// The window of dwconv and the pools: output rows, and the taps of each.
#ifndef TW_SIMULATOR_FUNCTIONAL_INSNS_WINDOW_H
#define TW_SIMULATOR_FUNCTIONAL_INSNS_WINDOW_H

#include "../Kernels.h"
#include "../Vector.h"

namespace tw::simulator {

static_assert(isa::poolmax::param.lsb == isa::dwconv::param.lsb && isa::poolavg::param.lsb == isa::dwconv::param.lsb);

/// The fields that the three instructions share.
struct Window {
  explicit Window(const State &state, const isa::Line &line) : state(state), line(line) {}

  /// Calls visit(ocb, oh, ow) for each output row in loop order.
  template <typename Visit> TW_ALWAYS_INLINE void forEachOutput(Visit visit) const {
    for (int64_t ocb = 0; ocb < oc_n; ++ocb)
      for (int64_t oh = 0; oh < oh_n; ++oh)
        for (int64_t ow = 0; ow < ow_n; ++ow)
          visit(ocb, oh, ow);
  }

  /// Calls tap(index of the tap, activation row or null outside the tile) for each tap of an output row.
  template <typename Tap> TW_ALWAYS_INLINE void forEachTap(int64_t ocb, int64_t oh, int64_t ow, Tap tap) const {
    for (int64_t kh = 0; kh < kh_n; ++kh)
      for (int64_t kw = 0; kw < kw_n; ++kw) {
        const int64_t ih = oh * stride_h + kh * dil_h - pad_t, iw = ow * stride_w + kw * dil_w - pad_l;
        const bool inside = ih >= 0 && ih < x_h && iw >= 0 && iw < x_w;
        tap(kh * kw_n + kw, inside ? state.spmAt(x + ih * x_hs + iw * x_ws + ocb * x_cs) : nullptr);
      }
  }

  /// Taps of an output row that lie inside the tile.
  int32_t tapsInside(int64_t oh, int64_t ow) const {
    int32_t count = 0;
    forEachTap(0, oh, ow, [&](int64_t, const int8_t *row) { count += row != nullptr; });
    return count;
  }

  const State &state;
  const isa::Line &line;
  int64_t get(isa::FieldRef field) const { return line.get(field); }
  const int64_t x = get(isa::dwconv::x), x_h = get(isa::dwconv::x_h), x_w = get(isa::dwconv::x_w);
  const int64_t x_hs = get(isa::dwconv::x_hs), x_ws = get(isa::dwconv::x_ws), x_cs = get(isa::dwconv::x_cs);
  const int64_t stride_h = get(isa::dwconv::stride_h), stride_w = get(isa::dwconv::stride_w);
  const int64_t dil_h = get(isa::dwconv::dil_h), dil_w = get(isa::dwconv::dil_w);
  const int64_t pad_t = get(isa::dwconv::pad_t), pad_l = get(isa::dwconv::pad_l);
  const int64_t kh_n = get(isa::dwconv::kh_n), kw_n = get(isa::dwconv::kw_n);
  const int64_t oc_n = get(isa::dwconv::oc_n), oh_n = get(isa::dwconv::oh_n), ow_n = get(isa::dwconv::ow_n);
  const TileWalk y{static_cast<uint64_t>(get(isa::dwconv::y)), static_cast<uint64_t>(get(isa::dwconv::y_hs)),
                   static_cast<uint64_t>(get(isa::dwconv::y_ws)), static_cast<uint64_t>(get(isa::dwconv::y_cs))};
  const uint64_t param = get(isa::dwconv::param);
};

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_INSNS_WINDOW_H
