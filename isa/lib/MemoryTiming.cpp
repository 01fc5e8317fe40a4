// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/MemoryTiming.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <utility>

namespace tw::isa {

namespace {

uint64_t mix(uint64_t x) { // splitmix64
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// Salt of the draws that lengthen a latency, so that they do not repeat those of the stalls.
constexpr uint32_t kLatencyBeat = 0xFFFFFFFFu;

uint64_t draw(uint64_t seed, AxiChannel channel, uint64_t burst, uint32_t beat) {
  return mix(mix(mix(seed) ^ (burst * 8 + static_cast<uint64_t>(channel))) ^ beat);
}

} // namespace

MemoryTimingConfig MemoryTimingConfig::ideal(uint32_t readLatency, uint32_t writeLatency) {
  MemoryTimingConfig config;
  config.readLatency = readLatency;
  config.writeLatency = writeLatency;
  return config;
}

MemoryTimingConfig MemoryTimingConfig::rowsKind() {
  MemoryTimingConfig config;
  config.rows = true;
  return config;
}

MemoryTimingConfig MemoryTimingConfig::randomKind(uint64_t seed) {
  MemoryTimingConfig config;
  config.seed = seed;
  config.stallPer256 = 48;
  config.latencySpread = 60;
  return config;
}

namespace {

std::vector<std::string> split(const std::string &text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end == std::string::npos ? end : end - begin));
  }
  return parts;
}

std::optional<uint64_t> parseNumber(const std::string &text) {
  uint64_t number = 0;
  const char *end = text.data() + text.size();
  auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end)
    return std::nullopt;
  return number;
}

std::optional<MemoryTimingConfig> parseKind(const std::vector<std::string> &parts) {
  std::vector<uint64_t> values;
  for (size_t i = 1; i < parts.size(); ++i) {
    const auto value = parseNumber(parts[i]);
    if (!value)
      return std::nullopt;
    values.push_back(*value);
  }
  const auto isLatency = [](uint64_t value) { return value <= UINT32_MAX; };
  if (parts[0] == "ideal" && values.size() <= 2 && std::all_of(values.begin(), values.end(), isLatency)) {
    MemoryTimingConfig config;
    if (values.size() > 0)
      config.readLatency = static_cast<uint32_t>(values[0]);
    if (values.size() > 1)
      config.writeLatency = static_cast<uint32_t>(values[1]);
    return config;
  }
  if (parts[0] == "rows" && values.empty())
    return MemoryTimingConfig::rowsKind();
  if (parts[0] == "random" && values.size() == 1)
    return MemoryTimingConfig::randomKind(values[0]);
  return std::nullopt;
}

std::optional<MemoryErrorRange> parseErrors(const std::vector<std::string> &parts) {
  const std::optional<AxiResponse> response = parseAxiError(parts[0]);
  if (parts.size() != 4 || !response)
    return std::nullopt;
  if (parts[1] != "r" && parts[1] != "w" && parts[1] != "rw")
    return std::nullopt;
  const auto begin = parseNumber(parts[2]), end = parseNumber(parts[3]);
  if (!begin || !end)
    return std::nullopt;
  return MemoryErrorRange{*begin, *end, *response, parts[1] != "w", parts[1] != "r"};
}

} // namespace

std::optional<AxiResponse> parseAxiError(const std::string &text) {
  return text == "exokay"   ? std::optional(AxiResponse::ExclusiveOkay)
         : text == "slverr" ? std::optional(AxiResponse::SlaveError)
         : text == "decerr" ? std::optional(AxiResponse::DecodeError)
                            : std::nullopt;
}

std::optional<MemoryTimingConfig> parseMemoryTiming(const std::string &text) {
  const std::vector<std::string> parts = split(text, ',');
  std::optional<MemoryTimingConfig> config = parseKind(split(parts[0], ':'));
  for (size_t i = 1; config && i < parts.size(); ++i) {
    const auto range = parseErrors(split(parts[i], ':'));
    if (!range)
      return std::nullopt;
    config->errors.push_back(*range);
  }
  return config;
}

