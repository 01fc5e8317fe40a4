// SPDX-License-Identifier: Apache-2.0
// Dispatch, and what the families share.
#include "Kernels.h"

#include "tw/ir/Interpreter.h"
#include "tw/isa/DiagError.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cstring>

using namespace mlir;

namespace tw::ir {

Tensor resultTensor(Operation *op) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  return Tensor(elementTypeOf(type), type.getShape());
}

void copyElement(Tensor &to, int64_t toIndex, const Tensor &from, int64_t fromIndex) {
  const int64_t width = byteWidth(to.type);
  std::memcpy(to.bytes.data() + toIndex * width, from.bytes.data() + fromIndex * width, width);
}

Shape broadcastStrides(Dims shape, Dims result) {
  Shape strides(result.size(), 0), own = stridesOf(shape);
  size_t shift = result.size() - shape.size();
  for (size_t d = 0; d < shape.size(); ++d)
    strides[shift + d] = shape[d] == 1 ? 0 : own[d];
  return strides;
}

ImageView::ImageView(Dims shape, Layout layout) {
  Shape strides = stridesOf(shape);
  bool last = layout == Layout::NHWC;
  int channel = last ? 3 : 1, row = last ? 1 : 2, column = last ? 2 : 3;
  n = shape[0], strideN = strides[0];
  c = shape[channel], strideC = strides[channel];
  h = shape[row], strideH = strides[row];
  w = shape[column], strideW = strides[column];
}

llvm::Expected<Tensor> evaluate(Operation *op, llvm::ArrayRef<const Tensor *> operands) {
  Operands in(op, operands);
  if (auto function = unaryFunction(op)) {
    Tensor result = resultTensor(op);
    llvm::transform(in[0].values<float>(), result.data<float>(), function);
    return result;
  }
  return llvm::TypeSwitch<Operation *, llvm::Expected<Tensor>>(op)
      .Case<QuantizeOp, DequantizeOp, FlipSignOp, ConvOp, GemmOp, MatmulOp, AddOp, SubOp, MulOp, DivOp, MinOp, MaxOp,
            MaxPoolOp, AveragePoolOp, ReduceMeanOp, SoftmaxOp, ReshapeOp, TransposeOp, ConcatOp, PadOp, ResizeOp,
            UnaryOp, BinaryOp, CompareOp, WhereOp, CastOp, ExpandOp, SliceOp, GatherOp, ReduceOp, ArgReduceOp,
            LibraryOp, QConvOp, QGemmOp, QConvSumsOp, QGemmSumsOp, QMatmulOp, QEltwiseOp, QPoolOp, QLutOp>(
          [&](auto typed) { return evaluateOp(typed, in); })
      .Default([](Operation *other) -> llvm::Expected<Tensor> {
        return errorAt("", "the interpreter has no evaluation of '" + other->getName().getStringRef() + "'");
      });
}

} // namespace tw::ir
