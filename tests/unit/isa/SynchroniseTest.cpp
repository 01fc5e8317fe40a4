// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Synchronise.h"

#include "tw/isa/ConfigReader.h"
#include "tw/isa/Encoder.h"
#include "tw/isa/ProgramChecker.h"
#include "tw/isa/RandomProgram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

using namespace tw::isa;

namespace {

const HwConfig &tw16() {
  static const HwConfig config = *loadConfig("tw16");
  return config;
}

// A line by its mnemonic; fields not named have their smallest value.
Line make(std::string_view mnemonic, std::initializer_list<std::pair<std::string_view, int64_t>> fields) {
  auto row = std::ranges::find(kInstructions, mnemonic, &Instruction::mnemonic);
  Line line(row->opcode);
  for (const Field &field : row->fields)
    line.set(field.ref, std::max<int64_t>(field.min, 0));
  for (auto [name, value] : fields)
    line.set(row->fields[size_t(findField(*row, name))].ref, value);
  return line;
}

Line load(int64_t spm, int64_t rows) { return make("ld", {{"region", 2}, {"spm", spm}, {"n0", rows}}); }
Line store(int64_t spm, int64_t offset) { return make("st", {{"region", 2}, {"spm", spm}, {"offset", offset}}); }

std::vector<Line> lines(std::vector<Line> list, uint64_t seed = 0) {
  list.emplace_back(Opcode::End);
  return synchronise({std::move(list), {}}, tw16(), seed).lines;
}

int waitsOf(const Line &line) { return waits(line).count; }
int postsOf(const Line &line) { return posts(line).count; }
bool isFence(const Line &line) { return line.opcodeByte() == unsigned(Opcode::Fence); }

} // namespace

TEST(SynchroniseTest, AReaderWaitsForTheWriterOfItsBytes) {
  auto result = lines({load(0, 4), store(48, 4096)});
  ASSERT_EQ(result.size(), 3u);
  EXPECT_EQ(postsOf(result[0]), 1);
  EXPECT_EQ(waitsOf(result[1]), 1);
  EXPECT_EQ(result[2].row()->opcode, Opcode::End);
}

TEST(SynchroniseTest, DisjointBytesNeedNoWait) {
  auto result = lines({load(0, 4), store(64, 4096)});
  EXPECT_EQ(waitsOf(result[1]), 0);
}

namespace {

// Rows of 16 bytes, one of every `pitch` bytes.
Line storeColumn(int64_t spm, int64_t pitch) {
  return make("st", {{"region", 2}, {"spm", spm}, {"offset", 1 << 20}, {"n1", 8}, {"ss1", pitch}, {"ds1", 16}});
}
Line loadColumn(int64_t spm, int64_t pitch) {
  return make("ld", {{"region", 2}, {"spm", spm}, {"n1", 8}, {"ss1", pitch}, {"ds1", 16}});
}

} // namespace

TEST(SynchroniseTest, ChannelBlocksOfOneTensorAreDisjointThoughTheirRangesAreNot) {
  EXPECT_EQ(waitsOf(lines({loadColumn(0, 64), storeColumn(16, 64)})[1]), 0);
  EXPECT_EQ(waitsOf(lines({loadColumn(0, 64), storeColumn(48, 64)})[1]), 0);
  EXPECT_EQ(waitsOf(lines({loadColumn(16, 64), storeColumn(16, 64)})[1]), 1);
  EXPECT_EQ(waitsOf(lines({loadColumn(0, 64), storeColumn(16, 48)})[1]), 1);
  EXPECT_EQ(waitsOf(lines({loadColumn(0, 64), storeColumn(32, 32)})[1]), 1);
}

TEST(SynchroniseTest, AWriteOfOneColumnDoesNotHideTheReadersOfAnother) {
  auto result = lines({storeColumn(16, 64), loadColumn(0, 64), load(0, 32)});
  EXPECT_EQ(waitsOf(result[1]), 0);
  EXPECT_EQ(waitsOf(result[2]), 1);
}

TEST(SynchroniseTest, AWriterWaitsForEarlierReadersAndEachPostIsTakenOnce) {
  auto result = lines({store(0, 4096), load(0, 1), store(0, 8192)});
  EXPECT_EQ(waitsOf(result[1]), 1);
  EXPECT_EQ(waitsOf(result[2]), 1);
  EXPECT_EQ(postsOf(result[0]), 1);
  EXPECT_EQ(postsOf(result[1]), 1);
}

TEST(SynchroniseTest, OrderInAQueueAndEarlierWaitsImplyTheRest) {
  // The second store needs the first load, which the first store has waited for already.
  auto result = lines({load(0, 4), store(0, 4096), store(16, 8192)});
  EXPECT_EQ(waitsOf(result[1]), 1);
  EXPECT_EQ(waitsOf(result[2]), 0);
}

