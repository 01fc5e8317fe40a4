// SPDX-License-Identifier: Apache-2.0
#include "Session.h"

#include "tw/drivers/MachineTransport.h"
#include "tw/drivers/tilewright.h"
#include "tw/drivers/transports.h"
#include "tw/isa/Disassembler.h"
#include "tw/isa/Tables.h"
#ifdef TW_HAS_RTL
#include "tw/rtl/Model.h"
#endif
#include "tw/simulator/Cycle.h"
#include "tw/simulator/FunctionalMachine.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

#include <array>
#include <chrono>
#include <thread>

namespace tw::tools {
namespace {

/// The one way from the driver's errors.
llvm::Error driverError(const tw_error &error) { return errorAt(tw_status_text(error.status), error.text); }

/// What the device needs besides the package: lines, constants, arena and the caller's tensors.
uint64_t memoryFor(const isa::Package &package) {
  constexpr uint64_t kSpare = 4u << 20; // pages, records, and rounding of each buffer
  uint64_t bytes = kSpare + package.constants.size() + package.arenaBytes + package.stateBytes +
                   package.program.lines.size() * isa::kLineBytes;
  for (const isa::PackageBuffer &buffer : package.buffers)
    if (buffer.kind == TW_PKG_INPUT || buffer.kind == TW_PKG_OUTPUT)
      bytes += buffer.size;
  return bytes;
}

llvm::Expected<std::unique_ptr<isa::Machine>> makeMachine(const isa::Package &package, const SessionOptions &options,
                                                          isa::TraceSink &sink) {
  const auto timing = isa::parseMemoryTiming(options.memory.empty() ? "ideal" : options.memory);
  if (!timing)
    return errorAt("--memory " + options.memory, "use ideal, ideal:LATENCY, rows or random:SEED");
  const uint64_t bytes = memoryFor(package);
  simulator::CycleOptions cycle;
  cycle.trace = &sink;
  cycle.poison = options.poison;
  cycle.memory = *timing;
  cycle.timingOnly = options.timingOnly;
  cycle.hangCycles = uint64_t{1} << 48; // the budget ends a job
  cycle.dataThread = !options.timingOnly && std::thread::hardware_concurrency() > 1;
  if (options.device == "functional")
    return simulator::createFunctionalMachine(package.config, bytes, cycle);
  if (options.device == "cycle")
    return simulator::createCycleMachine(package.config, bytes, cycle);
#ifdef TW_HAS_RTL
  if (options.device == "rtl")
    return expectedOf(rtl::loadModel(package.config.name, cycle, *timing, bytes));
#else
  if (options.device == "rtl")
    return errorAt("--device rtl", "this program was built without RTL: configure with TW_BUILD_RTL=ON");
#endif
  return errorAt("--device " + options.device, "there are functional, cycle and rtl");
}

/// A package without instruction lines needs no machine behind its memory.
llvm::Expected<tw_transport> makeTransport(const isa::Package &package, const SessionOptions &options,
                                           isa::TraceSink &sink) {
  if (!package.program.lines.empty()) {
    auto machine = makeMachine(package, options, sink);
    if (!machine)
      return machine.takeError();
    return drivers::makeMachineTransport(std::move(*machine));
  }
  tw_transport_config config{};
  config.memory_bytes = memoryFor(package);
  tw_transport transport{};
  tw_error error{};
  if (tw_transport_open_null(&config, &transport, &error) != TW_OK)
    return driverError(error);
  return transport;
}

class DriverSession final : public Session, isa::TraceSink {
public:
  ~DriverSession() override {
    tw_instance_destroy(instance);
    tw_program_close(program);
    tw_device_close(device);
  }

