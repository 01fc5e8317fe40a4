// SPDX-License-Identifier: Apache-2.0
// The data of a job behind its timing, on a thread of their own or many instructions at a time: executed in the order
// in which they end. Used by the core, which asks for nothing that data decide, and waits before anyone else looks at a
// memory.
#ifndef TW_SIMULATOR_CYCLE_DATATHREAD_H
#define TW_SIMULATOR_CYCLE_DATATHREAD_H

#include "../functional/Execute.h"
#include <array>
#include <atomic>
#include <thread>

namespace tw::simulator::cycle {

class DataThread {
public:
  /// `isApart`: on a second thread. Otherwise within the calls below.
  DataThread(State &state, bool isApart);
  ~DataThread();
  DataThread(const DataThread &) = delete;
  DataThread &operator=(const DataThread &) = delete;

  /// Executes `line` some time before wait() returns.
  void push(const isa::Line &line);
  /// Returns when all lines were executed: their saturations.
  uint64_t wait();
  /// Waits if a line not known to be executed stores in [address, address + bytes) of DRAM; what is there is then
  /// final.
  void settle(uint64_t address, uint64_t bytes);

private:
  void run();
  void waitFor(uint32_t done);

  static constexpr uint32_t kLines = 256, kBatch = 32;
  State &state_;
  std::array<isa::Line, kLines> lines_;
  alignas(64) std::atomic<uint32_t> pushed_ = 0; // counted without end
  alignas(64) std::atomic<uint32_t> done_ = 0;
  std::atomic<bool> stops_ = false;
  uint64_t saturations_ = 0;                          // the thread's, until wait()
  uint64_t storesFrom_ = ~uint64_t(0), storesTo_ = 0; // DRAM that lines since the last wait() write
  std::thread thread_;
};

} // namespace tw::simulator::cycle
#endif
