// SPDX-License-Identifier: Apache-2.0
#include "Rows.h"

namespace tw::simulator {

Effects executeConvs(State &state, const isa::Line &line) {
  namespace f = isa::convs;
  auto get = [&](isa::FieldRef field) { return line.get(field); };
  const int64_t n = state.n, kh_n = get(f::kh_n), kp_n = get(f::kp_n), oh_n = get(f::oh_n), ow_n = get(f::ow_n);
  const int64_t x_h = get(f::x_h), x_w = get(f::x_w), x_hs = get(f::x_hs);
  const int64_t stride_h = get(f::stride_h), stride_w = get(f::stride_w), dil_h = get(f::dil_h);
  const int64_t pad_t = get(f::pad_t), pad_l = get(f::pad_l);
  const int8_t *x = state.spmAt(get(f::x));
  const auto padValue = static_cast<int8_t>(get(f::pad_value));
  const int64_t half = n / 2, bytes = kp_n * n; // of a row of the window: half a row of each column
  const std::vector<int8_t> pad(bytes, padValue);
  std::vector<int8_t> gathered(ArrayBlocks::kRows * kh_n * bytes); // one place for each pointer of a group

  ArrayWork work{.w = static_cast<uint64_t>(get(f::w)),
                 .acc = static_cast<uint64_t>(get(f::acc)),
                 .outputs = static_cast<uint64_t>(get(f::oc_n)),
                 .runs = static_cast<uint64_t>(kh_n),
                 .blocks = static_cast<uint64_t>(kp_n),
                 .rows = static_cast<uint64_t>(oh_n * ow_n),
                 .accumulate = get(f::accumulate) != 0};
  int64_t ow = 0, top = -pad_t;
  return streamRows(state, work, [&](uint64_t row, const int8_t **to) {
    if (ow == ow_n) {
      ow = 0;
      top += stride_h;
    }
    const int64_t left = ow++ * stride_w - pad_l;
    int8_t *place = gathered.data() + row % ArrayBlocks::kRows * kh_n * bytes;
    for (int64_t kh = 0; kh < kh_n; ++kh) {
      const int64_t ih = top + kh * dil_h;
      if (ih < 0 || ih >= x_h) {
        *to++ = pad.data();
        continue;
      }
      *to++ = place;
      for (int64_t column = left; column < left + 2 * kp_n; ++column, place += half)
        if (column < 0 || column >= x_w)
          std::fill_n(place, half, padValue);
        else
          std::copy_n(x + ih * x_hs + column * n, half, place);
    }
  });
}

} // namespace tw::simulator
