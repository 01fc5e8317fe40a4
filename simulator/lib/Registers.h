// SPDX-License-Identifier: Apache-2.0
// The register file, the job descriptor and the completion record: what the machine models have in common towards the
// driver. Nothing here knows how or when instructions run.
#ifndef TW_SIMULATOR_REGISTERS_H
#define TW_SIMULATOR_REGISTERS_H

#include "functional/State.h"

#include "tw/isa/Check.h"
#include "tw/isa/Machine.h"

namespace tw::simulator {

/// A 64-byte record of the table, as memory holds it.
class MemoryRecord {
public:
  uint64_t get(const isa::RecordFieldInfo &field) const;
  void set(const isa::RecordFieldInfo &field, uint64_t value);

  std::array<uint8_t, 64> bytes{};
};

/// Why a job failed, as the snapshot and the record tell it; code None: it did not.
struct JobFault {
  isa::FaultCode code = isa::FaultCode::None;
  isa::Engine engine = isa::Engine(0);
  uint16_t tag = 0;
  uint32_t pc = 0;
  uint64_t address = 0;
};

/// What CHECK finds in a descriptor.
struct JobStart {
  std::optional<isa::Fault> fault;
  bool canWriteRecord = true;
};

class Registers {
public:
  /// A machine's identity: hashes of the ISA and of its configuration.
  explicit Registers(const isa::HwConfig &config) : configHash_(isa::configHash(config)) {}

  /// All registers as after reset.
  void reset() { *this = Registers(configHash_); }

  /// Region registers live in the state.
  isa::RegisterRead read(uint32_t offset, const State &state) const;
  /// Starting a job and acting on an abort are the model's work.
  enum class Action : uint8_t { None, Start, Abort };
  struct Written {
    Action action = Action::None;
    isa::AxiResponse response = isa::AxiResponse::Okay;
  };
  Written write(uint32_t offset, uint32_t value, uint8_t strobes, State &state);

  bool busy() const { return busy_; }
  bool serial() const { return control_ & 1; }
  uint64_t jobAddress() const { return job_ & ~uint64_t{63}; }
  bool interrupt() const { return (irqStatus_ & irqEnable_) != 0; }

  /// The tests of CHECK, in their order.
  JobStart checkJob(const MemoryRecord &descriptor, const State &state) const;

  /// What the snapshot shows while the job runs.
  void show(const JobFault &fault) { fault_ = fault; }
  /// End of the job: status, snapshot and interrupt.
  void finish(const JobFault &fault);

  /// Counter registers, by isa::CounterId; the model keeps them up to date.
  std::array<uint64_t, isa::kCounters> counters{};
  uint64_t &counter(isa::CounterId id) { return counters[static_cast<size_t>(id)]; }
  uint64_t counter(isa::CounterId id) const { return counters[static_cast<size_t>(id)]; }

private:
  explicit Registers(uint64_t configHash) : configHash_(configHash) {}
  uint32_t value(uint32_t offset, const State &state) const;
  Action set(uint32_t offset, uint32_t value, State &state);

  uint64_t configHash_;
  uint32_t control_ = 0, irqStatus_ = 0, irqEnable_ = 0;
  uint64_t job_ = 0;
  bool busy_ = false, done_ = false;
  JobFault fault_;
};

/// What a record says of a job; `sequence` from its descriptor.
MemoryRecord makeCompletionRecord(uint32_t sequence, const JobFault &fault, const Registers &registers, uint32_t n);

} // namespace tw::simulator

#endif // TW_SIMULATOR_REGISTERS_H
