// SPDX-License-Identifier: Apache-2.0
#include "tw/support/Job.h"

#include "tw/isa/ConfigReader.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace tw::test {

namespace {

void put(std::span<uint8_t> memory, uint64_t address, const isa::RecordFieldInfo &field, uint64_t value) {
  std::memcpy(memory.data() + address + field.offset, &value, field.bytes);
}

uint64_t get(std::span<uint8_t> memory, uint64_t address, const isa::RecordFieldInfo &field) {
  uint64_t value = 0;
  std::memcpy(&value, memory.data() + address + field.offset, field.bytes);
  return value;
}

void write(isa::Machine &machine, isa::RegisterOffset offset, uint64_t value) {
  machine.writeRegister(static_cast<uint32_t>(offset), static_cast<uint32_t>(value));
}

uint64_t recordAddress(const Job &job) {
  return job.regions[size_t(isa::RegionRole::Completion)].base + job.recordOffset;
}

} // namespace

isa::HwConfig testConfig(const char *name) {
  Result<isa::HwConfig> config = isa::loadConfig(name);
  if (!config) {
    std::fprintf(stderr, "error: %s\n", config.diag().str().c_str());
    std::abort();
  }
  return *config;
}

Job::Job(const isa::HwConfig &config, std::vector<isa::Line> code)
    : lines(std::move(code)), isaHash(isa::kIsaHash), configHash(isa::configHash(config)),
      lineCount(static_cast<uint32_t>(lines.size())) {
  regions[size_t(isa::RegionRole::Code)] = {0x10000, 0x10000, false, false, true};
  regions[size_t(isa::RegionRole::Const)] = {kConstBase, kArenaBase - kConstBase, true, false, false};
  regions[size_t(isa::RegionRole::Arena)] = {kArenaBase, kMemoryBytes - kArenaBase, true, true, false};
  regions[size_t(isa::RegionRole::Completion)] = {0x1000, 0x1000, false, true, false};
}

std::ostream &operator<<(std::ostream &os, const JobOutcome &o) {
  return os << "{" << (o.finished ? "" : "not finished, ") << (o.hasRecord ? "" : "no record, ") << isa::name(o.code)
            << " engine " << isa::name(o.engine) << " tag " << o.tag << " pc " << o.pc << " address " << o.address
            << " cycles " << o.cycles << " read " << o.bytesRead << " written " << o.bytesWritten << " macs " << o.macs
            << " saturations " << o.saturations << "}";
}

void prepareJob(isa::Machine &machine, const Job &job) {
  namespace d = isa::jobDescriptor;
  const std::span<uint8_t> memory = machine.memory();
  for (size_t i = 0; i < job.regions.size(); ++i) {
    const JobRegion &region = job.regions[i];
    const auto set = [&](isa::RegionRegister which, uint64_t value) {
      machine.writeRegister(
          static_cast<uint32_t>(isa::kRegionRegisters + i * isa::kRegionRegisterStride + static_cast<size_t>(which)),
          static_cast<uint32_t>(value));
    };
    set(isa::RegionRegister::BaseLo, region.base);
    set(isa::RegionRegister::BaseHi, region.base >> 32);
    set(isa::RegionRegister::LimitLo, region.limit);
    set(isa::RegionRegister::LimitHi, region.limit >> 32);
    set(isa::RegionRegister::Perm, uint64_t{region.read} | uint64_t{region.write} << 1 | uint64_t{region.execute} << 2);
  }
  const uint64_t code = job.regions[size_t(isa::RegionRole::Code)].base + job.codeOffset;
  for (size_t i = 0; i < job.lines.size(); ++i)
    std::memcpy(memory.data() + code + i * isa::kLineBytes, job.lines[i].bytes().data(), isa::kLineBytes);
  if (recordAddress(job) + isa::kCompletionRecordBytes <= memory.size())
    std::memset(memory.data() + recordAddress(job), 0, isa::kCompletionRecordBytes);

  std::memset(memory.data() + job.descriptorAddress, 0, isa::kJobDescriptorBytes);
  put(memory, job.descriptorAddress, d::isaHash, job.isaHash);
  put(memory, job.descriptorAddress, d::cfgHash, job.configHash);
  put(memory, job.descriptorAddress, d::codeOffset, job.codeOffset);
  put(memory, job.descriptorAddress, d::lineCount, job.lineCount);
  put(memory, job.descriptorAddress, d::sequence, job.sequence);
  put(memory, job.descriptorAddress, d::recordOffset, job.recordOffset);
  put(memory, job.descriptorAddress, d::cycleBudget, job.cycleBudget);
  write(machine, isa::RegisterOffset::Control, job.serial);
  write(machine, isa::RegisterOffset::JobLo, job.descriptorAddress);
  write(machine, isa::RegisterOffset::JobHi, job.descriptorAddress >> 32);
}

JobOutcome readOutcome(isa::Machine &machine, const Job &job) {
  namespace r = isa::completionRecord;
  const std::span<uint8_t> memory = machine.memory();
  const auto field = [&](const isa::RecordFieldInfo &info) { return get(memory, recordAddress(job), info); };
  JobOutcome outcome;
  outcome.hasRecord = recordAddress(job) + isa::kCompletionRecordBytes <= memory.size() &&
                      field(r::marker) == 0x45444E54 && field(r::sequence) == job.sequence;
  if (!outcome.hasRecord)
    return outcome;
  outcome.code = isa::FaultCode(field(r::code));
  outcome.engine = isa::Engine(field(r::engine));
  outcome.tag = static_cast<uint16_t>(field(r::tag));
  outcome.pc = static_cast<uint32_t>(field(r::pc));
  outcome.address = field(r::address);
  outcome.cycles = field(r::cycles);
  outcome.bytesRead = field(r::bytesRead);
  outcome.bytesWritten = field(r::bytesWritten);
  outcome.macs = field(r::macs);
  outcome.saturations = field(r::saturations);
  return outcome;
}

JobOutcome runJob(isa::Machine &machine, const Job &job) {
  prepareJob(machine, job);
  write(machine, isa::RegisterOffset::Doorbell, 1);
  const bool finished = machine.runUntilIdle();
  JobOutcome outcome = readOutcome(machine, job);
  outcome.finished = finished;
  return outcome;
}

} // namespace tw::test
