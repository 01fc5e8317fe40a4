// SPDX-License-Identifier: Apache-2.0
// Operators of the graph dialect. Three groups: ONNX-level operators, fused integer operators, scalar operators.
#ifndef TW_IR_GRAPHOPS_TD
#define TW_IR_GRAPHOPS_TD

include "tw/ir/GraphAttrs.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Tw_Op<string mnemonic, list<Trait> traits = []> : Op<Graph_Dialect, mnemonic, traits # [Pure]>;

// Signed integers are signless, as in the rest of MLIR; i1 is bool.
def Tw_Tensor : StaticShapeTensorOf<[F16, BF16, F32, F64, I1, I8, I16, I32, I64, UI8, UI16, UI32, UI64]>;
def Tw_BoolTensor : StaticShapeTensorOf<[I1]>;
def Tw_I64Tensor : StaticShapeTensorOf<[I64]>;
def Tw_IndexTensor : StaticShapeTensorOf<[I32, I64]>;
def Tw_F32Tensor : StaticShapeTensorOf<[F32]>;
def Tw_I8Tensor : StaticShapeTensorOf<[I8]>;
def Tw_I32Tensor : StaticShapeTensorOf<[I32]>;
// One number, or one per output channel.
def Tw_Scale : Type<And<[Tw_F32Tensor.predicate, CPred<"::llvm::cast<::mlir::ShapedType>($_self).getRank() <= 1">]>,
                              "float32 scale, scalar or one per channel", "::mlir::TensorType">;
def Tw_ZeroPoint : Type<And<[StaticShapeTensorOf<[I8, UI8, I16, UI16, I32]>.predicate,
                                       CPred<"::llvm::cast<::mlir::ShapedType>($_self).getRank() <= 1">]>,
                                  "integer zero point, scalar or one per channel", "::mlir::TensorType">;

defvar TwFormat = "operands attr-dict `:` functional-type(operands, results)";

//===--------------------------------------------------------------------------------------------------------------===//
// ONNX-level operators
//===--------------------------------------------------------------------------------------------------------------===//

