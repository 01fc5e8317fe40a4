// SPDX-License-Identifier: Apache-2.0
#include "Lockstep.h"

#include "tw/simulator/Cycle.h"
#include "tw/simulator/FunctionalMachine.h"

#ifdef TW_COSIM_RTL
#include "tw/rtl/Model.h"
#endif

namespace tw::cosim {

namespace {

#ifdef TW_COSIM_RTL
/// Loads the design; `choose` sets what only it has.
Model design(const std::string &name, const std::function<void(rtl::ModelOptions &)> &choose) {
  return {name, true,
          [choose](const isa::HwConfig &config, uint64_t bytes, const isa::MachineOptions &common,
                   const isa::MemoryTimingConfig &memory) -> Result<BuiltMachine> {
            rtl::ModelOptions options(common);
            options.hostSeed = 1 + common.poison + 256 * memory.seed; // another host in each condition
            choose(options);
            auto model = rtl::loadModel(config.name, options, memory, bytes);
            if (!model)
              return model.diag();
            rtl::Model *pins = model->get();
            const std::vector<std::string> *errors = &pins->protocolErrors();
            return BuiltMachine{std::move(*model), errors,
                                [pins](std::vector<isa::HostAccess> accesses) { pins->schedule(std::move(accesses)); },
                                [pins] { return pins->answers(); }};
          }};
}
#else
Model noDesign(const std::string &name) {
  return {name, true,
          [](const isa::HwConfig &, uint64_t, const isa::MachineOptions &,
             const isa::MemoryTimingConfig &) -> Result<BuiltMachine> {
            return Diag{"rtl", "this build has no RTL: configure with -DTW_BUILD_RTL=ON"};
          }};
}
#endif

} // namespace

Model functionalModel() {
  return {"functional", false,
          [](const isa::HwConfig &config, uint64_t bytes, const isa::MachineOptions &options,
             const isa::MemoryTimingConfig &) -> Result<BuiltMachine> {
            return BuiltMachine{simulator::createFunctionalMachine(config, bytes, options)};
          }};
}

Model cycleModel() {
  return {"cycle", true,
          [](const isa::HwConfig &config, uint64_t bytes, const isa::MachineOptions &options,
             const isa::MemoryTimingConfig &memory) -> Result<BuiltMachine> {
            simulator::CycleOptions cycle;
            static_cast<isa::MachineOptions &>(cycle) = options;
            cycle.memory = memory;
            return BuiltMachine{simulator::createCycleMachine(config, bytes, cycle)};
          }};
}

#ifdef TW_COSIM_RTL
Model rtlModel() {
  return design("rtl", [](rtl::ModelOptions &) {});
}

Model rtlModelWithRandomRegisters(uint64_t seed) {
  return design("rtl-unique-" + std::to_string(seed), [seed](rtl::ModelOptions &options) {
    options.variant = "unique";
    options.initialSeed = seed;
  });
}

Model rtlModelWithWaveform(const Waveform &waveform) {
  return design("rtl-trace", [waveform](rtl::ModelOptions &options) {
    options.variant = "trace";
    options.waveform = waveform.path;
    options.waveformJob = waveform.job;
    options.waveformBegin = waveform.begin;
    options.waveformEnd = waveform.end;
  });
}
#else
Model rtlModel() { return noDesign("rtl"); }
Model rtlModelWithRandomRegisters(uint64_t seed) { return noDesign("rtl-unique-" + std::to_string(seed)); }
Model rtlModelWithWaveform(const Waveform &) { return noDesign("rtl-trace"); }
#endif

} // namespace tw::cosim
