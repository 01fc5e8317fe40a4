// SPDX-License-Identifier: Apache-2.0
// All models of the machine side by side on two streams of matrix work. The worst for leaping: tiles of 16 rows, where
// every block of weights is shorter than its load and beats of weights come in nearly every cycle, all in one group of
// banks. And two whole layers of ResNet-50 (256 channels of 14x14 pixels: 3x3 to 256, 1x1 to 1024), one block of output
// channels a tile. Processor time, best of several runs in turn. Nothing is printed before results and cycles were
// found equal.
// Expected at tw16 on a quiet core: timing only, plain, at least 100 Mcycles/s on the tiles and 400 on the layers.
#include "tw/rtl/Model.h"
#include "tw/simulator/Cycle.h"
#include "tw/simulator/FunctionalMachine.h"

#include "tw/support/Job.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

using namespace tw;
using namespace tw::isa;
using test::Job;

namespace {

Line wait(Line line, int slot, int semaphore) {
  return line.set(kWaitSlots[size_t(slot)].valid, 1).set(kWaitSlots[size_t(slot)].sem, semaphore);
}
Line post(Line line, int slot, int semaphore) {
  return line.set(kPostSlots[size_t(slot)].valid, 1).set(kPostSlots[size_t(slot)].sem, semaphore);
}
Line walk(Opcode opcode, int64_t region, int64_t offset, int64_t spm, int64_t rows) {
  Line line = Line(opcode).set(ld::region, region).set(ld::offset, offset).set(ld::spm, spm).set(ld::n0, rows);
  return line.set(ld::n1, 1).set(ld::n2, 1).set(ld::n3, 1);
}

/// A product of one block of output channels, without its operands' addresses, and what it reads and writes.
struct Tile {
  Line product;
  int64_t weightRows, height, width;
};

Tile square(const HwConfig &config, int64_t kernel, int64_t side, int64_t blocks) {
  Line line = Line(Opcode::Conv).set(conv::x_h, side).set(conv::x_w, side).set(conv::x_ws, blocks * config.n);
  line.set(conv::x_hs, side * blocks * config.n).set(conv::stride_h, 1).set(conv::stride_w, 1);
  line.set(conv::dil_h, 1).set(conv::dil_w, 1).set(conv::pad_t, kernel / 2).set(conv::pad_l, kernel / 2);
  line.set(conv::kh_n, kernel).set(conv::kw_n, kernel).set(conv::ic_n, blocks).set(conv::oc_n, 1);
  line.set(conv::oh_n, side).set(conv::ow_n, side);
  return {line, kernel * kernel * blocks * config.n, side, side};
}
Tile tall(const HwConfig &config, int64_t rows, int64_t blocks) {
  Line line = Line(Opcode::Gemm).set(gemm::x_ms, blocks * config.n).set(gemm::x_ks, config.n);
  line.set(gemm::m_n, rows).set(gemm::k_n, blocks).set(gemm::oc_n, 1);
  return {line, blocks * config.n, rows, 1};
}

/// The tiles one after the other, on activations that are loaded once; weights, sums and results double buffered.
std::vector<Line> program(const HwConfig &config, int64_t activationRows, const std::vector<Tile> &tiles) {
  const int64_t n = config.n;
  int64_t weights = 0, pixels = 0;
  for (const Tile &tile : tiles) {
    weights = std::max(weights, tile.weightRows);
    pixels = std::max(pixels, tile.height * tile.width);
  }
  const int64_t w = activationRows * n, y = w + 2 * weights * n;
  std::vector<Line> lines = {Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::count, 3),
                             walk(Opcode::Ld, 2, 0, 0, activationRows), Line(Opcode::Fence)};
  constexpr int kWeights = 0, kSums = 1, kResults = 2, kFreeWeights = 3, kFreeSums = 4, kFreeResults = 5;
  for (size_t i = 0; i != tiles.size(); ++i) {
    const Tile &tile = tiles[i];
    const int64_t turn = i & 1, acc = turn * config.accRows / 2, rows = tile.height * tile.width;
    Line load = post(walk(Opcode::Ldw, 1, 4096, w + turn * weights * n, tile.weightRows), 0, kWeights);
    const bool isConv = tile.product.row()->opcode == Opcode::Conv;
    Line product = tile.product;
    product.set(isConv ? conv::w : gemm::w, w + turn * weights * n).set(isConv ? conv::acc : gemm::acc, acc);
    product = post(post(wait(product, 0, kWeights), 0, kSums), 1, kFreeWeights);
    Line drain = Line(Opcode::Drq).set(drq::acc, acc).set(drq::oc_n, 1).set(drq::y, y + turn * pixels * n);
    drain.set(drq::oh_n, tile.height).set(drq::ow_n, tile.width).set(drq::y_hs, tile.width * n).set(drq::y_ws, n);
    drain = post(post(wait(drain, 0, kSums), 0, kResults), 1, kFreeSums);
    Line store = post(
        wait(walk(Opcode::St, 2, 0x40000 + int64_t(i % 16) * pixels * n, y + turn * pixels * n, rows), 0, kResults), 0,
        kFreeResults);
    if (i >= 2) { // the buffers must be free again
      load = wait(load, 0, kFreeWeights);
      product = wait(product, 1, kFreeSums);
      drain = wait(drain, 1, kFreeResults);
    }
    for (const Line &line : {load, product, drain, store})
      lines.push_back(line);
  }
  for (int semaphore : {kFreeWeights, kFreeSums, kFreeResults}) // what the last two left
    lines.push_back(wait(walk(Opcode::Ld, 2, 0, 0, 1), 0, semaphore).set(header::wait0_amount, 1));
  lines.push_back(Line(Opcode::End));
  return lines;
}

