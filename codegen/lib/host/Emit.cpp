// SPDX-License-Identifier: Apache-2.0
#include "host/Emit.h"

#include "host/Bodies.h"
#include "host/DotProduct.h"
#include "tw/ir/FloatFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <map>

namespace tw::codegen {
namespace {

using namespace mlir;

// Steps of a loop that a tile does: from a value, so many.
struct Part {
  Value base; // null: 0
  int64_t count = 1;
};

// Neighbouring lanes that are held in one vector (or, of one lane, in a scalar).
struct Piece {
  int64_t offset = 0, width = 1;
};

class Emitter : Writer {
public:
  Emitter(OpBuilder &builder, Location location, const HostFunction &function, const HostNest &nest,
          const Tiling &tiling, const HostProcessor &processor, ArrayRef<Value> memory)
      : Writer{builder, location, function, memory}, nest(nest), tiling(tiling), processor(processor) {}

  void run(Value lo, Value hi) {
    parts.assign(nest.loops(), {});
    if (tiling.order.empty()) { // one point: the range is all or nothing
      tile();
      return;
    }
    walk(0, lo, hi);
  }

private:
  //===- Loops ----------------------------------------------------------------------------------------------------===//

  void walk(size_t depth, Value lo, Value hi) {
    if (depth == tiling.order.size()) {
      tile();
      return;
    }
    const unsigned loop = tiling.order[depth];
    const int64_t extent = nest.extents[loop], size = tiling.tile[loop], full = extent / size, rest = extent % size;
    auto inside = [&](Value base, int64_t count) {
      parts[loop] = {base, count};
      walk(depth + 1, nullptr, nullptr);
    };
    if (depth != 0) {
      if (full == 1)
        inside(nullptr, size);
      else if (full > 1)
        forLoop(index(0), index(full), [&](Value i) { inside(times(i, size), size); });
      if (rest != 0)
        inside(full == 0 ? Value() : index(full * size), rest);
      return;
    }
    if (full > 0) {
      Value end = rest == 0 ? hi : b.create<arith::MinSIOp>(at, hi, index(full)).getResult();
      forLoop(lo, end, [&](Value i) { inside(times(i, size), size); });
    }
    if (rest == 0)
      return;
    Value isLast = b.create<arith::CmpIOp>(at, arith::CmpIPredicate::sgt, hi, index(full));
    auto guard = b.create<scf::IfOp>(at, isLast, false);
    OpBuilder::InsertionGuard restore(b);
    b.setInsertionPoint(guard.thenBlock()->getTerminator());
    inside(full == 0 ? Value() : index(full * size), rest);
  }

  void forLoop(Value from, Value to, llvm::function_ref<void(Value)> body) {
    auto loop = b.create<scf::ForOp>(at, from, to, index(1));
    OpBuilder::InsertionGuard restore(b);
    b.setInsertionPoint(loop.getBody()->getTerminator());
    body(loop.getInductionVar());
  }

  //===- Tiles ----------------------------------------------------------------------------------------------------===//

  // Loads of one place of the code, so that each is written once.
  using Loads = std::map<std::tuple<unsigned, int64_t, int64_t, const void *>, Value>;

  int64_t lanesCount() const { return tiling.lanes < 0 ? 1 : parts[unsigned(tiling.lanes)].count; }

  static void pieces(int64_t count, int64_t width, SmallVector<Piece> &result) {
    for (int64_t offset = 0; offset < count;) {
      while (width > count - offset)
        width /= 2;
      result.push_back({offset, width});
      offset += width;
    }
  }

  void tile() {
    vectors.clear();
    pieces(lanesCount(), tiling.vectorWidth, vectors);
    // Points of the unrolled loops, the last one fastest: their places relative to the tile's.
    points.assign(1, SmallVector<int64_t>(nest.loops(), 0));
    for (unsigned loop : tiling.order) {
      if (int(loop) == tiling.lanes || parts[loop].count == 1)
        continue;
      std::vector<SmallVector<int64_t>> more;
      for (const auto &point : points)
        for (int64_t i = 0; i != parts[loop].count; ++i) {
          more.push_back(point);
          more.back()[loop] = i;
        }
      points = std::move(more);
    }
    SmallVector<Value> sums;
    if (nest.isReduced && tiling.reduceLanes >= 0)
      sums = reduceInLanes();
    else if (nest.isReduced)
      sums = reduce();
    finish(sums);
  }

