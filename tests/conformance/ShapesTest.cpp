// SPDX-License-Identifier: Apache-2.0
// Runs whose inputs say the sizes: which entry takes them, what is filled up and cut, what is refused. On every
// transport.
#include "Devices.h"

#include "tw/isa/Package.h"
#include "tw/support/HostCode.h"
#include "tw/support/Packages.h"

#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <numeric>

using namespace tw;
using namespace tw::conformance;
using testing::Each;
using testing::ElementsAre;
using testing::StrEq;

namespace {

constexpr int64_t kColumns = 3;
constexpr int64_t kSizes[] = {4, 8, 6};

/// Entries for 4, 8 and 6 rows of three numbers: y = x + 1, and the sum of all that the entry saw, which tells what was
/// beside. The first takes 1 to 4 rows, the second 2 to 8, the third 6 only; each has as many bytes more.
isa::Package rows() {
  std::string source;
  isa::Package package;
  package.dims = {{"rows", 1, 4}, {"rows", 2, 8}, {"rows", 6, 6}};
  for (uint32_t e = 0; e != 3; ++e) {
    const std::string name = "rows" + std::to_string(e);
    source += "int " + name + test::kHostArguments + " {\n  long *x = b[0], *more = b[1], *y = b[2], sum = 0;\n" +
              "  for (int i = 0; i < " + std::to_string(kSizes[e] * kColumns) +
              "; ++i) {\n    y[i] = x[i] + 1;\n    sum += x[i];\n  }\n" + "  for (int i = 0; i < " +
              std::to_string(kSizes[e]) + "; ++i)\n    sum += more[i];\n  *(long *)b[3] = sum;\n  return 0;\n}\n";
    const uint32_t first = e * 4;
    const auto dim = uint8_t(e + 1);
    package.tensors.push_back({"x", TW_PKG_I64, {kSizes[e], kColumns}, {dim, 0}});
    package.tensors.push_back({"more", TW_PKG_I64, {kSizes[e]}, {dim}});
    package.tensors.push_back({"y", TW_PKG_I64, {kSizes[e], kColumns}, {dim, 0}});
    package.tensors.push_back({"sum", TW_PKG_I64, {1}});
    for (uint32_t k = 0; k != 4; ++k)
      package.buffers.push_back(
          {k < 2 ? TW_PKG_INPUT : TW_PKG_OUTPUT, TW_PKG_NONE, 0,
           uint64_t(8 * std::accumulate(package.tensors[first + k].shape.begin(),
                                        package.tensors[first + k].shape.end(), int64_t(1), std::multiplies<>())),
           first + k, ""});
    package.steps.push_back(isa::runHostCode({{name}}, {first, first + 1, first + 2, first + 3}));
    package.entries.push_back({std::to_string(kSizes[e]), e, 1, {first, first + 1}, {first + 2, first + 3}});
  }
  test::setHostCode(package, test::compileHostCode(source));
  return package;
}

/// x [rows] and a mask [2, all], where all is two more than rows: up to 8, and the mask shows place 2. y is how many
/// rows the run has, by a step and as host code sees it.
isa::Package masked() {
  isa::Package package;
  package.dims = {{"rows", 1, 8}, {"all", 3, 10, 1}};
  package.tensors = {{"x", TW_PKG_I64, {8}, {1}}, {"mask", TW_PKG_F32, {2, 10}, {0, 2}, 3}, {"y", TW_PKG_I64, {3}}};
  package.buffers = {{TW_PKG_INPUT, TW_PKG_NONE, 0, 64, 0, ""},
                     {TW_PKG_INPUT, TW_PKG_NONE, 0, 80, 1, ""},
                     {TW_PKG_OUTPUT, TW_PKG_NONE, 0, 24, 2, ""},
                     {TW_PKG_TEMP, uint32_t(isa::RegionRole::Arena), 0, 8, TW_PKG_NONE, ""}};
  package.arenaBytes = 64;
  package.steps = {{.op = TW_PKG_STEP_SIZE, .arguments = {3}, .target = 0}, isa::runHostCode({{"sizes"}}, {2, 3})};
  package.entries = {{"main", 0, 2, {0, 1}, {2}}};
  test::setHostCode(package, test::compileHostCode(std::string("int sizes") + test::kHostArguments +
                                                   " {\n  long *y = b[0];\n  y[0] = *(long *)b[1];\n  y[1] = dims[0];\n"
                                                   "  y[2] = dims[1];\n  return 0;\n}\n"));
  return package;
}

class ShapesTest : public testing::TestWithParam<TransportCase> {
protected:
  void SetUp() override {
    if (const std::string reason = device.open(GetParam()); !reason.empty())
      GTEST_SKIP() << reason;
    const Result<std::vector<uint8_t>> bytes = isa::serializePackage(rows());
    ASSERT_TRUE(bytes) << bytes.diag().str();
    ASSERT_EQ(
        tw_program_load(device.device, bytes->data(), bytes->size(), TW_OPEN_ALLOW_HOST_CODE, &program, &device.error),
        TW_OK)
        << device.error.text;
    ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK) << device.error.text;
  }
  void TearDown() override {
    tw_instance_destroy(instance);
    tw_program_close(program);
  }

