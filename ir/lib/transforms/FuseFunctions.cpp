// SPDX-License-Identifier: Apache-2.0
// Whatever stands between dequantise and quantise and depends on one int8 value and numbers alone is a table of 256:
// the interpreter computes it. Quantisers in between keep their rounding.
#include "Fusion.h"

#include "../interpreter/Kernels.h"
#include "Quantized.h"
#include "tw/ir/Interpreter.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace tw::ir {
namespace {

constexpr int64_t kEntries = 256;

bool hasOneNumber(Value parameter) { return isConstant(parameter) && elementCount(shapeOf(parameter)) == 1; }

// Operators of one element of each operand, on any types: the interpreter evaluates them for all values at once.
bool isPointwise(Operation *op) {
  return unaryFunction(op) ||
         isa<AddOp, SubOp, MulOp, DivOp, MinOp, MaxOp, UnaryOp, BinaryOp, CompareOp, WhereOp, CastOp>(op);
}

// A constant with the same number everywhere, dequantised or not.
std::optional<Tensor> numberOf(Value value) {
  if (elementTypeOf(value.getType()) == ElementType::F32) {
    auto real = realConstant(value);
    if (!real || real->empty() || !llvm::all_equal(*real))
      return std::nullopt;
    return Tensor::of<float>({}, {static_cast<float>(real->front())});
  }
  auto tensor = constantOf(value);
  const size_t width = static_cast<size_t>(byteWidth(elementTypeOf(value.getType())));
  if (!tensor || tensor->bytes.empty() ||
      !std::equal(tensor->bytes.begin() + width, tensor->bytes.end(), tensor->bytes.begin()))
    return std::nullopt;
  Tensor number(tensor->type, {});
  std::copy_n(tensor->bytes.begin(), width, number.bytes.begin());
  return number;
}

// The operators between one int8 value and a result, in an order in which they can be computed.
class Function {
public:
  // `isDeep`: through what was quantised on the way, to the value that it was computed from.
  static std::optional<Function> of(QuantizeOp op, bool isDeep) {
    Function function;
    function.isDeep = isDeep;
    if (!function.visit(op) || !function.source)
      return std::nullopt;
    return function;
  }

  Value argument() const { return source; }

  // Nothing if the interpreter cannot compute an operator.
  std::optional<Tensor> table() const {
    llvm::DenseMap<Value, Tensor> values;
    Tensor all(ElementType::I8, {kEntries});
    for (int64_t q = 0; q < kEntries; ++q)
      all.data<int8_t>()[q] = static_cast<int8_t>(q - 128);
    values[source] = all;
    for (Operation *op : operators) {
      SmallVector<Tensor> operands;
      for (Value operand : op->getOperands())
        if (auto known = values.find(operand); known != values.end())
          operands.push_back(known->second);
        else if (auto number = isPointwise(op) ? numberOf(operand) : std::nullopt)
          operands.push_back(std::move(*number));
        else
          operands.push_back(*constantOf(operand));
      auto result = evaluateAll(op, operands);
      if (!result)
        return std::nullopt;
      values[op->getResult(0)] = std::move(*result);
    }
    return values[operators.back()->getResult(0)];
  }

private:
  bool visit(Operation *op) {
    if (operators.contains(op))
      return true;
    if (isa<QuantizeOp, DequantizeOp>(op)) {
      if (!hasOneNumber(op->getOperand(1)) || !hasOneNumber(op->getOperand(2)))
        return false;
      if (isa<QuantizeOp>(op) ? !visitReal(op->getOperand(0)) : !visitInteger(op->getOperand(0)))
        return false;
    } else if (isa<QLutOp>(op)) {
      if (!isConstant(op->getOperand(1)) || !visitInteger(op->getOperand(0)))
        return false;
    } else if (isPointwise(op)) {
      for (Value operand : op->getOperands())
        if (!numberOf(operand) && !visitReal(operand))
          return false;
    } else {
      return false;
    }
    // Numbers may broadcast the value to another shape: then it is no longer one function of each element.
    if (!source || shapeOf(op->getResult(0)) != shapeOf(source))
      return false;
    operators.insert(op);
    return true;
  }

  bool visitReal(Value value) {
    Operation *op = value.getDefiningOp();
    return op && visit(op);
  }

  bool visitInteger(Value value) {
    Operation *op = value.getDefiningOp();
    if (isDeep && op && isa<QuantizeOp, QLutOp>(op))
      return visit(op);
    if (elementTypeOf(value.getType()) != ElementType::I8 || isConstant(value) || (source && source != value))
      return false;
    source = value;
    return true;
  }

  // The operator on all 256 values at once.
  static std::optional<Tensor> evaluateAll(Operation *op, ArrayRef<Tensor> operands) {
    Operation *wide = op->clone();
    Type element = cast<RankedTensorType>(op->getResult(0).getType()).getElementType();
    wide->getResult(0).setType(RankedTensorType::get({kEntries}, element));
    auto result = evaluate(wide, llvm::map_to_vector(operands, [](const Tensor &tensor) { return &tensor; }));
    wide->destroy();
    if (result)
      return std::move(*result);
    llvm::consumeError(result.takeError());
    return std::nullopt;
  }

  bool isDeep = false;
  Value source;
  llvm::SetVector<Operation *> operators;
};

struct FuseFunction : OpRewritePattern<QuantizeOp> {
  // Before an operator of two int8 values that are one, or one with its own function.
  explicit FuseFunction(MLIRContext *context) : OpRewritePattern(context, /*benefit=*/2) {}
  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    if (elementTypeOf(op.getType()) != ElementType::I8)
      return failure();
    // Of the nearest int8 value if it is one: the table that makes that may stand in a drain.
    auto function = Function::of(op, false);
    if (!function)
      function = Function::of(op, true);
    auto table = function ? function->table() : std::nullopt;
    if (!table)
      return failure();
    bool isIdentity = true;
    for (int64_t q = 0; q < kEntries; ++q)
      isIdentity &= table->data<int8_t>()[q] == q - 128;
    if (isIdentity) {
      rewriter.replaceOp(op, function->argument());
      return success();
    }
    Operation *last = op.getInput().getDefiningOp();
    const Location location = isa<DequantizeOp>(last) ? op.getLoc() : last->getLoc();
    Value constant = makeConstant(rewriter, location, "lut", *table);
    rewriter.replaceOpWithNewOp<QLutOp>(op, op.getType(), function->argument(), constant)->setLoc(location);
    return success();
  }
};

} // namespace

void addFunctionPatterns(RewritePatternSet &patterns) { patterns.add<FuseFunction>(patterns.getContext()); }

} // namespace tw::ir
