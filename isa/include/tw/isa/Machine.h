// SPDX-License-Identifier: Apache-2.0
// The one face of every model of the machine (functional, cycle, RTL): registers, physical memory, time, trace.
// Called by driver transports, conformance and lock-step tests. Knows nothing of packages, compilers or operators.
// Threads: a machine belongs to one thread at a time. Ownership: the creator owns the machine; memory is owned by the
// machine.
#ifndef TW_ISA_MACHINE_H
#define TW_ISA_MACHINE_H

#include "tw/isa/Axi.h"
#include "tw/isa/Tables.h"
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tw::isa {

/// One retired instruction. Cycles are 0 in the functional model. `writtenHash` is the sum over all bytes the
/// instruction wrote of sumHash(space, address, byte) (Numerics.h), so it does not depend on the order of the writes;
/// it is 0 where a model was told not to compute it (MachineOptions::hashWrites).
struct TraceEvent {
  uint32_t pc = 0;
  uint16_t tag = 0;
  uint8_t opcode = 0;
  uint8_t engine = 0; // index of isa::Engine; FE for fence, mark, end
  uint64_t startCycle = 0;
  uint64_t endCycle = 0;
  uint64_t writtenHash = 0;
  bool operator==(const TraceEvent &) const = default;
};

/// Gets one call per instruction, at its end; per engine in order of the stream. Between engines: time order in the
/// timed models (ties by engine index), stream order in the functional model.
class TraceSink {
public:
  virtual ~TraceSink() = default;
  virtual void retire(const TraceEvent &event) = 0;
};

/// What a machine is built with. Values a model has no use for are ignored by it (and documented there).
struct MachineOptions {
  TraceSink *trace = nullptr; // not owned; may be null
  bool hashWrites = false;    // fill TraceEvent::writtenHash
  bool timingOnly = false;    // cycle model: no data work, results undefined
  bool checkRaces = false;    // functional model: report unordered accesses to the same bytes
  uint8_t poison = 0;         // initial contents of SPM, ACC, parameter memory, LUTs (before each reset)
  uint64_t hangCycles =
      100'000'000; // timed models: runUntilIdle gives up after this many cycles without an end (a defect of the model)
};

/// What a timed machine holds between two cycles of a job: register values visible in `cycle`, for reports.
struct MachineState {
  struct Unit {                     // an engine
    uint32_t queued = 0;            // instructions in its queue
    uint32_t headPc = 0;            // of the oldest of them
    std::vector<uint32_t> inFlight; // PCs of started, not ended instructions, oldest first
    bool operator==(const Unit &) const = default;
  };
  uint64_t cycle = 0;
  std::array<uint8_t, kSemaphores> semaphores{};
  std::array<Unit, kEngines - 1> engines;
  bool isDecoderFull = false;
  uint32_t decoderPc = 0; // of the line in the decoder, or of the next to enter it
  FaultCode fault{};      // NONE while nothing failed
  uint32_t faultPc = 0;
  bool operator==(const MachineState &) const = default;
};

/// What a read of a register is answered with.
struct RegisterRead {
  uint32_t value = 0;
  AxiResponse response = AxiResponse::Okay;
  bool operator==(const RegisterRead &) const = default;
};

/// A machine. All physical addresses are offsets into its DRAM, which starts at 0 and has memoryBytes() bytes.
class Machine {
public:
  virtual ~Machine() = default;
  virtual std::string_view modelName() const = 0; // "functional", "cycle", "rtl"

  /// 32-bit register access at a byte offset of the register map, with the answers of docs/reference/registers.md. A
  /// write changes the bytes whose bits in `strobes` are set. In a timed model a job moves on by a cycle with each
  /// write.
  virtual RegisterRead readPort(uint32_t offset) = 0;
  virtual AxiResponse writePort(uint32_t offset, uint32_t value, uint8_t strobes) = 0;
  /// The same for those who do not look at answers.
  uint32_t readRegister(uint32_t offset) { return readPort(offset).value; }
  void writeRegister(uint32_t offset, uint32_t value) { writePort(offset, value, kAllBytes); }
  static constexpr uint8_t kAllBytes = 0xF;

  /// The DRAM as the host sees it. Valid for the machine's lifetime; must not be touched while a job runs.
  virtual std::span<uint8_t> memory() = 0;

  /// Runs until no job is running (returns true), or until maxCycles have passed (timed models; false). 0: no limit but
  /// hangCycles.
  virtual bool runUntilIdle(uint64_t maxCycles = 0) = 0;

  /// Level of the interrupt line.
  virtual bool interrupt() const = 0;

  /// Hardware reset: all state as after construction, except DRAM. On-chip memories hold `poison` again.
  virtual void reset() = 0;

  /// State of the job at hand, also after runUntilIdle(maxCycles) gave up; nothing from a model without time or while
  /// no job runs. In-flight instructions are known only to machines built with MachineOptions::trace.
  virtual std::optional<MachineState> state() const { return std::nullopt; }

  /// Contents of an on-chip memory for comparisons: space is an isa::Space other than DRAM. A copy, little endian.
  virtual std::vector<uint8_t> dumpSpace(int space) const = 0;
};

} // namespace tw::isa
#endif
