// SPDX-License-Identifier: Apache-2.0
// Each unit against itself: stepped through every cycle, and jumping wherever nobody else is in the scratchpad. Windows
// in which others take banks come at random; the unit must leave each with the same state.
#include "cycle/LanePipe.h"
#include "cycle/MatrixUnit.h"
#include "cycle/ReadPort.h"
#include "cycle/StoreUnit.h"

#include "tw/support/CyclePrograms.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::isa;
using namespace tw::simulator::cycle;

namespace {

struct AllLoaded final : ParameterView {
  bool isRowInitialised(uint64_t) const override { return true; }
  bool isTableInitialised(uint64_t) const override { return true; }
  bool areLegal(ParameterRow, uint64_t) const override { return true; }
};

/// Windows of cycles in which banks are taken by others, and by whom in each cycle.
struct Windows {
  explicit Windows(std::mt19937_64 &random) : random(random) {
    Cycle at = random() % 40;
    for (int i = 0; i != 4; ++i) {
      Cycle begin = at, end = begin + 1 + random() % 30;
      spans.push_back({begin, end});
      at = end + 1 + random() % 200;
    }
    seed = random();
  }
  bool contains(Cycle c) const {
    for (auto [begin, end] : spans)
      if (c >= begin && c < end)
        return true;
    return false;
  }
  /// First cycle from `c` on that lies in a window.
  Cycle next(Cycle c) const {
    for (auto [begin, end] : spans)
      if (c < end)
        return std::max(c, begin);
    return kNever;
  }
  BankSet taken(Cycle c) const {
    if (!contains(c))
      return 0;
    uint64_t x = (c + seed) * 0x9E3779B97F4A7C15u;
    x ^= x >> 29;
    return BankSet(x * 0xBF58476D1CE4E5B9u >> 32);
  }
  std::mt19937_64 &random;
  std::vector<std::pair<Cycle, Cycle>> spans;
  uint64_t seed;
};

class CycleUnitsTest : public testing::TestWithParam<const char *> {
protected:
  HwConfig config = test::testConfig(GetParam());
  Banks banks{config};
  AllLoaded parameters;
  std::mt19937_64 random{1};

