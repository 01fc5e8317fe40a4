// SPDX-License-Identifier: Apache-2.0
// A table of its own, with lines of 16 bytes, is enough for the generator.
// RUN: tw-tblgen -I %source/isa/tables -I %S/Inputs -gen-slack %s | FileCheck %s
include "Toy.td"
def COPY : Vector<1, "copy", CopyFields, CopySem>;
def LATER : Instruction<2, "later", VX, [], "a summary"> { let Description = "Some day."; let Status = "planned"; }

// CHECK: 128 bits a line, 24 of header, at least 8 reserved
// CHECK-NEXT: copy 64 bits of fields 40 reserved
// CHECK-NEXT: later 0 bits of fields 104 reserved (planned)
