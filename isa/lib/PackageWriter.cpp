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

// Builds the sections that are not already bytes; large ones are copied from where they lie.
class Sections {
public:
  explicit Sections(const Package &package) : package(package) {
    addConfig();
    addCode();
    add(TW_PKG_CONST, package.constants);
    addPlan();
    addTensors();
    Bytes counts, debug;
    for (const tw_pkg_counts &row : package.counts)
      append(counts, row);
    for (const auto &[tag, name] : package.program.tags)
      append(debug, tw_pkg_tag{tag, string(name)});
    add(TW_PKG_STRINGS, keep(std::move(strings)));
    for (auto [kind, bytes] : {std::pair{TW_PKG_COUNTS, std::span<const uint8_t>(keep(std::move(counts)))},
                               std::pair{TW_PKG_DEBUG, std::span<const uint8_t>(keep(std::move(debug)))},
                               std::pair{TW_PKG_HOST, std::span<const uint8_t>(package.hostCode)},
                               std::pair{TW_PKG_GRAPH, std::span<const uint8_t>(package.graph)}})
      if (!bytes.empty())
        add(kind, bytes);
  }

  Bytes file() {
    uint64_t end = sizeof(tw_pkg_header) + sections.size() * sizeof(tw_pkg_section);
    for (size_t i = 0; i != sections.size(); ++i) {
      sections[i].offset = (end + TW_PKG_ALIGN - 1) / TW_PKG_ALIGN * TW_PKG_ALIGN;
      end = sections[i].offset + sections[i].size;
    }
    tw_pkg_header header{};
    std::memcpy(header.magic, TW_PKG_MAGIC, sizeof header.magic);
    header.version = TW_PKG_VERSION;
    header.section_count = uint32_t(sections.size());
    std::memcpy(header.isa_name, kIsaName.data(), kIsaName.size());
    header.line_bytes = kLineBytes;
    header.isa_hash = kIsaHash;
    header.cfg_hash = configHash(package.config);
    header.file_bytes = end;
    header.table_crc = tw_pkg_crc32(0, sections.data(), sections.size() * sizeof(tw_pkg_section));
    header.header_crc = tw_pkg_crc32(0, &header, offsetof(tw_pkg_header, header_crc));
    Bytes bytes(end); // gaps are zero
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + sizeof header, sections.data(), sections.size() * sizeof(tw_pkg_section));
    for (size_t i = 0; i != sections.size(); ++i)
      std::ranges::copy(contents[i], bytes.begin() + ptrdiff_t(sections[i].offset));
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

  void addCode() {
    auto *data = reinterpret_cast<const uint8_t *>(package.program.lines.data());
    add(TW_PKG_CODE, {data, package.program.lines.size() * kLineBytes});
  }

  uint32_t addArguments(const std::vector<uint32_t> &buffers) {
    uint32_t first = uint32_t(arguments.size());
    arguments.insert(arguments.end(), buffers.begin(), buffers.end());
    return first;
  }

  void addPlan() {
    Bytes entries, buffers, steps, phases;
    uint32_t phaseCount = 0;
    for (const PackageEntry &e : package.entries) {
      uint32_t inputs = addArguments(e.inputs), outputs = addArguments(e.outputs);
      append(entries, tw_pkg_entry{string(e.name), e.firstStep, e.stepCount, inputs, uint32_t(e.inputs.size()), outputs,
                                   uint32_t(e.outputs.size()), 0});
    }
    for (const PackageBuffer &b : package.buffers)
      append(buffers, tw_pkg_buffer{uint32_t(b.kind), b.region, b.offset, b.size, b.tensor, optionalString(b.name)});
    for (const PackageStep &s : package.steps) {
      const bool isNpu = s.op == TW_PKG_STEP_NPU, isHost = s.op == TW_PKG_STEP_HOST;
      tw_pkg_step row{};
      row.op = s.op;
      row.name = optionalString(s.name);
      row.first_argument = addArguments(s.arguments);
      row.argument_count = uint32_t(s.arguments.size());
      row.first = isNpu ? s.firstLine : isHost ? phaseCount : 0;
      row.count = isNpu ? s.lineCount : uint32_t(s.phases.size());
      row.counts = s.counts;
      row.bytes = s.bytes;
      row.shared_bytes = s.sharedBytes;
      row.private_bytes = s.privateBytes;
      append(steps, row);
      for (const PackagePhase &p : s.phases)
        append(phases, tw_pkg_phase{string(p.function), 0, p.extent, p.grain});
      phaseCount += uint32_t(s.phases.size());
    }
    Bytes plan;
    append(plan, tw_pkg_plan{uint32_t(package.entries.size()), uint32_t(package.buffers.size()),
                             uint32_t(package.steps.size()), phaseCount, uint32_t(arguments.size()), 0,
                             package.arenaBytes, package.stateBytes});
    for (const Bytes *part : {&entries, &buffers, &steps, &phases})
      plan.insert(plan.end(), part->begin(), part->end());
    for (uint32_t argument : arguments)
      append(plan, argument);
    add(TW_PKG_PLAN, keep(std::move(plan)));
  }

  void addTensors() {
    Bytes bytes;
    for (const PackageTensor &t : package.tensors) {
      tw_pkg_tensor row{string(t.name), uint32_t(t.type), uint32_t(t.shape.size()), 0, {}};
      std::copy_n(t.shape.begin(), std::min<size_t>(t.shape.size(), TW_PKG_MAX_RANK), row.shape);
      append(bytes, row);
    }
    add(TW_PKG_TENSORS, keep(std::move(bytes)));
  }

  const Package &package;
  std::vector<tw_pkg_section> sections;
  std::vector<std::span<const uint8_t>> contents;
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