def Tw_ConstantOp : Tw_Op<"constant", [ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "weights, scales, zero points; large ones are resources, which dumps can elide";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Tw_QuantizeOp : Tw_Op<"quantize"> {
  let summary = "ONNX QuantizeLinear: saturate(round_half_even(x / scale) + zero_point)";
  let arguments = (ins Tw_F32Tensor:$input, Tw_Scale:$scale, Tw_ZeroPoint:$zeroPoint, DefaultValuedAttr<I64Attr, "1">:$axis,
                   DefaultValuedAttr<Tw_RoundingAttr, "::tw::ir::Rounding::HalfEven">:$rounding);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

def Tw_DequantizeOp : Tw_Op<"dequantize"> {
  let summary = "ONNX DequantizeLinear: (x - zero_point) * scale in float32";
  let arguments = (ins Tw_Tensor:$input, Tw_Scale:$scale, Tw_ZeroPoint:$zeroPoint, DefaultValuedAttr<I64Attr, "1">:$axis);
  let results = (outs Tw_F32Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

def Tw_FlipSignOp : Tw_Op<"flip_sign"> {
  let summary = "x xor 0x80: uint8 to int8 (x - 128) or back";
  let arguments = (ins Tw_Tensor:$input);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

def Tw_ConvOp : Tw_Op<"conv"> {
  let summary = "two-dimensional convolution in float32; group = channels is a depthwise convolution";
  let description = [{
    Weights are [O, I/group, KH, KW] with layout nchw and [O, KH, KW, I/group] with nhwc. `pads` is [top, left, bottom,
    right], zeros.
  }];
  let arguments = (ins Tw_F32Tensor:$input, Tw_F32Tensor:$weight, Optional<Tw_F32Tensor>:$bias,
                   DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations,
                   DefaultValuedAttr<I64Attr, "1">:$group,
                   DefaultValuedAttr<Tw_LayoutAttr, "::tw::ir::Layout::NCHW">:$layout);
  let results = (outs Tw_F32Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

def Tw_GemmOp : Tw_Op<"gemm"> {
  let summary = "alpha * A' * B' + beta * C in float32";
  let arguments = (ins Tw_F32Tensor:$a, Tw_F32Tensor:$b, Optional<Tw_F32Tensor>:$c,
                   DefaultValuedAttr<F32Attr, "1.0f">:$alpha, DefaultValuedAttr<F32Attr, "1.0f">:$beta,
                   UnitAttr:$transA, UnitAttr:$transB);
  let results = (outs Tw_F32Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

def Tw_MatmulOp : Tw_Op<"matmul", [AllElementTypesMatch<["a", "b", "result"]>]> {
  let summary = "numpy matmul, batch dimensions broadcast; of integers modulo their width";
  let arguments = (ins Tw_Tensor:$a, Tw_Tensor:$b);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

class Tw_ArithmeticOp<string mnemonic> : Tw_Op<mnemonic, [AllElementTypesMatch<["lhs", "rhs", "result"]>]> {
  let summary = mnemonic # " with numpy broadcasting; integers wrap, their quotient loses its fraction";
  let arguments = (ins Tw_Tensor:$lhs, Tw_Tensor:$rhs);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}
def Tw_AddOp : Tw_ArithmeticOp<"add">;
def Tw_SubOp : Tw_ArithmeticOp<"sub">;
def Tw_MulOp : Tw_ArithmeticOp<"mul">;
def Tw_DivOp : Tw_ArithmeticOp<"div">;
def Tw_MinOp : Tw_ArithmeticOp<"min">;
def Tw_MaxOp : Tw_ArithmeticOp<"max">;

class Tw_FloatFunctionOp<string mnemonic, string what, dag extra = (ins)> : Tw_Op<mnemonic, [SameOperandsAndResultType]> {
  let summary = what;
  let arguments = !con((ins Tw_F32Tensor:$input), extra);
  let results = (outs Tw_F32Tensor:$result);
  let assemblyFormat = TwFormat;
}
def Tw_ReluOp : Tw_FloatFunctionOp<"relu", "max(x, 0)">;
def Tw_ClipOp : Tw_FloatFunctionOp<"clip", "min(max(x, lo), hi)", (ins F32Attr:$lo, F32Attr:$hi)>;
def Tw_LeakyReluOp : Tw_FloatFunctionOp<"leaky_relu", "x < 0 ? alpha * x : x", (ins F32Attr:$alpha)>;
def Tw_HardSigmoidOp : Tw_FloatFunctionOp<"hard_sigmoid", "max(0, min(1, alpha * x + beta))", (ins F32Attr:$alpha, F32Attr:$beta)>;
def Tw_SigmoidOp : Tw_FloatFunctionOp<"sigmoid", "1 / (1 + exp(-x))">;
def Tw_TanhOp : Tw_FloatFunctionOp<"tanh", "tanh(x)">;

def Tw_MaxPoolOp : Tw_Op<"max_pool", [AllElementTypesMatch<["input", "result"]>]> {
  let summary = "maximum over the in-image elements of a window; kernel [KH, KW], pads [top, left, bottom, right]";
  let arguments = (ins Tw_Tensor:$input, DenseI64ArrayAttr:$kernel, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                   DenseI64ArrayAttr:$dilations, DefaultValuedAttr<Tw_LayoutAttr, "::tw::ir::Layout::NCHW">:$layout);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

def Tw_AveragePoolOp : Tw_Op<"average_pool"> {
  let summary = "mean over a window; the divisor is the in-image count, or the kernel size with count_include_pad";
  let arguments = (ins Tw_F32Tensor:$input, DenseI64ArrayAttr:$kernel, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                   UnitAttr:$countIncludePad, DefaultValuedAttr<Tw_LayoutAttr, "::tw::ir::Layout::NCHW">:$layout);
  let results = (outs Tw_F32Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

def Tw_ReduceMeanOp : Tw_Op<"reduce_mean"> {
  let summary = "mean over axes; GlobalAveragePool is the one over [2, 3]";
  let arguments = (ins Tw_F32Tensor:$input, DenseI64ArrayAttr:$axes, BoolAttr:$keepDims);
  let results = (outs Tw_F32Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

def Tw_SoftmaxOp : Tw_Op<"softmax", [SameOperandsAndResultType]> {
  let summary = "exp(x - max) / sum along one axis";
  let arguments = (ins Tw_F32Tensor:$input, I64Attr:$axis);
  let results = (outs Tw_F32Tensor:$result);
  let assemblyFormat = TwFormat;
}

def Tw_ReshapeOp : Tw_Op<"reshape", [AllElementTypesMatch<["input", "result"]>]> {
  let summary = "same elements, row-major order, another shape";
  let arguments = (ins Tw_Tensor:$input);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let hasFolder = 1;
}

def Tw_TransposeOp : Tw_Op<"transpose", [AllElementTypesMatch<["input", "result"]>]> {
  let summary = "result dimension i is input dimension perm[i]";
  let arguments = (ins Tw_Tensor:$input, DenseI64ArrayAttr:$perm);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let hasFolder = 1;
}

def Tw_ConcatOp : Tw_Op<"concat"> {
  let summary = "concatenation along one axis";
  let arguments = (ins Variadic<Tw_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

def Tw_PadOp : Tw_Op<"pad", [AllElementTypesMatch<["input", "result"]>]> {
  let summary = "constant padding, lo and hi elements per dimension (negative ones crop)";
  let arguments = (ins Tw_Tensor:$input, DenseI64ArrayAttr:$lo, DenseI64ArrayAttr:$hi, F32Attr:$value);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

def Tw_ResizeOp : Tw_Op<"resize", [AllElementTypesMatch<["input", "result"]>]> {
  let summary = "ONNX Resize; scales has one float32 factor per dimension";
  let description = [{
    Interpolation is in float32. Of int8 its result loses its fraction, as in ONNX Runtime: towards zero, or with `roundDown`
    downwards, which is the same for a uint8 that is held as an int8 less 128.
  }];
  let arguments = (ins Tw_Tensor:$input, DenseF32ArrayAttr:$scales, Tw_ResizeModeAttr:$mode,
                   Tw_CoordinateModeAttr:$coordinates, Tw_NearestModeAttr:$nearest, UnitAttr:$roundDown);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Operators of any element type. What ONNX has beyond them is composed of them when a model is imported.
//===--------------------------------------------------------------------------------------------------------------===//

def Tw_UnaryOp : Tw_Op<"unary", [SameOperandsAndResultType]> {
  let summary = "a function of each element (UnaryKind); of float16 and bfloat16 none: they are computed in float32";
  let arguments = (ins Tw_UnaryKindAttr:$kind, Tw_Tensor:$input);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = "$kind $input attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tw_BinaryOp : Tw_Op<"binary", [AllElementTypesMatch<["lhs", "rhs", "result"]>]> {
  let summary = "a function of two elements (BinaryKind), numpy broadcasting";
  let arguments = (ins Tw_BinaryKindAttr:$kind, Tw_Tensor:$lhs, Tw_Tensor:$rhs);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = "$kind operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Tw_CompareOp : Tw_Op<"compare", [AllElementTypesMatch<["lhs", "rhs"]>]> {
  let summary = "a relation of two elements (CompareKind), numpy broadcasting";
  let arguments = (ins Tw_CompareKindAttr:$kind, Tw_Tensor:$lhs, Tw_Tensor:$rhs);
  let results = (outs Tw_BoolTensor:$result);
  let assemblyFormat = "$kind operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Tw_WhereOp : Tw_Op<"where", [AllElementTypesMatch<["lhs", "rhs", "result"]>]> {
  let summary = "condition ? lhs : rhs, numpy broadcasting of all three";
  let arguments = (ins Tw_BoolTensor:$condition, Tw_Tensor:$lhs, Tw_Tensor:$rhs);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

def Tw_CastOp : Tw_Op<"cast", [AllShapesMatch<["input", "result"]>]> {
  let summary = "the number in another type";
  let description = [{
    Real to real rounds half to even; real to integer loses its fraction (outside the range the result is not defined, and
    nothing fails); integers wrap; to bool is `!= 0`.
  }];
  let arguments = (ins Tw_Tensor:$input);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
}

def Tw_ExpandOp : Tw_Op<"expand", [AllElementTypesMatch<["input", "result"]>]> {
  let summary = "numpy broadcasting of a value to the result's shape";
  let arguments = (ins Tw_Tensor:$input);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

def Tw_SliceOp : Tw_Op<"slice", [AllElementTypesMatch<["input", "result"]>]> {
  let summary = "element i of dimension d is starts[d] + i * steps[d] of the input; a step may be negative";
  let arguments = (ins Tw_Tensor:$input, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$steps);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

def Tw_GatherOp : Tw_Op<"gather", [AllElementTypesMatch<["input", "result"]>]> {
  let summary = "numpy take: the slices of `axis` that the indices name, in the indices' shape";
  let description = "A negative index counts from the end. One outside is held to the nearest slice.";
  let arguments = (ins Tw_Tensor:$input, Tw_IndexTensor:$indices, I64Attr:$axis);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

def Tw_ReduceOp : Tw_Op<"reduce", [AllElementTypesMatch<["input", "result"]>]> {
  let summary = "sum, product, minimum or maximum over axes";
  let arguments = (ins Tw_ReduceKindAttr:$kind, Tw_Tensor:$input, DenseI64ArrayAttr:$axes, BoolAttr:$keepDims);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = "$kind $input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Tw_ArgReduceOp : Tw_Op<"arg_reduce"> {
  let summary = "place of the minimum or maximum (kind min or max) along an axis, which keeps extent 1";
  let description = "The first of equal ones, or with `lastIndex` the last.";
  let arguments = (ins Tw_ReduceKindAttr:$kind, Tw_Tensor:$input, I64Attr:$axis, UnitAttr:$lastIndex);
  let results = (outs Tw_I64Tensor:$result);
  let assemblyFormat = "$kind $input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Tw_LibraryOp : Tw_Op<"library"> {
  let summary = "a function that has no loop form worth having, by its name in the table of library functions";
  let description = [{
    LibraryFunctions.def names each with what it computes, its operands and its `params`. Its code for the host is a C
    function.
  }];
  let arguments = (ins StrAttr:$name, Variadic<Tw_Tensor>:$inputs, DenseI64ArrayAttr:$params);
  let results = (outs Tw_Tensor:$result);
  let assemblyFormat = "$name `(` $inputs `)` attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Fused integer operators. Their arithmetic is written in tw/ir/QuantParams.h; each is the exact composition of the
// parts it was fused from. Every result is clamped to [clampLo, clampHi] after its last rounding.
//===--------------------------------------------------------------------------------------------------------------===//

defvar TwRounding = (ins DefaultValuedAttr<Tw_RoundingAttr, "::tw::ir::Rounding::HalfEven">:$rounding);
defvar TwClamp = (ins DefaultValuedAttr<I64Attr, "-128">:$clampLo, DefaultValuedAttr<I64Attr, "127">:$clampHi);
// acc -> requantise(outScale, outZero) -> [scaled add of the residual -> sumScale, sumZero] -> clamp -> [LUT]
defvar TwDrainOperands = (ins Tw_Scale:$outScale, Tw_ZeroPoint:$outZero,
                          Optional<Tw_I8Tensor>:$residual, Optional<Tw_Scale>:$residualScale,
                          Optional<Tw_ZeroPoint>:$residualZero, Optional<Tw_Scale>:$sumScale,
                          Optional<Tw_ZeroPoint>:$sumZero, Optional<Tw_I8Tensor>:$lut);
defvar TwDrainFormat = [{ `out` `(` $outScale `,` $outZero `)`
    (`residual` `(` $residual^ `,` $residualScale `,` $residualZero `,` $sumScale `,` $sumZero `)`)?
    (`lut` `(` $lut^ `)`)? attr-dict `:` functional-type(operands, results)}];

defvar TwWeightedFormat = [{ $input `(` $inScale `,` $inZero `)` `,` $weight `(` $weightScale `,` $weightZero `)`
    (`bias` $bias^)? }];

def Tw_QConvOp : Tw_Op<"qconv", [AttrSizedOperandSegments]> {
  let summary = "int8 convolution: sum((x - inZero) * (w - weightZero)) + bias, then the drain";
  let description = [{
    Padding contributes nothing to the sum (it is inZero). Weights as for `tw.conv`. bias is int32 at scale
    inScale * weightScale. weightScale and weightZero are scalar or one per output channel.
  }];
  let arguments = !con((ins Tw_I8Tensor:$input, Tw_Scale:$inScale, Tw_ZeroPoint:$inZero, Tw_I8Tensor:$weight,
                        Tw_Scale:$weightScale, Tw_ZeroPoint:$weightZero, Optional<Tw_I32Tensor>:$bias),
                       TwDrainOperands,
                       (ins DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations,
                        DefaultValuedAttr<I64Attr, "1">:$group,
                        DefaultValuedAttr<Tw_LayoutAttr, "::tw::ir::Layout::NCHW">:$layout), TwClamp, TwRounding);
  let results = (outs Tw_I8Tensor:$result);
  let assemblyFormat = !strconcat(TwWeightedFormat, TwDrainFormat);
  let hasVerifier = 1;
}

def Tw_QGemmOp : Tw_Op<"qgemm", [AttrSizedOperandSegments]> {
  let summary = "int8 fully connected layer: [M, K] x weight [N, K] -> [M, N], then the drain";
  let arguments = !con((ins Tw_I8Tensor:$input, Tw_Scale:$inScale, Tw_ZeroPoint:$inZero, Tw_I8Tensor:$weight,
                        Tw_Scale:$weightScale, Tw_ZeroPoint:$weightZero, Optional<Tw_I32Tensor>:$bias),
                       TwDrainOperands, TwClamp, TwRounding);
  let results = (outs Tw_I8Tensor:$result);
  let assemblyFormat = !strconcat(TwWeightedFormat, TwDrainFormat);
  let hasVerifier = 1;
}

// Products whose result is not requantised: tw.dequantize with a zero point and a scale for each channel makes it real.
def Tw_QConvSumsOp : Tw_Op<"qconv_sums"> {
  let summary = "int32 sums of an int8 convolution: sum(x * (w - weightZero)), where x is inZero outside the image";
  let description = "Weights as for `tw.conv`. No sum leaves int32.";
  let arguments = (ins Tw_I8Tensor:$input, Tw_ZeroPoint:$inZero, Tw_I8Tensor:$weight, Tw_ZeroPoint:$weightZero,
                   DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations,
                   DefaultValuedAttr<I64Attr, "1">:$group,
                   DefaultValuedAttr<Tw_LayoutAttr, "::tw::ir::Layout::NCHW">:$layout);
  let results = (outs Tw_I32Tensor:$result);
  let assemblyFormat = [{ $input `(` $inZero `)` `,` $weight `(` $weightZero `)` attr-dict `:`
    functional-type(operands, results)}];
  let hasVerifier = 1;
}

def Tw_QGemmSumsOp : Tw_Op<"qgemm_sums"> {
  let summary = "int32 sums of int8 [M, K] x weight [N, K] -> [M, N]: sum(x * (w - weightZero)); none leaves int32";
  let arguments = (ins Tw_I8Tensor:$input, Tw_I8Tensor:$weight, Tw_ZeroPoint:$weightZero);
  let results = (outs Tw_I32Tensor:$result);
  let assemblyFormat = "$input `,` $weight `(` $weightZero `)` attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Tw_QMatmulOp : Tw_Op<"qmatmul"> {
  let summary = "int8 batch matmul of two activations: [B..., M, K] x [B..., K, N], then requantise and clamp";
  let arguments = !con((ins Tw_I8Tensor:$a, Tw_Scale:$aScale, Tw_ZeroPoint:$aZero, Tw_I8Tensor:$b, Tw_Scale:$bScale,
                        Tw_ZeroPoint:$bZero, Tw_Scale:$outScale, Tw_ZeroPoint:$outZero), TwClamp, TwRounding);
  let results = (outs Tw_I8Tensor:$result);
  let assemblyFormat = [{ $a `(` $aScale `,` $aZero `)` `,` $b `(` $bScale `,` $bZero `)`
    `out` `(` $outScale `,` $outZero `)` attr-dict `:` functional-type(operands, results)}];
  let hasVerifier = 1;
}

def Tw_QEltwiseOp : Tw_Op<"qeltwise"> {
  let summary = "int8 add, sub, mul, min or max in fixed point, numpy broadcasting";
  let arguments = !con((ins Tw_I8Tensor:$lhs, Tw_Scale:$lhsScale, Tw_ZeroPoint:$lhsZero, Tw_I8Tensor:$rhs,
                        Tw_Scale:$rhsScale, Tw_ZeroPoint:$rhsZero, Tw_Scale:$outScale, Tw_ZeroPoint:$outZero,
                        Tw_EltwiseKindAttr:$kind), TwClamp, TwRounding);
  let results = (outs Tw_I8Tensor:$result);
  let assemblyFormat = [{ $kind $lhs `(` $lhsScale `,` $lhsZero `)` `,` $rhs `(` $rhsScale `,` $rhsZero `)`
    `out` `(` $outScale `,` $outZero `)` attr-dict `:` functional-type(operands, results)}];
  let hasVerifier = 1;
}

def Tw_QPoolOp : Tw_Op<"qpool"> {
  let summary = "int8 maximum or mean over a window; mean over the whole image is the global one";
  let arguments = !con((ins Tw_I8Tensor:$input, Tw_Scale:$inScale, Tw_ZeroPoint:$inZero, Tw_Scale:$outScale,
                        Tw_ZeroPoint:$outZero, Tw_PoolKindAttr:$kind, DenseI64ArrayAttr:$kernel, DenseI64ArrayAttr:$strides,
                        DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations, UnitAttr:$countIncludePad,
                        DefaultValuedAttr<Tw_LayoutAttr, "::tw::ir::Layout::NCHW">:$layout), TwClamp, TwRounding);
  let results = (outs Tw_I8Tensor:$result);
  let assemblyFormat = [{ $kind $input `(` $inScale `,` $inZero `)` `out` `(` $outScale `,` $outZero `)`
    attr-dict `:` functional-type(operands, results)}];
  let hasVerifier = 1;
}

def Tw_QLutOp : Tw_Op<"qlut", [AllTypesMatch<["input", "result"]>]> {
  let summary = "table[input + 128]: any function of one int8";
  let arguments = (ins Tw_I8Tensor:$input, Tw_I8Tensor:$table);
  let results = (outs Tw_I8Tensor:$result);
  let assemblyFormat = TwFormat;
  let hasVerifier = 1;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Scalar operators: they stand inside linalg bodies, are matched by name, and are expanded on the way to LLVM.
//===--------------------------------------------------------------------------------------------------------------===//

def Tw_RequantizeOp : Tw_Op<"requantize"> {
  let summary = "sat8(RNE(fl32(fl32_rne(acc) * multiplier)) + zero)";
  let description = [{
    acc is int64 where a sum may leave int32: the NPU refuses it, the host computes it.
  }];
  let arguments = !con((ins AnyTypeOf<[I32, I64]>:$acc, F32:$multiplier, I32:$zero), TwRounding);
  let results = (outs I8:$result);
  let assemblyFormat = "$acc `,` $multiplier `,` $zero attr-dict `:` type($acc)";
}

def Tw_RescaleOp : Tw_Op<"rescale"> {
  let summary = "sat8(RNE(sum / 2^shift) + zero)";
  let arguments = !con((ins I64:$sum, I32:$shift, I32:$zero), TwRounding);
  let results = (outs I8:$result);
  let assemblyFormat = "$sum `,` $shift `,` $zero attr-dict";
}

def Tw_LutOp : Tw_Op<"lut"> {
  let summary = "table[value + 128], the table captured from outside the body";
  let arguments = (ins I8:$value, StaticShapeTensorOf<[I8]>:$table);
  let results = (outs I8:$result);
  let assemblyFormat = "$value `,` $table attr-dict `:` type($table)";
}

#endif // TW_IR_GRAPHOPS_TD
