// SPDX-License-Identifier: Apache-2.0
#include "Lockstep.h"

#include "tw/simulator/Cycle.h"
#include "tw/simulator/FunctionalMachine.h"

#ifdef TW_COSIM_RTL
#include "tw/rtl/Model.h"
#endif

namespace tw::cosim {

using Built = Result<std::unique_ptr<isa::Machine>>;

Model functionalModel() {
  return {"functional", false,
          [](const isa::HwConfig &config, uint64_t bytes, const isa::MachineOptions &options,
             const isa::MemoryTimingConfig &) -> Built {
            return std::unique_ptr<isa::Machine>(simulator::createFunctionalMachine(config, bytes, options));
          }};
}

Model cycleModel() {
  return {"cycle", true,
          [](const isa::HwConfig &config, uint64_t bytes, const isa::MachineOptions &options,
             const isa::MemoryTimingConfig &memory) -> Built {
            simulator::CycleOptions cycle;
            static_cast<isa::MachineOptions &>(cycle) = options;
            cycle.memory = memory;
            return simulator::createCycleMachine(config, bytes, cycle);
          }};
}

Model rtlModel() {
  return {"rtl", true,
          [](const isa::HwConfig &config, uint64_t bytes, const isa::MachineOptions &options,
             const isa::MemoryTimingConfig &memory) -> Built {
#ifdef TW_COSIM_RTL
            auto model = rtl::loadModel(config.name, options, memory, bytes);
            if (!model)
              return model.diag();
            return std::unique_ptr<isa::Machine>(std::move(*model));
#else
            (void)config, (void)bytes, (void)options, (void)memory;
            return Diag{"rtl", "this build has no RTL: configure with -DTW_BUILD_RTL=ON"};
#endif
          }};
}

} // namespace tw::cosim
