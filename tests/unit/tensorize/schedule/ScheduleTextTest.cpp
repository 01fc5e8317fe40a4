// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/ScheduleText.h"

#include "Network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

const MachineId kMachine{"tw8", 0x1234};

struct ScheduleTextTest : testing::Test {
  ScheduleTextTest() : network(machine("tw8")) {
    addBottleneck(network, 9, 20, 36);
    schedule = std::get<std::vector<Schedule>>(chooseSchedules(network.segment(), network.target())).front();
    text = print(schedule);
  }
  std::string print(const Schedule &given) const {
    return printSchedules(kMachine, {&network.segment(), 1}, {&given, 1});
  }
  Result<GivenSchedules> read(const std::string &given) const {
    return readSchedules(given, "s", kMachine, {&network.segment(), 1});
  }
  std::string refusal(const std::string &given) const {
    auto result = read(given);
    return result ? "" : result.diag().str();
  }
  // The text with the first `old` replaced; place and text of the error.
  std::string after(const std::string &old, const std::string &now) const {
    std::string changed = text;
    const size_t at = changed.find(old);
    EXPECT_NE(at, std::string::npos) << old << " is not in\n" << text;
    return refusal(changed.replace(at, old.size(), now));
  }
  int lineOf(const std::string &what) const {
    return int(std::count(text.begin(), text.begin() + ptrdiff_t(text.find(what)), '\n')) + 1;
  }
  std::string at(const std::string &what) const { return "s:" + std::to_string(lineOf(what)) + ": "; }

  Network network;
  Schedule schedule;
  std::string text;
};

} // namespace

TEST_F(ScheduleTextTest, EveryScheduleComesBackAsItWas) {
  std::mt19937 random(31);
  for (int trial = 0; trial != 200; ++trial) {
    const Schedule given = randomSchedule(network.segment(), random);
    const std::string printed = print(given);
    auto back = read(printed);
    ASSERT_TRUE(bool(back)) << back.diag().str() << "\n" << printed;
    EXPECT_EQ(print(back->schedules[0]), printed);
    EXPECT_EQ(back->schedules[0].isResident, given.isResident);
    EXPECT_EQ(back->schedules[0].prefetches, given.prefetches);
    for (size_t t = 0; t != given.blocks.size(); ++t) {
      const BlockSchedule &a = given.blocks[t], &b = back->schedules[0].blocks[t];
      EXPECT_EQ(std::tie(a.mapping, a.tile, a.order, a.ahead, a.lead),
                std::tie(b.mapping, b.tile, b.order, b.ahead, b.lead));
      EXPECT_EQ(
          std::to_string(back->lines[0][t]),
          at("block \"" + network.segment().tasks[t].name + "\"").substr(2, std::to_string(back->lines[0][t]).size()));
    }
  }
}

TEST_F(ScheduleTextTest, BlanksCommentsAndTheOrderOfLinesDoNotMatter) {
  std::string other = "# by hand\n\n  " + text + "\n\t\r\n# the end";
  EXPECT_EQ(refusal(other), "");
  const size_t from = other.find("prefetch"), to = other.find('\n', from);
  const std::string prefetch = other.substr(from, to - from + 1);
  other.erase(from, prefetch.size());
  const size_t block = other.find("block \"conv2\"");
  EXPECT_EQ(refusal(other.insert(block, prefetch)), "");
}

TEST_F(ScheduleTextTest, WhatIsNoScheduleOfThisNetworkIsRefusedWithItsLine) {
  EXPECT_EQ(refusal(""), "s:1: there is no schedule: it begins with 'machine NAME HASH'");
  EXPECT_EQ(refusal("segment 1\n"), "s:1: a schedule begins with 'machine NAME HASH', not with 'segment'");
  EXPECT_EQ(refusal("machine tw8 0x0000000000001234\n"), "s:1: ends behind segment 0, the network has 1");
  EXPECT_EQ(after("machine tw8 0x0000000000001234", "machine tw16 0x0000000000009999"),
            "s:1: the schedule is for tw16 (configuration 0x0000000000009999), this machine is tw8 "
            "(0x0000000000001234): make one with --dump-schedule");
  EXPECT_EQ(after("segment 1", "segment 2"), "s:2: segment 2, but the network has 1 and the next is 1");
  EXPECT_EQ(refusal(text + "segment 2\n").substr(0, 2), "s:");
  EXPECT_THAT(refusal(text + "segment 2\n"), testing::HasSubstr("segment 2, but the network has 1"));
  EXPECT_EQ(after("prefetch yes", "prefetch maybe"), "s:3: prefetch of maybe, which takes yes or no");
  EXPECT_EQ(after("prefetch yes", "").substr(0, 4), "s:2:");
  EXPECT_EQ(after("prefetch yes", "foo"), "s:3: 'foo' is no line of a schedule: machine, segment, prefetch, tensor, "
                                          "block, chain, tile, order or begin");
  EXPECT_EQ(after("prefetch yes", "tile oh 1/9"), "s:3: 'tile' stands before the segment's first 'block'");
  EXPECT_EQ(after("segment 1", ""), "s:3: 'prefetch' stands before the first 'segment'");
}

