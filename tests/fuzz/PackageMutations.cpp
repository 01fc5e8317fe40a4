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

struct Section {
  uint32_t kind;
  Bytes bytes;
};

struct Image {
  tw_pkg_image row;
  Bytes bytes;
};

struct Parts {
  tw_pkg_header header;
  std::vector<Section> sections;
  std::vector<Image> images;
};

Parts split(const Bytes &bytes) {
  Parts parts;
  std::memcpy(&parts.header, bytes.data(), sizeof parts.header);
  const uint8_t *at = bytes.data() + sizeof parts.header;
  auto contents = [&](const auto &row) {
    return Bytes(bytes.begin() + ptrdiff_t(row.offset), bytes.begin() + ptrdiff_t(row.offset + row.size));
  };
  for (uint32_t i = 0; i != parts.header.section_count; ++i, at += sizeof(tw_pkg_section)) {
    tw_pkg_section row;
    std::memcpy(&row, at, sizeof row);
    parts.sections.push_back({row.kind, contents(row)});
  }
  for (uint32_t i = 0; i != parts.header.image_count; ++i, at += sizeof(tw_pkg_image)) {
    tw_pkg_image row;
    std::memcpy(&row, at, sizeof row);
    parts.images.push_back({row, contents(row)});
  }
  return parts;
}

