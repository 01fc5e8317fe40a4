// SPDX-License-Identifier: Apache-2.0
//===- Faults.td - every way a job can fail --------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
// Codes are stable. "f" functional, "c" cycle, "r" RTL: the models that can raise the row.
def FNone            : Fault<0, "NONE", "fcr", "job", "no fault: the job ended">;
def FIllegalOpcode   : Fault<1, "ILLEGAL_OPCODE", "fcr", "decode", "the opcode is not a row of the table">;
def FUnimplemented   : Fault<2, "UNIMPLEMENTED", "fcr", "decode", "the opcode is a planned row: it has a name but no execution yet">;
def FReserved        : Fault<3, "RESERVED_BITS", "fcr", "decode", "a reserved bit of the line is not zero, or an unused wait or post slot is not all zero">;
def FBadShape        : Fault<4, "BAD_SHAPE", "fcr", "decode", "a field is outside its range">;
def FMisaligned      : Fault<5, "MISALIGNED", "fcr", "decode", "an address or stride that must be a multiple of the row of N bytes is not">;
def FSpmBounds       : Fault<6, "SPM_BOUNDS", "fcr", "decode", "an operand leaves the scratchpad">;
def FAccBounds       : Fault<7, "ACC_BOUNDS", "fcr", "decode", "an operand leaves the accumulator memory">;
def FParamBounds     : Fault<8, "PARAM_BOUNDS", "fcr", "decode", "a numerics record or table leaves the parameter memory">;
def FRegionBounds    : Fault<9, "REGION_BOUNDS", "fcr", "decode", "a DRAM access leaves its region">;
def FRegionPerm      : Fault<10, "REGION_PERMISSION", "fcr", "decode", "the region does not allow this kind of access, or is the machine's own: region 3">;
def FSemOverflow     : Fault<11, "SEM_OVERFLOW", "fcr", "run", "a post would take a semaphore above its largest value">;
def FSemLeak         : Fault<12, "SEM_LEAK", "fcr", "run", "END with a semaphore that is not zero">;
def FDeadlock        : Fault<13, "DEADLOCK", "cr", "run", "every engine waits for a semaphore and nothing is in flight">;
def FUncoveredWait   : Fault<14, "UNCOVERED_WAIT", "f", "run", "in stream order a wait finds its semaphore too low (what the timed models meet as DEADLOCK)">;
def FAccConflict     : Fault<15, "ACC_CONFLICT", "cr", "run", "MX and RQ use the same half of ACC in the same cycle: two unordered instructions">;
def FUninitParam     : Fault<16, "UNINIT_PARAM", "fcr", "run", "a parameter row or table was read that this job never loaded">;
def FBadParam        : Fault<17, "BAD_PARAM", "fcr", "run", "a multiplier of a numerics record is not a positive normal float32 in [2^-40, 2^8]; drqt and its kin: it is negative, or a shift is outside -31 to 31">;
def FAxiRead         : Fault<18, "AXI_READ", "cr", "run", "the memory answered a read with SLVERR or DECERR (or EXOKAY, which nobody asked for); the address is the burst's">;
def FAxiWrite        : Fault<19, "AXI_WRITE", "cr", "run", "the memory answered a write with SLVERR or DECERR (or EXOKAY, which nobody asked for); the address is the burst's">;
def FBudget          : Fault<20, "CYCLE_BUDGET", "cr", "job", "the job used more cycles than its descriptor allows">;
def FIsaVersion      : Fault<21, "ISA_VERSION", "fcr", "job", "the job descriptor's ISA or configuration hash is not this machine's">;
def FNoEnd           : Fault<22, "NO_END", "fcr", "job", "the stream's lines ran out before an END">;
def FAborted         : Fault<23, "ABORTED", "cr", "job", "the driver asked for an abort">;
