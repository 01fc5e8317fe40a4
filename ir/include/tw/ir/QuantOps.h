// SPDX-License-Identifier: Apache-2.0
// What for: the executed numbers (QuantParams.h) of a concrete integer operator, read from its constant operands.
// Called by: fusion, which refuses what cannot be represented, the linalg builder and the code generator.
// Does not: accept scales that are not constants: those have no numbers at compile time.
#ifndef TW_IR_QUANTOPS_H
#define TW_IR_QUANTOPS_H

#include "tw/ir/Constants.h"
#include "tw/ir/QuantParams.h"

namespace tw::ir {

EltwiseFunction eltwiseFunction(EltwiseKind kind);

// One multiplier per output channel (or one for all): fl32(fl32(sx * sw) / sy).
std::vector<float> requantMultipliers(llvm::ArrayRef<float> inScale, llvm::ArrayRef<float> weightScale, float outScale);

// Counts of in-image elements under the windows of an average pool, and its multipliers.
std::vector<int64_t> averageCountsOf(QPoolOp op);
std::optional<AverageParams> averageParamsOf(QPoolOp op, float inScale, float outScale);

} // namespace tw::ir

#endif // TW_IR_QUANTOPS_H
