// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Package.h"
#include "Configs.h"
#include "tw/support/Packages.h"
#include "tw/support/Paths.h"
#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <random>
#include <zlib.h>

using namespace tw::isa;

namespace {

Package sample() {
  Package package;
  package.config = tw16();
  package.program = {{Line(Opcode::Fence), Line(Opcode::End)}, {{3, "conv1"}, {9, "relu"}}};
  package.constants.assign(100, 0x42);
  package.tensors = {{"x", TW_PKG_F32, {1, 3}}, {"y", TW_PKG_I16, {2, 16}}};
  package.buffers = {{TW_PKG_INPUT, TW_PKG_NONE, 0, 12, 0, "x"},
                     {TW_PKG_OUTPUT, 4, 0, 64, 1, "y"},
                     {TW_PKG_TEMP, 2, 64, 128, TW_PKG_NONE, ""},
                     {TW_PKG_CONSTANT, 1, 36, 64, TW_PKG_NONE, "w"}};
  package.arenaBytes = 192;
  package.steps = {runHostCode({{"quantize", 12, 4}, {"pack"}}, {0, 2}), runLines(0, 2, 0), copyBytes(1, 2, 64)};
  package.steps[0].name = "input";
  package.steps[0].sharedBytes = 4096;
  package.steps[0].privateBytes = 100;
  package.entries = {{"main", 0, 3, {0}, {1}}};
  package.counts = {{1000, 64, 32, 500}};
  package.hostCode = {0x7F, 'E', 'L', 'F'};
  package.hostTarget = "x86_64 x86-64-v3";
  package.hostFeatures = 0x1FFF;
  package.graph = {1, 2, 3};
  package.fixed = {{"batch", "2"}, {"axes", "int64 1: 0"}};
  return package;
}

class PackageTest : public testing::Test {
protected:
  // The bytes of a package's file; the object keeps them.
  std::span<uint8_t> write(const Package &package) {
    tw::Result<std::vector<uint8_t>> bytes = serializePackage(package);
    EXPECT_TRUE(bytes) << bytes.diag().str();
    words.resize((bytes->size() + 7) / 8);
    std::memcpy(words.data(), bytes->data(), bytes->size());
    return {reinterpret_cast<uint8_t *>(words.data()), bytes->size()};
  }
  std::string errorOf(std::function<void(Package &)> change) {
    Package package = sample();
    change(package);
    const tw::Result<std::vector<uint8_t>> bytes = serializePackage(package);
    return bytes ? "no error" : bytes.diag().text;
  }

