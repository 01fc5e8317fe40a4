// SPDX-License-Identifier: Apache-2.0
//===- Vector.td - the vector unit -----------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
// N lanes; operands in SPM; scalars, bias, multipliers and tables in parameter memory.
class Elementwise<int op, string mnemonic, list<Node> body, string summary>
    : Instruction<op, mnemonic, VX, RowExtents # RowFields<"a", "first operand">.Fields # RowFields<"b", "second operand">.Fields
        # RowFields<"y", "result">.Fields # [ParamRow<"param", "numerics record: head only">], summary> {
  let Description = "Elementwise on n2*n1*n0 rows; a stride of 0 broadcasts.";
  let Sem = Semantics<RowLoops, [RowWalk<"a", "read">, RowWalk<"b", "read">, RecordHead<>, RowWalk<"y", "write">], body>;
  let Raises = [FSpmBounds, FParamBounds, FMisaligned, FUninitParam];
}
class Scaled<string prim> {
  list<Node> Body = [Node<"s", prim, ["a", "p.za", "p.ma", "b", "p.zb", "p.mb", "p.shift", "p.zy"]>, Node<"y", "clamp_i8", ["s", "p.lo", "p.hi"]>];
}
def EWADD : Elementwise<0x30, "ewadd", Scaled<"ew_add">.Body, "scaled addition (a negative multiplier subtracts)">;
def EWMUL : Elementwise<0x31, "ewmul", [Node<"s", "ew_mul", ["a", "p.za", "b", "p.zb", "p.ma", "p.shift", "p.zy"]>, Node<"y", "clamp_i8", ["s", "p.lo", "p.hi"]>], "scaled product">;
def EWMIN : Elementwise<0x32, "ewmin", Scaled<"ew_min">.Body, "smaller of two scaled operands">;
def EWMAX : Elementwise<0x33, "ewmax", Scaled<"ew_max">.Body, "larger of two scaled operands">;

def LUTI : Instruction<0x34, "lut", VX, RowExtents # RowFields<"a", "operand">.Fields # RowFields<"y", "result">.Fields
    # [Field<"table", 3, "LUT bank", "lut">], "look-up of each byte"> {
  let Description = "y = table[a + 128] for each lane.";
  let Sem = Semantics<RowLoops, [RowWalk<"a", "read">, Contiguous<"t", LUT, "i8", "table", "read", [], 1, 0, "">, RowWalk<"y", "write">], [Node<"y", "lut_i8", ["t", "a"]>]>;
  let Raises = [FSpmBounds, FParamBounds, FMisaligned, FUninitParam];
}

defvar VectorWindow = [
  SpmAddr<"x", "first row of the input tile [H][W][Cblock][N]">, Extent<"x_h", 16, "rows of the input tile">, Extent<"x_w", 16, "columns of the input tile">,
  SpmStride<"x_hs", "byte stride of a row">, SpmStride<"x_ws", "byte stride of a column">, SpmStride<"x_cs", "byte stride of a channel block">] # WindowFields #
  [Extent<"kh_n", 8, "kernel rows">, Extent<"kw_n", 8, "kernel columns">, Extent<"oc_n", 12, "blocks of N channels">,
   Extent<"oh_n", 16, "output rows">, Extent<"ow_n", 16, "output columns">,
   SpmAddr<"y", "first row of the result">, SpmStride<"y_hs", "byte stride of a row">, SpmStride<"y_ws", "byte stride of a column">, SpmStride<"y_cs", "byte stride of a channel block">,
   ParamRow<"param", "numerics record">];
defvar VectorLoops = [Loop<"ocb", "oc_n", "parallel">, Loop<"oh", "oh_n", "parallel">, Loop<"ow", "ow_n", "parallel">,
   Loop<"kh", "kh_n", "reduction">, Loop<"kw", "kw_n", "reduction">, Loop<"lane", "N", "parallel">];