TEST(SynchroniseTest, TheSameBytesOfDramAreOrderedToo) {
  auto result = lines({store(0, 4096), make("ld", {{"region", 2}, {"offset", 4096}, {"spm", 1024}})});
  EXPECT_EQ(waitsOf(result[1]), 1);
}

TEST(SynchroniseTest, HalvesOfAccumulatorsAreWholes) {
  // Different rows of one half: the drain must wait all the same.
  auto gemm = make("gemm", {{"m_n", 4}, {"acc", 0}, {"w", 4096}});
  auto drainSame = make("drq", {{"acc", 100}, {"y", 65536}}), drainOther = make("drq", {{"acc", 512}, {"y", 65536}});
  EXPECT_EQ(waitsOf(lines({gemm, drainSame})[1]), 1);
  EXPECT_EQ(waitsOf(lines({gemm, drainOther})[1]), 0);
}

TEST(SynchroniseTest, ManyPendingPostsEndInAFenceBeforeACounterCanOverflow) {
  // Every load is stored, and nothing holds the loads back: their posts could pile up.
  std::vector<Line> list;
  for (int i = 0; i != 200; ++i) {
    list.push_back(load(i * 16, 1));
    list.push_back(store(i * 16, 4096 + i * 16));
  }
  EXPECT_EQ(std::ranges::count_if(lines(list), isFence), 3);
  // Amounts that vary reach the end sooner.
  EXPECT_GT(std::ranges::count_if(lines(list, 1), isFence), 3);
}

// Runs that follow one another are one: two rows of every four, and the other two.
TEST(SynchroniseTest, NeighbouringRowsOfColumnsAreOneRun) {
  auto columns = [](const char *mnemonic, int64_t spm, int64_t offset) {
    return make(mnemonic,
                {{"region", 2}, {"spm", spm}, {"offset", offset}, {"n0", 2}, {"n1", 8}, {"ss1", 64}, {"ds1", 32}});
  };
  EXPECT_EQ(waitsOf(lines({columns("ld", 0, 0), columns("st", 32, 4096)})[1]), 0);
  EXPECT_EQ(waitsOf(lines({columns("ld", 0, 0), columns("st", 16, 4096)})[1]), 1);
}

// The store reads two rows of every four; a load writes the first of them, and a move the second.
TEST(SynchroniseTest, APartOfColumnsDoesNotHideWhoeverHadAllOfThem) {
  auto result =
      lines({make("st", {{"region", 2}, {"spm", 0}, {"offset", 4096}, {"n0", 2}, {"n1", 8}, {"ss1", 64}, {"ds1", 32}}),
             loadColumn(0, 64), make("move", {{"a", 4096}, {"y", 16}})});
  EXPECT_EQ(waitsOf(result[1]), 1);
  EXPECT_EQ(waitsOf(result[2]), 1);
}

TEST(SynchroniseTest, NothingWaitsForItsOwnQueueNorTwiceForOneThing) {
  EXPECT_EQ(waitsOf(lines({load(0, 4), load(0, 4)})[1]), 0);
  // The move has waited for the load: who waits for the move knows that, too.
  auto result = lines(
      {load(0, 4), make("move", {{"a", 0}, {"y", 1024}}),
       make("st", {{"region", 2}, {"spm", 0}, {"offset", 4096}, {"n0", 1}, {"n1", 2}, {"ss1", 1024}, {"ds1", 16}})});
  EXPECT_EQ(waitsOf(result[1]), 1);
  EXPECT_EQ(waitsOf(result[2]), 1);
}

TEST(SynchroniseTest, WhatLiesBeforeAFenceIsKnownToAllBehindIt) {
  std::vector<Line> list;
  for (int i = 0; i != 70; ++i) {
    list.push_back(load(i * 16, 1));
    list.push_back(store(i * 16, 4096 + i * 16));
  }
  list.push_back(load(0, 1)); // what the first store has read
  const std::vector<Line> result = lines(list);
  ASSERT_EQ(std::ranges::count_if(result, isFence), 1);
  EXPECT_EQ(waitsOf(result[result.size() - 2]), 0);
}

