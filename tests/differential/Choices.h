// SPDX-License-Identifier: Apache-2.0
// The numbers that a generator draws, kept as a list: what is generated is a function of the list alone, so a case is
// made smaller by making its list smaller, whatever the generator does with it. 0 is the simplest choice everywhere.
#ifndef TW_TESTS_DIFFERENTIAL_CHOICES_H
#define TW_TESTS_DIFFERENTIAL_CHOICES_H

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace tw::test {

class Choices {
public:
  /// Draws at random; of one seed in eight, every second draw is the simplest: extents of 1 seldom meet otherwise.
  explicit Choices(uint64_t seed) : random(seed), isRandom(true), isSimple(seed % 8 == 0) {}
  /// Draws what the list says; 0 when it has come to its end.
  explicit Choices(std::vector<uint64_t> list) : list(std::move(list)) {}

  /// 0 to limit - 1.
  uint64_t below(uint64_t limit) {
    if (isRandom)
      list.push_back(isSimple && random() % 2 == 0 ? 0 : random() % limit);
    else if (next == list.size())
      return 0;
    return list[next++] % limit;
  }
  /// True once in `times`; false is the simpler one.
  bool once(uint64_t times) { return below(times) == times - 1; }
  /// first to last, both included; first is the simplest.
  int64_t between(int64_t first, int64_t last) { return first + int64_t(below(uint64_t(last - first + 1))); }
  template <typename T> T pick(std::initializer_list<T> from) { return from.begin()[below(from.size())]; }

  /// What was drawn so far.
  std::vector<uint64_t> drawn() const { return {list.begin(), list.begin() + int64_t(next)}; }

private:
  std::mt19937_64 random;
  bool isRandom = false, isSimple = false;
  std::vector<uint64_t> list;
  size_t next = 0;
};

} // namespace tw::test

#endif // TW_TESTS_DIFFERENTIAL_CHOICES_H
