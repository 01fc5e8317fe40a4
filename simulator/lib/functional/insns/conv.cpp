// SPDX-License-Identifier: Apache-2.0
#include "Rows.h"

namespace tw::simulator {

Effects executeConv(State &state, const isa::Line &line) {
  namespace f = isa::conv;
  auto get = [&](isa::FieldRef field) { return line.get(field); };
  const int64_t kh_n = get(f::kh_n), kw_n = get(f::kw_n), ic_n = get(f::ic_n), oh_n = get(f::oh_n), ow_n = get(f::ow_n);
  const int64_t x_h = get(f::x_h), x_w = get(f::x_w), x_hs = get(f::x_hs), x_ws = get(f::x_ws);
  const int64_t stride_h = get(f::stride_h), stride_w = get(f::stride_w), dil_h = get(f::dil_h), dil_w = get(f::dil_w);
  const int64_t pad_t = get(f::pad_t), pad_l = get(f::pad_l);
  const int8_t *x = state.spmAt(get(f::x));
  const std::vector<int8_t> pad(ic_n * state.n, static_cast<int8_t>(get(f::pad_value)));

  ArrayWork work{.w = static_cast<uint64_t>(get(f::w)),
                 .acc = static_cast<uint64_t>(get(f::acc)),
                 .outputs = static_cast<uint64_t>(get(f::oc_n)),
                 .runs = static_cast<uint64_t>(kh_n * kw_n),
                 .blocks = static_cast<uint64_t>(ic_n),
                 .rows = static_cast<uint64_t>(oh_n * ow_n),
                 .accumulate = get(f::accumulate) != 0};
  // Where each tap of a window lies, relative to the window's first row.
  struct Tap {
    int64_t h, w, address;
  };
  std::vector<Tap> taps;
  for (int64_t kh = 0; kh < kh_n; ++kh)
    for (int64_t kw = 0; kw < kw_n; ++kw)
      taps.push_back({kh * dil_h, kw * dil_w, kh * dil_h * x_hs + kw * dil_w * x_ws});
  const Tap last = taps.back();
  int64_t ow = 0, top = -pad_t;
  return streamRows(state, work, [&](uint64_t, const int8_t **to) {
    if (ow == ow_n) {
      ow = 0;
      top += stride_h;
    }
    const int64_t left = ow++ * stride_w - pad_l;
    const int64_t origin = top * x_hs + left * x_ws;
    if (top >= 0 && top + last.h < x_h && left >= 0 && left + last.w < x_w) { // no tap is outside
      for (const Tap &tap : taps)
        *to++ = x + (origin + tap.address);
      return;
    }
    for (const Tap &tap : taps) {
      const bool inside = static_cast<uint64_t>(top + tap.h) < static_cast<uint64_t>(x_h) &&
                          static_cast<uint64_t>(left + tap.w) < static_cast<uint64_t>(x_w);
      *to++ = inside ? x + (origin + tap.address) : pad.data();
    }
  });
}

} // namespace tw::simulator
