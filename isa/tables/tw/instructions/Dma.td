// SPDX-License-Identifier: Apache-2.0
//===- Dma.td - loads and stores ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
class LoadOf<int op, string mnemonic, Engine e, string summary> : Instruction<op, mnemonic, e, DmaFields, summary> {
  let Description = "Copies n3*n2*n1*n0 rows of N bytes from a DRAM region to SPM. Dimension 0 is contiguous on both sides; "
    "a DRAM stride of 0 repeats the same rows. Each run of n0 rows is read in bursts that end at multiples of the longest burst.";
  let Sem = Semantics<DmaLoops, [DramWalk<"read">, SpmWalk<"write">], [Node<"spm", "copy_i8", ["dram"]>]>;
  let Raises = [FRegionBounds, FRegionPerm, FSpmBounds, FAxiRead];
}
def LD : LoadOf<0x10, "ld", LA, "load rows, queue of the activations">;
def LDW : LoadOf<0x11, "ldw", LW, "load rows, queue of the weights">;

// A tile with a border: dimensions 1 and 2 of the tile reach beyond the tensor.
def LDPAD : Instruction<0x15, "ldpad", LA, DmaFields # [
    Extent<"x1_n", 16, "extent of dimension 1 in DRAM">, Extent<"x2_n", 16, "extent of dimension 2 in DRAM">,
    Field<"pad1", 8, "steps of dimension 1 before the tensor">, Field<"pad2", 8, "steps of dimension 2 before the tensor">,
    Pixel<"pad_value", "value of padding: the zero point">],
    "load rows with padding around them"> {
  let Description = "As ld, but steps of dimension 1 count from -pad1 and steps of dimension 2 from -pad2, and a row whose step is outside [0, x1_n) or [0, x2_n) "
    "is not read: its bytes become pad_value. Padding is written first; where rows of the tile overlap, data win.";
  let Sem = Semantics<DmaLoops,
    [Strided<"dram", DRAM, "i8", "offset", "read",
       [Dim<[Term<"i3">], "ds3">, Dim<[Term<"i2">], "ds2", "x2_n", "pad2">, Dim<[Term<"i1">], "ds1", "x1_n", "pad1">, Dim<[Term<"i0">], "N">],
       "lane", "pad_value", "region">, SpmWalk<"write">], [Node<"spm", "copy_i8", ["dram"]>]>;
  let Raises = [FRegionBounds, FRegionPerm, FSpmBounds, FAxiRead];
}

class LinearLoad<int op, string mnemonic, string target, Field dst, Semantics sem, string summary>
    : Instruction<op, mnemonic, LW, [RegionField<"DRAM region">, OffsetField<"byte offset in the region, multiple of N">,
        dst, Extent<"count", 16, target # " to load">], summary> {
  let Sem = sem;
  let Raises = [FRegionBounds, FRegionPerm, FParamBounds, FAxiRead];
}
class LinearDram<string elem, int unit, bit bytes> : Contiguous<"dram", DRAM, elem, "offset", "read", ["i"], unit> {
  let Region = "region";
  let UnitIsBytes = bytes;
}
def LDP : LinearLoad<0x12, "ldp", "rows", ParamRow<"dst", "first parameter row">,
    Semantics<[Loop<"i", "count", "parallel">, Loop<"lane", "N", "parallel">],
      [LinearDram<"i32", 4, false>, Contiguous<"param", PARAM, "i32", "dst", "write", ["i"]>], [Node<"param", "copy_i32", ["dram"]>]>,
    "load parameter rows"> {
  let Description = "Copies count rows of N 32-bit words, contiguous in DRAM, to parameter memory and marks them initialised.";
}
def LDT : LinearLoad<0x13, "ldt", "tables", Field<"dst", 3, "first LUT bank", "lut">,
    Semantics<[Loop<"i", "count", "parallel">, Loop<"lane", "256", "parallel">],
      [LinearDram<"i8", 256, true>, Contiguous<"lut", LUT, "i8", "dst", "write", ["i"]>], [Node<"lut", "copy_i8", ["dram"]>]>,
    "load look-up tables"> {
  let Description = "Copies count tables of 256 bytes, contiguous in DRAM, to the LUT banks and marks them initialised.";
}
def FILL : Instruction<0x14, "fill", LA, [
    SpmAddr<"spm", "first SPM row">,
    Extent<"n0", 16, "contiguous rows">, Extent<"n1", 16, "extent of dimension 1">,
    Extent<"n2", 16, "extent of dimension 2">, Extent<"n3", 16, "extent of dimension 3">,
    SpmStride<"ss1", "SPM byte stride of dimension 1">, SpmStride<"ss2", "SPM byte stride of dimension 2">,
    SpmStride<"ss3", "SPM byte stride of dimension 3">, Pixel<"value", "what every byte becomes">],
    "fill SPM rows with a value"> {
  let Description = "Writes value to all bytes of n3*n2*n1*n0 rows of SPM, one row a cycle, without DRAM.";
  let Sem = Semantics<DmaLoops, [SpmWalk<"write">], [Node<"spm", "copy_i8", ["value"]>]>;
  let Raises = [FSpmBounds, FMisaligned];
}

def STO : Instruction<0x18, "st", ST, DmaFields, "store rows"> {
  let Description = "Copies n3*n2*n1*n0 rows of N bytes from SPM to a DRAM region. Retires, and posts, after its last write response.";
  let Sem = Semantics<DmaLoops, [SpmWalk<"read">, DramWalk<"write">], [Node<"dram", "copy_i8", ["spm"]>]>;
  let Raises = [FRegionBounds, FRegionPerm, FSpmBounds, FAxiWrite];
}
def STB : Instruction<0x19, "stb", ST, DmaFields # [RowBytes<"bytes", "bytes of each row that are stored, N at most">],
    "store the first bytes of rows"> {
  let Description = "As st, but only the first bytes of each row are written; write strobes leave the rest of the row in DRAM as it was.";
  let Sem = Semantics<DmaLoops,
    [SpmWalk<"read">, Strided<"dram", DRAM, "i8", "offset", "write",
       [Dim<[Term<"i3">], "ds3">, Dim<[Term<"i2">], "ds2">, Dim<[Term<"i1">], "ds1">, Dim<[Term<"i0">], "N">, Dim<[Term<"lane">], "1", "bytes">],
       "", "", "region">], [Node<"dram", "copy_i8", ["spm"]>]>;
  let Raises = [FRegionBounds, FRegionPerm, FSpmBounds, FAxiWrite];
}
