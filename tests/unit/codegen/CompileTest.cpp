// SPDX-License-Identifier: Apache-2.0
// What a package has of a model as a whole: names, shapes, entries, state, measured times.
#include "tw/codegen/Entries.h"

#include "Parsed.h"
#include "tw/isa/ConfigReader.h"
#include "tw/isa/DiagError.h"

#include <gmock/gmock.h>

#include <set>

using namespace tw;
using namespace tw::codegen;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

CompileOptions tw8() {
  CompileOptions options;
  options.config = *isa::loadConfig("tw8");
  return options;
}

llvm::Expected<Compiled> compiled(const std::string &text, const CompileOptions &options = tw8()) {
  test::Parsed parsed(text);
  return compile(*parsed.module, options);
}
Compiled made(const std::string &text, const CompileOptions &options = tw8()) {
  auto result = compiled(text, options);
  EXPECT_TRUE(bool(result)) << llvm::toString(result.takeError());
  return result ? std::move(*result) : Compiled();
}

std::string relu(const std::string &type, const std::string &name = "x", const std::string &place = "") {
  return "func.func @main(%x: " + type + " {tw.name = \"" + name + "\"}) -> " + type + " {\n  %y = tw.relu %x : (" +
         type + ") -> " + type + (place.empty() ? "" : " loc(\"" + place + "\")") + "\n  return %y : " + type + "\n}\n";
}
std::string ones(size_t rank) {
  std::string type = "tensor<";
  for (size_t d = 0; d != rank; ++d)
    type += "1x";
  return type + "f32>";
}

// A table on the NPU.
std::string table(const std::string &to, const std::string &from, const std::string &place) {
  return "  %" + to + " = tw.qlut %" + from + ", %t : (tensor<8x16xi8>, tensor<256xi8>) -> tensor<8x16xi8> loc(\"" +
         place + "\")\n";
}
// Two tables with a product between them whose weights are float32: the host's.
std::string mixed(const std::string &first, const std::string &host, const std::string &last) {
  return "func.func @main(%x: tensor<8x16xi8> {tw.name = \"x\"}) -> tensor<8x16xi8> {\n"
         "  %s = tw.constant dense<0.5> : tensor<f32>\n  %z = tw.constant dense<3> : tensor<i8>\n"
         "  %w = tw.constant dense<2.5> : tensor<16x16xf32>\n  %t = tw.constant dense<7> : tensor<256xi8>\n" +
         table("a", "x", first) +
         "  %d = tw.dequantize %a, %s, %z : (tensor<8x16xi8>, tensor<f32>, tensor<i8>) -> tensor<8x16xf32>\n"
         "  %p = tw.matmul %d, %w : (tensor<8x16xf32>, tensor<16x16xf32>) -> tensor<8x16xf32> loc(\"" +
         host +
         "\")\n"
         "  %q = tw.quantize %p, %s, %z : (tensor<8x16xf32>, tensor<f32>, tensor<i8>) -> tensor<8x16xi8>\n" +
         table("y", "q", last) + "  return %y : tensor<8x16xi8>\n}\n";
}

} // namespace

TEST(CompileTest, AShapeOfMoreDimensionsThanAPackageHoldsIsNamedWithBothNumbers) {
  made(relu(ones(8)));
  auto refused = compiled(relu(ones(9), "in 'put'"));
  ASSERT_FALSE(bool(refused));
  const std::string why = llvm::toString(refused.takeError());
  EXPECT_THAT(why, HasSubstr("input 'in 'put'' has 9 dimensions, a package holds 8: reshape it in the model"));
  EXPECT_THAT(why, HasSubstr("output ")) << "both are said at once";
}

