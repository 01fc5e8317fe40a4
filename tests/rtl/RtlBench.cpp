// SPDX-License-Identifier: Apache-2.0
// Simulation speed of the design: clock cycles per second of processor time, for what a network does most.
// Aim: tw16 at 3 Mcycles/s on every row of a quiet core.
#include "Rtl.h"
#include <cstdio>
#include <ctime>

using namespace tw;
using namespace tw::isa;
using namespace tw::test;

namespace {

Line convolution(const HwConfig &config, int64_t kernel, int64_t channelBlocks, bool high) {
  int64_t n = config.n, group = config.spmBytes / 4;
  return Line(Opcode::Conv)
      .set(conv::x_h, 14)
      .set(conv::x_w, 14)
      .set(conv::x_hs, 14 * n * channelBlocks)
      .set(conv::x_ws, n * channelBlocks)
      .set(conv::stride_h, 1)
      .set(conv::stride_w, 1)
      .set(conv::dil_h, 1)
      .set(conv::dil_w, 1)
      .set(conv::pad_t, kernel / 2)
      .set(conv::pad_l, kernel / 2)
      .set(conv::kh_n, kernel)
      .set(conv::kw_n, kernel)
      .set(conv::ic_n, channelBlocks)
      .set(conv::oc_n, 2)
      .set(conv::oh_n, 14)
      .set(conv::ow_n, 14)
      .set(conv::w, group)
      .set(conv::acc, high ? config.accRows / 2 : 0);
}

void measure(const char *config, const char *what, const std::vector<Line> &body, int times) {
  Bench bench(config);
  bench.trace.events.reserve(4096);
  for (uint64_t i = 0; i != uint64_t(64 * bench.config.n); ++i)
    reinterpret_cast<uint32_t *>(bench.machine->memory().data() + Job::kConstBase)[i] = 0x3A800000;
  std::vector<Line> lines{Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::count, 64),
                          Line(Opcode::Ld)
                              .set(ld::region, 1)
                              .set(ld::n0, bench.config.spmBytes / bench.config.n)
                              .set(ld::n1, 1)
                              .set(ld::n2, 1)
                              .set(ld::n3, 1),
                          kFence};
  for (int i = 0; i != times; ++i)
    lines.insert(lines.end(), body.begin(), body.end());
  lines.push_back(kEnd);
  uint64_t before = bench.machine->clockCycles();
  std::clock_t start = std::clock();
  JobOutcome outcome = bench.run(Job(bench.config, lines));
  double seconds = double(std::clock() - start) / CLOCKS_PER_SEC;
  std::printf("%-5s %-28s %9llu cycles %6.2f Mcycles/s  fault %d\n", config, what,
              static_cast<unsigned long long>(outcome.cycles),
              double(bench.machine->clockCycles() - before) / seconds / 1e6, int(outcome.code));
}

} // namespace

int main() {
  for (const char *name : {"tw8", "tw16"}) {
    HwConfig config = testConfig(name);
    int64_t n = config.n, group = config.spmBytes / 4;
    Line drq = Line(Opcode::Drq)
                   .set(drq::oc_n, 2)
                   .set(drq::oh_n, 14)
                   .set(drq::ow_n, 14)
                   .set(drq::y, 2 * group)
                   .set(drq::y_ws, n)
                   .set(drq::y_hs, 14 * n)
                   .set(drq::y_cs, 196 * n);
    Line load = Line(Opcode::Ld)
                    .set(ld::region, 1)
                    .set(ld::spm, 3 * group)
                    .set(ld::n0, 784)
                    .set(ld::n1, 1)
                    .set(ld::n2, 1)
                    .set(ld::n3, 1);
    measure(name, "idle engines (one long load)", {load, load, load, load, kFence}, 60);
    measure(name, "array: 3x3 convolutions", {convolution(config, 3, 2, false), convolution(config, 3, 2, true)}, 60);
    // The upper half of ACC is drained while the array fills the lower one.
    measure(name, "convolution, drain, load",
            {convolution(config, 3, 2, false), Line(drq).set(drq::acc, config.accRows / 2), load, kFence}, 60);
    measure(name, "drain", {drq, drq, kFence}, 150);
    Line add = Line(Opcode::Ewadd)
                   .set(ewadd::n0, 512)
                   .set(ewadd::n1, 1)
                   .set(ewadd::n2, 1)
                   .set(ewadd::b, group)
                   .set(ewadd::y, 2 * group)
                   .set(ewadd::a_s0, n)
                   .set(ewadd::b_s0, n)
                   .set(ewadd::y_s0, n);
    measure(name, "vector: addition", {add}, 300);
  }
  return 0;
}
