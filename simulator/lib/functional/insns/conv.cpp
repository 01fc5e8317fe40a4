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
  const std::vector<int8_t> pad(state.n, static_cast<int8_t>(get(f::pad_value)));

  ArrayWork work{.w = static_cast<uint64_t>(get(f::w)),
                 .acc = static_cast<uint64_t>(get(f::acc)),
                 .outputs = static_cast<uint64_t>(get(f::oc_n)),
                 .blocks = static_cast<uint64_t>(kh_n * kw_n * ic_n),
                 .rows = static_cast<uint64_t>(oh_n * ow_n),
                 .accumulate = get(f::accumulate) != 0};
  return streamRows(state, work, [&](uint64_t row, const int8_t **to) {
    const int64_t top = static_cast<int64_t>(row) / ow_n * stride_h - pad_t;
    const int64_t left = static_cast<int64_t>(row) % ow_n * stride_w - pad_l;
    for (int64_t kh = 0; kh < kh_n; ++kh)
      for (int64_t kw = 0; kw < kw_n; ++kw) {
        const int64_t ih = top + kh * dil_h, iw = left + kw * dil_w;
        const bool inside = ih >= 0 && ih < x_h && iw >= 0 && iw < x_w;
        for (int64_t icb = 0; icb < ic_n; ++icb)
          *to++ = inside ? x + ih * x_hs + iw * x_ws + icb * state.n : pad.data();
      }
  });
}

} // namespace tw::simulator