  /// An instruction of one of the engines whose clients never meet each other, so that closed forms apply.
  template <class Accept> Line draw(Accept accept) {
    while (true) {
      test::CyclePrograms programs(config, random());
      for (int i = 0; i != 20; ++i)
        if (Line line = programs.line(); accept(line))
          return line;
    }
  }
};

TEST_P(CycleUnitsTest, LanePipesLeaveEachOverlapInTheSameState) {
  uint64_t overlaps = 0;
  for (int trial = 0; trial != 20000; ++trial) {
    unsigned depth = trial & 1 ? 7 : 8;
    LanePipe stepped(config, banks, parameters, depth), jumping(config, banks, parameters, depth);
    Line line = draw([&](const Line &l) {
      if (l.row()->engine != (depth == 7 ? Engine::RQ : Engine::VX))
        return false;
      stepped.reset();
      stepped.start(l, 0);
      return !stepped.meetsItself();
    });
    jumping.start(line, 0);
    Windows windows(random);
    Conflicts a, b;
    Cycle end = 0;
    for (Cycle c = 1; stepped.isBusy(); ++c) {
      BankSet taken = windows.taken(c);
      stepped.step(taken, a);
      end = c;
    }
    while (jumping.isBusy()) {
      Cycle c = jumping.now(), free = windows.next(c);
      if (free == c) {
        BankSet taken = windows.taken(c);
        jumping.step(taken, b);
        ++overlaps;
      } else {
        jumping.advance(std::min(free, jumping.end() + 1));
      }
    }
    ASSERT_EQ(jumping.now(), end + 1) << "trial " << trial << " " << line.row()->mnemonic;
    ASSERT_EQ(a.requests, b.requests);
    ASSERT_EQ(a.cycles, b.cycles);
  }
  EXPECT_GT(overlaps, 100000u);
}

TEST_P(CycleUnitsTest, TheArrayLeavesEachOverlapInTheSameState) {
  uint64_t overlaps = 0;
  for (int trial = 0; trial != 10000; ++trial) {
    MatrixUnit stepped(config, banks), jumping(config, banks);
    Line line = draw([&](const Line &l) {
      if (l.row()->engine != Engine::MX)
        return false;
      stepped.reset();
      stepped.start(l, 0);
      return !(stepped.activationGroups() & stepped.weightGroups());
    });
    jumping.start(line, 0);
    Windows windows(random);
    Conflicts a, b;
    Cycle end = 0;
    for (Cycle c = 1; stepped.isFrontBusy(); ++c) {
      BankSet taken = windows.taken(c);
      stepped.step(taken, a);
      end = c;
    }
    while (jumping.isFrontBusy()) {
      Cycle c = jumping.now(), free = windows.next(c);
      if (free == c) {
        BankSet taken = windows.taken(c);
        jumping.step(taken, b);
        ++overlaps;
      } else {
        jumping.advance(std::min(free, jumping.lastIssue() + 1));
      }
    }
    ASSERT_EQ(jumping.now(), end + 1) << "trial " << trial << " " << line.row()->mnemonic;
    ASSERT_EQ(a.requests, b.requests);
    ASSERT_EQ(a.cycles, b.cycles);
    ASSERT_EQ(stepped.rowsIssued(), jumping.rowsIssued());
    for (Cycle c = end; c != end + config.n + 3; ++c)
      ASSERT_EQ(stepped.accHalvesUsed(c), jumping.accHalvesUsed(c));
  }
  EXPECT_GT(overlaps, 100000u);
}

TEST_P(CycleUnitsTest, TheArrayWalksAgainstBeatsAsItSteps) {
  MatrixUnit stepped(config, banks), walking(config, banks); // the latter remembers blocks
  uint64_t walked = 0, lost = 0;
  for (int trial = 0; trial != 3000; ++trial) {
    const Line line = draw([&](const Line &l) { return l.row()->engine == Engine::MX; });
    for (int again = 0; again != 4; ++again) {
      const Cycle start = stepped.now() + random() % (2 * config.n);
      stepped.start(line, start);
      walking.start(line, start);
      Conflicts a, b;
      while (walking.isFrontBusy()) {
        Stream beats;
        if (random() % 4 != 0)
          beats = {Stream::Asking, uint8_t(random() % kSpmGroups), banks.position(random() % 8 * config.n),
                   banks.position(config.n), 0};
        const uint64_t cycles = 1 + (again == 0 ? random() % 40 : random() % 600);
        const Cycle first = walking.now();
        uint64_t gone = walking.walk(cycles, beats, b);
        ASSERT_LE(gone, cycles);
        walked += gone;
        const auto taken = [&](Cycle c) {
          return beats.kind == Stream::Asking
                     ? banks.rowAt(beats.group, banks.position(beats.position + (c - first) * config.n))
                     : 0;
        };
        if (gone == 0) {
          BankSet set = taken(first);
          walking.step(set, b);
          gone = 1;
        }
        for (Cycle c = first; c != first + gone; ++c) {
          BankSet set = taken(c);
          stepped.step(set, a);
        }
        ASSERT_EQ(walking.now(), first + gone);
        ASSERT_EQ(stepped.rowsIssued(), walking.rowsIssued()) << "trial " << trial << " " << line.row()->mnemonic;
        ASSERT_EQ(stepped.isFrontBusy(), walking.isFrontBusy());
        ASSERT_EQ(a.requests, b.requests);
        ASSERT_EQ(a.cycles, b.cycles);
        ASSERT_EQ(stepped.accHalvesUsed(first + gone - 1), walking.accHalvesUsed(first + gone - 1));
        if (stepped.isFrontBusy())
          ASSERT_EQ(stepped.lastIssue(), walking.lastIssue());
      }
      lost += a.requests;
    }
  }
  EXPECT_GT(walked, 1000000u);
  EXPECT_GT(lost, 10000u);
}

TEST_P(CycleUnitsTest, StoresLeaveEachOverlapInTheSameState) {
  for (int trial = 0; trial != 5000; ++trial) {
    auto memoryConfig = trial % 2 ? MemoryTimingConfig::randomKind(uint64_t(trial)) : MemoryTimingConfig::ideal();
    MemoryTiming memoryA(memoryConfig, config.axiBytes), memoryB(memoryConfig, config.axiBytes);
    StoreUnit stepped(config, banks, memoryA), jumping(config, banks, memoryB);
    Line line = draw([&](const Line &l) { return l.row()->engine == Engine::ST; });
    stepped.start(line, 0x80000, 0);
    jumping.start(line, 0x80000, 0);
    Windows windows(random);
    Conflicts a, b;
    for (Cycle c = 1; stepped.isReading(); ++c) {
      BankSet taken = windows.taken(c);
      stepped.step(taken, a);
    }
    while (jumping.isReading()) {
      Cycle c = jumping.now(), free = windows.next(c);
      if (free == c) {
        BankSet taken = windows.taken(c);
        jumping.step(taken, b);
      } else {
        jumping.advance(std::min(free, jumping.burstRead() + 1));
      }
    }
    ASSERT_EQ(jumping.end(), stepped.end()) << "trial " << trial;
    ASSERT_EQ(a.requests, b.requests);
    ASSERT_EQ(stepped.takeBusyCycles(), jumping.takeBusyCycles());
    ASSERT_EQ(stepped.bytesWritten(), jumping.bytesWritten());
  }
}

// A job may end while the port already knows that its address register is taken for some cycles more.
TEST_P(CycleUnitsTest, ReadLatenciesAreThoseOfBurstsThatAreComplete) {
  uint64_t waits = 0;
  for (uint64_t trial = 0; trial != 200; ++trial) {
    MemoryTimingConfig slow = MemoryTimingConfig::randomKind(trial);
    slow.readLatency = 1, slow.latencySpread = 2, slow.stallPer256 = 128, slow.stallMax = 30;
    MemoryTiming memory(slow, config.axiBytes);
    HwConfig machine = config;
    machine.axiOutstandingReads = 1 + uint32_t(trial % 4);
    ReadPort port(machine, banks, memory);
    std::vector<std::pair<Cycle, Cycle>> bursts; // granted, last beat processed
    Cycle c = 0;
    for (int burst = 0; burst != 50; ++burst) {
      const Cycle next = port.nextGrant(c);
      waits += next > c + 1;
      LatencyHistogram expected{}; // if the job ended in c
      for (auto [granted, processed] : bursts)
        expected[latencyBucket(processed - granted)] += processed <= c;
      ASSERT_EQ(port.latencies(c), expected) << "trial " << trial << ", burst " << burst;
      ASSERT_LT(std::ranges::count_if(bursts, [&](auto b) { return b.second > next; }), machine.axiOutstandingReads);
      bursts.push_back({next, port.grant(next, 64 * uint64_t(burst), 64).last + 1});
      c = next + 1;
    }
  }
  EXPECT_GT(waits, 1000u);
}

INSTANTIATE_TEST_SUITE_P(Machines, CycleUnitsTest, testing::Values("tw8", "tw16", "tw64"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
