// SPDX-License-Identifier: Apache-2.0
#include "SystemC.h"
#include "CoreEvents.h"
#include "CoreFrontEnd.h"
#include "CycleMachine.h"

#define SC_INCLUDE_DYNAMIC_PROCESSES
#include <functional>
#include <string>
#include <systemc>

// libsystemc asks for it; simulations are started by SystemCKernel::run.
extern "C" int sc_main(int, char **) { return 0; }

namespace tw::simulator::cycle {
namespace {

/// One SC_METHOD for each kind of event, each on its own sc_event. Time is (cycle, kind), so no two kinds ever share a
/// time and the order is ours, not the scheduler's. Processes cannot be taken back from SystemC: a set of them outlives
/// its machine and serves the next one.
struct Processes {
  Processes() {
    for (unsigned i = 0; i != kEvents; ++i) {
      sc_core::sc_spawn_options options;
      options.spawn_method();
      options.set_sensitivity(&events[i]);
      options.dont_initialize();
      sc_core::sc_spawn([this, i] { fire(Event(i)); }, sc_core::sc_gen_unique_name("tw_event"), &options);
    }
  }
  sc_core::sc_event events[kEvents];
  std::function<void(Event)> fire;
};

std::vector<std::unique_ptr<Processes>> &idleProcesses() {
  static std::vector<std::unique_ptr<Processes>> pool;
  return pool;
}

class SystemCKernel {
public:
  SystemCKernel() {
    if (idleProcesses().empty()) {
      processes_ = std::make_unique<Processes>();
    } else {
      processes_ = std::move(idleProcesses().back());
      idleProcesses().pop_back();
    }
    keys_.fill(kNever);
  }
  ~SystemCKernel() {
    clear();
    idleProcesses().push_back(std::move(processes_));
  }
  SystemCKernel(const SystemCKernel &) = delete;
  SystemCKernel &operator=(const SystemCKernel &) = delete;

  void clear() {
    for (unsigned i = 0; i != kEvents; ++i)
      cancel(Event(i));
    now_ = 0;
  }
  void at(Event event, Cycle cycle) {
    uint64_t key = eventKey(cycle, event);
    if (key >= keys_[unsigned(event)])
      return;
    keys_[unsigned(event)] = key;
    if (isRunning_)
      notify(event);
  }
  void cancel(Event event) {
    keys_[unsigned(event)] = kNever;
    processes_->events[unsigned(event)].cancel();
  }
  Cycle freeUntil(Event event) const {
    return std::min(firstBlocked(*std::min_element(keys_.begin(), keys_.end()), event), limit_);
  }
  Cycle pending(Event event) const { return keyCycle(keys_[unsigned(event)]); }
  Cycle unchangedUntil() const { return std::min(firstChange(keys_), limit_); }

  /// Lets SystemC's time run. Events at or after cycle `limit` stay in keys_ for the next call, out of SystemC's sight,
  /// so that machines which share the context do not run each other.
  template <class Handler> void run(Cycle limit, Handler &handler) {
    limit_ = limit;
    processes_->fire = [&](Event event) {
      uint64_t key = std::exchange(keys_[unsigned(event)], kNever);
      now_ = key;
      handler.handle(event, keyCycle(key));
    };
    isRunning_ = true;
    base_ = sc_core::sc_time_stamp().value() - now_;
    for (unsigned i = 0; i != kEvents; ++i)
      if (keys_[i] != kNever)
        notify(Event(i));
    sc_core::sc_start();
    isRunning_ = false;
  }

private:
  // Time goes on from `now_`; an event of an earlier kind in the same cycle is never asked for.
  void notify(Event event) {
    uint64_t key = keys_[unsigned(event)];
    sc_core::sc_event &target = processes_->events[unsigned(event)];
    if (keyCycle(key) >= limit_)
      return target.cancel();
    uint64_t now = sc_core::sc_time_stamp().value() - base_;
    target.notify(sc_core::sc_time::from_value(key - now));
  }

  std::unique_ptr<Processes> processes_;
  std::array<uint64_t, kEvents> keys_;
  uint64_t base_ = 0; // SystemC's time at cycle 0 of the job
  uint64_t now_ = 0;
  Cycle limit_ = 0;
  bool isRunning_ = false;
};

} // namespace

std::unique_ptr<isa::Machine> createSystemCMachine(const isa::HwConfig &config, uint64_t memoryBytes,
                                                   const CycleOptions &options) {
  return std::make_unique<CycleMachine<SystemCKernel>>(config, memoryBytes, options);
}

} // namespace tw::simulator::cycle
