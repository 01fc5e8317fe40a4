// SPDX-License-Identifier: Apache-2.0
#include "host/Emit.h"

#include "tw/ir/FloatFunctions.h"
#include "tw/ir/GraphDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
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

// An index of linalg.index and what is made of it: a number for lane 0, and how it grows from lane to lane.
struct IndexValue {
  Value base;
  int64_t laneStep = 0;
};

class Emitter {
public:
  Emitter(OpBuilder &builder, Location location, const HostFunction &function, const HostNest &nest,
          const Tiling &tiling, const HostProcessor &processor, ArrayRef<Value> memory)
      : b(builder), at(location), function(function), nest(nest), tiling(tiling), processor(processor), memory(memory) {
  }

  void run(Value lo, Value hi) {
    parts.assign(nest.loops(), {});
    if (tiling.order.empty()) { // one point: the range is all or nothing
      tile();
      return;
    }
    walk(0, lo, hi);
  }

private:
  //===- Numbers --------------------------------------------------------------------------------------------------===//

  Value index(int64_t value) { return b.create<arith::ConstantIndexOp>(at, value); }
  // Sums of index values; null is 0.
  Value plus(Value left, Value right) {
    return !left ? right : !right ? left : Value(b.create<arith::AddIOp>(at, left, right));
  }
  Value times(Value value, int64_t factor) {
    return !value || factor == 0 ? Value()
           : factor == 1         ? value
                                 : Value(b.create<arith::MulIOp>(at, value, index(factor)));
  }
  Value addressOf(Value dynamic, int64_t constant) {
    return !dynamic ? index(constant) : constant == 0 ? dynamic : plus(dynamic, index(constant));
  }

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

  Value load(unsigned array, Value address) {
    return fromMemory(array, b.create<memref::LoadOp>(at, memory[array], address));
  }
  Value loadVector(unsigned array, Value address, int64_t width) {
    if (width == 1)
      return load(array, address);
    auto type = VectorType::get({width}, memoryType(function.arrays[array].element));
    return fromMemory(array, b.create<vector::LoadOp>(at, type, memory[array], address));
  }
  // A bool is a byte in memory.
  Value fromMemory(unsigned array, Value value) {
    if (!function.arrays[array].element.isInteger(1))
      return value;
    Value zero = b.create<arith::ConstantOp>(at, b.getZeroAttr(value.getType()));
    return b.create<arith::CmpIOp>(at, arith::CmpIPredicate::ne, value, zero);
  }
  Value toMemory(unsigned array, Value value) {
    if (!function.arrays[array].element.isInteger(1))
      return value;
    Type type = b.getI8Type();
    if (auto vector = dyn_cast<VectorType>(value.getType()))
      type = VectorType::get(vector.getShape(), type);
    return b.create<arith::ExtUIOp>(at, type, value);
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

  Value gathered(ArrayRef<Value> lanes) {
    if (lanes.size() == 1)
      return lanes.front();
    auto type = VectorType::get({int64_t(lanes.size())}, lanes.front().getType());
    return b.create<vector::FromElementsOp>(at, type, lanes);
  }

  Value spread(Value value, int64_t width) {
    if (width == 1 || isa<VectorType>(value.getType()))
      return value;
    return b.create<vector::BroadcastOp>(at, VectorType::get({width}, value.getType()), value);
  }

  Value number(TypedAttr attribute) { return b.create<arith::ConstantOp>(at, attribute); }

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
    const bool isPairs = nest.dot == Dot::Pairs;
    const int64_t group = isPairs ? 2 : 4;
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
    if (Value known = intrinsicDot(sum, spreadX, loaded, piece.width))
      return known;
    // No instruction of this width: by parts.
    auto parts = VectorType::get({piece.width * group}, cast<VectorType>(loaded.getType()).getElementType());
    Value left = b.create<vector::BitCastOp>(at, parts, asVector(spreadX));
    auto wide = VectorType::get({piece.width * group}, b.getI32Type());
    left = isPairs ? b.create<arith::ExtSIOp>(at, wide, left).getResult()
                   : b.create<arith::ExtUIOp>(at, wide, left).getResult();
    Value right = b.create<arith::ExtSIOp>(at, wide, loaded);
    Value products = b.create<arith::MulIOp>(at, left, right), total = asVector(sum);
    for (int64_t member = 0; member != group; ++member) {
      SmallVector<int64_t> mask;
      for (int64_t lane = 0; lane != piece.width; ++lane)
        mask.push_back(lane * group + member);
      total = b.create<arith::AddIOp>(at, total, b.create<vector::ShuffleOp>(at, products, products, mask));
    }
    return piece.width == 1 ? b.create<vector::ExtractOp>(at, total, 0).getResult() : total;
  }

  Value asVector(Value value) {
    if (isa<VectorType>(value.getType()))
      return value;
    return b.create<vector::BroadcastOp>(at, VectorType::get({1}, value.getType()), value);
  }

