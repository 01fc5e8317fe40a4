// SPDX-License-Identifier: Apache-2.0
// Speed of the cycle model on a stream like that of a small residual network: stripes of 3x3 layers, double buffered,
// loads and stores beside the array. "apart": clients in bank groups of their own; "together": all in one group, so
// that every overlap is stepped. Expected at tw16 on one quiet thread: timing only at least 100 Mcycles/s apart and 20
// together; with data at most 4 times the functional model's time.
#include "tw/simulator/Cycle.h"
#include "tw/simulator/FunctionalMachine.h"

#include "tw/support/Job.h"

#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>

using namespace tw;
using namespace tw::isa;
using test::Job;

namespace {

Line wait(Line line, int slot, int semaphore) {
  const SyncSlot &s = kWaitSlots[size_t(slot)];
  return line.set(s.valid, 1).set(s.sem, semaphore);
}
Line post(Line line, int slot, int semaphore) {
  const SyncSlot &s = kPostSlots[size_t(slot)];
  return line.set(s.valid, 1).set(s.sem, semaphore);
}

/// `stripes` stripes of a 3x3 convolution: 32 columns, 16 rows, `blocks` blocks of N channels in, one out.
std::vector<Line> program(const HwConfig &config, int stripes, int64_t blocks, bool apart) {
  const int64_t n = config.n, group = config.spmBytes / 4, rows = 18 * 32 * blocks, weights = 9 * blocks * n;
  const int64_t pixels = 16 * 32;
  // Two buffers each of activations, weights, results.
  int64_t x[2], w[2], y[2];
  for (int64_t b = 0; b != 2; ++b) {
    x[b] = apart ? b * group : b * rows * n;
    w[b] = apart ? 2 * group + b * weights * n : 2 * rows * n + b * weights * n;
    y[b] = apart ? 3 * group + b * pixels * n : (2 * rows + 2 * weights + b * pixels) * n;
  }
  const auto walk = [](Opcode opcode, int64_t region, int64_t offset, int64_t spm, int64_t count) {
    return Line(opcode)
        .set(ld::region, region)
        .set(ld::offset, offset)
        .set(ld::spm, spm)
        .set(ld::n0, count)
        .set(ld::n1, 1)
        .set(ld::n2, 1)
        .set(ld::n3, 1);
  };
  std::vector<Line> lines = {Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::count, 3), Line(Opcode::Fence)};
  constexpr int kX = 0, kW = 1, kAcc = 2, kY = 3, kFreeX = 4, kFreeW = 5, kFreeAcc = 6, kFreeY = 7;
  for (int i = 0; i != stripes; ++i) {
    const int b = i & 1;
    Line load = post(walk(Opcode::Ld, 2, 0, x[b], rows), 0, kX);
    Line loadW = post(walk(Opcode::Ldw, 1, 4096, w[b], weights), 0, kW);
    Line conv =
        Line(Opcode::Conv).set(conv::x, x[b]).set(conv::x_h, 18).set(conv::x_w, 32).set(conv::x_hs, 32 * blocks * n);
    conv.set(conv::x_ws, blocks * n)
        .set(conv::stride_h, 1)
        .set(conv::stride_w, 1)
        .set(conv::dil_h, 1)
        .set(conv::dil_w, 1);
    conv.set(conv::pad_l, 1).set(conv::kh_n, 3).set(conv::kw_n, 3).set(conv::ic_n, blocks).set(conv::oc_n, 1);
    conv.set(conv::oh_n, 16).set(conv::ow_n, 32).set(conv::w, w[b]).set(conv::acc, b * int64_t(config.accRows) / 2);
    conv = post(post(wait(wait(conv, 0, kX), 1, kW), 0, kAcc), 1, kFreeX);
    Line drain = Line(Opcode::Drq).set(drq::acc, b * int64_t(config.accRows) / 2).set(drq::oc_n, 1).set(drq::oh_n, 16);
    drain.set(drq::ow_n, 32).set(drq::y, y[b]).set(drq::y_hs, 32 * n).set(drq::y_ws, n);
    drain = post(post(wait(drain, 0, kAcc), 0, kY), 1, kFreeAcc);
    Line store = post(wait(walk(Opcode::St, 2, 0x20000, y[b], pixels), 0, kY), 0, kFreeY);
    if (i >= 2) { // the buffers must be free again
      load = wait(load, 0, kFreeX);
      loadW = wait(loadW, 0, kFreeW);
      conv = wait(conv, 2, kFreeAcc);
      drain = wait(drain, 1, kFreeY);
    }
    conv = post(conv, 2, kFreeW);
    for (const Line &line : {load, loadW, conv, drain, store})
      lines.push_back(line);
  }
  for (int semaphore : {kFreeX, kFreeW, kFreeAcc, kFreeY}) // what the last two stripes left
    lines.push_back(
        wait(walk(Opcode::Ld, 2, 0, 0, 1), 0, semaphore).set(header::wait0_amount, std::min(stripes, 2) - 1));
  lines.push_back(Line(Opcode::End));
  return lines;
}

struct Speed {
  double seconds;
  uint64_t cycles;
};

Speed measure(Machine &machine, const Job &job) {
  auto memory = machine.memory();
  for (uint64_t i = 0; i < Job::kMemoryBytes - Job::kConstBase; ++i)
    memory[Job::kConstBase + i] = uint8_t(i * 2654435761u >> 13);
  for (uint64_t i = 0; i < 4096; i += 4)
    std::memcpy(memory.data() + Job::kConstBase + i, "\0\0\0\x3A", 4); // 2^-11 as a multiplier
  double best = 1e9;
  uint64_t cycles = 0;
  for (int run = 0; run != 5; ++run) {
    const std::clock_t start = std::clock();
    const test::JobOutcome outcome = test::runJob(machine, job);
    best = std::min(best, double(std::clock() - start) / CLOCKS_PER_SEC);
    cycles = outcome.cycles;
    if (outcome.code != FaultCode::None)
      std::printf("failed: %s\n", std::string(name(outcome.code)).c_str());
  }
  return {best, cycles};
}

} // namespace

int main() {
  std::printf("%-30s %12s %12s %12s %12s %12s\n", "Mcycles/s", "functional", "plain", "SystemC", "plain, time",
              "SystemC, time");
  for (const char *machineName : {"tw16", "tw32"})
    for (int64_t blocks : {1, 2})
      for (bool apart : {true, false}) {
        HwConfig config = test::testConfig(machineName);
        if (config.accRows < 1024)
          continue;
        Job job(config, program(config, 150, blocks, apart));
        auto functional = simulator::createFunctionalMachine(config, Job::kMemoryBytes);
        Speed reference = measure(*functional, job);
        Speed speeds[4];
        for (int k = 0; k != 4; ++k) {
          simulator::CycleOptions options;
          options.kernel = k & 1 ? simulator::CycleKernel::SystemC : simulator::CycleKernel::Plain;
          options.timingOnly = k >= 2;
          speeds[k] = measure(*simulator::createCycleMachine(config, Job::kMemoryBytes, options), job);
        }
        const double cycles = double(speeds[0].cycles) * 1e-6;
        std::printf("%s, %2d channels in, %-9s %12.1f %12.1f %12.1f %12.1f %12.1f\n", machineName,
                    int(blocks) * int(config.n), apart ? "apart" : "together", cycles / reference.seconds,
                    cycles / speeds[0].seconds, cycles / speeds[1].seconds, cycles / speeds[2].seconds,
                    cycles / speeds[3].seconds);
      }
}