  // Address of an access at the tile's own place, without the steps inside it.
  Value dynamicOf(const HostAccess &access, ArrayRef<Value> reductions) {
    Value sum;
    for (unsigned loop = 0; loop != nest.loops(); ++loop) {
      Value place = nest.isReduction[loop] ? reductions[loop] : parts[loop].base;
      int64_t step = access.steps[loop];
      if (access.isPacked && nest.isReduction[loop])
        step *= lanesCount();
      sum = plus(sum, times(place, step));
    }
    return sum;
  }
  int64_t constantOf(const HostAccess &access, ArrayRef<int64_t> point) const {
    int64_t sum = access.offset;
    for (unsigned loop = 0; loop != nest.loops(); ++loop)
      if (!nest.isReduction[loop])
        sum += access.steps[loop] * point[loop];
      else // unrolled
        sum += point[loop] * access.steps[loop] * (access.isPacked ? lanesCount() : 1);
    return sum;
  }
  int64_t laneStep(const HostAccess &access) const {
    return tiling.lanes < 0 ? 0 : access.isPacked ? 1 : access.steps[unsigned(tiling.lanes)];
  }

  // What an access gives for the lanes of a piece: a scalar if all lanes read the same.
  Value read(const HostAccess &access, Value dynamic, ArrayRef<int64_t> point, Piece piece, Loads &loads) {
    const int64_t step = laneStep(access), first = constantOf(access, point) + step * piece.offset;
    const int64_t width = step == 0 ? 1 : piece.width;
    Value &known = loads[{access.array, first, width, dynamic ? dynamic.getAsOpaquePointer() : nullptr}];
    if (known)
      return known;
    if (step == 0 || step == 1 || width == 1)
      return known = loadVector(access.array, addressOf(dynamic, first), width);
    SmallVector<Value> lanes;
    for (int64_t lane = 0; lane != width; ++lane)
      lanes.push_back(load(access.array, addressOf(dynamic, first + lane * step)));
    return known = gathered(lanes);
  }

  SmallVector<Value> initials() {
    SmallVector<Value> result;
    if (auto *attribute = std::get_if<TypedAttr>(&nest.initial)) {
      Value value = number(*attribute);
      for (size_t p = 0; p != points.size(); ++p)
        for (Piece piece : vectors)
          result.push_back(spread(value, piece.width));
      return result;
    }
    const auto &access = std::get<HostAccess>(nest.initial);
    Loads loads;
    SmallVector<Value> none(nest.loops(), Value());
    Value dynamic = dynamicOf(access, none);
    for (const auto &point : points)
      for (Piece piece : vectors)
        result.push_back(spread(read(access, dynamic, point, piece, loads), piece.width));
    return result;
  }

  // Few steps are written one after the other: the loop would cost more than it does.
  static constexpr int64_t kUnroll = 9, kUnrolledOperations = 256;

  SmallVector<Value> reduce() {
    SmallVector<unsigned> loops;
    int64_t steps = 1;
    for (unsigned loop = 0; loop != nest.loops(); ++loop)
      if (nest.isReduction[loop]) {
        loops.push_back(loop);
        steps *= nest.extents[loop];
      }
    SmallVector<Value> sums = initials(), places(nest.loops(), Value());
    const bool isShort = steps <= kUnroll && steps * int64_t(points.size() * vectors.size()) <= kUnrolledOperations;
    auto nested = [&](auto &self, size_t depth, SmallVector<Value> now,
                      SmallVector<int64_t> unrolled) -> SmallVector<Value> {
      if (depth == loops.size())
        return step(now, places, unrolled);
      const unsigned loop = loops[depth];
      if (isShort || nest.extents[loop] == 1) {
        for (int64_t i = 0; i != nest.extents[loop]; ++i) {
          unrolled[loop] = i;
          now = self(self, depth + 1, now, unrolled);
        }
        return now;
      }
      auto made = b.create<scf::ForOp>(at, index(0), index(nest.extents[loop]), index(1), now);
      OpBuilder::InsertionGuard restore(b);
      b.setInsertionPointToEnd(made.getBody());
      places[loop] = made.getInductionVar();
      SmallVector<Value> inside(made.getRegionIterArgs().begin(), made.getRegionIterArgs().end());
      inside = self(self, depth + 1, inside, unrolled);
      b.create<scf::YieldOp>(at, inside);
      places[loop] = nullptr;
      return made.getResults();
    };
    return nested(nested, 0, sums, SmallVector<int64_t>(nest.loops(), 0));
  }

