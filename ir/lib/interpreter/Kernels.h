// SPDX-License-Identifier: Apache-2.0
// Evaluations of the graph operators, one family per file. Operands are looked up by value, so optional ones need no
// index.
#ifndef TW_IR_LIB_INTERPRETER_KERNELS_H
#define TW_IR_LIB_INTERPRETER_KERNELS_H

#include "tw/ir/Constants.h"
#include "tw/ir/GraphDialect.h"
#include "tw/ir/Tensor.h"

#include <functional>

namespace tw::ir {

class Operands {
public:
  Operands(mlir::Operation *op, llvm::ArrayRef<const Tensor *> tensors) : op(op), tensors(tensors) {}
  const Tensor &operator()(mlir::Value value) const {
    for (auto [operand, tensor] : llvm::zip(op->getOperands(), tensors))
      if (operand == value)
        return *tensor;
    llvm_unreachable("the value is an operand of the operation");
  }
  const Tensor &operator[](size_t index) const { return *tensors[index]; }
  size_t size() const { return tensors.size(); }

private:
  mlir::Operation *op;
  llvm::ArrayRef<const Tensor *> tensors;
};

void copyElement(Tensor &to, int64_t toIndex, const Tensor &from, int64_t fromIndex);

// A zeroed tensor of the operation's result type.
Tensor resultTensor(mlir::Operation *op);

// Calls visit(linear index, index vector) for every element in row-major order.
template <typename Visit> void forEachIndex(Dims shape, const Visit &visit) {
  Shape index(shape.size(), 0);
  for (int64_t linear = 0, count = elementCount(shape); linear < count; ++linear) {
    visit(linear, Dims(index));
    for (size_t d = shape.size(); d-- > 0 && ++index[d] == shape[d];)
      index[d] = 0;
  }
}

// Strides that read a tensor of `shape` at indices of `result`: 0 where it is broadcast.
Shape broadcastStrides(Dims shape, Dims result);
inline int64_t offsetOf(Dims index, Dims strides) {
  int64_t offset = 0;
  for (size_t d = 0; d < index.size(); ++d)
    offset += index[d] * strides[d];
  return offset;
}

// Extents and strides of an image tensor, whichever way its dimensions are ordered.
struct ImageView {
  int64_t n, c, h, w, strideN, strideC, strideH, strideW;
  ImageView(Dims shape, Layout layout);
};

// The two scalar functions behind every integer operator; QuantParams.h has their meaning.
int8_t requantize(int64_t sum, float multiplier, int32_t zero);
int8_t rescale(int64_t sum, int shift, int32_t zero);

float exponential(float x); // as FloatFunctions.h says

// f(x) of a float operator with one operand, for graphs and for tables. Null for any other operator.
std::function<float(float)> unaryFunction(mlir::Operation *op);

// Where each position of the result along `dim` reads: between `low` and `high`, of which it takes the share.
struct ResizeLine {
  std::vector<int32_t> low, high;
  std::vector<float> share; // of high
};
ResizeLine resizeLine(ResizeOp op, size_t dim);

#define TW_KERNEL(OP) llvm::Expected<Tensor> evaluateOp(OP op, const Operands &in);
TW_KERNEL(QuantizeOp)
TW_KERNEL(DequantizeOp)
TW_KERNEL(FlipSignOp)
TW_KERNEL(ConvOp)
TW_KERNEL(GemmOp)
TW_KERNEL(MatmulOp)
TW_KERNEL(AddOp)
TW_KERNEL(SubOp)
TW_KERNEL(MulOp)
TW_KERNEL(DivOp)
TW_KERNEL(MinOp)
TW_KERNEL(MaxOp)
TW_KERNEL(MaxPoolOp)
TW_KERNEL(AveragePoolOp)
TW_KERNEL(ReduceMeanOp)
TW_KERNEL(SoftmaxOp)
TW_KERNEL(ReshapeOp)
TW_KERNEL(TransposeOp)
TW_KERNEL(ConcatOp)
TW_KERNEL(PadOp)
TW_KERNEL(ResizeOp)
TW_KERNEL(UnaryOp)
TW_KERNEL(BinaryOp)
TW_KERNEL(CompareOp)
TW_KERNEL(WhereOp)
TW_KERNEL(CastOp)
TW_KERNEL(ExpandOp)
TW_KERNEL(SliceOp)
TW_KERNEL(GatherOp)
TW_KERNEL(ReduceOp)
TW_KERNEL(ArgReduceOp)
TW_KERNEL(LibraryOp)
TW_KERNEL(QConvOp)
TW_KERNEL(QGemmOp)
TW_KERNEL(QConvSumsOp)
TW_KERNEL(QGemmSumsOp)
TW_KERNEL(QMatmulOp)
TW_KERNEL(QEltwiseOp)
TW_KERNEL(QPoolOp)
TW_KERNEL(QLutOp)
#undef TW_KERNEL

} // namespace tw::ir

#endif // TW_IR_LIB_INTERPRETER_KERNELS_H
