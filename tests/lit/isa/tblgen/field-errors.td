// SPDX-License-Identifier: Apache-2.0
// RUN: not tw-tblgen -I %source/isa/tables -I %S/Inputs %s 2>&1 | FileCheck %s --implicit-check-not=error:
include "Toy.td"

// CHECK: errors.td:[[@LINE+1]]:5: error: field 'Wide': a name is lower-case letters, digits and underscores
def A : Vector<1, "a", CopyFields # [Field<"Wide", 3, "text">], CopySem>;
// CHECK: errors.td:[[@LINE+1]]:5: error: field 'n': appears twice
def B : Vector<2, "b", CopyFields # [Field<"n", 3, "text">], CopySem>;
// CHECK: errors.td:[[@LINE+1]]:5: error: field 'k': kind 'colour' is unknown
def C : Vector<3, "c", CopyFields # [Field<"k", 3, "text", "colour">], CopySem>;
// CHECK: errors.td:[[@LINE+1]]:5: error: field 'k': width 41 is outside 1 to 40
def D : Vector<4, "d", CopyFields # [Field<"k", 41, "text">], CopySem>;

class Five<int max> : Field<"k", 3, "text"> { let Min = 5; let Max = max; }
// CHECK: errors.td:[[@LINE+1]]:5: error: field 'k': range 5 to 9 is not inside 0 to 7 of its 3 bits
def E : Vector<5, "e", CopyFields # [Five<9>], CopySem>;
// CHECK: errors.td:[[@LINE+1]]:5: error: field 'k': range 5 to 4 is not inside 0 to 7 of its 3 bits
def F : Vector<6, "f", CopyFields # [Five<4>], CopySem>;

class Unsigned : Field<"k", 3, "text", "sint"> { let Signed = false; }
// CHECK: errors.td:[[@LINE+1]]:5: error: field 'k': signed and kind 'sint' contradict each other
def G : Vector<7, "g", CopyFields # [Unsigned<>], CopySem>;
class Column : Field<"k", 3, "text"> { let Align = "column"; }
// CHECK: errors.td:[[@LINE+1]]:5: error: field 'k': alignment 'column' is not row
def H : Vector<8, "h", CopyFields # [Column<>], CopySem>;
// CHECK: errors.td:[[@LINE+1]]:5: error: field 'k': has no prose: say what it is for
def I : Vector<9, "i", CopyFields # [Field<"k", 3, "">], CopySem>;
