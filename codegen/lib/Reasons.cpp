// SPDX-License-Identifier: Apache-2.0
#include "Reasons.h"

#include "Tensors.h"
#include "tw/ir/Constants.h"
#include "tw/ir/Macs.h"
#include "tw/ir/QuantOps.h"
#include "tw/tensorize/Match.h"
#include "tw/tensorize/ReadLinalg.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <limits>

namespace tw::codegen {
namespace {

using mlir::Operation;
using mlir::Value;
using tensorize::Rejection;

bool isFloat(Value value) { return ir::elementTypeOf(value.getType()) == ir::ElementType::F32; }
bool isReturned(Value value) {
  return llvm::any_of(value.getUsers(), [](Operation *user) { return user->hasTrait<mlir::OpTrait::IsTerminator>(); });
}

// The first or last block: what the caller gives or gets.
bool isAtEdge(mlir::func::CallOp call) {
  return llvm::any_of(call.getOperands(), llvm::IsaPred<mlir::BlockArgument>) || isReturned(call.getResult(0));
}

mlir::func::FuncOp functionOf(mlir::func::CallOp call) {
  return mlir::SymbolTable::lookupNearestSymbolFrom<mlir::func::FuncOp>(call, call.getCalleeAttr());
}

// int8 to float32 and nothing else, but perhaps a move.
bool onlyDequantizes(mlir::func::FuncOp function) {
  auto operators = function.front().without_terminator();
  return llvm::any_of(operators, llvm::IsaPred<ir::DequantizeOp>) &&
         llvm::all_of(operators, llvm::IsaPred<ir::ConstantOp, ir::DequantizeOp, ir::TransposeOp, ir::ReshapeOp>);
}

// A float32 value of @main that is an int8 one in other words.
bool isDequantized(Value value) {
  auto maker = value.getDefiningOp<mlir::func::CallOp>();
  return maker &&
         onlyDequantizes(mlir::SymbolTable::lookupNearestSymbolFrom<mlir::func::FuncOp>(maker, maker.getCalleeAttr()));
}

// A float32 value that @main returns, perhaps moved.
bool leavesAsFloat(Value value) {
  if (!isFloat(value))
    return false;
  return isReturned(value) || llvm::any_of(value.getUsers(), [](Operation *user) {
           auto reader = llvm::dyn_cast<mlir::func::CallOp>(user);
           return reader &&
                  llvm::all_of(functionOf(reader).front().without_terminator(),
                               llvm::IsaPred<ir::ConstantOp, ir::TransposeOp, ir::ReshapeOp>) &&
                  leavesAsFloat(reader.getResult(0));
         });
}

std::string quoted(Value value) {
  const std::string name = nameOf(value);
  return name.empty() ? "one" : "'" + name + "'";
}

std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  return llvm::join(llvm::map_range(shape, [](int64_t extent) { return std::to_string(extent); }), "x");
}

// A constant, or one that is dequantised here.
bool isFromConstant(Value value) {
  auto dequantize = value.getDefiningOp<ir::DequantizeOp>();
  return ir::isConstant(dequantize ? dequantize.getInput() : value);
}

// More products of int8 less their zero points than an int32 holds the sum of, whatever they are.
constexpr int64_t kMostProducts = std::numeric_limits<int32_t>::max() / (255 * 255);

// Products in each sum of a float32 operator; 0: it is no product.
int64_t productsOf(Operation *op) {
  const int64_t macs = ir::macsOf(op);
  return macs == 0 ? 0 : macs / ir::elementCount(ir::shapeOf(op->getResult(0)));
}

// What of a float32 operator between int8 tensors has no integer form; empty: nothing that is known here.
std::string integerProblem(Operation *op) {
  if (llvm::isa<ir::DequantizeOp, ir::QuantizeOp>(op))
    return "";
  const bool hasBias = llvm::isa<ir::ConvOp, ir::GemmOp>(op);
  for (Value operand : op->getOperands().take_front(hasBias ? 2 : op->getNumOperands()))
    if (isFloat(operand) && ir::isConstant(operand))
      return "its constant operand is float32: quantise that, too";
  const int64_t products = productsOf(op);
  if (products != 0 && !isFromConstant(op->getOperand(0)) && !isFromConstant(op->getOperand(1)))
    return "both factors of its product are computed: the compiler has a form for the NPU only where the result is "
           "quantised";
  if (products > kMostProducts)
    return llvm::formatv("the sums of its {0} products may leave the 32 bits of the NPU's", products);
  return "";
}

std::string typeName(Value value) { return std::string(ir::elementTypeName(ir::elementTypeOf(value.getType()))); }

// Neither int8 nor the float32 that quantisers stand around: no instruction reads or gives it as numbers.
bool isForeign(Value value) {
  const ir::ElementType type = ir::elementTypeOf(value.getType());
  return type != ir::ElementType::I8 && type != ir::ElementType::F32;
}

// Of sums of products, which are not quantised.
bool dequantisesSums(Operation *op) {
  auto dequantize = llvm::dyn_cast<ir::DequantizeOp>(op);
  return dequantize && ir::elementTypeOf(dequantize.getInput().getType()) == ir::ElementType::I32 &&
         !ir::isConstant(dequantize.getInput());
}

std::string floatReason(mlir::func::CallOp call, const std::string &kind, const std::vector<Operation *> &operators) {
  const Value result = call.getResult(0);
  const std::string edge = isAtEdge(call) ? " at the model's edge" : "";
  if (kind == "quantize")
    return "quantises" + edge + ": float32 input, runs on the host";
  if (isFloat(result) && onlyDequantizes(functionOf(call)))
    return "dequantises" + edge + ": float32 result, runs on the host";
  for (Value operand : call.getOperands())
    if (isFloat(operand) && !ir::isConstant(operand) && !isDequantized(operand))
      return kind + " computes in float32, as its input " + quoted(operand) + " is: quantise it to int8";
  for (Operation *op : operators)
    if (std::string problem = productsOf(op) == 0 ? "" : integerProblem(op); !problem.empty())
      return kind + " computes in float32: " + problem;
  const bool readsSums = llvm::any_of(operators, dequantisesSums);
  for (Value operand : call.getOperands())
    if (!ir::isConstant(operand) && isForeign(operand) &&
        !(readsSums && ir::elementTypeOf(operand.getType()) == ir::ElementType::I32))
      return kind + " reads " + quoted(operand) + ", which is " + typeName(operand) +
             ": the NPU computes with int8 only";
  if (leavesAsFloat(result))
    return kind + " computes in float32: its result is an output of the model in float32: give out a quantised one";
  for (Operation *op : operators)
    if (dequantisesSums(op))
      return kind + " computes in float32, as " + quoted(op->getOperand(0)) +
             " in front of it gives sums that are not quantised: put QuantizeLinear and DequantizeLinear between them";
  if (isForeign(result))
    return kind + " gives " + typeName(result) + ": the NPU computes with int8 only";
  if (isFloat(result))
    return kind + " computes in float32: its inputs are int8, but its result is read in float32 by " +
           (result.hasOneUse() ? "the next operator" : "several operators") +
           ": put QuantizeLinear and DequantizeLinear behind it";
  for (Operation *op : operators)
    if (std::string problem = integerProblem(op); !problem.empty())
      return kind + " computes in float32 between int8 tensors: " + problem;
  return kind + " computes in float32 between int8 tensors: the compiler has no integer form of it";
}

std::string moveReason(mlir::func::CallOp call, const std::string &kind) {
  return kind + " only moves bytes" + (isAtEdge(call) ? " at the model's edge: runs on the host" : "");
}

// Two tensors of an elementwise block of which one is read again along a loop; empty: it has none.
std::string broadcastProblem(const tensorize::Block &block) {
  llvm::SmallVector<std::string> shapes;
  bool isRepeated = false;
  for (const tensorize::Operand &operand : block.operands)
    if (!operand.isWritten && !operand.constant) {
      shapes.push_back(shapeText(operand.shape));
      for (size_t loop = 0; loop != block.loops.size(); ++loop)
        isRepeated |= block.loops[loop].extent > 1 &&
                      tensorize::useOf(operand, int(loop), block.loops).use == tensorize::Use::Absent;
    }
  return block.isReduced() || !isRepeated || shapes.size() != 2
             ? ""
             : "its operands are " + shapes[0] + " and " + shapes[1] +
                   ", and the NPU broadcasts whole rows of channels only: give both the same shape";
}

// The accumulator and the vector unit's sums have 32 bits.
std::optional<Rejection> sumTooWide(Operation *op) {
  if (auto sum = ir::wideSumOf(op))
    return Rejection{"", "extent",
                     "the sum of output channel " + std::to_string(sum->channel) + " may be anything from " +
                         std::to_string(sum->least) + " to " + std::to_string(sum->largest) +
                         ", the NPU's sums have 32 bits: runs on the host, which adds in 64"};
  return std::nullopt;
}

// How far a chain came before it was refused.
int stageOf(const Rejection &rejection) {
  static constexpr const char *kStages[] = {"body",       "signature", "layout", "alignment", "extent",
                                            "descriptor", "parameter", "proof",  "memory"};
  return int(std::ranges::find(kStages, rejection.kind) - std::begin(kStages));
}

} // namespace

