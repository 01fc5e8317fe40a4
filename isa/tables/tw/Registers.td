// SPDX-License-Identifier: Apache-2.0
//===- Registers.td - register map, job descriptor, completion record -----------===//
// SPDX-License-Identifier: Apache-2.0
// 32-bit registers on the AXI4-Lite port; the two lowest bits of an address are ignored, a write changes the bytes whose
// strobes are high. Region registers lie on a page of their own, never mapped to users.
class RegField<string name, int lo, int width, string doc> { string Name = name; int Lo = lo; int Width = width; string Doc = doc; }
// Access: "ro" read only, "rw" read and write, "rwi" the same, but written only while no job runs, "w1c" write one to
// clear, "wo" write only.
class Register<int offset, string name, string access, string doc, list<RegField> fields = []> {
  int Offset = offset; string Name = name; string Access = access; string Doc = doc; list<RegField> Fields = fields;
}
// What BRESP or RRESP says (0 OKAY, 2 SLVERR, 3 DECERR) of an access for which a register, or the lack of one, has no
// use. It changes nothing, and a read is zero.
class PortAnswer<string name, int response, string doc> { string Name = name; int Response = response; string Doc = doc; }
def AnswerUnmapped  : PortAnswer<"unmapped", 2, "an offset without a register, read or written">;
def AnswerReadOnly  : PortAnswer<"read_only", 2, "a write of a register that is read only, or of a counter">;
def AnswerWriteOnly : PortAnswer<"write_only", 0, "a read of a register that is write only">;
def AnswerBusy      : PortAnswer<"busy", 2, "a write, while a job runs, of a register that is written only while none does">;
def RId        : Register<0x000, "ID", "ro", "0x314E5754: the bytes TWN1">;
def RVersion   : Register<0x004, "VERSION", "ro", "version of the register map", [RegField<"major", 16, 16, "incompatible changes">, RegField<"minor", 0, 16, "additions">]>;
def RIsaLo     : Register<0x008, "ISA_HASH_LO", "ro", "ISA hash, low word">;
def RIsaHi     : Register<0x00C, "ISA_HASH_HI", "ro", "ISA hash, high word">;
def RCfgLo     : Register<0x010, "CFG_HASH_LO", "ro", "configuration hash, low word">;
def RCfgHi     : Register<0x014, "CFG_HASH_HI", "ro", "configuration hash, high word">;
def RControl   : Register<0x020, "CONTROL", "rwi", "how jobs run", [
  RegField<"serial", 0, 1, "execute each instruction to completion before the next: same memory, no overlap">]>;
def RStatus    : Register<0x024, "STATUS", "ro", "state of the machine", [
  RegField<"busy", 0, 1, "a job runs">, RegField<"done", 1, 1, "the last job ended; its record is in memory unless the fault says why not">,
  RegField<"fault", 8, 8, "fault code of the last job">]>;
def RJobLo     : Register<0x028, "JOB_LO", "rwi", "physical address of the job descriptor, low word; multiple of 64">;
def RJobHi     : Register<0x02C, "JOB_HI", "rwi", "physical address of the job descriptor, high word">;
def RDoorbell  : Register<0x030, "DOORBELL", "wo", "a write of any byte starts the job; ignored while busy">;
def RAbort     : Register<0x034, "ABORT", "wo", "a write of any byte stops issue; running instructions finish, then the record is written with ABORTED">;
def RIrqStatus : Register<0x038, "IRQ_STATUS", "w1c", "interrupt causes", [RegField<"done", 0, 1, "a job ended, rightly or with a fault">]>;
def RIrqEnable : Register<0x03C, "IRQ_ENABLE", "rw", "which causes raise the interrupt line", [RegField<"done", 0, 1, "job ended">]>;
def RFault     : Register<0x040, "FAULT", "ro", "snapshot: what failed", [
  RegField<"code", 0, 8, "fault code">, RegField<"engine", 8, 8, "engine index">, RegField<"tag", 16, 16, "tag of the instruction">]>;
