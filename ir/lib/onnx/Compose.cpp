// SPDX-License-Identifier: Apache-2.0
#include "Compose.h"

#include "tw/isa/DiagError.h"

#include <numeric>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

llvm::StringRef typeName(Value value) { return elementTypeName(elementTypeOf(value.getType())); }

FailureOr<Value> checked(Node &node, Value value, size_t index, TypeFilter isTaken, llvm::StringRef taken) {
  if (!value)
    return failure();
  if (!isTaken(elementTypeOf(value.getType())))
    return node.fail("input " + llvm::Twine(index) + " is " + typeName(value) + ", it must be " + taken);
  return value;
}

} // namespace

RankedTensorType Compose::checked(Value like, llvm::Expected<Shape> shape) {
  auto type = node.resultType(like, std::move(shape));
  return succeeded(type) ? *type : RankedTensorType();
}

RankedTensorType Compose::broadcast(Value a, Value b) {
  if (!a || !b)
    return {};
  const ElementType left = elementTypeOf(a.getType()), right = elementTypeOf(b.getType());
  if (left == right)
    return checked(a, broadcastShape(shapeOf(a), shapeOf(b)));
  (void)node.fail("operands are " + llvm::StringRef(elementTypeName(left)) + " and " +
                  llvm::StringRef(elementTypeName(right)) + ", they must be of one type");
  return {};
}

Value Compose::apply(UnaryKind kind, Value value) {
  return value ? node.builder.create<UnaryOp>(node.location, value.getType(), kind, value).getResult() : Value();
}

Value Compose::apply(BinaryKind kind, Value a, Value b) {
  Type type = broadcast(a, b);
  return type ? node.builder.create<BinaryOp>(node.location, type, kind, a, b).getResult() : Value();
}

Value Compose::compare(CompareKind kind, Value a, Value b) {
  auto type = broadcast(a, b);
  return type ? node.builder.create<CompareOp>(node.location, type.clone(node.builder.getI1Type()), kind, a, b)
                    .getResult()
              : Value();
}

Value Compose::where(Value condition, Value a, Value b) {
  auto sides = broadcast(a, b);
  if (!condition || !sides)
    return {};
  auto type = checked(a, broadcastShape(shapeOf(condition), sides.getShape()));
  return type ? node.builder.create<WhereOp>(node.location, type, condition, a, b).getResult() : Value();
}

Value Compose::cast(Value value, ElementType type) {
  if (!value || elementTypeOf(value.getType()) == type)
    return value;
  return node.builder.create<CastOp>(node.location, toMlirType(node.builder.getContext(), type, shapeOf(value)), value);
}

Value Compose::relu(Value x) {
  if (!x || elementTypeOf(x.getType()) != ElementType::F32)
    return max(x, 0);
  return node.builder.create<ReluOp>(node.location, x.getType(), x);
}

Value Compose::sigmoid(Value x) {
  if (!x)
    return {};
  if (elementTypeOf(x.getType()) == ElementType::F32)
    return node.builder.create<SigmoidOp>(node.location, x.getType(), x);
  Value one = number(x, 1);
  return div(one, add(one, apply(UnaryKind::Exp, apply(UnaryKind::Neg, x))));
}

// Of float64 by the one exponential that neither overflows nor cancels: with t = exp(-2|x|) - 1 it is -t / (t + 2).
Value Compose::tanh(Value x) {
  if (!x)
    return {};
  if (elementTypeOf(x.getType()) == ElementType::F32)
    return node.builder.create<TanhOp>(node.location, x.getType(), x);
  Value t = apply(UnaryKind::Expm1, mul(number(x, -2), apply(UnaryKind::Abs, x)));
  Value negative = div(t, add(t, number(x, 2)));
  return where(compare(CompareKind::Less, x, number(x, 0)), negative, apply(UnaryKind::Neg, negative));
}