class WindowRead<string pad> : Strided<"x", SPM, "i8", "x", "read",
  [Dim<[Term<"oh", "stride_h">, Term<"kh", "dil_h">], "x_hs", "x_h", "pad_t">,
   Dim<[Term<"ow", "stride_w">, Term<"kw", "dil_w">], "x_ws", "x_w", "pad_l">, Dim<[Term<"ocb">], "x_cs">], "lane", pad>;

def DWCONV : Instruction<0x38, "dwconv", VX, VectorWindow # PadFields # [SpmAddr<"w", "weights [ocb][kh][kw][N]">], "depthwise convolution, requantised"> {
  let Description = "One tap a cycle: y = clamp(requantise(sum of x*w + bias), lo, hi). The record is a head, then (bias, multiplier) rows per channel block.";
  let Sem = Semantics<VectorLoops,
    [WindowRead<"pad_value">, Contiguous<"w", SPM, "i8", "w", "read", ["ocb", "kh", "kw"]>,
     RecordHead<>, RecordBias<"ocb">, RecordMult<"ocb">, Tile<"y", "write">],
    [Node<"prod", "mul_i8", ["x", "w"]>, Node<"sum", "add_wrap32", ["sum", "prod"]>], "zero",
    [Node<"q", "requant_fp32", ["sum", "bias", "mult", "p.zp"]>, Node<"y", "clamp_i8", ["q", "p.lo", "p.hi"]>]>;
  let Raises = [FSpmBounds, FParamBounds, FMisaligned, FUninitParam, FBadParam];
}
def POOLMAX : Instruction<0x39, "poolmax", VX, VectorWindow, "maximum over a window"> {
  let Description = "Maximum over the elements of the window that lie inside the input (-128 where none does), then one rescaling and clamp.";
  let Sem = Semantics<VectorLoops, [WindowRead<"">, RecordHead<>, Tile<"y", "write">], [Node<"top", "max_i8", ["top", "x"]>], "min8",
    [Node<"s", "pool_max", ["top", "p.za", "p.ma", "p.shift", "p.zy"]>, Node<"y", "clamp_i8", ["s", "p.lo", "p.hi"]>]>;
  let Raises = [FSpmBounds, FParamBounds, FMisaligned, FUninitParam];
}
// The record of an average is a head and a table of kh_n*kw_n multiplier words, word c-1 for a window with c elements inside
// the input; a window with none uses word 0 with a sum of zero.
class PoolTable : Contiguous<"mult", PARAM, "i32", "param", "read", ["kh", "kw"], 1, 1, "count">;
def POOLAVG : Instruction<0x3A, "poolavg", VX, VectorWindow, "average over a window"> {
  let Description = "Sum over the elements of the window that lie inside the input, times the multiplier for their number, one rounding, clamp. The "
    "record is a head, then kh_n*kw_n multiplier words (padded to whole rows): word count-1 serves a window of count elements.";
  let Sem = Semantics<VectorLoops, [WindowRead<"">, RecordHead<>, PoolTable<>, Tile<"y", "write">], [Node<"sum", "add_i8", ["sum", "x"]>], "zero",
    [Node<"s", "pool_avg", ["sum", "count", "p.za", "mult", "p.shift", "p.zy"]>, Node<"y", "clamp_i8", ["s", "p.lo", "p.hi"]>]>;
  let Raises = [FSpmBounds, FParamBounds, FMisaligned, FUninitParam];
}
def REDUCE : Instruction<0x3B, "reduce", VX, [], "sum, maximum, minimum, sum of squares along a dimension"> { let Status = "planned"; let Description = "Reductions for softmax and layer norm."; }
def NORM : Instruction<0x3C, "norm", VX, [], "reciprocal and reciprocal square root"> { let Status = "planned"; let Description = "Fixed-point reciprocal functions."; }
def MOVE : Instruction<0x3D, "move", VX, [], "transpose, strided copy, widen, narrow, upsample"> { let Status = "planned"; let Description = "Layout changes inside SPM."; }
