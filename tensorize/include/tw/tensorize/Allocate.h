// SPDX-License-Identifier: Apache-2.0
// What for: addresses for buffers with lifetimes in one memory, known in advance.
// Called by: the scheduler for on-chip memories and by code generation for the DRAM arena.
// Does not: move a buffer during its life, or know what is in it.
#ifndef TW_TENSORIZE_ALLOCATE_H
#define TW_TENSORIZE_ALLOCATE_H

#include <cstdint>
#include <optional>
#include <vector>

namespace tw::tensorize {

struct Lifetime {
  int64_t bytes = 0;
  int first = 0, last = 0; // steps in which it lives, both included
  int64_t prefer = 0;      // address from which a place is looked for first
};

/// Addresses, or the index of the buffer that found no place. First fit, largest first; same input, same result.
struct Allocation {
  std::vector<int64_t> address;
  int failed = -1;
  int64_t peak = 0;  // end of the highest buffer
  int64_t bound = 0; // live bytes at the worst step
};
Allocation allocate(const std::vector<Lifetime> &buffers, int64_t capacity, int64_t alignment);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_ALLOCATE_H