Value Compose::softmax(Value value, int64_t axis) {
  return value ? node.builder.create<SoftmaxOp>(node.location, value.getType(), value, axis).getResult() : Value();
}

Value Compose::matmul(Value a, Value b) {
  if (!a || !b)
    return {};
  auto type = checked(a, matmulShape(shapeOf(a), shapeOf(b)));
  return type ? node.builder.create<MatmulOp>(node.location, type, a, b).getResult() : Value();
}

Value Compose::reduce(ReduceKind kind, Value value, Dims axes, bool keepDims) {
  if (axes.empty())
    return value;
  auto type = value ? checked(value, reduceShape(shapeOf(value), axes, keepDims)) : RankedTensorType();
  return type ? node.builder.create<ReduceOp>(node.location, type, kind, value, axes, keepDims).getResult() : Value();
}

Value Compose::mean(Value value, Dims axes, bool keepDims) {
  if (value && elementTypeOf(value.getType()) != ElementType::F32) {
    double count = 1;
    for (int64_t axis : axes)
      count *= static_cast<double>(shapeOf(value)[axis]);
    return div(reduce(ReduceKind::Sum, value, axes, keepDims), count);
  }
  auto type = value ? checked(value, reduceShape(shapeOf(value), axes, keepDims)) : RankedTensorType();
  return type ? node.builder.create<ReduceMeanOp>(node.location, type, value, axes, keepDims).getResult() : Value();
}

Value Compose::reshape(Value value, Dims shape) {
  if (!value || shapeOf(value) == shape)
    return value;
  auto type = cast<RankedTensorType>(value.getType()).clone(shape);
  if (elementCount(shape) == elementCount(shapeOf(value)))
    return node.builder.create<ReshapeOp>(node.location, type, value);
  (void)node.fail("cannot reshape " + shapeText(shapeOf(value)) + " to " + shapeText(shape));
  return {};
}

Value Compose::transpose(Value value, Dims perm) {
  if (value && perm.size() == shapeOf(value).size() && llvm::is_sorted(perm))
    return value;
  auto type = value ? checked(value, transposeShape(shapeOf(value), perm)) : RankedTensorType();
  return type ? node.builder.create<TransposeOp>(node.location, type, value, perm).getResult() : Value();
}

Value Compose::expand(Value value, Dims shape) {
  if (!value || shapeOf(value) == shape)
    return value;
  auto type = checked(value, broadcastShape(shapeOf(value), shape));
  if (!type)
    return {};
  if (type.getShape() == shape)
    return node.builder.create<ExpandOp>(node.location, type, value);
  (void)node.fail("cannot expand " + shapeText(shapeOf(value)) + " to " + shapeText(shape));
  return {};
}

Value Compose::slice(Value value, int64_t axis, int64_t start, int64_t count, int64_t step) {
  if (!value)
    return {};
  Shape shape(shapeOf(value)), starts(shape.size(), 0), steps(shape.size(), 1);
  assert(count > 0 && start >= 0 && start < shape[axis] && start + (count - 1) * step >= 0 &&
         start + (count - 1) * step < shape[axis] && "inside the value");
  shape[axis] = count;
  starts[axis] = start;
  steps[axis] = step;
  if (Dims(shape) == shapeOf(value) && step == 1)
    return value;
  auto type = cast<RankedTensorType>(value.getType()).clone(Dims(shape));
  return node.builder.create<SliceOp>(node.location, type, value, starts, steps);
}

Value Compose::slice(Value value, Dims starts, Dims shape, Dims steps) {
  const Shape ones(shape.size(), 1);
  if (steps.empty())
    steps = ones;
  if (!value || (shapeOf(value) == shape && llvm::all_of(starts, [](int64_t start) { return start == 0; }) &&
                 steps == Dims(ones)))
    return value;
  if (llvm::is_contained(shape, 0)) // wherever it starts
    return node.constant("empty", Tensor(elementTypeOf(value.getType()), shape));
  auto type = cast<RankedTensorType>(value.getType()).clone(shape);
  return node.builder.create<SliceOp>(node.location, type, value, starts, steps);
}

