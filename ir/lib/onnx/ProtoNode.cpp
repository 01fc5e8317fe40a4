// SPDX-License-Identifier: Apache-2.0
#include "ProtoNode.h"

#include "NarrowFloats.h"
#include "tw/ir/DiagCollector.h"
#include "tw/isa/DiagError.h"

#include "TensorReader.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

bool isNarrow(Value value) {
  const ElementType type = elementTypeOf(value.getType());
  return type == ElementType::F16 || type == ElementType::BF16;
}

template <typename T, typename Field> Tensor vectorOf(const Field &field) {
  return Tensor::of<T>({field.size()}, std::vector<T>(field.begin(), field.end()));
}

} // namespace

ProtoNode::ProtoNode(GraphBuilder &graphBuilder, Scope &scope, const Plan &plan, const ::onnx::NodeProto &proto,
                     const OpRow &row)
    : Node(graphBuilder.builder, graphBuilder.nameLoc(scope.prefix + nodeName(proto))), graphBuilder(graphBuilder),
      scope(scope), plan(plan), proto(proto), row(row), results(proto.output_size()) {
  version = row.versionAt(opsetOf(*scope.opsets, proto.domain()))->number;
}

bool ProtoNode::hasInput(size_t index) const {
  return index < inputCount() && !proto.input(static_cast<int>(index)).empty() &&
         !scope.isAbsent(proto.input(static_cast<int>(index)));
}

Value ProtoNode::lookup(size_t index) {
  if (hasInput(index))
    return scope.lookup(proto.input(static_cast<int>(index)));
  (void)fail("input " + llvm::Twine(index) + " is missing");
  return Value();
}

// Bits are no numbers: only what moves them may have them, and of that what ONNX lets have them.
Value ProtoNode::input(size_t index) {
  Value value = lookup(index);
  if (const HeldType *held = value ? heldTypeOf(value) : nullptr;
      held && held->isFloat() && (!row.movesOnly || version < held->floatSince)) {
    (void)fail("input " + llvm::Twine(index) + " is " + held->name + ", which is not supported for version " +
               llvm::Twine(version) + " of the operator");
    return Value();
  }
  return !value || row.movesOnly || !isNarrow(value) ? value : graphBuilder.asFloat(value);
}

Value ProtoNode::number(size_t index) {
  const HeldType *held = heldType(index);
  return held && held->isFloat() ? numbersOfBits(*this, lookup(index), *held) : input(index);
}

const HeldType *ProtoNode::heldType(size_t index) const {
  return hasInput(index) ? heldTypeOf(scope.lookup(proto.input(static_cast<int>(index)))) : nullptr;
}

void ProtoNode::keepHeldType(Value from, Value to) {
  if (const HeldType *held = heldTypeOf(from))
    graphBuilder.heldTypes[to] = held;
}

bool ProtoNode::isOutputRead(size_t index) const {
  return index < outputCount() && plan.needed.contains(proto.output(static_cast<int>(index)));
}

const ::onnx::AttributeProto *ProtoNode::find(llvm::StringRef name, ::onnx::AttributeProto_AttributeType type) const {
  for (const auto &attribute : proto.attribute())
    if (attribute.name() == name)
      if (auto *found = scope.resolve(attribute); found && (found->type() == type || !found->has_type()))
        return found;
  return nullptr;
}