def RFaultPc   : Register<0x044, "FAULT_PC", "ro", "snapshot: index of the line">;
def RFaultLo   : Register<0x048, "FAULT_ADDR_LO", "ro", "snapshot: address, low word">;
def RFaultHi   : Register<0x04C, "FAULT_ADDR_HI", "ro", "snapshot: address, high word">;

// Region i: registers at 0x1000 + 0x20*i. Addresses leave the chip only as base + offset with offset + length <= limit.
class RegionRegister<int offset, string name, string doc, list<RegField> fields = []> {
  int Offset = offset; string Name = name; string Doc = doc; list<RegField> Fields = fields;
}
def RegionBase : MachineConstant<"region_registers", 0x1000, "offset of the first region's registers">;
def RegionStride : MachineConstant<"region_register_stride", 0x20, "distance between two regions' registers">;
def RGBaseLo  : RegionRegister<0x00, "BASE_LO", "physical base, low word; multiple of 4096">;
def RGBaseHi  : RegionRegister<0x04, "BASE_HI", "physical base, high word">;
def RGLimitLo : RegionRegister<0x08, "LIMIT_LO", "size in bytes, low word">;
def RGLimitHi : RegionRegister<0x0C, "LIMIT_HI", "size in bytes, high word">;
def RGPerm    : RegionRegister<0x10, "PERM", "permissions", [RegField<"read", 0, 1, "loads">, RegField<"write", 1, 1, "stores">, RegField<"execute", 2, 1, "instruction fetch">]>;

// Roles of regions: convention between compiler and driver. The hardware fetches code from region 0 and writes records to
// region 3, which is its own: a line that names it raises REGION_PERMISSION whatever PERM says, so that no program can
// forge its record or write another job's descriptor.
def ProgramRegions : MachineConstant<"program_regions", 0xF7, "regions that instructions may name, a bit each">;
class RegionRole<int index, string name, string doc> { int Index = index; string Name = name; string Doc = doc; }
def RoleCode  : RegionRole<0, "code", "instruction lines (execute)">;
def RoleConst : RegionRole<1, "const", "weights, parameters, tables (read)">;
def RoleArena : RegionRole<2, "arena", "temporaries of one program instance (read, write)">;
def RoleDone  : RegionRole<3, "completion", "descriptors and completion records (write); no instruction may name it">;
def RoleIo0   : RegionRole<4, "io0", "zero-copy input or output">;
def RoleIo1   : RegionRole<5, "io1", "zero-copy input or output">;
def RoleIo2   : RegionRole<6, "io2", "zero-copy input or output">;
def RoleIo3   : RegionRole<7, "io3", "zero-copy input or output">;

// 64-byte little-endian records shared with the driver: fields in bytes.
class RecordField<string name, int offset, int bytes, string doc> { string Name = name; int Offset = offset; int Bytes = bytes; string Doc = doc; }
class MemoryRecord<string name, int bytes, list<RecordField> fields, string doc> { string Name = name; int Bytes = bytes; list<RecordField> Fields = fields; string Doc = doc; }
def JobDescriptor : MemoryRecord<"job_descriptor", 64, [
  RecordField<"isa_hash", 0, 8, "must be the machine's, else ISA_VERSION">,
  RecordField<"cfg_hash", 8, 8, "must be the machine's, else ISA_VERSION">,
  RecordField<"code_offset", 16, 8, "first line: byte offset in region 0, multiple of 64">,
  RecordField<"line_count", 24, 4, "lines of the stream">,
  RecordField<"sequence", 28, 4, "copied to the completion record">,
  RecordField<"record_offset", 32, 8, "where the completion record goes: byte offset in region 3, multiple of 64">,
  RecordField<"cycle_budget", 40, 8, "cycles after which the job fails with CYCLE_BUDGET; 0: no budget">,
  RecordField<"reserved", 48, 16, "zero">], "what the doorbell starts">;