  tw::test::TempDir folder;
  std::vector<uint64_t> words;
};

TEST_F(PackageTest, EverythingComesBack) {
  Package expected = sample();
  tw::Result<Package> package = parsePackage(write(expected), "a.npk");
  ASSERT_TRUE(package) << package.diag().str();
  EXPECT_EQ(package->config.name, "tw16");
  EXPECT_EQ(configHash(package->config), configHash(expected.config));
  EXPECT_EQ(package->program, expected.program);
  EXPECT_EQ(package->constants, expected.constants);
  ASSERT_EQ(package->tensors.size(), 2u);
  EXPECT_EQ(package->tensors[0].shape, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(package->tensors[1].name, "y");
  ASSERT_EQ(package->buffers.size(), 4u);
  EXPECT_EQ(package->buffers[3].offset, 36u);
  EXPECT_EQ(package->buffers[2].name, "");
  ASSERT_EQ(package->steps.size(), 3u);
  EXPECT_EQ(package->steps[0].name, "input");
  ASSERT_EQ(package->steps[0].phases.size(), 2u);
  EXPECT_EQ(package->steps[0].phases[0].function, "quantize");
  EXPECT_EQ(package->steps[0].phases[0].extent, 12u);
  EXPECT_EQ(package->steps[0].phases[0].grain, 4u);
  EXPECT_EQ(package->steps[0].phases[1].function, "pack");
  EXPECT_EQ(package->steps[0].sharedBytes, 4096u);
  EXPECT_EQ(package->steps[0].privateBytes, 100u);
  EXPECT_EQ(package->steps[0].arguments, (std::vector<uint32_t>{0, 2}));
  EXPECT_EQ(package->steps[1].lineCount, 2u);
  EXPECT_EQ(package->steps[2].bytes, 64u);
  ASSERT_EQ(package->entries.size(), 1u);
  EXPECT_EQ(package->entries[0].inputs, (std::vector<uint32_t>{0}));
  EXPECT_EQ(package->counts[0].macs, 1000u);
  EXPECT_EQ(package->hostCode, expected.hostCode);
  EXPECT_EQ(package->hostTarget, "x86_64 x86-64-v3");
  EXPECT_EQ(package->hostFeatures, 0x1FFFu);
  EXPECT_EQ(package->graph, expected.graph);
  EXPECT_EQ(package->fixed, expected.fixed);
  EXPECT_EQ(package->arenaBytes, 192u);
}

TEST_F(PackageTest, SectionsAreAlignedAndReadInPlace) {
  std::span<uint8_t> bytes = write(sample());
  tw_pkg pkg;
  tw_pkg_error error;
  ASSERT_TRUE(tw_pkg_open(&pkg, bytes.data(), bytes.size(), &error)) << error.text;
  for (int kind = 1; kind != TW_PKG_SECTION_KINDS; ++kind)
    EXPECT_EQ(pkg.sections[kind].offset % 64, 0u);
  for (uint32_t i = 0; i != 2; ++i)
    EXPECT_EQ(tw_pkg_images(&pkg)[i].offset % 64, 0u);
  EXPECT_EQ(tw_pkg_image_of(&pkg, TW_PKG_STREAM)->size, 2u * TW_LINE_BYTES);
  EXPECT_STREQ(tw_pkg_tag_name(&pkg, 9), "relu");
  EXPECT_EQ(tw_pkg_tag_name(&pkg, 10), nullptr);
}

TEST_F(PackageTest, EveryDamagedByteIsFound) {
  std::span<uint8_t> bytes = write(sample());
  auto *header = reinterpret_cast<tw_pkg_header *>(bytes.data());
  const size_t tables =
      sizeof *header + header->section_count * sizeof(tw_pkg_section) + header->image_count * sizeof(tw_pkg_image);
  for (size_t i = 0; i != bytes.size(); ++i) {
    const uint8_t old = bytes[i];
    // All values in what tells where everything is, each single bit and its complement elsewhere.
    for (int change = 1; change != 256; ++change) {
      if (i >= tables && !std::has_single_bit(unsigned(change)) && change != 255)
        continue;
      bytes[i] = uint8_t(old ^ change);
      tw::Result<Package> package = parsePackage(bytes, "a.npk");
      ASSERT_FALSE(package) << "byte " << i << " changed by " << change;
      ASSERT_EQ(package.diag().place.rfind("a.npk: byte ", 0), 0u) << package.diag().str();
      ASSERT_LE(std::stoull(package.diag().place.substr(12)), bytes.size());
      ASSERT_FALSE(package.diag().text.empty());
    }
    bytes[i] = old;
  }
  EXPECT_TRUE(parsePackage(bytes, "a.npk"));
}

TEST_F(PackageTest, SeveralDamagedBytesAreFound) {
  std::span<uint8_t> bytes = write(sample());
  const std::vector<uint8_t> good(bytes.begin(), bytes.end());
  std::mt19937 random(6);
  for (int round = 0; round != 20000; ++round) {
    const size_t first = random() % good.size();
    const size_t count = std::min<size_t>(1 + random() % 64, good.size() - first);
    for (size_t i = first; i != first + count; ++i)
      bytes[i] = uint8_t(random());
    if (!std::equal(good.begin(), good.end(), bytes.begin()))
      ASSERT_FALSE(parsePackage(bytes, "a.npk")) << "round " << round;
    std::copy_n(good.begin() + long(first), count, bytes.begin() + long(first));
  }
}

TEST_F(PackageTest, EveryShorterOrLongerFileIsRefused) {
  std::span<uint8_t> bytes = write(sample());
  for (size_t size = 0; size != bytes.size(); ++size) {
    tw::Result<Package> package = parsePackage(bytes.first(size), "a.npk");
    ASSERT_FALSE(package) << size;
    // The file says itself how long it is; what is shorter than its header cannot.
    EXPECT_NE(package.diag().text.find("found " + std::to_string(size)), std::string::npos) << package.diag().str();
  }
  std::vector<uint64_t> longer((bytes.size() + 64) / 8 + 1);
  std::memcpy(longer.data(), bytes.data(), bytes.size());
  std::span<uint8_t> whole(reinterpret_cast<uint8_t *>(longer.data()), longer.size() * 8);
  for (size_t size = bytes.size() + 1; size <= bytes.size() + 64; ++size)
    ASSERT_FALSE(parsePackage(whole.first(size), "a.npk")) << size;
}

// A valid checksum over wrong contents must not lead a reader astray.
TEST_F(PackageTest, WrongContentsWithRightChecksumsAreHarmless) {
  std::span<uint8_t> good = write(sample());
  std::vector<uint64_t> copy = words;
  std::span<uint8_t> bytes(reinterpret_cast<uint8_t *>(copy.data()), good.size());
  std::mt19937 random(4);
  int accepted = 0;
  for (int i = 0; i != 20000; ++i) {
    copy = words;
    auto *header = reinterpret_cast<tw_pkg_header *>(bytes.data());
    auto *table = reinterpret_cast<tw_pkg_section *>(bytes.data() + sizeof *header);
    for (int edits = 1 + int(random() % 3); edits; --edits) {
      tw_pkg_section &s = table[random() % header->section_count];
      if (s.size == 0 || s.offset + s.size > bytes.size() || s.kind == TW_PKG_CONST)
        continue;
      static constexpr uint8_t kValues[] = {0, 1, 4, 0x7F, 0x80, 0xFF};
      bytes[s.offset + random() % s.size] = kValues[random() % std::size(kValues)];
    }
    tw::test::rightChecksums(bytes);
    if (tw::Result<Package> package = parsePackage(bytes, "a.npk"))
      ++accepted;
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 20000);
}

TEST_F(PackageTest, TheWriterWritesNothingThatAReaderRefuses) {
  EXPECT_NE(errorOf([](Package &p) { p.steps[1].lineCount = 3; }).find("expected 2, found 3"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.buffers[2].size = 1000; }).find("leaves its memory"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.buffers[0].size = 16; })
                .find("not those of its tensor: tensor and buffer: "
                      "expected 12, found 16"),
            std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.tensors[0].shape = {1 << 20, 1 << 20}; }).find("too many bytes"),
            std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.steps[0].sharedBytes = ~uint64_t(0); }).find("scratch memory of a step"),
            std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.steps[0].privateBytes = ~uint64_t(0); }).find("scratch memory of a step"),
            std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.steps[0].phases.clear(); }).find("runs no lines or phases"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.steps[0].phases[0].extent = 0; }).find("extent of a phase"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.steps[0].phases[0].extent = ~uint64_t(0); }).find("extent of a phase"),
            std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.steps[0].phases[0].grain = 0; }).find("grain of a phase"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.steps[0].phases[1].grain = 2; }).find("expected 1, found 2"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.buffers[3].region = 2; }).find("does not suit"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.buffers[0].tensor = 2; }).find("tensor of a buffer"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.steps[0].arguments = {9}; }).find("names no buffer"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.hostCode.clear(); }).find("runs an image that is not there"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) {
              p.steps[2].bytes = 65;
            }).find("more bytes than its buffer has: bytes of the buffer and of the step: expected 64, found 65"),
            std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.steps[2].arguments.pop_back(); }).find("arguments of a step that copies"),
            std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.steps[1].counts = 1; }).find("predicted counts"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.entries[0].stepCount = 4; }).find("steps of an entry"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.entries[0].inputs = {1}; }).find("no INPUT buffer"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.entries.clear(); }).find("at least one entry"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.tensors[0].shape = {-1}; }).find("dimension"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.tensors[0].shape.assign(9, 1); }).find("rank of a tensor"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.config.n = 12; }).find("not a power of two"), std::string::npos);
}

