// SPDX-License-Identifier: Apache-2.0
// A plug-in: the verilated tw_top of one configuration and its bench. Compiled once per configuration.
#include "AxiChecker.h"
#include "Plugin.h"
#include "Vtw_top.h"
#include "Vtw_top___024root.h"
#include "tw/isa/Tables.h"
#include <array>
#include <cstring>

namespace tw::rtl {
namespace {

template <typename Port> const uint8_t *bytesOf(const Port &port) { return reinterpret_cast<const uint8_t *>(&port); }
template <typename Port> uint32_t wordOf(const Port &port, size_t index) {
  uint32_t word;
  std::memcpy(&word, bytesOf(port) + 4 * index, 4);
  return word;
}

class RtlMachine final : public Model {
public:
  RtlMachine(const isa::MachineOptions &options, const isa::MemoryTimingConfig &timing, uint64_t memoryBytes)
      : options(options), dram(memoryBytes), timing(bounded(timing, memoryBytes), kBeatBytes), bus(this->timing),
        checker(kBeatBytes, timing.errors.empty() ? memoryBytes : 0) {
    // Verilator enters and removes the scopes of public memories through the thread's context.
    Verilated::threadContextp(&context);
    context.randReset(0);
    top = std::make_unique<Vtw_top>(&context);
    reset();
  }
  ~RtlMachine() override {
    Verilated::threadContextp(&context);
    top->final();
    top.reset();
    Verilated::threadContextp(Verilated::defaultContextp());
  }

  std::string_view modelName() const override { return "rtl"; }
  std::span<uint8_t> memory() override { return dram; }
  bool interrupt() const override { return top->irq_o; }
  const std::vector<std::string> &protocolErrors() const override { return checker.errors(); }
  uint64_t clockCycles() const override { return clocks; }

  uint32_t readRegister(uint32_t offset) override {
    top->s_arvalid_i = 1;
    top->s_araddr_i = uint16_t(offset);
    while (!top->s_arready_o)
      step();
    step();
    top->s_arvalid_i = 0;
    while (!top->s_rvalid_o)
      step();
    uint32_t value = top->s_rdata_o;
    step();
    return offset < 0x10000 ? value : 0;
  }

  void writeRegister(uint32_t offset, uint32_t value) override {
    if (offset >= 0x10000)
      return;
    while (top->s_bvalid_o)
      step();
    top->s_awvalid_i = top->s_wvalid_i = 1;
    top->s_awaddr_i = uint16_t(offset);
    top->s_wdata_i = value;
    top->s_wstrb_i = 0xF;
    step();
    top->s_awvalid_i = top->s_wvalid_i = 0;
  }

  bool runUntilIdle(uint64_t maxCycles) override {
    uint64_t limit = maxCycles ? std::min(maxCycles, options.hangCycles) : options.hangCycles;
    for (uint64_t i = 0; top->busy_o; ++i) {
      if (i == limit)
        return false;
      step();
    }
    step(); // the interrupt is up and the last response taken
    return true;
  }

  void reset() override {
    top->clk_i = 0;
    top->rst_ni = 0;
    top->s_bready_i = top->s_rready_i = 1;
    top->s_awvalid_i = top->s_wvalid_i = top->s_arvalid_i = 0;
    top->m_arready_i = top->m_awready_i = top->m_wready_i = top->m_rvalid_i = top->m_bvalid_i = 0;
    top->eval();
    for (int i = 0; i < 4; ++i)
      clock();
    top->rst_ni = 1;
    wasBusy = false;
    for (auto &starts : startCycles)
      starts.clear();
    bus.startJob();
    poison();
  }

  std::vector<uint8_t> dumpSpace(int space) const override {
    auto copy = [](const auto &memory) {
      return std::vector<uint8_t>(bytesOf(memory), bytesOf(memory) + sizeof(memory));
    };
    switch (static_cast<isa::Space>(space)) {
    case isa::Space::SPM:
      return copy(root().tw_top__DOT__u_spm__DOT__u_banks__DOT__mem);
    case isa::Space::ACC: {
      std::vector<uint8_t> low = copy(root().tw_top__DOT__u_compute__DOT__u_acc__DOT__low_mem);
      std::vector<uint8_t> high = copy(root().tw_top__DOT__u_compute__DOT__u_acc__DOT__high_mem);
      low.insert(low.end(), high.begin(), high.end());
      return low;
    }
    case isa::Space::PARAM:
      return copy(root().tw_top__DOT__u_compute__DOT__u_param__DOT__mem);
    case isa::Space::LUT:
      return copy(root().tw_top__DOT__u_compute__DOT__u_param__DOT__lut);
    case isa::Space::DRAM:
      break;
    }
    return {};
  }

private:
  static constexpr uint32_t kBeatBytes = sizeof(Vtw_top::m_wdata_o);
  static constexpr unsigned kEngines = 6, kFrontEnd = 6;

  static isa::MemoryTimingConfig bounded(isa::MemoryTimingConfig config, uint64_t memoryBytes) {
    config.memoryBytes = memoryBytes;
    return config;
  }

  Vtw_top___024root &root() const { return *top->rootp; }

