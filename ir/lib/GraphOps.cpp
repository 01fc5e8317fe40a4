// SPDX-License-Identifier: Apache-2.0
// Verifiers: every operator states its shape rule by calling the one in Shapes.h.
#include "tw/ir/GraphDialect.h"

#include "tw/ir/Constants.h"
#include "tw/ir/LibraryFunctions.h"
#include "tw/ir/Shapes.h"
#include "tw/isa/DiagError.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "tw/ir/GraphOps.cpp.inc"

namespace tw::ir {
namespace {

ChannelPosition positionOf(Layout layout) {
  return layout == Layout::NHWC ? ChannelPosition::Last : ChannelPosition::First;
}

LogicalResult checkShape(Operation *op, Value result, llvm::Expected<Shape> expected) {
  if (!expected)
    return op->emitOpError() << diagOf(expected.takeError()).str();
  if (shapeOf(result) != Dims(*expected))
    return op->emitOpError() << "result is " << shapeText(shapeOf(result)) << ", its operands give "
                             << shapeText(*expected);
  return success();
}

bool sameElementType(Value a, Value b) {
  return getElementTypeOrSelf(a.getType()) == getElementTypeOrSelf(b.getType());
}

// A scale or zero point is scalar, [1], or has one entry per slice of `axis`.
LogicalResult checkPerAxis(Operation *op, Value parameter, Value tensor, int64_t axis) {
  Dims shape = shapeOf(parameter), dims = shapeOf(tensor);
  if (elementCount(shape) == 1)
    return success();
  if (axis < 0 || axis >= static_cast<int64_t>(dims.size()))
    return op->emitOpError() << "axis " << axis << " is outside shape " << shapeText(dims);
  if (shape[0] != dims[axis])
    return op->emitOpError() << "has " << shape[0] << " scales or zero points for " << dims[axis] << " slices of axis "
                             << axis;
  return success();
}

LogicalResult checkClamp(Operation *op, int64_t lo, int64_t hi) {
  if (lo < -128 || hi > 127 || lo > hi)
    return op->emitOpError() << "clamp [" << lo << ", " << hi << "] is not a range inside [-128, 127]";
  return success();
}

LogicalResult checkScalar(Operation *op, Value value, StringRef what) {
  if (elementCount(shapeOf(value)) != 1)
    return op->emitOpError() << what << " must have one element, not " << shapeText(shapeOf(value));
  return success();
}

LogicalResult checkTable(Operation *op, Value table) {
  if (table && shapeOf(table) != Dims{256})
    return op->emitOpError() << "a table has 256 entries, not " << shapeText(shapeOf(table));
  return success();
}

// What QConv and QGemm share: per-channel parameters, scalar parameters, bias, residual, table.
template <typename Op> LogicalResult checkDrain(Op op) {
  int64_t channels = shapeOf(op.getWeight())[0];
  if (failed(checkPerAxis(op, op.getWeightScale(), op.getWeight(), 0)) ||
      failed(checkPerAxis(op, op.getWeightZero(), op.getWeight(), 0)) ||
      failed(checkScalar(op, op.getInScale(), "inScale")) || failed(checkScalar(op, op.getInZero(), "inZero")) ||
      failed(checkScalar(op, op.getOutScale(), "outScale")) || failed(checkScalar(op, op.getOutZero(), "outZero")) ||
      failed(checkTable(op, op.getLut())) || failed(checkClamp(op, op.getClampLo(), op.getClampHi())))
    return failure();
  if (op.getBias() && shapeOf(op.getBias()) != Dims{channels})
    return op.emitOpError() << "bias is " << shapeText(shapeOf(op.getBias())) << " for " << channels
                            << " output channels";
  if (op.getResidual() && op.getResidual().getType() != op.getResult().getType())
    return op.emitOpError() << "residual is " << shapeText(shapeOf(op.getResidual())) << ", result is "
                            << shapeText(shapeOf(op.getResult()));
  return success();
}

} // namespace

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult ConstantOp::verify() {
  auto resource = dyn_cast<DenseResourceElementsAttr>(getValue());
  if (!resource)
    return isa<DenseElementsAttr>(getValue()) ? success() : emitOpError("is neither dense nor a resource");
  AsmResourceBlob *blob = resource.getRawHandle().getBlob();
  int64_t needed = elementCount(shapeOf(getResult())) * byteWidth(elementTypeOf(getType()));
  if (!blob)
    return emitOpError() << "resource '" << resource.getRawHandle().getKey() << "' has no data (was it elided?)";
  if (static_cast<int64_t>(blob->getData().size()) != needed)
    return emitOpError() << "resource '" << resource.getRawHandle().getKey() << "' has " << blob->getData().size()
                         << " bytes, " << shapeText(shapeOf(getResult())) << " needs " << needed;
  return success();
}

LogicalResult QuantizeOp::verify() {
  if (shapeOf(getInput()) != shapeOf(getResult()))
    return emitOpError("changes the shape");
  if (!sameElementType(getResult(), getZeroPoint()))
    return emitOpError("zero point and result differ in element type");
  if (failed(checkPerAxis(*this, getScale(), getInput(), getAxis())))
    return failure();
  return checkPerAxis(*this, getZeroPoint(), getInput(), getAxis());
}

LogicalResult DequantizeOp::verify() {
  if (shapeOf(getInput()) != shapeOf(getResult()))
    return emitOpError("changes the shape");
  if (!sameElementType(getInput(), getZeroPoint()))
    return emitOpError("zero point and input differ in element type");
  if (failed(checkPerAxis(*this, getScale(), getInput(), getAxis())))
    return failure();
  return checkPerAxis(*this, getZeroPoint(), getInput(), getAxis());
}

LogicalResult FlipSignOp::verify() {
  ElementType from = elementTypeOf(getInput().getType()), to = elementTypeOf(getResult().getType());
  auto isByte = [](ElementType type) { return type == ElementType::I8 || type == ElementType::U8; };
  if (!isByte(from) || !isByte(to) || shapeOf(getInput()) != shapeOf(getResult()))
    return emitOpError("works on bytes and keeps the shape");
  return success();
}

LogicalResult ConvOp::verify() {
  Window window{{}, getStrides(), getPads(), getDilations()};
  if (failed(checkShape(
          *this, getResult(),
          convShape(shapeOf(getInput()), shapeOf(getWeight()), window, getGroup(), positionOf(getLayout())))))
    return failure();
  if (getBias() && shapeOf(getBias()) != Dims{shapeOf(getWeight())[0]})
    return emitOpError() << "bias is " << shapeText(shapeOf(getBias())) << " for " << shapeOf(getWeight())[0]
                         << " output channels";
  return success();
}

LogicalResult GemmOp::verify() {
  return checkShape(*this, getResult(), gemmShape(shapeOf(getA()), shapeOf(getB()), getTransA(), getTransB()));
}

LogicalResult MatmulOp::verify() {
  return checkShape(*this, getResult(), matmulShape(shapeOf(getA()), shapeOf(getB())));
}

#define TW_BINARY_VERIFIER(OP)                                                                                         \
  LogicalResult OP::verify() {                                                                                         \
    return checkShape(*this, getResult(), broadcastShape(shapeOf(getLhs()), shapeOf(getRhs())));                       \
  }
TW_BINARY_VERIFIER(AddOp)
TW_BINARY_VERIFIER(SubOp)
TW_BINARY_VERIFIER(MulOp)
TW_BINARY_VERIFIER(DivOp)
TW_BINARY_VERIFIER(MinOp)
TW_BINARY_VERIFIER(MaxOp)
#undef TW_BINARY_VERIFIER

// Which types a function is defined for: reals that are computed in, integers, bool.
static LogicalResult checkType(Operation *op, StringRef kind, Value value, bool takesReal, bool takesInteger,
                               bool takesBool) {
  ElementType type = elementTypeOf(value.getType());
  const bool isNarrow = type == ElementType::F16 || type == ElementType::BF16;
  const bool isTaken = type == ElementType::Bool ? takesBool : isReal(type) ? takesReal && !isNarrow : takesInteger;
  return isTaken ? success() : op->emitOpError() << kind << " is not defined for " << elementTypeName(type);
}

LogicalResult UnaryOp::verify() {
  const bool isOfAny = llvm::is_contained({UnaryKind::Abs, UnaryKind::Neg, UnaryKind::Sign}, getKind());
  const bool isNot = getKind() == UnaryKind::Not;
  return checkType(*this, stringifyUnaryKind(getKind()), getInput(), !isNot, isOfAny || isNot, isNot);
}

LogicalResult BinaryOp::verify() {
  const bool isLogical = llvm::is_contained({BinaryKind::And, BinaryKind::Or, BinaryKind::Xor}, getKind());
  const bool isOfReals = llvm::is_contained({BinaryKind::Pow, BinaryKind::Fmod}, getKind());
  if (failed(checkType(*this, stringifyBinaryKind(getKind()), getLhs(), isOfReals, true, isLogical)))
    return failure();
  return checkShape(*this, getResult(), broadcastShape(shapeOf(getLhs()), shapeOf(getRhs())));
}

LogicalResult CompareOp::verify() {
  return checkShape(*this, getResult(), broadcastShape(shapeOf(getLhs()), shapeOf(getRhs())));
}

LogicalResult WhereOp::verify() {
  auto both = broadcastShape(shapeOf(getLhs()), shapeOf(getRhs()));
  return checkShape(*this, getResult(), both ? broadcastShape(shapeOf(getCondition()), *both) : std::move(both));
}

LogicalResult ExpandOp::verify() {
  return checkShape(*this, getResult(), broadcastShape(shapeOf(getInput()), shapeOf(getResult())));
}

LogicalResult SliceOp::verify() {
  Dims from = shapeOf(getInput()), to = shapeOf(getResult());
  if (getStarts().size() != from.size() || getSteps().size() != from.size() || to.size() != from.size())
    return emitOpError() << "has " << getStarts().size() << " starts and " << getSteps().size() << " steps for "
                         << shapeText(from);
  for (size_t d = 0; d < from.size(); ++d) {
    const int64_t first = getStarts()[d], last = first + (to[d] - 1) * getSteps()[d];
    if (to[d] > 0 && (first < 0 || first >= from[d] || last < 0 || last >= from[d]))
      return emitOpError() << "reads elements " << first << " to " << last << " of dimension " << d << " of "
                           << shapeText(from);
  }
  return success();
}

LogicalResult GatherOp::verify() {
  return checkShape(*this, getResult(), gatherShape(shapeOf(getInput()), shapeOf(getIndices()), getAxis()));
}

LogicalResult ReduceOp::verify() {
  if (failed(checkType(*this, stringifyReduceKind(getKind()), getInput(), true, true,
                       llvm::is_contained({ReduceKind::Min, ReduceKind::Max}, getKind()))))
    return failure();
  return checkShape(*this, getResult(), reduceShape(shapeOf(getInput()), getAxes(), getKeepDims()));
}

LogicalResult ArgReduceOp::verify() {
  if (getKind() != ReduceKind::Min && getKind() != ReduceKind::Max)
    return emitOpError() << "finds a minimum or a maximum, not a " << stringifyReduceKind(getKind());
  return checkShape(*this, getResult(), reduceShape(shapeOf(getInput()), getAxis(), true));
}

LogicalResult LibraryOp::verify() {
  const LibraryFunction *function = findLibraryFunction(getName());
  if (!function)
    return emitOpError() << "'" << getName() << "' is no library function";
  if (getInputs().size() != function->operands || getParams().size() != function->params)
    return emitOpError() << "'" << getName() << "' has " << getInputs().size() << " operands and " << getParams().size()
                         << " params, it takes " << function->operands << " and " << function->params;
  SmallVector<Value> tensors(getOperands());
  tensors.push_back(getResult());
  for (Value value : tensors)
    if (shapeOf(value).size() > LibraryFunction::kMostDimensions)
      return emitOpError() << "'" << getName() << "' has a tensor of " << shapeOf(value).size()
                           << " dimensions, library functions take " << LibraryFunction::kMostDimensions;
  return success();
}

LogicalResult MaxPoolOp::verify() {
  Window window{getKernel(), getStrides(), getPads(), getDilations()};
  return checkShape(*this, getResult(), poolShape(shapeOf(getInput()), window, positionOf(getLayout())));
}

LogicalResult AveragePoolOp::verify() {
  const int64_t ones[] = {1, 1};
  Window window{getKernel(), getStrides(), getPads(), ones};
  return checkShape(*this, getResult(), poolShape(shapeOf(getInput()), window, positionOf(getLayout())));
}

LogicalResult ReduceMeanOp::verify() {
  return checkShape(*this, getResult(), reduceShape(shapeOf(getInput()), getAxes(), getKeepDims()));
}

LogicalResult ReshapeOp::verify() {
  if (elementCount(shapeOf(getInput())) != elementCount(shapeOf(getResult())))
    return emitOpError() << "from " << shapeText(shapeOf(getInput())) << " to " << shapeText(shapeOf(getResult()))
                         << " changes the number of elements";
  return success();
}

LogicalResult TransposeOp::verify() {
  return checkShape(*this, getResult(), transposeShape(shapeOf(getInput()), getPerm()));
}

LogicalResult ConcatOp::verify() {
  SmallVector<Shape> shapes;
  for (Value input : getInputs()) {
    if (!sameElementType(input, getResult()))
      return emitOpError("inputs and result differ in element type");
    shapes.emplace_back(shapeOf(input));
  }
  return checkShape(*this, getResult(), concatShape(shapes, getAxis()));
}

LogicalResult PadOp::verify() {
  return checkShape(*this, getResult(), padShape(shapeOf(getInput()), getLo(), getHi()));
}

LogicalResult ResizeOp::verify() {
  size_t rank = shapeOf(getInput()).size();
  if (shapeOf(getResult()).size() != rank || getScales().size() != rank)
    return emitOpError() << "has " << getScales().size() << " scales for rank " << rank;
  ElementType type = elementTypeOf(getType());
  if (getMode() == ResizeMode::Linear && type != ElementType::F32 && type != ElementType::I8 && type != ElementType::U8)
    return emitOpError() << "interpolates " << elementTypeName(type) << ", only float32, int8 and uint8 are supported";
  return success();
}

LogicalResult QConvOp::verify() {
  Window window{{}, getStrides(), getPads(), getDilations()};
  if (failed(checkShape(
          *this, getResult(),
          convShape(shapeOf(getInput()), shapeOf(getWeight()), window, getGroup(), positionOf(getLayout())))))
    return failure();
  return checkDrain(*this);
}

LogicalResult QGemmOp::verify() {
  if (failed(checkShape(*this, getResult(), gemmShape(shapeOf(getInput()), shapeOf(getWeight()), false, true))))
    return failure();
  return checkDrain(*this);
}

LogicalResult QConvSumsOp::verify() {
  Window window{{}, getStrides(), getPads(), getDilations()};
  if (failed(checkShape(
          *this, getResult(),
          convShape(shapeOf(getInput()), shapeOf(getWeight()), window, getGroup(), positionOf(getLayout())))))
    return failure();
  if (failed(checkScalar(*this, getInZero(), "inZero")))
    return failure();
  return checkPerAxis(*this, getWeightZero(), getWeight(), 0);
}

LogicalResult QGemmSumsOp::verify() {
  if (failed(checkShape(*this, getResult(), gemmShape(shapeOf(getInput()), shapeOf(getWeight()), false, true))))
    return failure();
  return checkPerAxis(*this, getWeightZero(), getWeight(), 0);
}

LogicalResult QMatmulOp::verify() {
  if (failed(checkShape(*this, getResult(), matmulShape(shapeOf(getA()), shapeOf(getB())))))
    return failure();
  return checkClamp(*this, getClampLo(), getClampHi());
}

LogicalResult QEltwiseOp::verify() {
  if (failed(checkShape(*this, getResult(), broadcastShape(shapeOf(getLhs()), shapeOf(getRhs())))))
    return failure();
  return checkClamp(*this, getClampLo(), getClampHi());
}

LogicalResult QPoolOp::verify() {
  Window window{getKernel(), getStrides(), getPads(), getDilations()};
  if (failed(checkShape(*this, getResult(), poolShape(shapeOf(getInput()), window, positionOf(getLayout())))))
    return failure();
  return checkClamp(*this, getClampLo(), getClampHi());
}

LogicalResult QLutOp::verify() { return checkTable(*this, getTable()); }

} // namespace tw::ir
