// SPDX-License-Identifier: Apache-2.0
// Bytes that change their places along one dimension, such as the shuffled channels of a ShuffleNet, become one
// operator, a gather of known places: what only part of them is needed for, takes that part at once.
#include "tw/ir/Passes.h"

#include "tw/ir/Constants.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace tw::ir {
#define GEN_PASS_DEF_JOINMOVES
#include "tw/ir/Passes.h.inc"

using namespace mlir;

namespace {

bool isByte(Value value) { return elementTypeOf(value.getType()) == ElementType::I8; }

Value gather(PatternRewriter &rewriter, Location location, Value input, ArrayRef<int32_t> places, int64_t axis) {
  Tensor indices(ElementType::I32, {static_cast<int64_t>(places.size())});
  llvm::copy(places, indices.data<int32_t>());
  Shape shape(shapeOf(input));
  shape[axis] = static_cast<int64_t>(places.size());
  auto type = RankedTensorType::get(shape, cast<RankedTensorType>(input.getType()).getElementType());
  return rewriter.create<GatherOp>(location, type, input, makeConstant(rewriter, location, "places", indices), axis);
}

// The places that a gather takes along its axis, where they are known, in one dimension.
std::optional<SmallVector<int32_t>> placesOf(GatherOp op) {
  if (!op || shapeOf(op.getIndices()).size() != 1 || !isConstant(op.getIndices()))
    return std::nullopt;
  const int64_t extent = shapeOf(op.getInput())[op.getAxis()];
  SmallVector<int32_t> places;
  for (int64_t at : constantInts(op.getIndices()))
    places.push_back(static_cast<int32_t>(std::clamp<int64_t>(at < 0 ? at + extent : at, 0, extent - 1)));
  return places;
}

// The dimension of `shape` that `parts` has in parts, all others being equal and left where they are by `perm`.
std::optional<size_t> splitDim(Dims shape, Dims parts, Dims perm) {
  if (parts.size() <= shape.size())
    return std::nullopt;
  const size_t more = parts.size() - shape.size();
  auto isKept = [&](size_t from, size_t to) {
    return parts[to] == shape[from] && perm[to] == static_cast<int64_t>(to);
  };
  for (size_t d = 0; d < shape.size(); ++d) {
    bool others = true;
    for (size_t i = 0; i < shape.size(); ++i)
      others &= i == d || isKept(i, i < d ? i : i + more);
    if (others && elementCount(parts.slice(d, more + 1)) == shape[d])
      return d;
  }
  return std::nullopt;
}

// reshape(transpose(reshape(x))) of parts of one dimension.
struct ShuffleToGather : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<TransposeOp>();
    auto split = transpose ? transpose.getInput().getDefiningOp<ReshapeOp>() : ReshapeOp();
    if (!split || !isByte(op) || split.getInput().getType() != op.getType() || llvm::is_contained(shapeOf(op), 0))
      return failure();
    Dims parts = shapeOf(split), perm = transpose.getPerm();
    auto dim = splitDim(shapeOf(op), parts, perm);
    if (!dim)
      return failure();
    const int64_t extent = shapeOf(op)[*dim];
    if (extent > std::numeric_limits<int32_t>::max())
      return failure();
    const size_t count = parts.size() - shapeOf(op).size() + 1;
    Shape strides(count, 1);
    for (size_t i = count - 1; i-- > 0;)
      strides[i] = strides[i + 1] * parts[*dim + i + 1];
    SmallVector<int32_t> places;
    for (int64_t at = 0; at < extent; ++at) {
      int64_t rest = at, place = 0;
      for (size_t i = count; i-- > 0;) {
        const size_t part = static_cast<size_t>(perm[*dim + i]) - *dim;
        place += rest % parts[*dim + part] * strides[part];
        rest /= parts[*dim + part];
      }
      places.push_back(static_cast<int32_t>(place));
    }
    rewriter.replaceOp(op, gather(rewriter, transpose.getLoc(), split.getInput(), places, static_cast<int64_t>(*dim)));
    return success();
  }
};

struct SliceOfGather : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<GatherOp>();
    auto places = placesOf(inner);
    if (!places || !isByte(op))
      return failure();
    const size_t axis = inner.getAxis();
    for (size_t d = 0; d < op.getStarts().size(); ++d)
      if (d != axis && (op.getStarts()[d] != 0 || shapeOf(op)[d] != shapeOf(inner)[d]))
        return failure();
    SmallVector<int32_t> taken;
    for (int64_t i = 0; i < shapeOf(op)[axis]; ++i)
      taken.push_back((*places)[static_cast<size_t>(op.getStarts()[axis] + i * op.getSteps()[axis])]);
    rewriter.replaceOp(op, gather(rewriter, op.getLoc(), inner.getInput(), taken, static_cast<int64_t>(axis)));
    return success();
  }
};

struct GatherOfGather : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GatherOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<GatherOp>();
    auto places = placesOf(op), innerPlaces = placesOf(inner);
    if (!places || !innerPlaces || !isByte(op) || op.getAxis() != inner.getAxis())
      return failure();
    for (int32_t &place : *places)
      place = (*innerPlaces)[static_cast<size_t>(place)];
    rewriter.replaceOp(op,
                       gather(rewriter, op.getLoc(), inner.getInput(), *places, static_cast<int64_t>(op.getAxis())));
    return success();
  }
};

struct JoinMoves : impl::JoinMovesBase<JoinMoves> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ShuffleToGather, SliceOfGather, GatherOfGather>(&getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace tw::ir
