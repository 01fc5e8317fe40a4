// SPDX-License-Identifier: Apache-2.0
#include "Rows.h"

namespace tw::simulator {

Effects executeConvf(State &state, const isa::Line &line) {
  namespace f = isa::convf;
  auto get = [&](isa::FieldRef field) { return line.get(field); };
  const int64_t n = state.n, kh_n = get(f::kh_n), f_n = get(f::f_n), oh_n = get(f::oh_n), ow_n = get(f::ow_n);
  const int64_t x_h = get(f::x_h), x_b = get(f::x_b), x_hs = get(f::x_hs), x_ws = get(f::x_ws);
  const int64_t stride_h = get(f::stride_h), dil_h = get(f::dil_h), pad_t = get(f::pad_t), pad_b = get(f::pad_b);
  const int8_t *x = state.spmAt(get(f::x));
  const auto padValue = static_cast<int8_t>(get(f::pad_value));
  const std::vector<int8_t> pad(n, padValue);
  std::vector<int8_t> partial(ArrayBlocks::kRows * kh_n * f_n * n); // one place for each pointer of a group

  ArrayWork work{.w = static_cast<uint64_t>(get(f::w)),
                 .acc = static_cast<uint64_t>(get(f::acc)),
                 .outputs = static_cast<uint64_t>(get(f::oc_n)),
                 .blocks = static_cast<uint64_t>(kh_n * f_n),
                 .rows = static_cast<uint64_t>(oh_n * ow_n),
                 .accumulate = get(f::accumulate) != 0};
  return streamRows(state, work, [&](uint64_t row, const int8_t **to) {
    const auto oh = static_cast<uint32_t>(row) / static_cast<uint32_t>(ow_n);
    const int64_t top = oh * stride_h - pad_t, left = (static_cast<int64_t>(row) - oh * ow_n) * x_ws - pad_b;
    int8_t *place = partial.data() + row % ArrayBlocks::kRows * work.blocks * n;
    for (int64_t kh = 0; kh < kh_n; ++kh)
      for (int64_t block = 0; block < f_n; ++block, place += n) {
        const int64_t ih = top + kh * dil_h, first = left + block * n;
        const int64_t from = std::clamp<int64_t>(-first, 0, n), until = std::clamp<int64_t>(x_b - first, 0, n);
        if (ih < 0 || ih >= x_h || from >= until) {
          *to++ = pad.data();
        } else if (from == 0 && until == n) {
          *to++ = x + ih * x_hs + first;
        } else {
          std::fill_n(place, n, padValue);
          std::copy(x + ih * x_hs + first + from, x + ih * x_hs + first + until, place + from);
          *to++ = place;
        }
      }
  });
}

} // namespace tw::simulator