TEST(CompileTest, ATensorWithoutElementsIsNeitherComputedNorCopied) {
  const Compiled none = made(relu("tensor<0x4xf32>"));
  for (const isa::PackageStep &step : none.package.steps) {
    EXPECT_NE(step.op, TW_PKG_STEP_COPY);
    EXPECT_THAT(step.phases, IsEmpty());
  }
  EXPECT_THAT(none.package.hostCode, IsEmpty());
  ASSERT_EQ(none.package.tensors.size(), 2u);
  EXPECT_EQ(none.package.tensors[1].shape, (std::vector<int64_t>{0, 4}));
}

TEST(CompileTest, WhatIsReturnedAsItCameIsACopyAndNeedsNoHostCode) {
  const Compiled same = made("func.func @main(%x: tensor<5xf32>) -> (tensor<5xf32>, tensor<5xf32>) {\n"
                             "  return %x, %x : tensor<5xf32>, tensor<5xf32>\n}\n");
  EXPECT_EQ(same.package.steps.size(), 2u);
  EXPECT_THAT(same.package.hostCode, IsEmpty());
  EXPECT_EQ(same.package.hostTarget, "");
  EXPECT_THAT(same.report.rows, IsEmpty());
}

// Names are the model's: they are text wherever they go, and never a symbol or a format.
TEST(CompileTest, ANameMayHoldAnything) {
  const std::string npu = "a/b:0 'c' %s \xC3\xBC", host = "%d{} <host>", last = npu + " 2";
  const Compiled odd = made(mixed(npu, host, last));
  std::set<std::string> tags;
  for (const auto &[tag, name] : odd.package.program.tags)
    tags.insert(name);
  EXPECT_THAT(tags, testing::IsSupersetOf({npu, last}));
  EXPECT_TRUE(std::ranges::any_of(odd.package.steps, [&](const isa::PackageStep &step) { return step.name == host; }))
      << "the step of host code has its operator's name";
  EXPECT_TRUE(bool(isa::serializePackage(odd.package)));
}

TEST(CompileTest, WhoOnlyAsksForAScheduleGetsNoPackage) {
  CompileOptions options = tw8();
  options.scheduleOnly = true;
  const Compiled asked = made(mixed("a", "b", "c"), options), whole = made(mixed("a", "b", "c"));
  EXPECT_THAT(asked.package.steps, IsEmpty());
  EXPECT_THAT(asked.package.program.lines, IsEmpty());
  ASSERT_EQ(asked.report.rows.size(), whole.report.rows.size());
  for (size_t row = 0; row != asked.report.rows.size(); ++row)
    EXPECT_EQ(asked.report.rows[row].executor, whole.report.rows[row].executor);
}

// The job that was measured first is the first region of the NPU, whatever the host does between them.
TEST(CompileTest, MeasuredCyclesGoToTheirRegionsRowsAndCounts) {
  CompileOptions options = tw8();
  options.measure = [](const isa::Package &package) -> llvm::Expected<std::vector<JobTime>> {
    std::vector<JobTime> times;
    for (size_t job = 0; job != package.counts.size(); ++job) {
      JobTime &time = times.emplace_back();
      time.cycles = 100 + job;
      if (package.counts.size() == 2 && !package.program.tags.empty())
        time.shares = {{uint16_t(job), 50 + job, "read"}};
    }
    return times;
  };
  const Compiled timed = made(mixed("first", "host", "last"), options);
  ASSERT_EQ(timed.package.counts.size(), 2u);
  EXPECT_EQ(timed.package.counts[0].cycles, 100u);
  EXPECT_EQ(timed.package.counts[1].cycles, 101u);
  EXPECT_EQ(timed.report.cycles, 201u);
  std::vector<uint64_t> ofRegions, ofRows;
  for (const RegionCost &region : timed.report.regions)
    if (region.executor == ExecutorId::Npu)
      ofRegions.push_back(region.cycles);
    else
      EXPECT_EQ(region.cycles, 0u);
  EXPECT_THAT(ofRegions, ElementsAre(100, 101));
  for (const PlacementRow &row : timed.report.rows)
    if (row.executor == ExecutorId::Npu)
      ofRows.push_back(row.cycles);
  EXPECT_THAT(ofRows, ElementsAre(50, 51));
}

