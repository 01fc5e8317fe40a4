// SPDX-License-Identifier: Apache-2.0
// A machine of one engine and two memories, for tests of tw-tblgen.
include "Isa.td"
class ConfigKey<string key, string unit, int min, int max, bit pow2, string doc, int before = -1> {
  string Key = key;
  string Unit = unit;
  int Min = min;
  int Max = max;
  bit PowerOfTwo = pow2;
  string Doc = doc;
  int Before = before;
}
def ToyBytes : ConfigKey<"spm_bytes", "bytes", 64, 4096, 1, "scratchpad">;
def FNone : Fault<0, "NONE", "f", "job", "no fault">;
def FSpm : Fault<1, "SPM_BOUNDS", "f", "decode", "outside the scratchpad">;
def FE : Engine<0, "FE", "front end">;
def VX : Engine<1, "VX", "vectors">;
def SPM : Space<"SPM", "byte", "spm_bytes", "SPM_BOUNDS", "scratchpad">;
def PCopy : Primitive<"copy_i8", 1, "unchanged">;
class Addr<string name> : Field<name, 24, "an address", "spm">;
class Len<string name> : Field<name, 16, "a length", "extent"> { let Min = 1; }
class Row<string p, string dir> : Strided<p, SPM, "i8", p, dir, [Dim<[Term<"i">], "N">]>;
defvar CopyFields = [Addr<"a">, Addr<"y">, Len<"n">];
defvar CopyLoops = [Loop<"i", "n", "parallel">, Loop<"lane", "N", "parallel">];
defvar CopySem = Semantics<CopyLoops, [Row<"a", "read">, Row<"y", "write">], [Node<"y", "copy_i8", ["a"]>]>;
class Vector<int op, string mnemonic, list<Field> fields, Semantics sem> : Instruction<op, mnemonic, VX, fields, "a summary"> {
  let Description = "Does something.";
  let Sem = sem;
  let Raises = [FSpm];
}
def Toy : Target<"toy", 16, [Field<"opcode", 8, "row">, Field<"tag", 16, "tag">]>;
