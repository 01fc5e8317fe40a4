// SPDX-License-Identifier: Apache-2.0
// A queue in one array that grows: what std::deque does, in a few instructions. Used for bursts in flight, of
// which there are hundreds of thousands in a job and a few at a time.
#ifndef TW_SIMULATOR_CYCLE_RING_H
#define TW_SIMULATOR_CYCLE_RING_H

#include <cstdint>
#include <vector>

namespace tw::simulator::cycle {

template <class T> class Ring {
public:
  bool empty() const { return first_ == end_; }
  uint32_t size() const { return end_ - first_; }
  const T &front() const { return (*this)[0]; }
  const T &back() const { return (*this)[size() - 1]; }
  const T &operator[](uint32_t index) const { return slots_[(first_ + index) & mask()]; }
  void clear() { first_ = end_ = 0; }
  void pop_front() { ++first_; }
  void push_back(const T &value) {
    if (size() == slots_.size())
      grow();
    slots_[end_++ & mask()] = value;
  }

private:
  uint32_t mask() const { return uint32_t(slots_.size()) - 1; }
  void grow() {
    std::vector<T> wider(2 * slots_.size());
    const uint32_t count = size();
    for (uint32_t i = 0; i != count; ++i)
      wider[i] = (*this)[i];
    slots_ = std::move(wider);
    first_ = 0;
    end_ = count;
  }
  std::vector<T> slots_ = std::vector<T>(64); // a power of two
  uint32_t first_ = 0, end_ = 0;              // counted without end
};

} // namespace tw::simulator::cycle
#endif