Value Compose::concat(llvm::ArrayRef<Value> values, int64_t axis) {
  if (!llvm::all_of(values, [](Value value) { return bool(value); }))
    return {};
  if (values.size() == 1)
    return values.front();
  llvm::SmallVector<Shape> shapes;
  for (Value value : values)
    shapes.push_back(Shape(shapeOf(value)));
  auto type = checked(values.front(), concatShape(shapes, axis));
  return type ? node.builder.create<ConcatOp>(node.location, type, values, axis).getResult() : Value();
}

Value Compose::gather(Value value, Value indices, int64_t axis) {
  if (!value || !indices)
    return {};
  auto type = checked(value, gatherShape(shapeOf(value), shapeOf(indices), axis));
  return type ? node.builder.create<GatherOp>(node.location, type, value, indices, axis).getResult() : Value();
}

Value Compose::pad(Value value, Dims lo, Dims hi, double number) {
  auto isZero = [](int64_t n) { return n == 0; };
  if (!value || (llvm::all_of(lo, isZero) && llvm::all_of(hi, isZero)))
    return value;
  auto type = checked(value, padShape(shapeOf(value), lo, hi));
  return type
             ? node.builder.create<PadOp>(node.location, type, value, lo, hi, llvm::APFloat(static_cast<float>(number)))
                   .getResult()
             : Value();
}

Value Compose::squeeze(Value value, int64_t axis) {
  if (!value)
    return {};
  Shape shape(shapeOf(value));
  shape.erase(shape.begin() + axis);
  return reshape(value, shape);
}

Value Compose::unsqueeze(Value value, int64_t axis) {
  if (!value)
    return {};
  Shape shape(shapeOf(value));
  shape.insert(shape.begin() + axis, 1);
  return reshape(value, shape);
}

Value Compose::number(ElementType type, double value) {
  Tensor tensor(type, {});
  tensor.setNumber(0, value);
  return node.constant("number", tensor);
}

Value Compose::integers(ElementType type, Dims shape, Dims values) {
  Tensor tensor(type, shape);
  for (size_t i = 0; i < values.size(); ++i)
    tensor.setInteger(static_cast<int64_t>(i), values[i]);
  return node.constant("places", tensor);
}

Value Compose::places(ElementType type, int64_t count, int64_t axis, int64_t rank) {
  Shape shape(rank, 1);
  shape[axis] = count;
  return integers(type, shape, iota(count));
}

Value Compose::integers(llvm::StringRef name, Dims values) {
  return node.constant(name, Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values));
}

FailureOr<llvm::SmallVector<Value>> sameInputs(Node &node) {
  llvm::SmallVector<Value> values;
  Shape shape;
  for (size_t i = 0; i < node.inputCount(); ++i) {
    Value value = node.input(i);
    if (!value)
      return failure();
    if (i > 0 && elementOf(value) != elementOf(values.front()))
      return node.fail("input 0 is " + typeName(values.front()) + ", input " + llvm::Twine(i) + " is " +
                       typeName(value) + "; they must have one type");
    auto both = broadcastShape(shape, shapeOf(value));
    if (!both)
      return node.fail(diagOf(both.takeError()).str());
    shape = *both;
    values.push_back(value);
  }
  if (values.empty())
    return node.fail("needs an input");
  return values;
}

FailureOr<Value> legacyBroadcast(Node &node, Value lhs, Value rhs) {
  Dims left = shapeOf(lhs), right = shapeOf(rhs);
  if (!node.integer("broadcast", 0))
    return rhs;
  int64_t axis = node.integer("axis", static_cast<int64_t>(left.size()) - static_cast<int64_t>(right.size()));
  if (axis < 0 || axis + right.size() > left.size())
    return node.fail("axis " + llvm::Twine(axis) + " does not align " + shapeText(right) + " with " + shapeText(left));
  Shape shape(right);
  shape.append(left.size() - right.size() - axis, 1);
  return node.builder.create<ReshapeOp>(node.location, RankedTensorType::get(shape, elementOf(rhs)), rhs).getResult();
}

