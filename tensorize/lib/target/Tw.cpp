// SPDX-License-Identifier: Apache-2.0
// What the tw machine is, where its records alone do not say it.
#include "tw/tensorize/Target.h"

#include "tw/isa/Timing.h"

#include <algorithm>

namespace tw::tensorize {

Target makeTwTarget(const isa::HwConfig &config) {
  Target target;
  target.name = std::string(isa::kIsaName);
  target.lanes = int(config.n);
  target.memories.resize(isa::kSpaces.size());
  for (size_t i = 0; i != isa::kSpaces.size(); ++i) {
    Memory &memory = target.memories[i];
    memory.name = isa::kSpaces[i].name;
    memory.granules = isa::spaceSize(config, isa::Space(i));
  }
  auto memory = [&](isa::Space space) -> Memory & { return target.memories[size_t(space)]; };
  memory(isa::Space::DRAM).isExternal = true;
  memory(isa::Space::SPM).groups = isa::kSpmGroups;
  memory(isa::Space::ACC).granuleBytes = isa::kWordBytes * config.n;
  memory(isa::Space::ACC).halves = 2;
  memory(isa::Space::PARAM).granuleBytes = isa::kWordBytes * config.n;
  memory(isa::Space::LUT).granuleBytes = isa::kLutBytes;
  target.instructions = isa::kInstructions;
  target.intrinsics = isa::kIntrinsics;
  target.primitives = isa::kPrimitives;
  target.words = isa::kParamWords;
  target.externalBytesPerCycle = config.axiBytes;
  target.cycles = [config](const Instruction &instruction) {
    isa::Line line(instruction.row->opcode);
    for (size_t f = 0; f != instruction.values.size(); ++f)
      line.set(instruction.row->fields[f].ref, instruction.values[f]);
    return isa::cycles(line, config);
  };
  // A column of a depthwise window is a tap of all windows that it belongs to.
  target.stepsPerCycle = [taps = int64_t(config.dwTaps)](const isa::Instruction &row) {
    return row.opcode == isa::Opcode::Dwconv ? std::max<int64_t>(taps, 1) : 1;
  };
  target.constantRegion = int(isa::RegionRole::Const);
  target.arenaRegion = int(isa::RegionRole::Arena);
  return target;
}

} // namespace tw::tensorize