  static std::array<tw_shape, 2> shapes(int64_t x, int64_t more) {
    return {tw_shape{2, {x, kColumns}}, tw_shape{1, {more}}};
  }
  int choose(int64_t rows) {
    int entry = 7;
    const auto inputs = shapes(rows, rows);
    return tw_program_choose(program, inputs.data(), 2, &entry, &device.error) == TW_OK ? entry : -1;
  }
  /// x is 1, 2, 3 ..., more is all 100; y and the sum are looked at, and what lies behind y.
  void run(int64_t rows, int entry) {
    const auto inputs = shapes(rows, rows);
    std::vector<int64_t> x(size_t(rows * kColumns)), more(size_t(rows), 100), y(x.size() + 1, -5);
    std::iota(x.begin(), x.end(), 1);
    int64_t sum = 0;
    const void *from[] = {x.data(), more.data()};
    void *to[] = {y.data(), &sum};
    ASSERT_EQ(tw_instance_run_shapes(instance, entry, from, inputs.data(), 2, to, nullptr, &device.error), TW_OK)
        << device.error.text;
    EXPECT_EQ(sum, std::accumulate(x.begin(), x.end(), rows * 100)) << "zeros beside";
    for (size_t i = 0; i != x.size(); ++i)
      EXPECT_EQ(y[i], x[i] + 1) << i;
    EXPECT_EQ(y.back(), -5) << "nothing behind the rows that were asked for";
  }

  Device device;
  tw_program *program = nullptr;
  tw_instance *instance = nullptr;
};

TEST_P(ShapesTest, TheSmallestEntryThatTakesTheInputsRuns) {
  const int chosen[] = {-1, 0, 0, 0, 0, 1, 2, 1, 1, -1};
  for (int64_t rows = 0; rows != 10; ++rows)
    EXPECT_EQ(choose(rows), chosen[rows]) << rows;
}

TEST_P(ShapesTest, InputsAreFilledUpAndOutputsCut) {
  for (int64_t rows = 1; rows != 9; ++rows)
    run(rows, -1);
  run(2, 1);
  run(8, 1);
}

TEST_P(ShapesTest, OutputsHaveTheSizeOfTheInputs) {
  const auto inputs = shapes(3, 3);
  tw_shape shape{};
  ASSERT_EQ(tw_program_output_shape(program, 1, inputs.data(), 2, 0, &shape, &device.error), TW_OK);
  EXPECT_EQ(shape.rank, 2u);
  EXPECT_EQ(shape.sizes[0], 3);
  EXPECT_EQ(shape.sizes[1], kColumns);
  ASSERT_EQ(tw_program_output_shape(program, 1, inputs.data(), 2, 1, &shape, &device.error), TW_OK);
  EXPECT_EQ(shape.sizes[0], 1);
  EXPECT_EQ(tw_program_output_shape(program, 1, inputs.data(), 2, 2, &shape, &device.error), TW_ERROR_ARGUMENT);
  EXPECT_THAT(device.error.text, StrEq("output 2 of 2 of entry '8'"));
}

