// SPDX-License-Identifier: Apache-2.0
// Where blocks of one operator go, and why.
#include "Choose.h"
#include "host/HostExecutor.h"
#include "host/Processor.h"
#include "npu/NpuExecutor.h"

#include "tw/ir/Passes.h"
#include "tw/ir/Register.h"
#include "tw/isa/ConfigReader.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gmock/gmock.h>

using namespace tw;
using namespace tw::codegen;
using namespace mlir;
using testing::HasSubstr;

namespace {

const isa::HwConfig &tw16() {
  static const isa::HwConfig config = *isa::loadConfig("tw16");
  return config;
}

struct Parsed {
  explicit Parsed(const std::string &text) {
    DialectRegistry registry;
    ir::registerGraphDialects(registry);
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
    module = parseSourceString<ModuleOp>(text, context.get());
    EXPECT_TRUE(module) << text;
  }
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
};

Compiled compiledFor(const std::string &text, Objective objective = Objective::Offload) {
  Parsed parsed(text);
  CompileOptions options;
  options.config = tw16();
  options.objective = objective;
  auto compiled = compile(*parsed.module, options);
  if (!compiled) {
    ADD_FAILURE() << llvm::toString(compiled.takeError());
    return {};
  }
  return std::move(*compiled);
}

PlacementRow rowOf(const Compiled &compiled, const std::string &kind) {
  auto row = std::ranges::find(compiled.report.rows, kind, &PlacementRow::operation);
  EXPECT_NE(row, compiled.report.rows.end()) << kind;
  return row == compiled.report.rows.end() ? PlacementRow() : *row;
}

// The report's row of the block of this kind, after compiling the whole module.
PlacementRow placed(const std::string &text, const std::string &kind) { return rowOf(compiledFor(text), kind); }

std::string constants() {
  return "  %s = tw.constant dense<0.5> : tensor<f32>\n  %z = tw.constant dense<3> : tensor<i8>\n";
}

// A convolution of one image with weights of one value.
std::string convolution(int64_t channels, int64_t height, int64_t width, int64_t outputs, int64_t kernel, int64_t pad,
                        int64_t group, const std::string &bias = "7") {
  const std::string o = std::to_string(outputs), k = std::to_string(kernel),
                    x = "tensor<1x" + std::to_string(channels) + "x" + std::to_string(height) + "x" +
                        std::to_string(width) + "xi8>",
                    w = "tensor<" + o + "x" + std::to_string(channels / group) + "x" + k + "x" + k + "xi8>",
                    y = "tensor<1x" + o + "x" + std::to_string(height + 2 * pad - kernel + 1) + "x" +
                        std::to_string(width + 2 * pad - kernel + 1) + "xi8>",
                    b = "tensor<" + o + "xi32>", p = std::to_string(pad);
  return "func.func @main(%x: " + x + ") -> " + y + " {\n" + constants() + "  %w = tw.constant dense<5> : " + w +
         "\n  %b = tw.constant dense<" + bias + "> : " + b +
         "\n  %y = tw.qconv %x(%s, %z), %w(%s, %z) bias %b out(%s, %z) {strides = array<i64: 1, 1>, pads = "
         "array<i64: " +
         p + ", " + p + ", " + p + ", " + p + ">, dilations = array<i64: 1, 1>, group = " + std::to_string(group) +
         " : i64} : (" + x + ", tensor<f32>, tensor<i8>, " + w + ", tensor<f32>, tensor<i8>, " + b +
         ", tensor<f32>, tensor<i8>) -> " + y + "\n  return %y : " + y + "\n}\n";
}

// 3x3 or 5x5 sums of an 8x8 image, as many as it has channels.
std::string convolutionSums(int64_t channels, int64_t kernel, int64_t group) {
  const std::string c = std::to_string(channels), k = std::to_string(kernel), p = std::to_string(kernel / 2),
                    x = "tensor<1x" + c + "x8x8xi8>", y = "tensor<1x" + c + "x8x8xi32>",
                    w = "tensor<" + c + "x" + std::to_string(channels / group) + "x" + k + "x" + k + "xi8>";
  return "func.func @main(%x: " + x + ") -> " + y + " {\n" + constants() + "  %w = tw.constant dense<5> : " + w +
         "\n  %y = tw.qconv_sums %x(%z), %w(%z) {strides = array<i64: 1, 1>, pads = array<i64: " + p + ", " + p + ", " +
         p + ", " + p + ">, dilations = array<i64: 1, 1>, group = " + std::to_string(group) + " : i64} : (" + x +
         ", tensor<i8>, " + w + ", tensor<i8>) -> " + y + "\n  return %y : " + y + "\n}\n";
}

std::string averagePool(int64_t height, int64_t width) {
  const std::string h = std::to_string(height), w = std::to_string(width), x = "tensor<1x8x" + h + "x" + w + "xi8>";
  return "func.func @main(%x: " + x + ") -> tensor<1x8x1x1xi8> {\n" + constants() +
         "  %y = tw.qpool <average> %x(%s, %z) out(%s, %z) {kernel = array<i64: " + h + ", " + w +
         ">, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (" + x +
         ", tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x8x1x1xi8>\n  return %y : "
         "tensor<1x8x1x1xi8>\n}\n";
}

} // namespace

