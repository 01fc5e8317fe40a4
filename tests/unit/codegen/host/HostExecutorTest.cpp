// SPDX-License-Identifier: Apache-2.0
// Changes of form on the host, and what its steps are called and cost.
#include "host/HostExecutor.h"

#include "../Parsed.h"
#include "host/Processor.h"

#include <gmock/gmock.h>

#include <set>

using namespace tw;
using namespace tw::codegen;
using testing::ElementsAre;

namespace {

constexpr int kLanes = 16;

struct HostExecutorTest : testing::Test {
  HostExecutorTest()
      : parsed("func.func @main(%x: tensor<3x10xi8> {tw.name = \"photo\"}, %y: tensor<3x32xi8> {tw.name = \"wide\"}) "
               "-> tensor<3x10xi8> {\n  return %x : tensor<3x10xi8>\n}\n"),
        code(parsed.context.get(), processor), forms(plan, executors, kLanes),
        host(plan, forms, code, processor, kLanes) {
    forms.bindArguments(parsed.main());
    ragged = plan.table.of(parsed.main().getArgument(0));
    wide = plan.table.of(parsed.main().getArgument(1));
  }
  int bufferOf(TensorId id) const { return plan.table[id].rowBuffer; }
  int convert(const Conversion &what) {
    auto tried = host.candidate(what);
    return host.take(what, std::move(std::get<std::unique_ptr<Candidate>>(tried)));
  }
  std::vector<RegionCost> regions() {
    auto made = host.schedule();
    return std::get<std::vector<RegionCost>>(llvm::cantFail(std::move(made)));
  }

  test::Parsed parsed;
  const HostProcessor processor = llvm::cantFail(processorOf("x86-64-v3"));
  Plan plan;
  std::vector<std::unique_ptr<Executor>> executors;
  HostCode code;
  Forms forms;
  HostExecutor host;
  TensorId ragged, wide;
};

} // namespace

TEST_F(HostExecutorTest, StepsAreNamedByWhatTheyDoAndToWhichTensor) {
  plan.giveChipForm(ragged, kLanes);
  plan.giveChipForm(wide, kLanes);
  const int packed = convert({{ragged, Form::LaneRows}, 7, bufferOf(ragged)});
  convert({{ragged, Form::RowMajor}, 0, packed});
  const int copied = convert({{wide, Form::LaneRows}, 0, bufferOf(wide)});
  EXPECT_EQ(plan.buffers[size_t(packed)].package.size, 3u * 16);
  EXPECT_EQ(plan.buffers[size_t(copied)].package.size, 3u * 32);
  std::vector<std::string> names;
  for (const RegionCost &region : regions()) {
    names.push_back(region.what);
    EXPECT_GT(region.ns, 0);
    EXPECT_EQ(region.executor, ExecutorId::Host);
  }
  EXPECT_THAT(names, ElementsAre("pack photo", "unpack photo", "copy wide"));
  EXPECT_EQ(plan.report.hostBytes, 30u + 48 + 48 + 30 + 96 + 96) << "each step reads one and writes the other";
}

// Of one shape: the lanes beside it hold other numbers, and its elements have another number of bytes.
TEST_F(HostExecutorTest, ConversionsShareCodeOnlyWhereItIsTheSame) {
  auto functionOf = [](const HostStep *step) { return step->phases.at(0).function; };
  auto pack = [&](int64_t lanes, int8_t fill) { return functionOf(llvm::cantFail(code.pack({3, 10}, lanes, fill))); };
  auto unpack = [&](int64_t lanes, unsigned bits) {
    return functionOf(llvm::cantFail(code.unpack(mlir::IntegerType::get(parsed.context.get(), bits), {3, 10}, lanes)));
  };
  const std::set<std::string> all{pack(16, 7),  pack(16, -7),   pack(8, 7),    unpack(16, 8),
                                  unpack(8, 8), unpack(16, 32), pack(16, 127), pack(8, -7)};
  EXPECT_EQ(all.size(), 8u);
  EXPECT_EQ(pack(16, -7), pack(16, -7));
  EXPECT_EQ(unpack(8, 8), unpack(8, 8));
}

TEST_F(HostExecutorTest, AllOfItsTimeIsThatOfItsSteps) {
  plan.giveChipForm(ragged, kLanes);
  convert({{ragged, Form::LaneRows}, 7, bufferOf(ragged)});
  double sum = 0;
  for (const RegionCost &region : regions())
    sum += region.ns;
  EXPECT_EQ(plan.report.hostNs, sum);
  EXPECT_GT(sum, 0);
}

TEST_F(HostExecutorTest, WithoutHostCodeNothingIsLinked) {
  plan.giveChipForm(wide, kLanes);
  convert({{wide, Form::LaneRows}, 0, bufferOf(wide)});
  ASSERT_FALSE(host.link());
  EXPECT_TRUE(plan.hostObject.empty());
}
