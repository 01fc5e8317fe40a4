// SPDX-License-Identifier: Apache-2.0
// What for: packages on a device from C++: entries, shapes, state and errors as values that clean up after themselves.
// Called by: programs in C++ that run packages; C programs use tilewright.h, which this is a face of.
// Does not: add behaviour, throw, or hide the C handles; one thread at a time for each device.
#ifndef TW_DRIVERS_DRIVER_H
#define TW_DRIVERS_DRIVER_H

#include "tw/drivers/tilewright.h"
#include "tw/isa/Diag.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tw::drivers {

using Shape = std::vector<int64_t>;

/// A tensor of an entry, as a caller sees it. On each axis a run may have from `least` to `most`.
struct TensorInfo {
  std::string name;
  tw_pkg_type type = TW_PKG_I8;
  Shape least, most;
};

/// The caller's elements, row-major.
struct InputView {
  Shape shape;
  std::span<const std::byte> bytes;

  template <typename T> static InputView of(const Shape &shape, const std::vector<T> &values) {
    return {shape, std::as_bytes(std::span(values))};
  }
};

struct Output {
  std::string name;
  tw_pkg_type type = TW_PKG_I8;
  Shape shape;
  std::vector<std::byte> bytes; // row-major

  template <typename T> std::span<const T> values() const {
    return {reinterpret_cast<const T *>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

struct Run {
  std::string entry;
  std::vector<Output> outputs;
  tw_run_stats stats{};
};

/// What keeps another alive is kept by it, so these may end in any order.
class Device {
public:
  /// Takes the transport over, also when it fails.
  static Result<Device> open(tw_transport transport);
  Status setThreads(uint32_t threads);
  tw_device *get() const { return handle.get(); }

private:
  explicit Device(std::shared_ptr<tw_device> handle) : handle(std::move(handle)) {}
  std::shared_ptr<tw_device> handle;
};

class Program {
public:
  /// `flags`: 0 or enum tw_open_flag.
  static Result<Program> open(const Device &device, const std::string &path, uint32_t flags = 0);
  static Result<Program> load(const Device &device, std::span<const std::byte> bytes, uint32_t flags = 0);

  std::vector<std::string> entries() const;
  /// Of an entry; an error names those that there are.
  Result<std::vector<TensorInfo>> inputs(std::string_view entry) const;
  Result<std::vector<TensorInfo>> outputs(std::string_view entry) const;
  /// The name of the entry that inputs of these shapes run: the smallest that takes them (tw_program_choose).
  Result<std::string> choose(std::span<const Shape> inputs) const;
  tw_program *get() const { return handle.get(); }

private:
  Program(std::shared_ptr<tw_program> handle) : handle(std::move(handle)) {}
  friend class Instance;
  Result<int> indexOf(std::string_view entry) const;
  Result<std::vector<TensorInfo>> tensors(std::string_view entry, bool isInput) const;
  std::shared_ptr<tw_program> handle;
};

/// Memory and state of one run at a time.
class Instance {
public:
  static Result<Instance> create(const Program &program);

  /// Runs the entry of that name; without one, the entry that the inputs choose. Inputs that are smaller than what it
  /// was compiled for are filled up, and outputs cut. An error leaves the state as it was, or asks for a reset of it
  /// (tw_instance_reset_state); lastError() has the record of a fault.
  Result<Run> run(std::span<const InputView> inputs, std::optional<std::string_view> entry = std::nullopt);
  void resetState();
  /// Cycles of each job; 0: computed (tw_instance_budget).
  void setBudget(uint64_t cycles);
  const tw_error &lastError() const { return *error; }
  tw_instance *get() const { return handle.get(); }

private:
  Instance(Program program, std::shared_ptr<tw_instance> handle)
      : program(std::move(program)), handle(std::move(handle)), error(std::make_unique<tw_error>()) {}
  Program program;
  std::shared_ptr<tw_instance> handle;
  std::unique_ptr<tw_error> error;
};

} // namespace tw::drivers

#endif // TW_DRIVERS_DRIVER_H