  // One step of the reduction for all points and lanes.
  SmallVector<Value> step(ArrayRef<Value> sums, ArrayRef<Value> places, ArrayRef<int64_t> unrolled) {
    const Stage &stage = nest.stages.front();
    SmallVector<Value> dynamics;
    for (const StageInput &input : stage.inputs) {
      auto *access = std::get_if<HostAccess>(&input);
      dynamics.push_back(access ? dynamicOf(*access, places) : Value());
    }
    Loads loads;
    SmallVector<Value> result;
    size_t next = 0;
    for (const auto &point : points) {
      SmallVector<int64_t> place(point);
      for (unsigned loop = 0; loop != nest.loops(); ++loop)
        if (nest.isReduction[loop])
          place[loop] = unrolled[loop];
      for (Piece piece : vectors) {
        if (nest.dot != Dot::None) {
          result.push_back(dotStep(sums[next++], dynamics, place, piece, loads));
          continue;
        }
        SmallVector<Value> arguments;
        for (auto [input, dynamic] : llvm::zip(stage.inputs, dynamics)) {
          auto *access = std::get_if<HostAccess>(&input);
          arguments.push_back(access ? read(*access, dynamic, place, piece, loads) : Value());
        }
        arguments.push_back(sums[next++]);
        result.push_back(spread(evaluate(stage, arguments, piece, place), piece.width));
      }
    }
    return result;
  }

  // acc + products of neighbours: two int16, or four bytes, in each lane.
  Value dotStep(Value sum, ArrayRef<Value> dynamics, ArrayRef<int64_t> place, Piece piece, Loads &loads) {
    const Stage &stage = nest.stages.front();
    const auto &x = std::get<HostAccess>(stage.inputs[0]), &w = std::get<HostAccess>(stage.inputs[1]);
    const int64_t group = nest.dot == Dot::Pairs ? 2 : 4;
    // The group of x as one int32, the same in all lanes.
    const int64_t first = constantOf(x, place);
    Value &spreadX = loads[{x.array, first, -piece.width, dynamics[0] ? dynamics[0].getAsOpaquePointer() : nullptr}];
    if (!spreadX) {
      Value few = loadVector(x.array, addressOf(dynamics[0], first), group);
      Value one = b.create<vector::BitCastOp>(at, VectorType::get({1}, b.getI32Type()), few);
      spreadX = b.create<vector::BroadcastOp>(at, VectorType::get({piece.width}, b.getI32Type()),
                                              b.create<vector::ExtractOp>(at, one, 0).getResult());
    }
    const int64_t offset = constantOf(w, place) + piece.offset * group;
    Value &loaded =
        loads[{w.array, offset, piece.width * group, dynamics[1] ? dynamics[1].getAsOpaquePointer() : nullptr}];
    if (!loaded)
      loaded = loadVector(w.array, addressOf(dynamics[1], offset), piece.width * group);
    return dotProduct(*this, nest.dot, processor, sum, spreadX, loaded, piece.width);
  }

  // Element k goes to lane k modulo ir::kSumLanes; then the lanes are added in order.
  SmallVector<Value> reduceInLanes() {
    const Stage &stage = nest.stages.front();
    const auto &access = std::get<HostAccess>(stage.inputs.front());
    const unsigned inner = unsigned(tiling.reduceLanes);
    const int64_t extent = nest.extents[inner], lanes = std::min(extent, ir::kSumLanes), full = extent / ir::kSumLanes,
                  rest = extent % ir::kSumLanes;
    SmallVector<Piece> held;
    pieces(lanes, tiling.vectorWidth, held);
    SmallVector<unsigned> outer;
    for (unsigned loop = 0; loop != nest.loops(); ++loop)
      if (nest.isReduction[loop] && loop != inner)
        outer.push_back(loop);
    SmallVector<Value> result;
    for (const auto &point : points) {
      SmallVector<Value> sums, places(nest.loops(), Value());
      Value initial = number(std::get<TypedAttr>(nest.initial));
      for (Piece piece : held)
        sums.push_back(spread(initial, piece.width));
      auto add = [&](ArrayRef<Value> now, int64_t begin, int64_t count) {
        SmallVector<Value> next(now);
        Value dynamic = dynamicOf(access, places);
        SmallVector<Piece> loaded;
        for (auto [i, piece] : llvm::enumerate(held)) {
          loaded.clear();
          if (piece.offset >= count)
            break;
          const int64_t width = std::min(piece.width, count - piece.offset);
          if (width == piece.width) {
            Value x =
                loadVector(access.array, addressOf(dynamic, constantOf(access, point) + begin + piece.offset), width);
            next[i] = spread(evaluate(stage, {x, next[i]}, piece, point), piece.width);
            continue;
          }
          for (int64_t lane = 0; lane != width; ++lane) {
            Value x = load(access.array, addressOf(dynamic, constantOf(access, point) + begin + piece.offset + lane));
            Value old = b.create<vector::ExtractOp>(at, next[i], lane);
            next[i] = b.create<vector::InsertOp>(at, evaluate(stage, {x, old}, {0, 1}, point), next[i], lane);
          }
        }
        return next;
      };
      auto nested = [&](auto &self, size_t depth, SmallVector<Value> now) -> SmallVector<Value> {
        const bool isInner = depth == outer.size();
        if (isInner && full == 0)
          return add(now, 0, rest);
        const unsigned loop = isInner ? inner : outer[depth];
        auto made = b.create<scf::ForOp>(at, index(0), index(isInner ? full : nest.extents[loop]), index(1), now);
        {
          OpBuilder::InsertionGuard restore(b);
          b.setInsertionPointToEnd(made.getBody());
          places[loop] = isInner ? times(made.getInductionVar(), ir::kSumLanes) : Value(made.getInductionVar());
          SmallVector<Value> inside(made.getRegionIterArgs().begin(), made.getRegionIterArgs().end());
          inside = isInner ? add(inside, 0, ir::kSumLanes) : self(self, depth + 1, inside);
          b.create<scf::YieldOp>(at, inside);
          places[loop] = nullptr;
        }
        SmallVector<Value> after(made.getResults().begin(), made.getResults().end());
        return isInner && rest != 0 ? add(after, full * ir::kSumLanes, rest) : after;
      };
      sums = nested(nested, 0, sums);
      Value total;
      for (auto [sum, piece] : llvm::zip(sums, held))
        for (int64_t lane = 0; lane != piece.width; ++lane) {
          Value one = piece.width == 1 ? sum : b.create<vector::ExtractOp>(at, sum, lane).getResult();
          total = total ? evaluate(stage, {one, total}, {0, 1}, point) : one;
        }
      result.push_back(total);
    }
    return result;
  }

