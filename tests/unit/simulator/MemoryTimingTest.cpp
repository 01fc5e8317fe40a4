// SPDX-License-Identifier: Apache-2.0
// The memory behind the chip: both faces of MemoryTiming give one schedule.
#include "tw/isa/MemoryTiming.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

using namespace tw::isa;

namespace {

constexpr uint32_t kBeatBytes = 16;

struct Burst {
  uint64_t gap; // idle cycles before VALID rises
  uint64_t address;
  uint32_t beats;
};

std::vector<Burst> randomBursts(std::mt19937_64 &random, int count) {
  std::vector<Burst> bursts;
  for (int i = 0; i < count; ++i)
    bursts.push_back({random() % 4 == 0 ? random() % 300 : 0, random() % 65536 / kBeatBytes * kBeatBytes,
                      1 + static_cast<uint32_t>(random() % 16)});
  return bursts;
}

struct Seen {
  std::vector<uint64_t> accepted, beats, responses;
  std::vector<AxiResponse> codes;
  bool operator==(const Seen &) const = default;
};

Seen readByBurst(MemoryTiming timing, const std::vector<Burst> &bursts) {
  Seen seen;
  uint64_t free = 0;
  for (const Burst &burst : bursts) {
    uint64_t accepted = timing.acceptRead(free + burst.gap);
    free = accepted + 1;
    ReadBurst schedule = timing.read(accepted, burst.address, burst.beats);
    seen.accepted.push_back(accepted);
    uint64_t cycle = schedule.first;
    bool failed = false;
    for (uint32_t beat = 0; beat < burst.beats; ++beat) {
      if (beat != 0)
        cycle = timing.nextReadBeat(schedule.index, beat, cycle);
      if (schedule.gapFree)
        EXPECT_EQ(cycle, schedule.first + beat);
      seen.beats.push_back(cycle);
      seen.codes.push_back(timing.readResponse(burst.address + beat * kBeatBytes));
      failed |= seen.codes.back() != AxiResponse::Okay;
    }
    EXPECT_EQ(cycle, schedule.last);
    EXPECT_EQ(failed, schedule.failed);
  }
  return seen;
}

Seen readByCycle(MemoryTiming timing, const std::vector<Burst> &bursts) {
  MemoryBus bus(timing);
  Seen seen;
  size_t next = 0;
  uint64_t validFrom = bursts[0].gap;
  for (uint64_t cycle = 0; next < bursts.size() || !bus.idle(); ++cycle) {
    ReadBeat beat = bus.readData(cycle);
    if (beat.valid) {
      seen.beats.push_back(cycle);
      seen.codes.push_back(beat.response);
    }
    bool valid = next < bursts.size() && cycle >= validFrom;
    if (bus.readAddress(cycle, valid, valid ? bursts[next].address : 0, valid ? bursts[next].beats : 0)) {
      seen.accepted.push_back(cycle);
      if (++next < bursts.size())
        validFrom = cycle + 1 + bursts[next].gap;
    }
  }
  return seen;
}

// One write at a time in the address and data channels, responses outstanding: what a store engine does.
Seen writeByBurst(MemoryTiming timing, const std::vector<Burst> &bursts) {
  Seen seen;
  uint64_t free = 0;
  for (size_t i = 0; i < bursts.size(); ++i) {
    uint64_t accepted = timing.acceptWrite(i, free + bursts[i].gap);
    seen.accepted.push_back(accepted);
    uint64_t cycle = accepted;
    for (uint32_t beat = 0; beat < bursts[i].beats; ++beat) {
      cycle = timing.acceptWriteBeat(i, beat, cycle + 1);
      seen.beats.push_back(cycle);
    }
    EXPECT_EQ(cycle, timing.lastWriteBeat(i, accepted + 1, bursts[i].beats));
    free = cycle + 1;
    WriteResponse response = timing.write(cycle, bursts[i].address, bursts[i].beats);
    seen.responses.push_back(response.cycle);
    seen.codes.push_back(response.response);
  }
  return seen;
}

Seen writeByCycle(MemoryTiming timing, const std::vector<Burst> &bursts) {
  MemoryBus bus(timing);
  Seen seen;
  size_t next = 0;
  uint32_t beatsLeft = 0;
  uint64_t validFrom = bursts[0].gap;
  for (uint64_t cycle = 0; next < bursts.size() || !bus.idle(); ++cycle) {
    if (auto response = bus.writeDone(cycle)) {
      seen.responses.push_back(cycle);
      seen.codes.push_back(*response);
    }
    if (beatsLeft != 0) {
      if (bus.writeData(cycle, true).ready) {
        seen.beats.push_back(cycle);
        if (--beatsLeft == 0 && ++next < bursts.size())
          validFrom = cycle + 1 + bursts[next].gap;
      }
    } else if (next < bursts.size() && cycle >= validFrom &&
               bus.writeAddress(cycle, true, bursts[next].address, bursts[next].beats)) {
      seen.accepted.push_back(cycle);
      beatsLeft = bursts[next].beats;
    }
  }
  return seen;
}

std::vector<MemoryTimingConfig> kinds() {
  std::vector<MemoryTimingConfig> result{MemoryTimingConfig::ideal(), MemoryTimingConfig::ideal(1, 1),
                                         MemoryTimingConfig::rowsKind(), MemoryTimingConfig::randomKind(7)};
  MemoryTimingConfig all = MemoryTimingConfig::rowsKind();
  all.seed = 9;
  all.stallPer256 = 100;
  all.latencySpread = 30;
  all.refreshInterval = 500;
  all.refreshCycles = 60;
  all.memoryBytes = 60000;
  all.errors = {{1024, 1040, AxiResponse::SlaveError, true, false}, {4096, 4100, AxiResponse::DecodeError, true, true}};
  result.push_back(all);
  return result;
}

TEST(MemoryTimingTest, BurstsAndCyclesGiveOneSchedule) {
  std::mt19937_64 random(1);
  for (const MemoryTimingConfig &config : kinds()) {
    std::vector<Burst> bursts = randomBursts(random, 10000);
    MemoryTiming timing(config, kBeatBytes);
    EXPECT_EQ(readByBurst(timing, bursts), readByCycle(timing, bursts));
    EXPECT_EQ(writeByBurst(timing, bursts), writeByCycle(timing, bursts));
  }
}

TEST(MemoryTimingTest, IdealMemoryStreamsAfterItsLatency) {
  MemoryTiming timing(MemoryTimingConfig::ideal(20, 10), kBeatBytes);
  EXPECT_EQ(timing.acceptRead(5), 5u);
  ReadBurst first = timing.read(5, 0, 16);
  EXPECT_EQ(first.first, 25u);
  EXPECT_EQ(first.last, 40u);
  EXPECT_TRUE(first.gapFree);
  EXPECT_EQ(timing.read(6, 256, 16).first, 41u) << "beats of two bursts follow without a gap";
  EXPECT_EQ(timing.write(100, 0, 4).cycle, 110u);
  EXPECT_EQ(timing.write(100, 0, 4).cycle, 111u) << "one response a cycle";
}

TEST(MemoryTimingTest, OpenRowsAnswerSoonerThanClosedOnes) {
  MemoryTimingConfig config = MemoryTimingConfig::rowsKind();
  MemoryTiming timing(config, kBeatBytes);
  uint64_t base = config.readLatency + config.tCl;
  EXPECT_EQ(timing.read(0, 0, 1).first, base + config.tRcd);
  EXPECT_EQ(timing.read(100, 64, 1).first, 100 + base);
  EXPECT_EQ(timing.read(200, config.rowBytes * config.banks, 1).first, 200 + base + config.tRp + config.tRcd);
  EXPECT_EQ(timing.write(300, 64, 1).cycle, 300 + config.writeLatency + config.tCl + config.tRcd)
      << "writes have row states of their own";
  uint64_t refresh = config.refreshInterval;
  EXPECT_EQ(timing.read(refresh + 1, config.rowBytes * config.banks, 1).first,
            refresh + config.refreshCycles + base + config.tRcd)
      << "a refresh closes the row and delays the access";
}

TEST(MemoryTimingTest, StallsDependOnTheSeedOnly) {
  std::mt19937_64 random(3);
  std::vector<Burst> bursts = randomBursts(random, 200);
  MemoryTiming seven(MemoryTimingConfig::randomKind(7), kBeatBytes),
      eight(MemoryTimingConfig::randomKind(8), kBeatBytes);
  EXPECT_EQ(readByBurst(seven, bursts), readByBurst(seven, bursts));
  EXPECT_NE(readByBurst(seven, bursts), readByBurst(eight, bursts));
}

TEST(MemoryTimingTest, StartJobForgetsThePast) {
  MemoryTimingConfig config = kinds().back();
  MemoryTiming fresh(config, kBeatBytes), used(config, kBeatBytes);
  used.read(10, 0, 16);
  used.write(10, 0, 16);
  used.startJob();
  std::mt19937_64 random(4);
  std::vector<Burst> bursts = randomBursts(random, 100);
  EXPECT_EQ(readByBurst(used, bursts), readByBurst(fresh, bursts));
  EXPECT_EQ(writeByBurst(used, bursts), writeByBurst(fresh, bursts));
}

TEST(MemoryTimingTest, NamesOfKindsAreReadStrictly) {
  EXPECT_EQ(parseMemoryTiming("ideal")->readLatency, 20u);
  EXPECT_EQ(parseMemoryTiming("ideal:3")->readLatency, 3u);
  EXPECT_EQ(parseMemoryTiming("ideal:3")->writeLatency, 10u);
  EXPECT_EQ(parseMemoryTiming("ideal:3:500")->readLatency, 3u);
  EXPECT_EQ(parseMemoryTiming("ideal:3:500")->writeLatency, 500u);
  EXPECT_TRUE(parseMemoryTiming("rows")->rows);
  EXPECT_EQ(parseMemoryTiming("random:12")->seed, 12u);
  const auto errors = parseMemoryTiming("rows,slverr:r:4096:8192,decerr:rw:0:64");
  ASSERT_TRUE(errors);
  MemoryTiming timing(*errors, kBeatBytes);
  EXPECT_EQ(timing.readResponse(8191), AxiResponse::SlaveError);
  EXPECT_EQ(timing.writeResponse(8191), AxiResponse::Okay);
  EXPECT_EQ(timing.writeResponse(63), AxiResponse::DecodeError);
  EXPECT_EQ(timing.readResponse(64), AxiResponse::Okay);
  for (const char *bad : {"", "fast", "ideal:", "ideal:x", "ideal:3x", "random", "rows:1", "rows,", "rows,slverr:r:1",
                          "rows,slverr:x:1:2", "rows,oops:r:1:2", "ideal:4294967296", "ideal:1:4294967296",
                          "ideal:1:2:3", "ideal:1:", "random:1:2"})
    EXPECT_FALSE(parseMemoryTiming(bad)) << bad;
}

} // namespace
