// SPDX-License-Identifier: Apache-2.0
#include "tw/codegen/Synchronise.h"

#include "tw/isa/ConfigReader.h"
#include "tw/isa/ProgramChecker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

using namespace tw;
using namespace tw::codegen;

namespace {

const isa::HwConfig &tw16() {
  static const isa::HwConfig config = *isa::loadConfig("tw16");
  return config;
}

// An instruction by its mnemonic; fields not named have their smallest value.
TaggedInstruction make(std::string_view mnemonic, std::initializer_list<std::pair<std::string_view, int64_t>> fields) {
  auto row = std::ranges::find(isa::kInstructions, mnemonic, &isa::Instruction::mnemonic);
  TaggedInstruction result{{&*row, {}}, 0};
  for (const isa::Field &field : row->fields)
    result.instruction.values.push_back(tensorize::defaultOf(field));
  for (auto [name, value] : fields)
    result.instruction.values[size_t(isa::findField(*row, name))] = value;
  return result;
}

TaggedInstruction load(int64_t spm, int64_t rows) { return make("ld", {{"region", 2}, {"spm", spm}, {"n0", rows}}); }
TaggedInstruction store(int64_t spm, int64_t offset) {
  return make("st", {{"region", 2}, {"spm", spm}, {"offset", offset}});
}

std::vector<isa::Line> lines(const std::vector<TaggedInstruction> &instructions, SyncCounts *counts = nullptr) {
  auto result = synchronise(instructions, tw16(), counts);
  EXPECT_TRUE(bool(result)) << (result ? "" : result.diag().str());
  return result ? *result : std::vector<isa::Line>{};
}

int waitsOf(const isa::Line &line) { return isa::waits(line).count; }
int postsOf(const isa::Line &line) { return isa::posts(line).count; }

} // namespace

TEST(SynchroniseTest, AReaderWaitsForTheWriterOfItsBytes) {
  auto result = lines({load(0, 4), store(48, 4096)});
  ASSERT_EQ(result.size(), 3u);
  EXPECT_EQ(postsOf(result[0]), 1);
  EXPECT_EQ(waitsOf(result[1]), 1);
  EXPECT_EQ(result[2].row()->opcode, isa::Opcode::End);
}

TEST(SynchroniseTest, DisjointBytesNeedNoWait) {
  auto result = lines({load(0, 4), store(64, 4096)});
  EXPECT_EQ(waitsOf(result[1]), 0);
}

namespace {

// Rows of 16 bytes, one of every `pitch` bytes.
TaggedInstruction storeColumn(int64_t spm, int64_t pitch) {
  return make("st", {{"region", 2}, {"spm", spm}, {"offset", 1 << 20}, {"n1", 8}, {"ss1", pitch}, {"ds1", 16}});
}
TaggedInstruction loadColumn(int64_t spm, int64_t pitch) {
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
  std::vector<TaggedInstruction> instructions;
  for (int i = 0; i != 200; ++i) {
    instructions.push_back(load(i * 16, 1));
    instructions.push_back(store(i * 16, 4096 + i * 16));
  }
  SyncCounts counts;
  lines(instructions, &counts);
  EXPECT_EQ(counts.fences, 3);
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
  std::vector<TaggedInstruction> instructions;
  for (int i = 0; i != 70; ++i) {
    instructions.push_back(load(i * 16, 1));
    instructions.push_back(store(i * 16, 4096 + i * 16));
  }
  instructions.push_back(load(0, 1)); // what the first store has read
  SyncCounts counts;
  const std::vector<isa::Line> result = lines(instructions, &counts);
  ASSERT_EQ(counts.fences, 1);
  EXPECT_EQ(waitsOf(result[result.size() - 2]), 0);
}

namespace {

// Any instruction of the table that is legal by itself, on few addresses: most of them meet others.
TaggedInstruction anyInstruction(std::mt19937 &random) {
  for (;;) {
    const isa::Instruction &row = isa::kInstructions[random() % isa::kInstructions.size()];
    if (!row.semantics)
      continue;
    TaggedInstruction made{{&row, {}}, 0};
    for (const isa::Field &field : row.fields) {
      int64_t value = tensorize::defaultOf(field);
      if (field.kind == isa::FieldKind::Spm || field.kind == isa::FieldKind::Offset)
        value = int64_t(random() % 64) * 16;
      else if (field.kind == isa::FieldKind::Region)
        value = 2;
      else if (field.kind == isa::FieldKind::Stride)
        value = int64_t(random() % 5) * 16;
      else if (field.kind == isa::FieldKind::Extent)
        value = int64_t(1 + random() % 3);
      else if (field.kind == isa::FieldKind::Acc)
        value = int64_t(random() % 4) * 200;
      else if (field.kind == isa::FieldKind::Param)
        value = int64_t(random() % 4) * 3;
      made.instruction.values.push_back(std::clamp(value, field.min, field.max));
    }
    const auto alone = synchronise(std::span(&made, 1), tw16());
    if (!alone)
      continue;
    isa::Regions regions{};
    regions[2] = {1 << 16, true, true};
    isa::Program program;
    program.lines = *alone;
    const auto findings = isa::checkProgram(program, tw16(), regions, 100);
    if (std::ranges::all_of(findings,
                            [](const isa::Finding &finding) { return finding.kind == isa::FindingKind::UninitParam; }))
      return made;
  }
}

} // namespace

// The checker of the assembler, which shares nothing with this, finds no race and no deadlock; each semaphore is
// between two queues.
TEST(SynchroniseTest, AnyStreamIsOrderedWhereItHasToBe) {
  std::mt19937 random(31);
  auto expectQueue = [](std::map<int, isa::Engine> &known, int semaphore, isa::Engine engine) {
    EXPECT_EQ(known.try_emplace(semaphore, engine).first->second, engine) << "semaphore " << semaphore;
  };
  std::map<int, isa::Engine> posters, waiters;
  int waiting = 0;
  for (int trial = 0; trial != 60; ++trial) {
    std::vector<TaggedInstruction> instructions;
    for (int i = 0; i != 60; ++i)
      instructions.push_back(anyInstruction(random));
    isa::Program program;
    program.lines = lines(instructions);
    isa::Regions regions{};
    regions[2] = {1 << 16, true, true};
    for (const isa::Finding &finding : isa::checkProgram(program, tw16(), regions, 1000))
      ASSERT_EQ(finding.kind, isa::FindingKind::UninitParam) << "trial " << trial << ": " << finding.text;
    for (const isa::Line &line : program.lines) {
      for (const isa::SyncAction &post : isa::posts(line))
        expectQueue(posters, post.semaphore, line.row()->engine);
      for (const isa::SyncAction &wait : isa::waits(line)) {
        expectQueue(waiters, wait.semaphore, line.row()->engine);
        ++waiting;
      }
    }
  }
  EXPECT_GT(waiting, 1000);
  EXPECT_GT(posters.size(), 12u) << "pairs of queues";
}
