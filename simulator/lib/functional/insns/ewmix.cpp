// SPDX-License-Identifier: Apache-2.0
#include "../Kernels.h"
#include "../Vector.h"

#include <cstring>

namespace tw::simulator {

Effects executeEwmix(State &state, const isa::Line &line) {
  namespace f = isa::ewmix;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const RecordHead p = readRecord(state, get(f::param));
  const uint64_t n0 = get(f::n0), n1 = get(f::n1), n2 = get(f::n2);
  const TileWalk a{get(f::a), get(f::a_s0), get(f::a_s1), get(f::a_s2)},
      b{get(f::b), get(f::a_s0), get(f::a_s1), get(f::a_s2)}, y{get(f::y), get(f::y_s0), get(f::y_s1), get(f::y_s2)};
  const double inverse = inversePower(p.shift);
  forLanes(state.n, [&]<int N>() {
    vectorised([&]() __attribute__((always_inline)) {
      for (uint64_t i2 = 0; i2 < n2; ++i2) {
        int32_t m[N], c[N], k[N];
        std::memcpy(m, state.spmAt(get(f::m) + i2 * get(f::m_s2)), sizeof m);
        std::memcpy(c, state.spmAt(get(f::c) + i2 * get(f::c_s2)), sizeof c);
        std::memcpy(k, state.spmAt(get(f::k) + i2 * get(f::k_s2)), sizeof k);
        for (uint64_t i1 = 0; i1 < n1; ++i1)
          for (uint64_t i0 = 0; i0 < n0; ++i0) {
            const int8_t *first = state.spmAt(a.at(i2, i0, i1)), *second = state.spmAt(b.at(i2, i0, i1));
            int8_t result[N];
            for (int lane = 0; lane < N; ++lane) {
              const double s = static_cast<double>(first[lane] - p.za) * m[lane] +
                               static_cast<double>(second[lane] - p.zb) * k[lane] + c[lane];
              result[lane] = static_cast<int8_t>(limit(saturate(roundLimited(s * inverse) + p.zy), p.lo, p.hi));
            }
            std::copy(result, result + N, state.spmAt(y.at(i2, i0, i1)));
          }
      }
    });
  });
  return {};
}

} // namespace tw::simulator