FailureOr<std::pair<Value, Value>> inputPair(Node &node) {
  Value lhs = node.input(0), rhs = node.input(1);
  if (!lhs || !rhs)
    return failure();
  if (elementOf(lhs) != elementOf(rhs))
    return node.fail("input 0 is " + typeName(lhs) + ", input 1 is " + typeName(rhs) + "; they must have one type");
  auto aligned = node.version < 7 ? legacyBroadcast(node, lhs, rhs) : FailureOr<Value>(rhs);
  if (failed(aligned) || failed(node.resultType(lhs, broadcastShape(shapeOf(lhs), shapeOf(*aligned)))))
    return failure();
  return std::pair(lhs, *aligned);
}

FailureOr<Value> inputOf(Node &node, size_t index, TypeFilter isTaken, llvm::StringRef taken) {
  return checked(node, node.input(index), index, isTaken, taken);
}

FailureOr<Value> realInput(Node &node, size_t index) { return inputOf(node, index, isReal, "a float type"); }

FailureOr<Value> realNumber(Node &node, size_t index) {
  return checked(node, node.number(index), index, isReal, "a float type");
}

FailureOr<Value> numericInput(Node &node, size_t index) {
  return inputOf(node, index, [](ElementType type) { return type != ElementType::Bool; }, "a number");
}

FailureOr<llvm::SmallVector<Value>> realInputs(Node &node, size_t count) {
  llvm::SmallVector<Value> values;
  for (size_t i = 0; i < count; ++i) {
    auto value = realInput(node, i);
    if (failed(value))
      return failure();
    if (i > 0 && elementTypeOf(value->getType()) != elementTypeOf(values[0].getType()))
      return node.fail("inputs 0 and " + llvm::Twine(i) + " differ in element type");
    values.push_back(*value);
  }
  return values;
}

FailureOr<Shape> constantIntegers(Node &node, size_t index, llvm::StringRef what) {
  auto tensor = node.requiredConstant(index, what);
  if (failed(tensor))
    return failure();
  if (isReal(tensor->type))
    return node.fail(what + " (input " + llvm::Twine(index) + ") is " + llvm::StringRef(elementTypeName(tensor->type)) +
                     ", it must be of integers");
  Shape values;
  for (int64_t i = 0; i < tensor->size(); ++i)
    values.push_back(tensor->integerAt(i));
  return values;
}

FailureOr<std::optional<Shape>> attributeOrInput(Node &node, llvm::StringRef name, size_t index) {
  if (auto attribute = node.integers(name))
    return std::optional(*attribute);
  if (!node.hasInput(index))
    return std::optional<Shape>();
  auto values = constantIntegers(node, index, name);
  if (failed(values))
    return failure();
  return std::optional(*values);
}

FailureOr<Shape> resolvedAxes(Node &node, Dims axes, int64_t rank) {
  Shape result;
  for (int64_t axis : axes) {
    auto resolved = node.axis(axis, rank);
    if (failed(resolved))
      return failure();
    if (llvm::is_contained(result, *resolved))
      return node.fail("axis " + llvm::Twine(*resolved) + " is named twice");
    result.push_back(*resolved);
  }
  llvm::sort(result);
  return result;
}

FailureOr<std::optional<int64_t>> optionalAxis(Node &node, Value value) {
  if (!node.hasAttribute("axis"))
    return std::optional<int64_t>();
  auto axis = node.axis(node.integer("axis", 0), static_cast<int64_t>(shapeOf(value).size()));
  if (failed(axis))
    return failure();
  return std::optional(*axis);
}

Shape iota(int64_t count, int64_t first) {
  Shape numbers(count);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

} // namespace tw::ir::onnx
