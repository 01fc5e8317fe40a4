// SPDX-License-Identifier: Apache-2.0
//===- Machine.td - engines, memories, primitives of tw -------------------------===//
// SPDX-License-Identifier: Apache-2.0

def LA : Engine<0, "LA", "loads activations: DRAM to SPM">;
def LW : Engine<1, "LW", "loads weights, parameters and tables: DRAM to SPM, parameter memory or LUT">;
def MX : Engine<2, "MX", "the N x N int8 array: weights stationary with shadow weights, sums in ACC">;
def RQ : Engine<3, "RQ", "drains ACC: bias, requantise, residual, clamp; one row of N lanes a cycle, to SPM">;
def VX : Engine<4, "VX", "vector unit, N lanes: elementwise, depthwise convolution, pooling, reductions, norms, moves, look-up">;
def ST : Engine<5, "ST", "stores SPM to DRAM">;
def FE : Engine<6, "FE", "front end: fetch, checks, issue, fences; executes control instructions itself">;

def SPM : Space<"SPM", "byte", "spm_bytes", "SPM_BOUNDS", "scratchpad: one pool, four bank groups">;
def ACC : Space<"ACC", "accrow", "acc_rows", "ACC_BOUNDS", "accumulators: rows of N int32">;
def PARAM : Space<"PARAM", "paramrow", "param_rows", "PARAM_BOUNDS", "parameter memory: rows of N 32-bit words">;
def LUT : Space<"LUT", "lutbank", "lut_banks", "PARAM_BOUNDS", "look-up tables of 256 bytes">;
def DRAM : Space<"DRAM", "byte", "", "REGION_BOUNDS", "memory behind the AXI port, through a region">;

// Number of semaphores and counter bits: machine constants, not configuration.
class MachineConstant<string name, int value, string doc> { string Name = name; int Value = value; string Doc = doc; }
def KSemaphores : MachineConstant<"semaphores", 32, "counting semaphores">;
def KSemaphoreMax : MachineConstant<"semaphore_max", 63, "largest value of a semaphore's counter">;
def KRegions : MachineConstant<"regions", 8, "DRAM regions">;
def KSpmGroups : MachineConstant<"spm_groups", 4, "SPM bank groups, chosen by the two highest address bits">;
def KSyncSlots : MachineConstant<"sync_slots", 3, "waits, and posts, per instruction">;
def KLutBytes : MachineConstant<"lut_bytes", 256, "bytes of one look-up table">;
def KMultiplierMin : MachineConstant<"multiplier_min", 0x2B800000, "bits of the smallest multiplier of a requantisation: 2^-40 as float32">;
def KMultiplierMax : MachineConstant<"multiplier_max", 0x43800000, "bits of the largest one: 2^8 as float32">;
def KTfliteShiftMax : MachineConstant<"tflite_shift_max", 31, "largest shift of TensorFlow Lite's requantisation, either way">;
def KWordBytes : MachineConstant<"word_bytes", 4, "bytes of a parameter word and of an accumulator">;

// Scalar primitives, each one function of Numerics.h.
def PMulI8 : Primitive<"mul_i8", 2, "int8 x int8 -> int32, exact">;
def PMulZp : Primitive<"mul_zp", 4, "x, zx, w, zw: (x - zx) * (w - zw), exact">;
def PAddWrap : Primitive<"add_wrap32", 2, "int32 + int32 modulo 2^32">;
def PAddPixel : Primitive<"add_i8", 2, "int32 + int8 modulo 2^32">;
def PMaxI8 : Primitive<"max_i8", 2, "larger of two int8">;
def PMinI8 : Primitive<"min_i8", 2, "smaller of two int8">;
def PSum : Primitive<"sum_i8", 3, "sum, a, za -> sum + (a - za) modulo 2^32">;
def PSumSq : Primitive<"sumsq_i8", 3, "sum, a, za -> sum + (a - za)^2 modulo 2^32">;
def PRequant : Primitive<"requant_fp32", 4, "acc, bias, multiplier (float32 bits), zero point -> int8; fp32-RNE requantisation">;
def PRequantT : Primitive<"requant_tflite", 5, "acc, bias, multiplier (Q0.31), shift (positive: left), zero point -> int8; TensorFlow Lite's two roundings">;
def PEwAdd : Primitive<"ew_add", 8, "a, za, Ma, b, zb, Mb, shift, zy -> int8: scaled addition">;
def PEwMul : Primitive<"ew_mul", 7, "a, za, b, zb, M, shift, zy -> int8: scaled product">;
def PEwMin : Primitive<"ew_min", 8, "a, za, Ma, b, zb, Mb, shift, zy -> int8: smaller of the scaled operands">;
def PEwMax : Primitive<"ew_max", 8, "a, za, Ma, b, zb, Mb, shift, zy -> int8: larger of the scaled operands">;
def PEwMad : Primitive<"ew_mad", 6, "a, za, m, c, shift, zy -> int8: (a - za) * m + c with 32-bit m and c, one rounding">;
def PEwMix : Primitive<"ew_mix", 9, "a, za, m, b, zb, k, c, shift, zy -> int8: (a - za) * m + (b - zb) * k + c with 32-bit m, k and c, one rounding">;
def PWideAdd : Primitive<"wide_add", 5, "a, Ma, b, Mb, shift -> int32: scaled addition, one rounding, saturated">;
def PWideMul : Primitive<"wide_mul", 3, "a, b, shift -> int32: product, one rounding, saturated">;
def PNormReciprocal : Primitive<"norm_reciprocal", 2, "x, shift -> int32: 2^shift / x">;
def PNormRsqrt : Primitive<"norm_rsqrt", 2, "x, shift -> int32: 2^shift / sqrt(x)">;
def PPoolAvg : Primitive<"pool_avg", 6, "sum, count, za, M, shift, zy -> int8: (sum - count*za) * M / 2^shift, one rounding">;
def PPoolMax : Primitive<"pool_max", 5, "max, za, M, shift, zy -> int8: (max - za) * M / 2^shift, one rounding">;
def PClamp : Primitive<"clamp_i8", 3, "x, lo, hi -> int8">;
def PLut : Primitive<"lut_i8", 2, "table, x -> table[x + 128]">;
def PCopy8 : Primitive<"copy_i8", 1, "int8 unchanged">;
def PCopy32 : Primitive<"copy_i32", 1, "32-bit word unchanged">;

// The numerics record in parameter memory: its first row holds these words; bias and multiplier rows or a table follow.
def RecZp : ParamWord<"zp", 0, 0, 8, 1, "zero point of the requantised value (before a residual)">;
def RecLo : ParamWord<"lo", 0, 8, 8, 1, "lower clamp of the result">;
def RecHi : ParamWord<"hi", 0, 16, 8, 1, "upper clamp of the result">;
def RecMa : ParamWord<"ma", 1, 0, 32, 1, "fixed-point multiplier of the first operand">;
def RecMb : ParamWord<"mb", 2, 0, 32, 1, "fixed-point multiplier of the second operand">;
def RecZa : ParamWord<"za", 3, 0, 8, 1, "zero point of the first operand">;
def RecZb : ParamWord<"zb", 3, 8, 8, 1, "zero point of the second operand">;
def RecZy : ParamWord<"zy", 3, 16, 8, 1, "zero point of the result">;
def RecShift : ParamWord<"shift", 3, 24, 6, 0, "right shift of the fixed-point product">;
