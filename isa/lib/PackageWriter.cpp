// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Package.h"
#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

namespace tw::isa {
namespace {

using Bytes = std::vector<uint8_t>;

template <typename T> void append(Bytes &bytes, const T &value) {
  size_t at = bytes.size();
  bytes.resize(at + sizeof(T));
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

// Builds the sections that are not already bytes; large ones and images are copied from where they lie.
class Sections {
public:
  explicit Sections(const Package &package) : package(package) {
    addImages();
    if (!package.program.lines.empty())
      addConfig();
    add(TW_PKG_CONST, package.constants);
    addPlan();
    addTensors();
    Bytes counts, debug, fixed, launches = launchesOf();
    for (const tw_pkg_counts &row : package.counts)
      append(counts, row);
    for (const auto &[tag, name] : package.program.tags)
      append(debug, tw_pkg_tag{tag, string(name)});
    for (const auto &[name, value] : package.fixed)
      append(fixed, tw_pkg_fixed{string(name), string(value)});
    add(TW_PKG_STRINGS, keep(std::move(strings)));
    for (auto [kind, bytes] : {std::pair{TW_PKG_COUNTS, std::span<const uint8_t>(keep(std::move(counts)))},
                               std::pair{TW_PKG_DEBUG, std::span<const uint8_t>(keep(std::move(debug)))},
                               std::pair{TW_PKG_GRAPH, std::span<const uint8_t>(package.graph)},
                               std::pair{TW_PKG_FIXED, std::span<const uint8_t>(keep(std::move(fixed)))},
                               std::pair{TW_PKG_LAUNCHES, std::span<const uint8_t>(keep(std::move(launches)))}})
      if (!bytes.empty())
        add(kind, bytes);
  }

  Bytes file() {
    const uint64_t sectionBytes = sections.size() * sizeof(tw_pkg_section);
    const uint64_t imageBytes = images.size() * sizeof(tw_pkg_image);
    uint64_t end = sizeof(tw_pkg_header) + sectionBytes + imageBytes;
    auto place = [&](auto &row) {
      row.offset = (end + TW_PKG_ALIGN - 1) / TW_PKG_ALIGN * TW_PKG_ALIGN;
      end = row.offset + row.size;
    };
    std::ranges::for_each(sections, place);
    std::ranges::for_each(images, place);
    tw_pkg_header header{};
    std::memcpy(header.magic, TW_PKG_MAGIC, sizeof header.magic);
    header.version = TW_PKG_VERSION;
    header.section_count = uint32_t(sections.size());
    header.image_count = uint32_t(images.size());
    header.file_bytes = end;
    Bytes bytes(end); // gaps are zero
    uint8_t *tables = bytes.data() + sizeof header;
    if (!sections.empty())
      std::memcpy(tables, sections.data(), sectionBytes);
    if (!images.empty())
      std::memcpy(tables + sectionBytes, images.data(), imageBytes);
    header.table_crc = tw_pkg_crc32(0, tables, sectionBytes + imageBytes);
    header.header_crc = tw_pkg_crc32(0, &header, offsetof(tw_pkg_header, header_crc));
    std::memcpy(bytes.data(), &header, sizeof header);
    for (size_t i = 0; i != sections.size(); ++i)
      std::ranges::copy(contents[i], bytes.begin() + ptrdiff_t(sections[i].offset));
    for (size_t i = 0; i != images.size(); ++i)
      std::ranges::copy(imageContents[i], bytes.begin() + ptrdiff_t(images[i].offset));
    return bytes;
  }

private:
  const Bytes &keep(Bytes bytes) {
    kept.push_back(std::make_unique<Bytes>(std::move(bytes)));
    return *kept.back();
  }

  void add(tw_pkg_section_kind kind, std::span<const uint8_t> bytes) {
    sections.push_back({uint32_t(kind), tw_pkg_crc32(0, bytes.data(), bytes.size()), 0, bytes.size()});
    contents.push_back(bytes);
  }

  uint32_t string(const std::string &text) {
    auto [it, isNew] = places.try_emplace(text, uint32_t(strings.size()));
    if (isNew)
      strings.insert(strings.end(), text.c_str(), text.c_str() + text.size() + 1);
    return it->second;
  }
  uint32_t optionalString(const std::string &text) { return text.empty() ? TW_PKG_NONE : string(text); }

  void addConfig() {
    tw_pkg_config_head head{};
    std::memcpy(head.name, package.config.name.data(), std::min(package.config.name.size(), sizeof head.name - 1));
    Bytes values;
    for (size_t i = 0; i != kConfigKeys.size(); ++i) {
      const uint32_t value = package.config.*kConfigKeys[i].member;
      if (tw_pkg_config_keys()[i].before == int64_t(value))
        continue; // older readers need not know the key
      append(values, tw_pkg_config_value{string(std::string(kConfigKeys[i].key)), value});
      ++head.count;
    }
    Bytes bytes;
    append(bytes, head);
    bytes.insert(bytes.end(), values.begin(), values.end());
    add(TW_PKG_CONFIG, keep(std::move(bytes)));
  }

  tw_pkg_image &addImage(tw_pkg_image_kind kind, const std::string &target, std::span<const uint8_t> bytes) {
    tw_pkg_image image{};
    image.kind = kind;
    std::memcpy(image.target, target.data(), std::min(target.size(), sizeof image.target - 1));
    image.size = bytes.size();
    image.crc = tw_pkg_crc32(0, bytes.data(), bytes.size());
    images.push_back(image);
    imageContents.push_back(bytes);
    return images.back();
  }

  void addImages() {
    if (!package.program.lines.empty()) {
      auto *data = reinterpret_cast<const uint8_t *>(package.program.lines.data());
      tw_pkg_image &image =
          addImage(TW_PKG_STREAM, std::string(kIsaName), {data, package.program.lines.size() * kLineBytes});
      image.isa_hash = kIsaHash;
      image.configuration = configHash(package.config);
    }
    if (!package.hostCode.empty())
      addImage(TW_PKG_HOST, package.hostTarget, package.hostCode).features = package.hostFeatures;
    for (const PackageImage &other : package.others)
      addImage(other.kind, other.target, other.bytes);
  }

  // The row of a kind's image; one that is not there if there is none, which the check of the result refuses.
  uint32_t imageOf(tw_pkg_image_kind kind) const {
    return uint32_t(std::ranges::find(images, uint32_t(kind), &tw_pkg_image::kind) - images.begin());
  }

  uint32_t addArguments(const std::vector<uint32_t> &buffers) {
    uint32_t first = uint32_t(arguments.size());
    arguments.insert(arguments.end(), buffers.begin(), buffers.end());
    return first;
  }

  void addPlan() {
    Bytes entries, buffers, steps, phases, dims;
    uint32_t phaseCount = 0, launchCount = 0;
    for (const PackageEntry &e : package.entries) {
      uint32_t inputs = addArguments(e.inputs), outputs = addArguments(e.outputs);
      append(entries, tw_pkg_entry{string(e.name), e.firstStep, e.stepCount, inputs, uint32_t(e.inputs.size()), outputs,
                                   uint32_t(e.outputs.size()), 0});
    }
    for (const PackageBuffer &b : package.buffers)
      append(buffers, tw_pkg_buffer{uint32_t(b.kind), b.region, b.offset, b.size, b.tensor, optionalString(b.name),
                                    b.tied, b.fill});
    for (const PackageStep &s : package.steps) {
      tw_pkg_step row{};
      row.op = s.op;
      row.name = optionalString(s.name);
      row.image = TW_PKG_NONE;
      row.first_argument = addArguments(s.arguments);
      row.argument_count = uint32_t(s.arguments.size());
      row.first = s.target;
      row.counts = s.counts;
      row.to_space = s.toSpace;
      row.from_space = s.fromSpace;
      row.bytes = s.bytes;
      row.shared_bytes = s.sharedBytes;
      row.private_bytes = s.privateBytes;
      if (s.runsAny()) {
        row.image = imageOf(s.runs);
        row.first = s.runsLines() ? s.firstLine : s.runsGpuCode() ? launchCount : phaseCount;
        row.count = s.runsLines()     ? s.lineCount
                    : s.runsGpuCode() ? uint32_t(s.launches.size())
                                      : uint32_t(s.phases.size());
      }
      append(steps, row);
      for (const PackagePhase &p : s.phases)
        append(phases, tw_pkg_phase{string(p.function), 0, p.extent, p.grain});
      phaseCount += uint32_t(s.phases.size());
      launchCount += uint32_t(s.launches.size());
    }
    for (const PackageDim &d : package.dims)
      append(dims, tw_pkg_dim{string(d.name), d.follows, d.least, d.most});
    Bytes plan;
    append(plan, tw_pkg_plan{uint32_t(package.entries.size()), uint32_t(package.buffers.size()),
                             uint32_t(package.steps.size()), phaseCount, uint32_t(package.dims.size()),
                             uint32_t(arguments.size()), package.arenaBytes, package.stateBytes});
    for (const Bytes *part : {&entries, &buffers, &steps, &phases, &dims})
      plan.insert(plan.end(), part->begin(), part->end());
    for (uint32_t argument : arguments)
      append(plan, argument);
    add(TW_PKG_PLAN, keep(std::move(plan)));
  }

  // Empty where nothing is a GPU's.
  Bytes launchesOf() {
    Bytes launches, pointers, bytes;
    tw_pkg_launches head{0, 0, package.gpuBytes};
    for (const PackageStep &s : package.steps)
      for (const PackageLaunch &l : s.launches) {
        append(launches, tw_pkg_launch{string(l.kernel), l.blocks, l.threads, l.sharedBytes, head.pointer_count,
                                       uint32_t(l.pointers.size())});
        for (const PackageLaunch::Pointer &p : l.pointers)
          append(pointers, tw_pkg_pointer{p.argument, 0, p.offset});
        ++head.launch_count;
        head.pointer_count += uint32_t(l.pointers.size());
      }
    if (head.launch_count == 0 && head.memory_bytes == 0)
      return bytes;
    append(bytes, head);
    bytes.insert(bytes.end(), launches.begin(), launches.end());
    bytes.insert(bytes.end(), pointers.begin(), pointers.end());
    return bytes;
  }

  void addTensors() {
    Bytes bytes;
    for (const PackageTensor &t : package.tensors) {
      tw_pkg_tensor row{string(t.name), uint32_t(t.type), uint32_t(t.shape.size()), t.shown, {}, {}};
      std::copy_n(t.shape.begin(), std::min<size_t>(t.shape.size(), TW_PKG_MAX_RANK), row.shape);
      std::copy_n(t.dims.begin(), std::min<size_t>(t.dims.size(), TW_PKG_MAX_RANK), row.dims);
      append(bytes, row);
    }
    add(TW_PKG_TENSORS, keep(std::move(bytes)));
  }

  const Package &package;
  std::vector<tw_pkg_section> sections;
  std::vector<tw_pkg_image> images;
  std::vector<std::span<const uint8_t>> contents, imageContents;
  std::vector<std::unique_ptr<Bytes>> kept;
  Bytes strings{0}; // offset 0 is the empty string
  std::map<std::string, uint32_t> places{{"", 0}};
  std::vector<uint32_t> arguments;
};

} // namespace

Result<std::vector<uint8_t>> serializePackage(const Package &package) {
  Bytes bytes = Sections(package).file();
  if (Result<Package> read = parsePackage(bytes, "package"); !read)
    return read.diag();
  return bytes;
}

} // namespace tw::isa
