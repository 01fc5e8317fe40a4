// SPDX-License-Identifier: Apache-2.0
#include "Coverage.h"

#include <algorithm>
#include <sstream>

namespace tw::cosim {

namespace {

constexpr size_t kFewValues = 3;

std::string joined(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "nothing" : text;
}

bool isExecuted(const isa::Instruction &row) { return !row.isPlanned; }

/// docs/timing.md, section 8: loads wait for reads, the store for writes and banks, the others and a fill for banks.
bool canBeIn(isa::Engine engine, isa::EngineState state) {
  const bool isLoad = engine == isa::Engine::LA || engine == isa::Engine::LW;
  switch (state) {
  case isa::EngineState::WaitRead:
    return isLoad;
  case isa::EngineState::WaitWrite:
    return engine == isa::Engine::ST;
  case isa::EngineState::WaitBank: // a beat of a load always has its bank
    return engine != isa::Engine::LW;
  default:
    return true;
  }
}

} // namespace

void Coverage::add(const isa::Program &program) {
  for (const isa::Line &line : program.lines) {
    const isa::Instruction *row = line.row();
    if (!row || row->isPlanned)
      continue;
    ++instructions[row->opcode];
    for (const isa::Field &field : row->fields) {
      FieldBins &bins = fields[std::string(row->mnemonic) + "." + std::string(field.name)];
      const int64_t value = line.get(field.ref);
      bins.least |= value == field.min;
      if (bins.values.size() < kFewValues)
        bins.values.insert(value);
    }
  }
}

void Coverage::add(const Observation &seen) {
  if (!seen.isTimed)
    return;
  if (const auto code = isa::FaultCode(seen.fault & 0xFF); code != isa::FaultCode::None)
    ++faults[code];
  for (size_t i = 0; i < counters.size(); ++i)
    counters[i] += seen.counters[i];
}

std::vector<std::string> Coverage::missingInstructions() const {
  std::vector<std::string> missing;
  for (const isa::Instruction &row : isa::kInstructions)
    if (isExecuted(row) && !instructions.contains(row.opcode))
      missing.emplace_back(row.mnemonic);
  return missing;
}

std::vector<std::string> Coverage::missingFaults() const {
  std::vector<std::string> missing;
  for (const isa::FaultInfo &row : isa::kFaults)
    if (row.code != isa::FaultCode::None && row.onCycle && row.onRtl && !faults.contains(row.code))
      missing.emplace_back(row.name);
  return missing;
}

std::vector<std::string> Coverage::missingStates() const {
  std::vector<std::string> missing;
  for (int engine = 0; engine < isa::kEngines - 1; ++engine)
    for (int state = 0; state < isa::kEngineStates; ++state) {
      const size_t counter = size_t(isa::CounterId::StateLaBusy) + size_t(engine * isa::kEngineStates + state);
      if (canBeIn(isa::Engine(engine), isa::EngineState(state)) && counters[counter] == 0)
        missing.emplace_back(isa::kCounterNames[counter]);
    }
  return missing;
}

std::string Coverage::report() const {
  std::ostringstream os;
  const size_t executed = size_t(std::ranges::count_if(isa::kInstructions, isExecuted));
  os << "instructions: " << instructions.size() << " of " << executed << ", missing: " << joined(missingInstructions())
     << "\n";
  std::vector<std::string> neverLeast, few;
  for (const isa::Instruction &row : isa::kInstructions)
    for (const isa::Field &field : row.fields) {
      const std::string name = std::string(row.mnemonic) + "." + std::string(field.name);
      const auto bins = fields.find(name);
      if (bins == fields.end())
        continue; // its instruction is missing
      if (!bins->second.least)
        neverLeast.push_back(name);
      if (bins->second.values.size() < std::min<uint64_t>(kFewValues, uint64_t(field.max - field.min) + 1))
        few.push_back(name);
    }
  os << "fields: " << fields.size() << ", never at their least value: " << joined(neverLeast) << "; with fewer than "
     << kFewValues << " values: " << joined(few) << "\n"
     << "faults:";
  for (const auto &[code, count] : faults)
    os << " " << isa::name(code) << " " << count << ",";
  os << " missing: " << joined(missingFaults()) << "\nstates of engines never seen: " << joined(missingStates())
     << "\n";
  return os.str();
}

} // namespace tw::cosim
