// SPDX-License-Identifier: Apache-2.0
// What for: the executed numbers (QuantParams.h) of a concrete integer operator, read from its constant operands.
// Called by: fusion, which refuses what cannot be represented, the linalg builder and the code generator, which keeps
// sums that an int32 may not hold off the NPU.
// Does not: accept scales that are not constants: those have no numbers at compile time.
#ifndef TW_IR_QUANTOPS_H
#define TW_IR_QUANTOPS_H

#include "tw/ir/Constants.h"
#include "tw/ir/QuantParams.h"

#include <limits>
#include <utility>

namespace tw::ir {

EltwiseFunction eltwiseFunction(EltwiseKind kind);

// One multiplier per output channel (or one for all): fl32(fl32(sx * sw) / sy).
std::vector<float> requantMultipliers(llvm::ArrayRef<float> inScale, llvm::ArrayRef<float> weightScale, float outScale);

// The least and the largest value that int8 activations give the sum of products (and bias), or of a window, of an
// output channel: from the actual weights and bias; where they are computed, by the reduction's length.
struct ChannelSum {
  int64_t channel = 0, least = 0, largest = 0;
  bool fitsInt32() const {
    return least >= std::numeric_limits<int32_t>::min() && largest <= std::numeric_limits<int32_t>::max();
  }
};
// A channel whose sum can leave int32. Nothing for an operator whose sums all fit.
std::optional<ChannelSum> wideSumOf(mlir::Operation *op);
// The same of sums of x * (w - zero), x being anything from reach.first to reach.second, to which added[channel] is
// added. Weights are [channels, ...] in any layout, with one zero point or one a channel. Padding leaves terms out,
// which is never the worst.
std::optional<ChannelSum> wideSumOf(const Tensor &weights, llvm::ArrayRef<int64_t> zeros,
                                    std::pair<int64_t, int64_t> reach, llvm::ArrayRef<int64_t> added);
// Of one channel, and the reach of an int8 less its zero point.
ChannelSum channelSum(const Tensor &weights, llvm::ArrayRef<int64_t> zeros, std::pair<int64_t, int64_t> reach,
                      int64_t added, int64_t channel);
std::pair<int64_t, int64_t> reachOf(mlir::Value zero);

// Counts of in-image elements under the windows of an average pool, and its multipliers.
std::vector<int64_t> averageCountsOf(QPoolOp op);
std::optional<AverageParams> averageParamsOf(QPoolOp op, float inScale, float outScale);

} // namespace tw::ir

#endif // TW_IR_QUANTOPS_H
