// SPDX-License-Identifier: Apache-2.0
// Who gets a block, what happens when it does not fit, and what is said when nobody runs it.
#include "Choose.h"

#include "tw/ir/Passes.h"
#include "tw/ir/Register.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gmock/gmock.h>

#include <set>

using namespace tw;
using namespace tw::codegen;
using namespace mlir;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

// Three pools of one image, one after the other.
constexpr const char *kThree = R"(
func.func @main(%x: tensor<1x8x8x8xi8>) -> tensor<1x8x2x2xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<3> : tensor<i8>
  %a = tw.qpool <max> %x(%s, %z) out(%s, %z) {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x8xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x8x4x4xi8> loc("first")
  %b = tw.qpool <max> %a(%s, %z) out(%s, %z) {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x8x4x4xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x8x4x4xi8> loc("second")
  %c = tw.qpool <max> %b(%s, %z) out(%s, %z) {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x4x4xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x8x2x2xi8> loc("third")
  return %c : tensor<1x8x2x2xi8>
})";

// Who runs what is all that it knows.
class Fake final : public Executor {
public:
  Fake(ExecutorId who, Attempt &attempt, std::set<int> refused, std::set<int> unfit, std::map<int, double> ns)
      : who(who), attempt(attempt), refused(std::move(refused)), unfit(std::move(unfit)), ns(std::move(ns)) {}

  ExecutorId id() const override { return who; }
  std::variant<std::unique_ptr<Candidate>, Refusals> candidate(const BlockCall &call, const BlockLoops &) override {
    const int block = next++;
    if (refused.count(block))
      return Refusals{{who, {"", "extent", std::string("too long for the ") + nameOf(who)}}};
    auto candidate = std::make_unique<Candidate>();
    candidate->boundNs = ns.count(block) ? ns.at(block) : 1000;
    candidate->leastBytes = uint64_t(100 + block);
    if (const FormOf given{attempt.plan.table.of(call.call->getResult(0)), Form::LaneRows}; givesLanes)
      candidate->given = {given};
    if (const FormOf wanted{attempt.plan.table.of(call.call->getOperand(0)), Form::LaneRows}; wantsLanes)
      candidate->wanted = {wanted};
    return candidate;
  }
  std::variant<std::unique_ptr<Candidate>, tensorize::Rejection> candidate(const Conversion &) override {
    auto candidate = std::make_unique<Candidate>();
    candidate->boundNs = 3000;
    return candidate;
  }
  int take(const Conversion &what, std::unique_ptr<Candidate>) override { return what.from; }
  void take(int block, const BlockCall &call, std::unique_ptr<Candidate>, PlacementRow &row) override {
    taken.push_back(block);
    attempt.forms->newRowForm(attempt.plan.table.of(call.call->getResult(0)));
    row.executor = who;
  }
  llvm::Expected<std::variant<std::vector<RegionCost>, Misfit>> schedule() override {
    for (int block : taken)
      if (unfit.count(block))
        return Misfit{block, {"", "memory", "too big beside its neighbours"}};
    return std::vector<RegionCost>{{.executor = who, .ns = double(taken.size())}};
  }
  llvm::Error emit() override { return llvm::Error::success(); }
  llvm::Error link() override { return llvm::Error::success(); }

  bool wantsLanes = false, givesLanes = false; // of its first operand, of its result

private:
  ExecutorId who;
  Attempt &attempt;
  std::set<int> refused, unfit;
  std::map<int, double> ns; // bounds of blocks; others take 1000
  std::vector<int> taken;
  int next = 0;
};

struct ChooseTest : testing::Test {
  void SetUp() override {
    DialectRegistry registry;
    ir::registerGraphDialects(registry);
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
    module = parseSourceString<ModuleOp>(kThree, context.get());
    ASSERT_TRUE(module);
    PassManager manager(context.get());
    ir::buildGraphPipeline(manager);
    ASSERT_TRUE(succeeded(manager.run(*module)));
    blocks.emplace(*module);
    ASSERT_THAT(nodes(), testing::IsSupersetOf({"first", "second", "third"}));
  }

  std::vector<std::string> nodes() const {
    std::vector<std::string> names;
    for (const BlockCall &call : blocks->calls())
      names.push_back(call.facts.node);
    return names;
  }
  int blockOf(const std::string &node) const {
    const std::vector<std::string> all = nodes();
    return int(std::ranges::find(all, node) - all.begin());
  }

  llvm::Expected<std::unique_ptr<Attempt>> run(std::set<int> npuRefuses, std::set<int> npuUnfit,
                                               std::set<int> hostRefuses, std::vector<Strike> strikes = {}) {
    return choose(*blocks, std::move(strikes), [&] {
      ++attempts;
      auto attempt = std::make_unique<Attempt>();
      attempt->objective = objective;
      attempt->forms = std::make_unique<Forms>(attempt->plan, attempt->executors, 16);
      auto npu = std::make_unique<Fake>(ExecutorId::Npu, *attempt, npuRefuses, npuUnfit, npuNs);
      npu->wantsLanes = wantsLanes;
      npu->givesLanes = givesLanes;
      attempt->executors.push_back(std::move(npu));
      attempt->executors.push_back(
          std::make_unique<Fake>(ExecutorId::Host, *attempt, hostRefuses, std::set<int>{}, std::map<int, double>{}));
      return attempt;
    });
  }

  static std::string whereOf(const Attempt &attempt, const std::string &node) {
    auto row = std::ranges::find(attempt.plan.report.rows, node, &PlacementRow::node);
    return row == attempt.plan.report.rows.end() ? "nowhere" : std::string(nameOf(row->executor)) + ": " + row->how;
  }

  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
  std::optional<Blocks> blocks;
  std::vector<EntryGraph> one{EntryGraph{}};
  int attempts = 0;
  Objective objective = Objective::Offload;
  std::map<int, double> npuNs;
  bool wantsLanes = false, givesLanes = false; // the NPU
};

} // namespace

