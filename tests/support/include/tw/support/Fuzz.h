// SPDX-License-Identifier: Apache-2.0
// Deterministic mutation: the same seed makes the same inputs everywhere. TW_FUZZ_SEED and TW_FUZZ_COUNT choose others
// and more. Called by the suite tests/fuzz.
// Does not look at coverage, and does not survive a crash: the seed that did it stands in the build folder.
#ifndef TW_SUPPORT_FUZZ_H
#define TW_SUPPORT_FUZZ_H

#include "tw/support/Paths.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <string_view>

namespace tw::test {

using Random = std::mt19937_64;

inline size_t below(Random &random, size_t limit) { return size_t(random() % limit); }
template <typename T> const T &pick(Random &random, std::span<const T> from) {
  return from[below(random, from.size())];
}

/// Calls `tryOne(random)` with a fresh generator for each of `count` cases. Case i of seed S is case 0 of seed S + i;
/// the one that runs stands in build/tests/fuzz/<door>.last, so that one that crashes or hangs can be run again.
template <typename TryOne> void fuzz(const char *door, uint64_t count, TryOne tryOne) {
  auto number = [](const char *name, uint64_t otherwise) {
    const char *text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 0) : otherwise;
  };
  const uint64_t seed = number("TW_FUZZ_SEED", 1);
  count = number("TW_FUZZ_COUNT", count);
  const auto folder = binaryDir() / "tests" / "fuzz";
  std::filesystem::create_directories(folder);
  std::ofstream last(folder / (std::string(door) + ".last"));
  for (uint64_t i = 0; i != count && !testing::Test::HasFailure(); ++i) {
    const std::string again = "TW_FUZZ_SEED=" + std::to_string(seed + i) + " TW_FUZZ_COUNT=1";
    last.seekp(0);
    last << again << "  \n" << std::flush;
    SCOPED_TRACE(again);
    Random random(seed + i);
    tryOne(random);
  }
}

/// One to four edits: a byte, a bit, a stretch removed, doubled or moved, a word of the dictionary put in or over.
inline std::string mutated(std::string text, Random &random, std::span<const std::string_view> words) {
  for (size_t edits = 1 + below(random, 4); edits; --edits) {
    const size_t at = below(random, text.size() + 1);
    const size_t length = std::min(text.size() - at, size_t(1) << below(random, 8));
    const std::string_view word = words.empty() ? std::string_view("\0", 1) : pick(random, words);
    switch (below(random, 8)) {
    case 0:
      if (at < text.size())
        text[at] = char(random());
      break;
    case 1:
      if (at < text.size())
        text[at] = char(text[at] ^ 1 << below(random, 8));
      break;
    case 2:
      text.erase(at, length);
      break;
    case 3:
      text.insert(at, text.substr(at, length));
      break;
    case 4:
      text.insert(below(random, text.size() + 1), text.substr(at, length));
      break;
    case 5:
      text.insert(at, word);
      break;
    case 6:
      text.replace(at, std::min(text.size() - at, word.size()), word);
      break;
    default:
      text.resize(below(random, 16) == 0 ? at : text.size());
    }
  }
  return text;
}

} // namespace tw::test

#endif // TW_SUPPORT_FUZZ_H
