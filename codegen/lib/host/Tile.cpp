// SPDX-License-Identifier: Apache-2.0
#include "host/Tile.h"

#include "tw/ir/FloatFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
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

// A sum along neighbours in memory.
std::optional<unsigned> reductionInLanes(const HostNest &nest) {
  if (!nest.isReduced || !isPlainReduction(nest))
    return std::nullopt;
  const HostAccess &input = std::get<HostAccess>(nest.stages.front().inputs.front());
  int last = -1;
  for (unsigned loop = 0; loop != nest.loops(); ++loop)
    if (nest.isReduction[loop])
      last = int(loop);
  if (last < 0 || input.steps[unsigned(last)] != 1 || nest.extents[unsigned(last)] <= 0)
    return std::nullopt;
  return unsigned(last);
}

Tiling chooseTiling(const HostFunction &function, const HostNest &nest, const HostProcessor &processor) {
  Tiling tiling;
  tiling.tile.assign(nest.loops(), 1);
  tiling.lanes = lanesOf(nest);
  const unsigned bits = widestBits(function, nest);
  int64_t vector = std::max<int64_t>(1, processor.vectorBits / bits);
  for (unsigned loop = 0; loop != nest.loops(); ++loop)
    if (!nest.isReduction[loop] && int(loop) != tiling.lanes)
      tiling.order.push_back(loop);

  if (auto inLanes = reductionInLanes(nest)) {
    tiling.reduceLanes = int(*inLanes);
    tiling.vectorWidth = std::min(vector, ir::kSumLanes);
    if (tiling.lanes >= 0)
      tiling.order.push_back(unsigned(tiling.lanes));
    tiling.lanes = -1;
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

} // namespace tw::codegen
