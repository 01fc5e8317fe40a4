// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/RandomProgram.h"
#include "ProgramGenerator.h"
#include "tw/isa/Encoder.h"

namespace tw::isa {

std::vector<uint8_t> randomBytes(uint64_t count, uint64_t seed) {
  std::vector<uint8_t> bytes(count);
  Random random(seed);
  for (uint64_t i = 0; i < count; i += 8) {
    uint64_t word = random.next();
    for (uint64_t k = 0; k != std::min<uint64_t>(8, count - i); ++k)
      bytes[i + k] = uint8_t(word >> (8 * k));
  }
  return bytes;
}

TestProgram randomProgram(const HwConfig &config, const RandomOptions &options) {
  return ProgramGenerator(config, options).legal();
}

FaultyProgram faultyProgram(const HwConfig &config, const RandomOptions &options, FaultCode code) {
  return ProgramGenerator(config, options).faulty({code});
}

FaultyProgram faultyProgram(const HwConfig &config, const RandomOptions &options, const Defect &defect) {
  return ProgramGenerator(config, options).faulty(defect);
}

std::vector<FaultCode> faultsOfPrograms() {
  return {FaultCode::IllegalOpcode, FaultCode::Unimplemented,    FaultCode::ReservedBits, FaultCode::BadShape,
          FaultCode::Misaligned,    FaultCode::SpmBounds,        FaultCode::AccBounds,    FaultCode::ParamBounds,
          FaultCode::RegionBounds,  FaultCode::RegionPermission, FaultCode::SemOverflow,  FaultCode::SemLeak,
          FaultCode::UncoveredWait, FaultCode::UninitParam,      FaultCode::BadParam,     FaultCode::NoEnd};
}

} // namespace tw::isa
