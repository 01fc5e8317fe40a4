// SPDX-License-Identifier: Apache-2.0
// A package with wrong contents under right checksums: refused, or run by the driver to an end. Every buffer that the
// caller gives has just the size that the package tells, so that a sanitizer sees what is written beside it.
#include "tw/drivers/MachineTransport.h"
#include "tw/drivers/tilewright.h"
#include "tw/isa/Package.h"
#include "tw/isa/RandomProgram.h"
#include "tw/support/Fuzz.h"
#include "tw/support/Job.h"

#include <array>
#include <cstring>
#include <memory>

using namespace tw;
using namespace tw::isa;

namespace {

constexpr uint64_t kDeviceBytes = 4 << 20, kMostIo = 1 << 20;

// A random program with its memory as a package, plus one step of the other kinds. No host code: it is code.
Package package(const HwConfig &config, uint64_t seed) {
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
  result.scratchBytes = 128;
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
  return result;
}

// Changes contents, not lengths; then the checksums are right again.
void damage(std::span<uint8_t> bytes, test::Random &random) {
  auto *header = reinterpret_cast<tw_pkg_header *>(bytes.data());
  auto *table = reinterpret_cast<tw_pkg_section *>(bytes.data() + sizeof *header);
  static constexpr std::array<uint64_t, 12> kValues = {0,          1,          2,          7,      64,         0x7F,
                                                       0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFF, 1ull << 40, ~0ull};
  for (size_t edits = 1 + test::below(random, 3); edits; --edits) {
    const tw_pkg_section &s = table[test::below(random, header->section_count)];
    const size_t width = size_t(1) << test::below(random, 4);
    if (s.size < width)
      continue;
    const uint64_t value = test::below(random, 3) ? test::pick<uint64_t>(random, kValues) : random();
    std::memcpy(&bytes[s.offset + test::below(random, s.size / width) * width], &value, width);
  }
  if (test::below(random, 8) == 0) {
    const uint64_t value = test::pick<uint64_t>(random, kValues);
    auto *row = reinterpret_cast<uint8_t *>(&table[test::below(random, header->section_count)]);
    const size_t words[] = {0, 8, 16};
    std::memcpy(row + test::pick<size_t>(random, words), &value, 4);
  }
  for (uint32_t i = 0; i != header->section_count; ++i)
    if (table[i].offset <= bytes.size() && table[i].size <= bytes.size() - table[i].offset)
      table[i].crc = tw_pkg_crc32(0, bytes.data() + table[i].offset, table[i].size);
  header->table_crc = tw_pkg_crc32(0, table, header->section_count * sizeof *table);
  header->header_crc = tw_pkg_crc32(0, header, offsetof(tw_pkg_header, header_crc));
}

// As an application runs each entry of a package that the reader takes.
void run(const HwConfig &config, std::span<const uint8_t> bytes) {
  tw_transport_config wanted{};
  drivers::writeConfig(config, wanted);
  wanted.memory_bytes = kDeviceBytes;
  tw_transport transport{};
  tw_error error{};
  ASSERT_EQ(tw_transport_open_functional(&wanted, &transport, &error), TW_OK) << error.text;
  tw_device *device = nullptr;
  tw_program *program = nullptr;
  tw_instance *instance = nullptr;
  ASSERT_EQ(tw_device_open(transport, &device, &error), TW_OK) << error.text;
  if (tw_program_load(device, bytes.data(), bytes.size(), &program, &error) == TW_OK &&
      tw_instance_create(program, &instance, &error) == TW_OK) {
    const tw_pkg *pkg = tw_program_package(program);
    for (uint32_t e = 0; e != tw_pkg_plan_of(pkg)->entry_count; ++e) {
      const tw_pkg_entry &entry = tw_pkg_entries(pkg)[e];
      std::vector<std::unique_ptr<uint8_t[]>> memory;
      auto pointer = [&](uint32_t argument) -> void * {
        const uint64_t size = tw_pkg_buffers(pkg)[tw_pkg_arguments(pkg)[argument]].size;
        return size > kMostIo ? nullptr : memory.emplace_back(new uint8_t[size]()).get();
      };
      std::vector<const void *> inputs;
      std::vector<void *> outputs;
      for (uint32_t i = 0; i != entry.input_count; ++i)
        inputs.push_back(pointer(entry.first_input + i));
      for (uint32_t i = 0; i != entry.output_count; ++i)
        outputs.push_back(pointer(entry.first_output + i));
      if (std::ranges::count(inputs, nullptr) || std::ranges::count(outputs, nullptr))
        continue;
      if (tw_instance_run(instance, int(e), inputs.data(), outputs.data(), nullptr, &error) != TW_OK)
        EXPECT_NE(error.text[0], 0);
    }
  } else {
    EXPECT_NE(error.text[0], 0);
  }
  tw_instance_destroy(instance);
  tw_program_close(program);
  tw_device_close(device);
}

TEST(PackageFuzz, WrongContentsAreRefusedOrRunToAnEnd) {
  const HwConfig config = test::testConfig("tw8");
  test::TempDir folder;
  const std::string path = (folder.path() / "a.npk").string();
  std::vector<std::vector<uint64_t>> starts; // aligned to 8
  std::vector<size_t> sizes;
  for (uint64_t seed = 1; seed != 5; ++seed) {
    const Status written = writePackage(package(config, seed), path);
    ASSERT_TRUE(written) << written.diag().str();
    sizes.push_back(std::filesystem::file_size(path));
    starts.emplace_back((sizes.back() + 7) / 8);
    std::ifstream(path, std::ios::binary)
        .read(reinterpret_cast<char *>(starts.back().data()), std::streamsize(sizes.back()));
    std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t *>(starts.back().data()), sizes.back());
    run(config, bytes);
  }
  test::fuzz("package", 3000, [&](test::Random &random) {
    const size_t which = test::below(random, starts.size());
    std::vector<uint64_t> words = starts[which];
    std::span<uint8_t> bytes(reinterpret_cast<uint8_t *>(words.data()), sizes[which]);
    damage(bytes, random);
    const Result<Package> read = parsePackage(bytes, "a.npk");
    if (!read)
      EXPECT_EQ(read.diag().place.rfind("a.npk", 0), 0u);
    run(config, bytes);
  });
}

} // namespace
