// SPDX-License-Identifier: Apache-2.0
#include "Timeline.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::codegen;

namespace {

// Host, up to the GPU, kernel, NPU, down, host that needs it.
TEST(TimelineTest, TheGpuGoesOnWhileOthersDoTheirs) {
  isa::Package package;
  package.config.clockMhz = 1000;
  package.steps = {isa::runHostCode({{"f"}}, {0}), isa::copyBytes(1, 0, 8),       isa::runGpuCode({{"k"}}, {1}),
                   isa::runHostCode({{"f"}}, {1}), isa::runLines(0, 1),           isa::runHostCode({{"f"}}, {3}),
                   isa::copyBytes(2, 1, 8),        isa::runHostCode({{"g"}}, {2})};
  package.steps[1].toSpace = 1;
  package.steps[3].op = TW_PKG_STEP_INSTEAD;
  package.steps[6].fromSpace = 1;
  CompileReport report;
  auto add = [&](ExecutorId executor, double ns, uint64_t cycles = 0) {
    RegionCost region{.executor = executor, .ns = ns};
    region.cycles = cycles;
    report.regions.push_back(region);
  };
  add(ExecutorId::Npu, 1, 40); // measured: its estimate does not count
  add(ExecutorId::Gpu, 10);
  add(ExecutorId::Gpu, 100);
  add(ExecutorId::Gpu, 20);
  add(ExecutorId::Host, 5);
  add(ExecutorId::Host, 30);
  add(ExecutorId::Host, 7);
  const std::vector<TimelineRow> rows = timelineOf(package, report);
  ASSERT_EQ(rows.size(), 7u); // what stands for the kernel is none
  const std::vector<std::pair<double, double>> expected = {{0, 5},   {5, 10},   {15, 100}, {5, 40},
                                                           {45, 30}, {115, 20}, {135, 7}};
  for (size_t i = 0; i != rows.size(); ++i)
    EXPECT_EQ(std::pair(rows[i].startNs, rows[i].ns), expected[i]) << i;
}

} // namespace
