// SPDX-License-Identifier: Apache-2.0
// What for: what PTX instructions and special registers mean, as its manual defines them.
// Called by: the emulator, whose threads meet at them.
// Does not: know fibers, LLVM or a kernel.
#ifndef TW_TESTS_GPU_PTX_H
#define TW_TESTS_GPU_PTX_H

#include <cstdint>

namespace tw::test {

inline constexpr uint32_t kWarpSize = 32;

/// Of a launch in one dimension: grids and blocks have the extent 1 along y and z.
struct PtxThread {
  uint32_t tid = 0, ntid = 1, ctaid = 0, nctaid = 1;
};

enum class PtxRegister : uint32_t {
  TidX,
  TidY,
  TidZ,
  NtidX,
  NtidY,
  NtidZ,
  CtaidX,
  CtaidY,
  CtaidZ,
  NctaidX,
  NctaidY,
  NctaidZ,
  LaneId,
  WarpSize
};
uint32_t read(PtxRegister which, const PtxThread &thread);

/// Where shfl.sync takes a lane's value from, and its predicate.
enum class PtxShuffle : uint32_t { Up, Down, Butterfly, Index };
struct PtxSource {
  uint32_t lane = 0;
  bool isInRange = false;
  bool operator==(const PtxSource &) const = default;
};
PtxSource shuffleSource(PtxShuffle mode, uint32_t lane, uint32_t b, uint32_t c);

} // namespace tw::test

#endif // TW_TESTS_GPU_PTX_H