GraphNotes notesOf(mlir::func::CallOp call, const std::string &kind, const std::vector<Operation *> &operators) {
  GraphNotes notes;
  notes.move = moveReason(call, kind);
  notes.isAtEdge = isAtEdge(call);
  auto computesFloat = [](Operation *op) { return isFloat(op->getResult(0)) || isFloat(op->getOperand(0)); };
  if (llvm::any_of(operators, computesFloat))
    notes.whole = floatReason(call, kind, operators);
  else if (kind == "flip_sign")
    notes.whole = "changes between uint8 and int8: runs on the host";
  for (Operation *op : operators)
    if (!notes.sum)
      notes.sum = sumTooWide(op);
  return notes;
}

std::string reasonFor(const GraphNotes &notes, const tensorize::Block *block, bool onlyMoves,
                      const std::vector<Rejection> &rejections) {
  auto of = [&](const char *kind) {
    auto found = std::ranges::find(rejections, kind, &Rejection::kind);
    return found == rejections.end() ? nullptr : &*found;
  };
  if (const Rejection *library = of(tensorize::kLibrary))
    return library->text;
  if (const Rejection *moves = of(Rejection::kMoves); moves && !notes.isAtEdge)
    return notes.move + ": " + moves->text;
  if (onlyMoves)
    return notes.move;
  if (!notes.whole.empty())
    return notes.whole;
  if (rejections.empty())
    return "no instruction computes it";
  auto nearest = std::ranges::max_element(rejections, {}, stageOf);
  // Of loops that are too long the last one: fields get wider from the general chains to those of one purpose.
  if (nearest->kind == "extent")
    nearest = std::ranges::max_element(rejections.rbegin(), rejections.rend(), {}, stageOf).base() - 1;
  // What stopped a block that has a form says more than the form.
  if (block && stageOf(*nearest) < stageOf({"", "extent", ""}))
    if (std::string problem = broadcastProblem(*block); !problem.empty())
      return problem;
  if (nearest->place.empty())
    return nearest->text;
  return nearest->kind == "body" ? "no instruction has its arithmetic (" + nearest->place + ": " + nearest->text + ")"
                                 : nearest->place + " would compute it, but " + nearest->text;
}

} // namespace tw::codegen