TEST_P(ShapesTest, WhatNoEntryTakesIsRefusedByNameWithBothValues) {
  EXPECT_EQ(choose(9), -1);
  EXPECT_THAT(
      device.error.text,
      StrEq("no entry takes these inputs: 4: 'rows' is 9 in input 'x', not 1 to 4; 8: 'rows' is 9 in input 'x', "
            "not 2 to 8; 6: 'rows' is 9 in input 'x', not 6"));
  int entry;
  auto inputs = shapes(3, 2);
  EXPECT_EQ(tw_program_choose(program, inputs.data(), 2, &entry, &device.error), TW_ERROR_ARGUMENT);
  EXPECT_THAT(device.error.text, testing::HasSubstr("4: 'rows' is 2 in input 'more' and 3 in another"));
  inputs = shapes(3, 3);
  inputs[0].sizes[1] = 5;
  EXPECT_EQ(tw_program_choose(program, inputs.data(), 2, &entry, &device.error), TW_ERROR_ARGUMENT);
  EXPECT_THAT(device.error.text, testing::HasSubstr("4: input 'x' has 5 on axis 1, not 3; 8: "));
  inputs[0].rank = 1;
  EXPECT_EQ(tw_program_choose(program, inputs.data(), 2, &entry, &device.error), TW_ERROR_ARGUMENT);
  EXPECT_THAT(device.error.text, testing::HasSubstr("4: input 'x' has 1 axes, not 2; 8: "));
  inputs[0].rank = UINT32_MAX;
  EXPECT_EQ(tw_program_choose(program, inputs.data(), 2, &entry, &device.error), TW_ERROR_ARGUMENT);
  EXPECT_EQ(tw_program_choose(program, inputs.data(), 1, &entry, &device.error), TW_ERROR_ARGUMENT);
  EXPECT_THAT(device.error.text, testing::HasSubstr("4: it takes 2 inputs, not 1; 8: "));
}

TEST_P(ShapesTest, AnEntryThatDoesNotTakeTheInputsRunsNothing) {
  const auto inputs = shapes(5, 5);
  std::vector<int64_t> x(15), more(5), y(15, -5);
  int64_t sum = -5;
  const void *from[] = {x.data(), more.data()};
  void *to[] = {y.data(), &sum};
  EXPECT_EQ(tw_instance_run_shapes(instance, 0, from, inputs.data(), 2, to, nullptr, &device.error), TW_ERROR_ARGUMENT);
  EXPECT_THAT(device.error.text, StrEq("entry '4' does not take these inputs: 'rows' is 5 in input 'x', not 1 to 4"));
  EXPECT_THAT(y, Each(-5));
  EXPECT_EQ(sum, -5);
  for (int entry : {3, 1000})
    EXPECT_EQ(tw_instance_run_shapes(instance, entry, from, inputs.data(), 2, to, nullptr, &device.error),
              TW_ERROR_ARGUMENT);
}

// What lies beside is on every axis, not only behind all rows.
TEST_P(ShapesTest, RowsMayBeShorterToo) {
  isa::Package package;
  package.dims = {{"a", 1, 3}, {"b", 1, 4}, {"c", 1, 2}};
  for (const char *name : {"x", "y"})
    package.tensors.push_back({name, TW_PKG_I64, {3, 4, 2}, {1, 2, 3}});
  package.buffers = {{TW_PKG_INPUT, TW_PKG_NONE, 0, 8 * 24, 0, ""}, {TW_PKG_OUTPUT, TW_PKG_NONE, 0, 8 * 24, 1, ""}};
  package.steps = {isa::runHostCode({{"index"}}, {0, 1})};
  package.entries = {{"main", 0, 1, {0}, {1}}};
  test::setHostCode(package, test::compileHostCode("int index" + std::string(test::kHostArguments) +
                                                   " {\n  for (int i = 0; i < 24; ++i)\n    ((long *)b[1])[i] = "
                                                   "((long *)b[0])[i] * 100 + i;\n  return 0;\n}\n"));
  const Result<std::vector<uint8_t>> bytes = isa::serializePackage(package);
  ASSERT_TRUE(bytes) << bytes.diag().str();
  tw_program *cube = nullptr;
  tw_instance *runs = nullptr;
  ASSERT_EQ(tw_program_load(device.device, bytes->data(), bytes->size(), TW_OPEN_ALLOW_HOST_CODE, &cube, &device.error),
            TW_OK);
  ASSERT_EQ(tw_instance_create(cube, &runs, &device.error), TW_OK);
  for (int64_t a = 1; a != 4; ++a)
    for (int64_t b = 1; b != 5; ++b)
      for (int64_t c = 1; c != 3; ++c) {
        const tw_shape shape{3, {a, b, c}};
        std::vector<int64_t> x(size_t(a * b * c)), y(x.size());
        std::iota(x.begin(), x.end(), 1);
        const void *from[] = {x.data()};
        void *to[] = {y.data()};
        ASSERT_EQ(tw_instance_run_shapes(runs, -1, from, &shape, 1, to, nullptr, &device.error), TW_OK);
        for (int64_t i = 0; i != a * b * c; ++i)
          EXPECT_EQ(y[size_t(i)], x[size_t(i)] * 100 + (i / (b * c) * 4 + i / c % b) * 2 + i % c);
      }
  tw_instance_destroy(runs);
  tw_program_close(cube);
}

