// SPDX-License-Identifier: Apache-2.0
// The ranges of a phase on several threads: what they cover, what they share, and that the bytes are those of one.
#include "Devices.h"

#include "tw/isa/Package.h"
#include "tw/support/HostCode.h"
#include "tw/support/Packages.h"

#include <gmock/gmock.h>

#include <cstring>
#include <fstream>
#include <numeric>

using namespace tw;
using namespace tw::conformance;
using test::kHostArguments;
using testing::HasSubstr;

namespace {

constexpr uint32_t kThreads[] = {1, 2, 3, 7};
constexpr uint64_t kBytes = 1000;

/// `count` adds one for each range and element; `sum` makes the shared scratch from the input, through the private one;
/// `fold` makes the output of all of it, so it needs the end of every range of `sum`; `fail` fails in one element.
std::string source() {
  return "int count" + kHostArguments +
         " {\n  __atomic_fetch_add((int *)b[1], 1, __ATOMIC_RELAXED);\n  for (long i = lo; i < hi; ++i)\n"
         "    ((unsigned char *)b[0])[i] += 1;\n"
         "  return lo % 7 != 0;\n}\n"
         "int sum" +
         kHostArguments +
         " {\n  char *own = scratch;\n  for (long i = lo; i < hi; ++i)\n    own[i - lo] = ((char *)b[1])[i];\n"
         "  for (long i = lo; i < hi; ++i)\n    ((char *)b[2])[i] = own[i - lo] * 3;\n  return 0;\n}\n"
         "int fold" +
         kHostArguments +
         " {\n  for (long i = lo; i < hi; ++i)\n"
         "    ((char *)b[0])[i] = ((char *)b[2])[i] + ((char *)b[2])[999 - i];\n  return 0;\n}\n"
         "int fail" +
         kHostArguments + " { return lo <= 600 && 600 < hi ? 5 : 0; }\n";
}

class ThreadsTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_EQ(device.open({"functional", tw_transport_open_functional, true, false}), "");
    std::iota(in.begin(), in.end(), 0);
  }
  void TearDown() override {
    tw_instance_destroy(instance);
    tw_program_close(program);
  }

  /// Entry "count": output 0 gets 1 in each byte, output 1 the number of ranges. "values" is the mixture of `sum` and
  /// `fold`, "fail" fails.
  static isa::Package package(const isa::HwConfig &config) {
    isa::Package result;
    result.config = config;
    result.program.lines = {isa::Line(isa::Opcode::End)};
    result.tensors = {{"in", TW_PKG_I8, {kBytes}}, {"out", TW_PKG_I8, {kBytes}}, {"ranges", TW_PKG_I32, {1}}};
    result.buffers = {{TW_PKG_OUTPUT, TW_PKG_NONE, 0, kBytes, 1, "out"},
                      {TW_PKG_INPUT, TW_PKG_NONE, 0, kBytes, 0, "in"},
                      {TW_PKG_OUTPUT, TW_PKG_NONE, 0, 4, 2, "ranges"}};
    isa::PackageStep count = isa::runHostCode({{"count"}}, {0, 2}), values = isa::runHostCode({{"sum"}}, {0, 1}),
                     fail = isa::runHostCode({{"fail"}}, {});
    count.phases[0] = {"count", kBytes, 7};
    values.phases = {{"sum", kBytes, 3}, {"fold", kBytes, 1}};
    values.sharedBytes = kBytes;
    values.privateBytes = kBytes;
    fail.phases[0] = {"fail", kBytes, 1};
    result.steps = {count, values, fail};
    result.entries = {{"count", 0, 1, {}, {0, 2}}, {"values", 1, 1, {1}, {0}}, {"fail", 2, 1, {}, {}}};
    test::setHostCode(result, test::compileHostCode(source()));
    return result;
  }

  void open(const isa::Package &from) {
    const Result<std::vector<uint8_t>> bytes = isa::serializePackage(from);
    ASSERT_TRUE(bytes) << bytes.diag().str();
    ASSERT_EQ(
        tw_program_load(device.device, bytes->data(), bytes->size(), TW_OPEN_ALLOW_HOST_CODE, &program, &device.error),
        TW_OK)
        << device.error.text;
    ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK) << device.error.text;
  }

  tw_status run(const char *entry) {
    const void *inputs[] = {in.data()};
    void *outputs[] = {out.data(), &ranges};
    return tw_instance_run(instance, tw_program_entry(program, entry), inputs, outputs, nullptr, &device.error);
  }

  static size_t threadsOfThisProcess() {
    std::ifstream status("/proc/self/status");
    size_t count = 0;
    for (std::string line; std::getline(status, line);)
      if (line.rfind("Threads:", 0) == 0)
        count = std::stoul(line.substr(8));
    return count;
  }

  Device device;
  tw_program *program = nullptr;
  tw_instance *instance = nullptr;
  std::array<uint8_t, kBytes> in{}, out{};
  int32_t ranges = 0;
};

