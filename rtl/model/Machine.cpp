// SPDX-License-Identifier: Apache-2.0
// A plug-in: the verilated tw_top of one configuration and its bench. Compiled once per configuration.
#include "AxiChecker.h"
#include "HostPort.h"
#include "Instance.h"
#include "Plugin.h"
#include "Vtw_top.h"
#include "Vtw_top___024root.h"
#include "tw/isa/Tables.h"
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#ifdef TW_RTL_WAVEFORM
#include <verilated_vcd_c.h>
#endif

// The model's own, called by its eval(): what hangs on inputs, and one clock edge.
void Vtw_top___024root___eval_ico(Vtw_top___024root *root);
void Vtw_top___024root___eval_nba(Vtw_top___024root *root);

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
  RtlMachine(const ModelOptions &options, const isa::MemoryTimingConfig &timing, uint64_t memoryBytes)
      : options(options), dram(memoryBytes), timing(bounded(timing, memoryBytes), kBeatBytes), bus(this->timing),
        checker(kBeatBytes, timing.errors.empty() ? memoryBytes : 0, broken), port(options.hostSeed, broken) {
    // Verilator enters and removes the scopes of public memories through the thread's context.
    instance = takeInstance([&](VerilatedContext &context) {
      Verilated::threadContextp(&context);
      context.randReset(options.initialSeed ? 2 : 0);
      context.randSeed(int(options.initialSeed % 0x7FFFFFFE) + 1);
      context.traceEverOn(!options.waveform.empty());
    });
    top = instance->top.get();
    design = top->rootp;
    reset();
    openWaveform();
  }
  ~RtlMachine() override {
    Verilated::threadContextp(&instance->context);
    giveBack(std::move(instance));
    Verilated::threadContextp(Verilated::defaultContextp());
  }

  std::string_view modelName() const override { return "rtl"; }
  std::span<uint8_t> memory() override { return dram; }
  bool interrupt() const override { return top->irq_o; }
  const std::vector<std::string> &protocolErrors() const override { return broken.texts; }
  uint64_t clockCycles() const override { return clocks; }

  std::optional<isa::MachineState> state() const override {
    if (!top->busy_o)
      return std::nullopt;
    isa::MachineState state;
    state.cycle = cycle;
    const auto all = engines();
    for (unsigned e = 0; e < kEngines; ++e) {
      isa::MachineState::Unit &unit = state.engines[e];
      unit.queued = all[e].waiting;
      unit.headPc = unit.queued ? all[e].headPc : 0;
      for (const Started &started : inFlight[e])
        unit.inFlight.push_back(started.pc);
    }
    for (uint32_t s = 0; s < isa::kSemaphores; ++s)
      state.semaphores[s] = semaphore(s);
    state.isDecoderFull = design->tw_top__DOT__u_front__DOT__u_decode__DOT__valid_q;
    state.decoderPc = design->tw_top__DOT__u_front__DOT__u_decode__DOT__pc_q;
    if (design->tw_top__DOT__u_front__DOT__u_fault__DOT__valid_q) {
      state.fault = isa::FaultCode(design->tw_top__DOT__u_front__DOT__u_fault__DOT__code_q);
      state.faultPc = design->tw_top__DOT__u_front__DOT__u_fault__DOT__pc_q;
    }
    return state;
  }

  isa::RegisterRead readPort(uint32_t offset) override {
    if (offset >= kPortBytes)
      return {0, isa::AxiResponse::DecodeError};
    const size_t access = port.read(uint16_t(offset), hostNow(), design->busy_o);
    stepUntil([&] { return port.host.answer(access).isAnswered; });
    const isa::HostAnswer &answer = port.host.answer(access);
    return {answer.value, answer.response};
  }

  isa::AxiResponse writePort(uint32_t offset, uint32_t value, uint8_t strobes) override {
    if (offset >= kPortBytes)
      return isa::AxiResponse::DecodeError;
    for (const isa::HostAccess &access : port.writes(uint16_t(offset), value, strobes, hostNow(), design->busy_o)) {
      const size_t index = port.host.add(access);
      stepUntil([&] { return port.host.hasHappened(index); });
    }
    return isa::AxiResponse(top->s_bresp_o); // visible in the cycle after a write
  }

  void schedule(std::vector<isa::HostAccess> accesses) override { scheduled = std::move(accesses); }

  std::vector<isa::HostAnswer> answers() override {
    stepUntil([&] { return port.host.isDone(); });
    step(); // what is seen in the cycle after the last
    std::vector<isa::HostAnswer> result;
    for (size_t index : std::exchange(underWay, {}))
      result.push_back(port.host.answer(index));
    return result;
  }

  bool runUntilIdle(uint64_t maxCycles) override {
    uint64_t limit = maxCycles ? std::min(maxCycles, options.hangCycles) : options.hangCycles;
    for (uint64_t i = 0; design->busy_o; ++i) {
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
    drive({});
    top->m_arready_i = top->m_awready_i = top->m_wready_i = top->m_rvalid_i = top->m_bvalid_i = 0;
    top->eval();
    for (int i = 0; i < 4; ++i)
      clock();
    top->rst_ni = 1;
    isTold = true;
    wasBusy = false;
    for (auto &started : inFlight)
      started.clear();
    bus.startJob();
    checker.restart();
    port.restart();
    scheduled.clear();
    underWay.clear();
    poison();
  }

  std::vector<uint8_t> dumpSpace(int space) const override {
    auto copy = [](const auto &memory) {
      return std::vector<uint8_t>(bytesOf(memory), bytesOf(memory) + sizeof(memory));
    };
    switch (static_cast<isa::Space>(space)) {
    case isa::Space::SPM:
      return copy(design->tw_top__DOT__u_spm__DOT__u_banks__DOT__mem);
    case isa::Space::ACC: {
      std::vector<uint8_t> low = copy(design->tw_top__DOT__u_compute__DOT__u_acc__DOT__low_mem);
      std::vector<uint8_t> high = copy(design->tw_top__DOT__u_compute__DOT__u_acc__DOT__high_mem);
      low.insert(low.end(), high.begin(), high.end());
      return low;
    }
    case isa::Space::PARAM:
      return copy(design->tw_top__DOT__u_compute__DOT__u_param__DOT__mem);
    case isa::Space::LUT:
      return copy(design->tw_top__DOT__u_compute__DOT__u_param__DOT__lut);
    case isa::Space::DRAM:
      break;
    }
    return {};
  }

private:
  static constexpr uint32_t kBeatBytes = sizeof(Vtw_top::m_wdata_o);
  static constexpr unsigned kEngines = 6, kFrontEnd = 6;
  static constexpr uint32_t kPortBytes = 0x10000; // the port has so many addresses

  static isa::MemoryTimingConfig bounded(isa::MemoryTimingConfig config, uint64_t memoryBytes) {
    config.memoryBytes = memoryBytes;
    return config;
  }

  /// What is visible of an engine's instructions: those that wait, the oldest in flight, what happens in this cycle.
  struct Engine {
    uint32_t waiting, headPc;
    bool starts, ends;
    uint32_t oldestPc, oldestName;
  };
  std::array<Engine, kEngines> engines() const {
#define TW_SIGNAL(e, name) design->tw_top__DOT__u_front__DOT__gen_issue__BRA__##e##__KET____DOT__##name
#define TW_ENGINE(e)                                                                                                   \
  Engine {                                                                                                             \
    TW_SIGNAL(e, u_issue__DOT__count), TW_SIGNAL(e, u_issue__DOT__pc_q), bool(TW_SIGNAL(e, starts)),                   \
        bool(TW_SIGNAL(e, ends)), TW_SIGNAL(e, u_issue__DOT__old_pc_q), TW_SIGNAL(e, u_issue__DOT__old_name_q)         \
  }
    return {{TW_ENGINE(0), TW_ENGINE(1), TW_ENGINE(2), TW_ENGINE(3), TW_ENGINE(4), TW_ENGINE(5)}};
#undef TW_ENGINE
#undef TW_SIGNAL
  }

  /// Plane b of the semaphores is a word with bit b of each.
  uint8_t semaphore(uint32_t index) const {
    const auto &planes = design->tw_top__DOT__u_front__DOT__u_sem__DOT__sem_q;
    static_assert(isa::kSemaphores == 32);
    uint8_t value = 0;
    for (uint32_t b = 0; b < sizeof(planes) / sizeof(uint32_t); ++b)
      value |= uint8_t((wordOf(planes, b) >> index & 1) << b);
    return value;
  }

  void poison() {
    auto fill = [&](auto &memory) { std::memset(static_cast<void *>(&memory), options.poison, sizeof(memory)); };
    fill(design->tw_top__DOT__u_spm__DOT__u_banks__DOT__mem);
    fill(design->tw_top__DOT__u_compute__DOT__u_acc__DOT__low_mem);
    fill(design->tw_top__DOT__u_compute__DOT__u_acc__DOT__high_mem);
    fill(design->tw_top__DOT__u_compute__DOT__u_param__DOT__mem);
    fill(design->tw_top__DOT__u_compute__DOT__u_param__DOT__lut);
  }

  void settle() {
    isTold = false;
    design->__VicoTriggered.at(0) = 1;
    Vtw_top___024root___eval_ico(design);
  }

  // One rising edge, the only event of the design: what eval() does, without its search for what to do.
  void clock() {
    if (isTold)
      settle();
    design->__VnbaTriggered.at(0) = 1;
    Vtw_top___024root___eval_nba(design);
    ++clocks;
  }

  // One cycle: look at what is visible in it, answer, clock. In most cycles nothing happens outside: what to do when it
  // does is kept out of the way.
  void step() {
    if (bool(design->busy_o) != wasBusy || !wasBusy)
      changeBusy();
    if (port.isActive())
      stepHost();
    ++hostCycle;
    if (wasBusy) {
      const bool active = design->m_arvalid_o | design->m_awvalid_o | design->m_wvalid_o || !bus.idle();
      if (active || wasActive) // one cycle longer, so that every valid and ready falls
        answer();
      wasActive = active;
      if (options.trace && design->tw_top__DOT__u_front__DOT__event_now)
        trace();
      dumpWaveform();
      ++cycle;
    }
    clock();
  }

  // A job begins, or none is under way.
  [[gnu::noinline]] void changeBusy() {
    wasBusy = design->busy_o;
    isTold = true;
    if (wasBusy) {
      cycle = hostCycle = 0;
      ++jobs;
      for (const isa::HostAccess &access : std::exchange(scheduled, {})) {
        underWay.push_back(port.host.add(access));
        scheduledUntil = clocks + access.cycle;
      }
      bus.startJob();
    } else {
      top->m_arready_i = top->m_awready_i = top->m_wready_i = top->m_rvalid_i = top->m_bvalid_i = 0;
    }
  }

  /// A port that answers nothing any more is told of, not waited for.
  template <typename Condition> void stepUntil(const Condition &isReached) {
    constexpr uint64_t kPatience = 1000;
    uint64_t since = std::max(clocks, scheduledUntil);
    for (size_t left = port.host.pending(); !isReached() && clocks < since + kPatience;) {
      step();
      if (left != port.host.pending())
        since = std::max(since, clocks);
      left = port.host.pending();
    }
    if (!isReached())
      port.giveUp(hostCycle);
  }

  /// A job that has begun counts from 0, though nobody has looked yet.
  uint64_t hostNow() const { return design->busy_o && !wasBusy ? 0 : hostCycle; }

  isa::PortSignals seen() const {
    return {.awready = bool(top->s_awready_o),
            .wready = bool(top->s_wready_o),
            .bvalid = bool(top->s_bvalid_o),
            .arready = bool(top->s_arready_o),
            .rvalid = bool(top->s_rvalid_o),
            .bresp = top->s_bresp_o,
            .rresp = top->s_rresp_o,
            .rdata = top->s_rdata_o,
            .interrupt = bool(top->irq_o)};
  }

  void drive(const isa::HostSignals &host) {
    top->s_awvalid_i = host.awvalid;
    top->s_awaddr_i = host.awaddr;
    top->s_wvalid_i = host.wvalid;
    top->s_wdata_i = host.wdata;
    top->s_wstrb_i = host.wstrb;
    top->s_bready_i = host.bready;
    top->s_arvalid_i = host.arvalid;
    top->s_araddr_i = host.araddr;
    top->s_rready_i = host.rready;
  }

  // The host sees the port, drives it, and nothing that it drives may show in the same cycle.
  [[gnu::noinline]] void stepHost() {
    drive(port.step(hostCycle, seen()));
    settle();
    port.checkSettled(seen());
  }

  [[gnu::noinline]] void answer() {
    answerReads();
    answerWrites();
    isTold = true;
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
    const uint64_t strobes = uint64_t(top->m_wstrb_o);
    checker.writeData(top->m_wvalid_o, bytesOf(top->m_wdata_o), strobes, top->m_wlast_o, beat.ready);
    top->m_wready_i = beat.ready;
    if (beat.ready && inMemory(beat.address)) // strobes are of the first bytes, the checker sees to it
      std::memcpy(&dram[beat.address], bytesOf(top->m_wdata_o), size_t(std::popcount(strobes)));
    std::optional<isa::AxiResponse> response = bus.writeDone(cycle);
    top->m_bvalid_i = response.has_value();
    top->m_bresp_i = response ? uint8_t(*response) : 0;
  }

  bool inMemory(uint64_t address) const { return address + kBeatBytes <= dram.size() && address < dram.size(); }

  [[gnu::noinline]] void trace() {
    const auto all = engines();
    for (unsigned e = 0; e < kEngines; ++e)
      if (all[e].starts)
        inFlight[e].push_back({cycle, all[e].headPc});
    for (unsigned e = 0; e < kEngines; ++e) {
      if (!all[e].ends)
        continue;
      retire(e, all[e].oldestPc, all[e].oldestName, inFlight[e].empty() ? cycle : inFlight[e].front().cycle);
      if (!inFlight[e].empty())
        inFlight[e].pop_front();
    }
    if (design->tw_top__DOT__u_front__DOT__fe_leave)
      retire(kFrontEnd, design->tw_top__DOT__u_front__DOT__u_decode__DOT__pc_q,
             wordOf(design->tw_top__DOT__u_front__DOT__u_fetch__DOT__line_q[0], 0), cycle);
  }

  void retire(unsigned engine, uint32_t pc, uint32_t name, uint64_t start) {
    isa::TraceEvent event;
    event.pc = pc;
    event.opcode = uint8_t(name);
    event.tag = uint16_t(name >> 8);
    event.engine = uint8_t(engine);
    event.startCycle = start;
    event.endCycle = cycle;
    options.trace->retire(event);
  }

#ifdef TW_RTL_WAVEFORM
  void openWaveform() {
    if (options.waveform.empty())
      return;
    vcd = std::make_unique<VerilatedVcdC>();
    top->trace(vcd.get(), 99);
    vcd->open(options.waveform.c_str());
  }
  void dumpWaveform() {
    if (!vcd || jobs != options.waveformJob + 1 || cycle < options.waveformBegin || cycle > options.waveformEnd)
      return;
    top->eval(); // what hangs on inputs
    vcd->dump(cycle);
  }
  std::unique_ptr<VerilatedVcdC> vcd; // closes its file
#else
  void openWaveform() {}
  void dumpWaveform() {}
#endif

  struct Started {
    uint64_t cycle;
    uint32_t pc;
  };

  ModelOptions options;
  std::vector<uint8_t> dram;
  isa::MemoryTiming timing;
  isa::MemoryBus bus;
  BrokenRules broken;
  AxiChecker checker;
  HostPort port;
  std::vector<isa::HostAccess> scheduled; // for the next job
  std::vector<size_t> underWay;           // of the last job
  uint64_t scheduledUntil = 0;            // clock in which the last of them begins
  uint64_t hostCycle = 0;                 // since cycle 0 of the last job
  std::unique_ptr<Instance> instance;
  Vtw_top *top = nullptr;
  Vtw_top___024root *design = nullptr; // in it: its ports and signals without a detour
  uint64_t cycle = 0;                  // of the job
  uint64_t clocks = 0;
  uint32_t jobs = 0;
  bool wasBusy = false;
  bool wasActive = false; // on the bus
  bool isTold = true;     // an input has changed since the last edge
  std::array<std::deque<Started>, kEngines> inFlight;
};

} // namespace
} // namespace tw::rtl

#ifdef TW_RTL_MUTANTS
/// Called by the design: the mutant of this process, 0 for none.
extern "C" int tw_mutant_id() {
  const char *chosen = std::getenv("TW_RTL_MUTANT");
  return chosen ? std::atoi(chosen) : 0;
}
#endif

extern "C" __attribute__((visibility("default"))) tw::rtl::Model *
tw_rtl_create_model(const tw::rtl::ModelOptions &options, const tw::isa::MemoryTimingConfig &timing,
                    uint64_t memoryBytes) {
  return new tw::rtl::RtlMachine(options, timing, memoryBytes);
}