  // Stages behind the reduction, and the result's way to memory.
  void finish(ArrayRef<Value> sums) {
    SmallVector<Value> none(nest.loops(), Value());
    Value out = dynamicOf(nest.output, none);
    Loads loads;
    size_t next = 0;
    std::map<const HostAccess *, Value> dynamics;
    for (const auto &point : points)
      for (Piece piece : vectors) {
        SmallVector<Value> values;
        if (nest.isReduced)
          values.push_back(sums[next++]);
        for (size_t s = nest.isReduced ? 1 : 0; s < nest.stages.size(); ++s) {
          const Stage &stage = nest.stages[s];
          SmallVector<Value> arguments;
          for (const StageInput &input : stage.inputs)
            if (auto *access = std::get_if<HostAccess>(&input)) {
              auto [found, isNew] = dynamics.try_emplace(access);
              if (isNew)
                found->second = dynamicOf(*access, none);
              arguments.push_back(read(*access, found->second, point, piece, loads));
            } else if (auto *earlier = std::get_if<unsigned>(&input)) {
              arguments.push_back(values[*earlier]);
            } else {
              arguments.push_back(nullptr);
            }
          arguments.push_back(nullptr);
          values.push_back(evaluate(stage, arguments, piece, point));
        }
        Value value = values.empty() ? number(std::get<TypedAttr>(nest.initial)) : values.back();
        store(spread(value, piece.width), out, point, piece);
      }
  }

  void store(Value value, Value dynamic, ArrayRef<int64_t> point, Piece piece) {
    const int64_t step = laneStep(nest.output), first = constantOf(nest.output, point) + step * piece.offset;
    Value to = memory[nest.output.array];
    value = toMemory(nest.output.array, value);
    if (piece.width == 1)
      b.create<memref::StoreOp>(at, value, to, addressOf(dynamic, first));
    else
      b.create<vector::StoreOp>(at, value, to, addressOf(dynamic, first)); // lanes are neighbours in the output
  }

  //===- Bodies ---------------------------------------------------------------------------------------------------===//

  Value evaluate(const Stage &stage, ArrayRef<Value> arguments, Piece piece, ArrayRef<int64_t> point) {
    return evaluateBody(*this, stage, arguments, piece.width,
                        [&](const Stage::Parts &loops) { return indexOf(loops, piece, point); });
  }

  IndexValue indexOf(const Stage::Parts &loops, Piece piece, ArrayRef<int64_t> point) {
    IndexValue result;
    int64_t constant = 0;
    for (auto [loop, factor] : loops) {
      result.base = plus(result.base, times(parts[loop].base, factor));
      constant += point[loop] * factor;
      if (int(loop) == tiling.lanes) {
        constant += piece.offset * factor;
        result.laneStep += factor;
      }
    }
    result.base = addressOf(result.base, constant);
    return result;
  }

  const HostNest &nest;
  const Tiling &tiling;
  const HostProcessor &processor;
  SmallVector<Part> parts; // per loop
  SmallVector<Piece> vectors;
  std::vector<SmallVector<int64_t>> points;
};

} // namespace

void emitNest(OpBuilder &builder, Location location, const HostFunction &function, const HostNest &nest,
              const Tiling &tiling, const HostProcessor &processor, ArrayRef<Value> memory, Value lo, Value hi) {
  Emitter(builder, location, function, nest, tiling, processor, memory).run(lo, hi);
}

} // namespace tw::codegen
