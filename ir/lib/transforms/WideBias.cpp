// SPDX-License-Identifier: Apache-2.0
// A channel whose weights are next to nothing has a bias that fills int32: quantisers choose its scale so that the bias
// just fits, and products that are added may leave 32 bits. The bias moves inside as far as they need, and what it
// stands for stays: the channel's scale grows by what the bias lost.
#include "Fusion.h"

#include "tw/ir/QuantOps.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace tw::ir {
namespace {

// The other scale counts the products, too, by a number of steps of the result that is no more than this.
constexpr double kMostSteps = 1.0 / 4096;

// What is to be added to a bias so that the sums of its channel just fit into 32 bits.
int64_t backInto32Bits(const ChannelSum &sum) {
  constexpr int64_t kLeast = std::numeric_limits<int32_t>::min(), kLargest = std::numeric_limits<int32_t>::max();
  return sum.least < kLeast ? kLeast - sum.least : std::min<int64_t>(kLargest - sum.largest, 0);
}

// Whether the requantised sum is the same bound of int8 as far as the sum goes, with a unit to spare for roundings.
bool saturates(const ChannelSum &sum, double multiplier, int64_t zero) {
  return static_cast<double>(sum.largest) * multiplier + static_cast<double>(zero) < -129 ||
         static_cast<double>(sum.least) * multiplier + static_cast<double>(zero) > 128;
}

template <typename Op> struct MoveWideBias : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    auto weights = constantOf(op.getWeight());
    auto bias = op.getBias() ? constantOf(op.getBias()) : std::nullopt;
    if (!weights || !bias || !isConstant(op.getWeightZero()) || !wideSumOf(op))
      return failure();
    const int64_t channels = weights->shape[0], outZero = constantInts(op.getOutZero())[0];
    const auto zeros = constantInts(op.getWeightZero());
    const auto reach = reachOf(op.getInZero());
    auto scales = constantFloats(op.getWeightScale());
    scales.resize(size_t(channels), scales.front());
    const auto multipliers =
        requantMultipliers(constantFloats(op.getInScale()), scales, constantFloats(op.getOutScale())[0]);
    bool isMoved = false, isScaled = false;
    for (int64_t channel = 0; channel != channels; ++channel) {
      int32_t &added = bias->template data<int32_t>()[channel];
      const ChannelSum sum = channelSum(*weights, zeros, reach, added, channel);
      const int64_t step = backInto32Bits(sum);
      const ChannelSum moved{channel, sum.least + step, sum.largest + step};
      const double multiplier = multipliers[size_t(channel)];
      if (step == 0 || !moved.fitsInt32())
        continue;
      const bool isBound = saturates(sum, multiplier, outZero) && saturates(moved, multiplier, outZero);
      const double growth = static_cast<double>(added) / static_cast<double>(added + step);
      const double products = std::max(std::abs(double(sum.least - added)), std::abs(double(sum.largest - added)));
      if (!isBound && !(products * multiplier * std::abs(growth - 1) <= kMostSteps))
        continue;
      added = static_cast<int32_t>(added + step);
      isMoved = true;
      if (isBound)
        continue;
      scales[size_t(channel)] = static_cast<float>(scales[size_t(channel)] * growth);
      isScaled = true;
    }
    if (!isMoved)
      return failure();
    Value newBias = constantLike(rewriter, op.getBias(), *bias);
    Value newScale = isScaled ? constantLike(rewriter, op.getWeightScale(), Tensor::of<float>({channels}, scales))
                              : op.getWeightScale();
    rewriter.modifyOpInPlace(op, [&] {
      op.getBiasMutable().assign(newBias);
      op.getWeightScaleMutable().assign(newScale);
    });
    return success();
  }

private:
  static Value constantLike(PatternRewriter &rewriter, Value like, const Tensor &tensor) {
    auto names = nodeNames(like.getLoc());
    return makeConstant(rewriter, like.getLoc(), names.empty() ? "bias" : names.front(), tensor);
  }
};

} // namespace

void addWideBiasPatterns(RewritePatternSet &patterns) {
  patterns.add<MoveWideBias<QConvOp>, MoveWideBias<QGemmOp>>(patterns.getContext());
}

} // namespace tw::ir
