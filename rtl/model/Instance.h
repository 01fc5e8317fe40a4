// SPDX-License-Identifier: Apache-2.0
// The verilated design that a machine holds. Machine.cpp takes one and gives it back. The plug-in that counts lines and
// toggles keeps it for the next machine, as naming its points takes longer than a run, and writes the counts of the
// process to a file of its own in the folder that TW_RTL_COVERAGE names.
#ifndef TW_RTL_MODEL_INSTANCE_H
#define TW_RTL_MODEL_INSTANCE_H

#include "Vtw_top.h"

#include <memory>
#ifdef TW_RTL_COVERAGE
#include <cstdlib>
#include <string>
#include <unistd.h>
#include <vector>
#include <verilated_cov.h>
#endif

namespace tw::rtl {

struct Instance {
  VerilatedContext context;
  std::unique_ptr<Vtw_top> top;
};

#ifdef TW_RTL_COVERAGE

/// Of all machines that are not alive. Each context writes its own counts.
struct InstancePool {
  std::vector<std::unique_ptr<Instance>> idle;
  ~InstancePool() {
    const char *folder = std::getenv("TW_RTL_COVERAGE");
    for (size_t i = 0; folder && i != idle.size(); ++i)
      idle[i]->context.coveragep()->write(
          (std::string(folder) + "/" + std::to_string(getpid()) + "-" + std::to_string(i) + ".dat").c_str());
    for (const auto &instance : idle)
      instance->top.release(); // the process ends, and Verilator's own state may be gone
  }
};
inline InstancePool &instancePool() {
  Verilated::defaultContextp(); // made first, so it goes last
  static InstancePool pool;
  return pool;
}

#endif

/// `prepare` sees the context before the design is built.
template <typename Prepare> std::unique_ptr<Instance> takeInstance(const Prepare &prepare) {
#ifdef TW_RTL_COVERAGE
  if (auto &idle = instancePool().idle; !idle.empty()) {
    std::unique_ptr<Instance> instance = std::move(idle.back());
    idle.pop_back();
    Verilated::threadContextp(&instance->context);
    return instance;
  }
#endif
  auto instance = std::make_unique<Instance>();
  prepare(instance->context);
  instance->top = std::make_unique<Vtw_top>(&instance->context);
  return instance;
}

inline void giveBack(std::unique_ptr<Instance> instance) {
#ifdef TW_RTL_COVERAGE
  instancePool().idle.push_back(std::move(instance));
#else
  instance->top->final();
  instance->top.reset();
#endif
}

} // namespace tw::rtl
#endif
