// SPDX-License-Identifier: Apache-2.0
#include "Registers.h"

#include <algorithm>
#include <cstring>

namespace tw::simulator {

using isa::RegionRegister;
using isa::RegisterOffset;

namespace {

constexpr uint32_t kIdentity = 0x314E5754; // the bytes TWN1
constexpr uint32_t kVersion = 1u << isa::regbits::versionMajor.lsb;
constexpr uint32_t kMarker = 0x45444E54; // the bytes TNDE
constexpr uint32_t kCounterBytes = 8;

uint32_t low(uint64_t value) { return static_cast<uint32_t>(value); }
uint32_t high(uint64_t value) { return static_cast<uint32_t>(value >> 32); }
void setLow(uint64_t &value, uint32_t part) { value = (value & ~uint64_t{UINT32_MAX}) | part; }
void setHigh(uint64_t &value, uint32_t part) { value = (value & UINT32_MAX) | uint64_t{part} << 32; }

/// Region and register of an offset on the page of the regions.
struct RegionPlace {
  uint32_t region;
  RegionRegister which;
};
std::optional<RegionPlace> findRegion(uint32_t offset) {
  if (offset < isa::kRegionRegisters || offset >= isa::kRegionRegisters + isa::kRegions * isa::kRegionRegisterStride)
    return std::nullopt;
  const uint32_t inside = offset - isa::kRegionRegisters;
  return RegionPlace{inside / isa::kRegionRegisterStride, RegionRegister(inside % isa::kRegionRegisterStride)};
}

bool isCounter(uint32_t offset) {
  return offset >= isa::kCounterRegisters && offset < isa::kCounterRegisters + isa::kCounters * kCounterBytes;
}

bool ends(uint64_t offset, uint64_t bytes, uint64_t limit) { return offset <= limit && bytes <= limit - offset; }

/// What may be done with an offset, if it is a register's.
std::optional<isa::RegisterInfo> rowOf(uint32_t offset) {
  const auto in = [](const auto &rows, uint32_t at) -> std::optional<isa::RegisterInfo> {
    const auto row = std::ranges::find(rows, at, &isa::RegisterInfo::offset);
    return row == rows.end() ? std::nullopt : std::optional(*row);
  };
  if (isCounter(offset))
    return isa::RegisterInfo{"counter", static_cast<uint16_t>(offset), true, false, false};
  if (const auto place = findRegion(offset))
    return in(isa::kRegionRegisterRows, static_cast<uint32_t>(place->which));
  return in(isa::kRegisters, offset);
}

isa::AxiResponse answer(uint8_t response) { return isa::AxiResponse(response); }

isa::AxiResponse answerToRead(uint32_t offset) {
  const auto row = rowOf(offset);
  return !row ? answer(isa::kAnswerUnmapped) : row->isReadable ? isa::AxiResponse::Okay : answer(isa::kAnswerWriteOnly);
}

isa::AxiResponse answerToWrite(uint32_t offset, bool busy) {
  const auto row = rowOf(offset);
  return !row                    ? answer(isa::kAnswerUnmapped)
         : !row->isWritable      ? answer(isa::kAnswerReadOnly)
         : row->isLocked && busy ? answer(isa::kAnswerBusy)
                                 : isa::AxiResponse::Okay;
}

uint32_t bytesOf(uint8_t strobes) {
  uint32_t mask = 0;
  for (int byte = 0; byte != 4; ++byte)
    mask |= strobes >> byte & 1 ? 0xFFu << 8 * byte : 0;
  return mask;
}

uint32_t regionValue(const Region &region, RegionRegister which) {
  switch (which) {
  case RegionRegister::BaseLo:
    return low(region.base);
  case RegionRegister::BaseHi:
    return high(region.base);
  case RegionRegister::LimitLo:
    return low(region.limit);
  case RegionRegister::LimitHi:
    return high(region.limit);
  case RegionRegister::Perm:
    return uint32_t{region.read} | uint32_t{region.write} << 1 | uint32_t{region.execute} << 2;
  }
  return 0;
}

void setRegion(Region &region, RegionRegister which, uint32_t value) {
  switch (which) {
  case RegionRegister::BaseLo:
    return setLow(region.base, value & ~uint32_t{4095});
  case RegionRegister::BaseHi:
    return setHigh(region.base, value);
  case RegionRegister::LimitLo:
    return setLow(region.limit, value);
  case RegionRegister::LimitHi:
    return setHigh(region.limit, value);
  case RegionRegister::Perm:
    region.read = value & 1;
    region.write = value >> 1 & 1;
    region.execute = value >> 2 & 1;
  }
}

} // namespace

uint64_t MemoryRecord::get(const isa::RecordFieldInfo &field) const {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + field.offset, field.bytes);
  return value;
}