  llvm::Error load(const std::string &bytes, const SessionOptions &options) {
    auto transport = makeTransport(package, options, *this);
    if (!transport)
      return transport.takeError();
    tw_error error{};
    gpuLibrary = options.gpuLibrary;
    if (tw_device_open(*transport, &device, &error) != TW_OK)
      return driverError(error);
    tw_device_gpu(device, gpuLibrary.empty() ? nullptr : gpuLibrary.c_str(), 0);
    if (tw_device_threads(device, options.threads, &error) != TW_OK ||
        tw_program_load(device, bytes.data(), bytes.size(), TW_OPEN_ALLOW_HOST_CODE, &program, &error) != TW_OK ||
        tw_instance_create(program, &instance, &error) != TW_OK)
      return driverError(error);
    // Compile measures networks of any size, and its programs end.
    tw_instance_budget(instance, options.timingOnly ? TW_BUDGET_NONE : options.budget);
    tw_instance_observe(instance, &DriverSession::stepDone, this);
    return llvm::Error::success();
  }

  void resetState() override { tw_instance_reset_state(instance); }

  llvm::Expected<size_t> choose(const Tensors &inputs) const override {
    int entry = -1;
    tw_error error{};
    const std::vector<tw_shape> shapes = shapesOf(inputs);
    if (tw_program_choose(program, shapes.data(), uint32_t(shapes.size()), &entry, &error) != TW_OK)
      return driverError(error);
    return size_t(entry);
  }

  llvm::Expected<RunResult> run(const Tensors &inputs, size_t entry) override {
    done.clear();
    times.clear();
    running.events.clear();
    RunResult result;
    result.outputs = outputsOf(package, entry);
    const std::vector<tw_shape> shapes = shapesOf(inputs);
    const auto count = uint32_t(shapes.size());
    std::vector<const void *> from;
    std::vector<void *> to;
    tw_run_stats stats{};
    tw_error error{};
    for (const ir::NamedTensor &input : inputs)
      from.push_back(input.tensor.bytes.data());
    for (auto [i, output] : llvm::enumerate(result.outputs)) {
      tw_shape shape{};
      if (tw_program_output_shape(program, int(entry), shapes.data(), count, uint32_t(i), &shape, &error) != TW_OK)
        return driverError(error);
      output.tensor = ir::Tensor(output.tensor.type, ir::Dims(shape.sizes, shape.rank));
      to.push_back(output.tensor.bytes.data());
    }
    stepStart = std::chrono::steady_clock::now();
    if (tw_instance_run_shapes(instance, int(entry), from.data(), shapes.data(), count, to.data(), &stats, &error) !=
        TW_OK)
      return driverError(error);
    result.cycles = stats.cycles;
    result.bytesRead = stats.bytes_read;
    result.bytesWritten = stats.bytes_written;
    result.macs = stats.macs;
    result.saturations = stats.saturations;
    return result;
  }

  std::string withoutGpu() const override {
    const char *why = tw_program_without_gpu(program);
    return why ? why : "";
  }
  const std::vector<StepTime> &hostTimes() const override { return times; }
  const std::vector<Job> &jobs() const override { return done; }

  explicit DriverSession(const isa::Package &package) : package(package) {}

private:
  void retire(const isa::TraceEvent &event) override { running.events.push_back(event); }

  static std::vector<tw_shape> shapesOf(const Tensors &tensors) {
    std::vector<tw_shape> shapes;
    for (const ir::NamedTensor &its : tensors) {
      tw_shape &shape = shapes.emplace_back();
      shape.rank = uint32_t(its.tensor.rank());
      std::copy_n(its.tensor.shape.begin(), std::min<size_t>(shape.rank, TW_PKG_MAX_RANK), shape.sizes);
    }
    return shapes;
  }

