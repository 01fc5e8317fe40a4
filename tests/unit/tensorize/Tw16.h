// SPDX-License-Identifier: Apache-2.0
// The machine tw16, its chains, and blocks matched with one of them.
// Called by tests in this folder. Does not read the machine's file: the matcher is asked about these numbers.
#ifndef TW_TESTS_UNIT_TENSORIZE_TW16_H
#define TW_TESTS_UNIT_TENSORIZE_TW16_H

#include "Blocks.h"
#include "tw/isa/HwConfig.h"
#include "tw/tensorize/Match.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tw::test {

inline isa::HwConfig tw16() {
  isa::HwConfig config;
  config.name = "tw16";
  config.n = 16, config.spmBytes = 262144, config.spmBanks = 16, config.accRows = 1024, config.paramRows = 256;
  config.lutBanks = 8, config.axiBytes = 16, config.axiBurstBeats = 16, config.axiOutstandingReads = 32;
  config.fetchLines = 4, config.queueDepth = 4, config.loadDepth = 4, config.weightRows = 1, config.dwTaps = 1,
  config.clockMhz = 1000;
  return config;
}

inline const tensorize::Target &target() {
  static const tensorize::Target tw = tensorize::makeTwTarget(tw16());
  return tw;
}
inline const std::vector<tensorize::Chain> &chains() {
  static const std::vector<tensorize::Chain> all = chainsOf(target());
  return all;
}
inline const tensorize::Chain &chain(std::string_view name) {
  auto found = std::ranges::find(chains(), name, &tensorize::Chain::name);
  EXPECT_NE(found, chains().end()) << "no chain " << name;
  return *found;
}

inline std::vector<tensorize::Mapping> match(const Block &block, std::string_view name,
                                             std::vector<tensorize::Rejection> *why = nullptr) {
  std::vector<tensorize::Rejection> rejections;
  std::vector<tensorize::Mapping> mappings = matchChain(block, chain(name), target(), rejections);
  if (why)
    *why = rejections;
  return mappings;
}

inline void expectProved(const Block &block, std::string_view name) {
  std::vector<tensorize::Rejection> why;
  std::vector<tensorize::Mapping> mappings = match(block, name, &why);
  ASSERT_FALSE(mappings.empty()) << block.name << ": " << (why.empty() ? "" : why.back().str());
  for (const tensorize::Mapping &mapping : mappings)
    EXPECT_EQ(proveMapping(mapping, target()), "") << block.name << " on " << name;
}

} // namespace tw::test

#endif // TW_TESTS_UNIT_TENSORIZE_TW16_H
