// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/State.h"

#include "QuantisedState.h"

#include "tw/ir/Constants.h"
#include "tw/ir/GraphDialect.h"
#include "tw/ir/Interpreter.h"
#include "tw/isa/DiagError.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

namespace tw::ir {
namespace {

struct Pair {
  unsigned argument = 0, result = 0;
  ConcatOp concat;
  int64_t axis = 0, past = 0, fresh = 0;
  int64_t zero = 0; // the byte of which a past of zeros consists
};

class Keeper {
public:
  explicit Keeper(mlir::ModuleOp module) : main(module.lookupSymbol<mlir::func::FuncOp>("main")) {}

  llvm::Error look(llvm::ArrayRef<StatePair> wanted) {
    for (const StatePair &names : wanted)
      if (auto error = find(names))
        return error;
    return checkOthers();
  }

  int64_t past() const { return pairs.front().past; }
  int64_t fresh() const { return pairs.front().fresh; }

  /// An error where the state of so many rows is not the same as that of another graph.
  llvm::Error compare(const Keeper &other, int64_t rows) const {
    for (auto [mine, theirs] : llvm::zip_equal(pairs, other.pairs)) {
      const auto type = typeOf(mine, rows), otherType = other.typeOf(theirs, rows);
      if (type != otherType)
        return errorAt(
            "state " + argumentName(main, mine.argument),
            llvm::formatv(
                "is {0} for one value of the dimensions and {1} for another: only the rows that are kept may differ",
                shapeText(otherType.getShape()), shapeText(type.getShape())));
    }
    return llvm::Error::success();
  }

  /// As what the pair's past may be kept without a change; null: as it is.
  QuantizeOp quantiserOf(size_t pair) const {
    return ir::quantiserOf(main.getArgument(pairs[pair].argument), pairs[pair].concat, pairs[pair].result);
  }
  void quantise(size_t pair) {
    Pair &its = pairs[pair];
    const QuantizeOp quantiser = quantiserOf(pair);
    its.zero = zeroByte(quantiser);
    its.concat = ir::quantise(main.getArgument(its.argument), its.concat, quantiser, its.result);
  }

  /// State of so many rows; returns its bytes.
  int64_t keep(int64_t rows, const std::string &freshDim) {
    int64_t bytes = 0;
    if (!freshDim.empty())
      addPlaces(rows, freshDim);
    for (const Pair &pair : pairs)
      bytes += keepLast(pair, rows);
    addPosition();
    main->setAttr(kPositions, mlir::Builder(main.getContext()).getI64IntegerAttr(fresh()));
    return bytes;
  }

private:
  mlir::RankedTensorType typeOf(const Pair &pair, int64_t rows) const {
    auto type = mlir::cast<mlir::RankedTensorType>(main.getArgument(pair.argument).getType());
    llvm::SmallVector<int64_t> shape(type.getShape());
    shape[size_t(pair.axis)] = rows;
    return type.clone(shape);
  }

  llvm::Error wrong(const StatePair &names, const llvm::Twine &text) const {
    return errorAt("state " + names.past + "=" + names.present, text);
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
    pair.axis = int64_t(pair.concat.getAxis());
    pair.past = shapeOf(past)[pair.axis];
    pair.fresh = shapeOf(present)[pair.axis] - pair.past;
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
      return errorAt("",
                     "no pair of an input and an output has the names of keys and values of a past: name the pairs");
    for (auto [name, reason] : kNeeded) {
      const auto argument = argumentOf(name);
      if (!argument || main.getArgument(*argument).use_empty())
        return errorAt(
            "", llvm::formatv(
                    "state needs a model that reads an input {0}, else {1}: the inputs are {2}: export it with {0}",
                    name, reason, inputs()));
    }
    if (argumentOf(kPosition))
      return errorAt(
          "",
          llvm::formatv("the model has an input '{0}', and state adds one of this name: give the model's another name",
                        kPosition));
    return llvm::Error::success();
  }

  static mlir::Value rowsOf(mlir::OpBuilder &builder, mlir::Value value, int64_t axis, int64_t start, int64_t count) {
    if (start == 0 && shapeOf(value)[axis] == count)
      return value;
    llvm::SmallVector<int64_t> shape(shapeOf(value)), starts(shape.size(), 0), steps(shape.size(), 1);
    shape[axis] = count;
    starts[axis] = start;
    auto type = mlir::cast<mlir::RankedTensorType>(value.getType()).clone(shape);
    return builder.create<SliceOp>(value.getLoc(), type, value, starts, steps);
  }

