// SPDX-License-Identifier: Apache-2.0
//===- Isa.td - record classes of an instruction-set table ---------------===//
// SPDX-License-Identifier: Apache-2.0
//
// What every target's table is written in. Nothing here is specific to `tw`: a target lives in a folder of its own
// (isa/tables/tw/) and is a set of records of these classes. tw-tblgen reads them, checks them (unique opcodes, every bit
// a field or reserved, at least 8 reserved bits per line, prose present, names resolvable) and derives C++ records, a
// SystemVerilog package, a C header and the reference pages. Encodings never depend on a machine configuration.
//===----------------------------------------------------------------------===//
#ifndef TW_ISA_TD
#define TW_ISA_TD

//--- Memories -----------------------------------------------------------------
// A storage that instructions address. `Granule` names what one address step is: a byte, a row of N int32 (ACC), a row of
// 4N bytes (PARAM), a bank of 256 bytes (LUT). `SizeKey` is the configuration value (HwConfig.td) that bounds an address.
class Space<string name, string granule, string sizeKey, string fault, string doc> {
  string Name = name;
  string Granule = granule;  // "byte" | "accrow" | "paramrow" | "lutbank"
  string SizeKey = sizeKey;  // configuration key whose value is the size in granules; "" = bounded by a region
  string OutOfBounds = fault; // name of the Fault raised when a footprint leaves the space
  string Doc = doc;
}

//--- Engines ------------------------------------------------------------------
class Engine<int index, string name, string doc> {
  int Index = index;        // queue number in registers, traces and faults
  string Name = name;
  string Doc = doc;
}

//--- Faults -------------------------------------------------------------------
// `Models` lists where the fault can be raised: "f" functional, "c" cycle, "r" RTL. `Stage`: "decode" (front end, before
// the instruction starts), "run" (an engine met it), "job" (the job as a whole).
class Fault<int number, string name, string models, string stage, string doc> {
  int Code = number;
  string Name = name;
  string Models = models;
  string Stage = stage;
  string Doc = doc;
}

//--- Fields -------------------------------------------------------------------
// A field of an instruction line. Positions are assigned by the generator: the header first, then the instruction's fields
// in the order written, least significant bit first. [Min, Max] is checked at decode: outside is BAD_SHAPE.
class Field<string name, int width, string doc, string kind = "uint"> {
  string Name = name;
  int Width = width;
  bit Signed = !eq(kind, "sint");
  int Min = 0;
  int Max = -1;             // -1: largest value of the width
  string Align = "";        // "row": must be a multiple of N (else MISALIGNED)
  string Kind = kind;       // "uint" | "sint" | "spm" | "acc" | "param" | "lut" | "region" | "offset" | "stride" | "extent" | "flag"
  string Doc = doc;
}

//--- Semantics ----------------------------------------------------------------
// A loop of the instruction's loop nest, outermost first. Extent is a field name, "N" (the lanes), "N/2", or a literal.
class Loop<string name, string extent, string iter> {
  string Name = name;
  string Extent = extent;
  string Iter = iter;       // "parallel" | "reduction"
}

// One summand  loop * factor  of an index; Factor is a field name, "N" or a literal ("1").
class Term<string loop, string factor = "1"> {
  string Loop = loop;
  string Factor = factor;
}

// One dimension of an operand: index = sum(Terms) - Origin (field name or ""). If Extent (field name) is set and the index
// is outside [0, Extent), the element is not in memory: a read yields its PadValue, a write does nothing. Points of a copy
// that read padding come before all others. The address advances by Stride (field name, "N" or a literal) granules per
// index step.
class Dim<list<Term> terms, string stride, string extent = "", string origin = ""> {
  list<Term> Terms = terms;
  string Stride = stride;
  string Extent = extent;
  string Origin = origin;
}

