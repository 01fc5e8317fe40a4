// SPDX-License-Identifier: Apache-2.0
#include "host/Pack.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace tw::codegen {

using namespace mlir;

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
  // Bytes keep their values but for a zero point; of other elements only the size counts.
  auto fill = [&]<typename T>(T) {
    fillPacked(order, steps, offset, zero, reinterpret_cast<const T *>(from.bytes.data()),
               reinterpret_cast<T *>(result.bytes.data()));
  };
  switch (ir::byteWidth(from.type)) {
  case 1:
    fill(int8_t());
    break;
  case 2:
    fill(int16_t());
    break;
  case 4:
    fill(int32_t());
    break;
  default:
    fill(int64_t());
    break;
  }
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