MemoryTiming::MemoryTiming(MemoryTimingConfig config, uint32_t beatBytes)
    : config_(std::move(config)), beatBytes_(beatBytes) {
  config_.banks = std::max(config_.banks, 1u);
  config_.rowBytes = std::max(config_.rowBytes, beatBytes_);
  config_.stallMax = std::max(config_.stallMax, 1u);
  isPlain_ = !config_.rows && config_.stallPer256 == 0 && config_.latencySpread == 0 && config_.errors.empty();
  plainBytes_ = config_.memoryBytes == 0 ? ~uint64_t{0} : config_.memoryBytes;
  startJob();
}

void MemoryTiming::startJob() {
  readBanks_.assign(config_.banks, {});
  writeBanks_.assign(config_.banks, {});
  readIndex_ = writeIndex_ = 0;
  nextReadFree_ = nextResponseFree_ = 0;
}

uint32_t MemoryTiming::randomStall(AxiChannel channel, uint64_t burst, uint32_t beat) const {
  uint64_t bits = draw(config_.seed, channel, burst, beat);
  return (bits & 255) < config_.stallPer256 ? 1 + (bits >> 8) % config_.stallMax : 0;
}

uint64_t MemoryTiming::latency(std::vector<Bank> &banks, AxiChannel channel, uint64_t burst, uint64_t cycle,
                               uint64_t address, uint32_t fixed) const {
  uint64_t total = fixed;
  if (config_.latencySpread != 0)
    total += draw(config_.seed, channel, burst, kLatencyBeat) % (uint64_t{config_.latencySpread} + 1);
  if (!config_.rows)
    return total;

  uint64_t row = address / config_.rowBytes;
  Bank &bank = banks[row % config_.banks];
  uint64_t start = std::max(cycle, bank.notBefore);
  uint64_t epoch = 0;
  if (config_.refreshInterval != 0) {
    epoch = start / config_.refreshInterval;
    if (epoch != 0 && start - epoch * config_.refreshInterval < config_.refreshCycles)
      start = epoch * config_.refreshInterval + config_.refreshCycles;
  }
  bool open = bank.open && bank.epoch == epoch;
  uint64_t activate = 0;
  if (!open)
    activate = config_.tRcd;
  else if (bank.row != row)
    activate = uint64_t{config_.tRp} + config_.tRcd;
  bank = {true, row, start + activate, epoch};
  return total + (start - cycle) + activate + config_.tCl;
}

AxiResponse MemoryTiming::response(uint64_t address, bool isRead) const {
  if (config_.memoryBytes != 0 && address >= config_.memoryBytes)
    return AxiResponse::DecodeError;
  for (const MemoryErrorRange &range : config_.errors)
    if (address >= range.begin && address < range.end && (isRead ? range.onRead : range.onWrite))
      return range.response;
  return AxiResponse::Okay;
}

AxiResponse MemoryTiming::worst(uint64_t address, uint32_t beats, bool isRead) const {
  AxiResponse found = AxiResponse::Okay;
  if (config_.errors.empty() && address + uint64_t{beats} * beatBytes_ <= plainBytes_)
    return found;
  for (uint32_t beat = 0; beat < beats; ++beat)
    found = std::max(found, response(address + uint64_t{beat} * beatBytes_, isRead));
  return found;
}

ReadBurst MemoryTiming::readAny(uint64_t accepted, uint64_t address, uint32_t beats) {
  assert(beats > 0 && "a burst has at least one beat");
  ReadBurst burst;
  burst.index = readIndex_++;
  burst.beats = beats;
  uint64_t wait = latency(readBanks_, AxiChannel::R, burst.index, accepted, address, config_.readLatency);
  burst.first = std::max(accepted + wait, nextReadFree_) + stall(AxiChannel::R, burst.index, 0);
  burst.last = burst.first;
  if (config_.stallPer256 == 0)
    burst.last += beats - 1;
  else
    for (uint32_t beat = 1; beat < beats; ++beat)
      burst.last = nextReadBeat(burst.index, beat, burst.last);
  burst.gapFree = burst.last == burst.first + beats - 1;
  burst.failed = worst(address, beats, true) != AxiResponse::Okay;
  nextReadFree_ = burst.last + 1;
  return burst;
}

