// SPDX-License-Identifier: Apache-2.0
//===- Drain.td - from ACC to SPM: bias, requantise, residual, clamp ----------------------===//
// SPDX-License-Identifier: Apache-2.0
defvar DrainRows = [
  AccRow<"acc", "first ACC row; block ocb, pixel (oh, ow) is row acc + (ocb*oh_n + oh)*ow_n + ow">,
  Extent<"oc_n", 12, "blocks of N channels">, Extent<"oh_n", 16, "rows">, Extent<"ow_n", 16, "columns">];
class TileFields<string p, string what> {
  list<Field> Fields = [SpmAddr<p, "first row of the " # what>, SpmStride<p # "_hs", "byte stride of a row">,
                        SpmStride<p # "_ws", "byte stride of a column">, SpmStride<p # "_cs", "byte stride of a channel block">];
}
defvar DrainFields = DrainRows # TileFields<"y", "result">.Fields
  # [ParamRow<"param", "numerics record: head, then (bias, multiplier) rows per channel block">];
defvar DrainLoops = [Loop<"ocb", "oc_n", "parallel">, Loop<"oh", "oh_n", "parallel">, Loop<"ow", "ow_n", "parallel">, Loop<"lane", "N", "parallel">];
class DrainSum : Contiguous<"sum", ACC, "i32", "acc", "read", ["ocb", "oh", "ow"]>;
class TileOf<string p, string elem, string dir> : Strided<p, SPM, elem, p, dir,
    [Dim<[Term<"oh">], p # "_hs">, Dim<[Term<"ow">], p # "_ws">, Dim<[Term<"ocb">], p # "_cs">]>;
class Tile<string p, string dir> : TileOf<p, "i8", dir>;
class TileWords<string p, string dir> : TileOf<p, "i32", dir>; // four consecutive rows of SPM for N words

def DRQ : Instruction<0x28, "drq", RQ, DrainFields, "drain and requantise"> {
  let Description = "y = clamp(requantise(sum + bias), lo, hi), one row of N lanes a cycle.";
  let Sem = Semantics<DrainLoops, [DrainSum<>, RecordHead<>, RecordBias<"ocb">, RecordMult<"ocb">, Tile<"y", "write">],
    [Node<"q", "requant_fp32", ["sum", "bias", "mult", "p.zp"]>, Node<"y", "clamp_i8", ["q", "p.lo", "p.hi"]>]>;
  let Raises = [FSpmBounds, FAccBounds, FParamBounds, FMisaligned, FUninitParam, FBadParam, FAccConflict];
}
def DRQA : Instruction<0x29, "drqa", RQ,
    DrainFields # TileFields<"r", "residual">.Fields,
    "drain, requantise, add a residual"> {
  let Description = "q = requantise(sum + bias); y = clamp(ew_add(q, r), lo, hi): the exact composition of a convolution, its rounding to int8 and a scaled addition.";
  let Sem = Semantics<DrainLoops, [DrainSum<>, RecordHead<>, RecordBias<"ocb">, RecordMult<"ocb">, Tile<"r", "read">, Tile<"y", "write">],
    [Node<"q", "requant_fp32", ["sum", "bias", "mult", "p.zp"]>,
     Node<"s", "ew_add", ["q", "p.za", "p.ma", "r", "p.zb", "p.mb", "p.shift", "p.zy"]>,
     Node<"y", "clamp_i8", ["s", "p.lo", "p.hi"]>]>;
  let Raises = [FSpmBounds, FAccBounds, FParamBounds, FMisaligned, FUninitParam, FBadParam, FAccConflict];
}
// The same with TensorFlow Lite's requantisation, with a table behind the clamp, or both. Bits of the opcode: 0 residual,
// 1 TensorFlow Lite, 2 table.
class Drain<int which, bit isAdd, bit isTflite, bit isTable, string mnemonic, string summary>
    : Instruction<!add(0x50, which), mnemonic, RQ,
        DrainRows # TileFields<"y", "result">.Fields
        # [ParamRow<"param", !if(isTflite, "numerics record: head, then (bias, multiplier, shift) rows per channel block",
                                           "numerics record: head, then (bias, multiplier) rows per channel block")>]
        # !if(isAdd, TileFields<"r", "residual">.Fields, []<Field>)
        # !if(isTable, [Field<"table", 3, "LUT bank", "lut">], []<Field>), summary> {
  defvar Record = !if(isTflite, [RecordBiasT<"ocb">, RecordMultT<"ocb">, RecordShiftT<"ocb">]<Access>,
                                [RecordBias<"ocb">, RecordMult<"ocb">]<Access>);
  defvar Operands = [DrainSum<>, RecordHead<>]<Access> # Record # !if(isAdd, [Tile<"r", "read">]<Access>, []<Access>)
    # !if(isTable, [Contiguous<"t", LUT, "i8", "table", "read", [], 1, 0, "">]<Access>, []<Access>) # [Tile<"y", "write">]<Access>;
  defvar Requant = !if(isTflite, Node<"q", "requant_tflite", ["sum", "bias", "mult", "shift", "p.zp"]>,
                                 Node<"q", "requant_fp32", ["sum", "bias", "mult", "p.zp"]>);
  let Description = "y = " # !if(isTable, "table[", "") # "clamp(" # !if(isAdd, "ew_add(", "") # "requantise(sum + bias)"
    # !if(isAdd, ", r)", "") # ", lo, hi)" # !if(isTable, "]", "")
    # !if(isTflite, ", with the two roundings of TensorFlow Lite: each block of channels has a row of multipliers and a row of shifts.", ".");
  let Sem = Semantics<DrainLoops, Operands,
    [Requant]
    # !if(isAdd, [Node<"s", "ew_add", ["q", "p.za", "p.ma", "r", "p.zb", "p.mb", "p.shift", "p.zy"]>], []<Node>)
    # [Node<!if(isTable, "c", "y"), "clamp_i8", [!if(isAdd, "s", "q"), "p.lo", "p.hi"]>]
    # !if(isTable, [Node<"y", "lut_i8", ["t", "c"]>], []<Node>)>;
  let Raises = [FSpmBounds, FAccBounds, FParamBounds, FMisaligned, FUninitParam, FBadParam, FAccConflict];
}
def DRQT : Drain<2, false, true, false, "drqt", "drain and requantise as TensorFlow Lite does">;
def DRQTA : Drain<3, true, true, false, "drqta", "drain, requantise as TensorFlow Lite does, add a residual">;
def DRQL : Drain<4, false, false, true, "drql", "drain, requantise, look up">;
def DRQAL : Drain<5, true, false, true, "drqal", "drain, requantise, add a residual, look up">;
def DRQTL : Drain<6, false, true, true, "drqtl", "drain, requantise as TensorFlow Lite does, look up">;
def DRQTAL : Drain<7, true, true, true, "drqtal", "drain, requantise as TensorFlow Lite does, add a residual, look up">;