bool ProtoNode::hasAttribute(llvm::StringRef name) const {
  return llvm::any_of(proto.attribute(),
                      [&](const auto &attribute) { return attribute.name() == name && scope.resolve(attribute); });
}
int64_t ProtoNode::integer(llvm::StringRef name, int64_t fallback) const {
  auto *attribute = find(name, ::onnx::AttributeProto_AttributeType_INT);
  return attribute ? attribute->i() : fallback;
}
float ProtoNode::real(llvm::StringRef name, float fallback) const {
  auto *attribute = find(name, ::onnx::AttributeProto_AttributeType_FLOAT);
  return attribute ? attribute->f() : fallback;
}
std::string ProtoNode::text(llvm::StringRef name, llvm::StringRef fallback) const {
  auto *attribute = find(name, ::onnx::AttributeProto_AttributeType_STRING);
  return attribute ? attribute->s() : fallback.str();
}
std::optional<Shape> ProtoNode::integers(llvm::StringRef name) const {
  auto *attribute = find(name, ::onnx::AttributeProto_AttributeType_INTS);
  return attribute ? std::optional(Shape(attribute->ints().begin(), attribute->ints().end())) : std::nullopt;
}
std::optional<std::vector<float>> ProtoNode::reals(llvm::StringRef name) const {
  auto *attribute = find(name, ::onnx::AttributeProto_AttributeType_FLOATS);
  return attribute ? std::optional(std::vector<float>(attribute->floats().begin(), attribute->floats().end()))
                   : std::nullopt;
}
std::optional<std::vector<std::string>> ProtoNode::texts(llvm::StringRef name) const {
  auto *attribute = find(name, ::onnx::AttributeProto_AttributeType_STRINGS);
  return attribute ? std::optional(std::vector<std::string>(attribute->strings().begin(), attribute->strings().end()))
                   : std::nullopt;
}

FailureOr<std::optional<Tensor>> ProtoNode::tensor(llvm::StringRef name) {
  auto *attribute = find(name, ::onnx::AttributeProto_AttributeType_TENSOR);
  if (!attribute)
    return std::optional<Tensor>();
  auto value = readTensor(attribute->t(), graphBuilder.external);
  if (!value)
    return fail("its " + name + " " + diagOf(value.takeError()).str());
  return std::optional(*std::move(value));
}

FailureOr<Tensor> ProtoNode::constantValue() {
  auto value = tensor("value");
  if (failed(value))
    return failure();
  if (*value)
    return **std::move(value);
  for (const auto &own : proto.attribute()) {
    const auto *attribute = scope.resolve(own);
    if (!attribute)
      continue;
    if (own.name() == "value_float")
      return Tensor::of<float>({}, {attribute->f()});
    if (own.name() == "value_int")
      return Tensor::of<int64_t>({}, {attribute->i()});
    if (own.name() == "value_floats")
      return vectorOf<float>(attribute->floats());
    if (own.name() == "value_ints")
      return vectorOf<int64_t>(attribute->ints());
    if (own.name() == "value_string" || own.name() == "value_strings" || own.name() == "sparse_value")
      return fail("has a " + own.name() + ", which is not supported");
  }
  return fail("has no value, or one of a kind that is not supported");
}

FailureOr<Node::GraphSize> ProtoNode::graphSize(llvm::StringRef name) {
  auto *attribute = find(name, ::onnx::AttributeProto_AttributeType_GRAPH);
  if (!attribute)
    return fail("its graph '" + name + "' is missing");
  return GraphSize{static_cast<size_t>(attribute->g().input_size()), static_cast<size_t>(attribute->g().output_size())};
}

FailureOr<llvm::SmallVector<Value>> ProtoNode::inlineGraph(llvm::StringRef name, llvm::ArrayRef<Value> inputs,
                                                           const llvm::Twine &label) {
  auto size = graphSize(name);
  if (failed(size))
    return failure();
  if (size->inputs != inputs.size())
    return fail("its graph '" + name + "' takes " + llvm::Twine(size->inputs) + " values, it is given " +
                llvm::Twine(inputs.size()));
  return graphBuilder.inlineGraph(find(name, ::onnx::AttributeProto_AttributeType_GRAPH)->g(), inputs, scope,
                                  (scope.prefix + nodeName(proto) + "/" + label + "/").str());
}

// Nested graphs and functions have values of the same names: nothing is said of theirs.
std::optional<Shape> ProtoNode::declaredShape(size_t output) const {
  if (output >= outputCount() || !scope.prefix.empty())
    return std::nullopt;
  return graphBuilder.declaredShape(proto.output(static_cast<int>(output)));
}

void ProtoNode::setResult(size_t index, Value value) {
  if (index < results.size())
    results[index] = value;
}

