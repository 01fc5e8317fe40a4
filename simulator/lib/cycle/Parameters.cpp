// SPDX-License-Identifier: Apache-2.0
#include "Parameters.h"
#include "tw/isa/Numerics.h"
#include <algorithm>

namespace tw::simulator::cycle {

Parameters::Parameters(const State &state)
    : state_(state), rows_(state.config.paramRows), tables_(state.config.lutBanks) {
  learn();
}

uint8_t Parameters::legalKinds(const int32_t *words) const {
  const auto all = [&](auto isLegal) { return std::all_of(words, words + state_.n, isLegal); };
  const bool isMultiplier = all([](int32_t word) { return isa::validMultiplier(uint32_t(word)); });
  const bool isTfliteMultiplier = all([](int32_t word) { return isa::validTfliteMultiplier(word); });
  const bool isTfliteShift = all([](int32_t word) { return isa::validTfliteShift(word); });
  return uint8_t(isMultiplier << unsigned(ParameterRow::Multipliers) |
                 isTfliteMultiplier << unsigned(ParameterRow::TfliteMultipliers) |
                 isTfliteShift << unsigned(ParameterRow::TfliteShifts));
}

void Parameters::learn() {
  for (size_t row = 0; row != rows_.size(); ++row)
    rows_[row].legal = legalKinds(state_.paramRow(row));
}

void Parameters::startJob() {
  for (Row &row : rows_)
    row.isLoaded = false;
  std::fill(tables_.begin(), tables_.end(), 0);
}

void Parameters::load(const isa::Line &line) {
  namespace p = isa::ldp;
  namespace t = isa::ldt;
  if (line.row()->opcode == isa::Opcode::Ldt) {
    std::fill_n(tables_.begin() + line.get(t::dst), line.get(t::count), 1);
    return;
  }
  const uint64_t first = uint64_t(line.get(p::dst)), count = uint64_t(line.get(p::count));
  words_.resize(count * state_.n);
  state_.dram.read(state_.physical(uint64_t(line.get(p::region)), uint64_t(line.get(p::offset))), words_.data(),
                   words_.size() * sizeof(int32_t));
  for (uint64_t i = 0; i != count; ++i)
    rows_[first + i] = {true, legalKinds(words_.data() + i * state_.n)};
}

} // namespace tw::simulator::cycle
