// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Passes.h"

#include "tw/ir/Constants.h"

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

#include <map>

namespace tw::ir {
#define GEN_PASS_DEF_OUTLINEBLOCKS
#include "tw/ir/Passes.h.inc"

using namespace mlir;

namespace {

// Operations of one block in order; the last one gives its result.
using Group = SmallVector<Operation *>;

bool isGraphOp(Operation *op) { return isa<GraphDialect>(op->getDialect()) && !isa<ConstantOp>(op); }
bool isFloat(Value value) { return elementTypeOf(value.getType()) == ElementType::F32; }

// A dequantize serves the operator below it, a quantize the one above: they are part of its group.
bool joinsUser(Operation *op) {
  return isa<DequantizeOp>(op) && op->hasOneUse() && isGraphOp(*op->user_begin()) && isFloat(op->getResult(0)) &&
         !isa<DequantizeOp>(*op->user_begin());
}
bool joinsProducer(QuantizeOp op) {
  Operation *producer = op.getInput().getDefiningOp();
  return producer && isGraphOp(producer) && producer->hasOneUse();
}

// A transpose beside a product of two activations is a way to read or write it, as long as the dimension that lies in
// lanes stays one that the product has there.
QMatmulOp productBehind(Operation *op) {
  auto transpose = dyn_cast<TransposeOp>(op);
  if (!transpose || !op->hasOneUse())
    return nullptr;
  auto product = dyn_cast<QMatmulOp>(*op->user_begin());
  ArrayRef<int64_t> perm = transpose.getPerm();
  const int64_t last = static_cast<int64_t>(perm.size()) - 1;
  if (!product || last < 1 || product.getA() == product.getB())
    return nullptr;
  return perm[last] == last || (product.getB() == op->getResult(0) && perm[last - 1] == last) ? product : nullptr;
}
QMatmulOp productBefore(Operation *op) {
  auto transpose = dyn_cast<TransposeOp>(op);
  auto product = transpose ? transpose.getInput().getDefiningOp<QMatmulOp>() : nullptr;
  const bool keepsLanes = product && !transpose.getPerm().empty() &&
                          transpose.getPerm().back() == static_cast<int64_t>(transpose.getPerm().size()) - 1;
  return keepsLanes && product->hasOneUse() ? product : nullptr;
}

// One loop over the elements of the result.
bool isElementwise(Operation *op) {
  if (auto binary = dyn_cast<BinaryOp>(op))
    return binary.getKind() != BinaryKind::Pow || isFloat(binary); // of integers it is a loop of its own
  return isa<AddOp, SubOp, MulOp, DivOp, MinOp, MaxOp, ReluOp, ClipOp, LeakyReluOp, HardSigmoidOp, SigmoidOp, TanhOp,
             UnaryOp, CompareOp, WhereOp, CastOp>(op);
}

// The operators whose results this elementwise one changes before they are written: nobody else reads them.
SmallVector<Operation *> joinableProducers(Operation *op) {
  SmallVector<Operation *> found;
  if (!isElementwise(op))
    return found;
  for (Value operand : op->getOperands()) {
    Operation *producer = operand.getDefiningOp();
    if (!producer || !operand.hasOneUse() || shapeOf(operand) != shapeOf(op->getResult(0)))
      continue;
    const bool isHeavy = isa<ConvOp, GemmOp, MatmulOp, MaxPoolOp, AveragePoolOp, ReduceMeanOp>(producer);
    if (isElementwise(producer) || (isHeavy && isFloat(operand)))
      found.push_back(producer);
  }
  return found;
}

// Every dequantize gets one user: it is cheaper to repeat than to keep a float tensor.
void splitDequantizes(func::FuncOp main) {
  OpBuilder builder(main.getContext());
  for (DequantizeOp op : llvm::to_vector(main.getOps<DequantizeOp>())) {
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : op->getUses())
      uses.push_back(&use);
    for (OpOperand *use : llvm::drop_begin(uses)) {
      builder.setInsertionPoint(op);
      use->set(builder.clone(*op)->getResult(0));
    }
  }
}

// int8 elements at known places of what was put together along the same dimension: both only say where a byte is from.
bool takesFrom(Operation *op, ConcatOp concat) {
  auto gather = dyn_cast<GatherOp>(op);
  return gather && gather.getInput() == concat.getResult() && isConstant(gather.getIndices()) &&
         gather.getAxis() == concat.getAxis() && elementTypeOf(concat.getType()) == ElementType::I8;
}

// A concatenation that others only take parts of is one for each of them.
void splitConcats(func::FuncOp main) {
  OpBuilder builder(main.getContext());
  for (ConcatOp op : llvm::to_vector(main.getOps<ConcatOp>())) {
    if (!llvm::all_of(op->getUsers(), [&](Operation *user) { return takesFrom(user, op); }))
      continue;
    SmallVector<Operation *> users(op->user_begin(), op->user_end());
    for (Operation *user : llvm::drop_begin(users)) {
      builder.setInsertionPoint(op);
      cast<GatherOp>(user).getInputMutable().assign(cast<ConcatOp>(builder.clone(*op)));
    }
  }
}

// Operators in one group, at most: what reads a block's loops and makes code of them looks at all of a block at once.
constexpr size_t kMostOperators = 64;

std::vector<Group> findGroups(func::FuncOp main, bool joinsFloat) {
  llvm::EquivalenceClasses<Operation *> joined;
  llvm::DenseMap<Operation *, Operation *> first; // of the chain that an elementwise operator ends
  llvm::DenseMap<Operation *, size_t> lengths;    // of what was joined in front of it, and itself
  for (Operation &op : main.front()) {
    if (!isGraphOp(&op))
      continue;
    joined.insert(&op);
    first[&op] = &op;
    lengths[&op] = 1;
    if (joinsUser(&op))
      joined.unionSets(&op, *op.user_begin());
    if (auto concat = dyn_cast<ConcatOp>(op); concat && op.hasOneUse() && takesFrom(*op.user_begin(), concat))
      joined.unionSets(&op, *op.user_begin());
    if (QMatmulOp product = productBehind(&op))
      joined.unionSets(&op, product);
    if (QMatmulOp product = productBefore(&op))
      joined.unionSets(&op, product);
    if (auto quantize = dyn_cast<QuantizeOp>(op); quantize && joinsProducer(quantize))
      joined.unionSets(&op, quantize.getInput().getDefiningOp());
    SmallVector<Operation *> producers = joinsFloat ? joinableProducers(&op) : SmallVector<Operation *>();
    if (producers.empty())
      continue;
    // It follows the latest, which runs last anyway; of the others those that are elementwise from their start come,
    // too.
    Operation *latest = *llvm::max_element(producers, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    size_t length = 1 + lengths[latest];
    if (length > kMostOperators)
      continue;
    joined.unionSets(&op, latest);
    for (Operation *producer : producers)
      if (producer != latest && isElementwise(first[producer]) && length + lengths[producer] <= kMostOperators) {
        joined.unionSets(&op, producer);
        length += lengths[producer];
      }
    first[&op] = first[latest];
    lengths[&op] = length;
  }
  llvm::MapVector<Operation *, Group> groups; // by an operation that stands for the group
  for (Operation &op : main.front())
    if (isGraphOp(&op))
      groups[joined.getLeaderValue(&op)].push_back(&op);
  std::vector<Group> result;
  for (auto &[op, group] : groups)
    result.push_back(std::move(group));
  return result;
}

// What stands inside a block rather than among its arguments: scalar integers, that is zero points. An int64 is none
// but a place, where equal steps of a recurrent layer differ.
bool staysInside(Value value) {
  const ElementType type = elementTypeOf(value.getType());
  return isConstant(value) && elementCount(shapeOf(value)) == 1 && !isReal(type) && type != ElementType::I64;
}

// No more than a change of representation beside what the group computes.
bool isBeside(Operation *op, const Group &group) {
  return isa<DequantizeOp, QuantizeOp>(op) || (isa<TransposeOp>(op) && llvm::any_of(group, llvm::IsaPred<QMatmulOp>));
}

std::string kindOf(const Group &group) {
  for (Operation *op : group)
    if (auto library = dyn_cast<LibraryOp>(op))
      return library.getName().str();
    else if (!isBeside(op, group))
      return op->getName().stripDialect().str();
  return group.front()->getName().stripDialect().str();
}

class Outliner {
public:
  explicit Outliner(func::FuncOp main) : main(main), builder(main.getContext()) {}

  void outline(const Group &group) {
    SmallVector<Value> arguments = argumentsOf(group);
    Operation *last = group.back();
    func::FuncOp function = createFunction(group, arguments);
    // Equal up to names: the same text without locations.
    std::string text = bodyText(function);
    auto [known, isNew] = functions.try_emplace(text, function);
    if (!isNew) {
      function.erase();
      function = known->second;
    } else {
      function.setSymName("blk_" + kindOf(group) + "_" + std::to_string(functions.size() - 1));
    }
    builder.setInsertionPoint(last);
    auto call = builder.create<func::CallOp>(locationOf(group), function, arguments);
    last->getResult(0).replaceAllUsesWith(call.getResult(0));
    for (Operation *op : llvm::reverse(group))
      op->erase();
  }

private:
  // Activations first, then constants, each once, in order of use.
  static SmallVector<Value> argumentsOf(const Group &group) {
    llvm::SetVector<Value> activations, constants;
    const llvm::DenseSet<Operation *> inside(group.begin(), group.end());
    for (Operation *op : group)
      for (Value operand : op->getOperands()) {
        if (inside.contains(operand.getDefiningOp()) || staysInside(operand))
          continue;
        (isConstant(operand) ? constants : activations).insert(operand);
      }
    SmallVector<Value> arguments(activations.begin(), activations.end());
    arguments.append(constants.begin(), constants.end());
    return arguments;
  }

  // All operators that are more than a change of representation.
  Location locationOf(const Group &group) {
    SmallVector<Location> locations;
    for (Operation *op : group)
      if (!isBeside(op, group))
        locations.push_back(op->getLoc());
    if (locations.empty())
      return group.front()->getLoc();
    return locations.size() == 1 ? locations.front() : builder.getFusedLoc(locations);
  }

  func::FuncOp createFunction(const Group &group, ArrayRef<Value> arguments) {
    builder.setInsertionPoint(main);
    auto type = builder.getFunctionType(ValueRange(arguments).getTypes(), group.back()->getResult(0).getType());
    auto function = builder.create<func::FuncOp>(locationOf(group), "blk", type);
    function.setPrivate();
    Block *body = function.addEntryBlock();
    builder.setInsertionPointToEnd(body);
    IRMapping mapping;
    mapping.map(arguments, body->getArguments());
    for (Operation *op : group)
      for (Value operand : op->getOperands())
        if (!mapping.contains(operand) && staysInside(operand))
          mapping.map(operand, builder.clone(*operand.getDefiningOp())->getResult(0));
    for (Operation *op : group)
      builder.clone(*op, mapping);
    builder.create<func::ReturnOp>(locationOf(group), mapping.lookup(group.back()->getResult(0)));
    return function;
  }

  static std::string bodyText(func::FuncOp function) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    function.print(stream, OpPrintingFlags().useLocalScope());
    return text;
  }

  func::FuncOp main;
  OpBuilder builder;
  std::map<std::string, func::FuncOp> functions; // by body text
};

struct OutlineBlocks : impl::OutlineBlocksBase<OutlineBlocks> {
  using OutlineBlocksBase::OutlineBlocksBase;

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main) {
      getOperation().emitError("has no function 'main' to outline");
      return signalPassFailure();
    }
    splitDequantizes(main);
    splitConcats(main);
    Outliner outliner(main);
    for (const Group &group : findGroups(main, joinFloat))
      outliner.outline(group);
    // A call stands where the last operation of its group stood; that is after everything it reads.
    if (!sortTopologically(&main.front()))
      signalPassFailure();
  }
};

} // namespace
} // namespace tw::ir
