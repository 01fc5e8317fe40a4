// SPDX-License-Identifier: Apache-2.0
// What for: a past that is read through one quantiser only, which may be kept as the bytes that this makes of it.
// Called by: State.cpp.
// Does not: know which rows are kept.
#ifndef TW_IR_LIB_QUANTISEDSTATE_H
#define TW_IR_LIB_QUANTISEDSTATE_H

#include "tw/ir/GraphDialect.h"

namespace tw::ir {

/// The quantiser to int8 through which all that read `present`, a Concat of `past` and what is new, read it, itself or
/// its elements in other places; null if there is none, or if one of them sees more of it. The use of `present` by the
/// terminator, as its result, counts not.
QuantizeOp quantiserOf(mlir::BlockArgument past, ConcatOp present, unsigned result);

/// Whether both round alike.
bool areAlike(QuantizeOp a, QuantizeOp b);

/// What it makes of zero, 0 to 255.
int64_t zeroByte(QuantizeOp quantiser);

/// Makes past and present int8: what is new is quantised in front of the Concat instead of all behind it, each element
/// as before. Whoever read present gets what the bytes stand for, of which its quantiser makes these bytes again.
ConcatOp quantise(mlir::BlockArgument past, ConcatOp present, QuantizeOp quantiser, unsigned result);

} // namespace tw::ir

#endif // TW_IR_LIB_QUANTISEDSTATE_H