def CompletionRecord : MemoryRecord<"completion_record", 64, [
  RecordField<"sequence", 0, 4, "from the job descriptor">,
  RecordField<"code", 4, 1, "fault code; 0: the job ended">,
  RecordField<"engine", 5, 1, "engine of the fault">,
  RecordField<"tag", 6, 2, "tag of the faulting instruction">,
  RecordField<"pc", 8, 4, "line of the fault, or of END">,
  RecordField<"marker", 12, 4, "0x45444E54: the bytes TNDE, written with the rest, so that a poll sees a whole record">,
  RecordField<"address", 16, 8, "address of the fault">,
  RecordField<"cycles", 24, 8, "cycles from the doorbell to the record (0 from the functional model)">,
  RecordField<"bytes_read", 32, 8, "bytes of the bursts of LA and LW (not fetch, not the descriptor)">,
  RecordField<"bytes_written", 40, 8, "bytes of the bursts of ST (not this record)">,
  RecordField<"macs", 48, 8, "array MACs: rows streamed through the array times N*N">,
  RecordField<"saturations", 56, 8, "lanes whose requantised value was outside int8 before saturation">], "written last, by the machine">;

// Counters: 64-bit, two registers each (low, high) from 0x100 on in this order. Same names in cycle model and RTL.
class Counter<string name, string doc> { string Name = name; string Doc = doc; }
def CounterBase : MachineConstant<"counter_registers", 0x100, "offset of the first counter">;
// tw-tblgen expands the per-engine states for engines 0..5: state_<engine>_<state>.
class EngineState<int index, string name, string doc> { int Index = index; string Name = name; string Doc = doc; }
def StBusy  : EngineState<0, "busy", "executes and none of the below">;
def StEmpty : EngineState<1, "empty", "nothing to do">;
def StSem   : EngineState<2, "wait_sem", "the head of the queue waits for a semaphore">;
def StBank  : EngineState<3, "wait_bank", "an SPM request lost arbitration in this cycle">;
def StRead  : EngineState<4, "wait_read", "a load that has no data beat in this cycle">;
def StWrite : EngineState<5, "wait_write", "a store that waits for the AXI write channels">;
def CCycles : Counter<"cycles", "cycles of the job">;
def CLines  : Counter<"lines", "instructions issued">;
def CReadLa : Counter<"bytes_read_la", "bytes loaded by LA">;
def CReadLw : Counter<"bytes_read_lw", "bytes loaded by LW">;
def CReadFe : Counter<"bytes_read_fe", "bytes fetched by the front end">;
def CWrite  : Counter<"bytes_written", "bytes stored by ST">;
def CRows   : Counter<"mx_rows", "activation rows streamed through the array">;
def CSat    : Counter<"saturations", "lanes saturated by the requantisers">;
def CBank   : Counter<"bank_conflicts", "SPM requests that lost arbitration">;
// Histograms of the AXI bursts' latencies: the first counter takes what is below latency_first, each further one what is
// below twice the limit of the one before, the last one the rest.
def KLatencyFirst : MachineConstant<"latency_first", 32, "cycles: limit of the first counter of a latency histogram">;
def KLatencyBuckets : MachineConstant<"latency_buckets", 8, "counters of a latency histogram">;
class Latency<string channel, string what, int index> :
    Counter<channel # "_latency_" # !if(!eq(index, 0), 0, !shl(KLatencyFirst.Value, !sub(index, 1))),
            what # !if(!eq(index, 0), " that took fewer cycles than the next counter's",
                       " that took at least this many cycles" #
                       !if(!eq(index, !sub(KLatencyBuckets.Value, 1)), "", ", fewer than the next counter's"))>;
class ReadLatency<int index> : Latency<"read", "read bursts", index>;
class WriteLatency<int index> : Latency<"write", "bursts of stores", index>;
def CRead0  : ReadLatency<0>;
def CRead1  : ReadLatency<1>;
def CRead2  : ReadLatency<2>;
def CRead3  : ReadLatency<3>;
def CRead4  : ReadLatency<4>;
def CRead5  : ReadLatency<5>;
def CRead6  : ReadLatency<6>;
def CRead7  : ReadLatency<7>;
def CWrite0 : WriteLatency<0>;
def CWrite1 : WriteLatency<1>;
def CWrite2 : WriteLatency<2>;
def CWrite3 : WriteLatency<3>;
def CWrite4 : WriteLatency<4>;
def CWrite5 : WriteLatency<5>;
def CWrite6 : WriteLatency<6>;
def CWrite7 : WriteLatency<7>;
