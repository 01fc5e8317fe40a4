// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Package.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace tw::isa {
namespace {

std::string optionalString(const tw_pkg &pkg, uint32_t name) {
  const char *text = tw_pkg_string(&pkg, name);
  return text ? text : "";
}

std::vector<uint8_t> sectionBytes(const tw_pkg &pkg, tw_pkg_section_kind kind) {
  uint64_t size;
  auto *data = static_cast<const uint8_t *>(tw_pkg_data(&pkg, kind, &size));
  return {data, data + size};
}

std::vector<uint8_t> dimsOf(const tw_pkg_tensor &tensor) {
  const std::span dims(tensor.dims, tensor.rank);
  if (std::ranges::count(dims, 0) == tensor.rank)
    return {};
  return {dims.begin(), dims.end()};
}

HwConfig readConfig(const tw_pkg &pkg) {
  HwConfig config;
  config.name = pkg.config.name;
  for (size_t i = 0; i != kConfigKeys.size(); ++i)
    config.*kConfigKeys[i].member = pkg.config.values[i];
  return config;
}

void readLaunches(const tw_pkg &pkg, const tw_pkg_step &row, PackageStep &step) {
  for (const tw_pkg_launch &l : std::span(tw_pkg_launch_rows(&pkg) + row.first, row.count)) {
    PackageLaunch &launch =
        step.launches.emplace_back(PackageLaunch{tw_pkg_string(&pkg, l.name), l.blocks, l.threads, l.shared_bytes, {}});
    for (const tw_pkg_pointer &p : std::span(tw_pkg_pointers(&pkg) + l.first_pointer, l.pointer_count))
      launch.pointers.push_back({p.argument, p.offset});
  }
}

void readPlan(const tw_pkg &pkg, Package &package) {
  const tw_pkg_plan &plan = *tw_pkg_plan_of(&pkg);
  auto arguments = [&](uint32_t first, uint32_t count) {
    const uint32_t *table = tw_pkg_arguments(&pkg);
    return std::vector<uint32_t>(table + first, table + first + count);
  };
  package.arenaBytes = plan.arena_bytes;
  package.stateBytes = plan.state_bytes;
  package.gpuBytes = tw_pkg_launches_of(&pkg) ? tw_pkg_launches_of(&pkg)->memory_bytes : 0;
  for (uint32_t i = 0; i != plan.entry_count; ++i) {
    const tw_pkg_entry &e = tw_pkg_entries(&pkg)[i];
    package.entries.push_back({tw_pkg_string(&pkg, e.name), e.first_step, e.step_count,
                               arguments(e.first_input, e.input_count), arguments(e.first_output, e.output_count)});
  }
  for (uint32_t i = 0; i != plan.buffer_count; ++i) {
    const tw_pkg_buffer &b = tw_pkg_buffers(&pkg)[i];
    package.buffers.push_back({tw_pkg_buffer_kind(b.kind), b.region, b.offset, b.size, b.tensor,
                               optionalString(pkg, b.name), b.tied, uint8_t(b.fill)});
  }
  for (uint32_t i = 0; i != plan.step_count; ++i) {
    const tw_pkg_step &s = tw_pkg_steps(&pkg)[i];
    PackageStep &step = package.steps.emplace_back();
    step.op = tw_pkg_step_op(s.op);
    step.name = optionalString(pkg, s.name);
    step.arguments = arguments(s.first_argument, s.argument_count);
    step.bytes = s.bytes;
    step.counts = s.counts;
    step.sharedBytes = s.shared_bytes;
    step.privateBytes = s.private_bytes;
    step.toSpace = s.to_space;
    step.fromSpace = s.from_space;
    if (!step.runsAny()) {
      step.target = s.first;
      continue;
    }
    step.runs = tw_pkg_image_kind(tw_pkg_images(&pkg)[s.image].kind);
    if (step.runsLines()) {
      step.firstLine = s.first;
      step.lineCount = s.count;
    } else if (step.runsGpuCode()) {
      readLaunches(pkg, s, step);
    } else {
      for (const tw_pkg_phase &p : std::span(tw_pkg_phases(&pkg) + s.first, s.count))
        step.phases.push_back({tw_pkg_string(&pkg, p.name), p.extent, p.grain});
    }
  }
  for (uint32_t i = 0; i != plan.dim_count; ++i) {
    const tw_pkg_dim &d = tw_pkg_dims(&pkg)[i];
    package.dims.push_back({tw_pkg_string(&pkg, d.name), d.least, d.most, d.follows});
  }
}

/// A package as values has one image of a kind, and of GPU code one for each target.
Status readImages(const tw_pkg &pkg, const std::string &place, Package &package) {
  for (uint32_t i = 0; i != tw_pkg_header_of(&pkg)->image_count; ++i) {
    const tw_pkg_image &image = tw_pkg_images(&pkg)[i];
    const std::span<const uint8_t> bytes(pkg.bytes + image.offset, image.size);
    const bool isAlone =
        tw_pkg_image_of(&pkg, tw_pkg_image_kind(image.kind)) == &image ||
        (image.kind == TW_PKG_GPU && std::ranges::none_of(package.others, [&](const PackageImage &other) {
           return other.kind == TW_PKG_GPU && other.target == image.target;
         }));
    if (image.device != 0 || !isAlone)
      return Diag{place + ": image " + std::to_string(i),
                  "is for device " + std::to_string(image.device) +
                      " of its kind, or the second of its kind: packages for several devices cannot be read yet"};
    switch (image.kind) {
    case TW_PKG_STREAM:
      package.isaHash = image.isa_hash;
      package.program.lines.resize(bytes.size() / kLineBytes);
      std::memcpy(static_cast<void *>(package.program.lines.data()), bytes.data(), bytes.size());
      break;
    case TW_PKG_HOST:
      package.hostCode.assign(bytes.begin(), bytes.end());
      package.hostTarget = image.target;
      package.hostFeatures = image.features;
      break;
    default:
      package.others.push_back({tw_pkg_image_kind(image.kind), image.target, {bytes.begin(), bytes.end()}});
    }
  }
  return {};
}

} // namespace