TEST(PlaceTest, AverageOverWindowsOfAnySizeRuns) {
  for (auto [height, width] : {std::pair{15, 17}, {16, 16}, {20, 20}, {33, 33}}) {
    PlacementRow row = placed(averagePool(height, width), "qpool");
    EXPECT_EQ(row.executor, ExecutorId::Npu) << height << "x" << width << ": " << row.how;
  }
  // One window of 300 rows: more than the instruction's kernel has.
  PlacementRow row = placed(averagePool(300, 300), "qpool");
  EXPECT_EQ(row.executor, ExecutorId::Host);
  EXPECT_TRUE(std::ranges::any_of(row.rejections, [](const tensorize::Rejection &rejection) {
    return rejection.text.find("has 300 steps, kh_n takes 255") != std::string::npos;
  }));
}

TEST(PlaceTest, GroupsOfFewChannelsRunOnTheNpu) {
  for (auto [channels, outputs, group, kernel] : {std::tuple{4, 4, 2, 3}, {4, 4, 2, 2}, {8, 16, 2, 5}, {6, 6, 3, 3}})
    EXPECT_EQ(placed(convolution(channels, 6, 6, outputs, kernel, 1, group), "qconv").how.substr(0, 5), "convs")
        << channels << " channels in " << group << " groups";
}

TEST(PlaceTest, GroupsOfOneOutputRunOnTheNpu) {
  for (auto [channels, group, kernel] : {std::tuple{4, 2, 1}, {6, 3, 3}, {64, 16, 3}}) {
    PlacementRow row = placed(convolution(channels, 6, 6, group, kernel, 0, group), "qconv");
    EXPECT_EQ(row.executor, ExecutorId::Npu) << channels << " channels in " << group << " groups: " << row.how;
  }
}

// One weight is still a tensor of weights.
TEST(PlaceTest, AProductOfOneElementRunsOnTheNpu) {
  PlacementRow row = placed(convolution(1, 1, 1, 1, 1, 0, 1), "qconv");
  EXPECT_EQ(row.executor, ExecutorId::Npu) << row.how;
}

TEST(PlaceTest, DepthwiseConvolutionsOfSeveralOutputsAChannelRunOnTheNpu) {
  for (auto [channels, outputs, kernel] : {std::tuple{5, 10, 3}, {16, 48, 3}, {3, 6, 1}, {33, 66, 5}}) {
    PlacementRow row = placed(convolution(channels, 6, 6, outputs, kernel, kernel / 2, channels), "qconv");
    EXPECT_EQ(row.executor, ExecutorId::Npu) << channels << " channels, " << outputs << " outputs: " << row.how;
  }
}

// One number a channel by an image that comes from outside and goes there: nothing else asks for channels in lanes.
TEST(PlaceTest, ANumberAChannelIsBroadcastOnTheNpu) {
  for (const char *kind : {"add", "mul", "min"}) {
    PlacementRow row = placed("func.func @main(%x: tensor<1x20x5x6xi8>, %c: tensor<1x20x1x1xi8>) -> "
                              "tensor<1x20x5x6xi8> {\n" +
                                  constants() + "  %y = tw.qeltwise <" + kind +
                                  "> %c(%s, %z), %x(%s, %z) out(%s, %z) : (tensor<1x20x1x1xi8>, tensor<f32>, "
                                  "tensor<i8>, tensor<1x20x5x6xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) "
                                  "-> tensor<1x20x5x6xi8>\n  return %y : tensor<1x20x5x6xi8>\n}\n",
                              "qeltwise");
    EXPECT_EQ(row.executor, ExecutorId::Npu) << kind << ": " << row.how;
  }
}