uint64_t MemoryTiming::lastStalledBeat(uint64_t burst, uint64_t visible, uint32_t beats) const {
  assert(beats > 0 && "a burst has at least one beat");
  uint64_t cycle = acceptWriteBeat(burst, 0, visible);
  for (uint32_t beat = 1; beat < beats; ++beat)
    cycle = acceptWriteBeat(burst, beat, cycle + 1);
  return cycle;
}

WriteResponse MemoryTiming::writeAny(uint64_t lastBeat, uint64_t address, uint32_t beats) {
  uint64_t index = writeIndex_++;
  uint64_t wait = latency(writeBanks_, AxiChannel::B, index, lastBeat, address, config_.writeLatency);
  uint64_t cycle = std::max(lastBeat + wait + stall(AxiChannel::B, index, 0), nextResponseFree_);
  nextResponseFree_ = cycle + 1;
  return {cycle, worst(address, beats, false)};
}

void MemoryBus::startJob() {
  timing_.startJob();
  readAt_ = writeAt_ = dataAt_ = std::nullopt;
  writeAddresses_ = 0;
  reads_.clear();
  writes_.clear();
  responses_.clear();
}

bool MemoryBus::readAddress(uint64_t cycle, bool valid, uint64_t address, uint32_t beats) {
  if (!valid)
    return false;
  if (!readAt_)
    readAt_ = timing_.acceptRead(cycle);
  if (cycle < *readAt_)
    return false;
  readAt_.reset();
  ReadBurst burst = timing_.read(cycle, address, beats);
  reads_.push_back({burst, address, 0, burst.first});
  return true;
}

ReadBeat MemoryBus::readData(uint64_t cycle) {
  if (reads_.empty() || reads_.front().cycle != cycle)
    return {};
  Read &read = reads_.front();
  uint64_t address = read.address + uint64_t{read.beat} * timing_.beatBytes();
  ReadBeat beat{true, read.beat + 1 == read.burst.beats, address, timing_.readResponse(address)};
  if (beat.last)
    reads_.pop_front();
  else
    read.cycle = timing_.nextReadBeat(read.burst.index, ++read.beat, cycle);
  return beat;
}

bool MemoryBus::writeAddress(uint64_t cycle, bool valid, uint64_t address, uint32_t beats) {
  if (!valid)
    return false;
  if (!writeAt_)
    writeAt_ = timing_.acceptWrite(writeAddresses_, cycle);
  if (cycle < *writeAt_)
    return false;
  writeAt_.reset();
  writes_.push_back({writeAddresses_++, address, beats, 0});
  return true;
}

WriteBeat MemoryBus::writeData(uint64_t cycle, bool valid) {
  if (!valid || writes_.empty())
    return {};
  Write &write = writes_.front();
  if (!dataAt_)
    dataAt_ = timing_.acceptWriteBeat(write.index, write.beat, cycle);
  if (cycle < *dataAt_)
    return {};
  dataAt_.reset();
  WriteBeat beat{true, write.address + uint64_t{write.beat} * timing_.beatBytes()};
  if (++write.beat == write.beats) {
    responses_.push_back(timing_.write(cycle, write.address, write.beats));
    writes_.pop_front();
  }
  return beat;
}

std::optional<AxiResponse> MemoryBus::writeDone(uint64_t cycle) {
  if (responses_.empty() || responses_.front().cycle != cycle)
    return std::nullopt;
  AxiResponse response = responses_.front().response;
  responses_.pop_front();
  return response;
}

} // namespace tw::isa
