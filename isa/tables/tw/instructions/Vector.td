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
  let Description = "y = clamp(requantise(sum of x*w + bias), lo, hi). The record is a head, then (bias, multiplier) rows per channel block.";
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

// Reductions over dimensions 0 and 1, lane by lane: one result for each step of dimension 2. A sum is a wide vector: N
// int32, little endian, in four consecutive rows. docs/rationale/vector-reductions.md says how softmax and layer
// normalisation are built from these rows.
class Reduction<int op, string mnemonic, string elem, list<Node> body, string init, list<Node> finish, string summary>
    : Instruction<op, mnemonic, VX, RowExtents # RowFields<"a", "operand">.Fields
        # [SpmAddr<"y", "result: first row">, SpmStride<"y_s2", "result: byte stride of dimension 2">,
           ParamRow<"param", "numerics record: head only">], summary> {
  let Sem = Semantics<[Loop<"i2", "n2", "parallel">, Loop<"i1", "n1", "reduction">, Loop<"i0", "n0", "reduction">, Loop<"lane", "N", "parallel">],
    [RowWalk<"a", "read">, RecordHead<>, Strided<"y", SPM, elem, "y", "write", [Dim<[Term<"i2">], "y_s2">]>], body, init, finish>;
  let Raises = [FSpmBounds, FParamBounds, FMisaligned, FUninitParam];
}
class Extreme {
  list<Node> Finish = [Node<"s", "pool_max", ["top", "p.za", "p.ma", "p.shift", "p.zy"]>, Node<"y", "clamp_i8", ["s", "p.lo", "p.hi"]>];
}
def REDSUM : Reduction<0x3B, "redsum", "i32", [Node<"sum", "sum_i8", ["sum", "a", "p.za"]>], "zero", [Node<"y", "copy_i32", ["sum"]>], "sum of rows"> {
  let Description = "y = sum of (a - za) modulo 2^32, four rows. With n0 = n1 = 1 it widens a row to int32.";
}
def REDSQ : Reduction<0x3C, "redsq", "i32", [Node<"sum", "sumsq_i8", ["sum", "a", "p.za"]>], "zero", [Node<"y", "copy_i32", ["sum"]>], "sum of squares of rows"> {
  let Description = "y = sum of (a - za)^2 modulo 2^32, four rows.";
}
def REDMAX : Reduction<0x3D, "redmax", "i8", [Node<"top", "max_i8", ["top", "a"]>], "min8", Extreme<>.Finish, "maximum of rows"> {
  let Description = "The largest byte of each lane, then one rescaling and clamp, as poolmax.";
}
def REDMIN : Reduction<0x3E, "redmin", "i8", [Node<"top", "min_i8", ["top", "a"]>], "max8", Extreme<>.Finish, "minimum of rows"> {
  let Description = "The smallest byte of each lane, then one rescaling and clamp.";
}

