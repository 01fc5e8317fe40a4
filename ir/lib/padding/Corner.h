// SPDX-License-Identifier: Apache-2.0
// What for: what is known of a value of the large graph beside the same value of the small one, whose elements are
// those of its first corner; and the rules by which an operator's result follows from its operands. Called by:
// Padding.cpp, which walks both graphs. Does not: know where a value comes from.
#ifndef TW_IR_LIB_PADDING_CORNER_H
#define TW_IR_LIB_PADDING_CORNER_H

#include "Range.h"

#include "tw/ir/Constants.h"

#include <optional>
#include <string>
#include <vector>

namespace tw::ir::padding {

/// "Padded" is an axis that is longer in the large graph. "Beside" it lie the elements that are beyond the small extent
/// on this axis and in the corner on all others.
struct Value {
  /// `place`: along each padded axis, that of which something more may be known (`there`).
  Value(Dims small, Dims large, ElementType type, int64_t place = 0);

  Shape small, large;
  ElementType type;
  Range corner, whole;       // of the elements of the corner, and of all
  std::vector<Range> beside; // by axis; of those that are not padded it says nothing
  // Along a padded axis, each row of the corner has an element that is at least `peak`, and one that is at most
  // `trough`.
  std::vector<double> peak, trough;
  // By axis: of the elements of the corner that are at `place` on it. Where nothing else is said, those of the corner.
  int64_t place;
  std::vector<Range> there;

  size_t rank() const { return large.size(); }
  bool fits() const; // the small shape in the large one
  bool isPadded(size_t axis) const { return small[axis] != large[axis]; }
  bool isPadded() const { return small != large; }
  /// Extent 1 for all sizes: broadcast where another operand has more.
  bool isOne(size_t axis) const { return small[axis] == 1 && large[axis] == 1; }
  /// When all is known: bounds of parts hold for the rest, too.
  void close();
};

/// The result of an operator; or why it does not follow that its corner is the small graph's result.
std::optional<std::string> follow(mlir::Operation *op, llvm::ArrayRef<const Value *> operands, Value &result);

} // namespace tw::ir::padding

#endif // TW_IR_LIB_PADDING_CORNER_H