// What no driver runs yet can be written and read all the same.
TEST_F(PackageTest, WhatIsToComeComesBack) {
  Package expected = sample();
  expected.others = {
      {TW_PKG_GPU, "sm_90", {1, 2, 0}}, {TW_PKG_GPU, "emulated", {0}}, {TW_PKG_OTHER, "a machine of yours", {4}}};
  expected.gpuBytes = 512;
  expected.dims = {{"length", 1, 2}};
  expected.dims.push_back({"more", 1, 2, 1});
  expected.tensors[1].dims = {1, 0};
  expected.tensors[1].shown = 2;
  expected.stateBytes = 8;
  expected.buffers.push_back({TW_PKG_TEMP, TW_PKG_NONE, 0, 64, TW_PKG_NONE, "", 1});
  expected.buffers.push_back({TW_PKG_DEVICE, TW_PKG_NONE, 256, 64, TW_PKG_NONE, "there"});
  expected.buffers.push_back({TW_PKG_STATE, TW_PKG_NONE, 0, 8, TW_PKG_NONE, "", TW_PKG_NONE, 200});
  expected.steps.push_back(
      runGpuCode({{"first", 100, 256, 48, {{0, 0}, {1, 4}}}, {"second", 1, 32, 0, {{0, 60}}}}, {5, 3}));
  expected.steps.push_back({.op = TW_PKG_STEP_COPY, .arguments = {1, 2}, .bytes = 64, .toSpace = 0, .fromSpace = 2});
  expected.steps.push_back({.op = TW_PKG_STEP_BIND_DIM, .arguments = {3}, .target = 0});
  expected.steps.push_back({.op = TW_PKG_STEP_JUMP_IF, .arguments = {3}, .target = 2});
  expected.steps.push_back({.op = TW_PKG_STEP_SYNC, .arguments = {2, 3}});
  tw::Result<Package> package = parsePackage(write(expected), "a.npk");
  ASSERT_TRUE(package) << package.diag().str();
  ASSERT_EQ(package->others.size(), 3u);
  EXPECT_EQ(package->others[0].kind, TW_PKG_GPU);
  EXPECT_EQ(package->others[1].target, "emulated");
  EXPECT_EQ(package->others[2].target, "a machine of yours");
  EXPECT_EQ(package->others[2].bytes, (std::vector<uint8_t>{4}));
  EXPECT_EQ(package->gpuBytes, 512u);
  EXPECT_EQ(package->buffers[5].kind, TW_PKG_DEVICE);
  EXPECT_EQ(package->dims[0].name, "length");
  EXPECT_EQ(package->dims[0].most, 2);
  EXPECT_EQ(package->dims[1].follows, 1u);
  EXPECT_EQ(package->tensors[1].dims, (std::vector<uint8_t>{1, 0}));
  EXPECT_EQ(package->tensors[1].shown, 2u);
  EXPECT_EQ(package->tensors[0].dims, (std::vector<uint8_t>{}));
  EXPECT_EQ(package->buffers[4].tied, 1u);
  EXPECT_EQ(package->buffers[6].fill, 200u);
  EXPECT_EQ(package->steps[3].runs, TW_PKG_GPU);
  ASSERT_EQ(package->steps[3].launches.size(), 2u);
  EXPECT_EQ(package->steps[3].launches[0].kernel, "first");
  EXPECT_EQ(package->steps[3].launches[0].blocks, 100u);
  EXPECT_EQ(package->steps[3].launches[0].threads, 256u);
  EXPECT_EQ(package->steps[3].launches[0].sharedBytes, 48u);
  EXPECT_EQ(package->steps[3].launches[0].pointers[1].offset, 4u);
  EXPECT_EQ(package->steps[3].launches[1].pointers[0].offset, 60u);
  EXPECT_EQ(package->steps[4].fromSpace, 2u);
  EXPECT_EQ(package->steps[5].op, TW_PKG_STEP_BIND_DIM);
  EXPECT_EQ(package->steps[6].target, 2u);
  EXPECT_EQ(*serializePackage(*package), *serializePackage(expected));
}

