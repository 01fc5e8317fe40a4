// SPDX-License-Identifier: Apache-2.0
#include "Kit.h"

#include "tw/isa/Disassembler.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <sstream>

namespace tw::cosim {

namespace {

constexpr size_t kBytesShown = 16;

std::string nameOf(size_t space) { return std::string(isa::name(isa::Space(space))); }

/// The job in which the models differ.
const Observation &differing(const Kit &kit, int which) {
  const bool isInNext = kit.divergence.place && kit.divergence.place->isInNext;
  return isInNext && kit.seen[which].next ? *kit.seen[which].next : kit.seen[which];
}

void writeEvent(std::ostream &os, const isa::TraceEvent &event, const isa::Assembly &assembly) {
  os << isa::name(isa::Engine(event.engine)) << " line " << event.pc << " tag " << event.tag << " start "
     << event.startCycle << " end " << event.endCycle << " hash " << event.writtenHash;
  if (event.pc < assembly.program.lines.size())
    os << "  " << isa::formatLine(assembly.program.lines[event.pc]);
  os << "\n";
}

void writeTrace(std::ostream &os, const Observation &seen, const isa::Assembly &assembly) {
  os << seen.outcome << "\nSTATUS " << seen.status << " FAULT " << seen.fault << " FAULT_PC " << seen.faultPc
     << " FAULT_ADDR " << seen.faultAddress << "\n";
  for (const std::string &error : seen.protocolErrors)
    os << "AXI4: " << error << "\n";
  for (const isa::TraceEvent &event : seen.events)
    writeEvent(os, event, assembly);
  for (size_t i = 0; i < seen.counters.size(); ++i)
    os << isa::kCounterNames[i] << " " << seen.counters[i] << "\n";
}

void writeBytes(std::ostream &os, const std::vector<uint8_t> &bytes, size_t from) {
  for (size_t i = from; i < std::min(bytes.size(), from + kBytesShown); ++i)
    os << " " << std::hex << std::setw(2) << std::setfill('0') << int(bytes[i]) << std::dec;
}

void writeDifferingBytes(std::ostream &os, const std::string &what, const Observation &a, const Observation &b,
                         const std::vector<uint8_t> &left, const std::vector<uint8_t> &right) {
  const auto [l, r] = std::ranges::mismatch(left, right);
  if (l == left.end() || r == right.end())
    return;
  const size_t at = size_t(l - left.begin());
  for (const auto &[seen, bytes] : {std::pair{&a, &left}, std::pair{&b, &right}}) {
    os << what << " from byte " << at << ", " << seen->model << ":";
    writeBytes(os, *bytes, at);
    os << "\n";
  }
}

void writeDifferences(std::ostream &os, const Observation &a, const Observation &b, const isa::Assembly &assembly) {
  const bool timed = a.isTimed && b.isTimed;
  for (int engine = 0; engine < isa::kEngines; ++engine) {
    std::vector<isa::TraceEvent> events[2];
    for (int i = 0; i < 2; ++i)
      std::ranges::copy_if((i ? b : a).events, std::back_inserter(events[i]),
                           [&](const isa::TraceEvent &event) { return event.engine == engine; });
    for (size_t i = 0; i < std::max(events[0].size(), events[1].size()); ++i) {
      const bool both = i < events[0].size() && i < events[1].size();
      if (both) {
        isa::TraceEvent left = events[0][i], right = events[1][i];
        if (!timed)
          left.startCycle = left.endCycle = right.startCycle = right.endCycle = 0;
        if (left.writtenHash == 0 || right.writtenHash == 0)
          left.writtenHash = right.writtenHash = 0;
        if (left == right)
          continue;
      }
      for (int k = 0; k < 2; ++k)
        if (i < events[k].size()) {
          os << (k ? b : a).model << ": ";
          writeEvent(os, events[k][i], assembly);
        }
    }
  }
  for (size_t i = 0; timed && i < a.counters.size(); ++i)
    if (a.counters[i] != b.counters[i])
      os << "counter " << isa::kCounterNames[i] << ": " << a.model << " " << a.counters[i] << ", " << b.model << " "
         << b.counters[i] << "\n";
  writeDifferingBytes(os, "DRAM", a, b, a.dram, b.dram);
  for (size_t space = 0; space < a.spaces.size(); ++space)
    writeDifferingBytes(os, nameOf(space), a, b, a.spaces[space], b.spaces[space]);
}

void writeMemory(const std::string &path, const std::vector<uint8_t> &bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

} // namespace

void writeKit(const Kit &kit) {
  writeScenario(kit.folder, kit.scenario);
  const auto open = [&](const std::string &name) { return std::ofstream(kit.folder + "/" + name); };
  const Place place = kit.divergence.place.value_or(Place{});
  const isa::Assembly &assembly = place.isInNext ? *kit.scenario.next : kit.scenario.assembly;
  open("place.txt") << int(place.isInNext) << " " << place.cycle << "\n";
  for (int i = 0; i < 2; ++i) {
    const Observation &seen = differing(kit, i);
    std::ofstream trace = open(kit.models[i].name + ".trace.txt");
    writeTrace(trace, seen, assembly);
    std::ofstream state = open(kit.models[i].name + ".state.txt");
    if (!kit.divergence.place || !kit.models[i].isTimed)
      state << "no cycles; after the run: " << seen.outcome << "\n";
    else if (const auto text = describeState(kit.models[i], kit.scenario, place))
      state << *text;
    else
      state << text.diag().str() << "\n";
    for (size_t space = 0; space < kit.seen[i].spaces.size(); ++space)
      writeMemory(kit.folder + "/" + kit.models[i].name + "." + nameOf(space) + ".bin", seen.spaces[space]);
    writeMemory(kit.folder + "/" + kit.models[i].name + ".DRAM.bin", seen.dram);
  }
  std::ofstream differences = open("differences.txt");
  writeDifferences(differences, differing(kit, 0), differing(kit, 1), assembly);

  const Status waveform = writeWaveform(kit.folder);
  std::ofstream readme = open("README.txt");
  readme << kit.divergence.text << "\n\n"
         << (place.isInNext ? "job: the next one\n" : "job: the first\n") << "cycle: " << place.cycle
         << "\nmodels: " << kit.models[0].name << ", " << kit.models[1].name << "\n\n"
         << "Repeat:   scripts/cosim.sh --replay " << kit.folder << " --models " << kit.models[0].name << ","
         << kit.models[1].name << "\n";
  if (waveform)
    readme << "Waveform: wave.vcd; time is the cycle of the job, values are those visible in it\n";
  else
    readme << "Waveform: scripts/cosim.sh --waveform " << kit.folder << "\n          (" << waveform.diag().str()
           << ")\n";
}

Status writeWaveform(const std::string &folder) {
  const auto scenario = readScenario(folder);
  if (!scenario)
    return scenario.diag();
  Place place;
  if (!(std::ifstream(folder + "/place.txt") >> place.isInNext >> place.cycle))
    return Diag{folder + "/place.txt", "is not '<job> <cycle>': this is no kit"};
  const Waveform waveform{folder + "/wave.vcd", place.isInNext && !scenario->isNextAlone ? 1u : 0u,
                          place.cycle - std::min(place.cycle, kWaveformMargin), place.cycle + kWaveformMargin};
  const auto seen = observe(rtlModelWithWaveform(waveform), *scenario);
  if (!seen)
    return seen.diag();
  return {};
}

} // namespace tw::cosim