std::vector<Line> sixteenRows(const HwConfig &config) {
  std::vector<Tile> tiles;
  for (int i = 0; i != 100; ++i) {
    tiles.push_back(tall(config, 16, 72));
    tiles.push_back(square(config, 3, 4, 8)); // 4x4 pixels
  }
  return program(config, 16 * 72, tiles);
}

std::vector<Line> layers(const HwConfig &config) {
  const int64_t blocks = 256 / config.n;
  std::vector<Tile> tiles(size_t(blocks), square(config, 3, 14, blocks));
  tiles.insert(tiles.end(), size_t(4 * blocks), square(config, 1, 14, blocks));
  return program(config, 14 * 14 * blocks, tiles);
}

enum Kind { kFunctional, kPlain, kSystemC, kPlainTiming, kSystemCTiming, kRtl, kKinds };
constexpr const char *kNames[] = {"functional",         "cycle, plain",         "cycle, SystemC",
                                  "timing only, plain", "timing only, SystemC", "RTL"};
bool hasData(int kind) { return kind != kPlainTiming && kind != kSystemCTiming; }

std::unique_ptr<Machine> makeMachine(int kind, const HwConfig &config) {
  if (kind == kFunctional)
    return simulator::createFunctionalMachine(config, Job::kMemoryBytes);
  if (kind == kRtl) {
    auto model = rtl::loadModel(config.name, {}, MemoryTimingConfig::ideal(), Job::kMemoryBytes);
    if (!model) {
      std::fprintf(stderr, "error: tw_bench_tiles: %s\n", model.diag().str().c_str());
      std::exit(1);
    }
    return std::move(*model);
  }
  simulator::CycleOptions options;
  options.memory = MemoryTimingConfig::ideal();
  options.kernel =
      kind == kPlain || kind == kPlainTiming ? simulator::CycleKernel::Plain : simulator::CycleKernel::SystemC;
  options.timingOnly = !hasData(kind);
  return simulator::createCycleMachine(config, Job::kMemoryBytes, options);
}

struct Run {
  std::unique_ptr<Machine> machine;
  test::JobOutcome outcome;
  std::vector<uint8_t> results;
  double best = 1e9;

  void once(const Job &job) {
    const std::clock_t start = std::clock();
    outcome = test::runJob(*machine, job);
    best = std::min(best, double(std::clock() - start) / CLOCKS_PER_SEC);
    const auto memory = machine->memory().subspan(Job::kArenaBase);
    results.assign(memory.begin(), memory.end());
  }
};

[[noreturn]] void fail(const HwConfig &config, const char *what, int kind) {
  std::fprintf(stderr, "error: tw_bench_tiles: %s: %s: %s\n", config.name.c_str(), kNames[kind], what);
  std::exit(1);
}

void compare(const HwConfig &config, const char *what, const std::vector<Line> &lines) {
  const Job job(config, lines);
  Run runs[kKinds];
  for (int round = 0; round != 5; ++round)
    for (int kind = 0; kind != kKinds; ++kind) {
      Run &run = runs[kind];
      if (round == 0) {
        run.machine = makeMachine(kind, config);
        auto memory = run.machine->memory();
        for (uint64_t i = Job::kConstBase; i < Job::kMemoryBytes; ++i)
          memory[i] = uint8_t(i * 2654435761u >> 13);
        for (uint64_t i = 0; i < 4096; i += 4)
          std::memcpy(memory.data() + Job::kConstBase + i, "\0\0\0\x3A", 4); // 2^-11 as a multiplier
      }
      run.once(job);
      if (run.outcome.code != FaultCode::None)
        fail(config, "ends with a fault", kind);
      if (hasData(kind) && run.results != runs[kFunctional].results)
        fail(config, "computes other results than the functional model", kind);
      if (kind > kPlain && run.outcome.cycles != runs[kPlain].outcome.cycles)
        fail(config, "takes other cycles than the plain cycle model", kind);
    }
  const double cycles = double(runs[kRtl].outcome.cycles), macs = double(runs[kPlain].outcome.macs);
  std::printf("%s, %s: %.3f Mcycles, %.1f MMAC in the array; results and cycles equal\n", config.name.c_str(), what,
              cycles * 1e-6, macs * 1e-6);
  std::printf("  %-22s %12s %10s %20s %12s\n", "", "Mcycles/s", "GMAC/s", "time / functional", "speed / RTL");
  for (int kind = 0; kind != kKinds; ++kind)
    std::printf("  %-22s %12.2f %10s %20.2f %12.1f\n", kNames[kind], cycles / runs[kind].best * 1e-6,
                hasData(kind) ? std::to_string(macs / runs[kind].best * 1e-9).substr(0, 6).c_str() : "-",
                runs[kind].best / runs[kFunctional].best, runs[kRtl].best / runs[kind].best);
}

} // namespace

int main() {
  for (const char *name : {"tw16", "tw32"}) {
    const HwConfig config = test::testConfig(name);
    compare(config, "tiles of 16 rows", sixteenRows(config));
    compare(config, "two layers of ResNet-50", layers(config));
  }
}