TEST_F(ScheduleTextTest, TensorsHaveOnePlaceEach) {
  EXPECT_EQ(after("tensor \"t1\" on-chip", "tensor \"t9\" on-chip"),
            at("tensor \"t1\"") +
                "there is no tensor \"t9\", there are: \"t0\", \"t1\", \"t2\", \"t3\", \"t4\", \"t5\"");
  EXPECT_EQ(after("tensor \"t1\" on-chip", "tensor \"t0\" on-chip"),
            at("tensor \"t1\"") + "tensor \"t0\" stands in line " + std::to_string(lineOf("tensor \"t0\"")) +
                " already");
  EXPECT_EQ(after("tensor \"t1\" on-chip", "tensor \"t1\" nowhere"),
            at("tensor \"t1\"") + "tensor \"t1\" lies nowhere, but it takes on-chip or in-dram");
  EXPECT_EQ(after("tensor \"t1\" on-chip", ""),
            "s:2: the segment does not say where tensor \"t1\" lies: on-chip or in-dram");
  EXPECT_EQ(after("tensor \"t1\" on-chip", "tensor \"t1 on-chip"), at("tensor \"t1\"") + "a quote is not closed");
  EXPECT_EQ(after("tensor \"t1\" on-chip", "tensor \"t1\""),
            at("tensor \"t1\"") + "'tensor' has 1 words behind it, it is: tensor \"NAME\" on-chip|in-dram");
}

TEST_F(ScheduleTextTest, BlocksAreThereOnceAndWhole) {
  const std::string block = at("block \"depthwise1\"");
  EXPECT_EQ(after("block \"depthwise1\"", "block \"other\""),
            block +
                "there is no block \"other\", there are: \"conv0\", \"depthwise1\", \"conv2\", \"add3\", \"conv4\"");
  EXPECT_EQ(after("block \"depthwise1\"", "block \"conv0\""),
            block + "block \"conv0\" stands in line " + std::to_string(lineOf("block \"conv0\"")) + " already");
  std::string without = text;
  const size_t from = without.find("block \"conv4\"");
  EXPECT_EQ(refusal(without.substr(0, from)), "s:2: the segment has no line for block \"conv4\"");
  EXPECT_EQ(after("  chain dwconv 1\n", ""),
            at("  chain dwconv 1") + "'tile' stands before the block's 'chain', which says what loops there are");
  EXPECT_THAT(after("chain dwconv 1", "chain dwconv 99"),
              testing::StartsWith(at("chain dwconv 1") + "there is no chain dwconv 99, there are: dwconv 1"));
  EXPECT_EQ(after("chain dwconv 1", "chain dwconv"),
            at("chain dwconv 1") + "'chain' has 1 words behind it, it is: chain NAME NUMBER");
}

