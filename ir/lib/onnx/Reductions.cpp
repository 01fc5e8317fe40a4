// SPDX-License-Identifier: Apache-2.0
// Operators that reduce axes to one element each: ReduceX, ArgMax, ArgMin; and what they compose: Hardmax, Softmax,
// LogSoftmax.
#include "Compose.h"

#include <limits>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// The axes of a reduction: all of them without a list, unless the node asks for none then.
FailureOr<Shape> reducedAxes(Node &node, int64_t rank) {
  auto given = attributeOrInput(node, "axes", 1);
  if (failed(given))
    return failure();
  if (!*given || (*given)->empty())
    return node.integer("noop_with_empty_axes", 0) ? Shape() : iota(rank);
  return resolvedAxes(node, **given, rank);
}

// A reduction's input and what is to be reduced of it.
struct Reduction {
  Value input;
  Shape axes;
  bool keepDims;
  ElementType type;
};
FailureOr<Reduction> reductionOf(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  auto axes = reducedAxes(node, shapeOf(input).size());
  if (failed(axes))
    return failure();
  return Reduction{input, *axes, node.integer("keepdims", 1) != 0, elementTypeOf(input.getType())};
}

Value sumOf(Node &node, const Reduction &r, Value value) {
  return Compose(node).reduce(ReduceKind::Sum, value, r.axes, r.keepDims);
}

template <ReduceKind Kind> LogicalResult buildPlain(Node &node) {
  auto r = reductionOf(node);
  if (failed(r))
    return failure();
  if (r->type == ElementType::Bool && (Kind == ReduceKind::Sum || Kind == ReduceKind::Prod))
    return node.fail("is not defined for bool");
  node.setResult(0, Compose(node).reduce(Kind, r->input, r->axes, r->keepDims));
  return success();
}

// Of integers, functions of reals are computed in float64 and lose their fraction.
template <typename Build> LogicalResult inReals(Node &node, const Build &build) {
  auto r = reductionOf(node);
  if (failed(r))
    return failure();
  Value input = isReal(r->type) ? r->input : Compose(node).cast(r->input, ElementType::F64);
  node.setResult(0, Compose(node).cast(build(*r, input), r->type));
  return success();
}

// log(sum(exp(x - top))) and top: where every exp is small, none is lost. An infinite top is none that could be taken
// away.
Value logSumExp(Node &node, Value x, Dims axes) {
  const ElementType type = elementTypeOf(x.getType());
  const double most = type == ElementType::F64 ? std::numeric_limits<double>::max() : std::numeric_limits<float>::max();
  Value top = Compose(node).reduce(ReduceKind::Max, x, axes, true);
  top = Compose(node).max(Compose(node).min(top, Compose(node).number(type, most)), Compose(node).number(type, -most));
  Value powers = Compose(node).apply(UnaryKind::Exp, Compose(node).sub(x, top));
  Value sum = Compose(node).reduce(ReduceKind::Sum, powers, axes, true);
  return Compose(node).add(Compose(node).apply(UnaryKind::Log, sum), top);
}

// Before version 13 everything from `axis` on is one dimension: then the input is made a matrix.
struct Line {
  Value input;
  int64_t axis;
};
FailureOr<Line> lineOf(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  Dims shape = shapeOf(input);
  const int64_t rank = shape.size();
  auto axis = node.axis(node.integer("axis", node.version < 13 ? 1 : -1), rank);
  if (failed(axis))
    return failure();
  if (node.version >= 13 || *axis == rank - 1)
    return Line{input, *axis};
  return Line{
      Compose(node).reshape(input, {elementCount(shape.take_front(*axis)), elementCount(shape.drop_front(*axis))}), 1};
}

template <ReduceKind Kind> LogicalResult buildArg(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  auto axis = node.axis(node.integer("axis", 0), shapeOf(input).size());
  if (failed(axis))
    return failure();
  Shape shape(shapeOf(input));
  if (shape[*axis] == 0)
    return node.fail("axis " + llvm::Twine(*axis) + " of " + shapeText(shape) + " has no element");
  shape[*axis] = 1;
  auto type = toMlirType(node.builder.getContext(), ElementType::I64, shape);
  const bool takesLast = node.integer("select_last_index", 0) != 0;
  Value place = node.builder.create<ArgReduceOp>(node.location, type, Kind, input, *axis, takesLast);
  if (node.integer("keepdims", 1) == 0) {
    shape.erase(shape.begin() + *axis);
    place = Compose(node).reshape(place, shape);
  }
  node.setResult(0, place);
  return success();
}

} // namespace