  Value intrinsicDot(Value sum, Value x, Value w, int64_t width) {
    auto sums = VectorType::get({width}, b.getI32Type());
    auto call = [&](StringRef name, ValueRange arguments) {
      return b.create<LLVM::CallIntrinsicOp>(at, sums, b.getStringAttr(name), arguments).getResult(0);
    };
    auto as = [&](Value value, unsigned bits) -> Value {
      auto type = VectorType::get({width * 32 / bits}, b.getIntegerType(bits));
      return value.getType() == type ? value : b.create<vector::BitCastOp>(at, type, value).getResult();
    };
    if (nest.dot == Dot::Pairs) {
      StringRef name = width == 16 && processor.vectorBits >= 512 ? "llvm.x86.avx512.pmaddw.d.512"
                       : width == 8                               ? "llvm.x86.avx2.pmadd.wd"
                       : width == 4                               ? "llvm.x86.sse2.pmadd.wd"
                                                                  : "";
      if (name.empty())
        return nullptr;
      return b.create<arith::AddIOp>(at, sum, call(name, {as(x, 16), as(w, 16)}));
    }
    StringRef name = width == 16  ? "llvm.x86.avx512.vpdpbusd.512"
                     : width == 8 ? "llvm.x86.avx512.vpdpbusd.256"
                     : width == 4 ? "llvm.x86.avx512.vpdpbusd.128"
                                  : "";
    if (name.empty())
      return nullptr;
    return call(name, {sum, as(x, 32), as(w, 32)});
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

  // The body on scalars where all lanes have the same value, on vectors elsewhere.
  Value evaluate(const Stage &stage, ArrayRef<Value> arguments, Piece piece, ArrayRef<int64_t> point) {
    llvm::DenseMap<Value, Value> values;
    llvm::DenseMap<Value, IndexValue> indices;
    for (auto [argument, value] : llvm::zip(stage.body->getArguments(), arguments))
      values[argument] = value;
    auto get = [&](Value value) -> Value {
      if (auto found = values.find(value); found != values.end())
        return found->second;
      Operation *outside = value.getDefiningOp(); // a constant of the function
      return values[value] = b.clone(*outside)->getResult(0);
    };
    for (Operation &op : stage.body->without_terminator()) {
      if (auto place = dyn_cast<linalg::IndexOp>(op)) {
        indices[place] = indexOf(stage.indexOf[place.getDim()], piece, point);
        continue;
      }
      if (auto cast = dyn_cast<arith::IndexCastOp>(op); cast && cast.getType().isIndex()) {
        Value from = get(cast.getIn());
        if (!isa<VectorType>(from.getType()))
          indices[cast] = {b.create<arith::IndexCastOp>(at, b.getIndexType(), from), 0};
        else
          values[cast] = from; // per lane
        continue;
      }
      if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
        values[extract] = gather(extract, indices, values, piece);
        continue;
      }
      if (auto lut = dyn_cast<ir::LutOp>(op)) {
        values[lut] = lookUp(get(lut.getValue()), function.captured.lookup(lut.getTable()));
        continue;
      }
      if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
        values[constant] = number(cast<TypedAttr>(constant.getValue()));
        continue;
      }
      SmallVector<Value> operands;
      int64_t width = 1;
      for (Value operand : op.getOperands()) {
        operands.push_back(get(operand));
        if (auto type = dyn_cast<VectorType>(operands.back().getType()))
          width = type.getNumElements();
      }
      // A choice by one condition takes it as it is.
      for (auto [i, operand] : llvm::enumerate(operands))
        operand = isa<arith::SelectOp>(op) && i == 0 ? operand : spread(operand, width);
      OperationState state(at, op.getName().getStringRef(), operands, {}, op.getAttrs());
      for (Type type : op.getResultTypes())
        state.addTypes(width == 1 ? type : VectorType::get({width}, type));
      Operation *made = b.create(state);
      for (auto [from, to] : llvm::zip(op.getResults(), made->getResults()))
        values[from] = to;
    }
    return get(stage.body->getTerminator()->getOperand(0));
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

  // tensor[indices], lane by lane unless lanes are neighbours.
  Value gather(tensor::ExtractOp op, llvm::DenseMap<Value, IndexValue> &indices, llvm::DenseMap<Value, Value> &values,
               Piece piece) {
    const unsigned array = function.captured.lookup(op.getTensor());
    auto shape = cast<RankedTensorType>(op.getTensor().getType()).getShape();
    auto strides = ir::stridesOf(shape);
    Value base;
    int64_t laneStep = 0;
    SmallVector<std::pair<Value, int64_t>> perLane;
    for (auto [place, stride] : llvm::zip(op.getIndices(), strides)) {
      if (auto found = indices.find(place); found != indices.end()) {
        base = plus(base, times(found->second.base, stride));
        laneStep += found->second.laneStep * stride;
      } else {
        perLane.push_back({values.lookup(place), stride});
      }
    }
    if (!base)
      base = index(0);
    if (perLane.empty() && laneStep == 0)
      return load(array, base);
    if (perLane.empty() && laneStep == 1)
      return loadVector(array, base, piece.width);
    SmallVector<Value> lanes;
    for (int64_t lane = 0; lane != piece.width; ++lane) {
      Value address = addressOf(base, lane * laneStep);
      for (auto [vector, stride] : perLane) {
        Value one = piece.width == 1 ? vector : b.create<vector::ExtractOp>(at, vector, lane).getResult();
        address = plus(address, times(b.create<arith::IndexCastOp>(at, b.getIndexType(), one), stride));
      }
      lanes.push_back(load(array, address));
    }
    return gathered(lanes);
  }

  // table[value + 128], lane by lane.
  Value lookUp(Value value, unsigned table) {
    auto type = dyn_cast<VectorType>(value.getType());
    SmallVector<Value> lanes;
    for (int64_t lane = 0, count = type ? type.getNumElements() : 1; lane != count; ++lane) {
      Value one = type ? b.create<vector::ExtractOp>(at, value, lane).getResult() : value;
      Value sign = b.create<arith::ConstantOp>(at, b.getI8IntegerAttr(-128));
      Value place = b.create<arith::IndexCastUIOp>(at, b.getIndexType(), b.create<arith::XOrIOp>(at, one, sign));
      lanes.push_back(load(table, place));
    }
    return gathered(lanes);
  }

  OpBuilder &b;
  Location at;
  const HostFunction &function;
  const HostNest &nest;
  const Tiling &tiling;
  const HostProcessor &processor;
  ArrayRef<Value> memory;
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
