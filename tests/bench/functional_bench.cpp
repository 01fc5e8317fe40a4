// SPDX-License-Identifier: Apache-2.0
// Speed of the functional model on layers like those of a small residual network, whole pipeline (loads, array, drain,
// store), one thread. Expected at N = 16 with AVX-512 VNNI: at least 10 GMAC/s for the 3x3 layers, 4 for the 1x1 layer.
#include "tw/simulator/FunctionalMachine.h"

#include "tw/support/Job.h"

#include <cstdio>
#include <cstring>
#include <ctime>

using namespace tw;
using namespace tw::isa;
using test::Job;

namespace {

struct Layer {
  const char *name;
  int size, channels, kernel, stride, outputs;
};

std::vector<Line> program(const Layer &layer, int64_t n) {
  const int64_t ic = (layer.channels + n - 1) / n, oc = (layer.outputs + n - 1) / n;
  const int64_t out = layer.size / layer.stride, rows = layer.size * layer.size * ic;
  const int64_t weights = layer.kernel * layer.kernel * ic * n * oc;
  const int64_t x = 0, w = x + rows * n, y = w + weights * n;
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
  Line conv = Line(Opcode::Conv).set(conv::x, x).set(conv::x_h, layer.size).set(conv::x_w, layer.size);
  conv.set(conv::x_hs, layer.size * ic * n).set(conv::x_ws, ic * n).set(conv::stride_h, layer.stride);
  conv.set(conv::stride_w, layer.stride).set(conv::dil_h, 1).set(conv::dil_w, 1).set(conv::pad_t, layer.kernel / 2);
  conv.set(conv::pad_l, layer.kernel / 2).set(conv::kh_n, layer.kernel).set(conv::kw_n, layer.kernel);
  conv.set(conv::ic_n, ic).set(conv::oc_n, oc).set(conv::oh_n, out).set(conv::ow_n, out).set(conv::w, w);
  Line drain = Line(Opcode::Drq).set(drq::oc_n, oc).set(drq::oh_n, out).set(drq::ow_n, out).set(drq::y, y);
  drain.set(drq::y_hs, out * oc * n).set(drq::y_ws, oc * n).set(drq::y_cs, n);
  return {Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::count, 1 + 2 * oc),
          walk(Opcode::Ldw, 1, 4096, w, weights),
          walk(Opcode::Ld, 2, 0, x, rows),
          conv,
          drain,
          walk(Opcode::St, 2, 0, y, out * out * oc),
          Line(Opcode::End)};
}

} // namespace

int main() {
  const Layer layers[] = {{"32x32x16, 3x3x16", 32, 16, 3, 1, 16},
                          {"32x32x16, 3x3x32 /2", 32, 16, 3, 2, 32},
                          {"16x16x32, 3x3x32", 16, 32, 3, 1, 32},
                          {"8x8x64, 3x3x64", 8, 64, 3, 1, 64},
                          {"16x16x32, 1x1x64 /2", 16, 32, 1, 2, 64}};
  for (const char *name : {"tw8", "tw16", "tw32", "tw64"}) {
    const HwConfig config = test::testConfig(name);
    for (const Layer &layer : layers) {
      auto machine = simulator::createFunctionalMachine(config, Job::kMemoryBytes);
      auto memory = machine->memory();
      for (uint64_t i = 0; i < Job::kMemoryBytes - Job::kConstBase; ++i)
        memory[Job::kConstBase + i] = static_cast<uint8_t>(i * 2654435761u >> 13);
      for (uint64_t i = 0; i < 4096; i += 4)
        std::memcpy(memory.data() + Job::kConstBase + i, "\0\0\0\x3A", 4); // 2^-11 as a multiplier
      const Job job(config, program(layer, config.n));
      const test::JobOutcome outcome = test::runJob(*machine, job);
      if (outcome.code != FaultCode::None) {
        std::printf("%-5s %-22s does not fit: %.*s\n", name, layer.name, int(isa::name(outcome.code).size()),
                    isa::name(outcome.code).data());
        continue;
      }
      const std::clock_t start = std::clock(); // time of this process, whatever else the host does
      double seconds = 0;
      int runs = 0;
      for (; seconds < 0.2; ++runs, seconds = double(std::clock() - start) / CLOCKS_PER_SEC)
        test::runJob(*machine, job);
      std::printf("%-5s %-22s %7.1f GMAC/s, %6.1f us\n", name, layer.name, double(outcome.macs) * runs / seconds * 1e-9,
                  seconds / runs * 1e6);
    }
  }
}