  void poison() {
    auto fill = [&](auto &memory) { std::memset(static_cast<void *>(&memory), options.poison, sizeof(memory)); };
    fill(root().tw_top__DOT__u_spm__DOT__u_banks__DOT__mem);
    fill(root().tw_top__DOT__u_compute__DOT__u_acc__DOT__low_mem);
    fill(root().tw_top__DOT__u_compute__DOT__u_acc__DOT__high_mem);
    fill(root().tw_top__DOT__u_compute__DOT__u_param__DOT__mem);
    fill(root().tw_top__DOT__u_compute__DOT__u_param__DOT__lut);
  }

  // One edge; inputs and edge are told together: Verilator settles what hangs on inputs before it looks at the clock.
  void clock() {
    top->clk_i = 1;
    top->eval();
    top->clk_i = 0;
    top->eval();
    ++clocks;
  }

  // One cycle: look at what is visible in it, answer, clock.
  void step() {
    if (top->busy_o && !wasBusy) {
      cycle = 0;
      bus.startJob();
    }
    wasBusy = top->busy_o;
    if (wasBusy) {
      answerReads();
      answerWrites();
      if (options.trace && (top->trace_start_o | top->trace_end_o))
        trace();
      ++cycle;
    } else {
      top->m_arready_i = top->m_awready_i = top->m_wready_i = top->m_rvalid_i = top->m_bvalid_i = 0;
    }
    clock();
  }

  void answerReads() {
    if (top->m_arvalid_o) {
      bool taken = bus.readAddress(cycle, true, top->m_araddr_o, top->m_arlen_o + 1);
      checker.address("AR", true, top->m_araddr_o, top->m_arlen_o, top->m_arsize_o, top->m_arburst_o, taken);
      top->m_arready_i = taken;
    } else {
      checker.address("AR", false, 0, 0, 0, 0, false);
      top->m_arready_i = 0;
    }
    isa::ReadBeat beat = bus.readData(cycle);
    top->m_rvalid_i = beat.valid;
    if (beat.valid) {
      top->m_rlast_i = beat.last;
      top->m_rresp_i = uint8_t(beat.response);
      if (inMemory(beat.address))
        std::memcpy(&top->m_rdata_i, &dram[beat.address], kBeatBytes);
    }
  }

  void answerWrites() {
    if (top->m_awvalid_o) {
      bool taken = bus.writeAddress(cycle, true, top->m_awaddr_o, top->m_awlen_o + 1);
      checker.address("AW", true, top->m_awaddr_o, top->m_awlen_o, top->m_awsize_o, top->m_awburst_o, taken);
      top->m_awready_i = taken;
    } else {
      checker.address("AW", false, 0, 0, 0, 0, false);
      top->m_awready_i = 0;
    }
    isa::WriteBeat beat = bus.writeData(cycle, top->m_wvalid_o);
    checker.writeData(top->m_wvalid_o, bytesOf(top->m_wdata_o), top->m_wlast_o, allStrobes(), beat.ready);
    top->m_wready_i = beat.ready;
    if (beat.ready && inMemory(beat.address))
      std::memcpy(&dram[beat.address], bytesOf(top->m_wdata_o), kBeatBytes);
    std::optional<isa::AxiResponse> response = bus.writeDone(cycle);
    top->m_bvalid_i = response.has_value();
    top->m_bresp_i = response ? uint8_t(*response) : 0;
  }

  bool inMemory(uint64_t address) const { return address + kBeatBytes <= dram.size() && address < dram.size(); }
  bool allStrobes() const { return uint64_t(top->m_wstrb_o) == (kBeatBytes == 64 ? ~0ull : (1ull << kBeatBytes) - 1); }

  void trace() {
    for (unsigned e = 0; e < kEngines; ++e)
      if (top->trace_start_o >> e & 1)
        startCycles[e].push_back(cycle);
    for (unsigned e = 0; e <= kEngines; ++e) {
      if (!(top->trace_end_o >> e & 1))
        continue;
      isa::TraceEvent event;
      event.pc = wordOf(top->trace_end_pc_o, e);
      const uint32_t name = wordOf(top->trace_end_name_o, e);
      event.opcode = uint8_t(name);
      event.tag = uint16_t(name >> 8);
      event.engine = uint8_t(e);
      event.startCycle = event.endCycle = cycle;
      if (e != kFrontEnd && !startCycles[e].empty()) {
        event.startCycle = startCycles[e].front();
        startCycles[e].pop_front();
      }
      options.trace->retire(event);
    }
  }

  isa::MachineOptions options;
  std::vector<uint8_t> dram;
  isa::MemoryTiming timing;
  isa::MemoryBus bus;
  AxiChecker checker;
  VerilatedContext context;
  std::unique_ptr<Vtw_top> top;
  uint64_t cycle = 0; // of the job
  uint64_t clocks = 0;
  bool wasBusy = false;
  std::array<std::deque<uint64_t>, kEngines> startCycles;
};

} // namespace
} // namespace tw::rtl

extern "C" __attribute__((visibility("default"))) tw::rtl::Model *
tw_rtl_create_model(const tw::isa::MachineOptions &options, const tw::isa::MemoryTimingConfig &timing,
                    uint64_t memoryBytes) {
  return new tw::rtl::RtlMachine(options, timing, memoryBytes);
}
