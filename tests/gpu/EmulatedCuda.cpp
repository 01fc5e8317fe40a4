// SPDX-License-Identifier: Apache-2.0
#include "EmulatedCuda.h"

#include "Emulator.h"

#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MemoryBuffer.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <string>

using namespace tw::test;

namespace {

enum Result : int {
  Success = 0,
  InvalidValue = 1,
  OutOfMemory = 2,
  NoDevice = 100,
  InvalidDevice = 101,
  InvalidContext = 201,
  InvalidPtx = 218,
  UnsupportedPtx = 222,
  NotFound = 500,
  NotReady = 600,
  IllegalAddress = 700,
  LaunchFailed = 719,
  NotSupported = 801,
};

constexpr std::pair<Result, std::pair<const char *, const char *>> kTexts[] = {
    {InvalidValue, {"CUDA_ERROR_INVALID_VALUE", "invalid argument"}},
    {OutOfMemory, {"CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
    {NoDevice, {"CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
    {InvalidDevice, {"CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}},
    {InvalidContext, {"CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}},
    {InvalidPtx, {"CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"}},
    {UnsupportedPtx,
     {"CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain"}},
    {NotFound, {"CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
    {IllegalAddress, {"CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}},
    {LaunchFailed, {"CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}},
    {NotSupported, {"CUDA_ERROR_NOT_SUPPORTED", "operation not supported"}},
};

struct Kernel {
  std::string name;
  size_t parameters = 0;
  Emulator *emulator = nullptr; // null: of PTX
};

struct Code {
  std::unique_ptr<Emulator> emulator;
  std::map<std::string, Kernel> kernels;
};

struct Event {
  bool isRecorded = false, isDone = false;
};

// One stream is all that the driver makes of an instance; each has its own order.
struct Stream {
  std::deque<std::function<Result()>> work;
  bool hangs = false;
};

EmulatedCuda control;
Result sticky = Success; // a lost device stays lost until its context is gone
int contexts = 0;
std::deque<void *> current;
std::map<char *, size_t> allocations; // of device memory
std::deque<Stream *> streams;

// The first thing that fails is what every call says from then on.
Result fail(Result result) {
  if (sticky == Success)
    sticky = result;
  return sticky;
}

Result run(Stream &stream) {
  while (!stream.work.empty() && !stream.hangs && sticky == Success) {
    auto work = std::move(stream.work.front());
    stream.work.pop_front();
    if (Result result = work(); result != Success)
      return fail(result);
  }
  return sticky;
}

Result enqueue(Stream *stream, std::function<Result()> work) {
  if (current.empty())
    return InvalidContext;
  if (sticky != Success)
    return sticky;
  stream->work.push_back(std::move(work));
  return control.isEager ? run(*stream) : Success;
}

bool counts(int &left) { return left >= 0 && left-- == 0; }

bool isDevice(const char *address, size_t bytes) {
  auto its = allocations.upper_bound(const_cast<char *>(address));
  return its != allocations.begin() && (--its, address + bytes <= its->first + its->second);
}

Result launch(const Kernel &kernel, unsigned blocks, unsigned threads, const std::vector<void *> &pointers) {
  std::vector<Emulator::Memory> regions;
  for (auto &[begin, bytes] : allocations)
    regions.push_back({begin, bytes});
  if (auto error = kernel.emulator->launch(kernel.name, blocks, threads, pointers, regions)) {
    std::snprintf(control.problem, sizeof control.problem, "%s", llvm::toString(std::move(error)).c_str());
    return IllegalAddress;
  }
  return Success;
}

Result loadBitcode(const char *bytes, Code &code, std::string &log) {
  const uint32_t offset = llvm::support::endian::read32le(bytes + 8),
                 size = llvm::support::endian::read32le(bytes + 12);
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = llvm::parseBitcodeFile({llvm::StringRef(bytes + offset, size), "GPU code"}, *context);
  if (!module) {
    log = llvm::toString(module.takeError());
    return InvalidPtx;
  }
  for (llvm::Function &function : **module)
    if (!function.isDeclaration() && !function.hasLocalLinkage())
      code.kernels[function.getName().str()] = {function.getName().str(), function.arg_size(), nullptr};
  auto emulator = Emulator::make(std::move(context), std::move(*module));
  if (!emulator) {
    log = llvm::toString(emulator.takeError());
    return InvalidPtx;
  }
  code.emulator = std::move(*emulator);
  for (auto &[name, kernel] : code.kernels)
    kernel.emulator = code.emulator.get();
  return Success;
}

// As much of a driver's compiler as its errors need: the version and the kernels' names.
Result loadPtx(llvm::StringRef text, Code &code, std::string &log) {
  auto [before, version] = text.split(".version ");
  unsigned major = 0, minor = 0;
  if (version.consumeInteger(10, major) || !version.consume_front(".") || version.consumeInteger(10, minor)) {
    log = "ptxas application ptx input, line 1; fatal   : Missing .version directive at start of file\nptxas fatal   : "
          "Ptx assembly aborted due to errors";
    return InvalidPtx;
  }
  if (major * 10 + minor > unsigned(control.ptxVersion)) {
    log = "ptxas application ptx input, line 9; fatal   : Unsupported .version";
    return UnsupportedPtx;
  }
  constexpr llvm::StringRef kEntry = ".visible .entry ";
  for (size_t at = text.find(kEntry); at != llvm::StringRef::npos; at = text.find(kEntry, at + 1)) {
    const std::string name = text.substr(at + kEntry.size()).take_until([](char c) { return c == '('; }).str();
    code.kernels[name] = {name, 0, nullptr};
  }
  if (text.count('{') != text.count('}')) {
    log = "ptxas application ptx input, line " + std::to_string(text.count('\n') + 1) +
          "; fatal   : Parsing error near 'EOF': syntax error";
    return InvalidPtx;
  }
  return Success;
}

} // namespace

extern "C" {

EmulatedCuda *tw_emulated_cuda() {
  control = EmulatedCuda();
  sticky = Success;
  contexts = 0;
  current.clear();
  allocations.clear();
  streams.clear();
  return &control;
}

int cuInit(unsigned) { return control.devices == 0 ? NoDevice : Success; }
int cuDriverGetVersion(int *version) { return *version = control.driverVersion, Success; }
int cuDeviceGetCount(int *count) { return *count = control.devices, Success; }
int cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return ordinal < control.devices ? Success : InvalidDevice;
}
int cuDeviceGetName(char *name, int size, int) {
  std::snprintf(name, size_t(size), "%s", control.capability == 0 ? "emulated GPU" : "emulated NVIDIA GPU");
  return Success;
}
int cuDeviceGetAttribute(int *value, int attribute, int) {
  switch (attribute) {
  case 8:
    return *value = control.sharedBytes, Success;
  case 75:
    return *value = control.capability / 10, Success;
  case 76:
    return *value = control.capability % 10, Success;
  default:
    return InvalidValue;
  }
}

int cuDevicePrimaryCtxRetain(void **context, int) {
  if (sticky != Success)
    return sticky;
  *context = &contexts;
  ++contexts;
  ++control.alive;
  return Success;
}
int cuDevicePrimaryCtxRelease_v2(int) {
  --control.alive;
  if (--contexts == 0)
    sticky = Success; // the next one is a new one
  return Success;
}
int cuCtxPushCurrent_v2(void *context) { return current.push_back(context), Success; }
int cuCtxPopCurrent_v2(void **context) {
  if (current.empty())
    return InvalidContext;
  *context = current.back();
  current.pop_back();
  return Success;
}

int cuModuleLoadDataEx(void **module, const void *image, unsigned count, int *options, void **values) {
  if (current.empty() || sticky != Success)
    return current.empty() ? InvalidContext : sticky;
  char *buffer = nullptr;
  size_t bytes = 0;
  for (unsigned i = 0; i != count; ++i)
    if (options[i] == 5)
      buffer = static_cast<char *>(values[i]);
    else if (options[i] == 6)
      bytes = reinterpret_cast<uintptr_t>(values[i]);
  const char *text = static_cast<const char *>(image);
  std::string log;
  auto code = std::make_unique<Code>();
  const bool isBitcode = llvm::support::endian::read32le(text) == 0x0B17C0DE;
  const Result result = isBitcode ? loadBitcode(text, *code, log) : loadPtx(text, *code, log);
  if (buffer && bytes != 0)
    std::snprintf(buffer, bytes, "%s", log.c_str());
  if (result != Success)
    return result;
  *module = code.release();
  ++control.alive;
  return Success;
}
int cuModuleUnload(void *module) {
  delete static_cast<Code *>(module);
  --control.alive;
  return sticky;
}
int cuModuleGetFunction(void **function, void *module, const char *name) {
  auto &kernels = static_cast<Code *>(module)->kernels;
  auto found = kernels.find(name);
  if (found == kernels.end())
    return NotFound;
  *function = &found->second;
  return Success;
}

int cuMemAlloc_v2(unsigned long long *pointer, size_t bytes) {
  if (current.empty() || sticky != Success)
    return current.empty() ? InvalidContext : sticky;
  if (bytes == 0)
    return InvalidValue;
  if (counts(control.failAllocation))
    return OutOfMemory;
  auto *memory = static_cast<char *>(std::aligned_alloc(256, (bytes + 255) / 256 * 256));
  std::memset(memory, 0xA5, bytes);
  allocations[memory] = bytes;
  *pointer = reinterpret_cast<uintptr_t>(memory);
  ++control.alive;
  return Success;
}
int cuMemFree_v2(unsigned long long pointer) {
  for (Stream *stream : streams)
    run(*stream);
  auto found = allocations.find(reinterpret_cast<char *>(pointer));
  if (found == allocations.end())
    return InvalidValue;
  std::free(found->first);
  allocations.erase(found);
  --control.alive;
  return sticky;
}
int cuMemAllocHost_v2(void **pointer, size_t bytes) {
  if (current.empty() || sticky != Success)
    return current.empty() ? InvalidContext : sticky;
  if (counts(control.failAllocation))
    return OutOfMemory;
  *pointer = std::malloc(bytes);
  ++control.alive;
  return Success;
}
int cuMemFreeHost(void *pointer) {
  std::free(pointer);
  --control.alive;
  return sticky;
}

int cuMemcpyHtoD_v2(unsigned long long to, const void *from, size_t bytes) {
  if (sticky != Success)
    return sticky;
  auto *there = reinterpret_cast<char *>(to);
  if (!isDevice(there, bytes))
    return InvalidValue;
  std::memcpy(there, from, bytes);
  return Success;
}
int cuMemcpyHtoDAsync_v2(unsigned long long to, const void *from, size_t bytes, void *stream) {
  ++control.uploads;
  return enqueue(static_cast<Stream *>(stream), [=] { return Result(cuMemcpyHtoD_v2(to, from, bytes)); });
}
int cuMemcpyDtoHAsync_v2(void *to, unsigned long long from, size_t bytes, void *stream) {
  ++control.downloads;
  return enqueue(static_cast<Stream *>(stream), [=] {
    const auto *there = reinterpret_cast<const char *>(from);
    if (!isDevice(there, bytes))
      return InvalidValue;
    std::memcpy(to, there, bytes);
    return Success;
  });
}

int cuStreamCreate(void **stream, unsigned) {
  if (current.empty() || sticky != Success)
    return current.empty() ? InvalidContext : sticky;
  streams.push_back(new Stream);
  *stream = streams.back();
  ++control.alive;
  return Success;
}
int cuStreamDestroy_v2(void *stream) {
  run(*static_cast<Stream *>(stream));
  std::erase(streams, static_cast<Stream *>(stream));
  delete static_cast<Stream *>(stream);
  --control.alive;
  return sticky;
}
int cuEventCreate(void **event, unsigned) {
  if (current.empty() || sticky != Success)
    return current.empty() ? InvalidContext : sticky;
  *event = new Event;
  ++control.alive;
  return Success;
}
int cuEventDestroy_v2(void *event) {
  for (Stream *stream : streams)
    run(*stream); // work may refer to it
  delete static_cast<Event *>(event);
  --control.alive;
  return sticky;
}
int cuEventRecord(void *event, void *stream) {
  auto *its = static_cast<Event *>(event);
  its->isRecorded = true;
  its->isDone = false;
  return enqueue(static_cast<Stream *>(stream), [its] { return its->isDone = true, Success; });
}
int cuEventQuery(void *event) {
  if (current.empty())
    return InvalidContext;
  for (Stream *stream : streams)
    if (Result result = run(*stream); result != Success)
      return result;
  const auto *its = static_cast<Event *>(event);
  return its->isDone || !its->isRecorded ? Success : NotReady;
}

int cuLaunchKernel(void *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
                   unsigned blockZ, unsigned, void *stream, void **parameters, void **) {
  const auto &kernel = *static_cast<Kernel *>(function);
  if (!kernel.emulator)
    return NotSupported;
  if (gridX == 0 || blockX == 0 || blockX > 1024 || gridY != 1 || gridZ != 1 || blockY != 1 || blockZ != 1)
    return InvalidValue;
  ++control.launches;
  const bool isLost = counts(control.loseLaunch), hangs = counts(control.hangLaunch);
  std::vector<void *> pointers;
  for (size_t i = 0; i != kernel.parameters; ++i) // as a launch takes them: what they hold may change behind it
    pointers.push_back(*static_cast<void **>(parameters[i]));
  auto *its = static_cast<Stream *>(stream);
  return enqueue(its, [=, &kernel] {
    its->hangs = hangs;
    return isLost ? LaunchFailed : hangs ? Success : launch(kernel, gridX, blockX, pointers);
  });
}

int cuGetErrorName(int result, const char **name) {
  auto found = std::ranges::find(kTexts, Result(result), [](const auto &row) { return row.first; });
  *name = found == std::end(kTexts) ? nullptr : found->second.first;
  return found == std::end(kTexts) ? InvalidValue : Success;
}
int cuGetErrorString(int result, const char **text) {
  auto found = std::ranges::find(kTexts, Result(result), [](const auto &row) { return row.first; });
  *text = found == std::end(kTexts) ? nullptr : found->second.second;
  return found == std::end(kTexts) ? InvalidValue : Success;
}

} // extern "C"