TEST_F(PackageTest, WhatIsToComeIsCheckedToo) {
  const auto step = [](PackageStep with) { return [with](Package &p) { p.steps.push_back(with); }; };
  EXPECT_NE(errorOf(step({.op = TW_PKG_STEP_JUMP_IF, .arguments = {0}, .target = 4}))
                .find("not there: how many there are and index: expected 4, found 4"),
            std::string::npos);
  EXPECT_NE(errorOf(step({.op = TW_PKG_STEP_JUMP_IF})).find("arguments of a step that"), std::string::npos);
  EXPECT_NE(errorOf(step({.op = TW_PKG_STEP_BIND_DIM, .arguments = {0}})).find("not there: how many"),
            std::string::npos);
  EXPECT_NE(errorOf(step({.op = TW_PKG_STEP_SYNC, .bytes = 1})).find("a step that does not copy"), std::string::npos);
  EXPECT_NE(errorOf(step({.op = TW_PKG_STEP_SYNC, .sharedBytes = 1})).find("a step that runs nothing"),
            std::string::npos);
  EXPECT_NE(errorOf(step(runGpuCode({{"kernel", 1, 1, 0, {}}}, {}))).find("an image that is not there"),
            std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.steps[1].sharedBytes = 1; }).find("runs lines has scratch"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.steps[0].counts = 0; }).find("runs no lines"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.buffers[1].tied = 1; }).find("tied to a later one"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.buffers[3].tied = 0; }).find("of another size: bytes: expected 64, found 12"),
            std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.buffers[0].fill = 1; }).find("is a byte, of STATE only"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) {
              p.stateBytes = 100;
              for (uint64_t offset : {0, 36})
                p.buffers.push_back({TW_PKG_STATE, TW_PKG_NONE, offset, 64, TW_PKG_NONE, "", TW_PKG_NONE, 1});
            }).find("lie in one another: bytes of the state and of these: expected 100, found 128"),
            std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.dims = {{"n", 2, 1}}; }).find("a dimension is at least"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.dims = {{"n", 1, 1, 1}}; }).find("follows one that is not before it"),
            std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.tensors[0].shown = 4; })
                .find("more of a row than its last axis has: expected 3, "
                      "found 4"),
            std::string::npos);
  EXPECT_NE(errorOf(step({.op = TW_PKG_STEP_SIZE, .arguments = {0}})).find("not there: how many"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.tensors[0].dims = {0, 1}; }).find("dimension of a tensor"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) {
              p.dims = {{"n", 0, 4}};
              p.tensors[0].dims = {0, 1};
            }).find("more than its tensor has room for: expected 3, found 4"),
            std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.hostTarget = "x86\n"; }).find("target of an image"), std::string::npos);
  EXPECT_NE(errorOf([](Package &p) { p.hostTarget.clear(); }).find("target of an image"), std::string::npos);
}

