// SPDX-License-Identifier: Apache-2.0
#include "Ptx.h"

namespace tw::test {

uint32_t read(PtxRegister which, const PtxThread &thread) {
  switch (which) {
  case PtxRegister::TidX:
    return thread.tid;
  case PtxRegister::NtidX:
    return thread.ntid;
  case PtxRegister::CtaidX:
    return thread.ctaid;
  case PtxRegister::NctaidX:
    return thread.nctaid;
  case PtxRegister::TidY:
  case PtxRegister::TidZ:
  case PtxRegister::CtaidY:
  case PtxRegister::CtaidZ:
    return 0;
  case PtxRegister::NtidY:
  case PtxRegister::NtidZ:
  case PtxRegister::NctaidY:
  case PtxRegister::NctaidZ:
    return 1;
  case PtxRegister::LaneId:
    return thread.tid % kWarpSize;
  case PtxRegister::WarpSize:
    return kWarpSize;
  }
  return 0;
}

// PTX ISA, "shfl.sync": the pseudo code of its description, name by name.
PtxSource shuffleSource(PtxShuffle mode, uint32_t lane, uint32_t b, uint32_t c) {
  const uint32_t bval = b & 31, cval = c & 31, mask = c >> 8 & 31;
  const uint32_t maxLane = (lane & mask) | (cval & ~mask), minLane = lane & mask;
  int64_t j = 0;
  bool pval = false;
  switch (mode) {
  case PtxShuffle::Up:
    j = int64_t(lane) - bval;
    pval = j >= int64_t(maxLane);
    break;
  case PtxShuffle::Down:
    j = int64_t(lane) + bval;
    pval = j <= int64_t(maxLane);
    break;
  case PtxShuffle::Butterfly:
    j = lane ^ bval;
    pval = j <= int64_t(maxLane);
    break;
  case PtxShuffle::Index:
    j = minLane | (bval & ~mask);
    pval = j <= int64_t(maxLane);
    break;
  }
  return {pval ? uint32_t(j) : lane, pval};
}

} // namespace tw::test
