// SPDX-License-Identifier: Apache-2.0
#include "../Kernels.h"

#include "tw/isa/Numerics.h"

namespace tw::simulator {

// Both rows of the table have one layout.
static_assert(isa::gemmz::x.lsb == isa::gemmzt::x.lsb && isa::gemmz::w_zp.lsb == isa::gemmzt::w_zp.lsb);

Effects executeGemmz(State &state, const isa::Line &line) {
  namespace f = isa::gemmz;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const uint64_t x_ms = get(f::x_ms), x_ks = get(f::x_ks), k_n = get(f::k_n), oc_n = get(f::oc_n), m_n = get(f::m_n);
  const bool isTransposed = line.row()->opcode == isa::Opcode::Gemmzt, accumulates = get(f::accumulate) != 0;
  const auto xZp = static_cast<int32_t>(line.get(f::x_zp)), wZp = static_cast<int32_t>(line.get(f::w_zp));
  const int8_t *x = state.spmAt(get(f::x)), *w = state.spmAt(get(f::w));
  forLanes(state.n, [&]<int N>() {
    vectorised([&]() __attribute__((always_inline)) {
      for (uint64_t ocb = 0; ocb < oc_n; ++ocb)
        for (uint64_t kb = 0; kb < k_n; ++kb, w += N * N) {
          int32_t weights[N][N]; // [k][lane]
          for (int k = 0; k < N; ++k)
            for (int lane = 0; lane < N; ++lane)
              weights[k][lane] = (isTransposed ? w[lane * N + k] : w[k * N + lane]) - wZp;
          for (uint64_t m = 0; m < m_n; ++m) {
            const int8_t *row = x + m * x_ms + kb * x_ks;
            int32_t sum[N] = {}; // at most N terms of 255 * 255
            for (int k = 0; k < N; ++k)
              for (int lane = 0; lane < N; ++lane)
                sum[lane] += (row[k] - xZp) * weights[k][lane];
            int32_t *acc = state.accRow(get(f::acc) + ocb * m_n + m);
            for (int lane = 0; lane < N; ++lane)
              acc[lane] = isa::addWrap32(kb != 0 || accumulates ? acc[lane] : 0, sum[lane]);
          }
        }
    });
  });
  return {.mxRows = oc_n * k_n * m_n};
}

} // namespace tw::simulator
