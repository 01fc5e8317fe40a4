// SPDX-License-Identifier: Apache-2.0
// Random numbers that are the same on every host (the distributions of <random> are not).
// Used by the random programs. Not for statistics: small remainders are slightly uneven.
#ifndef TW_ISA_LIB_RANDOM_H
#define TW_ISA_LIB_RANDOM_H

#include <cstdint>

namespace tw::isa {

// SplitMix64.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}

  uint64_t next() {
    uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  // 0 to bound - 1; bound must not be 0.
  uint64_t below(uint64_t bound) { return next() % bound; }
  // first to last, both included.
  int64_t between(int64_t first, int64_t last) { return first + int64_t(below(uint64_t(last - first) + 1)); }
  bool oneIn(uint64_t n) { return below(n) == 0; }

private:
  uint64_t state;
};

} // namespace tw::isa
#endif
