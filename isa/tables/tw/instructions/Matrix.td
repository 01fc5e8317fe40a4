// SPDX-License-Identifier: Apache-2.0
//===- Matrix.td - the MAC array: convolution and matrix product ------------------------===//
// SPDX-License-Identifier: Apache-2.0
// Both walk blocks of N x N weights and stream rows of N activations through the array; sums meet in ACC.
defvar WindowFields = [
  Small<"stride_h", 4, 1, 15, "row stride of the window">, Small<"stride_w", 4, 1, 15, "column stride of the window">,
  Small<"dil_h", 4, 1, 15, "row distance of two taps">, Small<"dil_w", 4, 1, 15, "column distance of two taps">,
  Field<"pad_t", 8, "rows of padding above the input">, Field<"pad_l", 8, "columns of padding left of the input">];
defvar PadFields = [Pixel<"pad_value", "value of padding: the zero point">];
defvar AccFields = [AccRow<"acc", "first ACC row; the result of block ocb, pixel (oh, ow) is row acc + (ocb*oh_n + oh)*ow_n + ow">,
                    Flag<"accumulate", "add to ACC instead of overwriting it with the first contribution">];

class Weights<list<string> loops> : Contiguous<"w", SPM, "i8", "w", "read", loops>;
class AccTile<list<string> loops> : Contiguous<"sum", ACC, "i32", "acc", "update", loops>;

def CONV : Instruction<0x20, "conv", MX,
    [SpmAddr<"x", "first byte of the input tile [H][W][Cblock][N]">, Extent<"x_h", 16, "rows of the input tile">, Extent<"x_w", 16, "columns of the input tile">,
     SpmStride<"x_hs", "byte stride of a row">, SpmStride<"x_ws", "byte stride of a column">]
    # WindowFields # PadFields #
    [Extent<"kh_n", 8, "kernel rows">, Extent<"kw_n", 8, "kernel columns">, Extent<"ic_n", 12, "blocks of N input channels">,
     Extent<"oc_n", 12, "blocks of N output channels">, Extent<"oh_n", 16, "output rows">, Extent<"ow_n", 16, "output columns">,
     SpmAddr<"w", "weights [ocb][kh][kw][icb][ic N][oc N]">] # AccFields,
    "convolution of an input tile into ACC, without im2col"> {
  let Description = "For each block of output channels, kernel row, kernel column and block of input channels: loads an N x N block of "
    "weights and streams oh_n*ow_n rows of activations through it. Outside the input tile the activation is pad_value.";
  let Sem = Semantics<
    [Loop<"ocb", "oc_n", "parallel">, Loop<"kh", "kh_n", "reduction">, Loop<"kw", "kw_n", "reduction">, Loop<"icb", "ic_n", "reduction">,
     Loop<"oh", "oh_n", "parallel">, Loop<"ow", "ow_n", "parallel">, Loop<"ic", "N", "reduction">, Loop<"lane", "N", "parallel">],
    [Strided<"x", SPM, "i8", "x", "read",
       [Dim<[Term<"oh", "stride_h">, Term<"kh", "dil_h">], "x_hs", "x_h", "pad_t">,
        Dim<[Term<"ow", "stride_w">, Term<"kw", "dil_w">], "x_ws", "x_w", "pad_l">, Dim<[Term<"icb">], "N">], "ic", "pad_value">,
     Weights<["ocb", "kh", "kw", "icb", "ic"]>, AccTile<["ocb", "oh", "ow"]>],
    [Node<"prod", "mul_i8", ["x", "w"]>, Node<"sum", "add_wrap32", ["sum", "prod"]>], "acc">;
  let Raises = [FSpmBounds, FAccBounds, FMisaligned, FAccConflict];
}

