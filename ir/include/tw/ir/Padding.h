// SPDX-License-Identifier: Apache-2.0
// What for: the proof that a graph may stand for the same graph of smaller dimensions: its inputs filled up with zeros,
// its results cut.
// Called by: tools, for each value that a run may give a dimension of a package.
// Does not: run anything, look at names, or know a form of a mask: what it cannot derive it refuses.
#ifndef TW_IR_PADDING_H
#define TW_IR_PADDING_H

#include "mlir/IR/BuiltinOps.h"

#include <memory>
#include <optional>
#include <string>

namespace tw::ir {

/// An input whose elements are 0 or 1, and 1 at this place along its last axis, in each row of the corner.
struct ShownPlace {
  std::string mask; // the input
  int64_t place = 0;
};

/// A model was imported twice, for some values of its dimensions (large) and for smaller ones (small), and each of the
/// small graph's inputs lies in the first corner of the large one's, with zeros beside it. Then each value of the large
/// graph has to hold in its first corner what the small one computes. That is derived operator by operator: the two
/// graphs must be the same one, constants equal in their corners, and what an operator makes of the elements beside the
/// corner must not reach it: rows that do not mix, or a sum or a softmax to which they give exactly zero, as bounds of
/// the values show (a mask that hides them, and nothing infinite that a zero is multiplied with).
///
/// Equal means: to the last bit for integers and for what moves; sums of floats have the same terms and zeros, which
/// code for another size may add in another order.
///
/// A mask of the caller's hides what is beside it, as that is zeros; but it may hide everything, and then what is
/// hidden has its share, too. So a proof may count on one element of the mask (ShownPlace), which whoever runs has to
/// look at.
class PaddingProof {
public:
  explicit PaddingProof(mlir::ModuleOp large, std::optional<ShownPlace> shown = std::nullopt);
  ~PaddingProof();

  /// Nothing if that holds; else why not, in a sentence that begins with the place: "node 'mean' averages over what is
  /// padded".
  std::optional<std::string> whyNot(mlir::ModuleOp small);

private:
  struct Known; // of the large graph alone
  mlir::ModuleOp large;
  std::optional<ShownPlace> shown;
  std::unique_ptr<Known> known;
};

} // namespace tw::ir

#endif // TW_IR_PADDING_H