TEST_F(ScheduleTextTest, TilesOrderAndBeginAreNumbersThatTheBlockCanHave) {
  const Mapping &mapping = network.segment().tasks[1].mappings[size_t(schedule.blocks[1].mapping)];
  const int loop = tileLoops(mapping).front();
  ASSERT_EQ(mapping.block.loops[size_t(loop)].name, "oh");
  const size_t from = text.find("tile oh ", text.find("block \"depthwise1\""));
  auto tile = [&](const std::string &now) {
    std::string changed = text;
    return refusal(changed.replace(from, text.find('\n', from) - from, now));
  };
  const std::string line =
      "s:" + std::to_string(std::count(text.begin(), text.begin() + ptrdiff_t(from), '\n') + 1) + ": ";
  EXPECT_EQ(tile("tile oh 9/9"), "");
  EXPECT_EQ(tile("tile oh 0/9"), line + "a tile of loop oh of 0, which takes 1 to 9");
  EXPECT_EQ(tile("tile oh 10/9"), line + "a tile of loop oh of 10, which takes 1 to 9");
  EXPECT_EQ(tile("tile oh -1/9"), line + "a tile of loop oh of -1, which takes 1 to 9");
  EXPECT_EQ(tile("tile oh 99999999999999999999/9"),
            line + "a tile of loop oh of 99999999999999999999, which takes 1 to 9");
  EXPECT_EQ(tile("tile oh x/9"), line + "a tile of loop oh of x, which takes 1 to 9");
  EXPECT_EQ(tile("tile oh 3/8"), line + "'tile oh 3/8' is not STEPS/9: the loop has 9 steps");
  EXPECT_EQ(tile("tile oh 3"), line + "'tile oh 3' is not STEPS/9: the loop has 9 steps");
  EXPECT_EQ(tile("tile c.lane 8/8"), line + "loop c.lane is never cut, loops that are: oh, ow, c");
  EXPECT_THAT(tile("tile zz 8/8"), testing::StartsWith(line + "there is no loop zz, there are: "));
  EXPECT_EQ(tile("tile ow 9/9\n tile ow 9/9"), "s:" + std::to_string(std::stoi(line.substr(2)) + 1) +
                                                   ": block \"depthwise1\" has a 'tile' of loop ow already");
  EXPECT_EQ(tile(""), at("block \"depthwise1\"") + "block \"depthwise1\" has no 'tile' of loop oh");

  const size_t order = text.find("order ", from), begin = text.find("begin ", from);
  auto change = [&](size_t where, const std::string &now) {
    std::string changed = text;
    return refusal(changed.replace(where, text.find('\n', where) - where, now));
  };
  EXPECT_EQ(change(order, "order c oh ow"), "");
  EXPECT_THAT(change(order, "order c oh"), testing::EndsWith("the order leaves out loop ow"));
  EXPECT_THAT(change(order, "order c oh ow oh"), testing::EndsWith("loop oh stands twice in the order"));
  EXPECT_THAT(change(order, "order c oh kh"), testing::EndsWith("loop kh is never cut, loops that are: oh, ow, c"));
  EXPECT_THAT(change(order, ""), testing::EndsWith("block \"depthwise1\" has no 'order'"));
  EXPECT_EQ(change(begin, "begin 1 lead 7"), "");
  EXPECT_THAT(change(begin, "begin 2 lead 7"),
              testing::EndsWith("a 'begin' of block \"depthwise1\" of 2, which takes 0 to 1"));
  EXPECT_THAT(change(begin, "begin 0 lead 1"),
              testing::EndsWith("a 'lead' of block \"depthwise1\" of 1, which takes 0"));
  EXPECT_THAT(change(begin, "begin 1 load 1"), testing::EndsWith("'load' where 'lead' should stand"));
  EXPECT_THAT(change(begin, ""), testing::EndsWith("block \"depthwise1\" has no 'begin'"));
}

TEST_F(ScheduleTextTest, EqualAndOddNamesStayApart) {
  Segment segment = network.segment();
  for (Task &task : segment.tasks)
    task.name = "a \"b\" # \n\xC3\xA4";
  for (Tensor &tensor : segment.tensors)
    tensor.name = "";
  const std::string printed = printSchedules(kMachine, {&segment, 1}, {&schedule, 1});
  EXPECT_THAT(printed, testing::HasSubstr("\nblock \"a \\22b\\22 # \\0A\\C3\\A4\":3  # "));
  EXPECT_THAT(printed, testing::HasSubstr("\ntensor \"\":2 "));
  auto back = readSchedules(printed, "s", kMachine, {&segment, 1});
  ASSERT_TRUE(bool(back)) << back.diag().str();
  EXPECT_EQ(back->schedules[0].blocks[2].tile, schedule.blocks[2].tile);
}

// Whatever the text: an error with a line, or a schedule that placing answers.
TEST_F(ScheduleTextTest, SpoiltTextIsRefusedOrAScheduleAndNeverWorse) {
  std::mt19937 random(32);
  int refused = 0, taken = 0;
  for (int trial = 0; trial != 2000; ++trial) {
    std::string spoilt = text;
    for (int change = 0; change != 1 + trial % 3; ++change) {
      const size_t at = random() % spoilt.size(), more = random() % 12;
      switch (random() % 4) {
      case 0:
        spoilt[at] = char(random());
        break;
      case 1:
        spoilt.erase(at, more);
        break;
      case 2:
        spoilt.insert(at, spoilt.substr(random() % spoilt.size(), more));
        break;
      default:
        spoilt[at] = char('0' + random() % 10);
        break;
      }
      if (spoilt.empty())
        spoilt = "x";
    }
    auto result = read(spoilt);
    if (!result) {
      ++refused;
      EXPECT_EQ(result.diag().place.substr(0, 2), "s:") << result.diag().str();
      EXPECT_EQ(result.diag().text.find('\n'), std::string::npos) << result.diag().text;
      continue;
    }
    ++taken;
    placeSchedule(network.segment(), network.target(), result->schedules[0]);
  }
  EXPECT_GT(refused, 500);
  EXPECT_GT(taken, 100);
}
