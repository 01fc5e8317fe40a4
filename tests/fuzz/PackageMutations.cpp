// SPDX-License-Identifier: Apache-2.0
#include "PackageMutations.h"

#include "tw/isa/RandomProgram.h"
#include "tw/support/Packages.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>

namespace tw::fuzz {
namespace {

using namespace isa;
using test::below;
using Bytes = std::vector<uint8_t>;

constexpr std::array<uint64_t, 16> kValues = {0,          1,          2,          7,          64,     0x7F,
                                              4096,       0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFF, 1ull << 33,
                                              1ull << 40, 1ull << 63, ~0ull - 63, ~0ull};

struct Part {
  uint32_t kind;
  Bytes bytes;
};

struct Parts {
  tw_pkg_header header;
  std::vector<Part> sections;
};

Parts split(const Bytes &bytes) {
  Parts parts;
  std::memcpy(&parts.header, bytes.data(), sizeof parts.header);
  for (uint32_t i = 0; i != parts.header.section_count; ++i) {
    tw_pkg_section s;
    std::memcpy(&s, bytes.data() + sizeof(tw_pkg_header) + i * sizeof s, sizeof s);
    parts.sections.push_back(
        {s.kind, Bytes(bytes.begin() + ptrdiff_t(s.offset), bytes.begin() + ptrdiff_t(s.offset + s.size))});
  }
  return parts;
}

Bytes join(Parts parts) {
  auto aligned = [](uint64_t offset) { return (offset + TW_PKG_ALIGN - 1) / TW_PKG_ALIGN * TW_PKG_ALIGN; };
  std::vector<tw_pkg_section> table;
  uint64_t end = sizeof(tw_pkg_header) + parts.sections.size() * sizeof(tw_pkg_section);
  for (const Part &part : parts.sections) {
    table.push_back({part.kind, 0, aligned(end), part.bytes.size()});
    end = aligned(end) + part.bytes.size();
  }
  parts.header.section_count = uint32_t(table.size());
  parts.header.file_bytes = end;
  Bytes bytes(end);
  std::memcpy(bytes.data(), &parts.header, sizeof parts.header);
  std::memcpy(bytes.data() + sizeof parts.header, table.data(), table.size() * sizeof(tw_pkg_section));
  for (size_t i = 0; i != table.size(); ++i)
    std::ranges::copy(parts.sections[i].bytes, bytes.begin() + ptrdiff_t(table[i].offset));
  return bytes;
}

/// Overwrites an aligned word of 1, 2, 4 or 8 bytes.
void editWord(uint8_t *bytes, size_t size, test::Random &random) {
  const size_t width = size_t(1) << below(random, 4);
  if (size < width)
    return;
  uint8_t *at = bytes + below(random, size / width) * width;
  uint64_t value = 0;
  std::memcpy(&value, at, width);
  switch (below(random, 4)) {
  case 0:
    value = random();
    break;
  case 1: // a neighbour of what is right
    value += below(random, 2) ? 1 : ~uint64_t{0};
    break;
  default:
    value = test::pick<uint64_t>(random, kValues);
  }
  std::memcpy(at, &value, width);
}

size_t rowBytes(uint32_t kind) {
  switch (kind) {
  case TW_PKG_CODE:
    return kLineBytes;
  case TW_PKG_CONFIG:
    return sizeof(tw_pkg_config_value);
  case TW_PKG_TENSORS:
    return sizeof(tw_pkg_tensor);
  case TW_PKG_COUNTS:
    return sizeof(tw_pkg_counts);
  case TW_PKG_DEBUG:
    return sizeof(tw_pkg_tag);
  case TW_PKG_PLAN:
    return sizeof(tw_pkg_step);
  default:
    return 1;
  }
}

/// A field of the headers, the dynamic section, the symbols or the relocations, but not of the code.
void editElf(Bytes &elf, test::Random &random) {
  Elf64_Ehdr header;
  if (elf.size() < sizeof header)
    return;
  std::memcpy(&header, elf.data(), sizeof header);
  const uint64_t programBytes = uint64_t(header.e_phnum) * sizeof(Elf64_Phdr);
  if (below(random, 4) == 0 || header.e_phoff > elf.size() || programBytes > elf.size() - header.e_phoff)
    return editWord(elf.data(), sizeof header, random);
  if (below(random, 3) == 0)
    return editWord(elf.data() + header.e_phoff, programBytes, random);
  for (size_t i = 0; i != header.e_phnum; ++i) { // all that is read only, and the dynamic section
    Elf64_Phdr p;
    std::memcpy(&p, elf.data() + header.e_phoff + i * sizeof p, sizeof p);
    const bool isWanted = p.p_type == PT_DYNAMIC || (p.p_type == PT_LOAD && p.p_flags == PF_R && below(random, 2));
    if (isWanted && p.p_offset <= elf.size() && p.p_filesz <= elf.size() - p.p_offset && below(random, 2))
      return editWord(elf.data() + p.p_offset, p.p_filesz, random);
  }
}

void edit(Parts &parts, test::Random &random) {
  Part &part = parts.sections[below(random, parts.sections.size())];
  const size_t row = rowBytes(part.kind), rows = part.bytes.size() / row;
  const size_t first = rows ? below(random, rows) * row : 0;
  const auto begin = part.bytes.begin() + ptrdiff_t(first), end = rows ? begin + ptrdiff_t(row) : begin;
  const Bytes one(begin, end);
  switch (below(random, 24)) {
  case 0:
    part.bytes.erase(begin, end);
    return;
  case 1:
    part.bytes.insert(begin, one.begin(), one.end());
    return;
  case 2:
    part.bytes.resize(below(random, part.bytes.size() + 64));
    return;
  case 3:
    if (parts.sections.size() > 1)
      parts.sections.erase(parts.sections.begin() + (&part - parts.sections.data()));
    return;
  case 4:
    parts.sections.push_back(Part(part));
    return;
  case 5:
    part.kind = uint32_t(below(random, 16));
    return;
  case 6:
    return editWord(reinterpret_cast<uint8_t *>(&parts.header) + sizeof parts.header.magic,
                    sizeof parts.header - sizeof parts.header.magic, random);
  default:
    break;
  }
  if (part.kind == TW_PKG_HOST)
    editElf(part.bytes, random);
  else
    editWord(part.bytes.data(), part.bytes.size(), random);
}

/// Of the configuration, if it can be read.
std::optional<uint64_t> configHash(const Parts &parts) {
  const Bytes bytes = join(parts);
  tw_pkg pkg{};
  tw_pkg_error error{};
  pkg.bytes = bytes.data();
  auto *table = reinterpret_cast<const tw_pkg_section *>(bytes.data() + sizeof(tw_pkg_header));
  for (const tw_pkg_section &s : std::span(table, parts.sections.size()))
    if (s.kind < TW_PKG_SECTION_KINDS)
      pkg.sections[s.kind] = s;
  const tw_pkg_section &config = pkg.sections[TW_PKG_CONFIG], &strings = pkg.sections[TW_PKG_STRINGS];
  tw_pkg_config_head head;
  if (config.size < sizeof head || strings.size == 0 || bytes[strings.offset + strings.size - 1] != 0)
    return std::nullopt;
  std::memcpy(&head, bytes.data() + config.offset, sizeof head);
  if (config.size < sizeof head + head.count * uint64_t(sizeof(tw_pkg_config_value)) ||
      !tw_pkg_read_values(&pkg, tw_pkg_config_keys(), TW_CFG_KEYS, pkg.config.values, &error))
    return std::nullopt;
  return tw_pkg_config_hash(&pkg.config);
}

} // namespace

Package samplePackage(const HwConfig &config, uint64_t seed, Bytes hostCode) {
  RandomOptions options;
  options.seed = seed;
  options.instructions = 12;
  options.workPerLine = 50;
  const TestProgram test = randomProgram(config, options);
  Package result;
  result.config = config;
  result.program = test.program;
  result.program.tags = {{1, "first"}, {2, "second"}};
  result.constants.resize(test.regions[1].limit);
  for (const RegionData &data : test.data)
    if (data.region == 1)
      std::copy(data.bytes.begin(), data.bytes.end(), result.constants.begin() + long(data.offset));
  result.arenaBytes = test.regions[2].limit;
  result.stateBytes = 64;
  PackageEntry entry{"main", 0, 3, {}, {}};
  for (uint32_t region = 4; region != 8; ++region) {
    const bool isInput = region % 2 == 0;
    const uint32_t index = uint32_t(result.buffers.size());
    result.tensors.push_back({"t" + std::to_string(region), TW_PKG_I8, {int64_t(test.regions[region].limit)}});
    result.buffers.push_back(
        {isInput ? TW_PKG_INPUT : TW_PKG_OUTPUT, region, 0, test.regions[region].limit, index, ""});
    (isInput ? entry.inputs : entry.outputs).push_back(index);
  }
  result.buffers.push_back({TW_PKG_TEMP, 2, 0, 64, TW_PKG_NONE, "temp"});
  result.buffers.push_back({TW_PKG_STATE, TW_PKG_NONE, 0, 64, TW_PKG_NONE, "state"});
  result.counts = {{1, 2, 3, 4}};
  result.steps = {{TW_PKG_STEP_NPU, "job", {}, 0, uint32_t(result.program.lines.size()), 0, TW_PKG_NONE},
                  {TW_PKG_STEP_SYNC, "", {4}, 0, 0, 0, TW_PKG_NONE},
                  {TW_PKG_STEP_COPY, "", {5, 4}, 0, 0, 64, TW_PKG_NONE}};
  result.entries = {entry, {"again", 2, 1, {}, {}}};
  if (!hostCode.empty()) {
    PackageStep &step = result.steps.emplace_back();
    step.op = TW_PKG_STEP_HOST;
    step.arguments = {5, 4};
    step.phases = {{"addOne"}, {"addOne", 1000, 10}};
    step.sharedBytes = 100;
    step.privateBytes = 28;
    result.entries.push_back({"host", 3, 1, {}, {}});
    result.hostCode = std::move(hostCode);
  }
  return result;
}

Bytes mutatedPackage(Bytes good, test::Random &random) {
  Parts parts = split(good);
  for (size_t edits = 1 + below(random, 3); edits; --edits)
    edit(parts, random);
  if (const auto hash = configHash(parts); hash && below(random, 4) != 0)
    parts.header.cfg_hash = *hash;
  Bytes bytes = join(std::move(parts));
  test::rightChecksums(bytes);
  return bytes;
}

} // namespace tw::fuzz
