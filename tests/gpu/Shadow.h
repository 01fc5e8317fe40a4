// SPDX-License-Identifier: Apache-2.0
// What for: finds two threads of a launch that touch a byte, one of them writing, with no barrier between.
// Called by: the emulator, at every load and store of a kernel.
// Does not: see accesses of another launch: between launches everything is ordered.
#ifndef TW_TESTS_GPU_SHADOW_H
#define TW_TESTS_GPU_SHADOW_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tw::test {

class Shadow {
public:
  struct Thread {
    uint32_t block = 0, thread = 0;
    bool operator==(const Thread &) const = default;
  };

  /// Memory that a kernel may touch. `isShared`: each block of threads has its own, at the same place.
  void addRegion(const void *begin, size_t bytes, std::string name, bool isShared);

  /// The accesses that follow are a block's, behind a barrier more.
  void beginBlock();
  void passBarrier() { ++interval; }

  /// What is wrong with an access, if something is.
  std::optional<std::string> access(Thread thread, const void *address, size_t bytes, bool isWrite);

private:
  struct Cell {
    Thread writer{}, reader{};
    uint32_t written = 0, read = 0; // intervals between barriers; 0: never
    bool otherThread = false;       // of the reader's block has read it in that interval, too
    bool otherBlock = false;        // has read it
  };
  struct Region {
    uintptr_t begin;
    size_t bytes;
    std::string name;
    bool isShared;
    std::vector<Cell> cells;
  };
  bool isOrdered(Thread earlier, uint32_t when, Thread now) const;

  std::vector<Region> regions;
  uint32_t interval = 1;
};

} // namespace tw::test

#endif // TW_TESTS_GPU_SHADOW_H
