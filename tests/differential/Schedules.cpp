// SPDX-License-Identifier: Apache-2.0
#include "Schedules.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"

#include <algorithm>
#include <random>

namespace tw::test {
namespace {

constexpr uint64_t kMostLead = 4, kMostAhead = 2;

class Changer {
public:
  explicit Changer(uint64_t seed) : random(seed) {}

  std::string line(llvm::StringRef line) {
    llvm::SmallVector<llvm::StringRef> words;
    line.split(words, ' ', -1, /*KeepEmpty=*/false);
    if (words.empty())
      return line.str();
    if (words[0] == "segment")
      blocks = 0;
    if (words[0] == "block")
      ++blocks;
    if (words[0] == "tile" && once(2)) {
      auto [tile, extent] = words.back().split('/');
      uint64_t most = 1;
      extent.getAsInteger(10, most);
      return ("  tile " + words[1] + " " + llvm::Twine(1 + below(most)) + "/" + extent).str();
    }
    if (words[0] == "order" && once(2)) {
      std::shuffle(words.begin() + 1, words.end(), random);
      return "  " + llvm::join(words, " ");
    }
    if (words[0] == "begin" && !once(3)) {
      const uint64_t ahead = below(std::min<uint64_t>(blocks - 1, kMostAhead) + 1);
      return ("  begin " + llvm::Twine(ahead) + " lead " + llvm::Twine(ahead ? 1 + below(kMostLead) : 0)).str();
    }
    if (words[0] == "tensor" && once(3))
      return line.contains(" on-chip ") ? replaced(line, " on-chip ", " in-dram ")
                                        : replaced(line, " in-dram ", " on-chip ");
    if (words[0] == "prefetch")
      return once(2) ? "prefetch yes" : "prefetch no";
    return line.str();
  }

private:
  uint64_t below(uint64_t limit) { return random() % limit; }
  bool once(uint64_t times) { return below(times) == 0; }

  static std::string replaced(llvm::StringRef line, llvm::StringRef old, llvm::StringRef by) {
    auto [before, after] = line.rsplit(old); // a name may hold anything
    return (before + by + after).str();
  }

  std::mt19937_64 random;
  uint64_t blocks = 0; // of the segment so far
};

} // namespace

std::string changedSchedule(const std::string &text, uint64_t seed) {
  Changer changer(seed);
  llvm::SmallVector<llvm::StringRef> lines;
  llvm::StringRef(text).split(lines, '\n');
  std::string changed;
  for (llvm::StringRef line : lines)
    changed += changer.line(line) + "\n";
  return changed;
}

} // namespace tw::test
