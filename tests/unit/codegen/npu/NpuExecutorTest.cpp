// SPDX-License-Identifier: Apache-2.0
// Changes of form that the NPU can do itself: what it may read where the caller has it.
#include "npu/NpuExecutor.h"

#include "../Parsed.h"
#include "tw/isa/ConfigReader.h"

#include <gmock/gmock.h>

using namespace tw;
using namespace tw::codegen;
using testing::HasSubstr;

namespace {

struct NpuExecutorTest : testing::Test {
  NpuExecutorTest()
      : parsed("func.func @main(%a: tensor<2x32xi8> {tw.name = \"a\"}, %b: tensor<2x32xi8>, %c: tensor<2x32xi8>, "
               "%d: tensor<2x32xi8>, %e: tensor<2x32xi8> {tw.name = \"fifth\"}, %r: tensor<4x10xi8> {tw.name = "
               "\"ragged\"}, %o: tensor<16xi8>, %n: tensor<i8> {tw.name = \"number\"}) -> tensor<2x32xi8> {\n"
               "  return %a : tensor<2x32xi8>\n}\n") {
    options.config = *isa::loadConfig("tw16");
    forms.bindArguments(parsed.main());
  }
  TensorId argument(unsigned i) { return plan.table.of(parsed.main().getArgument(i)); }
  int bufferOf(unsigned i) { return plan.table[argument(i)].rowBuffer; }
  Conversion toLanes(unsigned i) { return {{argument(i), Form::LaneRows}, 0, bufferOf(i)}; }
  std::string whyNot(const Conversion &what) {
    auto tried = npu.candidate(what);
    auto *why = std::get_if<tensorize::Rejection>(&tried);
    return why ? why->text : "it can";
  }
  uint32_t regionOf(unsigned i) { return plan.buffers[size_t(bufferOf(i))].package.region; }

  test::Parsed parsed;
  CompileOptions options;
  tensorize::Target target = tensorize::makeTwTarget(*isa::loadConfig("tw16"));
  Plan plan;
  std::vector<std::unique_ptr<Executor>> executors;
  Forms forms{plan, executors, target.lanes};
  NpuExecutor npu{plan, forms, target, options};
};

} // namespace

// A region for each of four inputs; whoever has one keeps it.
TEST_F(NpuExecutorTest, TheFifthInputHasNoRegionAndTheFirstKeepsIts) {
  for (unsigned i = 0; i != 4; ++i) {
    auto tried = npu.candidate(toLanes(i));
    ASSERT_TRUE(std::holds_alternative<std::unique_ptr<Candidate>>(tried)) << i;
    EXPECT_EQ(npu.take(toLanes(i), std::move(std::get<std::unique_ptr<Candidate>>(tried))), bufferOf(i));
  }
  EXPECT_THAT((std::vector<uint32_t>{regionOf(0), regionOf(1), regionOf(2), regionOf(3)}),
              testing::ElementsAre(uint32_t(isa::RegionRole::Io0), uint32_t(isa::RegionRole::Io1),
                                   uint32_t(isa::RegionRole::Io2), uint32_t(isa::RegionRole::Io3)));
  EXPECT_EQ(whyNot(toLanes(4)), "'fifth': the machine's regions for tensors of the caller are taken");
  EXPECT_EQ(whyNot(toLanes(0)), "it can");
}

TEST_F(NpuExecutorTest, AskingTakesNothing) {
  for (int asked = 0; asked != 9; ++asked)
    EXPECT_EQ(whyNot(toLanes(unsigned(asked % 2))), "it can");
  EXPECT_EQ(regionOf(0), TW_PKG_NONE);
}

TEST_F(NpuExecutorTest, RaggedRowsAndSingleNumbersAreRefusedWithBothNumbers) {
  EXPECT_EQ(whyNot(toLanes(5)), "'ragged': a copy moves whole rows of 16 elements, and it has 10 in a row");
  EXPECT_EQ(whyNot(toLanes(7)), "'number': a copy moves whole rows of 16 elements, and it has 1 in a row");
  EXPECT_EQ(whyNot(toLanes(6)), "it can") << "one whole row";
}

TEST_F(NpuExecutorTest, OnlyWhatTheCallerGivesIsReadInPlace) {
  const int arena = plan.addTemp(64, "t");
  const std::string why = "'a': the NPU reads the arena and the caller's inputs, and writes the arena alone";
  EXPECT_EQ(whyNot({{argument(0), Form::LaneRows}, 0, arena}), why);
  EXPECT_EQ(whyNot({{argument(0), Form::LaneRows}, 0, -1}), why);
  EXPECT_EQ(whyNot({{argument(0), Form::RowMajor}, 0, bufferOf(0)}), why);
}
