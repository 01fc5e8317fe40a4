// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/State.h"

#include "tw/ir/Constants.h"
#include "tw/ir/GraphDialect.h"
#include "tw/ir/Interpreter.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

namespace tw::ir {
namespace {

struct Pair {
  unsigned argument = 0, result = 0;
  ConcatOp concat;
  int64_t past = 0, fresh = 0;
};

class Keeper {
public:
  explicit Keeper(mlir::ModuleOp module) : main(module.lookupSymbol<mlir::func::FuncOp>("main")) {}

  llvm::Expected<KeptState> keep(llvm::ArrayRef<StatePair> wanted) {
    for (const StatePair &names : wanted)
      if (auto error = find(names))
        return std::move(error);
    if (auto error = checkOthers())
      return std::move(error);
    KeptState kept{pairs.front().past, pairs.front().fresh, 0};
    for (const Pair &pair : pairs) {
      keepLast(pair);
      const auto type = mlir::cast<mlir::RankedTensorType>(main.getArgument(pair.argument).getType());
      kept.bytes += type.getNumElements() * byteWidth(elementTypeOf(type));
    }
    addPosition(kept.past);
    return kept;
  }

private:
  llvm::Error wrong(const StatePair &names, const llvm::Twine &text) const {
    return llvm::createStringError("state " + names.past + "=" + names.present + ": " + text);
  }

  std::string inputs() const {
    std::string text;
    for (unsigned i = 0; i != main.getNumArguments(); ++i)
      text += (i ? ", " : "") + argumentName(mlir::func::FuncOp(main), i);
    return text;
  }

  std::optional<unsigned> argumentOf(llvm::StringRef name) const {
    for (unsigned i = 0; i != main.getNumArguments(); ++i)
      if (argumentName(main, i) == name)
        return i;
    return std::nullopt;
  }

  llvm::Error find(const StatePair &names) {
    Pair pair;
    const auto argument = argumentOf(names.past);
    if (!argument)
      return wrong(names, "there is no input '" + names.past + "': the inputs are " + inputs());
    pair.argument = *argument;
    std::string outputs;
    for (unsigned i = 0; i != main.getNumResults(); ++i)
      outputs += (i ? ", " : "") + resultName(main, i);
    for (pair.result = 0; pair.result != main.getNumResults(); ++pair.result)
      if (resultName(main, pair.result) == names.present)
        break;
    if (pair.result == main.getNumResults())
      return wrong(names, "there is no output '" + names.present + "': the outputs are " + outputs);
    for (const Pair &other : pairs)
      if (other.argument == pair.argument || other.result == pair.result)
        return wrong(names, "'" + (other.argument == pair.argument ? names.past : names.present) +
                                "' is in another pair, too: name each once");
    mlir::Value past = main.getArgument(pair.argument), present = main.front().getTerminator()->getOperand(pair.result);
    pair.concat = present.getDefiningOp<ConcatOp>();
    if (!pair.concat || pair.concat.getInputs().size() != 2 || pair.concat.getInputs()[0] != past)
      return wrong(names, "'" + names.present + "' is not made by a Concat of '" + names.past +
                              "' and what is new behind it: only such a pair is kept");
    pair.past = shapeOf(past)[pair.concat.getAxis()];
    pair.fresh = shapeOf(present)[pair.concat.getAxis()] - pair.past;
    if (!pairs.empty() && (pairs[0].past != pair.past || pairs[0].fresh != pair.fresh))
      return wrong(names, llvm::formatv("it keeps {0} positions and adds {1}, the pair of '{2}' {3} and {4}: they must "
                                        "be the same",
                                        pair.past, pair.fresh, argumentName(main, pairs[0].argument), pairs[0].past,
                                        pairs[0].fresh)
                              .str());
    pairs.push_back(pair);
    return llvm::Error::success();
  }

  /// What tells the model which rows there are, and where.
  llvm::Error checkOthers() const {
    static constexpr std::pair<const char *, const char *> kNeeded[] = {
        {"attention_mask", "rows that no run has made yet could not be hidden"},
        {"position_ids", "the model would take each position for the last one"}};
    if (pairs.empty())
      return llvm::createStringError("no pair of an input and an output has the names of keys and values of a past: "
                                     "name the pairs");
    for (auto [name, reason] : kNeeded) {
      const auto argument = argumentOf(name);
      if (!argument || main.getArgument(*argument).use_empty())
        return llvm::createStringError(
            llvm::formatv("state needs a model that reads an input {0}, else {1}: the inputs "
                          "are {2}: export it with {0}",
                          name, reason, inputs())
                .str());
    }
    if (argumentOf(kPosition))
      return llvm::createStringError(
          llvm::formatv("the model has an input '{0}', and state adds one of this name: give "
                        "the model's another name",
                        kPosition)
              .str());
    return llvm::Error::success();
  }

  void keepLast(Pair pair) {
    mlir::OpBuilder builder(main.front().getTerminator());
    const mlir::Value present = pair.concat.getResult();
    const mlir::Type type = main.getArgument(pair.argument).getType();
    llvm::SmallVector<int64_t> starts(shapeOf(present).size(), 0), steps(shapeOf(present).size(), 1);
    starts[pair.concat.getAxis()] = pair.fresh;
    auto last = builder.create<SliceOp>(pair.concat.getLoc(), type, present, starts, steps);
    mlir::Operation *terminator = main.front().getTerminator();
    terminator->setOperand(pair.result, last);
    main.setFunctionType(builder.getFunctionType(main.front().getArgumentTypes(), terminator->getOperandTypes()));
    main.setArgAttr(pair.argument, kState, builder.getUnitAttr());
    main.setResultAttr(pair.result, kState, builder.getI64IntegerAttr(pair.argument));
  }

  void addPosition(int64_t most) {
    mlir::Builder builder(main.getContext());
    const unsigned last = main.getNumArguments();
    main.insertArgument(
        last, mlir::RankedTensorType::get({1}, builder.getI64Type()),
        builder.getDictionaryAttr({builder.getNamedAttr("tw.name", builder.getStringAttr(kPosition)),
                                   builder.getNamedAttr(kBounds, builder.getDenseI64ArrayAttr({0, most}))}),
        main.getLoc());
  }

  mutable mlir::func::FuncOp main;
  std::vector<Pair> pairs;
};

} // namespace

std::vector<StatePair> recognizeStates(mlir::ModuleOp imported) {
  auto main = imported.lookupSymbol<mlir::func::FuncOp>("main");
  std::vector<StatePair> pairs;
  for (unsigned i = 0; i != main.getNumArguments(); ++i) {
    const std::string past = argumentName(main, i);
    for (unsigned k = 0; k != main.getNumResults(); ++k) {
      // past_key_values.0.key and present.0.key; past.0.key or past_0 and present...; a decoder's own part of both.
      const std::string present = resultName(main, k);
      llvm::StringRef behind(past), ahead(present);
      if (!behind.consume_front("past") || !ahead.consume_front("present"))
        continue;
      behind.consume_front("_key_values");
      ahead.consume_front("_key_values");
      if (behind == ahead)
        pairs.push_back({past, present});
    }
  }
  return pairs;
}

llvm::Expected<KeptState> keepState(mlir::ModuleOp imported, llvm::ArrayRef<StatePair> pairs) {
  return Keeper(imported).keep(pairs);
}

} // namespace tw::ir
