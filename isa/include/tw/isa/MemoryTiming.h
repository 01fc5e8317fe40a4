// SPDX-License-Identifier: Apache-2.0
// When the memory behind the chip answers: one arithmetic for the cycle model (bursts) and the RTL bench (cycles).
// Called by the cycle model (MemoryTiming) and by the bench of the RTL (MemoryBus, a stepper over the same object).
// It holds no data and knows no machine. Cycles count from cycle 0 of the job; the contract is docs/timing.md,
// section 9.
#ifndef TW_ISA_MEMORYTIMING_H
#define TW_ISA_MEMORYTIMING_H

#include "tw/isa/Axi.h"
#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace tw::isa {

/// The five AXI channels, as an argument of the stall function.
enum class AxiChannel : uint8_t { AR, R, AW, W, B };

/// Beats whose byte address lies in [begin, end) are answered with `response`. Data still move; memory after a fault is
/// undefined.
struct MemoryErrorRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  AxiResponse response = AxiResponse::SlaveError;
  bool onRead = true;
  bool onWrite = true;
};

/// What the memory is like. The default is ideal: a fixed latency, no stalls, no errors.
struct MemoryTimingConfig {
  uint32_t readLatency = 20;  // cycles from AR accepted to beat 0
  uint32_t writeLatency = 10; // cycles from the last W beat to B

  // Rows: the latency of an open row comes on top of the fixed one.
  bool rows = false;
  uint32_t banks = 8;              // byte address / rowBytes mod banks
  uint32_t rowBytes = 2048;        // at least the longest burst
  uint32_t tCl = 5;                // open row to data
  uint32_t tRcd = 5;               // activate a closed row
  uint32_t tRp = 5;                // close another row first
  uint32_t refreshInterval = 3900; // a refresh starts at each multiple (not at 0); 0: never
  uint32_t refreshCycles = 130;    // closes all rows; an access waits for its end

  // Random: a pure function of (seed, channel, burst, beat).
  uint64_t seed = 0;
  uint32_t stallPer256 = 0;   // probability of a stall, for each handshake, in 1/256
  uint32_t stallMax = 8;      // a stall is 1 to stallMax cycles
  uint32_t latencySpread = 0; // 0 to this many cycles added to each latency

  std::vector<MemoryErrorRange> errors;
  uint64_t memoryBytes = 0; // addresses from here on answer DecodeError; 0: no bound

  static MemoryTimingConfig ideal(uint32_t readLatency = 20, uint32_t writeLatency = 10);
  static MemoryTimingConfig rowsKind();
  static MemoryTimingConfig randomKind(uint64_t seed);
};

/// Reads "exokay", "slverr" or "decerr": a memory that takes a plain access for an exclusive one is as wrong as the
/// others.
std::optional<AxiResponse> parseAxiError(const std::string &text);

/// Reads "ideal", "ideal:<latency>[:<of writes>]", "rows" or "random:<seed>", then any number of errors after commas:
/// "rows,slverr:r:4096:8192,decerr:rw:0:64" (parseAxiError; r, w or rw; first address and end). Nothing for any other
/// text.
std::optional<MemoryTimingConfig> parseMemoryTiming(const std::string &text);

/// Schedule of a read burst. Beat k is on the bus at first + k if gapFree; otherwise walk with
/// MemoryTiming::nextReadBeat.
struct ReadBurst {
  uint64_t index = 0; // number of the burst since startJob()
  uint64_t first = 0; // cycle of beat 0
  uint64_t last = 0;  // cycle of the last beat
  uint32_t beats = 0;
  bool gapFree = true;
  bool failed = false; // some beat does not answer Okay
};

/// Response to a write burst.
struct WriteResponse {
  uint64_t cycle = 0; // cycle of B on the bus
  AxiResponse response = AxiResponse::Okay;
};

/// The arithmetic. Reads are told in the order in which their addresses are accepted, writes in the order of their last
/// beats. `beatBytes` is the AXI width.
class MemoryTiming {
public:
  MemoryTiming(MemoryTimingConfig config, uint32_t beatBytes);

  /// Forgets all bursts and row states: every job sees the same memory.
  void startJob();

  /// The cycle in which the next read address is accepted when its VALID is first visible in `visible`.
  uint64_t acceptRead(uint64_t visible) const { return visible + stall(AxiChannel::AR, readIndex_, 0); }
  /// The next read burst, its address accepted in `accepted`.
  ReadBurst read(uint64_t accepted, uint64_t address, uint32_t beats) {
    if (!isPlainFor(address, beats))
      return readAny(accepted, address, beats);
    const uint64_t first = std::max(accepted + config_.readLatency, nextReadFree_), last = first + beats - 1;
    nextReadFree_ = last + 1;
    return {readIndex_++, first, last, beats, true, false};
  }
  /// The cycle of beat `beat` (1 or more) of a burst whose previous beat is on the bus in `previous`.
  uint64_t nextReadBeat(uint64_t burst, uint32_t beat, uint64_t previous) const {
    return previous + 1 + stall(AxiChannel::R, burst, beat);
  }

