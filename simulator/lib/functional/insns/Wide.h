// SPDX-License-Identifier: Apache-2.0
// The walk over vectors of N int32, with one or two operands.
#ifndef TW_SIMULATOR_FUNCTIONAL_INSNS_WIDE_H
#define TW_SIMULATOR_FUNCTIONAL_INSNS_WIDE_H

#include "../Kernels.h"

#include "tw/isa/Numerics.h"

#include <cstring>
#include <vector>

namespace tw::simulator {

/// A walk over vectors: two strides, dimension 0 innermost.
struct WideWalk {
  uint64_t base, s0, s1;
  uint64_t at(uint64_t i1, uint64_t i0) const { return base + i1 * s1 + i0 * s0; }
};

/// value(words of the operands) -> word, for each lane of each vector. `a` and `b` are the operands' walks.
template <typename ValueOf>
Effects executeWide(State &state, uint64_t n0, uint64_t n1, const WideWalk &a, const WideWalk &b, const WideWalk &y,
                    ValueOf value) {
  const size_t bytes = size_t{state.n} * isa::kWordBytes;
  std::vector<int32_t> left(state.n), right(state.n);
  for (uint64_t i1 = 0; i1 < n1; ++i1)
    for (uint64_t i0 = 0; i0 < n0; ++i0) {
      std::memcpy(left.data(), state.spmAt(a.at(i1, i0)), bytes);
      std::memcpy(right.data(), state.spmAt(b.at(i1, i0)), bytes);
      for (uint32_t lane = 0; lane < state.n; ++lane)
        left[lane] = value(left[lane], right[lane]);
      std::memcpy(state.spmAt(y.at(i1, i0)), left.data(), bytes);
    }
  return {};
}

/// Of the rows with two operands: value(a, b, record).
template <typename ValueOf> Effects executeWidePair(State &state, const isa::Line &line, ValueOf value) {
  namespace f = isa::wadd;
  static_assert(f::a.lsb == isa::wmul::a.lsb && f::b.lsb == isa::wmul::b.lsb && f::y.lsb == isa::wmul::y.lsb);
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const RecordHead p = readRecord(state, get(f::param));
  return executeWide(state, get(f::n0), get(f::n1), {get(f::a), get(f::a_s0), get(f::a_s1)},
                     {get(f::b), get(f::b_s0), get(f::b_s1)}, {get(f::y), get(f::y_s0), get(f::y_s1)},
                     [&](int32_t left, int32_t right) { return value(left, right, p); });
}

/// Of the norms: value(a, shift).
template <typename ValueOf> Effects executeNorm(State &state, const isa::Line &line, ValueOf value) {
  namespace f = isa::normrcp;
  static_assert(f::a.lsb == isa::normrsq::a.lsb && f::y.lsb == isa::normrsq::y.lsb);
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const int32_t shift = readRecord(state, get(f::param)).shift;
  const WideWalk a{get(f::a), get(f::a_s0), get(f::a_s1)};
  return executeWide(state, get(f::n0), get(f::n1), a, a, {get(f::y), get(f::y_s0), get(f::y_s1)},
                     [&](int32_t x, int32_t) { return value(x, shift); });
}

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_INSNS_WIDE_H