class MaskTest : public testing::TestWithParam<TransportCase> {
protected:
  void SetUp() override {
    if (const std::string reason = device.open(GetParam()); !reason.empty())
      GTEST_SKIP() << reason;
    ASSERT_EQ(load(masked()), TW_OK) << device.error.text;
    ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK) << device.error.text;
  }
  void TearDown() override {
    tw_instance_destroy(instance);
    tw_program_close(program);
  }

  tw_status load(const isa::Package &package) {
    const Result<std::vector<uint8_t>> bytes = isa::serializePackage(package);
    EXPECT_TRUE(bytes) << bytes.diag().str();
    return tw_program_load(device.device, bytes->data(), bytes->size(), TW_OPEN_ALLOW_HOST_CODE, &program,
                           &device.error);
  }
  tw_status run(int64_t rows, int64_t all, const std::vector<float> &mask) {
    const tw_shape shapes[] = {{1, {rows}}, {2, {2, all}}};
    const std::vector<int64_t> x(8, 1);
    const void *from[] = {x.data(), mask.data()};
    void *to[] = {y.data()};
    return tw_instance_run_shapes(instance, -1, from, shapes, 2, to, nullptr, &device.error);
  }

  Device device;
  tw_program *program = nullptr;
  tw_instance *instance = nullptr;
  std::array<int64_t, 3> y{};
};

TEST_P(MaskTest, HostCodeAndStepsKnowTheSizesOfTheRun) {
  for (int64_t rows = 1; rows != 9; ++rows) {
    ASSERT_EQ(run(rows, rows + 2, std::vector<float>(20, 1)), TW_OK) << device.error.text;
    EXPECT_THAT(y, ElementsAre(rows, rows, rows + 2));
  }
}

TEST_P(MaskTest, DimensionsThatGoTogetherAreRefusedApart) {
  EXPECT_EQ(run(4, 7, std::vector<float>(20, 1)), TW_ERROR_ARGUMENT);
  EXPECT_THAT(device.error.text, StrEq("no entry takes these inputs: 'all' is 7, not 6, which goes with 4 of 'rows'"));
}

TEST_P(MaskTest, AMaskThatIsFilledUpIsLookedAt) {
  std::vector<float> mask{0, 0, 1, 0, 1, 0, 1, 1}; // two rows of four
  EXPECT_EQ(run(2, 4, mask), TW_OK) << device.error.text;
  mask[6] = 0;
  y.fill(-1);
  EXPECT_EQ(run(2, 4, mask), TW_ERROR_ARGUMENT);
  EXPECT_THAT(device.error.text,
              StrEq("input 'mask' hides element 2 of row 1, and a run of sizes that the entry fills up needs it: show "
                    "it (1), or give the sizes of an entry"));
  EXPECT_THAT(y, Each(-1)) << "nothing ran";
  mask[6] = 1;
  for (const float other : {0.5f, -0.f, NAN, 2.f}) {
    mask[5] = other;
    EXPECT_EQ(run(2, 4, mask), TW_ERROR_ARGUMENT) << other;
    EXPECT_THAT(device.error.text, testing::HasSubstr("element 5 of input 'mask' is neither 0 nor 1")) << other;
  }
  EXPECT_EQ(run(8, 10, std::vector<float>(20, 0.5f)), TW_OK) << "nothing is filled up";
}

TEST_P(MaskTest, ASizeIsWrittenToNothingOfTheCallers) {
  isa::Package package = masked();
  package.steps[0].arguments = {0};
  tw_program *good = program;
  EXPECT_EQ(load(package), TW_ERROR_UNSUPPORTED);
  EXPECT_THAT(device.error.text, StrEq("step 0 writes a size to an input or a constant: this driver writes to neither, "
                                       "compile the model again"));
  program = good;
}

INSTANTIATE_TEST_SUITE_P(Transports, ShapesTest, testing::ValuesIn(transports()),
                         [](const auto &info) { return std::string(info.param.name); });
INSTANTIATE_TEST_SUITE_P(Transports, MaskTest, testing::ValuesIn(transports()),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace