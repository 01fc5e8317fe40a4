// SPDX-License-Identifier: Apache-2.0
// RUN: not tw-tblgen -I %source/isa/tables -I %S/Inputs %s 2>&1 | FileCheck %s --implicit-check-not=error:
include "Toy.td"

def A : Vector<1, "a", CopyFields, CopySem>;
// CHECK: errors.td:[[@LINE+3]]:5: error: opcode 0x01 is already used by 'A'
// CHECK: errors.td:[[@LINE-2]]:5: note: the other one is here
// CHECK: errors.td:[[@LINE+1]]:5: error: mnemonic 'a' is already used by 'A'
def B : Vector<1, "a", CopyFields, CopySem>;

// CHECK: errors.td:[[@LINE+1]]:5: error: opcode 0 is outside 1 to 255 (a line of zeros must fault)
def C : Vector<0, "c", CopyFields, CopySem>;

// CHECK: errors.td:[[@LINE+1]]:5: error: mnemonic 'Copy' is not lower-case letters and digits
def D : Vector<2, "Copy", CopyFields, CopySem>;

// CHECK: errors.td:[[@LINE+1]]:5: error: instruction has no prose: say what it is for
def E : Vector<3, "e", CopyFields, CopySem> { let Description = " "; }

// CHECK: errors.td:[[@LINE+1]]:5: error: 'f' is planned: its fields and semantics are fixed when it is implemented
def F : Vector<4, "f", CopyFields, CopySem> { let Status = "planned"; }

// CHECK: errors.td:[[@LINE+1]]:5: error: 'g' is implemented but has no semantics
def G : Instruction<5, "g", VX, [], "a summary"> { let Description = "Does something."; }

// CHECK: errors.td:[[@LINE+1]]:5: error: status 'soon' is not implemented or planned
def H : Vector<6, "h", CopyFields, CopySem> { let Status = "soon"; }

// CHECK: errors.td:[[@LINE+1]]:5: error: 'i' has 97 bits of fields and leaves 7 reserved, but at least 8 must stay reserved: use a second opcode
def I : Vector<7, "i", CopyFields # [Field<"more", 33, "too much">], CopySem>;

// CHECK: errors.td:[[@LINE+1]]:5: error: field 'tag' has the name of a header field
def J : Vector<8, "j", CopyFields # [Field<"tag", 3, "a tag">], CopySem>;