TEST_F(ChooseTest, TheFirstExecutorThatCanRunsABlock) {
  auto chosen = run({}, {}, {});
  ASSERT_TRUE(bool(chosen)) << llvm::toString(chosen.takeError());
  for (const PlacementRow &row : (*chosen)->plan.report.rows)
    EXPECT_EQ(row.executor, ExecutorId::Npu) << row.node;
  EXPECT_EQ(attempts, 1);
}

TEST_F(ChooseTest, ABlockThatDoesNotFitIsStruckAndAllBeginsAgain) {
  auto chosen = run({}, {blockOf("second"), blockOf("third")}, {});
  ASSERT_TRUE(bool(chosen)) << llvm::toString(chosen.takeError());
  EXPECT_EQ(attempts, 3); // one candidate a time
  EXPECT_EQ(whereOf(**chosen, "first").substr(0, 4), "npu:");
  EXPECT_EQ(whereOf(**chosen, "second"), "host: too big beside its neighbours");
  EXPECT_EQ(whereOf(**chosen, "third"), "host: too big beside its neighbours");
}

TEST_F(ChooseTest, WhatIsPlacedByHandLosesTheOthers) {
  CompileOptions options;
  options.places = {{"second", ExecutorId::Host, "--place second=cpu"}};
  auto strikes = strikesByHand(*blocks, one, options);
  ASSERT_TRUE(bool(strikes));
  auto chosen = run({}, {}, {}, *strikes);
  ASSERT_TRUE(bool(chosen)) << llvm::toString(chosen.takeError());
  EXPECT_EQ(whereOf(**chosen, "second"), "host: --place second=cpu");
  EXPECT_EQ(whereOf(**chosen, "third").substr(0, 4), "npu:");
}

TEST_F(ChooseTest, AnEntryForTheHostIsWhollyThereWhateverItsNodesArePlacedOn) {
  CompileOptions options;
  options.places = {{"second", ExecutorId::Npu, "--place second=npu"}};
  one.front().hostOnly = "--spare N=9";
  auto strikes = strikesByHand(*blocks, one, options);
  ASSERT_TRUE(bool(strikes));
  auto chosen = run({}, {}, {}, *strikes);
  ASSERT_TRUE(bool(chosen)) << llvm::toString(chosen.takeError());
  for (const std::string &node : nodes())
    EXPECT_EQ(whereOf(**chosen, node), "host: --spare N=9");
}

TEST_F(ChooseTest, AnUnknownNodeIsRefusedWithTheNearestName) {
  CompileOptions options;
  options.places = {{"secund", ExecutorId::Host, "--place secund=cpu"}};
  auto strikes = strikesByHand(*blocks, one, options);
  ASSERT_FALSE(bool(strikes));
  EXPECT_EQ(llvm::toString(strikes.takeError()),
            "--place secund: no operator has that node after fusion: is 'second' meant");
}

TEST_F(ChooseTest, ABlockThatNobodyRunsIsAnErrorWithBothReasons) {
  std::set<int> all; // the host is asked for each
  for (int b = 0; b != int(blocks->calls().size()); ++b)
    all.insert(b);
  auto chosen = run(all, {}, {blockOf("second")});
  ASSERT_FALSE(bool(chosen));
  EXPECT_THAT(llvm::toString(chosen.takeError()),
              HasSubstr("node 'second': too long for the host, and not on the NPU: too long for the npu"));
}

