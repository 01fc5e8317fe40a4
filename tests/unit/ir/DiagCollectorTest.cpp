// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/DiagCollector.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

using namespace mlir;

namespace tw::ir::test {
namespace {

struct DiagCollectorTest : testing::Test {
  MLIRContext context;
  Builder builder{&context};
  Location line = FileLineColLoc::get(&context, "a.mlir", 3, 7);
  Location node = NameLoc::get(builder.getStringAttr("conv1"), line);
};

TEST_F(DiagCollectorTest, ThePlaceIsTheNodeElseTheLine) {
  DiagCollector said(context);
  emitError(node) << "is " << 3;
  emitError(line, "is wrong");
  emitError(UnknownLoc::get(&context), "is nowhere");
  EXPECT_EQ(said.take(), (std::vector<Diag>{{"node 'conv1'", "is 3"}, {"a.mlir:3:7", "is wrong"}, {"", "is nowhere"}}));
  EXPECT_TRUE(said.take().empty());
}

TEST_F(DiagCollectorTest, NotesAreReasons) {
  DiagCollector said(context);
  {
    InFlightDiagnostic error = emitError(node, "is wrong");
    error.attachNote(line) << "see here";
    error.attachNote() << "or there";
  }
  EXPECT_EQ(said.take(),
            (std::vector<Diag>{{"node 'conv1'", "is wrong", {{"a.mlir:3:7", "see here"}, {"", "or there"}}}}));
}

TEST_F(DiagCollectorTest, WarningsGoOnAndItEndsWithItsLife) {
  std::vector<std::string> before;
  ScopedDiagnosticHandler outer(&context, [&](Diagnostic &diagnostic) {
    before.push_back(diagnostic.str());
    return success();
  });
  {
    DiagCollector said(context);
    emitWarning(node, "is odd");
    EXPECT_TRUE(said.take().empty());
  }
  emitError(node, "is wrong");
  EXPECT_EQ(before, (std::vector<std::string>{"is odd", "is wrong"}));
}

} // namespace
} // namespace tw::ir::test