def CONVF : Instruction<0x21, "convf", MX,
    [SpmByte<"x", "first byte of the input tile [H][W*C bytes]">, Extent<"x_h", 16, "rows of the input tile">, Extent<"x_b", 16, "bytes of a row: W*C">,
     SpmStride<"x_hs", "byte stride of a row">, Small<"x_ws", 12, 1, 4095, "byte stride of an output column: stride_w*C">,
     Small<"stride_h", 4, 1, 15, "row stride of the window">, Small<"dil_h", 4, 1, 15, "row distance of two taps">,
     Field<"pad_t", 8, "rows of padding above the input">, Field<"pad_b", 12, "bytes of padding left of the input: pad columns * C">,
     Pixel<"pad_value", "value of padding: the zero point">,
     Extent<"kh_n", 8, "kernel rows">, Extent<"f_n", 12, "blocks of N bytes of a folded kernel row">,
     Extent<"oc_n", 12, "blocks of N output channels">, Extent<"oh_n", 16, "output rows">, Extent<"ow_n", 16, "output columns">,
     SpmAddr<"w", "weights [ocb][kh][f][k N][oc N]; zero beyond KW*C">] # AccFields,
    "convolution with the kernel row folded into the reduction: few input channels"> {
  let Description = "The input lies as bytes [H][W*C]. A kernel row is f_n blocks of N consecutive bytes that start at byte ow*x_ws - pad_b; "
    "bytes outside the row are pad_value.";
  let Sem = Semantics<
    [Loop<"ocb", "oc_n", "parallel">, Loop<"kh", "kh_n", "reduction">, Loop<"f", "f_n", "reduction">,
     Loop<"oh", "oh_n", "parallel">, Loop<"ow", "ow_n", "parallel">, Loop<"ic", "N", "reduction">, Loop<"lane", "N", "parallel">],
    [Strided<"x", SPM, "i8", "x", "read",
       [Dim<[Term<"oh", "stride_h">, Term<"kh", "dil_h">], "x_hs", "x_h", "pad_t">,
        Dim<[Term<"ow", "x_ws">, Term<"f", "N">, Term<"ic">], "1", "x_b", "pad_b">], "", "pad_value">,
     Weights<["ocb", "kh", "f", "ic"]>, AccTile<["ocb", "oh", "ow"]>],
    [Node<"prod", "mul_i8", ["x", "w"]>, Node<"sum", "add_wrap32", ["sum", "prod"]>], "acc">;
  let Raises = [FSpmBounds, FAccBounds, FMisaligned, FAccConflict];
}

def CONVS : Instruction<0x25, "convs", MX,
    [SpmAddr<"x", "first byte of the input tile [H][W][N]; channels in the lower half of each row">,
     Extent<"x_h", 16, "rows of the input tile">, Extent<"x_w", 16, "columns of the input tile">, SpmStride<"x_hs", "byte stride of a row">,
     Small<"stride_h", 4, 1, 15, "row stride of the window">, Small<"stride_w", 4, 1, 15, "column stride of the window">,
     Small<"dil_h", 4, 1, 15, "row distance of two taps">,
     Field<"pad_t", 8, "rows of padding above the input">, Field<"pad_l", 8, "columns of padding left of the input">]
    # PadFields #
    [Extent<"kh_n", 8, "kernel rows">, Extent<"kp_n", 7, "pairs of kernel columns">,
     Extent<"oc_n", 12, "blocks of N output channels">, Extent<"oh_n", 16, "output rows">, Extent<"ow_n", 16, "output columns">,
     SpmAddr<"w", "weights [ocb][kh][kp][half][ic N/2][oc N]; zero beyond the kernel's last column">] # AccFields,
    "convolution with the array split in two: two kernel columns at once, N/2 input channels each"> {
  let Description = "As conv, for tiles of at most N/2 channels: the upper half of the array's rows takes the activation one column to the right of "
    "the one that the lower half takes, so a pass covers two neighbouring kernel columns. Pixels follow each other in consecutive rows of SPM. "
    "Each half is pad_value where its column lies outside the input tile.";
  let Sem = Semantics<
    [Loop<"ocb", "oc_n", "parallel">, Loop<"kh", "kh_n", "reduction">, Loop<"kp", "kp_n", "reduction">,
     Loop<"oh", "oh_n", "parallel">, Loop<"ow", "ow_n", "parallel">,
     Loop<"half", "2", "reduction">, Loop<"ic", "N/2", "reduction">, Loop<"lane", "N", "parallel">],
    [Strided<"x", SPM, "i8", "x", "read",
       [Dim<[Term<"oh", "stride_h">, Term<"kh", "dil_h">], "x_hs", "x_h", "pad_t">,
        Dim<[Term<"ow", "stride_w">, Term<"kp", "2">, Term<"half">], "N", "x_w", "pad_l">], "ic", "pad_value">,
     Weights<["ocb", "kh", "kp", "half", "ic"]>, AccTile<["ocb", "oh", "ow"]>],
    [Node<"prod", "mul_i8", ["x", "w"]>, Node<"sum", "add_wrap32", ["sum", "prod"]>], "acc">;
  let Raises = [FSpmBounds, FAccBounds, FMisaligned, FAccConflict];
}