namespace {

// The sample with a kernel on two buffers of the GPU, a copy there and one back, and host code in its place.
void addGpuSteps(Package &p) {
  const auto first = uint32_t(p.buffers.size());
  p.others = {{TW_PKG_GPU, "sm_80", {'x', 0}}};
  p.gpuBytes = 512;
  p.buffers.push_back({TW_PKG_DEVICE, TW_PKG_NONE, 0, 64, TW_PKG_NONE, ""});
  p.buffers.push_back({TW_PKG_DEVICE, TW_PKG_NONE, 256, 64, TW_PKG_NONE, ""});
  p.steps.push_back({.op = TW_PKG_STEP_COPY, .arguments = {first, 1}, .bytes = 64, .toSpace = 1});
  p.steps.push_back(runGpuCode({{"kernel", 2, 32, 0, {{0, 0}, {1, 32}}}}, {first, first + 1}));
  p.steps.push_back(runHostCode({{"addOne"}}, {first, first + 1}));
  p.steps.back().op = TW_PKG_STEP_INSTEAD;
  p.steps.push_back({.op = TW_PKG_STEP_COPY, .arguments = {1, first + 1}, .bytes = 64, .fromSpace = 1});
}

} // namespace

TEST_F(PackageTest, GpuStepsAreChecked) {
  auto refused = [&](const std::function<void(Package &, size_t)> &change) {
    return errorOf([&](Package &p) {
      const size_t first = p.steps.size();
      addGpuSteps(p);
      change(p, first);
    });
  };
  Package good = sample();
  addGpuSteps(good);
  const tw::Result<Package> back = parsePackage(write(good), "a.npk");
  ASSERT_TRUE(back) << back.diag().str();
  EXPECT_EQ(back->steps[back->steps.size() - 2].op, TW_PKG_STEP_INSTEAD);
  EXPECT_EQ(back->steps[back->steps.size() - 2].phases[0].function, "addOne");
  const std::pair<const char *, std::function<void(Package &, size_t)>> kWrong[] = {
      {"a step does not mean the memory in which its buffer lies",
       [](Package &p, size_t s) { p.steps[s].toSpace = 0; }},
      {"a step does not mean the memory in which its buffer lies",
       [](Package &p, size_t s) { p.steps[s].fromSpace = 1; }},
      {"a step does not mean the memory in which its buffer lies",
       [](Package &p, size_t s) { p.steps[s + 2].op = TW_PKG_STEP_RUN; }},
      {"a step runs GPU code on a buffer that a GPU does not see: kind: expected 6",
       [](Package &p, size_t s) { p.steps[s + 1].arguments[0] = 1; }},
      {"blocks of a launch", [](Package &p, size_t s) { p.steps[s + 1].launches[0].blocks = 0; }},
      {"blocks of a launch", [](Package &p, size_t s) { p.steps[s + 1].launches[0].blocks = 0x80000000u; }},
      {"threads of a block", [](Package &p, size_t s) { p.steps[s + 1].launches[0].threads = 1025; }},
      {"a pointer names no argument of its step: arguments and index: expected 2, found 2",
       [](Package &p, size_t s) { p.steps[s + 1].launches[0].pointers[0].argument = 2; }},
      {"a pointer is behind its buffer: bytes of the buffer and offset: expected 64, found 64",
       [](Package &p, size_t s) { p.steps[s + 1].launches[0].pointers[1].offset = 64; }},
      {"runs no lines or phases", [](Package &p, size_t s) { p.steps[s + 1].launches.clear(); }},
      {"a step stands for the one before, which runs no GPU code",
       [](Package &p, size_t s) { p.steps.erase(p.steps.begin() + ptrdiff_t(s) + 1); }},
      {"a buffer leaves its memory", [](Package &p, size_t) { p.gpuBytes = 319; }},
      {"no multiple of its alignment: expected 256, found 128",
       [](Package &p, size_t) { p.buffers.back().offset = 128; }},
      {"memory of a GPU: at most", [](Package &p, size_t) { p.gpuBytes = TW_PKG_MAX_BYTES + 1; }},
      {"need more memory than a package may ask", [](Package &p, size_t) { p.gpuBytes = TW_PKG_MAX_BYTES; }},
      {"the last byte of GPU code: expected 0, found 120", [](Package &p, size_t) { p.others[0].bytes.pop_back(); }},
      {"an image of GPU code has no bytes", [](Package &p, size_t) { p.others[0].bytes.clear(); }},
      {"predicted counts or scratch memory of host code", [](Package &p, size_t s) { p.steps[s + 1].sharedBytes = 1; }},
  };
  for (const auto &[text, change] : kWrong)
    EXPECT_NE(refused(change).find(text), std::string::npos) << text << " is not in: " << refused(change);
}

