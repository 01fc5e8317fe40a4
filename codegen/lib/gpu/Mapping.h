// SPDX-License-Identifier: Apache-2.0
// What for: how a nest lies on a GPU: which thread computes what, in which order, through which memory. Data.
// Called by: GpuCode, before a nest is written (Kernels.h).
// Does not: measure: the choice depends on the nest and on the table of GPUs alone.
#ifndef TW_CODEGEN_LIB_GPU_MAPPING_H
#define TW_CODEGEN_LIB_GPU_MAPPING_H

#include "gpu/GpuProcessor.h"
#include "host/Nest.h"

#include <string>

namespace tw::codegen {

struct GpuMapping {
  enum Kind : uint8_t {
    Points, // a thread for each result
    Lanes,  // a warp for each result: a sum in ir::kSumLanes lanes
    Tiles,  // a product: a block of threads for each tile of results, factors through shared memory
  };
  /// A factor of a product, and the loops along which only it changes.
  struct Side {
    unsigned input = 0;                   // of the first stage
    llvm::SmallVector<unsigned, 4> loops; // the last one fastest
    int64_t extent = 1;
    int64_t tile = 1, each = 1; // results along it that a block of threads, and that a thread computes
    bool isDepthFirst = false;  // its neighbours in memory are those along the reduction
  };

  Kind kind = Points;
  int64_t threads = 1, blocks = 1;      // of a block, of the launch
  llvm::SmallVector<unsigned, 4> loops; // parallel ones that are not of a side, the last one fastest
  unsigned reduction = 0;               // Lanes: the loop in lanes
  llvm::SmallVector<unsigned, 4> depth; // Tiles: reductions, the last one fastest
  int64_t depthExtent = 1, slice = 1;   // their steps, and those that lie in shared memory at a time
  Side left, right;                     // Tiles: neighbours in the result lie along the right one

  /// For reports and tests.
  std::string text() const;
};

GpuMapping chooseMapping(const HostFunction &function, const HostNest &nest, const GpuProcessor &processor);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_GPU_MAPPING_H
