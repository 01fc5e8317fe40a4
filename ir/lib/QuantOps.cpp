// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/QuantOps.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <limits>

namespace tw::ir {
namespace {

std::optional<ChannelSum> ifWide(ChannelSum sum) { return sum.fitsInt32() ? std::nullopt : std::optional(sum); }

ChannelSum byLength(int64_t length, std::pair<int64_t, int64_t> a, std::pair<int64_t, int64_t> b) {
  auto [low, high] = std::minmax({a.first * b.first, a.first * b.second, a.second * b.first, a.second * b.second});
  return {0, low * length, high * length};
}

template <typename Op>
std::optional<ChannelSum> wideProduct(Op op, std::pair<int64_t, int64_t> reach, mlir::Value bias) {
  const int64_t channels = shapeOf(op.getWeight())[0];
  if (bias && !isConstant(bias)) // any int32 may be added to the sum
    return ChannelSum{0, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  const auto added = bias ? constantInts(bias) : std::vector<int64_t>(channels, 0);
  std::optional<Tensor> weights = constantOf(op.getWeight());
  if (weights && isConstant(op.getWeightZero()))
    return wideSumOf(*weights, constantInts(op.getWeightZero()), reach, added);
  const ChannelSum any = byLength(elementCount(shapeOf(op.getWeight())) / channels, reach, reachOf(op.getWeightZero()));
  for (int64_t channel = 0; channel != channels; ++channel)
    if (auto wide = ifWide({channel, any.least + added[channel], any.largest + added[channel]}))
      return wide;
  return std::nullopt;
}

} // namespace

std::pair<int64_t, int64_t> reachOf(mlir::Value zero) {
  if (!isConstant(zero))
    return {-255, 255};
  auto zeros = constantInts(zero);
  auto [low, high] = std::ranges::minmax(zeros);
  return {-128 - high, 127 - low};
}

ChannelSum channelSum(const Tensor &weights, llvm::ArrayRef<int64_t> zeros, std::pair<int64_t, int64_t> reach,
                      int64_t added, int64_t channel) {
  const int64_t depth = weights.size() / weights.shape[0], zero = zeros[zeros.size() == 1 ? 0 : channel];
  ChannelSum sum{channel, added, added};
  for (int8_t weight : weights.values<int8_t>().slice(size_t(channel * depth), size_t(depth))) {
    const int64_t w = weight - zero;
    sum.least += w * (w > 0 ? reach.first : reach.second);
    sum.largest += w * (w > 0 ? reach.second : reach.first);
  }
  return sum;
}

std::optional<ChannelSum> wideSumOf(const Tensor &weights, llvm::ArrayRef<int64_t> zeros,
                                    std::pair<int64_t, int64_t> reach, llvm::ArrayRef<int64_t> added) {
  for (int64_t channel = 0; channel != weights.shape[0]; ++channel)
    if (auto wide = ifWide(channelSum(weights, zeros, reach, added[channel], channel)))
      return wide;
  return std::nullopt;
}

std::optional<ChannelSum> wideSumOf(mlir::Operation *op) {
  return llvm::TypeSwitch<mlir::Operation *, std::optional<ChannelSum>>(op)
      .Case<QConvOp, QGemmOp>(
          [](auto product) { return wideProduct(product, reachOf(product.getInZero()), product.getBias()); })
      .Case<QConvSumsOp, QGemmSumsOp>([](auto product) { return wideProduct(product, {-128, 127}, nullptr); })
      .Case([](QMatmulOp product) {
        return ifWide(
            byLength(shapeOf(product.getA()).back(), reachOf(product.getAZero()), reachOf(product.getBZero())));
      })
      .Case([](QPoolOp pool) {
        const bool isSum = pool.getKind() == PoolKind::Average;
        return isSum ? ifWide(byLength(elementCount(pool.getKernel()), reachOf(pool.getInZero()), {1, 1}))
                     : std::nullopt;
      })
      .Default([](mlir::Operation *) { return std::nullopt; });
}

EltwiseFunction eltwiseFunction(EltwiseKind kind) {
  switch (kind) {
  case EltwiseKind::Add:
    return EltwiseFunction::Add;
  case EltwiseKind::Sub:
    return EltwiseFunction::Sub;
  case EltwiseKind::Mul:
    return EltwiseFunction::Mul;
  case EltwiseKind::Min:
    return EltwiseFunction::Min;
  case EltwiseKind::Max:
    return EltwiseFunction::Max;
  }
  llvm_unreachable("all kinds are listed");
}

std::vector<float> requantMultipliers(llvm::ArrayRef<float> inScale, llvm::ArrayRef<float> weightScale,
                                      float outScale) {
  std::vector<float> multipliers;
  for (float scale : weightScale)
    multipliers.push_back(requantMultiplier(inScale.front(), scale, outScale));
  return multipliers;
}

std::vector<int64_t> averageCountsOf(QPoolOp op) {
  bool last = op.getLayout() == Layout::NHWC;
  Dims in = shapeOf(op.getInput()).drop_front(last ? 1 : 2), out = shapeOf(op.getResult()).drop_front(last ? 1 : 2);
  Dims kernel = op.getKernel(), strides = op.getStrides(), pads = op.getPads();
  return averageCounts({in[0], in[1]}, {out[0], out[1]}, {kernel[0], kernel[1]}, {strides[0], strides[1]},
                       {pads[0], pads[1], pads[2], pads[3]}, op.getCountIncludePad());
}

std::optional<AverageParams> averageParamsOf(QPoolOp op, float inScale, float outScale) {
  return averageParams(inScale, outScale, averageCountsOf(op));
}

} // namespace tw::ir