  /// The cycle in which the address of write burst `burst` is accepted when its VALID is first visible in `visible`.
  uint64_t acceptWrite(uint64_t burst, uint64_t visible) const { return visible + stall(AxiChannel::AW, burst, 0); }
  /// The cycle in which beat `beat` of write burst `burst` is accepted when its VALID is first visible in `visible`.
  uint64_t acceptWriteBeat(uint64_t burst, uint32_t beat, uint64_t visible) const {
    return visible + stall(AxiChannel::W, burst, beat);
  }
  /// The cycle of the last beat of write burst `burst` when beat 0 is first visible in `visible` and each further beat
  /// in the cycle after the one before it was accepted.
  uint64_t lastWriteBeat(uint64_t burst, uint64_t visible, uint32_t beats) const {
    return config_.stallPer256 == 0 ? visible + beats - 1 : lastStalledBeat(burst, visible, beats);
  }
  /// Response to the next write burst, its last beat accepted in `lastBeat`.
  WriteResponse write(uint64_t lastBeat, uint64_t address, uint32_t beats) {
    if (!isPlainFor(address, beats))
      return writeAny(lastBeat, address, beats);
    ++writeIndex_;
    const uint64_t cycle = std::max(lastBeat + config_.writeLatency, nextResponseFree_);
    nextResponseFree_ = cycle + 1;
    return {cycle, AxiResponse::Okay};
  }

  /// Number of the next burst.
  uint64_t nextReadIndex() const { return readIndex_; }
  uint64_t nextWriteIndex() const { return writeIndex_; }

  AxiResponse readResponse(uint64_t address) const { return response(address, true); }
  AxiResponse writeResponse(uint64_t address) const { return response(address, false); }

  uint32_t beatBytes() const { return beatBytes_; }
  const MemoryTimingConfig &config() const { return config_; }

private:
  struct Bank {
    bool open = false;
    uint64_t row = 0;
    uint64_t notBefore = 0;
    uint64_t epoch = 0; // refreshes seen when the row was opened
  };
  uint32_t stall(AxiChannel channel, uint64_t burst, uint32_t beat) const {
    return config_.stallPer256 == 0 ? 0 : randomStall(channel, burst, beat);
  }
  /// Latency is a constant, nothing stalls, and these beats have no error.
  bool isPlainFor(uint64_t address, uint32_t beats) const {
    return isPlain_ && address + uint64_t{beats} * beatBytes_ <= plainBytes_;
  }
  ReadBurst readAny(uint64_t accepted, uint64_t address, uint32_t beats);
  WriteResponse writeAny(uint64_t lastBeat, uint64_t address, uint32_t beats);
  uint64_t lastStalledBeat(uint64_t burst, uint64_t visible, uint32_t beats) const;
  uint32_t randomStall(AxiChannel channel, uint64_t burst, uint32_t beat) const;
  uint64_t latency(std::vector<Bank> &banks, AxiChannel channel, uint64_t burst, uint64_t cycle, uint64_t address,
                   uint32_t fixed) const;
  AxiResponse response(uint64_t address, bool isRead) const;
  AxiResponse worst(uint64_t address, uint32_t beats, bool isRead) const;

  MemoryTimingConfig config_;
  uint32_t beatBytes_;
  bool isPlain_;
  uint64_t plainBytes_;
  std::vector<Bank> readBanks_, writeBanks_;
  uint64_t readIndex_ = 0, writeIndex_ = 0;
  uint64_t nextReadFree_ = 0, nextResponseFree_ = 0; // first cycle in which R, B are free
};

/// What the R channel shows in one cycle.
struct ReadBeat {
  bool valid = false;
  bool last = false;
  uint64_t address = 0; // of the beat's first byte
  AxiResponse response = AxiResponse::Okay;
};

/// What a write beat that was accepted means to memory.
struct WriteBeat {
  bool ready = false;
  uint64_t address = 0; // of the beat's first byte, valid if ready
};

/// The same memory one cycle at a time, for a bench. Call each function at most once a cycle, cycles never going back,
/// and drive a channel's ready from the answer in the same cycle. The chip's RREADY and BREADY are taken to be 1. Write
/// data may only be valid after their address was accepted.
class MemoryBus {
public:
  explicit MemoryBus(MemoryTiming &timing) : timing_(timing) {} // timing is not owned

  void startJob();

  /// ARREADY. True with `valid`: the burst is accepted in this cycle.
  bool readAddress(uint64_t cycle, bool valid, uint64_t address, uint32_t beats);
  /// The beat on the R channel in this cycle.
  ReadBeat readData(uint64_t cycle);
  /// AWREADY.
  bool writeAddress(uint64_t cycle, bool valid, uint64_t address, uint32_t beats);
  /// WREADY, and where an accepted beat goes.
  WriteBeat writeData(uint64_t cycle, bool valid);
  /// The response on the B channel in this cycle, if any.
  std::optional<AxiResponse> writeDone(uint64_t cycle);
  /// Nothing outstanding on any channel.
  bool idle() const { return reads_.empty() && writes_.empty() && responses_.empty(); }

private:
  struct Read {
    ReadBurst burst;
    uint64_t address;
    uint32_t beat;
    uint64_t cycle; // of `beat`
  };
  struct Write {
    uint64_t index;
    uint64_t address;
    uint32_t beats;
    uint32_t beat;
  };
  MemoryTiming &timing_;
  std::optional<uint64_t> readAt_, writeAt_, dataAt_; // when the VALID now visible is accepted
  uint64_t writeAddresses_ = 0;
  std::deque<Read> reads_;
  std::deque<Write> writes_;
  std::deque<WriteResponse> responses_;
};

} // namespace tw::isa

#endif // TW_ISA_MEMORYTIMING_H