TEST(PlaceTest, FoldedRowsWithoutPaddingAreCutAlongColumns) {
  for (auto [kernel, pad] : {std::pair{1, 0}, {3, 0}, {3, 1}}) {
    PlacementRow row = placed(convolution(3, 8, 1200, 16, kernel, pad, 1), "qconv");
    EXPECT_EQ(row.how, "convf+drq") << kernel << "x" << kernel << ", padding " << pad;
  }
}

// 70,000 bytes are more than the instruction's field for a row has, 3 * 30,000 three times more than fits beside
// itself.
TEST(PlaceTest, RowsTooLongToLieWholeLieInLanes) {
  for (auto [channels, width] : {std::pair{1, 70000}, {3, 30000}}) {
    PlacementRow row = placed(convolution(channels, 3, width, 8, 3, 1, 1), "qconv");
    EXPECT_EQ(row.executor, ExecutorId::Npu) << channels << " channels, " << width << " columns: " << row.how;
  }
}

// Sums that nothing requantises leave the accumulator as they are.
TEST(PlaceTest, SumsOfProductsRunOnTheNpu) {
  for (auto [channels, kernel, group, chain] : {std::tuple{32, 3, 1, "conv+drw"},
                                                {3, 3, 1, "convf+drw"},
                                                {8, 5, 4, "convs+drw"},
                                                {16, 3, 16, "conv+drw"},
                                                {33, 3, 33, "conv+drw"}}) {
    PlacementRow row = placed(convolutionSums(channels, kernel, group), "qconv_sums");
    EXPECT_EQ(row.how, chain) << channels << " channels in " << group << " groups";
  }
  PlacementRow row = placed("func.func @main(%x: tensor<3x40xi8>) -> tensor<3x5xi32> {\n" + constants() +
                                "  %w = tw.constant dense<5> : tensor<5x40xi8>\n"
                                "  %y = tw.qgemm_sums %x, %w(%z) : (tensor<3x40xi8>, tensor<5x40xi8>, tensor<i8>) -> "
                                "tensor<3x5xi32>\n  return %y : tensor<3x5xi32>\n}\n",
                            "qgemm_sums");
  EXPECT_EQ(row.executor, ExecutorId::Npu) << row.how;
}

TEST(PlaceTest, ASumThatMayLeave32BitsRunsOnTheHost) {
  // Products that count beside the bias: a step of the result is 2^25 of their sum.
  std::string counts = convolution(2048, 8, 8, 16, 3, 1, 1, "2147483000");
  counts.replace(counts.find("out(%s"), 6, "out(%o");
  counts.insert(counts.find("  %w"), "  %o = tw.constant dense<8388608.0> : tensor<f32>\n");
  PlacementRow row = placed(counts, "qconv");
  EXPECT_EQ(row.executor, ExecutorId::Host);
  EXPECT_THAT(row.how, HasSubstr("the sum of output channel 0 may be anything from "));
  EXPECT_EQ(placed(convolution(16, 8, 8, 16, 3, 1, 1, "2147000000"), "qconv").executor, ExecutorId::Npu);
}

TEST(PlaceTest, ABlockForWhichNoTagIsLeftRunsOnTheHost) {
  for (size_t taken : {65535, 65536}) {
    Parsed parsed(averagePool(4, 4));
    PassManager manager(parsed.context.get());
    ir::buildGraphPipeline(manager);
    ASSERT_TRUE(succeeded(manager.run(*parsed.module)));
    const Blocks blocks(*parsed.module);
    const tensorize::Target target = tensorize::makeTwTarget(tw16());
    CompileOptions options;
    options.config = tw16();
    Attempt attempt;
    Plan &plan = attempt.plan;
    plan.tagNames.resize(taken);
    const HostProcessor processor = llvm::cantFail(processorOf("x86-64-v3"));
    attempt.code = std::make_unique<HostCode>(parsed.context.get(), processor);
    attempt.forms = std::make_unique<Forms>(plan, attempt.executors, target.lanes);
    attempt.executors.push_back(std::make_unique<NpuExecutor>(plan, *attempt.forms, target, options));
    attempt.executors.push_back(
        std::make_unique<HostExecutor>(plan, *attempt.forms, *attempt.code, processor, target.lanes));
    llvm::Error error = assign(blocks, {}, attempt);
    ASSERT_FALSE(error) << llvm::toString(std::move(error));
    auto row = std::ranges::find(plan.report.rows, "qpool", &PlacementRow::operation);
    ASSERT_NE(row, plan.report.rows.end());
    EXPECT_EQ(row->executor, taken == 65535 ? ExecutorId::Npu : ExecutorId::Host) << row->how;
    if (taken == 65536)
      EXPECT_THAT(row->how, HasSubstr("all 65536 tags are taken"));
  }
}

