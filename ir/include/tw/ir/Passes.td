// SPDX-License-Identifier: Apache-2.0
// The graph passes, in the order in which the pipeline runs them (buildGraphPipeline in Passes.h).
#ifndef TW_IR_PASSES_TD
#define TW_IR_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertUint8 : Pass<"tw-convert-uint8", "mlir::func::FuncOp"> {
  let summary = "make quantised uint8 tensors int8 by xor 0x80, zero points included";
  let description = [{
    The machine is int8 only. What is quantised, dequantised, pooled or only moved between those becomes int8; other uint8
    values stay, and `tw.flip_sign` stands where the two meet. Arguments and results that become int8 are i8 with the
    attribute `tw.unsigned`: they hold uint8 values for the caller.
  }];
}

def FoldConstants : Pass<"tw-fold-constants", "mlir::func::FuncOp"> {
  let summary = "evaluate operators whose operands are all constants with the reference interpreter";
  let description = [{
    `tw.dequantize` of a constant stays: fusion wants the integers and their scale. A transpose or reshape of one moves
    above it instead; elementwise arithmetic of nothing but constants is folded through it.
  }];
}

def Simplify : Pass<"tw-simplify", "mlir::func::FuncOp"> {
  let summary = "remove operators that change nothing, or that undo each other";
  let description = [{
    Slices of slices and of concatenations, concatenations of neighbouring slices, gathers of places at equal distances,
    casts there and back, sums with 0 and products with 1, reductions of one element, broadcasts for an operator that
    broadcasts itself, and interpolation of one element.
  }];
}

def FoldScales : Pass<"tw-fold-scales", "mlir::func::FuncOp"> {
  let summary = "let the constant weights and bias of a float convolution or Gemm take a number for each channel behind it";
  let description = [{
    A batch normalisation is a multiplication and an addition. Products are folded in float64 and rounded once. A product
    that somebody else reads keeps its weights.
  }];
}

def FuseQdq : Pass<"tw-fuse-qdq", "mlir::func::FuncOp"> {
  let summary = "replace dequantize -> operator -> (relu, clip) -> quantize by one integer operator, exactly composed";
  let description = [{
    ReLU and Clip become the clamp of the result. What depends on one int8 value and numbers alone becomes a table, a number
    for each channel a depthwise convolution, padding with zeros the convolution's own; operators that only move elements
    move the integers. Each quantiser of a value gets an operator of its own. What has no integer form (or no representable
    multiplier) stays as it is.
  }];
}

def DropDeadTaps : Pass<"tw-drop-dead-taps", "mlir::func::FuncOp"> {
  let summary = "remove rows and columns of a convolution's kernel that meet nothing but padding for every output";
  let description = [{
    From the edges inwards, each dimension by itself; constant weights become smaller, others a slice. Where less padding
    than none would be needed the image is sliced instead. Sums whose padding is not 0 keep their kernel, and so does a
    kernel none of whose taps meets the image.
  }];
}

def FuseSums : Pass<"tw-fuse-sums", "mlir::func::FuncOp"> {
  let summary = "make a product of int8 whose result is not requantised integer sums, dequantised per channel";
  let description = [{
    What is left of convolution, Gemm or MatMul in float32 with int8 activations and constant int8 weights: its result is an
    output of the graph, added before it is quantised, or has a bias or a multiplier that no requantiser takes. The zero
    point of the dequantize holds that of the activations, and the bias where that is a whole number of the sums' steps.
  }];
}

def FuseDrain : Pass<"tw-fuse-drain", "mlir::func::FuncOp"> {
  let summary = "attach a residual addition and a table to the convolution or product whose only user they are";
  let description = [{
    The sum is still taken of the int8 result as it was rounded and saturated before: a product with a clamp of its own
    keeps it and the addition stays separate.
  }];
}

def CanonicalizeLayout : Pass<"tw-canonicalize-layout", "mlir::func::FuncOp"> {
  let summary = "make image operators NHWC, with explicit transposes that sink to the boundary or vanish";
  let description = [{
    A transpose that meets its inverse or only moves unit dimensions disappears; one that is flattened into a fully connected
    layer becomes a permutation of its weights.
  }];
}

def JoinMoves : Pass<"tw-join-moves", "mlir::func::FuncOp"> {
  let summary = "make int8 elements that change their places along one dimension one gather of known places";
  let description = [{
    A dimension in parts that are transposed and put together again (a channel shuffle), slices of it, gathers of it. Two
    slices of one shuffle then read what was shuffled, and nobody keeps the whole.
  }];
}

def OutlineBlocks : Pass<"tw-outline-blocks", "mlir::ModuleOp"> {
  let summary = "make every operator group a private function @blk_*, @main straight-line calls";
  let description = [{
    A group is one integer or data operator, or one float operator with the dequantize and quantize that only serve it and
    the elementwise operators that only change its result. A concatenation of int8 that is read by gathers of known places
    alone becomes part of each.
    Activations come first among the arguments, then constants; scalar zero points stand inside. Groups that are equal up
    to their arguments share one function.
  }];
  let options = [Option<"joinFloat", "join-float", "bool", "true", "elementwise float operators join what they change">];
}

def VerifyIr : Pass<"tw-verify-ir", "mlir::ModuleOp"> {
  let summary = "check what the rest of the compiler relies on";
  let description = [{
    `imported`: one public @main without blocks of its own. `fused`: nothing quantised is uint8. `outlined`: @main holds constants and calls
    only, and image operators are NHWC.
  }];
  let options = [Option<"stage", "stage", "std::string", "\"imported\"", "imported, fused or outlined">];
}

def BlocksToLinalg : Pass<"tw-blocks-to-linalg", "mlir::ModuleOp"> {
  let summary = "give every block whose operator has a loop form a body of linalg.generic (ToLinalg.h has the form)";
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect", "mlir::math::MathDialect",
                           "mlir::tensor::TensorDialect"];
}

#endif // TW_IR_PASSES_TD