Bytes join(Parts parts) {
  const uint64_t sectionBytes = parts.sections.size() * sizeof(tw_pkg_section);
  uint64_t end = sizeof(tw_pkg_header) + sectionBytes + parts.images.size() * sizeof(tw_pkg_image);
  auto place = [&](auto &row, const Bytes &bytes) {
    row.offset = (end + TW_PKG_ALIGN - 1) / TW_PKG_ALIGN * TW_PKG_ALIGN;
    row.size = bytes.size();
    end = row.offset + row.size;
  };
  std::vector<tw_pkg_section> table;
  for (const Section &section : parts.sections)
    place(table.emplace_back(tw_pkg_section{section.kind, 0, 0, 0}), section.bytes);
  for (Image &image : parts.images)
    place(image.row, image.bytes);
  parts.header.section_count = uint32_t(table.size());
  parts.header.image_count = uint32_t(parts.images.size());
  parts.header.file_bytes = end;
  Bytes bytes(end);
  auto put = [&](uint64_t offset, const void *from, size_t size) {
    if (size != 0)
      std::memcpy(bytes.data() + offset, from, size);
  };
  put(0, &parts.header, sizeof parts.header);
  put(sizeof parts.header, table.data(), sectionBytes);
  for (size_t i = 0; i != table.size(); ++i)
    put(table[i].offset, parts.sections[i].bytes.data(), table[i].size);
  for (size_t i = 0; i != parts.images.size(); ++i) {
    const Image &image = parts.images[i];
    put(sizeof parts.header + sectionBytes + i * sizeof image.row, &image.row, sizeof image.row);
    put(image.row.offset, image.bytes.data(), image.row.size);
  }
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
  case TW_PKG_CONFIG:
    return sizeof(tw_pkg_config_value);
  case TW_PKG_TENSORS:
    return sizeof(tw_pkg_tensor);
  case TW_PKG_COUNTS:
    return sizeof(tw_pkg_counts);
  case TW_PKG_DEBUG:
    return sizeof(tw_pkg_tag);
  case TW_PKG_FIXED:
    return sizeof(tw_pkg_fixed);
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

/// A row that vanishes or is doubled, or another length; false: none of them.
bool editRows(Bytes &bytes, size_t row, uint64_t choice, test::Random &random) {
  const size_t rows = bytes.size() / row, first = rows ? below(random, rows) * row : 0;
  const auto begin = bytes.begin() + ptrdiff_t(first), end = rows ? begin + ptrdiff_t(row) : begin;
  const Bytes one(begin, end);
  switch (choice) {
  case 0:
    bytes.erase(begin, end);
    return true;
  case 1:
    bytes.insert(begin, one.begin(), one.end());
    return true;
  case 2:
    bytes.resize(below(random, bytes.size() + 64));
    return true;
  default:
    return false;
  }
}

/// One of them vanishes or is doubled; false: neither.
template <typename T> bool editList(std::vector<T> &list, size_t index, uint64_t choice) {
  if (choice == 3)
    list.erase(list.begin() + ptrdiff_t(index));
  else if (choice == 4)
    list.push_back(T(list[index]));
  return choice == 3 || choice == 4;
}

void editSection(Parts &parts, size_t index, test::Random &random) {
  Section &section = parts.sections[index];
  const uint64_t choice = below(random, 24);
  if (editRows(section.bytes, rowBytes(section.kind), choice, random) || editList(parts.sections, index, choice))
    return;
  if (choice == 5)
    section.kind = uint32_t(below(random, 16));
  else if (choice == 6)
    editWord(reinterpret_cast<uint8_t *>(&parts.header) + sizeof parts.header.magic,
             sizeof parts.header - sizeof parts.header.magic, random);
  else
    editWord(section.bytes.data(), section.bytes.size(), random);
}

void editImage(Parts &parts, size_t index, test::Random &random) {
  Image &image = parts.images[index];
  const uint64_t choice = below(random, 24);
  if (editRows(image.bytes, image.row.kind == TW_PKG_STREAM ? kLineBytes : 1, choice, random) ||
      editList(parts.images, index, choice))
    return;
  if (choice < 12)
    editWord(reinterpret_cast<uint8_t *>(&image.row), sizeof image.row, random);
  else if (image.row.kind == TW_PKG_HOST)
    editElf(image.bytes, random);
  else
    editWord(image.bytes.data(), image.bytes.size(), random);
}

void edit(Parts &parts, test::Random &random) {
  const size_t sections = parts.sections.size(), index = below(random, sections + parts.images.size() + 1);
  if (index < sections)
    editSection(parts, index, random);
  else if (index < sections + parts.images.size())
    editImage(parts, index - sections, random);
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
  result.steps = {runLines(0, uint32_t(result.program.lines.size())),
                  {.op = TW_PKG_STEP_SYNC, .arguments = {4}},
                  copyBytes(5, 4, 64)};
  result.entries = {entry, {"again", 2, 1, {}, {}}};
  if (!hostCode.empty()) {
    result.steps.push_back(runHostCode({{"addOne"}, {"addOne", 1000, 10}}, {5, 4}));
    result.steps.back().sharedBytes = 100;
    result.steps.back().privateBytes = 28;
    result.entries.push_back({"host", 3, 1, {}, {}});
    result.hostCode = std::move(hostCode);
    result.hostTarget = "x86_64 x86-64";
  }
  if (seed % 3 == 0) { // what no driver runs yet
    result.others = {{TW_PKG_GPU, "sm_90", Bytes(100, 0)}};
    result.gpuBytes = 512;
    result.dims = {{"length", 1, 64}};
    result.tensors[0].dims = {1};
    result.buffers[5].tied = 4;
    result.buffers.push_back({TW_PKG_DEVICE, TW_PKG_NONE, 256, 64, TW_PKG_NONE, "there"});
    const auto device = uint32_t(result.buffers.size() - 1);
    result.steps.push_back({.op = TW_PKG_STEP_COPY, .arguments = {device, 4}, .bytes = 64, .toSpace = 1});
    result.steps.push_back(
        runGpuCode({{"kernel", 64, 8, 32, {{0, 0}, {0, 32}}}, {"other", 1, 1, 0, {{0, 0}}}}, {device}));
    result.steps.push_back({.op = TW_PKG_STEP_COPY, .arguments = {5, device}, .bytes = 64, .fromSpace = 1});
    result.steps.push_back({.op = TW_PKG_STEP_BIND_DIM, .arguments = {4}, .target = 0});
    result.dims.push_back({"more", 1, 8, 1});
    result.tensors[0].shown = 1;
    result.steps.push_back({.op = TW_PKG_STEP_SIZE, .arguments = {4}, .target = 1});
    result.steps.push_back({.op = TW_PKG_STEP_JUMP_IF, .arguments = {4}, .target = 0});
  }
  return result;
}

Bytes mutatedPackage(Bytes good, test::Random &random) {
  Parts parts = split(good);
  for (size_t edits = 1 + below(random, 3); edits; --edits)
    edit(parts, random);
  if (const auto hash = configHash(parts); hash && below(random, 4) != 0)
    for (Image &image : parts.images)
      image.row.configuration = image.row.kind == TW_PKG_STREAM ? *hash : image.row.configuration;
  Bytes bytes = join(std::move(parts));
  test::rightChecksums(bytes);
  return bytes;
}

} // namespace tw::fuzz
