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
