// SPDX-License-Identifier: Apache-2.0
// RUN: not tw-tblgen -I %source/isa/tables -I %S/Inputs %s 2>&1 | FileCheck %s --implicit-check-not=error:
include "Toy.td"
class S<list<Access> accesses, list<Node> body, string init = "", list<Loop> loops = CopyLoops> : Semantics<loops, accesses, body, init>;
defvar Both = [Row<"a", "read">, Row<"y", "write">];
defvar Copy = [Node<"y", "copy_i8", ["a"]>];

// CHECK: errors.td:[[@LINE+1]]:5: error: 'a': 'mul_i8' is no primitive
def A : Vector<1, "a", CopyFields,
  S<Both, [Node<"y", "mul_i8", ["a"]>]>>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'b': 'copy_i8' takes 1 arguments, here are 2
def B : Vector<2, "b", CopyFields, S<Both, [Node<"y", "copy_i8", ["a", "n"]>]>>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'c': 'z' is no operand, field, parameter word or earlier result
def C : Vector<3, "c", CopyFields, S<Both, [Node<"y", "copy_i8", ["z"]>]>>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'd': 'p.zp' needs an operand p and a row of ParamWord named 'zp'
def D : Vector<4, "d", CopyFields, S<Both, [Node<"y", "copy_i8", ["p.zp"]>]>>;
// CHECK: errors.td:[[@LINE+2]]:5: error: 'e': operand 'a' is only read, but a result has its name
// CHECK: errors.td:[[@LINE+1]]:5: error: 'e': operand 'y' is written by no node of the body
def E : Vector<5, "e", CopyFields, S<Both, [Node<"a", "copy_i8", ["y"]>]>>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'f': initial value 'one' is not one of zero, min8, max8, acc
def F : Vector<6, "f", CopyFields, S<Both, Copy, "one">>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'g': a running value that starts in ACC needs the field 'accumulate'
def G : Vector<7, "g", CopyFields, S<Both, Copy, "acc">>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'h': base of operand 'b' names 'b', which is no field of this instruction
def H : Vector<8, "h", CopyFields, S<[Row<"b", "read">, Row<"y", "write">], [Node<"y", "copy_i8", ["b"]>]>>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'i': base of operand 'n' names field 'n' of kind 'extent', but needs kind 'spm'
def I : Vector<9, "i", CopyFields, S<[Row<"n", "read">, Row<"y", "write">], [Node<"y", "copy_i8", ["n"]>]>>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'j': operand 'a' can leave SPM, but Raises does not list SPM_BOUNDS
def J : Vector<10, "j", CopyFields, S<[Row<"a", "update">], [Node<"a", "copy_i8", ["n"]>]>> { let Raises = []; }
// CHECK: errors.td:[[@LINE+1]]:5: error: 'k': loop 'i' is 'forwards', not parallel or reduction
def K : Vector<11, "k", CopyFields, S<Both, Copy, "", [Loop<"i", "n", "forwards">, Loop<"lane", "N", "parallel">]>>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'l': extent of loop 'i' names 'm', which is neither a field of this instruction, nor N, nor a number
def L : Vector<12, "l", CopyFields, S<Both, Copy, "", [Loop<"i", "m", "parallel">, Loop<"lane", "N", "parallel">]>> { let Raises = [FSpm, FNone]; }

class Skew<list<Term> terms, string extent = "", string origin = ""> : Strided<"a", SPM, "i8", "a", "read", [Dim<terms, "N", extent, origin>]>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'm': a dimension of operand 'a' has no extent field and 2 terms: its footprint is known only for one term of factor 1
def M : Vector<13, "m", CopyFields, S<[Skew<[Term<"i">, Term<"lane">]>, Row<"y", "write">], Copy>>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'n': a dimension of operand 'a' has no extent field and 1 terms: its footprint is known only for one term of factor 1
def N : Vector<14, "n", CopyFields, S<[Skew<[Term<"i", "2">]>, Row<"y", "write">], Copy>>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'o': a dimension of operand 'a' names loop 'j', which does not exist
def O : Vector<15, "o", CopyFields, S<[Skew<[Term<"j">], "n">, Row<"y", "write">], Copy>>;
class Off : Field<"off", 4, "an origin">;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'p': a dimension of operand 'a' has an origin but no extent field: its index could be negative
def P : Vector<16, "p", CopyFields # [Off<>], S<[Skew<[Term<"i">], "", "off">, Row<"y", "write">], Copy>>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'q': operand 'a' appears twice
def Q : Vector<17, "q", CopyFields, S<[Row<"a", "read">, Row<"a", "read">, Row<"y", "write">], Copy>>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 'r': operand 'y' is 'both', not read, write or update
def R : Vector<18, "r", CopyFields, S<[Row<"a", "read">, Row<"y", "both">], Copy>>;
class Halves<list<string> packed, list<Loop> loops> : S<[Contiguous<"a", SPM, "i8", "a", "read", packed>, Row<"y", "write">], Copy, "", loops>;
defvar Lanes = [Loop<"i", "n", "parallel">, Loop<"lane", "N", "parallel">];
// CHECK: errors.td:[[@LINE+1]]:5: error: 's': operand 'a' is packed by a loop of a fixed number of steps: its footprint is known only for one of 2 followed by one of N/2
def SA : Vector<19, "s", CopyFields, Halves<["i", "k"], Lanes # [Loop<"k", "N/2", "parallel">]>>;
// CHECK: errors.td:[[@LINE+1]]:5: error: 't': operand 'a' is packed by a loop of 2 without one of N/2
def TA : Vector<20, "t", CopyFields, Halves<["i", "h"], Lanes # [Loop<"h", "2", "parallel">]>>;
