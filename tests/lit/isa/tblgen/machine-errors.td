// SPDX-License-Identifier: Apache-2.0
// RUN: not tw-tblgen -I %source/isa/tables -I %S/Inputs %s 2>&1 | FileCheck %s
include "Toy.td"
class RegField<string name, int lo, int width, string doc> { string Name = name; int Lo = lo; int Width = width; string Doc = doc; }
class Register<int offset, string name, string access, string doc, list<RegField> fields = []> {
  int Offset = offset;
  string Name = name;
  string Access = access;
  string Doc = doc;
  list<RegField> Fields = fields;
}
class PortAnswer<string name, int response, string doc> { string Name = name; int Response = response; string Doc = doc; }
class RecordField<string name, int offset, int bytes, string doc> { string Name = name; int Offset = offset; int Bytes = bytes; string Doc = doc; }
class MemoryRecord<string name, int bytes, list<RecordField> fields, string doc> { string Name = name; int Bytes = bytes; list<RecordField> Fields = fields; string Doc = doc; }

// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: fault code 1 is already used by 'FSpm'
def FTwice : Fault<1, "TWICE", "f", "run", "text">;
// CHECK-DAG: errors.td:[[@LINE+2]]:5: error: models 'fx' must be letters of f, c, r
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: stage 'later' is not decode, run or job
def FModels : Fault<2, "MODELS", "fx", "later", "text">;
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: engine index 1 is already used by
def VY : Engine<1, "VY", "text">;
// CHECK-DAG: error: engine indices must be 0 to 2 without a gap
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: 'SOMETHING' is no fault
def ACC : Space<"ACC", "accrow", "spm_bytes", "SOMETHING", "text">;
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: 'acc_rows' is no configuration key
def PARAM : Space<"PARAM", "paramrow", "acc_rows", "SPM_BOUNDS", "text">;
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: minimum 9 is above maximum 8
def Upside : ConfigKey<"upside", "bytes", 9, 8, 0, "text">;
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: the value from before there was the key, 6, is none that the key may have
def Before : ConfigKey<"before", "bytes", 2, 8, 1, "text", 6>;
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: offset 6 is not a multiple of 4
def R0 : Register<6, "A", "ro", "text">;
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: register offset 0x8 is already used by 'R1'
def R2 : Register<8, "C", "rw", "text">;
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: field 'b' overlaps another field
def R1 : Register<8, "B", "rw", "text", [RegField<"a", 0, 4, "text">, RegField<"b", 3, 2, "text">]>;
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: field 'c' does not fit a 32-bit register
def R3 : Register<12, "D", "rw", "text", [RegField<"c", 30, 4, "text">]>;
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: access 'rx' is not ro, rw, rwi, w1c or wo
def R4 : Register<16, "E", "rx", "text">;
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: response 1 is not 0 (OKAY), 2 (SLVERR) or 3 (DECERR)
def A0 : PortAnswer<"unmapped", 1, "text">;
// CHECK-DAG: errors.td:[[@LINE+2]]:5: error: field 'b' is at byte 5, but the fields before it end at byte 4
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: fields end at byte 9 of 8
def M0 : MemoryRecord<"m", 8, [RecordField<"a", 0, 4, "text">, RecordField<"b", 5, 4, "text">], "text">;
def COPY : Vector<1, "copy", CopyFields, CopySem>;
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: a chain has at least two instructions
def I0 : Intrinsic<"one", [COPY], "text">;
def STOP : Instruction<2, "stop", FE, [], "text"> { let Description = "Text."; }
// CHECK-DAG: errors.td:[[@LINE+1]]:5: error: 'copy' writes no memory that 'stop' reads
def I1 : Intrinsic<"two", [COPY, STOP], "text">;
// CHECK-DAG: error: a table needs exactly one record of class Target, here are 2
def Second : Target<"second", 16, [Field<"opcode", 8, "row">]>;