// An operand of the semantics.
class Access<string name, Space space, string elem, string base, string dir, string lane> {
  string Name = name;
  Space Where = space;
  string Elem = elem;         // "i8" | "i32" | "f32"
  string Base = base;         // field that holds the base address
  string Dir = dir;           // "read" | "write" | "update"
  string Lane = lane;         // loop that walks the N lanes of a row; "" = the dims address single elements (or a scalar);
                              // "count" = lane and row are chosen by the number of elements inside the window, minus one
  string Region = "";         // field that names the region, for DRAM
  string PadValue = "";       // field with the value of elements outside a Dim's extent; "" = they are skipped
  list<Dim> Dims = [];        // strided operand
  list<string> Packed = [];   // packed operand: row-major product of these loops (or extent fields named "kh_n*kw_n") ...
  int Unit = 1;               // ... times Unit rows (or granules) per step ...
  int Lead = 0;               // ... after Lead rows
  bit UnitIsBytes = false;    // Unit counts bytes instead of rows (tables of a fixed size)
}
// address = base + sum(index_d * stride_d)
class Strided<string name, Space space, string elem, string base, string dir, list<Dim> dims, string lane = "lane", string pad = "", string region = "">
    : Access<name, space, elem, base, dir, lane> {
  let Dims = dims;
  let PadValue = pad;
  let Region = region;
}
// row = base + Lead + Unit * (row-major index over the loops); rows are N bytes in SPM
class Contiguous<string name, Space space, string elem, string base, string dir, list<string> loops, int unit = 1, int lead = 0, string lane = "lane">
    : Access<name, space, elem, base, dir, lane> {
  let Packed = loops;
  let Unit = unit;
  let Lead = lead;
}

// Element of a numerics record that a body may name: word index inside the record's first row, bit range, signedness.
class ParamWord<string name, int word, int lo, int width, bit isSigned, string doc> {
  string Name = name;
  int Word = word;
  int Lo = lo;
  int Width = width;
  bit Signed = isSigned;
  string Doc = doc;
}

// One node of the body DAG: Result = Primitive(Args). Args name accesses, fields, parameter words ("p.zp") or results.
// The result named like a written access is stored there.
class Node<string result, string primitive, list<string> args> {
  string Result = result;
  string Primitive = primitive;
  list<string> Args = args;
}

// Scalar primitives: each is exactly one function of Numerics.h.
class Primitive<string name, int arity, string doc> {
  string Name = name;
  int Arity = arity;
  string Doc = doc;
}

// Init of a reduction's running value: "" none, "zero" int32 0, "min8" -128, "max8" 127, "acc" ACC itself: overwritten by the first
// contribution unless the field `accumulate` is set. Finish runs once per parallel point, after the reductions.
class Semantics<list<Loop> loops, list<Access> accesses, list<Node> body, string init = "", list<Node> finish = []> {
  list<Loop> Loops = loops;
  list<Access> Accesses = accesses;
  list<Node> Body = body;
  string Init = init;
  list<Node> Finish = finish;
}

//--- Instructions ----------------------------------------------------------------
class Instruction<int opcode, string mnemonic, Engine engine, list<Field> fields, string summary> {
  int Opcode = opcode;
  string Mnemonic = mnemonic;
  Engine Unit = engine;
  list<Field> Fields = fields;
  string Summary = summary;
  string Description = "";
  string Status = "implemented";   // "implemented" | "planned": encoder refuses, decoder faults UNIMPLEMENTED
  bit HasSync = true;              // waits and posts allowed
  Semantics Sem = ?;
  list<Fault> Raises = [];
}

// An intrinsic is what the compiler matches: a chain of instructions that meet in an on-chip memory. A chain of length one
// is declared implicitly for each instruction with semantics; chains of more are rows of this class.
class Intrinsic<string name, list<Instruction> chain, string doc> {
  string Name = name;
  list<Instruction> Chain = chain;
  string Doc = doc;
}

//--- Target ------------------------------------------------------------------------
class Target<string name, int lineBytes, list<Field> header> {
  string Name = name;
  int LineBytes = lineBytes;
  list<Field> Header = header;
  int MinReservedBits = 8;
}
#endif
