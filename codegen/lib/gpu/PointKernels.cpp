// SPDX-License-Identifier: Apache-2.0
// A thread, or a warp, for each result.
#include "gpu/Kernels.h"

#include "tw/ir/FloatFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace tw::codegen {

using namespace mlir;

static_assert(ir::kSumLanes == kWarp, "the lanes of a sum are those of a warp");

namespace {

int64_t pointsOf(const HostNest &nest, const GpuMapping &mapping) {
  int64_t points = 1;
  for (unsigned loop : mapping.loops)
    points *= nest.extents[loop];
  return points;
}

SmallVector<Value> argumentsOf(KernelWriter &w, const Places &places, Value running) {
  SmallVector<Value> arguments;
  for (const StageInput &input : w.nest.stages.front().inputs) {
    auto *access = std::get_if<HostAccess>(&input);
    arguments.push_back(access ? w.read(*access, places) : Value());
  }
  arguments.push_back(running);
  return arguments;
}

// All steps of the reductions from `loop` on, but for `without`; `step` is the innermost.
using Step = llvm::function_ref<Value(Value running, Places &places)>;
Value reduced(KernelWriter &w, unsigned loop, int without, Value running, Places &places, Step step) {
  while (loop != w.nest.loops() && (!w.nest.isReduction[loop] || int(loop) == without))
    ++loop;
  if (loop == w.nest.loops())
    return step(running, places);
  return w
      .repeat(w.nest.extents[loop], running,
              [&](Value place, ValueRange carried) {
                places[loop] = place;
                return SmallVector<Value>{reduced(w, loop + 1, without, carried[0], places, step)};
              })
      .front();
}

// What another lane of the warp has. Shuffles carry 32 bits.
Value fromLane(KernelWriter &w, Value value, int64_t lane) {
  Type type = value.getType(), word = w.b.getI32Type();
  const unsigned bits = type.getIntOrFloatBitWidth();
  auto integer = [&](unsigned width) { return w.b.getIntegerType(width); };
  auto constant = [&](int64_t number, Type of) { return w.create<arith::ConstantOp>(IntegerAttr::get(of, number)); };
  auto shuffled = [&](Value part) {
    return w.create<gpu::ShuffleOp>(part, constant(lane, word), constant(kWarp, word), gpu::ShuffleMode::IDX)
        .getShuffleResult();
  };
  Value whole = llvm::isa<FloatType>(type) ? Value(w.create<arith::BitcastOp>(integer(bits), value)) : value, result;
  if (bits == 64) {
    Value high = w.create<arith::ShRUIOp>(whole, constant(32, whole.getType()));
    Value low = shuffled(w.create<arith::TruncIOp>(word, whole));
    high = shuffled(w.create<arith::TruncIOp>(word, high));
    high = w.create<arith::ShLIOp>(w.create<arith::ExtUIOp>(integer(64), high), constant(32, integer(64)));
    result = w.create<arith::OrIOp>(high, w.create<arith::ExtUIOp>(integer(64), low));
  } else if (bits == 32) {
    result = shuffled(whole);
  } else {
    result = w.create<arith::TruncIOp>(integer(bits), shuffled(w.create<arith::ExtUIOp>(word, whole)));
  }
  return llvm::isa<FloatType>(type) ? Value(w.create<arith::BitcastOp>(type, result)) : result;
}

} // namespace

void writePoints(KernelWriter &w, const GpuMapping &mapping) {
  const int64_t points = pointsOf(w.nest, mapping);
  Value point = w.plus(w.times(w.block(), mapping.threads), w.thread());
  auto compute = [&] {
    Places places(w.nest.loops(), Value());
    w.split(point, mapping.loops, places);
    Value sum;
    if (w.nest.isReduced)
      sum = reduced(w, 0, -1, w.initial(places), places, [&](Value running, Places &at) {
        return w.evaluate(w.nest.stages.front(), argumentsOf(w, at, running), at);
      });
    w.finish(sum, places);
  };
  if (mapping.blocks * mapping.threads == points)
    compute();
  else
    w.when(w.isBelow(point, points), compute);
}

// Element k goes to lane k modulo ir::kSumLanes; then the lanes are combined in order, by every lane alike.
void writeLanes(KernelWriter &w, const GpuMapping &mapping) {
  const unsigned inner = mapping.reduction;
  const int64_t points = pointsOf(w.nest, mapping), extent = w.nest.extents[inner], full = extent / kWarp,
                rest = extent % kWarp, used = std::min(extent, kWarp);
  // Warps are counted, not threads: these may be too many for an index.
  auto [warp, lane] = w.divided(w.thread(), kWarp);
  Value point = w.plus(w.times(w.block(), mapping.threads / kWarp), warp);
  Places places(w.nest.loops(), Value());
  // All lanes take part in shuffles: a warp behind the last result computes that one again.
  const bool isExact = mapping.blocks * mapping.threads == points * kWarp;
  w.split(isExact ? point : w.least(point, points - 1), mapping.loops, places);
  const Stage &stage = w.nest.stages.front();
  auto add = [&](Value running, Places &at) { return w.evaluate(stage, argumentsOf(w, at, running), at); };
  Value first = w.initial(places);
  Value sum = reduced(w, 0, int(inner), first, places, [&](Value running, Places &at) {
    Value next = w.repeat(full, running, [&](Value step, ValueRange carried) {
                    at[inner] = w.plus(w.times(step, kWarp), lane);
                    return SmallVector<Value>{add(carried[0], at)};
                  }).front();
    if (rest == 0)
      return next;
    // The lanes behind the last element read it, and forget what they made of it.
    at[inner] = w.addressOf(w.least(lane, rest - 1), full * kWarp);
    return w.create<arith::SelectOp>(w.isBelow(lane, rest), add(next, at), next).getResult();
  });
  places[inner] = nullptr;
  Value total = fromLane(w, sum, 0);
  for (int64_t other = 1; other < used; ++other)
    total = w.evaluate(stage, {fromLane(w, sum, other), total}, places);
  Value stores = w.create<arith::CmpIOp>(arith::CmpIPredicate::eq, lane, w.index(0));
  if (!isExact)
    stores = w.create<arith::AndIOp>(stores, w.isBelow(point, points));
  w.when(stores, [&] { w.finish(total, places); });
}

} // namespace tw::codegen