TEST_F(ChooseTest, TheOrderOfExecutorsDecidesWhateverTheyTake) {
  npuNs = {{blockOf("second"), 5000}};
  auto chosen = run({}, {}, {});
  ASSERT_TRUE(bool(chosen)) << llvm::toString(chosen.takeError());
  EXPECT_EQ(whereOf(**chosen, "second").substr(0, 4), "npu:");
}

TEST_F(ChooseTest, ForLatencyABlockRunsWhereItIsFastestAndOfEqualOnesOnTheFirst) {
  objective = Objective::Latency;
  npuNs = {{blockOf("second"), 5000}, {blockOf("third"), 999}};
  auto chosen = run({}, {}, {});
  ASSERT_TRUE(bool(chosen)) << llvm::toString(chosen.takeError());
  EXPECT_EQ(whereOf(**chosen, "first").substr(0, 4), "npu:");
  EXPECT_EQ(whereOf(**chosen, "second"),
            "host: for latency: at least 0.001000 ms on the host with its forms, 0.005000 ms on the npu");
  EXPECT_EQ(whereOf(**chosen, "third").substr(0, 4), "npu:");
}

TEST_F(ChooseTest, ForLatencyAStrikeRepeatsTheAssignment) {
  objective = Objective::Latency;
  npuNs = {{blockOf("second"), 5000}};
  auto chosen = run({}, {blockOf("third")}, {});
  ASSERT_TRUE(bool(chosen)) << llvm::toString(chosen.takeError());
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(whereOf(**chosen, "third"), "host: too big beside its neighbours");
}

TEST_F(ChooseTest, WhatRegionsCostIsInTheReport) {
  auto chosen = run({}, {}, {});
  ASSERT_TRUE(bool(chosen)) << llvm::toString(chosen.takeError());
  const std::vector<RegionCost> &regions = (*chosen)->plan.report.regions;
  ASSERT_EQ(regions.size(), 2u);
  EXPECT_EQ(regions[0].executor, ExecutorId::Npu);
  EXPECT_EQ(regions[0].ns, double(blocks->calls().size()));
}

// 3,000 ns for each change of form, beside 1,000 of the host for the block itself.
TEST_F(ChooseTest, ForLatencyTheFormsThatABlockWantsAreCounted) {
  objective = Objective::Latency;
  npuNs = {{blockOf("second"), 10}};
  wantsLanes = true;
  auto chosen = run({}, {}, {});
  ASSERT_TRUE(bool(chosen)) << llvm::toString(chosen.takeError());
  EXPECT_EQ(whereOf(**chosen, "second"),
            "host: for latency: at least 0.001000 ms on the host with its forms, 0.003010 ms on the npu");
}

TEST_F(ChooseTest, ForLatencyAResultIsChangedOnlyWhereTheCallerGetsIt) {
  objective = Objective::Latency;
  for (int b = 0; b != int(blocks->calls().size()); ++b)
    npuNs[b] = 10;
  givesLanes = true;
  auto chosen = run({}, {}, {});
  ASSERT_TRUE(bool(chosen)) << llvm::toString(chosen.takeError());
  const std::vector<PlacementRow> &rows = (*chosen)->plan.report.rows;
  for (size_t row = 0; row != rows.size(); ++row)
    EXPECT_EQ(rows[row].executor, row + 1 == rows.size() ? ExecutorId::Host : ExecutorId::Npu) << rows[row].node;
}

// Its own reason, not the one that a move has where the NPU cannot do it.
TEST_F(ChooseTest, AMoveThatIsSlowerSaysSo) {
  objective = Objective::Latency;
  for (int b = 0; b != int(blocks->calls().size()); ++b)
    if (blocks->calls()[size_t(b)].facts.notes.whole.empty() && blocks->calls()[size_t(b)].facts.kind == "transpose")
      npuNs[b] = 5000;
  ASSERT_FALSE(npuNs.empty());
  auto chosen = run({}, {}, {});
  ASSERT_TRUE(bool(chosen)) << llvm::toString(chosen.takeError());
  for (auto [block, ns] : npuNs)
    EXPECT_THAT((*chosen)->plan.report.rows[size_t(block)].how, testing::StartsWith("for latency: at least "));
}

TEST_F(ChooseTest, ARowSaysWhatItsCandidateNeeds) {
  auto chosen = run({}, {}, {});
  ASSERT_TRUE(bool(chosen)) << llvm::toString(chosen.takeError());
  const std::vector<PlacementRow> &rows = (*chosen)->plan.report.rows;
  for (size_t row = 0; row != rows.size(); ++row) {
    EXPECT_EQ(rows[row].leastBytes, 100 + row);
    EXPECT_EQ(rows[row].boundNs, 1000);
  }
}