// Four numbers: to bring them to the NPU and back takes longer than to compute them.
TEST(PlaceTest, ForLatencyATinyBlockRunsOnTheHostAndALargeOneOnTheNpu) {
  const PlacementRow tiny = rowOf(compiledFor(convolution(3, 2, 2, 3, 1, 0, 1), Objective::Latency), "qconv");
  EXPECT_EQ(tiny.executor, ExecutorId::Host);
  EXPECT_THAT(tiny.how, testing::MatchesRegex("for latency: at least 0\\.[0-9]+ ms on the host with its forms, "
                                              "0\\.[0-9]+ ms on the npu"));
  EXPECT_EQ(placed(convolution(3, 2, 2, 3, 1, 0, 1), "qconv").executor, ExecutorId::Npu);
  const PlacementRow large = rowOf(compiledFor(convolution(64, 16, 16, 64, 3, 1, 1), Objective::Latency), "qconv");
  EXPECT_EQ(large.executor, ExecutorId::Npu) << large.how;
  EXPECT_TRUE(std::ranges::any_of(large.rejections, [](const tensorize::Rejection &rejection) {
    return rejection.kind == kSlower && rejection.text.find("on the host") != std::string::npos;
  }));
}

// The host was asked for each block and could have run it.
TEST(PlaceTest, ACandidateThatIsNotTakenLeavesNothingInThePackage) {
  const std::string text = convolution(64, 16, 16, 64, 3, 1, 1);
  Compiled offload = compiledFor(text), latency = compiledFor(text, Objective::Latency);
  for (const Compiled *each : {&offload, &latency})
    ASSERT_EQ(rowOf(*each, "qconv").executor, ExecutorId::Npu);
  EXPECT_EQ(latency.package.hostCode, offload.package.hostCode);
  auto a = isa::serializePackage(offload.package), b = isa::serializePackage(latency.package);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(*a, *b);
}

// Six inputs, of which the machine has regions for four; rows of 24 elements are no rows of 16 lanes.
TEST(PlaceTest, TheNpuReadsInputsOfWholeRowsWhereTheCallerHasThem) {
  for (auto [width, inRegions, copies, packs] : {std::tuple{32, 4, 2, 0}, {24, 0, 0, 6}}) {
    const std::string type = "tensor<5x" + std::to_string(width) + "xi8>";
    std::string arguments, body, last = "x0";
    for (int i = 0; i != 6; ++i)
      arguments +=
          (i ? ", %x" : "%x") + std::to_string(i) + ": " + type + " {tw.name = \"x" + std::to_string(i) + "\"}";
    for (int i = 1; i != 6; ++i) {
      const std::string sum = "y" + std::to_string(i);
      body += "  %" + sum + " = tw.qeltwise <add> %" + last + "(%s, %z), %x" + std::to_string(i) +
              "(%s, %z) out(%s, %z) : (" + type + ", tensor<f32>, tensor<i8>, " + type +
              ", tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> " + type + "\n";
      last = sum;
    }
    const Compiled compiled = compiledFor("func.func @main(" + arguments + ") -> " + type + " {\n" + constants() +
                                          body + "  return %" + last + " : " + type + "\n}\n");
    int regions = 0, copied = 0, packed = 0;
    for (const isa::PackageBuffer &buffer : compiled.package.buffers)
      regions += buffer.kind == TW_PKG_INPUT && buffer.region != TW_PKG_NONE;
    for (const RegionCost &region : compiled.report.regions) {
      copied += region.what.starts_with("copy x");
      packed += region.what.starts_with("pack x");
    }
    EXPECT_EQ(std::tuple(regions, copied, packed), std::tuple(inRegions, copies, packs)) << width;
  }
}