// Wide operands: vectors of N int32, four consecutive rows each. A row of the walk is one step, N/4 lanes.
class WideWalk<string p, string dir> : Strided<p, SPM, "i32", p, dir, [Dim<[Term<"i1">], p # "_s1">, Dim<[Term<"i0">], p # "_s0">]>;
class WideFields<string p, string what> {
  list<Field> Fields = [SpmAddr<p, what # ": first row">, SpmStride<p # "_s0", what # ": byte stride of dimension 0; 0 repeats">,
                        SpmStride<p # "_s1", what # ": byte stride of dimension 1">];
}
class Wide<int op, string mnemonic, list<Field> operands, list<Access> reads, Node body, string summary>
    : Instruction<op, mnemonic, VX, [Extent<"n0", 16, "vectors of dimension 0, the innermost">, Extent<"n1", 16, "vectors of dimension 1">]
        # operands # WideFields<"y", "result">.Fields # [ParamRow<"param", "numerics record: head only">], summary> {
  let Sem = Semantics<[Loop<"i1", "n1", "parallel">, Loop<"i0", "n0", "parallel">, Loop<"lane", "N", "parallel">],
    reads # [RecordHead<>, WideWalk<"y", "write">], [body]>;
  let Raises = [FSpmBounds, FParamBounds, FMisaligned, FUninitParam];
}
defvar WideFirst = WideFields<"a", "first operand">.Fields;
defvar WideBoth = WideFirst # WideFields<"b", "second operand">.Fields;
def WADD : Wide<0x35, "wadd", WideBoth, [WideWalk<"a", "read">, WideWalk<"b", "read">],
    Node<"y", "wide_add", ["a", "p.ma", "b", "p.mb", "p.shift"]>, "scaled addition of int32"> {
  let Description = "y = sat32(RNE((a*ma + b*mb) / 2^shift)), the sum modulo 2^64.";
}
def WMUL : Wide<0x36, "wmul", WideBoth, [WideWalk<"a", "read">, WideWalk<"b", "read">],
    Node<"y", "wide_mul", ["a", "b", "p.shift"]>, "product of int32"> {
  let Description = "y = sat32(RNE(a*b / 2^shift)).";
}
class Norm<int op, string mnemonic, string prim, string summary>
    : Wide<op, mnemonic, WideFirst, [WideWalk<"a", "read">], Node<"y", prim, ["a", "p.shift"]>, summary>;
def NORMRCP : Norm<0x40, "normrcp", "norm_reciprocal", "reciprocal of int32"> {
  let Description = "y = 2^shift / a within 2^-14 of it, rounded to an integer and limited to 2^31 - 1; 2^31 - 1 where a is zero or negative. "
    "Exactly: e is the place of the leading one of a, u = a * 2^(31-e), F = base - floor(slope * f / 2^16) with the table's entry for the six bits below the "
    "leading one and f the 16 bits below those; y = sat32(RNE(F / 2^(31+e-shift))), and 2^31 - 1 where 31+e-shift is negative.";
}
def NORMRSQ : Norm<0x41, "normrsq", "norm_rsqrt", "reciprocal square root of int32"> {
  let Description = "y = 2^shift / sqrt(a) within 2^-13 of it, rounded to an integer and limited to 2^31 - 1; 2^31 - 1 where a is zero or negative. "
    "Exactly as normrcp, with the entry for the lowest bit of e and the five bits below the leading one, f the 16 bits below those, and e/2 in place of e in the last shift.";
}

// Numbers for each lane, read once for each step of dimension 2.
class ByLane<string p> : Strided<p, SPM, "i32", p, "read", [Dim<[Term<"i2">], p # "_s2">]>;
class MadFields<string a, string m, string c> {
  list<Field> Fields = RowExtents # RowFields<"a", a>.Fields # RowFields<"y", "result">.Fields
    # [SpmAddr<"m", m # ": N int32">, SpmStride<"m_s2", m # ": byte stride of dimension 2; 0 repeats">,
       SpmAddr<"c", c # ": N int32">, SpmStride<"c_s2", c # ": byte stride of dimension 2; 0 repeats">,
       ParamRow<"param", "numerics record: head only">];
}
def EWMAD : Instruction<0x37, "ewmad", VX, MadFields<"operand", "multipliers", "addends">.Fields, "product and sum with a multiplier and an addend for each lane"> {
  let Description = "y = clamp(sat8(RNE(((a - za)*m + c) / 2^shift) + zy), lo, hi); m and c are read once for each step of dimension 2.";
  let Sem = Semantics<RowLoops, [RowWalk<"a", "read">, ByLane<"m">, ByLane<"c">, RecordHead<>, RowWalk<"y", "write">],
    [Node<"s", "ew_mad", ["a", "p.za", "m", "c", "p.shift", "p.zy"]>, Node<"y", "clamp_i8", ["s", "p.lo", "p.hi"]>]>;
  let Raises = [FSpmBounds, FParamBounds, FMisaligned, FUninitParam];
}
def EWMIX : Instruction<0x42, "ewmix", VX, MadFields<"first operand", "multipliers", "addends">.Fields
    # [SpmAddr<"b", "second operand: first row; strides of the first">, SpmAddr<"k", "multipliers of the second operand: N int32">,
       SpmStride<"k_s2", "multipliers of the second operand: byte stride of dimension 2; 0 repeats">], "sum of two products with multipliers, and of an addend, for each lane"> {
  let Description = "y = clamp(sat8(RNE(((a - za)*m + (b - zb)*k + c) / 2^shift) + zy), lo, hi); m, c and k are read once for each step of dimension 2. "
    "With the bytes of 16-bit values in a and b, one rounding of their products; with ewmad's rounded result in b, what that has left.";
  let Sem = Semantics<RowLoops, [RowWalk<"a", "read">,
      Strided<"b", SPM, "i8", "b", "read", [Dim<[Term<"i2">], "a_s2">, Dim<[Term<"i1">], "a_s1">, Dim<[Term<"i0">], "a_s0">]>,
      ByLane<"m">, ByLane<"c">, ByLane<"k">, RecordHead<>, RowWalk<"y", "write">],
    [Node<"s", "ew_mix", ["a", "p.za", "m", "b", "p.zb", "k", "c", "p.shift", "p.zy"]>, Node<"y", "clamp_i8", ["s", "p.lo", "p.hi"]>]>;
  let Raises = [FSpmBounds, FParamBounds, FMisaligned, FUninitParam];
}

def MOVE : Instruction<0x48, "move", VX, RowExtents # RowFields<"a", "operand">.Fields # RowFields<"y", "result">.Fields, "copy of rows"> {
  let Description = "Copies n2*n1*n0 rows; a stride of 0 in the operand repeats rows (nearest upsampling).";
  let Sem = Semantics<RowLoops, [RowWalk<"a", "read">, RowWalk<"y", "write">], [Node<"y", "copy_i8", ["a"]>]>;
  let Raises = [FSpmBounds, FMisaligned];
}
def MOVET : Instruction<0x49, "movet", VX, [Extent<"n1", 16, "blocks of dimension 1">, Extent<"n2", 16, "blocks of dimension 2">]
    # [SpmAddr<"a", "operand: first row">, SpmStride<"a_s0", "operand: byte stride between the N rows of a block">,
       SpmStride<"a_s1", "operand: byte stride of dimension 1">, SpmStride<"a_s2", "operand: byte stride of dimension 2">,
       SpmAddr<"y", "result: first row">, SpmStride<"y_s0", "result: byte stride between the N rows of a block">,
       SpmStride<"y_s1", "result: byte stride of dimension 1">, SpmStride<"y_s2", "result: byte stride of dimension 2">], "transposition of blocks of N x N bytes"> {
  let Description = "Lane l of row r of a result block is lane r of row l of the operand block.";
  let Sem = Semantics<[Loop<"i2", "n2", "parallel">, Loop<"i1", "n1", "parallel">, Loop<"row", "N", "parallel">, Loop<"lane", "N", "parallel">],
    [Strided<"a", SPM, "i8", "a", "read", [Dim<[Term<"i2">], "a_s2">, Dim<[Term<"i1">], "a_s1">, Dim<[Term<"lane">], "a_s0">], "row">,
     Strided<"y", SPM, "i8", "y", "write", [Dim<[Term<"i2">], "y_s2">, Dim<[Term<"i1">], "y_s1">, Dim<[Term<"row">], "y_s0">]>],
    [Node<"y", "copy_i8", ["a"]>]>;
  let Raises = [FSpmBounds, FMisaligned];
}