  void addArgument(llvm::StringRef name, mlir::NamedAttribute attribute) {
    mlir::Builder builder(main.getContext());
    main.insertArgument(
        main.getNumArguments(), mlir::RankedTensorType::get({1}, builder.getI64Type()),
        builder.getDictionaryAttr({builder.getNamedAttr("tw.name", builder.getStringAttr(name)), attribute}),
        main.getLoc());
  }

  // Which of past and present are kept: so many from as many on as the run adds.
  void addPlaces(int64_t rows, const std::string &freshDim) {
    mlir::OpBuilder builder(main.getContext());
    addArgument("rows of " + freshDim, builder.getNamedAttr(kSize, builder.getStringAttr(freshDim)));
    Tensor counted(ElementType::I64, {rows});
    for (int64_t i = 0; i != rows; ++i)
      counted.setInteger(i, i);
    builder.setInsertionPointToStart(&main.front());
    const mlir::Value places = makeConstant(builder, main.getLoc(), "places", counted);
    kept = builder.create<AddOp>(pairs.front().concat.getLoc(), places.getType(), places, main.getArguments().back());
  }

  int64_t keepLast(Pair pair, int64_t rows) {
    mlir::Operation *terminator = main.front().getTerminator();
    mlir::OpBuilder builder(main.getContext());
    mlir::Value all = pair.concat.getResult();
    mlir::BlockArgument state = main.getArgument(pair.argument);
    if (rows != pair.past) {
      state.setType(typeOf(pair, rows));
      builder.setInsertionPointToStart(&main.front());
      const mlir::Value past = rowsOf(builder, state, pair.axis, rows - pair.past, pair.past);
      state.replaceAllUsesExcept(past, past.getDefiningOp());
      builder.setInsertionPointAfter(pair.concat);
      all = builder.create<ConcatOp>(pair.concat.getLoc(), typeOf(pair, rows + pair.fresh),
                                     mlir::ValueRange{state, pair.concat.getInputs()[1]}, pair.axis);
    }
    builder.setInsertionPoint(terminator);
    if (kept)
      all = builder.create<GatherOp>(pair.concat.getLoc(), typeOf(pair, rows), all, kept, pair.axis);
    else
      all = rowsOf(builder, all, pair.axis, pair.fresh, rows);
    terminator->setOperand(pair.result, all);
    main.setFunctionType(builder.getFunctionType(main.front().getArgumentTypes(), terminator->getOperandTypes()));
    main.setArgAttr(pair.argument, kState, builder.getI64IntegerAttr(pair.zero));
    main.setResultAttr(pair.result, kState, builder.getI64IntegerAttr(pair.argument));
    return mlir::cast<mlir::ShapedType>(state.getType()).getNumElements() * byteWidth(elementTypeOf(state.getType()));
  }

  void addPosition() {
    mlir::Builder builder(main.getContext());
    addArgument(kPosition, builder.getNamedAttr(kBounds, builder.getDenseI64ArrayAttr({0, past()})));
  }

  mutable mlir::func::FuncOp main;
  std::vector<Pair> pairs;
  mlir::Value kept; // places of the rows that are kept, if the run decides
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

llvm::Expected<KeptState> keepState(llvm::ArrayRef<mlir::ModuleOp> imported, llvm::ArrayRef<StatePair> pairs,
                                    llvm::ArrayRef<std::string> fresh) {
  std::vector<Keeper> keepers(imported.begin(), imported.end());
  KeptState kept;
  for (Keeper &keeper : keepers) {
    if (auto error = keeper.look(pairs))
      return std::move(error);
    kept.rows = std::max(kept.rows, keeper.past());
    kept.fresh.push_back(keeper.fresh());
  }
  for (const Keeper &keeper : keepers)
    if (auto error = keeper.compare(keepers.front(), kept.rows))
      return std::move(error);
  for (size_t pair = 0; pair != pairs.size(); ++pair) {
    const QuantizeOp first = keepers.front().quantiserOf(pair);
    const bool isQuantised = first && llvm::all_of(keepers, [&](const Keeper &keeper) {
                               const QuantizeOp its = keeper.quantiserOf(pair);
                               return its && areAlike(first, its);
                             });
    kept.areBytes.push_back(isQuantised);
    for (Keeper &keeper : keepers)
      if (isQuantised)
        keeper.quantise(pair);
  }
  for (auto [keeper, dim] : llvm::zip_equal(keepers, fresh))
    kept.bytes = keeper.keep(kept.rows, dim);
  return kept;
}

} // namespace tw::ir