void MemoryRecord::set(const isa::RecordFieldInfo &field, uint64_t value) {
  std::memcpy(bytes.data() + field.offset, &value, field.bytes);
}

isa::RegisterRead Registers::read(uint32_t offset, const State &state) const {
  const uint32_t word = offset & ~uint32_t{3};
  return {value(word, state), answerToRead(word)};
}

Registers::Written Registers::write(uint32_t offset, uint32_t value, uint8_t strobes, State &state) {
  const uint32_t word = offset & ~uint32_t{3}, mask = bytesOf(strobes);
  const isa::AxiResponse response = answerToWrite(word, busy_);
  if (response != isa::AxiResponse::Okay || mask == 0)
    return {Action::None, response};
  if (RegisterOffset(word) == RegisterOffset::IrqStatus)
    return {set(word, value & mask, state), response};
  return {set(word, (this->value(word, state) & ~mask) | (value & mask), state), response};
}

uint32_t Registers::value(uint32_t offset, const State &state) const {
  if (const auto place = findRegion(offset))
    return regionValue(state.regions[place->region], place->which);
  if (isCounter(offset)) {
    const uint64_t value = counters[(offset - isa::kCounterRegisters) / kCounterBytes];
    return offset % kCounterBytes == 0 ? low(value) : high(value);
  }
  const auto code = static_cast<uint32_t>(fault_.code);
  switch (RegisterOffset(offset)) {
  case RegisterOffset::Id:
    return kIdentity;
  case RegisterOffset::Version:
    return kVersion;
  case RegisterOffset::IsaHashLo:
    return low(isa::kIsaHash);
  case RegisterOffset::IsaHashHi:
    return high(isa::kIsaHash);
  case RegisterOffset::CfgHashLo:
    return low(configHash_);
  case RegisterOffset::CfgHashHi:
    return high(configHash_);
  case RegisterOffset::Control:
    return control_;
  case RegisterOffset::Status:
    return uint32_t{busy_} | uint32_t{done_} << isa::regbits::statusDone.lsb | code << isa::regbits::statusFault.lsb;
  case RegisterOffset::JobLo:
    return low(job_);
  case RegisterOffset::JobHi:
    return high(job_);
  case RegisterOffset::IrqStatus:
    return irqStatus_;
  case RegisterOffset::IrqEnable:
    return irqEnable_;
  case RegisterOffset::Fault:
    return code | static_cast<uint32_t>(fault_.engine) << isa::regbits::faultEngine.lsb |
           uint32_t{fault_.tag} << isa::regbits::faultTag.lsb;
  case RegisterOffset::FaultPc:
    return fault_.pc;
  case RegisterOffset::FaultAddrLo:
    return low(fault_.address);
  case RegisterOffset::FaultAddrHi:
    return high(fault_.address);
  case RegisterOffset::Doorbell:
  case RegisterOffset::Abort:
    break;
  }
  return 0;
}