LogicalResult buildReduceSum(Node &node) { return buildPlain<ReduceKind::Sum>(node); }
LogicalResult buildReduceProd(Node &node) { return buildPlain<ReduceKind::Prod>(node); }
LogicalResult buildReduceMin(Node &node) { return buildPlain<ReduceKind::Min>(node); }
LogicalResult buildReduceMax(Node &node) { return buildPlain<ReduceKind::Max>(node); }

LogicalResult buildReduceMean(Node &node) {
  auto r = reductionOf(node);
  if (failed(r))
    return failure();
  node.setResult(0, r->axes.empty() ? r->input : Compose(node).mean(r->input, r->axes, r->keepDims));
  return success();
}

LogicalResult buildReduceL1(Node &node) {
  auto r = reductionOf(node);
  if (failed(r))
    return failure();
  const bool isSigned = isReal(r->type) || !isUnsignedInteger(r->type);
  node.setResult(0, sumOf(node, *r, isSigned ? Compose(node).apply(UnaryKind::Abs, r->input) : r->input));
  return success();
}

LogicalResult buildReduceSumSquare(Node &node) {
  auto r = reductionOf(node);
  if (failed(r))
    return failure();
  node.setResult(0, sumOf(node, *r, Compose(node).mul(r->input, r->input)));
  return success();
}

LogicalResult buildReduceL2(Node &node) {
  return inReals(node, [&](const Reduction &r, Value x) {
    return Compose(node).apply(UnaryKind::Sqrt, sumOf(node, r, Compose(node).mul(x, x)));
  });
}

LogicalResult buildReduceLogSum(Node &node) {
  return inReals(node,
                 [&](const Reduction &r, Value x) { return Compose(node).apply(UnaryKind::Log, sumOf(node, r, x)); });
}

LogicalResult buildReduceLogSumExp(Node &node) {
  return inReals(node, [&](const Reduction &r, Value x) {
    return Compose(node).reshape(logSumExp(node, x, r.axes),
                                 llvm::cantFail(reduceShape(shapeOf(x), r.axes, r.keepDims)));
  });
}

LogicalResult buildArgMax(Node &node) { return buildArg<ReduceKind::Max>(node); }
LogicalResult buildArgMin(Node &node) { return buildArg<ReduceKind::Min>(node); }

LogicalResult buildHardmax(Node &node) {
  auto line = lineOf(node);
  if (failed(line))
    return failure();
  Shape shape(shapeOf(line->input)), one(shape);
  one[line->axis] = 1;
  const ElementType type = elementTypeOf(line->input.getType());
  Value place =
      node.builder.create<ArgReduceOp>(node.location, toMlirType(node.builder.getContext(), ElementType::I64, one),
                                       ReduceKind::Max, line->input, line->axis, false);
  Value there = Compose(node).places(ElementType::I64, shape[line->axis], line->axis, shape.size());
  Value hard = Compose(node).where(Compose(node).compare(CompareKind::Equal, place, there),
                                   Compose(node).number(type, 1), Compose(node).number(type, 0));
  node.setResult(0, Compose(node).reshape(hard, shapeOf(node.input(0))));
  return success();
}

LogicalResult buildSoftmax(Node &node) {
  auto line = lineOf(node);
  if (failed(line))
    return failure();
  Value x = line->input, result;
  if (elementTypeOf(x.getType()) == ElementType::F32) {
    result = node.builder.create<SoftmaxOp>(node.location, x.getType(), x, line->axis);
  } else {
    Value top = Compose(node).reduce(ReduceKind::Max, x, line->axis, true);
    Value powers = Compose(node).apply(UnaryKind::Exp, Compose(node).sub(x, top));
    result = Compose(node).div(powers, Compose(node).reduce(ReduceKind::Sum, powers, line->axis, true));
  }
  node.setResult(0, Compose(node).reshape(result, shapeOf(node.input(0))));
  return success();
}

LogicalResult buildLogSoftmax(Node &node) {
  auto line = lineOf(node);
  if (failed(line))
    return failure();
  Value result = Compose(node).sub(line->input, logSumExp(node, line->input, line->axis));
  node.setResult(0, Compose(node).reshape(result, shapeOf(node.input(0))));
  return success();
}

} // namespace tw::ir::onnx