TEST_F(PackageTest, APackageWithoutInstructionLinesHasNoMachine) {
  Package package = sample();
  package.program.lines.clear();
  package.steps.erase(package.steps.begin() + 1);
  package.entries[0].stepCount = 2;
  std::span<uint8_t> bytes = write(package);
  EXPECT_TRUE(tw::test::sectionOf(bytes, TW_PKG_CONFIG).empty());
  tw_pkg pkg;
  tw_pkg_error error;
  ASSERT_TRUE(tw_pkg_open(&pkg, bytes.data(), bytes.size(), &error)) << error.text;
  EXPECT_TRUE(tw_pkg_suits(&pkg, 1, 2, &error));
  tw::Result<Package> read = parsePackage(bytes, "a.npk");
  ASSERT_TRUE(read) << read.diag().str();
  EXPECT_EQ(read->config.name, "");
  EXPECT_EQ(*serializePackage(*read), *serializePackage(package));
}

TEST_F(PackageTest, EachPhaseBelongsToOneStep) {
  std::span<uint8_t> bytes = write(sample());
  tw_pkg pkg;
  tw_pkg_error error;
  ASSERT_TRUE(tw_pkg_open(&pkg, bytes.data(), bytes.size(), &error)) << error.text;
  tw_pkg_step &step = const_cast<tw_pkg_step *>(tw_pkg_steps(&pkg))[0];
  for (auto [first, count, text] : {std::tuple{1u, 1u, "first phase of a step is not the one behind"},
                                    std::tuple{0u, 3u, "a step's phases: how many there are"},
                                    std::tuple{0u, 1u, "phases of a plan and of all its steps"}}) {
    step.first = first;
    step.count = count;
    tw::test::rightChecksums(bytes);
    EXPECT_FALSE(tw_pkg_open(&pkg, bytes.data(), bytes.size(), &error));
    EXPECT_NE(std::string(error.text).find(text), std::string::npos) << error.text;
  }
}

