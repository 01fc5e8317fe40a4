// SPDX-License-Identifier: Apache-2.0
#include "host/Tile.h"

#include "tw/ir/FloatFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace tw::codegen {
namespace {

using namespace mlir;

const HostAccess *memory(const StageInput &input) { return std::get_if<HostAccess>(&input); }

// Bits of the widest number that the first stage computes with: what fills a vector.
unsigned widestBits(const HostFunction &function, const HostNest &nest) {
  unsigned bits = function.arrays[nest.output.array].element.getIntOrFloatBitWidth();
  if (nest.dot != Dot::None)
    return 32;
  for (const Stage &stage : nest.stages)
    for (Operation &op : *stage.body)
      for (Value result : op.getResults())
        if (result.getType().isIntOrFloat() && (&stage == &nest.stages.front() || !nest.isReduced))
          bits = std::max(bits, result.getType().getIntOrFloatBitWidth());
  if (nest.isReduced)
    bits = std::max(bits, nest.stages.front().body->getArguments().back().getType().getIntOrFloatBitWidth());
  return std::clamp(bits, 8u, 64u);
}

// A reduction whose body only adds (or compares) the element itself: lanes of it can be joined by the same body.
bool isPlainReduction(const HostNest &nest) {
  const Stage &stage = nest.stages.front();
  Block &body = *stage.body;
  if (nest.dot != Dot::None || body.getNumArguments() != 2 ||
      body.getArgument(0).getType() != body.getArgument(1).getType())
    return false;
  Operation *last = body.getTerminator()->getOperand(0).getDefiningOp();
  if (!last || last->getNumOperands() < 2)
    return false;
  auto isArgument = [&](Value value) { return llvm::is_contained(body.getArguments(), value); };
  if (auto select = dyn_cast<arith::SelectOp>(last))
    return isArgument(select.getTrueValue()) && isArgument(select.getFalseValue());
  return llvm::all_of(last->getOperands(), isArgument) && last->getOperand(0) != last->getOperand(1);
}

// The parallel loop along which results are neighbours in memory, if that is of use.
int lanesOf(const HostNest &nest) {
  int found = -1;
  for (unsigned loop = 0; loop != nest.loops(); ++loop)
    if (!nest.isReduction[loop] && nest.output.steps[loop] == 1)
      found = int(loop);
  return found;
}

bool isRead(const StageInput &input, unsigned loop) {
  const HostAccess *access = memory(input);
  return access && access->steps[loop] != 0;
}

// What a tile of a reduction costs a processor that starts two multiply-adds and two loads per cycle and waits four
// cycles for a result, per step of the reduction.
double stepCost(int64_t vectors, int64_t rows, int loadsPerVector, int loadsPerRow) {
  const double products = double(vectors * rows) / 2, loads = double(vectors * loadsPerVector + rows * loadsPerRow) / 2;
  return std::max({products, loads, 4.0});
}

// Cuts an extent into tiles of at most `most`, as equal as whole steps allow.
int64_t evenTile(int64_t extent, int64_t most) {
  const int64_t tiles = llvm::divideCeil(extent, std::max<int64_t>(most, 1));
  return tiles == 0 ? 1 : llvm::divideCeil(extent, tiles);
}

} // namespace

