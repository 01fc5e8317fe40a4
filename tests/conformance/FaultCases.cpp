// SPDX-License-Identifier: Apache-2.0
#include "FaultCases.h"

#include "Lines.h"

namespace tw::conformance {

using namespace isa;

namespace {

/// Opens region 5 somewhere.
std::function<void(Device &)> openRegion5(uint64_t base) {
  return [base](Device &device) {
    const tw_region region{base, Device::kRegionBytes, TW_REGION_PERM_READ_MASK | TW_REGION_PERM_WRITE_MASK};
    tw_region_set(device.device, 5, &region);
  };
}

Line from5(Line line, int64_t offset) { return line.set(ld::region, 5).set(ld::offset, offset); }

Line loadWeights(int64_t rows) {
  return Line(Opcode::Ldw).set(ldw::region, 1).set(ldw::n0, rows).set(ldw::n1, 1).set(ldw::n2, 1).set(ldw::n3, 1);
}

Line lookUp() { return Line(Opcode::Lut).set(lut::n0, 1).set(lut::n1, 1).set(lut::n2, 1).set(lut::y, 1024); }

void decodeFaults(std::vector<FaultCase> &cases) {
  const auto add = [&](FaultCode code, const char *name, std::vector<Line> lines, uint32_t pc, uint64_t address = 0) {
    cases.push_back({code, name, std::move(lines), pc, Engine::FE, address});
  };
  Line illegal, reserved = kEnd, unusedSlot = load(1), twice = load(1);
  illegal.set(header::opcode, 0xFE);
  reserved.set({511, 1, false}, 1);
  unusedSlot.set(header::wait1_sem, 3);
  twice.set(header::wait0_valid, 1).set(header::wait0_sem, 7).set(header::wait1_valid, 1).set(header::wait1_sem, 7);
  add(FaultCode::IllegalOpcode, "the opcode is no row", {load(1), illegal}, 1);
  for (const Instruction &row : kInstructions)
    if (row.isPlanned)
      add(FaultCode::Unimplemented, row.mnemonic.data(), {load(1), Line(row.opcode)}, 1);
  add(FaultCode::ReservedBits, "the last bit of END", {load(1), load(1), reserved}, 2);
  add(FaultCode::ReservedBits, "a semaphore in an unused slot", {unusedSlot}, 0);
  add(FaultCode::BadShape, "no rows", {load(1).set(ld::n0, 0)}, 0);
  add(FaultCode::BadShape, "one semaphore in two slots", {load(1), twice}, 1);
  add(FaultCode::Misaligned, "half a row into SPM", {load(1).set(ld::spm, 4)}, 0);
  // The address of a bound is the end of what the operand touches.
  add(FaultCode::SpmBounds, "the row behind SPM", {load(1).set(ld::spm, 65536)}, 0, 65536 + kN);
  add(FaultCode::AccBounds, "the last row and one more", {multiply().set(gemm::acc, 1023).set(gemm::m_n, 2)}, 0, 1025);
  add(FaultCode::SpmBounds, "a fill behind SPM", {fillRows(2).set(fill::spm, 65536 - kN)}, 0, 65536 + kN);
  add(FaultCode::SpmBounds, "the last of the four rows of words", {drainWords().set(drw::y, 65536 - 3 * kN)}, 0,
      65536 + kN);
  add(FaultCode::AccBounds, "a restore behind ACC", {restoreWords().set(rsw::acc, 1023).set(rsw::ow_n, 2)}, 0, 1025);
  add(FaultCode::ParamBounds, "the last row and one more", {loadParameters(2).set(ldp::dst, 255)}, 0, 257);
  add(FaultCode::ParamBounds, "the last table and one more",
      {Line(Opcode::Ldt).set(ldt::region, 1).set(ldt::dst, 7).set(ldt::count, 2)}, 0, 9);
  add(FaultCode::RegionBounds, "the row behind the region", {load(1).set(ld::offset, Device::kRegionBytes)}, 0,
      Device::kRegionBytes + kN);
  add(FaultCode::RegionPermission, "a region that is not open", {load(1).set(ld::region, 6)}, 0);
  add(FaultCode::RegionBounds, "a tensor in padding that leaves the region",
      {padded(2, 3).set(ldpad::x1_n, 2).set(ldpad::ds1, Device::kRegionBytes)}, 0, Device::kRegionBytes + kN);
  add(FaultCode::SpmBounds, "padding behind SPM", {padded(2, 3).set(ldpad::spm, 65536 - 5 * kN)}, 0, 65536 + kN);
  add(FaultCode::RegionBounds, "the last bytes of a row behind the region",
      {storeBytes(3).set(stb::offset, Device::kRegionBytes)}, 0, Device::kRegionBytes + 3);
  add(FaultCode::BadShape, "no bytes of a row", {storeBytes(0)}, 0);
  add(FaultCode::RegionPermission, "bytes to constants", {storeBytes(3).set(stb::region, 1)}, 0);
  add(FaultCode::RegionPermission, "a store to constants", {load(3), store(2).set(st::region, 1)}, 1);
  // The page of descriptors and completion records, which the driver opens for writing.
  add(FaultCode::RegionPermission, "a store to records", {load(3), store(2).set(st::region, 3)}, 1);
  add(FaultCode::RegionPermission, "bytes to records", {storeBytes(3).set(stb::region, 3)}, 0);
}

void semaphoreFaults(std::vector<FaultCase> &cases) {
  std::vector<Line> overflow(8, posting(load(1), 9, 8));
  overflow.push_back(kEnd);
  cases.push_back({FaultCode::SemOverflow, "64 posts", overflow, 7, Engine::LA});
  cases.push_back({FaultCode::SemLeak, "a post that nobody takes", {posting(load(1), 1), kEnd}, 1});
  for (FaultCode code : {FaultCode::Deadlock, FaultCode::UncoveredWait})
    cases.push_back({code, "a wait without a post", {load(1), waiting(load(1), 4), kEnd}, 1, Engine::LA});
}

void parameterFaults(std::vector<FaultCase> &cases) {
  cases.push_back({FaultCode::UninitParam, "drain", {load(1), drain(), kEnd}, 1, Engine::RQ});
  cases.push_back({FaultCode::UninitParam, "look-up", {lookUp(), kEnd}, 0, Engine::VX});
  cases.push_back({FaultCode::UninitParam,
                   "the table of a drain",
                   {posting(loadParameters(3).set(ldp::offset, 4096), 2),
                    waiting(Line(Opcode::Drql).set(drql::oc_n, 1).set(drql::oh_n, 1).set(drql::ow_n, 1), 2), kEnd},
                   1,
                   Engine::RQ});
  cases.push_back({FaultCode::BadParam,
                   "a shift of 64",
                   {posting(loadParameters(4).set(ldp::offset, 4096), 2),
                    waiting(Line(Opcode::Drqt).set(drqt::oc_n, 1).set(drqt::oh_n, 1).set(drqt::ow_n, 1), 2), kEnd},
                   1,
                   Engine::RQ,
                   0,
                   kFaultTag,
                   0,
                   0,
                   [](Device &device) {
                     std::memset(device.constants.host + 4096, 0, 128);
                     device.constants.host[4096 + 3 * 4 * kN] = 64;
                   }});
  cases.push_back({FaultCode::BadParam,
                   "a multiplier of zero",
                   {posting(loadParameters(3).set(ldp::offset, 4096), 2), waiting(drain(), 2), kEnd},
                   1,
                   Engine::RQ,
                   0,
                   kFaultTag,
                   0,
                   0,
                   [](Device &device) { std::memset(device.constants.host + 4096, 0, 128); }});
}

/// MX fills and RQ drains the same rows, and nothing orders them.
void conflict(std::vector<FaultCase> &cases) {
  cases.push_back({FaultCode::AccConflict,
                   "an unordered drain",
                   {loadParameters(3), loadWeights(kN), Line(Opcode::Fence), multiply().set(gemm::m_n, 500),
                    drain().set(drq::ow_n, 500).set(drq::y, 32768), kEnd},
                   4,
                   Engine::RQ,
                   0,
                   kFaultTag,
                   0,
                   0,
                   [](Device &device) {
                     const uint32_t multiplier = 0x3C000000; // 2^-7
                     std::memset(device.constants.host, 0, 64);
                     for (int lane = 0; lane < kN; ++lane)
                       std::memcpy(device.constants.host + 64 + lane * 4, &multiplier, sizeof multiplier);
                   }});
}

void busFaults(std::vector<FaultCase> &cases) {
  for (const auto &[kind, base] : {std::pair{"SLVERR", kRefusedBegin}, {"DECERR", kBehindMemory}}) {
    const auto add = [&](FaultCode code, const char *name, std::vector<Line> lines, uint32_t pc, Engine engine,
                         uint64_t address) {
      cases.push_back({code, std::string(kind) + " " + name, std::move(lines), pc, engine, address, kFaultTag, 0, 0,
                       openRegion5(base)});
    };
    add(FaultCode::AxiRead, "load", {load(1), from5(load(40), 256), load(1), kEnd}, 1, Engine::LA, base + 256);
    add(FaultCode::AxiRead, "load of weights", {from5(loadWeights(3), 128), kEnd}, 0, Engine::LW, base + 128);
    add(FaultCode::AxiWrite, "store", {load(1), from5(store(40), 512), kEnd}, 1, Engine::ST, base + 512);
  }
}

void jobFaults(std::vector<FaultCase> &cases) {
  FaultCase fault;
  fault.tag = 0; // no line is to blame
  const auto add = [&](FaultCode code, const char *name, std::vector<Line> lines, uint32_t pc) -> FaultCase & {
    fault.code = code;
    fault.name = name;
    fault.lines = std::move(lines);
    fault.pc = pc;
    return cases.emplace_back(fault);
  };
  add(FaultCode::NoEnd, "no END", {load(1), load(1)}, 2);
  add(FaultCode::IsaVersion, "another ISA", {kEnd}, 0).descriptor = [](tw_job_descriptor &d) { d.isa_hash ^= 1; };
  add(FaultCode::IsaVersion, "another machine", {kEnd}, 0).descriptor = [](tw_job_descriptor &d) {
    d.cfg_hash ^= 1ull << 63;
  };
  add(FaultCode::RegionBounds, "more lines than region 0 has", {kEnd}, 0).descriptor = [](tw_job_descriptor &d) {
    d.line_count = Device::kRegionBytes / kLineBytes + 1;
  };
  add(FaultCode::CycleBudget, "300 cycles", {load(1000), load(1000), kEnd}, 2).budget = 300;
  std::vector<Line> loads(20, load(1000));
  loads.push_back(kEnd);
  add(FaultCode::Aborted, "after 300 cycles", loads, 5).abortAfter = 300;
}

} // namespace

std::string memoryThatRefuses() {
  return "ideal,slverr:rw:" + std::to_string(kRefusedBegin) + ":" + std::to_string(kRefusedBegin + kRefusedBytes);
}

std::vector<FaultCase> faultCases() {
  std::vector<FaultCase> cases;
  decodeFaults(cases);
  semaphoreFaults(cases);
  parameterFaults(cases);
  conflict(cases);
  busFaults(cases);
  jobFaults(cases);
  for (FaultCase &fault : cases)
    if (fault.tag != 0)
      fault.lines.at(fault.pc).setTag(fault.tag);
  return cases;
}

} // namespace tw::conformance