// Who believes a configuration because of the hash in an image may believe every value.
TEST_F(PackageTest, AConfigurationThatIsNotTheOneOfTheLinesIsRefused) {
  std::span<uint8_t> bytes = write(sample());
  for (size_t i = 0; i != kConfigKeys.size(); ++i) {
    uint32_t &value = tw::test::configValue(bytes, i);
    const uint32_t old = value;
    value = old == kConfigKeys[i].min ? kConfigKeys[i].max : kConfigKeys[i].min;
    tw::test::rightChecksums(bytes);
    tw_pkg pkg;
    tw_pkg_error error;
    EXPECT_EQ(tw_pkg_open(&pkg, bytes.data(), bytes.size(), &error), !kConfigKeys[i].hashed) << kConfigKeys[i].key;
    for (uint32_t outside : {kConfigKeys[i].min - 1, kConfigKeys[i].max + 1}) {
      value = outside;
      tw::test::rightChecksums(bytes);
      EXPECT_FALSE(tw_pkg_open(&pkg, bytes.data(), bytes.size(), &error)) << kConfigKeys[i].key;
      EXPECT_EQ(error.name, kConfigKeys[i].key);
      EXPECT_EQ(error.found, outside);
    }
    value = old;
  }
}

/// A package whose values are read by a schema of our own.
class SchemaTest : public PackageTest {
protected:
  SchemaTest() : keys(tw_pkg_config_keys(), tw_pkg_config_keys() + TW_CFG_KEYS), bytes(write(sample())) {
    EXPECT_TRUE(tw_pkg_open(&pkg, bytes.data(), bytes.size(), &error)) << error.text;
  }

  /// Empty, or why it is refused.
  std::string read() {
    std::vector<uint32_t> read(keys.size());
    error = {};
    if (tw_pkg_read_values(&pkg, keys.data(), uint32_t(keys.size()), read.data(), &error)) {
      values = read;
      return "";
    }
    return packageDiag("p", error).text;
  }

  std::vector<tw_pkg_config_key> keys;
  std::span<uint8_t> bytes;
  std::vector<uint32_t> values;
  tw_pkg pkg;
  tw_pkg_error error;
};

TEST_F(SchemaTest, AKeyThatIsAddedWithAValueFromBeforeBreaksNoPackage) {
  const uint64_t hash = tw_pkg_config_hash(&pkg.config);
  keys.insert(keys.begin() + 3, {"exponent_units", 1, 16, 1, 1, 4});
  EXPECT_EQ(read(), "");
  EXPECT_EQ(values[3], 4u);
  EXPECT_EQ(values[0], tw16().n);
  EXPECT_EQ(tw_pkg_hash_values(keys.data(), uint32_t(keys.size()), values.data()), hash);
  values[3] = 8;
  EXPECT_NE(tw_pkg_hash_values(keys.data(), uint32_t(keys.size()), values.data()), hash);
}