Tiling chooseTiling(const HostFunction &function, const HostNest &nest, const HostProcessor &processor) {
  Tiling tiling;
  tiling.tile.assign(nest.loops(), 1);
  tiling.lanes = lanesOf(nest);
  const unsigned bits = widestBits(function, nest);
  int64_t vector = std::max<int64_t>(1, processor.vectorBits / bits);
  for (unsigned loop = 0; loop != nest.loops(); ++loop)
    if (!nest.isReduction[loop] && int(loop) != tiling.lanes)
      tiling.order.push_back(loop);

  // A sum along neighbours in memory that gives nothing to lie in lanes.
  if (nest.isReduced && isPlainReduction(nest)) {
    const HostAccess &input = std::get<HostAccess>(nest.stages.front().inputs.front());
    int last = -1;
    for (unsigned loop = 0; loop != nest.loops(); ++loop)
      if (nest.isReduction[loop])
        last = int(loop);
    if (last >= 0 && input.steps[unsigned(last)] == 1 && nest.extents[unsigned(last)] > 0) {
      tiling.reduceLanes = last;
      tiling.vectorWidth = std::min(vector, ir::kSumLanes);
      if (tiling.lanes >= 0)
        tiling.order.push_back(unsigned(tiling.lanes));
      tiling.lanes = -1;
    }
  }
  if (tiling.lanes >= 0) {
    const unsigned lanes = unsigned(tiling.lanes);
    const int64_t extent = nest.extents[lanes];
    while (vector > 1 && vector / 2 >= extent)
      vector /= 2;
    tiling.vectorWidth = vector;
    int64_t vectors = 1, most = nest.isReduced ? 4 : 2;
    int rowLoop = -1;
    if (nest.isReduced) {
      // Rows: the innermost loop for which an operand that lies in lanes is the same.
      auto reused = [&](unsigned loop) {
        return llvm::any_of(nest.stages.front().inputs,
                            [&](const StageInput &input) { return isRead(input, lanes) && !isRead(input, loop); });
      };
      for (unsigned loop : tiling.order)
        if (reused(loop) && (rowLoop < 0 || nest.extents[loop] >= 4 || nest.extents[unsigned(rowLoop)] < 4))
          rowLoop = int(loop);
      int loadsPerVector = 0, loadsPerRow = 0, loadsPerBoth = 0;
      for (const StageInput &input : nest.stages.front().inputs)
        if (memory(input)) {
          const bool inLanes = isRead(input, lanes), inRows = rowLoop >= 0 && isRead(input, unsigned(rowLoop));
          (inLanes && inRows ? loadsPerBoth : inLanes ? loadsPerVector : loadsPerRow) += 1;
        }
      const int64_t rows = rowLoop < 0 ? 1 : nest.extents[unsigned(rowLoop)];
      const int64_t whole = llvm::divideCeil(extent, vector);
      // Sums, what is multiplied by them, and one for a factor that is spread.
      const int64_t room = int64_t(processor.registers) - 1;
      double best = 0;
      int64_t bestRows = 1;
      for (int64_t v = 1; v <= std::min(most, whole); v *= 2)
        for (int64_t r = 1; r <= std::min<int64_t>(rows, 14); ++r) {
          if (v * r + v * loadsPerVector > room && v * r != 1)
            break;
          const int64_t even = evenTile(rows, r);
          auto cost = [&](int64_t vs, int64_t rs) {
            return stepCost(vs, rs, loadsPerVector, loadsPerRow) + double(vs * rs * loadsPerBoth) / 2;
          };
          const int64_t fullV = whole / v, restV = whole % v, fullR = rows / even, restR = rows % even;
          double total = double(fullV * fullR) * cost(v, even);
          if (restV)
            total += double(fullR) * cost(restV, even);
          if (restR)
            total += double(fullV) * cost(v, restR);
          if (restV && restR)
            total += cost(restV, restR);
          if (best == 0 || total < best * 0.999) {
            best = total;
            vectors = v;
            bestRows = even;
          }
        }
      if (rowLoop >= 0)
        tiling.tile[unsigned(rowLoop)] = bestRows;
      // A short row leaves room for another loop of rows beside it.
      for (unsigned loop : tiling.order) {
        if (int(loop) == rowLoop || rowLoop < 0 || !reused(loop) || tiling.tile[unsigned(rowLoop)] != rows)
          continue;
        int64_t more = 1;
        while (more * 2 <= nest.extents[loop] && vectors * bestRows * more * 2 + vectors * loadsPerVector <= room &&
               bestRows * more * 2 <= 14)
          more *= 2;
        if (more > 1) {
          tiling.tile[loop] = more;
          bestRows *= more;
        }
      }
    } else {
      vectors = std::min<int64_t>(most, llvm::divideCeil(extent, vector));
    }
    tiling.tile[lanes] = vectors * vector;

    // Where operands of the reduction are shared by all rows, their tile stays close: the loop of lanes is outermost.
    const bool isShared =
        nest.isReduced && llvm::none_of(nest.stages.front().inputs, [&](const StageInput &input) {
          return memory(input) && isRead(input, lanes) && rowLoop >= 0 && isRead(input, unsigned(rowLoop));
        });
    const int64_t tiles = llvm::divideCeil(extent, tiling.tile[lanes]);
    if (isShared && tiles >= 2)
      tiling.order.insert(tiling.order.begin(), lanes);
    else if (rowLoop >= 0 && tiling.order.size() > 1)
      tiling.order.insert(llvm::find(tiling.order, unsigned(rowLoop)), lanes);
    else
      tiling.order.push_back(lanes);
    // A loop that can be shared by threads comes first.
    if (tiling.order.size() > 1) {
      auto tilesOf = [&](unsigned loop) { return llvm::divideCeil(nest.extents[loop], tiling.tile[loop]); };
      if (tilesOf(tiling.order.front()) < 2)
        for (size_t i = 1; i != tiling.order.size(); ++i)
          if (tilesOf(tiling.order[i]) >= 2) {
            std::rotate(tiling.order.begin(), tiling.order.begin() + i, tiling.order.begin() + i + 1);
            break;
          }
    }
  }
  if (!tiling.order.empty())
    tiling.extent = int64_t(llvm::divideCeil(nest.extents[tiling.order.front()], tiling.tile[tiling.order.front()]));
  return tiling;
}