def GEMM : Instruction<0x22, "gemm", MX,
    [SpmAddr<"x", "rows [m][kb][N]">, SpmStride<"x_ms", "byte stride of a row m">, SpmStride<"x_ks", "byte stride of a block kb">,
     Extent<"m_n", 16, "rows">, Extent<"k_n", 12, "blocks of N along the reduction">, Extent<"oc_n", 12, "blocks of N columns">,
     SpmAddr<"w", "second operand [ocb][kb][k N][oc N]">] # AccFields,
    "matrix product into ACC"> {
  let Description = "ACC row acc + ocb*m_n + m receives the sum over kb, k of x[m][kb][k] * w[ocb][kb][k][lane].";
  let Sem = Semantics<
    [Loop<"ocb", "oc_n", "parallel">, Loop<"kb", "k_n", "reduction">, Loop<"m", "m_n", "parallel">, Loop<"ic", "N", "reduction">, Loop<"lane", "N", "parallel">],
    [Strided<"x", SPM, "i8", "x", "read", [Dim<[Term<"m">], "x_ms">, Dim<[Term<"kb">], "x_ks">], "ic">,
     Weights<["ocb", "kb", "ic"]>, AccTile<["ocb", "m"]>],
    [Node<"prod", "mul_i8", ["x", "w"]>, Node<"sum", "add_wrap32", ["sum", "prod"]>], "acc">;
  let Raises = [FSpmBounds, FAccBounds, FMisaligned, FAccConflict];
}

// Products of two activations: both operands have a zero point, and neither is known to the compiler.
class GemmZ<int op, string mnemonic, string what, list<string> rows, string lane, string summary>
    : Instruction<op, mnemonic, MX,
        [SpmAddr<"x", "rows [m][kb][N]">, SpmStride<"x_ms", "byte stride of a row m">, SpmStride<"x_ks", "byte stride of a block kb">,
         Extent<"m_n", 16, "rows">, Extent<"k_n", 12, "blocks of N along the reduction">, Extent<"oc_n", 12, "blocks of N columns">,
         SpmAddr<"w", "second operand " # what>] # AccFields #
        [Pixel<"x_zp", "zero point of the first operand">, Pixel<"w_zp", "zero point of the second operand">], summary> {
  let Description = "ACC row acc + ocb*m_n + m receives the sum over kb, k of (x[m][kb][k] - x_zp) * (w - w_zp), with w = " # what # ".";
  let Sem = Semantics<
    [Loop<"ocb", "oc_n", "parallel">, Loop<"kb", "k_n", "reduction">, Loop<"m", "m_n", "parallel">, Loop<"ic", "N", "reduction">, Loop<"lane", "N", "parallel">],
    [Strided<"x", SPM, "i8", "x", "read", [Dim<[Term<"m">], "x_ms">, Dim<[Term<"kb">], "x_ks">], "ic">,
     Contiguous<"w", SPM, "i8", "w", "read", rows, 1, 0, lane>, AccTile<["ocb", "m"]>],
    [Node<"prod", "mul_zp", ["x", "x_zp", "w", "w_zp"]>, Node<"sum", "add_wrap32", ["sum", "prod"]>], "acc">;
  let Raises = [FSpmBounds, FAccBounds, FMisaligned, FAccConflict];
}
def GEMMZ : GemmZ<0x23, "gemmz", "[ocb][kb][k N][oc N]", ["ocb", "kb", "ic"], "lane", "matrix product of two activations">;
def GEMMZT : GemmZ<0x24, "gemmzt", "[ocb][kb][oc N][k N]", ["ocb", "kb", "lane"], "ic", "matrix product with the transpose of an activation">;