Diag packageDiag(const std::string &place, const tw_pkg_error &error) {
  std::string text = error.text;
  if (error.name)
    text += ": '" + std::string(error.name) + "'";
  if (error.expected || error.found)
    text += ": expected " + std::to_string(error.expected) + ", found " + std::to_string(error.found);
  return {place + ": byte " + std::to_string(error.offset), text};
}

Result<Package> parsePackage(std::span<const uint8_t> bytes, const std::string &place) {
  tw_pkg pkg;
  tw_pkg_error error;
  if (!tw_pkg_open(&pkg, bytes.data(), bytes.size(), &error))
    return packageDiag(place, error);
  Package package;
  if (Status status = readImages(pkg, place, package); !status)
    return status.diag();
  if (!package.program.lines.empty()) {
    package.config = readConfig(pkg);
    if (Status status = validate(package.config); !status)
      return Diag{place, "configuration " + status.diag().str()};
    if (!tw_pkg_suits(&pkg, kIsaHash, configHash(package.config), &error))
      return packageDiag(place, error);
  }
  uint64_t count;
  const tw_pkg_tag *tags = tw_pkg_tags(&pkg, &count);
  for (uint64_t i = 0; i != count; ++i)
    package.program.tags[uint16_t(tags[i].tag)] = tw_pkg_string(&pkg, tags[i].name);
  package.constants = sectionBytes(pkg, TW_PKG_CONST);
  const tw_pkg_tensor *tensors = tw_pkg_tensors(&pkg, &count);
  for (uint64_t i = 0; i != count; ++i)
    package.tensors.push_back({tw_pkg_string(&pkg, tensors[i].name), tw_pkg_type(tensors[i].type),
                               std::vector<int64_t>(tensors[i].shape, tensors[i].shape + tensors[i].rank),
                               dimsOf(tensors[i]), tensors[i].shown});
  readPlan(pkg, package);
  const tw_pkg_counts *counts = tw_pkg_counts_of(&pkg, &count);
  package.counts.assign(counts, counts + count);
  package.graph = sectionBytes(pkg, TW_PKG_GRAPH);
  const tw_pkg_fixed *fixed = tw_pkg_fixed_of(&pkg, &count);
  for (uint64_t i = 0; i != count; ++i)
    package.fixed.emplace_back(tw_pkg_string(&pkg, fixed[i].name), tw_pkg_string(&pkg, fixed[i].value));
  return package;
}

Result<Package> readPackage(const std::string &path) {
  std::error_code unknown;
  if (std::filesystem::exists(path, unknown) && !std::filesystem::is_regular_file(path, unknown))
    return Diag{path, "cannot read the package: this is no file but a folder or a device; give a .npk file"};
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file)
    return Diag{path, std::string("cannot read the package: ") + std::strerror(errno)};
  const uint64_t size = uint64_t(file.tellg());
  tw_pkg_header header{};
  tw_pkg_error error{};
  file.seekg(0);
  if (file.read(reinterpret_cast<char *>(&header), sizeof header); !tw_pkg_check_header(&header, size, &error))
    return packageDiag(path, error);
  std::vector<uint64_t> words((size + 7) / 8); // aligned to 8
  std::span<uint8_t> bytes(reinterpret_cast<uint8_t *>(words.data()), size);
  file.clear();
  file.seekg(0);
  if (!file.read(reinterpret_cast<char *>(bytes.data()), std::streamsize(bytes.size())))
    return Diag{path, "cannot read the package: the file changed while it was read"};
  return parsePackage(bytes, path);
}

} // namespace tw::isa