namespace {

// Where an operand's elements go: outer loops, tile of lanes, reductions, lane, member of a group of products.
struct PackedOrder {
  SmallVector<unsigned> outer, reductions;
  int lanes = -1;
  int64_t lanesExtent = 1, width = 1, group = 1;
  SmallVector<int64_t> extents; // per loop, before groups are formed
  int grouped = -1;             // the reduction whose neighbours form groups

  int64_t groups(unsigned loop) const {
    return int(loop) == grouped ? int64_t(llvm::divideCeil(extents[loop], group)) : extents[loop];
  }
  int64_t depth() const {
    int64_t product = 1;
    for (unsigned loop : reductions)
      product *= groups(loop);
    return product;
  }
  int64_t count() const {
    int64_t product = depth() * lanesExtent * group;
    for (unsigned loop : outer)
      product *= extents[loop];
    return product;
  }
};

template <typename From, typename To>
void fillPacked(const PackedOrder &order, ArrayRef<int64_t> steps, int64_t offset, int64_t zero, const From *from,
                To *to) {
  const int64_t depth = order.depth();
  SmallVector<int64_t> outer(order.outer.size(), 0);
  for (int64_t block = 0, blocks = order.count() / (depth * order.lanesExtent * order.group); block != blocks;
       ++block) {
    int64_t begin = offset, rest = block;
    for (size_t i = order.outer.size(); i-- > 0;) {
      begin += rest % order.extents[order.outer[i]] * steps[order.outer[i]];
      rest /= order.extents[order.outer[i]];
    }
    To *base = to + block * depth * order.lanesExtent * order.group;
    for (int64_t tile = 0; tile < order.lanesExtent; tile += order.width) {
      const int64_t width = std::min(order.width, order.lanesExtent - tile);
      for (int64_t r = 0; r != depth; ++r) {
        int64_t at = begin, left = r, first = 0;
        for (size_t i = order.reductions.size(); i-- > 0;) {
          const unsigned loop = order.reductions[i];
          const int64_t index = left % order.groups(loop);
          left /= order.groups(loop);
          if (int(loop) == order.grouped)
            first = index * order.group;
          else
            at += index * steps[loop];
        }
        for (int64_t lane = 0; lane != width; ++lane)
          for (int64_t member = 0; member != order.group; ++member) {
            To value = 0;
            int64_t from_ = at + (order.lanes >= 0 ? (tile + lane) * steps[unsigned(order.lanes)] : 0);
            if (order.grouped < 0)
              value = To(from[from_]);
            else if (first + member < order.extents[unsigned(order.grouped)])
              value = To(from[from_ + (first + member) * steps[unsigned(order.grouped)]] - zero);
            base[(tile * depth + r * width + lane) * order.group + member] = value;
          }
      }
    }
  }
}

ir::Tensor packed(const PackedOrder &order, ArrayRef<int64_t> steps, int64_t offset, int64_t zero, Dot dot,
                  const ir::Tensor &from) {
  if (dot == Dot::Pairs) { // int16 has no element type of its own: its bytes
    ir::Tensor result(ir::ElementType::I8, {order.count() * 2});
    fillPacked(order, steps, offset, zero, from.data<int8_t>(), reinterpret_cast<int16_t *>(result.bytes.data()));
    return result;
  }
  ir::Tensor result(from.type, {order.count()});
  ir::withElementType(from.type, [&](auto element) {
    using T = decltype(element);
    if constexpr (std::is_arithmetic_v<T>)
      fillPacked(order, steps, offset, zero, from.data<T>(), result.data<T>());
    else
      llvm_unreachable("nothing is computed in the narrow reals");
  });
  return result;
}

} // namespace

