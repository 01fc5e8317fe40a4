// SPDX-License-Identifier: Apache-2.0
#include "tw/simulator/Cycle.h"
#include "CoreEvents.h"
#include "CoreFrontEnd.h"
#include "CycleMachine.h"
#include "SystemC.h"

namespace tw::simulator {

namespace cycle {

bool StateParameters::areLegal(ParameterRow kind, uint64_t row) const {
  const int32_t *words = state_.paramRow(row);
  return std::all_of(words, words + state_.n, [kind](int32_t word) {
    switch (kind) {
    case ParameterRow::Multipliers:
      return isa::validMultiplier(uint32_t(word));
    case ParameterRow::TfliteMultipliers:
      return isa::validTfliteMultiplier(word);
    case ParameterRow::TfliteShifts:
      return isa::validTfliteShift(word);
    }
    return false;
  });
}

} // namespace cycle

std::unique_ptr<isa::Machine> createCycleMachine(const isa::HwConfig &config, uint64_t memoryBytes,
                                                 const CycleOptions &options) {
  if (options.kernel == CycleKernel::SystemC)
    return cycle::createSystemCMachine(config, memoryBytes, options);
  return std::make_unique<cycle::CycleMachine<cycle::PlainKernel>>(config, memoryBytes, options);
}

} // namespace tw::simulator
