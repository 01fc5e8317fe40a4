// SPDX-License-Identifier: Apache-2.0
#include "Rows.h"

namespace tw::simulator {

Effects executeGemm(State &state, const isa::Line &line) {
  namespace f = isa::gemm;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const uint64_t x_ms = get(f::x_ms), x_ks = get(f::x_ks), k_n = get(f::k_n);
  const int8_t *x = state.spmAt(get(f::x));
  ArrayWork work{.w = get(f::w),
                 .acc = get(f::acc),
                 .outputs = get(f::oc_n),
                 .blocks = k_n,
                 .rows = get(f::m_n),
                 .accumulate = get(f::accumulate) != 0};
  return streamRows(state, work, [&](uint64_t row, const int8_t **to) {
    for (uint64_t kb = 0; kb < k_n; ++kb)
      *to++ = x + row * x_ms + kb * x_ks;
  });
}

} // namespace tw::simulator
