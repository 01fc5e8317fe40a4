// SPDX-License-Identifier: Apache-2.0
#include "tw/drivers/Driver.h"

#include <algorithm>
#include <utility>

namespace tw::drivers {
namespace {

Diag diagOf(const tw_error &error) { return {tw_status_text(error.status), error.text}; }

std::vector<tw_shape> shapesOf(std::span<const Shape> shapes) {
  std::vector<tw_shape> result;
  for (const Shape &shape : shapes) {
    tw_shape &row = result.emplace_back();
    row.rank = uint32_t(shape.size()); // more than a package holds fits no entry
    std::copy_n(shape.begin(), std::min<size_t>(shape.size(), TW_PKG_MAX_RANK), row.sizes);
  }
  return result;
}

uint64_t countOf(std::span<const int64_t> sizes) {
  uint64_t count = 1;
  for (int64_t size : sizes)
    count *= uint64_t(size);
  return count;
}

const tw_pkg_tensor &tensorOf(const tw_pkg *package, uint32_t argument) {
  uint64_t count;
  return tw_pkg_tensors(package, &count)[tw_pkg_buffers(package)[tw_pkg_arguments(package)[argument]].tensor];
}

std::string shapeText(std::span<const int64_t> shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

} // namespace

Result<Device> Device::open(tw_transport transport) {
  tw_device *device = nullptr;
  tw_error error{};
  if (tw_device_open(transport, &device, &error) != TW_OK)
    return diagOf(error);
  return Device(std::shared_ptr<tw_device>(device, tw_device_close));
}

Status Device::setThreads(uint32_t threads) {
  tw_error error{};
  if (tw_device_threads(handle.get(), threads, &error) != TW_OK)
    return diagOf(error);
  return {};
}

Result<Program> Program::load(const Device &device, std::span<const std::byte> bytes, uint32_t flags) {
  tw_program *program = nullptr;
  tw_error error{};
  if (tw_program_load(device.get(), bytes.data(), bytes.size(), flags, &program, &error) != TW_OK)
    return diagOf(error);
  return Program({program, [device](tw_program *its) { tw_program_close(its); }});
}

Result<Program> Program::open(const Device &device, const std::string &path, uint32_t flags) {
  tw_program *program = nullptr;
  tw_error error{};
  if (tw_program_open(device.get(), path.c_str(), flags, &program, &error) != TW_OK)
    return diagOf(error);
  return Program({program, [device](tw_program *its) { tw_program_close(its); }});
}

std::vector<std::string> Program::entries() const {
  const tw_pkg *package = tw_program_package(get());
  std::vector<std::string> names;
  for (uint32_t i = 0; i != tw_pkg_plan_of(package)->entry_count; ++i)
    names.emplace_back(tw_pkg_string(package, tw_pkg_entries(package)[i].name));
  return names;
}

Result<int> Program::indexOf(std::string_view entry) const {
  const std::vector<std::string> names = entries();
  if (auto found = std::ranges::find(names, entry); found != names.end())
    return int(found - names.begin());
  std::string all;
  for (const std::string &name : names)
    all += (all.empty() ? "" : ", ") + name;
  return Diag{"entry '" + std::string(entry) + "'", "is not in the package, which has " + all + ": name one of them"};
}

Result<std::vector<TensorInfo>> Program::tensors(std::string_view entry, bool isInput) const {
  const Result<int> index = indexOf(entry);
  if (!index)
    return index.diag();
  const tw_pkg *package = tw_program_package(get());
  const tw_pkg_entry &row = tw_pkg_entries(package)[*index];
  std::vector<TensorInfo> result;
  for (uint32_t i = 0; i != (isInput ? row.input_count : row.output_count); ++i) {
    const tw_pkg_tensor &tensor = tensorOf(package, (isInput ? row.first_input : row.first_output) + i);
    TensorInfo &info = result.emplace_back();
    info.name = tw_pkg_string(package, tensor.name);
    info.type = tw_pkg_type(tensor.type);
    for (uint32_t axis = 0; axis != tensor.rank; ++axis) {
      const tw_pkg_dim *dim = tensor.dims[axis] ? tw_pkg_dims(package) + tensor.dims[axis] - 1 : nullptr;
      info.least.push_back(dim ? dim->least : tensor.shape[axis]);
      info.most.push_back(dim ? dim->most : tensor.shape[axis]);
    }
  }
  return result;
}

Result<std::vector<TensorInfo>> Program::inputs(std::string_view entry) const { return tensors(entry, true); }
Result<std::vector<TensorInfo>> Program::outputs(std::string_view entry) const { return tensors(entry, false); }

Result<std::string> Program::choose(std::span<const Shape> inputs) const {
  const std::vector<tw_shape> shapes = shapesOf(inputs);
  int entry = -1;
  tw_error error{};
  if (tw_program_choose(get(), shapes.data(), uint32_t(shapes.size()), &entry, &error) != TW_OK)
    return diagOf(error);
  return entries()[size_t(entry)];
}

Result<Instance> Instance::create(const Program &program) {
  tw_instance *instance = nullptr;
  tw_error error{};
  if (tw_instance_create(program.get(), &instance, &error) != TW_OK)
    return diagOf(error);
  return Instance(program, {instance, [program](tw_instance *its) { tw_instance_destroy(its); }});
}

void Instance::resetState() { tw_instance_reset_state(get()); }
void Instance::setBudget(uint64_t cycles) { tw_instance_budget(get(), cycles); }

Result<Run> Instance::run(std::span<const InputView> inputs, std::optional<std::string_view> entry) {
  std::vector<Shape> given;
  std::vector<const void *> from;
  for (const InputView &input : inputs) {
    given.push_back(input.shape);
    from.push_back(input.bytes.data());
  }
  const Result<std::string> name = entry ? Result<std::string>(std::string(*entry)) : program.choose(given);
  if (!name)
    return name.diag();
  const Result<int> index = program.indexOf(*name);
  if (!index)
    return index.diag();
  const std::vector<tw_shape> shapes = shapesOf(given);
  const auto count = uint32_t(shapes.size());
  const tw_pkg *package = tw_program_package(program.get());
  const tw_pkg_entry &row = tw_pkg_entries(package)[*index];

  Run run{*name, {}, {}};
  std::vector<void *> to;
  for (uint32_t i = 0; i != row.output_count; ++i) {
    tw_shape shape{};
    if (tw_program_output_shape(program.get(), *index, shapes.data(), count, i, &shape, error.get()) != TW_OK)
      return diagOf(*error);
    const tw_pkg_tensor &tensor = tensorOf(package, row.first_output + i);
    run.outputs.push_back(
        {tw_pkg_string(package, tensor.name),
         tw_pkg_type(tensor.type),
         {shape.sizes, shape.sizes + shape.rank},
         std::vector<std::byte>(countOf({shape.sizes, shape.rank}) * tw_pkg_type_bytes(tensor.type))});
  }
  for (Output &output : run.outputs)
    to.push_back(output.bytes.data());
  for (uint32_t i = 0; i != std::min(row.input_count, count); ++i) {
    const tw_pkg_tensor &tensor = tensorOf(package, row.first_input + i);
    const uint64_t wanted = countOf(given[i]) * tw_pkg_type_bytes(tensor.type);
    if (inputs[i].bytes.size() != wanted)
      return Diag{std::string("input '") + tw_pkg_string(package, tensor.name) + "'",
                  "has " + std::to_string(inputs[i].bytes.size()) + " bytes, " + shapeText(given[i]) + " takes " +
                      std::to_string(wanted) + ": give all elements of its shape"};
  }
  if (tw_instance_run_shapes(get(), *index, from.data(), shapes.data(), count, to.data(), &run.stats, error.get()) !=
      TW_OK)
    return diagOf(*error);
  return run;
}

} // namespace tw::drivers
