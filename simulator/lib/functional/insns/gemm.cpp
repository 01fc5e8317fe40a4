// SPDX-License-Identifier: Apache-2.0
#include "Rows.h"

namespace tw::simulator {

Effects executeGemm(State &state, const isa::Line &line) {
  namespace f = isa::gemm;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const uint64_t x_ms = get(f::x_ms), x_ks = get(f::x_ks), k_n = get(f::k_n);
  const int8_t *x = state.spmAt(get(f::x));
  const bool isContiguous = x_ks == state.n;
  ArrayWork work{.w = get(f::w),
                 .acc = get(f::acc),
                 .outputs = get(f::oc_n),
                 .runs = isContiguous ? 1 : k_n,
                 .blocks = isContiguous ? k_n : 1,
                 .rows = get(f::m_n),
                 .accumulate = get(f::accumulate) != 0};
  return streamRows(state, work, [&](uint64_t row, const int8_t **to) {
    for (uint64_t kb = 0; kb < work.runs; ++kb)
      *to++ = x + row * x_ms + kb * x_ks;
  });
}

} // namespace tw::simulator