TEST_F(ThreadsTest, RangesCoverTheExtentOnceAndBeginAtGrains) {
  open(package(device.config));
  for (uint32_t threads : kThreads) {
    ASSERT_EQ(tw_device_threads(device.device, threads, &device.error), TW_OK);
    out.fill(0);
    ranges = 0;
    ASSERT_EQ(run("count"), TW_OK) << device.error.text;
    EXPECT_THAT(out, testing::Each(1)) << threads;
    EXPECT_EQ(ranges, int32_t(threads));
  }
}

TEST_F(ThreadsTest, AnyExtentAndGrainIsCoveredOnce) {
  const isa::Package from = package(device.config);
  for (uint32_t threads : {2u, 5u}) {
    ASSERT_EQ(tw_device_threads(device.device, threads, &device.error), TW_OK);
    for (uint64_t extent : {1, 2, 6, 7, 8, 13, 14, 15, 21, 34, 35, 36, 49, 999, 1000})
      for (uint64_t grain : {7, 14, 35, 700}) {
        if (grain > extent)
          continue;
        isa::Package cut = from;
        cut.steps[0].phases[0] = {"count", extent, grain};
        open(cut);
        out.fill(0);
        ranges = 0;
        ASSERT_EQ(run("count"), TW_OK) << device.error.text;
        EXPECT_EQ(ranges, int32_t(std::min<uint64_t>(threads, extent / grain))) << extent << " by " << grain;
        for (uint64_t i = 0; i != kBytes; ++i)
          ASSERT_EQ(out[i], i < extent) << "element " << i << " of " << extent << " by " << grain;
        tw_instance_destroy(std::exchange(instance, nullptr));
        tw_program_close(std::exchange(program, nullptr));
      }
  }
}

TEST_F(ThreadsTest, TheBytesAreThoseOfOneThread) {
  open(package(device.config));
  ASSERT_EQ(run("values"), TW_OK) << device.error.text;
  const std::array<uint8_t, kBytes> expected = out;
  EXPECT_EQ(expected[1], uint8_t(3 * 1 + 3 * 998));
  for (uint32_t threads : kThreads) {
    ASSERT_EQ(tw_device_threads(device.device, threads, &device.error), TW_OK);
    for (int repeat = 0; repeat != 200; ++repeat) {
      out.fill(0);
      ASSERT_EQ(run("values"), TW_OK) << device.error.text;
      ASSERT_EQ(out, expected) << threads << " threads, run " << repeat;
    }
  }
}

TEST_F(ThreadsTest, AFailureNamesFunctionAndRange) {
  open(package(device.config));
  for (auto [threads, text] : {std::pair{1u, "step 2: host function 'fail' returned 5 in range 1 of 1"},
                               std::pair{3u, "step 2: host function 'fail' returned 5 in range 2 of 3"}}) {
    ASSERT_EQ(tw_device_threads(device.device, threads, &device.error), TW_OK);
    EXPECT_EQ(run("fail"), TW_ERROR_HOST_CODE);
    EXPECT_STREQ(device.error.text, text);
    EXPECT_EQ(run("values"), TW_OK) << "after a failure";
  }
}

TEST_F(ThreadsTest, ThreadsStartWithTheFirstPhaseThatIsCutAndEndWithTheDevice) {
  const size_t before = threadsOfThisProcess();
  isa::Package whole = package(device.config);
  whole.steps[2].phases[0] = {"fail"};
  open(whole);
  ASSERT_EQ(tw_device_threads(device.device, 7, &device.error), TW_OK);
  ASSERT_EQ(run("fail"), TW_OK) << device.error.text;
  EXPECT_EQ(threadsOfThisProcess(), before);
  ASSERT_EQ(run("values"), TW_OK) << device.error.text;
  EXPECT_EQ(threadsOfThisProcess(), before + 6);
  ASSERT_EQ(tw_device_threads(device.device, 7, &device.error), TW_OK);
  EXPECT_EQ(threadsOfThisProcess(), before + 6) << "the same number again";
  ASSERT_EQ(tw_device_threads(device.device, 2, &device.error), TW_OK);
  EXPECT_EQ(threadsOfThisProcess(), before);
  ASSERT_EQ(run("values"), TW_OK) << device.error.text;
  tw_instance_destroy(std::exchange(instance, nullptr));
  tw_program_close(std::exchange(program, nullptr));
  tw_device_close(std::exchange(device.device, nullptr));
  EXPECT_EQ(threadsOfThisProcess(), before);
}

TEST_F(ThreadsTest, NumbersThatCannotBeAreRefused) {
  EXPECT_EQ(tw_device_threads(device.device, 257, &device.error), TW_ERROR_ARGUMENT);
  EXPECT_STREQ(device.error.text, "257 threads, at most 256");
  EXPECT_EQ(tw_device_threads(device.device, 0, &device.error), TW_OK);
}

TEST_F(ThreadsTest, ScratchMemoryOfAllThreadsHasALimit) {
  isa::Package greedy = package(device.config);
  greedy.steps[1].privateBytes = TW_PKG_MAX_BYTES / 4;
  open(greedy);
  ASSERT_EQ(tw_device_threads(device.device, 7, &device.error), TW_OK);
  EXPECT_EQ(run("values"), TW_ERROR_PACKAGE);
  EXPECT_THAT(device.error.text, HasSubstr("bytes of scratch memory with 7 threads, at most 8589934592: use fewer"));
}

} // namespace