TEST(CompileTest, AMeasureThatFailsFailsTheCompilation) {
  CompileOptions options = tw8();
  options.measure = [](const isa::Package &) -> llvm::Expected<std::vector<JobTime>> {
    return errorAt("", "no model of that machine");
  };
  auto refused = compiled(mixed("a", "b", "c"), options);
  ASSERT_FALSE(bool(refused));
  EXPECT_EQ(llvm::toString(refused.takeError()), "no model of that machine");
}

// Two graphs of one context, with a dimension bound in each, a state that they share and one of another size.
TEST(CompileTest, EntriesShareConstantsAndStateAndEachHasItsOwnSteps) {
  auto graph = [](const std::string &name, const std::string &rows) {
    const std::string type = "tensor<" + rows + "x16xf32>";
    return "module @" + name + " attributes {tw.dims = {N = 3 : i64}} {\nfunc.func @main(%x: " + type +
           " {tw.name = \"x\"}, %n: tensor<i64> {tw.name = \"n\", tw.bounds = array<i64: 1, 7>}, %s: "
           "tensor<3xf32> {tw.name = \"odd\", tw.state = 0 : i64}, %l: tensor<16x16xf32> {tw.name = \"large\", "
           "tw.state = 0 : i64}) -> (" +
           type +
           ", tensor<3xf32> {tw.state = 2 : i64}, tensor<16x16xf32> {tw.state = 3 : i64}) {\n"
           "  %w = tw.constant dense<0.25> : tensor<16x16xf32>\n  %m = tw.add %w, %l : (tensor<16x16xf32>, "
           "tensor<16x16xf32>) -> tensor<16x16xf32>\n  %y = tw.matmul %x, %m : (" +
           type + ", tensor<16x16xf32>) -> " + type +
           "\n  %t = tw.add %s, %s : (tensor<3xf32>, tensor<3xf32>) -> "
           "tensor<3xf32>\n  return %y, %t, %m : " +
           type + ", tensor<3xf32>, tensor<16x16xf32>\n}\n}\n";
  };
  test::Parsed parsed(graph("a", "2") + graph("b", "5"));
  std::vector<mlir::ModuleOp> modules;
  parsed.module->walk([&](mlir::ModuleOp each) {
    if (each != *parsed.module)
      modules.push_back(each);
  });
  ASSERT_EQ(modules.size(), 2u);
  auto both = compileEntries({{"prefill", modules[0]}, {"step", modules[1]}}, tw8());
  ASSERT_TRUE(bool(both)) << llvm::toString(both.takeError());
  const isa::Package &package = both->package;
  ASSERT_EQ(package.entries.size(), 2u);
  EXPECT_EQ(package.entries[0].name, "prefill");
  EXPECT_EQ(package.entries[1].name, "step");
  EXPECT_EQ(package.entries[0].firstStep, 0u);
  EXPECT_EQ(package.entries[1].firstStep, package.entries[0].stepCount);
  EXPECT_EQ(package.entries[1].firstStep + package.entries[1].stepCount, package.steps.size());
  EXPECT_EQ(both->report.fixed, (std::vector<std::pair<std::string, std::string>>{{"N", "3"}})) << "said once";
  ASSERT_EQ(package.dims.size(), 2u) << "one of each entry";
  for (const isa::PackageDim &dim : package.dims)
    EXPECT_EQ(std::tuple(dim.name, dim.least, dim.most), std::tuple(std::string("n"), 1, 7));
  std::map<std::string, isa::PackageBuffer> states;
  for (const isa::PackageBuffer &buffer : package.buffers)
    if (buffer.kind == TW_PKG_STATE)
      EXPECT_TRUE(states.emplace(buffer.name, buffer).second) << buffer.name << " twice";
  ASSERT_EQ(states.size(), 2u);
  EXPECT_EQ(states["odd"].size, 12u);
  EXPECT_EQ(states["large"].size, 1024u);
  EXPECT_EQ(states["large"].offset, 64u) << "aligned behind the other";
  EXPECT_EQ(package.stateBytes, states["large"].offset + states["large"].size);
  int weights = 0;
  for (const isa::PackageBuffer &buffer : package.buffers)
    weights += buffer.kind == TW_PKG_CONSTANT && buffer.size == 1024;
  EXPECT_EQ(weights, 1);
  EXPECT_EQ(package.constants.size() % 64, 0u);
  EXPECT_TRUE(bool(isa::serializePackage(package)));
}

