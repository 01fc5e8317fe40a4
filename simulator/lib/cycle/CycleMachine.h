// SPDX-License-Identifier: Apache-2.0
// The cycle model as an isa::Machine: registers and memory round a Core. A template over the kernel, instantiated
// beside each kernel's core. Used by the factory only.
#ifndef TW_SIMULATOR_CYCLE_CYCLEMACHINE_H
#define TW_SIMULATOR_CYCLE_CYCLEMACHINE_H

#include "Core.h"
#include "tw/simulator/Cycle.h"

namespace tw::simulator::cycle {

template <class Kernel> class CycleMachine final : public isa::Machine {
public:
  CycleMachine(const isa::HwConfig &config, uint64_t memoryBytes, const CycleOptions &options)
      : options_(options), state_(config, memoryBytes, options.poison), registers_(config),
        core_(state_, registers_, memoryOf(options, memoryBytes),
              {options.trace, options.hashWrites, options.timingOnly, options.dataThread, options.stepAlways}) {}

  std::string_view modelName() const override { return "cycle"; }
  isa::RegisterRead readPort(uint32_t offset) override {
    if (registers_.busy()) { // counted by the units until the job ends
      registers_.show(core_.faultAt(now_));
      registers_.counter(isa::CounterId::Cycles) = core_.cyclesAt(now_);
    }
    return registers_.read(offset, state_);
  }
  isa::AxiResponse writePort(uint32_t offset, uint32_t value, uint8_t strobes) override {
    bool wasBusy = registers_.busy();
    const Registers::Written written = registers_.write(offset, value, strobes, state_);
    switch (written.action) {
    case Registers::Action::None:
      break;
    case Registers::Action::Start:
      now_ = 0;
      core_.startJob();
      break;
    case Registers::Action::Abort: // written in cycle now_, seen in the next
      core_.abort(now_ + 1);
      break;
    }
    if (wasBusy) // a write takes a cycle
      core_.run(++now_);
    return written.response;
  }
  std::span<uint8_t> memory() override { return state_.dram.bytes(); }
  bool interrupt() const override { return registers_.interrupt(); }
  bool runUntilIdle(uint64_t maxCycles) override {
    if (!registers_.busy())
      return true;
    now_ += maxCycles ? maxCycles : options_.hangCycles;
    return core_.run(now_);
  }
  void reset() override {
    registers_.reset();
    state_.reset(options_.poison);
    core_.reset();
  }
  std::optional<isa::MachineState> state() const override { return core_.state(now_); }
  std::vector<uint8_t> dumpSpace(int space) const override {
    auto bytes = state_.bytesOf(isa::Space(space));
    return {bytes.begin(), bytes.end()};
  }

private:
  static isa::MemoryTimingConfig memoryOf(const CycleOptions &options, uint64_t memoryBytes) {
    isa::MemoryTimingConfig memory = options.memory;
    if (memory.memoryBytes == 0)
      memory.memoryBytes = memoryBytes;
    return memory;
  }
  CycleOptions options_;
  State state_;
  Registers registers_;
  Core<Kernel> core_;
  Cycle now_ = 0; // first cycle of the job that is not done
};

} // namespace tw::simulator::cycle
#endif
