// SPDX-License-Identifier: Apache-2.0
#include "DataThread.h"
#include "tw/isa/Timing.h"
#include <algorithm>
#include <utility>

namespace tw::simulator::cycle {

namespace {

// Looks again some times before it sleeps: the other side is seldom far.
template <class Value> void awaitChange(const std::atomic<Value> &value, Value old) {
  for (int i = 0; i != 2000; ++i)
    if (value.load(std::memory_order_acquire) != old)
      return;
  value.wait(old, std::memory_order_acquire);
}

} // namespace

DataThread::DataThread(State &state, bool isApart) : state_(state) {
  if (isApart)
    thread_ = std::thread([this] { run(); });
}

DataThread::~DataThread() {
  if (!thread_.joinable())
    return;
  wait();
  stops_ = true;
  ++pushed_;
  pushed_.notify_one();
  thread_.join();
}

void DataThread::run() {
  for (uint32_t next = 0;; ++next) {
    while (pushed_.load(std::memory_order_acquire) == next)
      awaitChange(pushed_, next);
    if (stops_)
      return;
    saturations_ += execute(state_, lines_[next % kLines]).saturations;
    done_.store(next + 1, std::memory_order_release);
    // Waking costs more than most instructions.
    if ((next + 1) % kBatch == 0 || pushed_.load(std::memory_order_acquire) == next + 1)
      done_.notify_one();
  }
}

void DataThread::waitFor(uint32_t done) {
  if (!thread_.joinable()) {
    uint32_t next = done_.load(std::memory_order_relaxed);
    for (; next != done; ++next)
      saturations_ += execute(state_, lines_[next % kLines]).saturations;
    done_.store(next, std::memory_order_relaxed);
    return;
  }
  uint32_t seen;
  while (int32_t((seen = done_.load(std::memory_order_acquire)) - done) < 0)
    awaitChange(done_, seen);
}

void DataThread::push(const isa::Line &line) {
  const uint32_t index = pushed_.load(std::memory_order_relaxed);
  if (index - done_.load(std::memory_order_acquire) == kLines)
    waitFor(thread_.joinable() ? index - kLines / 2 : index); // sleep once, not before every line
  if (line.row()->engine == isa::Engine::ST) {
    const isa::DmaWalk walk = isa::DmaWalk::of(line, state_.config);
    uint64_t end = walk.offset + walk.runBytes;
    for (int d = 0; d != 3; ++d)
      end += (walk.extents[d] - 1) * walk.dramStrides[d];
    storesFrom_ = std::min(storesFrom_, state_.physical(walk.region, walk.offset));
    storesTo_ = std::max(storesTo_, state_.physical(walk.region, end));
  }
  lines_[index % kLines] = line;
  pushed_.store(index + 1, std::memory_order_release);
  if (thread_.joinable())
    pushed_.notify_one();
}

uint64_t DataThread::wait() {
  waitFor(pushed_.load(std::memory_order_relaxed));
  storesFrom_ = ~uint64_t(0);
  storesTo_ = 0;
  return std::exchange(saturations_, 0);
}

void DataThread::settle(uint64_t address, uint64_t bytes) {
  if (address < storesTo_ && storesFrom_ < address + bytes)
    waitFor(pushed_.load(std::memory_order_relaxed));
}

} // namespace tw::simulator::cycle