// One function for both, as their loops are the same; the weights of each.
TEST(CompileTest, LayersOfOneFormHaveTheirOwnWeights) {
  const std::string x = "tensor<4x24xf32>", w = "tensor<24x24xf32>";
  auto layer = [&](const std::string &to, const std::string &from, const std::string &value) {
    return "  %w" + to + " = tw.constant dense<" + value + "> : " + w + "\n  %" + to + " = tw.matmul %" + from +
           ", %w" + to + " : (" + x + ", " + w + ") -> " + x + "\n";
  };
  const Compiled two = made("func.func @main(%x: " + x + ") -> " + x + " {\n" + layer("a", "x", "0.5") +
                            layer("b", "a", "0.25") + "  return %b : " + x + "\n}\n");
  ASSERT_EQ(two.report.rows.size(), 2u);
  EXPECT_EQ(two.report.rows[0].block, two.report.rows[1].block);
  EXPECT_EQ(std::ranges::count_if(two.package.buffers,
                                  [](const isa::PackageBuffer &buffer) {
                                    return buffer.kind == TW_PKG_CONSTANT && buffer.size == 24 * 24 * 4;
                                  }),
            2);
}

// What was there before the run: the new state comes behind it.
TEST(CompileTest, AnOutputMayBeTheStateFromBefore) {
  const Compiled kept =
      made("func.func @main(%s: tensor<3xf32> {tw.name = \"s\", tw.state = 0 : i64}) -> (tensor<3xf32> "
           "{tw.state = 0 : i64}, tensor<3xf32>) {\n  %t = tw.add %s, %s : (tensor<3xf32>, "
           "tensor<3xf32>) -> tensor<3xf32>\n  return %t, %s : tensor<3xf32>, tensor<3xf32>\n}\n");
  std::vector<tw_pkg_buffer_kind> written;
  for (const isa::PackageStep &step : kept.package.steps)
    if (step.op == TW_PKG_STEP_COPY)
      written.push_back(kept.package.buffers[step.arguments[0]].kind);
  EXPECT_THAT(written, ElementsAre(TW_PKG_OUTPUT, TW_PKG_STATE));
}

// A move and a sequence have streams of their own: their tags are named as those of chains are.
TEST(CompileTest, EveryTagOfTheProgramIsTheNameOfItsNode) {
  const Compiled named =
      made("func.func @main(%x: tensor<16x24xi8> {tw.name = \"x\"}) -> tensor<24x16xi8> {\n"
           "  %t = tw.constant dense<7> : tensor<256xi8>\n"
           "  %a = tw.qlut %x, %t : (tensor<16x24xi8>, tensor<256xi8>) -> tensor<16x24xi8> loc(\"before\")\n"
           "  %b = tw.transpose %a {perm = array<i64: 1, 0>} : (tensor<16x24xi8>) -> tensor<24x16xi8> loc(\"turned\")\n"
           "  %c = tw.qlut %b, %t : (tensor<24x16xi8>, tensor<256xi8>) -> tensor<24x16xi8> loc(\"after\")\n"
           "  return %c : tensor<24x16xi8>\n}\n");
  int onNpu = 0;
  for (const PlacementRow &row : named.report.rows)
    if (row.executor == ExecutorId::Npu) {
      EXPECT_EQ(named.package.program.tags.at(row.tag), row.node);
      ++onNpu;
    }
  EXPECT_EQ(onNpu, 3);
}
