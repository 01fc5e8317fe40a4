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
  const int64_t bytes = f_n * n; // of a row of the window
  const std::vector<int8_t> pad(bytes, padValue);
  std::vector<int8_t> partial(ArrayBlocks::kRows * kh_n * bytes); // one place for each pointer of a group

  ArrayWork work{.w = static_cast<uint64_t>(get(f::w)),
                 .acc = static_cast<uint64_t>(get(f::acc)),
                 .outputs = static_cast<uint64_t>(get(f::oc_n)),
                 .runs = static_cast<uint64_t>(kh_n),
                 .blocks = static_cast<uint64_t>(f_n),
                 .rows = static_cast<uint64_t>(oh_n * ow_n),
                 .accumulate = get(f::accumulate) != 0};
  int64_t ow = 0, top = -pad_t;
  return streamRows(state, work, [&](uint64_t row, const int8_t **to) {
    if (ow == ow_n) {
      ow = 0;
      top += stride_h;
    }
    const int64_t left = ow++ * x_ws - pad_b;
    const int64_t from = std::clamp<int64_t>(-left, 0, bytes), until = std::clamp<int64_t>(x_b - left, 0, bytes);
    int8_t *place = partial.data() + row % ArrayBlocks::kRows * kh_n * bytes;
    for (int64_t kh = 0; kh < kh_n; ++kh, place += bytes) {
      const int64_t ih = top + kh * dil_h;
      if (ih < 0 || ih >= x_h || from >= until) {
        *to++ = pad.data();
      } else if (from == 0 && until == bytes) {
        *to++ = x + ih * x_hs + left;
      } else {
        std::fill_n(place, bytes, padValue);
        std::copy(x + ih * x_hs + left + from, x + ih * x_hs + left + until, place + from);
        *to++ = place;
      }
    }
  });
}

} // namespace tw::simulator
