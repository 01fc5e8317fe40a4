// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Padding.h"

#include "Constants.h"

#include "tw/ir/Interpreter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <deque>

namespace tw::ir {

struct PaddingProof::Known {
  padding::Constants constants;
  padding::SameConstants same;
};

PaddingProof::PaddingProof(mlir::ModuleOp large, std::optional<ShownPlace> shown)
    : large(large), shown(std::move(shown)), known(std::make_unique<Known>()) {}
PaddingProof::~PaddingProof() = default;

namespace padding {
namespace {

using mlir::Operation;

std::string placeOf(Operation *op) {
  const auto names = nodeNames(op->getLoc());
  return "node '" + (names.empty() ? op->getName().getStringRef() : names.front()).str() + "' ";
}

std::string textOf(mlir::Attribute attribute) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  attribute.print(stream);
  return text;
}

bool areAlike(Operation *large, Operation *small) {
  if (large->getName().getStringRef() != small->getName().getStringRef() ||
      large->getNumOperands() != small->getNumOperands() || large->getNumResults() != small->getNumResults())
    return false;
  const auto ours = large->getAttrDictionary(), theirs = small->getAttrDictionary();
  return ours == theirs || textOf(ours) == textOf(theirs);
}

class Walk {
public:
  Walk(mlir::ModuleOp large, mlir::ModuleOp small, const std::optional<ShownPlace> &shown, Constants &ourConstants,
       SameConstants &same)
      : shown(shown), place(shown ? shown->place : 0), large(large.lookupSymbol<mlir::func::FuncOp>("main")),
        small(small.lookupSymbol<mlir::func::FuncOp>("main")), ourConstants(ourConstants), same(same) {}

  std::optional<std::string> run() {
    if (auto reason = takeArguments())
      return reason;
    auto other = small.front().begin();
    for (Operation &op : large.front()) {
      if (op.getNumResults() == 1 && ourConstants.isConstant(op.getResult(0)))
        continue;
      while (other->getNumResults() == 1 && theirConstants.isConstant(other->getResult(0)))
        ++other; // not the last one, which has no result
      Operation *twin = &*other;
      if (!areAlike(&op, twin))
        return placeOf(&op) + "is another one for smaller dimensions";
      llvm::SmallVector<const Value *> operands;
      for (auto [ours, theirs] : llvm::zip_equal(op.getOperands(), twin->getOperands()))
        if (auto reason = takeOperand(ours, theirs, operands))
          return placeOf(&op) + *reason;
      if (op.hasTrait<mlir::OpTrait::IsTerminator>())
        return std::nullopt;
      if (auto reason = take(&op, twin, operands))
        return placeOf(&op) + *reason;
      ++other;
    }
    llvm_unreachable("a function ends with its terminator");
  }

private:
  std::optional<std::string> takeArguments() {
    if (large.getNumArguments() != small.getNumArguments() || large.getNumResults() != small.getNumResults())
      return "the graph has other inputs or outputs for smaller dimensions";
    for (unsigned i = 0; i != large.getNumArguments(); ++i) {
      const mlir::Value ours = large.getArgument(i), theirs = small.getArgument(i);
      if (argumentName(large, i) != argumentName(small, i) ||
          elementTypeOf(ours.getType()) != elementTypeOf(theirs.getType()))
        return "input '" + argumentName(large, i) + "' is another one for smaller dimensions";
      Value value(shapeOf(theirs), shapeOf(ours), elementTypeOf(ours.getType()), place);
      if (!value.fits())
        return "input '" + argumentName(large, i) + "' has another rank or is larger for smaller dimensions";
      for (Range &range : value.beside)
        range = Range::exactly(0); // what it is filled up with
      if (shown && shown->mask == argumentName(large, i))
        if (auto reason = takeMask(value))
          return reason;
      values.push_back(std::move(value));
      numbers[ours] = values.size() - 1;
      twins[ours] = theirs;
    }
    return std::nullopt;
  }

  std::optional<std::string> takeMask(Value &mask) {
    if (mask.rank() == 0 || place >= mask.small.back())
      return "input '" + shown->mask + "' ends before the place that it has to show, " + std::to_string(place);
    mask.corner = mask.whole = Range::between(0, 1);
    mask.there.back() = Range::exactly(1);
    mask.close();
    return std::nullopt;
  }

  std::optional<std::string> takeOperand(mlir::Value ours, mlir::Value theirs,
                                         llvm::SmallVector<const Value *> &operands) {
    const bool isConstant = ourConstants.isConstant(ours);
    if (isConstant != theirConstants.isConstant(theirs) || (!isConstant && twins.lookup(ours) != theirs))
      return "takes another value for smaller dimensions";
    if (!isConstant) {
      operands.push_back(&values[numbers.lookup(ours)]);
      return std::nullopt;
    }
    const auto mine = ourConstants.tensorOf(ours), other = theirConstants.tensorOf(theirs);
    auto value = mine && other ? lookAtConstant(*other, ours, *mine, place, same) : std::nullopt;
    if (!value)
      return "takes other numbers for smaller dimensions";
    values.push_back(std::move(*value));
    operands.push_back(&values.back());
    return std::nullopt;
  }

  std::optional<std::string> take(Operation *op, Operation *twin, llvm::ArrayRef<const Value *> operands) {
    if (op->getNumResults() != 1)
      return "is not known to keep apart what is padded";
    const mlir::Value ours = op->getResult(0), theirs = twin->getResult(0);
    if (elementTypeOf(ours.getType()) != elementTypeOf(theirs.getType()))
      return "has another type for smaller dimensions";
    Value value(shapeOf(theirs), shapeOf(ours), elementTypeOf(ours.getType()), place);
    if (!value.fits())
      return "has another rank or is larger for smaller dimensions";
    if (auto reason = follow(op, operands, value))
      return reason;
    value.close();
    values.push_back(std::move(value));
    numbers[ours] = values.size() - 1;
    twins[ours] = theirs;
    return std::nullopt;
  }

  const std::optional<ShownPlace> &shown;
  int64_t place;
  mlir::func::FuncOp large, small;
  Constants &ourConstants;
  Constants theirConstants;
  SameConstants &same;
  std::deque<Value> values;
  llvm::DenseMap<mlir::Value, size_t> numbers; // by value of the large graph
  llvm::DenseMap<mlir::Value, mlir::Value> twins;
};

} // namespace
} // namespace padding

std::optional<std::string> PaddingProof::whyNot(mlir::ModuleOp small) {
  return padding::Walk(large, small, shown, known->constants, known->same).run();
}

} // namespace tw::ir
