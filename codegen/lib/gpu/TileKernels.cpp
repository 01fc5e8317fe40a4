// SPDX-License-Identifier: Apache-2.0
// Products: a block of threads computes a tile of results. Slices of both factors lie in shared memory, twice: while
// one pair is used, the next one is on its way from memory to registers. Each sum has its products in the order of the
// reduction.
#include "gpu/Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

#include <cassert>

namespace tw::codegen {

using namespace mlir;

namespace {

// A factor's tile in shared memory, [slice][tile], and the elements of it that a thread brings there.
struct Tile {
  const GpuMapping::Side &side;
  const HostAccess &access;
  Value memory;
  SmallVector<Value> fixed, depth,
      at;             // per element: the part of its address that stays, step in the slice, place there
  Value begin, first; // the tile's first result; this thread's in the tile
};

class TileWriter {
public:
  TileWriter(KernelWriter &writer, const GpuMapping &mapping, SharedMemory shared)
      : w(writer), mapping(mapping), left(tileOf(mapping.left, shared)), right(tileOf(mapping.right, shared)) {}

  void run() {
    places.assign(w.nest.loops(), Value());
    Value rest, tileLeft, tileRight;
    std::tie(rest, tileRight) = w.divided(w.block(), llvm::divideCeil(mapping.right.extent, mapping.right.tile));
    std::tie(rest, tileLeft) = w.divided(rest, llvm::divideCeil(mapping.left.extent, mapping.left.tile));
    w.split(rest, mapping.loops, places);
    auto [row, column] = w.divided(w.thread(), mapping.right.tile / mapping.right.each);
    left.first = row;
    right.first = column;
    place(left, tileLeft);
    place(right, tileRight);

    SmallVector<Value> sums = initials();
    const int64_t slices = llvm::divideCeil(mapping.depthExtent, mapping.slice);
    bring(left, right, w.index(0), w.index(0));
    w.create<gpu::BarrierOp>();
    if (slices > 1)
      sums = w.repeat(slices - 1, sums, [&](Value slice, ValueRange carried) {
        Value half = w.divided(slice, 2).second, next = w.plus(slice, w.index(1));
        SmallVector<Value> onTheWay = fetch(left, next);
        onTheWay.append(fetch(right, next));
        SmallVector<Value> after = multiply(carried, half, mapping.slice);
        Value other = w.divided(next, 2).second;
        put(left, other, ArrayRef(onTheWay).take_front(left.at.size()));
        put(right, other, ArrayRef(onTheWay).drop_front(left.at.size()));
        w.create<gpu::BarrierOp>();
        return after;
      });
    const int64_t last = slices - 1;
    sums = multiply(sums, w.index(last % 2), mapping.depthExtent - last * mapping.slice);
    store(sums);
  }

private:
  Tile tileOf(const GpuMapping::Side &side, SharedMemory shared) {
    const auto &access = std::get<HostAccess>(w.nest.stages.front().inputs[side.input]);
    return {side, access, shared(memoryType(w.function.arrays[access.array].element), 2 * mapping.slice * side.tile),
            {},   {},     {},
            {},   {}};
  }

  // What does not change from slice to slice.
  void place(Tile &tile, Value number) {
    tile.begin = w.times(number, tile.side.tile);
    const int64_t elements = mapping.slice * tile.side.tile;
    assert(elements % mapping.threads == 0 && "every thread brings as many elements (kShapes)");
    for (int64_t e = 0; e != elements / mapping.threads; ++e) {
      Value element = w.addressOf(w.thread(), e * mapping.threads), depth, along;
      if (tile.side.isDepthFirst)
        std::tie(along, depth) = w.divided(element, mapping.slice);
      else
        std::tie(depth, along) = w.divided(element, tile.side.tile);
      tile.at.push_back(w.plus(w.times(depth, tile.side.tile), along));
      tile.depth.push_back(depth);
      // Behind the last result the last one is read again, and not used.
      Value result = w.plus(tile.begin, along);
      if (tile.side.extent % tile.side.tile != 0)
        result = w.least(result, tile.side.extent - 1);
      Places there(places);
      w.split(result, tile.side.loops, there);
      Value address = w.partOf(tile.access, tile.side.loops, there);
      tile.fixed.push_back(
          w.addressOf(w.plus(address, w.partOf(tile.access, mapping.loops, there)), tile.access.offset));
    }
  }

