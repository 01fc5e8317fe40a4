// SPDX-License-Identifier: Apache-2.0
//===- Formats.td - fields that several instructions share -------------------------===//
// SPDX-License-Identifier: Apache-2.0
// Units: SPM addresses and strides are bytes (rows of N bytes must be aligned to N unless said otherwise); ACC and PARAM
// addresses are rows; DRAM offsets are bytes inside a region.
class SpmAddr<string name, string doc> : Field<name, 24, doc> { let Kind = "spm"; let Align = "row"; }
class SpmByte<string name, string doc> : Field<name, 24, doc> { let Kind = "spm"; }
class SpmStride<string name, string doc> : Field<name, 24, doc> { let Kind = "stride"; let Align = "row"; }
class DramStride<string name, string doc> : Field<name, 32, doc> { let Kind = "stride"; let Align = "row"; }
class Extent<string name, int width, string doc> : Field<name, width, doc> { let Kind = "extent"; let Min = 1; }
class Small<string name, int width, int min, int max, string doc> : Field<name, width, doc> { let Min = min; let Max = max; }
class RowBytes<string name, string doc> : Extent<name, 7, doc> { let Max = 64; }
class AccRow<string name, string doc> : Field<name, 16, doc> { let Kind = "acc"; }
class ParamRow<string name, string doc> : Field<name, 16, doc> { let Kind = "param"; }
class Flag<string name, string doc> : Field<name, 1, doc> { let Kind = "flag"; }
class Pixel<string name, string doc> : Field<name, 8, doc> { let Kind = "sint"; let Signed = true; let Min = -128; let Max = 127; }
class RegionField<string doc> : Field<"region", 3, doc> { let Kind = "region"; }
class OffsetField<string doc> : Field<"offset", 40, doc> { let Kind = "offset"; let Align = "row"; }

// A 4-D walk over rows of N bytes; dimension 0 is contiguous on both sides.
defvar DmaFields = [
  RegionField<"DRAM region">, OffsetField<"byte offset in the region, multiple of N">,
  SpmAddr<"spm", "first SPM row">,
  Extent<"n0", 16, "contiguous rows">, Extent<"n1", 16, "extent of dimension 1">,
  Extent<"n2", 16, "extent of dimension 2">, Extent<"n3", 16, "extent of dimension 3">,
  DramStride<"ds1", "DRAM byte stride of dimension 1; 0 repeats">, DramStride<"ds2", "DRAM byte stride of dimension 2">,
  DramStride<"ds3", "DRAM byte stride of dimension 3">,
  SpmStride<"ss1", "SPM byte stride of dimension 1">, SpmStride<"ss2", "SPM byte stride of dimension 2">,
  SpmStride<"ss3", "SPM byte stride of dimension 3">];
class DramWalk<string dir> : Strided<"dram", DRAM, "i8", "offset", dir,
    [Dim<[Term<"i3">], "ds3">, Dim<[Term<"i2">], "ds2">, Dim<[Term<"i1">], "ds1">, Dim<[Term<"i0">], "N">], "lane", "", "region">;
class SpmWalk<string dir> : Strided<"spm", SPM, "i8", "spm", dir,
    [Dim<[Term<"i3">], "ss3">, Dim<[Term<"i2">], "ss2">, Dim<[Term<"i1">], "ss1">, Dim<[Term<"i0">], "N">]>;
defvar DmaLoops = [Loop<"i3", "n3", "parallel">, Loop<"i2", "n2", "parallel">, Loop<"i1", "n1", "parallel">,
                   Loop<"i0", "n0", "parallel">, Loop<"lane", "N", "parallel">];

// A 3-D walk over rows for the vector unit: operand `p`, strides p_s0..p_s2.
class RowWalk<string p, string dir> : Strided<p, SPM, "i8", p, dir,
    [Dim<[Term<"i2">], p # "_s2">, Dim<[Term<"i1">], p # "_s1">, Dim<[Term<"i0">], p # "_s0">]>;
class RowFields<string p, string what> {
  list<Field> Fields = [SpmAddr<p, what # ": first row">, SpmStride<p # "_s0", what # ": byte stride of dimension 0; 0 repeats">,
                        SpmStride<p # "_s1", what # ": byte stride of dimension 1">, SpmStride<p # "_s2", what # ": byte stride of dimension 2">];
}
defvar RowExtents = [Extent<"n0", 16, "extent of dimension 0, the innermost">, Extent<"n1", 16, "extent of dimension 1">, Extent<"n2", 16, "extent of dimension 2">];
defvar RowLoops = [Loop<"i2", "n2", "parallel">, Loop<"i1", "n1", "parallel">, Loop<"i0", "n0", "parallel">, Loop<"lane", "N", "parallel">];

// The first row of a numerics record (scalars) and, after it, pairs of rows (bias, multiplier) per block of N channels.
class RecordHead : Contiguous<"p", PARAM, "i32", "param", "read", [], 1, 0, "">;
class RecordBias<string block> : Contiguous<"bias", PARAM, "i32", "param", "read", [block], 2, 1>;
class RecordMult<string block> : Contiguous<"mult", PARAM, "f32", "param", "read", [block], 2, 2>;
// The record of TensorFlow Lite's requantisation: after the head, (bias, multiplier, shift) rows per block.
class RecordBiasT<string block> : Contiguous<"bias", PARAM, "i32", "param", "read", [block], 3, 1>;
class RecordMultT<string block> : Contiguous<"mult", PARAM, "i32", "param", "read", [block], 3, 2>;
class RecordShiftT<string block> : Contiguous<"shift", PARAM, "i32", "param", "read", [block], 3, 3>;
