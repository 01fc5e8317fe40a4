// SPDX-License-Identifier: Apache-2.0
//===- HwConfig.td - schema of a machine configuration ------------------------===//
// SPDX-License-Identifier: Apache-2.0
// One row per key of a configuration file (isa/configs/*.yaml). From it: the C++ struct and its YAML reader, the
// SystemVerilog parameters, the C header, the reference page. A configuration narrows what is legal, never how it is encoded.
// A key that is added later says which value every machine had `before` there was the key: packages from then stay good, and
// so do the hashes of machines that have this value. The first keys have no such value (-1): every package names them.
//===----------------------------------------------------------------------------===//
class ConfigKey<string key, string unit, int min, int max, bit pow2, string doc, int before = -1> {
  string Key = key;
  string Unit = unit;
  int Min = min;
  int Max = max;
  bit PowerOfTwo = pow2;
  string Doc = doc;
  int Before = before;
}

def CfgN : ConfigKey<"n", "lanes", 8, 64, 1, "side of the MAC array and width of every vector: lanes of int8">;
def CfgSpmBytes : ConfigKey<"spm_bytes", "bytes", 8192, 8388608, 1, "size of the scratchpad (SPM)">;
def CfgSpmBanks : ConfigKey<"spm_banks", "banks", 8, 32, 1,
  "single-port SPM banks, each N bytes wide, in four groups chosen by the highest address bits; row r of a group lies in its bank r mod (banks / 4)">;
def CfgAccRows : ConfigKey<"acc_rows", "rows", 128, 8192, 1, "rows of N int32 in the accumulator memory (ACC); the upper half of the addresses is the second half memory">;
def CfgParamRows : ConfigKey<"param_rows", "rows", 64, 4096, 1, "rows of N 32-bit words in the parameter memory">;
def CfgLutBanks : ConfigKey<"lut_banks", "banks", 1, 8, 1, "look-up tables of 256 bytes">;
def CfgAxiBytes : ConfigKey<"axi_bytes", "bytes", 8, 64, 1, "AXI data width; at most N">;
def CfgAxiBurstBeats : ConfigKey<"axi_burst_beats", "beats", 4, 64, 1, "longest burst; bursts are aligned to this size, so none crosses 4 KiB">;
def CfgAxiReads : ConfigKey<"axi_outstanding_reads", "bursts", 1, 128, 1, "read bursts that may be outstanding">;
def CfgFetchLines : ConfigKey<"fetch_lines", "lines", 2, 16, 1, "instruction lines that the front end prefetches">;
def CfgQueueDepth : ConfigKey<"queue_depth", "instructions", 2, 16, 1, "entries in each engine's queue">;
def CfgLoadDepth : ConfigKey<"load_depth", "instructions", 1, 8, 1, "load instructions of one engine whose data may be in flight">;
def CfgWeightRows : ConfigKey<"weight_rows", "rows", 1, 2, 1, "rows of weights that MX reads in a cycle">;
def CfgDwTaps : ConfigKey<"dw_taps", "taps", 1, 5, 0,
  "taps of a kernel row that dwconv takes in one step, for kernels of at most so many rows and columns">;
def CfgClockMhz : ConfigKey<"clock_mhz", "MHz", 1, 4000, 0, "clock at which reports turn cycles into time; not part of the machine's behaviour and not hashed">;