std::vector<HostNest> packOperands(HostFunction &function, HostNest &nest, const Tiling &tiling) {
  std::vector<HostNest> before;
  if (!nest.isReduced || tiling.lanes < 0)
    return before;
  const unsigned lanes = unsigned(tiling.lanes);
  int last = -1;
  for (unsigned loop = 0; loop != nest.loops(); ++loop)
    if (nest.isReduction[loop])
      last = int(loop);
  Stage &stage = nest.stages.front();
  for (size_t i = 0; i != stage.inputs.size(); ++i) {
    auto *access = std::get_if<HostAccess>(&stage.inputs[i]);
    const bool isFactor = nest.dot != Dot::None && i == 1;
    if (!access || (access->steps[lanes] == 0 && !isFactor))
      continue;
    PackedOrder order;
    order.extents.assign(nest.extents.begin(), nest.extents.end());
    order.lanes = int(lanes);
    order.lanesExtent = nest.extents[lanes];
    order.width = tiling.tile[lanes];
    bool isReduced = false;
    for (unsigned loop = 0; loop != nest.loops(); ++loop)
      if (access->steps[loop] != 0 && loop != lanes) {
        (nest.isReduction[loop] ? order.reductions : order.outer).push_back(loop);
        isReduced |= nest.isReduction[loop];
      }
    if (isFactor) {
      order.grouped = last;
      order.group = nest.dot == Dot::Pairs ? 2 : 4;
    }
    const HostArray array = function.arrays[access->array];
    if (!isReduced && !isFactor)
      continue;
    HostAccess there;
    there.steps.assign(nest.loops(), 0);
    if (array.isConstant && array.kind == HostArray::Argument) {
      there.isPacked = true;
      int64_t step = order.group;
      for (unsigned loop : llvm::reverse(order.reductions)) {
        there.steps[loop] = step;
        step *= order.groups(loop);
      }
      there.steps[lanes] = step;
      step *= order.lanesExtent;
      for (unsigned loop : llvm::reverse(order.outer)) {
        there.steps[loop] = step;
        step *= order.extents[loop];
      }
      HostArray copy{HostArray::Derived,
                     nest.dot == Dot::Pairs && isFactor ? Type(IntegerType::get(array.element.getContext(), 16))
                                                        : array.element,
                     order.count()};
      copy.isConstant = true;
      copy.constant.arguments = {array.argument};
      copy.constant.compute = [order, steps = access->steps, offset = access->offset,
                               zero = isFactor ? nest.zeroOfWeights : 0,
                               dot = isFactor ? nest.dot : Dot::None](ArrayRef<ir::Tensor> constants) {
        return packed(order, steps, offset, zero, dot, constants[0]);
      };
      there.array = function.addArray(std::move(copy));
    } else if (access->steps[lanes] != 1) {
      // Not known: a copy with lanes as neighbours.
      HostNest copy;
      SmallVector<unsigned> loops(order.outer);
      loops.append(order.reductions);
      loops.push_back(lanes);
      Stage move;
      function.bodies.push_back(std::make_unique<Region>());
      move.body = &function.bodies.back()->emplaceBlock();
      Location location = UnknownLoc::get(array.element.getContext());
      move.body->addArgument(array.element, location);
      move.body->addArgument(array.element, location);
      OpBuilder builder(array.element.getContext());
      builder.setInsertionPointToEnd(move.body);
      builder.create<linalg::YieldOp>(location, ValueRange(move.body->getArgument(0)));
      HostAccess from{access->array, access->offset, {}};
      int64_t count = 1;
      copy.output.steps.assign(loops.size(), 0);
      for (size_t k = loops.size(); k-- > 0;) {
        copy.output.steps[k] = count;
        there.steps[loops[k]] = count;
        count *= nest.extents[loops[k]];
      }
      for (unsigned loop : loops) {
        copy.extents.push_back(nest.extents[loop]);
        copy.isReduction.push_back(false);
        from.steps.push_back(access->steps[loop]);
      }
      move.inputs.push_back(from);
      copy.stages.push_back(std::move(move));
      there.array = function.addArray({HostArray::Scratch, array.element, count});
      copy.output.array = there.array;
      simplify(copy);
      before.push_back(std::move(copy));
    } else {
      continue;
    }
    stage.inputs[i] = there;
  }
  if (nest.dot != Dot::None) {
    const int64_t group = nest.dot == Dot::Pairs ? 2 : 4;
    nest.extents[unsigned(last)] = int64_t(llvm::divideCeil(nest.extents[unsigned(last)], group));
    std::get<HostAccess>(stage.inputs[0]).steps[unsigned(last)] *= group;
  }
  return before;
}

} // namespace tw::codegen