  static void stepDone(void *context, uint32_t step, const tw_job_result *job, void *const *) {
    auto &self = *static_cast<DriverSession *>(context);
    const auto now = std::chrono::steady_clock::now(), start = std::exchange(self.stepStart, now);
    if (!job) {
      self.times.push_back({step, uint64_t(std::chrono::nanoseconds(now - start).count())});
      return;
    }
    self.running.cycles = job->cycles;
    self.running.counters.resize(isa::kCounters);
    for (int i = 0; i != isa::kCounters; ++i)
      self.running.counters[i] = tw_device_counter(self.device, uint32_t(i));
    self.done.push_back(std::move(self.running));
    self.running = {};
    self.stepStart = std::chrono::steady_clock::now();
  }

  const isa::Package &package;
  std::string gpuLibrary; // the device keeps its text
  tw_device *device = nullptr;
  tw_program *program = nullptr;
  tw_instance *instance = nullptr;
  Job running;
  std::vector<Job> done;
  std::vector<StepTime> times;
  std::chrono::steady_clock::time_point stepStart; // the end of the step before
};

std::string place(const isa::TraceEvent &event, const isa::Package &package) {
  auto tag = package.program.tags.find(event.tag);
  return llvm::formatv("pc {0} ({1}{2})", event.pc, isa::name(isa::Opcode(event.opcode)),
                       tag == package.program.tags.end() ? "" : " of " + tag->second)
      .str();
}

/// Events of one engine, in their order.
std::vector<isa::TraceEvent> ofEngine(const Job &job, unsigned engine) {
  std::vector<isa::TraceEvent> events;
  for (const isa::TraceEvent &event : job.events)
    if (event.engine == engine)
      events.push_back(event);
  return events;
}

} // namespace

llvm::Expected<std::unique_ptr<Session>> Session::open(const std::string &packageBytes, const isa::Package &package,
                                                       const SessionOptions &options) {
  if (options.device != "functional" && options.device != "cycle" && options.device != "rtl")
    return errorAt("--device " + options.device, "there are functional, cycle and rtl");
  auto session = std::make_unique<DriverSession>(package);
  if (llvm::Error error = session->load(packageBytes, options))
    return std::move(error);
  return session;
}

bool isRtlBuilt([[maybe_unused]] const std::string &config) {
#ifdef TW_HAS_RTL
  return llvm::sys::fs::exists(rtl::modelDirectory() + "/tw_rtl_" + config + ".so");
#else
  return false;
#endif
}

std::string firstDifference(const std::vector<Job> &a, const std::vector<Job> &b, bool isTimed,
                            const isa::Package &package) {
  if (a.size() != b.size())
    return llvm::formatv("{0} jobs against {1}", a.size(), b.size()).str();
  for (size_t i = 0; i != a.size(); ++i) {
    for (unsigned engine = 0; engine != isa::kEngines; ++engine) {
      const auto left = ofEngine(a[i], engine), right = ofEngine(b[i], engine);
      for (size_t k = 0; k != std::max(left.size(), right.size()); ++k) {
        if (k >= left.size() || k >= right.size())
          return llvm::formatv("job {0}: {1} instructions of an engine against {2}; the first that one lacks is {3}", i,
                               left.size(), right.size(), place(k < left.size() ? left[k] : right[k], package))
              .str();
        if (left[k].pc != right[k].pc || left[k].tag != right[k].tag)
          return llvm::formatv("job {0}: {1} against {2}", i, place(left[k], package), place(right[k], package)).str();
        if (isTimed && (left[k].startCycle != right[k].startCycle || left[k].endCycle != right[k].endCycle))
          return llvm::formatv("job {0}: {1} runs in cycles {2} to {3} against {4} to {5}", i, place(left[k], package),
                               left[k].startCycle, left[k].endCycle, right[k].startCycle, right[k].endCycle)
              .str();
      }
    }
    if (isTimed)
      for (int c = 0; c != isa::kCounters; ++c)
        if (a[i].counters[c] != b[i].counters[c])
          return llvm::formatv("job {0}: counter {1} is {2} against {3}", i, isa::name(isa::CounterId(c)),
                               a[i].counters[c], b[i].counters[c])
              .str();
  }
  return "";
}

} // namespace tw::tools