  SmallVector<Value> fetch(Tile &tile, Value slice) {
    SmallVector<Value> elements;
    for (auto [fixed, depth] : llvm::zip(tile.fixed, tile.depth)) {
      Value step = w.plus(w.times(slice, mapping.slice), depth);
      if (mapping.depthExtent % mapping.slice != 0)
        step = w.least(step, mapping.depthExtent - 1);
      Places there(w.nest.loops(), Value());
      w.split(step, mapping.depth, there);
      Value address = w.plus(fixed, w.partOf(tile.access, mapping.depth, there));
      elements.push_back(w.create<memref::LoadOp>(w.memory[tile.access.array], address));
    }
    return elements;
  }

  void put(Tile &tile, Value half, ArrayRef<Value> elements) {
    Value base = w.times(half, mapping.slice * tile.side.tile);
    for (auto [element, at] : llvm::zip(elements, tile.at))
      w.create<memref::StoreOp>(element, tile.memory, w.plus(base, at));
  }

  void bring(Tile &one, Tile &other, Value slice, Value half) {
    put(one, half, fetch(one, slice));
    put(other, half, fetch(other, slice));
  }

  // Results of a thread along a side lie as far from each other as there are threads beside it.
  static int64_t apart(const GpuMapping::Side &side) { return side.tile / side.each; }

  SmallVector<Value> multiply(ValueRange sums, Value half, int64_t steps) {
    return w.repeat(steps, sums, [&](Value step, ValueRange carried) {
      auto loaded = [&](Tile &tile) {
        Value row = w.plus(w.times(half, mapping.slice), step);
        Value base = w.plus(w.times(row, tile.side.tile), tile.first);
        SmallVector<Value> elements;
        for (int64_t i = 0; i != tile.side.each; ++i) {
          Value raw = w.create<memref::LoadOp>(tile.memory, w.addressOf(base, i * apart(tile.side)));
          elements.push_back(w.fromMemory(tile.access.array, raw));
        }
        return elements;
      };
      SmallVector<Value> rows = loaded(left), columns = loaded(right), next;
      const Stage &stage = w.nest.stages.front();
      for (Value row : rows)
        for (Value column : columns) {
          SmallVector<Value> arguments(stage.inputs.size(), Value());
          arguments[mapping.left.input] = row;
          arguments[mapping.right.input] = column;
          arguments.push_back(carried[next.size()]);
          next.push_back(w.evaluate(stage, arguments, places));
        }
      return next;
    });
  }

  // For each result of this thread: where it is, and whether it is one.
  void forResults(llvm::function_ref<void(size_t, const Places &, Value isThere)> body) {
    size_t next = 0;
    for (int64_t i = 0; i != mapping.left.each; ++i)
      for (int64_t j = 0; j != mapping.right.each; ++j) {
        Places there(places);
        Value isThere;
        auto along = [&](const Tile &tile, int64_t number) {
          Value result = w.plus(tile.begin, w.addressOf(tile.first, number * apart(tile.side)));
          if (tile.side.extent % tile.side.tile != 0) {
            Value its = w.isBelow(result, tile.side.extent);
            isThere = isThere ? Value(w.create<arith::AndIOp>(isThere, its)) : its;
            result = w.least(result, tile.side.extent - 1);
          }
          w.split(result, tile.side.loops, there);
        };
        along(left, i);
        along(right, j);
        body(next++, there, isThere);
      }
  }

  SmallVector<Value> initials() {
    SmallVector<Value> sums;
    if (std::holds_alternative<TypedAttr>(w.nest.initial)) { // the same for all
      sums.assign(size_t(mapping.left.each * mapping.right.each), w.initial(places));
      return sums;
    }
    forResults([&](size_t, const Places &there, Value) { sums.push_back(w.initial(there)); });
    return sums;
  }

  void store(ArrayRef<Value> sums) {
    forResults([&](size_t which, const Places &there, Value isThere) {
      if (isThere)
        w.when(isThere, [&] { w.finish(sums[which], there); });
      else
        w.finish(sums[which], there);
    });
  }

  KernelWriter &w;
  const GpuMapping &mapping;
  Tile left, right;
  Places places; // of the loops that are of no side
};

} // namespace

void writeTiles(KernelWriter &writer, const GpuMapping &mapping, SharedMemory shared) {
  TileWriter(writer, mapping, shared).run();
}

} // namespace tw::codegen
