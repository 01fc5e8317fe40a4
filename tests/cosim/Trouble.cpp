// SPDX-License-Identifier: Apache-2.0
#include "Trouble.h"

#include "tw/isa/Timing.h"

#include <algorithm>
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

/// Any register, or none.
uint16_t randomOffset(std::mt19937_64 &random) {
  const uint64_t draw = random() >> 8;
  switch (random() % 4) {
  case 0:
    return isa::kRegisters[draw % isa::kRegisters.size()].offset;
  case 1:
    return uint16_t(isa::kCounterRegisters + 4 * (draw % (2 * isa::kCounters + 1)));
  case 2:
    return uint16_t(isa::kRegionRegisters + 4 * (draw % (isa::kRegions * isa::kRegionRegisterStride / 4 + 1)));
  default:
    return uint16_t(draw);
  }
}

bool isWriteOf(const isa::HostAccess &access, isa::RegisterOffset reg) {
  return access.isWrite && (access.offset & ~3) == int(reg);
}

/// Reads and writes of anything from the beginning of a job of `cycles` cycles to some time after it. The doorbell
/// rings only while the job runs, so that no other one begins, and nobody asks for an abort.
std::vector<isa::HostAccess> randomHost(uint64_t cycles, std::mt19937_64 &random) {
  const auto below = [&](uint64_t n) { return random() % n; };
  std::vector<isa::HostAccess> accesses;
  const uint64_t gap = 1 + below(2 + cycles / 30);
  for (uint64_t at = 2 + below(20); at < cycles + 60; at += below(4) ? below(gap) : below(4)) {
    isa::HostAccess access;
    access.isWrite = below(2);
    access.offset = randomOffset(random);
    if (below(4) == 0) // of registers that may change now
      access.offset = uint16_t(below(2) ? isa::RegisterOffset::IrqStatus : isa::RegisterOffset::IrqEnable);
    access.value = below(2) ? uint32_t(random()) : uint32_t(below(4));
    access.strobes = uint8_t(below(2) ? isa::Machine::kAllBytes : below(16));
    access.cycle = at;
    access.addressAfter = uint32_t(below(3) ? 0 : below(7));
    access.dataAfter = uint32_t(below(3) ? 0 : below(7));
    access.takenAfter = uint32_t(below(3) ? 0 : below(7));
    if (!isWriteOf(access, isa::RegisterOffset::Abort))
      accesses.push_back(access);
  }
  const std::vector<uint64_t> times = isa::accessTimes(accesses);
  std::vector<isa::HostAccess> result; // what is left out lets others happen before, not later
  for (size_t i = 0; i != times.size(); ++i)
    if (times[i] < cycles || !isWriteOf(accesses[i], isa::RegisterOffset::Doorbell))
      result.push_back(accesses[i]);
  return result;
}

/// An abort among the accesses; doorbells after it would start the job again.
void addAbort(std::vector<isa::HostAccess> &accesses, uint64_t cycle, std::mt19937_64 &random) {
  const auto after = std::ranges::find_if(accesses, [&](const auto &access) { return access.cycle >= cycle; });
  isa::HostAccess abort{.isWrite = true, .offset = uint16_t(isa::RegisterOffset::Abort)};
  abort.value = uint32_t(random());
  abort.strobes = uint8_t(1 + random() % isa::Machine::kAllBytes);
  abort.cycle = std::max<uint64_t>(cycle, 2);
  abort.addressAfter = uint32_t(random() % 4);
  abort.dataAfter = uint32_t(random() % 4);
  const auto rest = accesses.insert(after, abort) + 1;
  accesses.erase(std::remove_if(rest, accesses.end(),
                                [](const auto &access) { return isWriteOf(access, isa::RegisterOffset::Doorbell); }),
                 accesses.end());
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
  case TroubleKind::RecordError:
    return "record error";
  case TroubleKind::Abort:
    return "abort";
  case TroubleKind::Budget:
    return "budget";
  case TroubleKind::Host:
    return "host";
  case TroubleKind::HostAbort:
    return "host abort";
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

  if (kind == TroubleKind::Host || kind == TroubleKind::HostAbort) {
    scenario.host = randomHost(cycles, random);
    if (kind == TroubleKind::Host)
      return {kind, std::nullopt};
    addAbort(scenario.host, inside, random);
    return {kind, ExpectedFault{isa::FaultCode::Aborted, false, {}, 0, 0, true}};
  }

  const test::Job job = layOut(scenario).job;
  const uint64_t beatBytes = scenario.config.axiBytes;
  BusError error;
  error.bytes = beatBytes;
  error.response = isa::AxiResponse(1 + below(3));
  if (kind == TroubleKind::DescriptorError) {
    error.offset = below(isa::kJobDescriptorBytes / beatBytes) * beatBytes;
    scenario.errors.push_back(error);
    return {kind, ExpectedFault{isa::FaultCode::AxiRead, true, isa::Engine::FE, 0, job.descriptorAddress, false}};
  }
  if (kind == TroubleKind::RecordError) {
    error.region = int(isa::RegionRole::Completion);
    error.offset = below(isa::kCompletionRecordBytes / beatBytes) * beatBytes;
    error.onRead = false;
    scenario.errors.push_back(error);
    return {kind, ExpectedFault{isa::FaultCode::AxiWrite, true, isa::Engine::FE, uint32_t(job.lines.size() - 1),
                                job.regions[size_t(error.region)].base, false}};
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