LogicalResult ProtoNode::fail(const llvm::Twine &text) {
  graphBuilder.problem("node '" + scope.prefix + nodeName(proto) + "' (" + proto.op_type() + ")", text);
  return failure();
}

// The 16-bit type that the node computes in, which its builder sees as float32.
std::optional<ElementType> ProtoNode::narrowType() const {
  if (!row.movesOnly)
    for (const std::string &name : proto.input())
      if (Value value = scope.lookup(name); value && isNarrow(value))
        return elementTypeOf(value.getType());
  return std::nullopt;
}

Value ProtoNode::rounded(Value value, std::optional<ElementType> narrow) {
  if (!narrow || elementTypeOf(value.getType()) != ElementType::F32)
    return value;
  return builder.create<CastOp>(location, toMlirType(builder.getContext(), *narrow, shapeOf(value)), value);
}

// Whatever the inputs are: what a builder made is what the dialect has, or the node is refused.
LogicalResult ProtoNode::verifyBehind(Operation *before) {
  DiagCollector said(*builder.getContext());
  Block &block = *builder.getInsertionBlock();
  for (Operation *op = before          ? before->getNextNode()
                       : block.empty() ? nullptr
                                       : &block.front();
       op; op = op->getNextNode())
    if (failed(verify(op))) {
      // "'tw.unary' op exp is not defined for int8": operators of the dialect are none of the model's.
      const std::vector<Diag> problems = said.take();
      const llvm::StringRef text = problems.front().text;
      return fail(text.contains(" op ") ? text.split(" op ").second : text);
    }
  return success();
}

// What has no elements was folded, with what is computed of it: the rest has elements, except that a concatenation may
// leave some out.
LogicalResult ProtoNode::checkFilled(Operation *before) {
  Block &block = *builder.getInsertionBlock();
  for (auto at = before ? std::next(before->getIterator()) : block.begin(); at != block.end(); ++at) {
    if (isa<ConstantOp>(*at) || (at->use_empty() && !llvm::is_contained(results, at->getResult(0))))
      continue;
    if (isEmpty(at->getResult(0)))
      return fail("has a result of " + shapeText(shapeOf(at->getResult(0))) +
                  ", and whether it has no elements is known when it runs: that is not supported");
    for (Value operand : at->getOperands())
      if (isEmpty(operand) && !isa<ConcatOp>(*at))
        return fail("a tensor of " + shapeText(shapeOf(operand)) + " has no element to compute with");
  }
  return success();
}

// What a builder says, or the attribute that a constant is made of; a move's is that of an input of its element type.
// The results of nested graphs have their own.
const HeldType *ProtoNode::resultTypeOf(size_t index) const {
  if (auto type = said.find(index); type != said.end())
    return type->second;
  if (auto *value = find("value", ::onnx::AttributeProto_AttributeType_TENSOR))
    return findHeldType(value->t().data_type());
  if (!row.movesOnly || llvm::any_of(proto.attribute(), [](const auto &attribute) { return attribute.has_g(); }))
    return nullptr;
  for (size_t i = 0; i < inputCount(); ++i)
    if (const HeldType *held = heldType(i); held && held->element == elementTypeOf(results[index].getType()))
      return held;
  return nullptr;
}

LogicalResult ProtoNode::build() {
  Block &block = *builder.getInsertionBlock();
  Operation *before = block.empty() ? nullptr : &block.back();
  if (failed(row.builder(*this)) || failed(verifyBehind(before)))
    return failure();
  const auto narrow = narrowType();
  for (Value &result : results)
    if (result)
      result = rounded(result, narrow);
  graphBuilder.folder.foldBehind(before, results);
  if (failed(checkFilled(before)))
    return failure();
  for (auto [index, result] : llvm::enumerate(results))
    if (const HeldType *held = result ? resultTypeOf(index) : nullptr)
      graphBuilder.heldTypes[result] = held;
  for (auto [name, result] : llvm::zip(proto.output(), results))
    if (result && !name.empty())
      scope.values[name] = result;
  return success();
}

} // namespace tw::ir::onnx