TEST_F(SchemaTest, AKeyThatIsMissingOrUnknownIsNamed) {
  keys.push_back({"exponent_units", 1, 16, 1, 1, -1});
  EXPECT_EQ(read(), "a key of the configuration is missing, compile the model again: 'exponent_units'");
  keys.pop_back();
  keys.erase(keys.begin() + 3);
  EXPECT_EQ(read(), "this program is older than the package and does not know a key of its machine: 'acc_rows'");
}

TEST_F(SchemaTest, AKeyGivenTwiceOrWithAStrangeNameIsRefused) {
  auto *rows = reinterpret_cast<tw_pkg_config_value *>(tw::test::sectionOf(bytes, TW_PKG_CONFIG).data() +
                                                       sizeof(tw_pkg_config_head));
  const uint32_t old = rows[1].key;
  rows[1].key = rows[0].key;
  EXPECT_EQ(read(), "a key of the configuration is given twice: 'n'");
  for (uint32_t key : {0u, TW_PKG_NONE}) { // the empty string; none
    rows[1].key = key;
    EXPECT_EQ(read(), "a key of the configuration has no name that keys may have");
  }
  rows[1].key = old;
  char *name = const_cast<char *>(tw_pkg_string(&pkg, old));
  for (char odd : {'\n', '\x80', 'A', '\''}) {
    name[0] = odd;
    EXPECT_EQ(read(), "a key of the configuration has no name that keys may have");
  }
}

TEST_F(PackageTest, MoreMemoryThanTheLimitInAllIsRefused) {
  EXPECT_EQ(errorOf([](Package &p) { p.arenaBytes = TW_PKG_MAX_BYTES / 2; }), "no error");
  EXPECT_NE(errorOf([](Package &p) {
              p.arenaBytes = p.steps[0].privateBytes = TW_PKG_MAX_BYTES / 2;
            }).find("need more memory"),
            std::string::npos);
}

TEST_F(PackageTest, AFileThatIsNoPackageIsRefusedBeforeItIsRead) {
  const std::string path = (folder.path() / "large.npk").string();
  std::ofstream(path) << "no package";
  std::filesystem::resize_file(path, uint64_t(1) << 40);
  EXPECT_NE(readPackage(path).diag().text.find("not a package"), std::string::npos);
}

TEST_F(PackageTest, ForeignPackagesAreNamed) {
  std::span<uint8_t> bytes = write(sample());
  auto *header = reinterpret_cast<tw_pkg_header *>(bytes.data());
  auto *image =
      reinterpret_cast<tw_pkg_image *>(reinterpret_cast<tw_pkg_section *>(header + 1) + header->section_count);
  image->isa_hash ^= 1;
  tw::test::rightChecksums(bytes);
  tw::Result<Package> package = parsePackage(bytes, "a.npk");
  ASSERT_FALSE(package);
  EXPECT_NE(package.diag().text.find("another instruction set"), std::string::npos);
  image->isa_hash ^= 1;
  image->configuration ^= 1;
  tw::test::rightChecksums(bytes);
  package = parsePackage(bytes, "a.npk");
  ASSERT_FALSE(package);
  EXPECT_NE(package.diag().text.find("not the one whose hash the instruction lines tell"), std::string::npos);
}

TEST_F(PackageTest, FilesThatCannotBeReadAreNamed) {
  std::string nowhere = (folder.path() / "none" / "a.npk").string();
  EXPECT_EQ(readPackage(nowhere).diag().place, nowhere);
  EXPECT_EQ(readPackage(folder.path().string()).diag().place, folder.path().string());
  EXPECT_EQ(readPackage("/dev/null").diag().place, "/dev/null");
}

TEST(PackageFormatTest, TheChecksumIsThatOfZlib) {
  std::mt19937 random(1);
  std::vector<uint8_t> bytes(1000);
  for (uint8_t &byte : bytes)
    byte = uint8_t(random());
  for (size_t size : {0, 1, 7, 1000})
    EXPECT_EQ(tw_pkg_crc32(0, bytes.data(), size), crc32(0, bytes.data(), uInt(size)));
  uint32_t first = tw_pkg_crc32(0, bytes.data(), 400);
  EXPECT_EQ(tw_pkg_crc32(first, bytes.data() + 400, 600), tw_pkg_crc32(0, bytes.data(), 1000));
}

} // namespace
