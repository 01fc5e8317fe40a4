// SPDX-License-Identifier: Apache-2.0
#include "schedule/Names.h"

#include <gtest/gtest.h>

using namespace tw::tensorize;

TEST(NamesTest, EqualNamesAreNumberedFromTheSecondOn) {
  Segment segment;
  for (const char *name : {"conv", "pool", "conv", "conv"})
    segment.tasks.push_back({name, 0, {}});
  for (const char *name : {"x", "x"})
    segment.tensors.push_back({.name = name});
  EXPECT_EQ(taskNames(segment), (std::vector<std::string>{"\"conv\"", "\"pool\"", "\"conv\":2", "\"conv\":3"}));
  EXPECT_EQ(tensorNames(segment), (std::vector<std::string>{"\"x\"", "\"x\":2"}));
}

TEST(NamesTest, AQuoteAndABreakAreWrittenAsBytes) {
  Segment segment;
  segment.tasks.push_back({"a \"b\"\n", 0, {}});
  EXPECT_EQ(taskNames(segment), std::vector<std::string>{R"("a \22b\22\0A")"});
}

TEST(NamesTest, AMappingIsNamedByItsChainAndItsNumberOnIt) {
  Chain conv, gemm;
  conv.name = "conv+drq";
  gemm.name = "gemm+drq";
  Task task;
  for (const Chain *chain : {&conv, &gemm, &conv}) {
    task.mappings.emplace_back();
    task.mappings.back().chain = chain;
  }
  EXPECT_EQ(mappingNames(task), (std::vector<std::string>{"conv+drq 1", "gemm+drq 1", "conv+drq 2"}));
  Mapping mapping;
  mapping.block.loops = {{"oh", 2}, {"ow", 2}, {"oh", 3}};
  EXPECT_EQ(loopNames(mapping), (std::vector<std::string>{"oh", "ow", "oh:2"}));
}
