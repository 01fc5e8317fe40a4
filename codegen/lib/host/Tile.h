// SPDX-License-Identifier: Apache-2.0
// What for: how a nest runs on a processor: which loop lies in lanes, what is held in registers, in which order.
// Called by: HostCode, before a nest is written.
// Does not: measure: the choice depends on the nest and on the table of processors alone.
#ifndef TW_CODEGEN_LIB_HOST_TILE_H
#define TW_CODEGEN_LIB_HOST_TILE_H

#include "host/Nest.h"

#include <optional>
#include <string>

namespace tw::codegen {

/// What the schedule depends on of a processor.
struct HostProcessor {
  std::string triple, cpu, features; // as LLVM knows them
  unsigned vectorBits = 128;
  unsigned registers = 16; // vectors
  Dot dot = Dot::None;
  bool hasHalf = false; // conversions between float16 and float32
};

struct Tiling {
  int lanes = -1;          // the parallel loop whose neighbours lie in lanes; -1: none
  int64_t vectorWidth = 1; // lanes of a vector
  int reduceLanes = -1;    // the reduction that is summed in ir::kSumLanes lanes, which are then added in order
  llvm::SmallVector<int64_t, 8> tile;   // per loop: steps that one tile does; that of `lanes` in whole vectors
  llvm::SmallVector<unsigned, 8> order; // parallel loops, outermost first
  /// Tiles of the outermost loop: the range that can be shared between threads.
  int64_t extent = 1;
};

/// The reduction whose steps go to ir::kSumLanes lanes, by what a sum means here (tw/ir/FloatFunctions.h); none: they
/// are taken in order.
std::optional<unsigned> reductionInLanes(const HostNest &nest);

Tiling chooseTiling(const HostFunction &function, const HostNest &nest, const HostProcessor &processor);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_TILE_H
