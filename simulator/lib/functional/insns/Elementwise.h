// SPDX-License-Identifier: Apache-2.0
// The 3-D walk over rows of two operands; each instruction brings one expression in doubles (exact: see Vector.h).
#ifndef TW_SIMULATOR_FUNCTIONAL_INSNS_ELEMENTWISE_H
#define TW_SIMULATOR_FUNCTIONAL_INSNS_ELEMENTWISE_H

#include "../Kernels.h"
#include "../Vector.h"

namespace tw::simulator {

static_assert(isa::ewadd::param.lsb == isa::ewmul::param.lsb && isa::ewadd::param.lsb == isa::ewmin::param.lsb &&
              isa::ewadd::param.lsb == isa::ewmax::param.lsb);

/// value(a - za, b - zb, record) -> the sum or product before it is scaled by 2^-shift.
template <typename ValueOf> Effects executeElementwise(State &state, const isa::Line &line, ValueOf value) {
  namespace f = isa::ewadd;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const RecordHead p = readRecord(state, get(f::param));
  const double inverse = inversePower(p.shift);
  const uint64_t n0 = get(f::n0), n1 = get(f::n1), n2 = get(f::n2);
  const TileWalk a{get(f::a), get(f::a_s0), get(f::a_s1), get(f::a_s2)},
      b{get(f::b), get(f::b_s0), get(f::b_s1), get(f::b_s2)}, y{get(f::y), get(f::y_s0), get(f::y_s1), get(f::y_s2)};
  forLanes(state.n, [&]<int N>() {
    vectorised([&]() __attribute__((always_inline)) {
      for (uint64_t i2 = 0; i2 < n2; ++i2)
        for (uint64_t i1 = 0; i1 < n1; ++i1)
          for (uint64_t i0 = 0; i0 < n0; ++i0) {
            const int8_t *left = state.spmAt(a.at(i2, i0, i1)), *right = state.spmAt(b.at(i2, i0, i1));
            int8_t result[N];
            for (int lane = 0; lane < N; ++lane) {
              const double s =
                  value(static_cast<double>(left[lane] - p.za), static_cast<double>(right[lane] - p.zb), p);
              result[lane] = static_cast<int8_t>(limit(saturate(roundLimited(s * inverse) + p.zy), p.lo, p.hi));
            }
            std::copy(result, result + N, state.spmAt(y.at(i2, i0, i1)));
          }
    });
  });
  return {};
}

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_INSNS_ELEMENTWISE_H