namespace {

// Any instruction of the table that is legal by itself, on few addresses: most of them meet others.
Line anyInstruction(std::mt19937 &random) {
  for (;;) {
    const Instruction &row = kInstructions[random() % kInstructions.size()];
    if (!row.semantics || row.isPlanned)
      continue;
    Line made(row.opcode);
    for (const Field &field : row.fields) {
      int64_t value = std::max<int64_t>(field.min, 0);
      if (field.kind == FieldKind::Spm || field.kind == FieldKind::Offset)
        value = int64_t(random() % 64) * 16;
      else if (field.kind == FieldKind::Region)
        value = 2;
      else if (field.kind == FieldKind::Stride)
        value = int64_t(random() % 5) * 16;
      else if (field.kind == FieldKind::Extent)
        value = int64_t(1 + random() % 3);
      else if (field.kind == FieldKind::Acc)
        value = int64_t(random() % 4) * 200;
      else if (field.kind == FieldKind::Param)
        value = int64_t(random() % 4) * 3;
      made.set(field.ref, std::clamp(value, field.min, field.max));
    }
    Regions regions{};
    regions[2] = {1 << 16, true, true};
    Program program;
    program.lines = lines({made});
    const auto findings = checkProgram(program, tw16(), regions, 100);
    if (std::ranges::all_of(findings, [](const Finding &finding) { return finding.kind == FindingKind::UninitParam; }))
      return made;
  }
}

} // namespace

// The checker of the assembler, which shares nothing with this, finds no race and no deadlock; each semaphore is
// between two queues.
TEST(SynchroniseTest, AnyStreamIsOrderedWhereItHasToBe) {
  std::mt19937 random(31);
  auto expectQueue = [](std::map<int, Engine> &known, int semaphore, Engine engine) {
    EXPECT_EQ(known.try_emplace(semaphore, engine).first->second, engine) << "semaphore " << semaphore;
  };
  std::map<int, Engine> posters, waiters;
  int waiting = 0;
  for (int trial = 0; trial != 60; ++trial) {
    std::vector<Line> list;
    for (int i = 0; i != 60; ++i)
      list.push_back(anyInstruction(random));
    Program program;
    program.lines = lines(list);
    Regions regions{};
    regions[2] = {1 << 16, true, true};
    for (const Finding &finding : checkProgram(program, tw16(), regions, 1000))
      ASSERT_EQ(finding.kind, FindingKind::UninitParam) << "trial " << trial << ": " << finding.text;
    for (const Line &line : program.lines) {
      for (const SyncAction &post : posts(line))
        expectQueue(posters, post.semaphore, line.row()->engine);
      for (const SyncAction &wait : waits(line)) {
        expectQueue(waiters, wait.semaphore, line.row()->engine);
        ++waiting;
      }
    }
  }
  EXPECT_GT(waiting, 1000);
  EXPECT_GT(posters.size(), 12u) << "pairs of queues";
}

TEST(SynchroniseTest, FencesStayAndWhatWasThereIsDropped) {
  Line wrong = store(48, 4096);
  ASSERT_TRUE(addWait(wrong, {7, 3}));
  auto result = lines({load(0, 4), Line(Opcode::Fence), wrong});
  ASSERT_EQ(result.size(), 4u);
  EXPECT_EQ(postsOf(result[0]), 0); // all has ended at the fence
  EXPECT_TRUE(isFence(result[1]));
  EXPECT_EQ(waitsOf(result[2]), 0);
}

// The checker has the exact bytes and shares nothing with what it judges here.
TEST(SynchroniseTest, EveryProgramIsLegalOnEveryMachine) {
  for (const char *name : {"tw8", "tw16", "tw32"})
    for (uint64_t seed = 0; seed != 60; ++seed) {
      const HwConfig config = *loadConfig(name);
      const TestProgram test = randomProgram(config, {.seed = seed,
                                                      .instructions = 40,
                                                      .workPerLine = 200,
                                                      .spmWindow = seed % 3 ? 2048u : 32768u,
                                                      .extremes = seed % 2 != 0});
      for (uint64_t variety : {uint64_t(0), seed + 1}) {
        const Program program = synchronise(test.program, config, variety);
        for (const Finding &finding : checkProgram(program, config, test.regions, 1))
          ADD_FAILURE() << name << ", seed " << seed << ", " << variety << ": line " << finding.line << ": "
                        << finding.text;
      }
    }
}

TEST(SynchroniseTest, ASeedGivesOtherSemaphoresAmountsAndOrdersThatNobodyNeeds) {
  std::vector<Line> list;
  for (int i = 0; i != 100; ++i) { // two queues that never meet
    list.push_back(load(i * 16, 1));
    list.push_back(make("move", {{"a", 65536}, {"y", 65536 + 1024}}));
  }
  int waitCount = 0;
  for (const Line &line : lines(list))
    waitCount += waitsOf(line);
  EXPECT_EQ(waitCount, 0);
  std::array<int, 9> amounts{};
  std::array<bool, kSemaphores> used{};
  for (uint64_t seed = 1; seed != 20; ++seed)
    for (const Line &line : lines(list, seed))
      for (SyncAction wait : waits(line)) {
        ++amounts[wait.amount];
        used[wait.semaphore] = true;
      }
  EXPECT_EQ(std::count(amounts.begin() + 1, amounts.end(), 0), 0);
  EXPECT_GT(std::ranges::count(used, true), 12);
  EXPECT_EQ(lines(list, 5), lines(list, 5));
}
