// SPDX-License-Identifier: Apache-2.0
#include "State.h"

#include <algorithm>
#include <cstring>

namespace tw::simulator {

void Dram::read(uint64_t address, void *to, uint64_t count) const {
  uint64_t inside = address < bytes_ ? std::min(count, bytes_ - address) : 0;
  if (inside != 0)
    std::memcpy(to, data_.get() + address, inside);
  if (inside != count)
    std::memset(static_cast<uint8_t *>(to) + inside, 0, count - inside);
}

void Dram::write(uint64_t address, const void *from, uint64_t count) {
  if (address < bytes_)
    std::memcpy(data_.get() + address, from, std::min(count, bytes_ - address));
}

State::State(const isa::HwConfig &machine, uint64_t memoryBytes, uint8_t poison)
    : config(machine), n(machine.n), spm(machine.spmBytes), acc(uint64_t{machine.accRows} * n),
      param(uint64_t{machine.paramRows} * n), paramLoaded(machine.paramRows),
      lut(uint64_t{machine.lutBanks} * isa::kLutBytes), lutLoaded(machine.lutBanks), dram(memoryBytes) {
  reset(poison);
}

void State::reset(uint8_t poison) {
  std::memset(spm.data(), poison, spm.size());
  std::memset(acc.data(), poison, acc.size() * sizeof(int32_t));
  std::memset(param.data(), poison, param.size() * sizeof(int32_t));
  std::memset(lut.data(), poison, lut.size());
  regions = {};
  startJob();
}

void State::startJob() {
  std::fill(paramLoaded.begin(), paramLoaded.end(), 0);
  std::fill(lutLoaded.begin(), lutLoaded.end(), 0);
}

std::span<const uint8_t> State::bytesOf(isa::Space space) const {
  auto view = [](const auto &memory) {
    return std::span<const uint8_t>(reinterpret_cast<const uint8_t *>(memory.data()),
                                    memory.size() * sizeof(memory.front()));
  };
  switch (space) {
  case isa::Space::SPM:
    return view(spm);
  case isa::Space::ACC:
    return view(acc);
  case isa::Space::PARAM:
    return view(param);
  case isa::Space::LUT:
    return view(lut);
  case isa::Space::DRAM:
    break;
  }
  return {};
}

isa::Regions checkedRegions(const State &state) {
  isa::Regions regions;
  for (size_t i = 0; i < regions.size(); ++i)
    regions[i] = {state.regions[i].limit, state.regions[i].read, state.regions[i].write};
  return regions;
}

} // namespace tw::simulator
