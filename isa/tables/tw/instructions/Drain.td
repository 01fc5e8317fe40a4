// SPDX-License-Identifier: Apache-2.0
//===- Drain.td - from ACC to SPM: bias, requantise, residual, clamp ----------------------===//
// SPDX-License-Identifier: Apache-2.0
defvar DrainFields = [
  AccRow<"acc", "first ACC row; block ocb, pixel (oh, ow) is row acc + (ocb*oh_n + oh)*ow_n + ow">,
  Extent<"oc_n", 12, "blocks of N channels">, Extent<"oh_n", 16, "rows">, Extent<"ow_n", 16, "columns">,
  SpmAddr<"y", "first row of the result">, SpmStride<"y_hs", "byte stride of a row">, SpmStride<"y_ws", "byte stride of a column">, SpmStride<"y_cs", "byte stride of a channel block">,
  ParamRow<"param", "numerics record: head, then (bias, multiplier) rows per channel block">];
defvar DrainLoops = [Loop<"ocb", "oc_n", "parallel">, Loop<"oh", "oh_n", "parallel">, Loop<"ow", "ow_n", "parallel">, Loop<"lane", "N", "parallel">];
class DrainSum : Contiguous<"sum", ACC, "i32", "acc", "read", ["ocb", "oh", "ow"]>;
class Tile<string p, string dir> : Strided<p, SPM, "i8", p, dir,
    [Dim<[Term<"oh">], p # "_hs">, Dim<[Term<"ow">], p # "_ws">, Dim<[Term<"ocb">], p # "_cs">]>;

def DRQ : Instruction<0x28, "drq", RQ, DrainFields, "drain and requantise"> {
  let Description = "y = clamp(requantise(sum + bias), lo, hi), one row of N lanes a cycle.";
  let Sem = Semantics<DrainLoops, [DrainSum<>, RecordHead<>, RecordBias<"ocb">, RecordMult<"ocb">, Tile<"y", "write">],
    [Node<"q", "requant_fp32", ["sum", "bias", "mult", "p.zp"]>, Node<"y", "clamp_i8", ["q", "p.lo", "p.hi"]>]>;
  let Raises = [FSpmBounds, FAccBounds, FParamBounds, FMisaligned, FUninitParam, FBadParam, FAccConflict];
}
def DRQA : Instruction<0x29, "drqa", RQ,
    DrainFields # [SpmAddr<"r", "first row of the residual">, SpmStride<"r_hs", "byte stride of a row">, SpmStride<"r_ws", "byte stride of a column">, SpmStride<"r_cs", "byte stride of a channel block">],
    "drain, requantise, add a residual"> {
  let Description = "q = requantise(sum + bias); y = clamp(ew_add(q, r), lo, hi): the exact composition of a convolution, its rounding to int8 and a scaled addition.";
  let Sem = Semantics<DrainLoops, [DrainSum<>, RecordHead<>, RecordBias<"ocb">, RecordMult<"ocb">, Tile<"r", "read">, Tile<"y", "write">],
    [Node<"q", "requant_fp32", ["sum", "bias", "mult", "p.zp"]>,
     Node<"s", "ew_add", ["q", "p.za", "p.ma", "r", "p.zb", "p.mb", "p.shift", "p.zy"]>,
     Node<"y", "clamp_i8", ["s", "p.lo", "p.hi"]>]>;
  let Raises = [FSpmBounds, FAccBounds, FParamBounds, FMisaligned, FUninitParam, FBadParam, FAccConflict];
}
def DRW : Instruction<0x2A, "drw", RQ, [], "raw int32 drain and restore"> { let Status = "planned"; let Description = "Moves ACC rows to SPM and back unchanged."; }

def IConvDrq : Intrinsic<"conv+drq", [CONV, DRQ], "convolution, bias, requantise, clamp">;
def IConvDrqa : Intrinsic<"conv+drqa", [CONV, DRQA], "convolution, bias, requantise, residual, clamp">;
def IConvfDrq : Intrinsic<"convf+drq", [CONVF, DRQ], "folded convolution, bias, requantise, clamp">;
def IConvfDrqa : Intrinsic<"convf+drqa", [CONVF, DRQA], "folded convolution, bias, requantise, residual, clamp">;
def IGemmDrq : Intrinsic<"gemm+drq", [GEMM, DRQ], "matrix product, bias, requantise, clamp">;
def IGemmDrqa : Intrinsic<"gemm+drqa", [GEMM, DRQA], "matrix product, bias, requantise, residual, clamp">;
