// SPDX-License-Identifier: Apache-2.0
// Which of a segment's schedules becomes the package.
#include "tw/codegen/Compile.h"

#include "tw/ir/Register.h"
#include "tw/isa/ConfigReader.h"

#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>

#include <algorithm>

using namespace tw;
using namespace tw::codegen;
using namespace mlir;

namespace {

std::string convolution(const std::string &from, const std::string &to, int64_t channels, int64_t outputs,
                        int64_t group, int64_t kernel) {
  const std::string c = std::to_string(channels), o = std::to_string(outputs), k = std::to_string(kernel),
                    pad = std::to_string(kernel / 2), x = "tensor<1x" + c + "x24x24xi8>",
                    w = "tensor<" + o + "x" + std::to_string(channels / group) + "x" + k + "x" + k + "xi8>",
                    y = "tensor<1x" + o + "x24x24xi8>", b = "tensor<" + o + "xi32>";
  return "  %w" + to + " = tw.constant dense<5> : " + w + "\n  %b" + to + " = tw.constant dense<7> : " + b + "\n  %" +
         to + " = tw.qconv %" + from + "(%s, %z), %w" + to + "(%s, %z) bias %b" + to +
         " out(%s, %z) {strides = array<i64: 1, 1>, pads = array<i64: " + pad + ", " + pad + ", " + pad + ", " + pad +
         ">, dilations = array<i64: 1, 1>, group = " + std::to_string(group) + " : i64} : (" + x +
         ", tensor<f32>, tensor<i8>, " + w + ", tensor<f32>, tensor<i8>, " + b + ", tensor<f32>, tensor<i8>) -> " + y +
         "\n";
}

// Expand, depthwise, project: two engines that can work side by side.
std::string bottleneck() {
  return "func.func @main(%x: tensor<1x16x24x24xi8>) -> tensor<1x16x24x24xi8> {\n"
         "  %s = tw.constant dense<0.5> : tensor<f32>\n  %z = tw.constant dense<3> : tensor<i8>\n" +
         convolution("x", "e", 16, 48, 1, 1) + convolution("e", "d", 48, 48, 48, 3) +
         convolution("d", "y", 48, 16, 1, 1) + "  return %y : tensor<1x16x24x24xi8>\n}\n";
}

// Of the job that computes: a finished package has others, which turn the caller's rows into lanes and back.
std::vector<isa::Line> linesOf(const isa::Package &package) {
  auto longest = std::ranges::max_element(package.steps, {}, &isa::PackageStep::lineCount);
  auto first = package.program.lines.begin() + longest->firstLine;
  return {first, first + longest->lineCount};
}

struct Made {
  std::vector<std::vector<isa::Line>> tried; // jobs that were measured, the finished package's last
  Compiled compiled;
};

// `cyclesOf`: what a job takes, by the number of jobs measured before.
template <typename CyclesOf> Made run(const CyclesOf &cyclesOf, const std::string &schedule = "") {
  Made result;
  DialectRegistry registry;
  ir::registerGraphDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  auto module = parseSourceString<ModuleOp>(bottleneck(), &context);
  CompileOptions options;
  options.config = *isa::loadConfig("tw8");
  options.measure = [&](const isa::Package &package) -> llvm::Expected<std::vector<JobTime>> {
    const size_t before = result.tried.size();
    result.tried.push_back(linesOf(package));
    return std::vector<JobTime>(package.counts.size(), {uint64_t(cyclesOf(before)), {}});
  };
  if (!schedule.empty())
    options.schedule = NamedText{"given", schedule};
  auto compiled = compile(*module, options);
  EXPECT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
  if (compiled)
    result.compiled = std::move(*compiled);
  return result;
}

} // namespace

TEST(StreamsTest, TheShortestJobBecomesThePackage) {
  size_t count = 0;
  for (size_t shortest = 0; shortest == 0 || shortest != count; ++shortest) {
    Made made = run([&](size_t before) { return before == shortest ? 10 : 20; });
    count = made.tried.size() - 1;
    ASSERT_GE(count, 2u) << "nothing to choose from";
    const std::vector<isa::Line> lines = linesOf(made.compiled.package);
    ASSERT_EQ(lines.size(), made.tried[shortest].size()) << shortest;
    EXPECT_TRUE(std::ranges::equal(
        lines, made.tried[shortest], {}, [](const isa::Line &line) { return line.row(); },
        [](const isa::Line &line) { return line.row(); }));
  }
}

TEST(StreamsTest, OfEqualJobsTheFirstIsTakenAndNothingIsMeasuredTwice) {
  Made made = run([](size_t) { return 7; });
  EXPECT_EQ(made.compiled.report.cycles, 7u * made.compiled.package.counts.size());
  ASSERT_GE(made.tried.size(), 3u);
  EXPECT_EQ(linesOf(made.compiled.package).size(), made.tried[0].size());
  for (size_t a = 0; a + 1 != made.tried.size(); ++a)
    for (size_t b = a + 1; b + 1 != made.tried.size(); ++b)
      EXPECT_NE(made.tried[a], made.tried[b]) << a << ", " << b;
}

TEST(StreamsTest, AScheduleThatIsGivenIsNotCompared) {
  Made made = run([](size_t before) { return before == 1 ? 10 : 20; });
  Made again = run([](size_t) { return 30; }, made.compiled.schedule);
  EXPECT_EQ(again.tried.size(), 1u);
  EXPECT_EQ(again.compiled.package.program.lines, made.compiled.package.program.lines);
  EXPECT_EQ(again.compiled.schedule, made.compiled.schedule);
}