// Sums on their way out of ACC and back: N words are 4N bytes, four consecutive rows of SPM, little endian.
def DRW : Instruction<0x2A, "drw", RQ, DrainRows # TileFields<"y", "words">.Fields, "drain raw words"> {
  let Description = "Copies ACC rows to SPM unchanged, four SPM rows for each, one a cycle. Reads no parameters.";
  let Sem = Semantics<DrainLoops, [DrainSum<>, TileWords<"y", "write">], [Node<"y", "copy_i32", ["sum"]>]>;
  let Raises = [FSpmBounds, FAccBounds, FMisaligned, FAccConflict];
}
def RSW : Instruction<0x2B, "rsw", RQ, DrainRows # TileFields<"x", "words">.Fields, "restore raw words"> {
  let Description = "Copies words from SPM to ACC rows: what drw left, or sums to start from. Four SPM rows for each ACC row, one a cycle.";
  let Sem = Semantics<DrainLoops,
    [TileWords<"x", "read">, Contiguous<"sum", ACC, "i32", "acc", "write", ["ocb", "oh", "ow"]>], [Node<"sum", "copy_i32", ["x"]>]>;
  let Raises = [FSpmBounds, FAccBounds, FMisaligned, FAccConflict];
}

def IConvDrq : Intrinsic<"conv+drq", [CONV, DRQ], "convolution, bias, requantise, clamp">;
def IConvDrqa : Intrinsic<"conv+drqa", [CONV, DRQA], "convolution, bias, requantise, residual, clamp">;
def IConvfDrq : Intrinsic<"convf+drq", [CONVF, DRQ], "folded convolution, bias, requantise, clamp">;
def IConvfDrqa : Intrinsic<"convf+drqa", [CONVF, DRQA], "folded convolution, bias, requantise, residual, clamp">;
def IConvsDrq : Intrinsic<"convs+drq", [CONVS, DRQ], "convolution of two kernel columns at once, bias, requantise, clamp">;
def IConvsDrqa : Intrinsic<"convs+drqa", [CONVS, DRQA], "convolution of two kernel columns at once, bias, requantise, residual, clamp">;
def IGemmDrq : Intrinsic<"gemm+drq", [GEMM, DRQ], "matrix product, bias, requantise, clamp">;
def IGemmDrqa : Intrinsic<"gemm+drqa", [GEMM, DRQA], "matrix product, bias, requantise, residual, clamp">;
def IGemmzDrq : Intrinsic<"gemmz+drq", [GEMMZ, DRQ], "product of two activations, bias, requantise, clamp">;
def IGemmzDrqa : Intrinsic<"gemmz+drqa", [GEMMZ, DRQA], "product of two activations, bias, requantise, residual, clamp">;
def IGemmztDrq : Intrinsic<"gemmzt+drq", [GEMMZT, DRQ], "product with the transpose of an activation, bias, requantise, clamp">;
def IGemmztDrqa : Intrinsic<"gemmzt+drqa", [GEMMZT, DRQA], "product with the transpose of an activation, bias, requantise, residual, clamp">;
def IConvDrw : Intrinsic<"conv+drw", [CONV, DRW], "convolution, its sums">;
def IConvfDrw : Intrinsic<"convf+drw", [CONVF, DRW], "folded convolution, its sums">;
def IConvsDrw : Intrinsic<"convs+drw", [CONVS, DRW], "convolution of two kernel columns at once, its sums">;
def IGemmzDrw : Intrinsic<"gemmz+drw", [GEMMZ, DRW], "product of two activations, its sums">;
def IGemmztDrw : Intrinsic<"gemmzt+drw", [GEMMZT, DRW], "product with the transpose of an activation, its sums">;
def IGemmDrw : Intrinsic<"gemm+drw", [GEMM, DRW], "matrix product, its sums">;
