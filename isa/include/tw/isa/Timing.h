// SPDX-License-Identifier: Apache-2.0
// Closed forms of docs/timing.md: how long an instruction takes when nothing is in its way, and its bursts.
// Called by the cycle model (bursts), by the compiler's cost model, and by tests that compare both.
// Knows no conflicts: bank conflicts, other users of the AXI port and waits for semaphores are the cycle model's.
#ifndef TW_ISA_TIMING_H
#define TW_ISA_TIMING_H

#include "tw/isa/HwConfig.h"
#include "tw/isa/Line.h"
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>

namespace tw::isa {

/// What a requantising drain does besides its requantisation to int8 and clamp.
struct DrainKind {
  bool adds = false;     // a residual
  bool isTflite = false; // three parameter rows a channel block, of which the third is read in a state of its own
  bool looksUp = false;  // a table behind the clamp: one cycle more from row to write

  static constexpr bool has(Opcode opcode) {
    return opcode == Opcode::Drq || opcode == Opcode::Drqa || (opcode >= Opcode::Drqt && opcode <= Opcode::Drqtal);
  }
  /// Of an opcode that has one.
  static constexpr DrainKind of(Opcode opcode) {
    if (opcode == Opcode::Drq || opcode == Opcode::Drqa)
      return {opcode == Opcode::Drqa, false, false};
    return {(unsigned(opcode) & 1) != 0, (unsigned(opcode) & 2) != 0, (unsigned(opcode) & 4) != 0};
  }
};

/// Counters of the latencies of bursts, as read_latency_* and write_latency_* of the table.
using LatencyHistogram = std::array<uint64_t, kLatencyBuckets>;
/// Where a burst that took `cycles` (modulo 2^32) counts.
constexpr unsigned latencyBucket(uint64_t cycles) {
  return std::min(unsigned(std::bit_width(uint32_t(cycles) / kLatencyFirst)), unsigned(kLatencyBuckets) - 1);
}

/// Cycles that a block of gemmzt stays in the shadow after its first row was issued: until the array's last row has
/// taken its weights.
constexpr uint32_t weightHold(uint32_t n) { return n - 2; }

/// The column form of dwconv: for each channel block its rows of weights first, then each column of an output row once,
/// for all the windows that it belongs to (docs/timing.md, section 7).
struct TapColumns {
  uint64_t weights = 0; // rows of weights of a channel block
  uint64_t columns = 0; // of the input that an output row reads; kh_n steps each

  /// Of a legal line; none if its opcode or its kernel takes one tap in each step on this machine.
  static std::optional<TapColumns> of(const Line &line, const HwConfig &config);
};

/// Whether the rows of this opcode move data through the AXI port and have bursts.
bool hasBursts(Opcode opcode);

/// The DRAM and SPM side of a load or store: n3*n2*n1 runs of `runBytes` bytes, each contiguous on both sides.
struct DmaWalk {
  uint64_t offset = 0; // of the first byte, in the region
  unsigned region = 0;
  uint32_t spm = 0; // SPM byte address; 0 for ldp and ldt
  bool toSpm = true;
  uint64_t runBytes = 0;
  uint32_t extents[3] = {1, 1, 1}; // dimensions 1, 2, 3
  uint64_t dramStrides[3] = {};
  uint64_t spmStrides[3] = {};

  /// Of a line that hasBursts; of ldpad the part that is read, which may be nothing (no runs of no bytes).
  static DmaWalk of(const Line &line, const HwConfig &config);
  uint64_t runs() const { return uint64_t(extents[0]) * extents[1] * extents[2]; }
  uint64_t bytes() const { return runs() * runBytes; }
};

/// How ldpad divides its tile: at most four boxes of padding (above, left, right, below), then what is read.
struct Padding {
  struct Box {
    uint64_t spm = 0;        // byte address of its first row
    uint32_t n1 = 0, n2 = 0; // steps of dimensions 1 and 2; none if one is 0
  };
  Box boxes[4];
  Box inside;

  static Padding of(const Line &line);
  /// Rows of padding.
  uint64_t rows(const Line &line) const;
};

/// One burst of a walk.
struct Burst {
  uint64_t address = 0; // physical
  uint64_t spm = 0;
  uint32_t bytes = 0;
};

/// The bursts of a walk in their order: each run is cut at multiples of the longest burst, no run is merged with the
/// next.
class BurstWalk {
public:
  BurstWalk() = default;
  /// `base` is the physical address of the region.
  BurstWalk(const DmaWalk &walk, uint64_t base, const HwConfig &config)
      : walk_(walk), maxBytes_(uint64_t(config.axiBurstBeats) * config.axiBytes), runAddress_(base + walk.offset),
        runSpm_(walk.spm), rest_(walk.runBytes), address_(runAddress_), spm_(runSpm_) {}

  bool done() const { return rest_ == 0; }
  /// The next burst; undefined when done.
  Burst next() {
    uint64_t bytes = std::min(rest_, maxBytes_ - (address_ & (maxBytes_ - 1))); // a power of two
    Burst burst{address_, spm_, uint32_t(bytes)};
    rest_ -= bytes;
    address_ += bytes;
    spm_ += bytes;
    if (rest_ == 0)
      nextRun();
    return burst;
  }

private:
  void nextRun();

  DmaWalk walk_;
  uint64_t maxBytes_ = 1;
  uint64_t runAddress_ = 0, runSpm_ = 0;
  uint64_t rest_ = 0, address_ = 0, spm_ = 0;
  uint32_t index_[3] = {};
};

/// The memory that the closed forms of loads and stores assume: a fixed latency and no stalls.
struct IdealMemory {
  uint32_t readLatency = 20;
  uint32_t writeLatency = 10;
};

/// Bursts and beats of a load or store whose region starts at a multiple of 4096.
struct BurstCount {
  uint64_t bursts = 0;
  uint64_t beats = 0;
};
BurstCount bursts(const Line &line, const HwConfig &config);

/// end - start of a legal engine instruction without conflicts; 0 for fence, mark and end. Loads and stores have the
/// AXI port for themselves.
uint64_t cycles(const Line &line, const HwConfig &config, IdealMemory memory = {});

/// Cycles for which one line occupies the decoder.
inline uint64_t decodeCycles(Opcode opcode) { return uint64_t(footprintSteps(opcode)) + 2; }

} // namespace tw::isa
#endif