Registers::Action Registers::set(uint32_t offset, uint32_t value, State &state) {
  if (const auto place = findRegion(offset)) {
    setRegion(state.regions[place->region], place->which, value);
    return Action::None;
  }
  switch (RegisterOffset(offset)) {
  case RegisterOffset::Control:
    control_ = value & 1;
    break;
  case RegisterOffset::JobLo:
    setLow(job_, value & ~uint32_t{63});
    break;
  case RegisterOffset::JobHi:
    setHigh(job_, value);
    break;
  case RegisterOffset::Doorbell:
    if (busy_)
      break;
    busy_ = true;
    done_ = false;
    fault_ = {};
    counters = {};
    return Action::Start;
  case RegisterOffset::Abort:
    return busy_ ? Action::Abort : Action::None;
  case RegisterOffset::IrqStatus:
    irqStatus_ &= ~value;
    break;
  case RegisterOffset::IrqEnable:
    irqEnable_ = value & 1;
    break;
  case RegisterOffset::Id:
  case RegisterOffset::Version:
  case RegisterOffset::IsaHashLo:
  case RegisterOffset::IsaHashHi:
  case RegisterOffset::CfgHashLo:
  case RegisterOffset::CfgHashHi:
  case RegisterOffset::Status:
  case RegisterOffset::Fault:
  case RegisterOffset::FaultPc:
  case RegisterOffset::FaultAddrLo:
  case RegisterOffset::FaultAddrHi:
    break;
  }
  return Action::None;
}

JobStart Registers::checkJob(const MemoryRecord &descriptor, const State &state) const {
  namespace d = isa::jobDescriptor;
  const Region &code = state.regions[size_t(isa::RegionRole::Code)];
  const Region &done = state.regions[size_t(isa::RegionRole::Completion)];
  const uint64_t codeOffset = descriptor.get(d::codeOffset) & ~uint64_t{63};
  const uint64_t recordOffset = descriptor.get(d::recordOffset) & ~uint64_t{63};

  JobStart start;
  auto fail = [&](isa::FaultCode fault) {
    if (!start.fault)
      start.fault = isa::Fault{fault, 0};
  };
  if (descriptor.get(d::isaHash) != isa::kIsaHash || descriptor.get(d::cfgHash) != configHash_)
    fail(isa::FaultCode::IsaVersion);
  start.canWriteRecord = done.write && ends(recordOffset, isa::kCompletionRecordBytes, done.limit);
  if (!start.canWriteRecord)
    fail(done.write ? isa::FaultCode::RegionBounds : isa::FaultCode::RegionPermission);
  if (!code.execute)
    fail(isa::FaultCode::RegionPermission);
  if (!ends(codeOffset, descriptor.get(d::lineCount) * isa::kLineBytes, code.limit))
    fail(isa::FaultCode::RegionBounds);
  return start;
}

void Registers::finish(const JobFault &fault) {
  fault_ = fault;
  busy_ = false;
  done_ = true;
  irqStatus_ |= 1u << isa::regbits::irqStatusDone.lsb;
}

MemoryRecord makeCompletionRecord(uint32_t sequence, const JobFault &fault, const Registers &registers, uint32_t n) {
  namespace r = isa::completionRecord;
  using isa::CounterId;
  MemoryRecord record;
  record.set(r::sequence, sequence);
  record.set(r::code, static_cast<uint64_t>(fault.code));
  record.set(r::engine, static_cast<uint64_t>(fault.engine));
  record.set(r::tag, fault.tag);
  record.set(r::pc, fault.pc);
  record.set(r::marker, kMarker);
  record.set(r::address, fault.address);
  record.set(r::cycles, registers.counter(CounterId::Cycles));
  record.set(r::bytesRead, registers.counter(CounterId::BytesReadLa) + registers.counter(CounterId::BytesReadLw));
  record.set(r::bytesWritten, registers.counter(CounterId::BytesWritten));
  record.set(r::macs, registers.counter(CounterId::MxRows) * n * n);
  record.set(r::saturations, registers.counter(CounterId::Saturations));
  return record;
}

} // namespace tw::simulator
