// SPDX-License-Identifier: Apache-2.0
#include "gpu/Mapping.h"

#include "host/Tile.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <optional>

namespace tw::codegen {
namespace {

constexpr int64_t kThreads = 256;

// Tiles of results: left x right of a block, of a thread; a slice of the reduction that lies in shared memory.
struct Shape {
  int64_t left, right, eachLeft, eachRight, slice;
  int64_t threads() const { return left / eachLeft * (right / eachRight); }
};
constexpr Shape kShapes[] = {
    {128, 128, 8, 8, 8}, {64, 64, 4, 4, 16}, {32, 128, 4, 8, 8}, {128, 32, 8, 4, 8},
    {32, 32, 2, 2, 16},  {16, 64, 2, 4, 16}, {64, 16, 4, 2, 16}, {16, 16, 2, 2, 16},
};
// Less of a product than this along any of its three directions is not worth shared memory.
constexpr int64_t kLeastExtent = 4;

int64_t extentOf(const HostNest &nest, llvm::ArrayRef<unsigned> loops) {
  int64_t extent = 1;
  for (unsigned loop : loops)
    extent *= nest.extents[loop];
  return extent;
}

void sortByOutput(const HostNest &nest, llvm::MutableArrayRef<unsigned> loops) {
  auto key = [&](unsigned loop) { return std::pair(-std::abs(nest.output.steps[loop]), loop); };
  llvm::sort(loops, [&](unsigned a, unsigned b) { return key(a) < key(b); });
}

// The least distance in memory of neighbours along one of the loops.
int64_t leastStep(const HostAccess &access, llvm::ArrayRef<unsigned> loops) {
  int64_t least = std::numeric_limits<int64_t>::max();
  for (unsigned loop : loops)
    if (access.steps[loop] != 0)
      least = std::min(least, std::abs(access.steps[loop]));
  return least;
}

// What a tile of this shape costs a multiprocessor: products of whole tiles, and the loads of their factors from shared
// memory, four results of a thread to each; a launch takes as long as the one with the most tiles.
double costOf(const Shape &shape, int64_t left, int64_t right, int64_t batch, const GpuProcessor &processor) {
  const int64_t tiles = llvm::divideCeil(left, shape.left) * llvm::divideCeil(right, shape.right) * batch;
  const double waves = double(llvm::divideCeil(tiles, processor.multiprocessors));
  const double loads = double(shape.eachLeft + shape.eachRight) / double(shape.eachLeft * shape.eachRight);
  // Few threads do not hide what they wait for.
  const double idle = std::max(1.0, double(kThreads) / double(shape.threads()) / 2);
  return waves * double(shape.left * shape.right) * (1 + loads) * idle;
}

std::optional<GpuMapping> tiles(const HostFunction &function, const HostNest &nest, const GpuProcessor &processor) {
  GpuMapping mapping;
  mapping.kind = GpuMapping::Tiles;
  llvm::SmallVector<unsigned, 2> factors;
  for (auto [i, input] : llvm::enumerate(nest.stages.front().inputs))
    if (std::holds_alternative<HostAccess>(input))
      factors.push_back(unsigned(i));
  // A body that asks where it is has more than its factors to know.
  if (factors.size() != 2 || !nest.stages.front().indexOf.empty())
    return std::nullopt;
  mapping.left.input = factors[0];
  mapping.right.input = factors[1];
  auto access = [&](const GpuMapping::Side &side) -> const HostAccess & {
    return std::get<HostAccess>(nest.stages.front().inputs[side.input]);
  };
  for (unsigned loop = 0; loop != nest.loops(); ++loop) {
    const bool isLeft = access(mapping.left).steps[loop] != 0, isRight = access(mapping.right).steps[loop] != 0;
    (nest.isReduction[loop] ? mapping.depth
     : isLeft && !isRight   ? mapping.left.loops
     : isRight && !isLeft   ? mapping.right.loops
                            : mapping.loops)
        .push_back(loop);
  }
  if (leastStep(nest.output, mapping.left.loops) < leastStep(nest.output, mapping.right.loops))
    std::swap(mapping.left, mapping.right);
  mapping.depthExtent = extentOf(nest, mapping.depth);
  if (mapping.depthExtent < kLeastExtent)
    return std::nullopt;
  sortByOutput(nest, mapping.loops);
  for (GpuMapping::Side *side : {&mapping.left, &mapping.right}) {
    sortByOutput(nest, side->loops);
    side->extent = extentOf(nest, side->loops);
    if (side->extent < kLeastExtent)
      return std::nullopt;
    side->isDepthFirst = leastStep(access(*side), mapping.depth) <= leastStep(access(*side), side->loops);
  }
  const int64_t batch = extentOf(nest, mapping.loops);
  auto bytes = [&](const GpuMapping::Side &side) {
    return int64_t(memoryType(function.arrays[access(side).array].element).getIntOrFloatBitWidth()) / 8;
  };
  const Shape *best = nullptr;
  double least = 0;
  for (const Shape &shape : kShapes) {
    if (2 * shape.slice * (shape.left * bytes(mapping.left) + shape.right * bytes(mapping.right)) > kGpuSharedBytes)
      continue;
    const double cost = costOf(shape, mapping.left.extent, mapping.right.extent, batch, processor);
    if (!best || cost < least) {
      best = &shape;
      least = cost;
    }
  }
  if (!best)
    return std::nullopt;
  mapping.left.tile = best->left;
  mapping.left.each = best->eachLeft;
  mapping.right.tile = best->right;
  mapping.right.each = best->eachRight;
  mapping.slice = best->slice;
  mapping.threads = best->threads();
  mapping.blocks =
      llvm::divideCeil(mapping.left.extent, best->left) * llvm::divideCeil(mapping.right.extent, best->right) * batch;
  return mapping;
}

} // namespace

GpuMapping chooseMapping(const HostFunction &function, const HostNest &nest, const GpuProcessor &processor) {
  if (nest.isReduced)
    if (auto mapping = tiles(function, nest, processor))
      return *mapping;
  GpuMapping mapping;
  for (unsigned loop = 0; loop != nest.loops(); ++loop)
    if (!nest.isReduction[loop])
      mapping.loops.push_back(loop);
  sortByOutput(nest, mapping.loops);
  int64_t threads = extentOf(nest, mapping.loops);
  if (auto inLanes = reductionInLanes(nest)) {
    mapping.kind = GpuMapping::Lanes;
    mapping.reduction = *inLanes;
    threads *= kWarp;
  }
  mapping.threads = std::min<int64_t>(kThreads, int64_t(llvm::alignTo(uint64_t(threads), uint64_t(kWarp))));
  mapping.blocks = llvm::divideCeil(threads, mapping.threads);
  return mapping;
}

std::string GpuMapping::text() const {
  std::string shape;
  if (kind == Tiles)
    shape = llvm::formatv(" of {0} x {1}, {2} x {3} each thread, slices of {4}", left.tile, right.tile, left.each,
                          right.each, slice);
  constexpr const char *kNames[] = {"points", "lanes", "tiles"};
  return llvm::formatv("{0}{1}: {2} blocks of {3} threads", kNames[kind], shape, blocks, threads);
}

} // namespace tw::codegen
