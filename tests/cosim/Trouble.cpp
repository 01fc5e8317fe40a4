// SPDX-License-Identifier: Apache-2.0
#include "Trouble.h"

#include "tw/isa/Timing.h"

#include <random>
#include <sstream>

namespace tw::cosim {

namespace {

/// The bursts of a line that moves data, in its direction.
struct Transfer {
  uint32_t pc;
  isa::Engine engine;
  int region;
  bool isRead;
  std::vector<isa::Burst> bursts;
};

std::vector<Transfer> transfersOf(const Scenario &scenario, const test::Job &job) {
  std::vector<Transfer> result;
  for (uint32_t pc = 0; pc < job.lines.size(); ++pc) {
    if (!isa::hasBursts(job.lines[pc].row()->opcode))
      continue;
    const isa::Engine engine = job.lines[pc].row()->engine;
    const isa::DmaWalk walk = isa::DmaWalk::of(job.lines[pc], scenario.config);
    Transfer transfer{pc, engine, int(walk.region), engine != isa::Engine::ST, {}};
    for (isa::BurstWalk bursts(walk, job.regions[walk.region].base, scenario.config); !bursts.done();)
      transfer.bursts.push_back(bursts.next());
    if (!transfer.bursts.empty()) // a load of padding alone
      result.push_back(std::move(transfer));
  }
  return result;
}

/// The oldest transfer that meets the error, and its first burst that does: what is older ends well, and the lowest PC
/// is reported.
ExpectedFault expectedOf(const std::vector<Transfer> &transfers, const BusError &error, uint64_t address) {
  for (const Transfer &transfer : transfers)
    if (transfer.region == error.region && (transfer.isRead ? error.onRead : error.onWrite))
      for (const isa::Burst &burst : transfer.bursts)
        if (burst.address < address + error.bytes && address < burst.address + burst.bytes)
          return {transfer.isRead ? isa::FaultCode::AxiRead : isa::FaultCode::AxiWrite,
                  true,
                  transfer.engine,
                  transfer.pc,
                  burst.address,
                  false};
  return {isa::FaultCode::None, false, {}, 0, 0, true};
}

} // namespace

const char *name(TroubleKind kind) {
  switch (kind) {
  case TroubleKind::Reset:
    return "reset";
  case TroubleKind::ReadError:
    return "read error";
  case TroubleKind::WriteError:
    return "write error";
  case TroubleKind::FetchError:
    return "fetch error";
  case TroubleKind::DescriptorError:
    return "descriptor error";
  case TroubleKind::Abort:
    return "abort";
  case TroubleKind::Budget:
    return "budget";
  }
  return "?";
}

Trouble addTrouble(Scenario &scenario, TroubleKind kind, uint64_t cycles, uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](uint64_t n) { return random() % n; };
  const uint64_t inside = 1 + below(std::max<uint64_t>(cycles, 2) - 1);
  if (kind == TroubleKind::Reset) {
    scenario.resetAt = inside;
    return {kind, std::nullopt};
  }
  if (kind == TroubleKind::Abort) {
    scenario.abortAt = inside;
    return {kind, ExpectedFault{isa::FaultCode::Aborted, false, {}, 0, 0, true}};
  }
  if (kind == TroubleKind::Budget) {
    scenario.cycleBudget = inside;
    return {kind, ExpectedFault{isa::FaultCode::CycleBudget, false, {}, 0, 0, true}};
  }

  const test::Job job = layOut(scenario).job;
  const uint64_t beatBytes = scenario.config.axiBytes;
  BusError error;
  error.bytes = beatBytes;
  error.response = below(2) ? isa::AxiResponse::SlaveError : isa::AxiResponse::DecodeError;
  if (kind == TroubleKind::DescriptorError) {
    error.offset = below(isa::kJobDescriptorBytes / beatBytes) * beatBytes;
    scenario.errors.push_back(error);
    return {kind, ExpectedFault{isa::FaultCode::AxiRead, true, isa::Engine::FE, 0, job.descriptorAddress, false}};
  }
  if (kind == TroubleKind::ReadError || kind == TroubleKind::WriteError) {
    const std::vector<Transfer> transfers = transfersOf(scenario, job);
    std::vector<const Transfer *> fitting;
    for (const Transfer &transfer : transfers)
      if (transfer.isRead == (kind == TroubleKind::ReadError))
        fitting.push_back(&transfer);
    if (!fitting.empty()) {
      const Transfer &chosen = *fitting[below(fitting.size())];
      const isa::Burst &burst = chosen.bursts[below(chosen.bursts.size())];
      const uint64_t address = (burst.address + below(burst.bytes)) / beatBytes * beatBytes;
      const uint64_t base = job.regions[size_t(chosen.region)].base;
      error.region = chosen.region;
      error.offset = address - base;
      error.onRead = chosen.isRead;
      error.onWrite = !chosen.isRead;
      scenario.errors.push_back(error);
      return {kind, expectedOf(transfers, error, address)};
    }
  }
  const uint64_t pc = below(job.lines.size()), line = pc * isa::kLineBytes;
  error.region = int(isa::RegionRole::Code);
  error.offset = line + below(isa::kLineBytes / beatBytes) * beatBytes;
  scenario.errors.push_back(error);
  return {TroubleKind::FetchError, ExpectedFault{isa::FaultCode::AxiRead, true, isa::Engine::FE, uint32_t(pc),
                                                 job.regions[0].base + line, false}};
}

std::string checkTrouble(const Trouble &trouble, const Observation &seen) {
  const auto code = isa::FaultCode(seen.fault & 0xFF);
  std::ostringstream os;
  if (!seen.isTimed || !trouble.fault) { // no row of the table, or the registers after the reset
    if (code != isa::FaultCode::None)
      os << seen.model << " reports " << isa::name(code) << " after " << name(trouble.kind);
    return os.str();
  }
  const ExpectedFault &fault = *trouble.fault;
  if (code == isa::FaultCode::None && fault.mayEndWell)
    return "";
  const auto engine = isa::Engine(seen.fault >> 8 & 0xFF);
  if (code != fault.code || (fault.isPlaceKnown && (engine != fault.engine || seen.faultPc != fault.pc ||
                                                    seen.faultAddress != fault.address)))
    os << seen.model << " reports " << isa::name(code) << " of " << isa::name(engine) << " at " << seen.faultPc
       << " address " << seen.faultAddress << " after " << name(trouble.kind) << ", expected " << isa::name(fault.code)
       << " of " << isa::name(fault.engine) << " at " << fault.pc << " address " << fault.address;
  return os.str();
}

} // namespace tw::cosim
