// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/ProgramChecker.h"
#include "Configs.h"
#include "tw/isa/Assembler.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace tw::isa;

namespace {

// A load of `rows` rows of region 4 to an SPM address, and a store of them to region 5.
std::string ld(int spm, int rows, const std::string &sync = "") {
  return "ld region=4 spm=" + std::to_string(spm) + " n0=" + std::to_string(rows) + " n1=1 n2=1 n3=1 " + sync + "\n";
}
std::string st(int spm, int rows, const std::string &sync = "") {
  return "st region=5 spm=" + std::to_string(spm) + " n0=" + std::to_string(rows) + " n1=1 n2=1 n3=1 " + sync + "\n";
}
std::string gemm(int acc, int rows, const std::string &sync = "") {
  return "gemm x=0x8000 w=0x9000 m_n=" + std::to_string(rows) + " k_n=1 oc_n=1 acc=" + std::to_string(acc) + " " +
         sync + "\n";
}
std::string drq(int acc, int rows, const std::string &sync = "") {
  return "drq y=0x4000 y_ws=16 param=0 oc_n=1 oh_n=1 ow_n=" + std::to_string(rows) + " acc=" + std::to_string(acc) +
         " " + sync + "\n";
}
const std::string kRecord = "ldp region=4 dst=0 count=3 post(30)\n";

std::vector<Finding> check(const std::string &text) {
  tw::Result<Assembly> assembly = assemble(text, "a.s");
  EXPECT_TRUE(assembly) << assembly.diag().str();
  return checkProgram(assembly->program, tw16(), openRegions());
}

std::vector<FindingKind> kinds(const std::string &text) {
  std::vector<FindingKind> result;
  for (const Finding &finding : check(text))
    result.push_back(finding.kind);
  return result;
}

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ProgramCheckerTest, OrderedLinesAreLegal) {
  EXPECT_THAT(kinds(ld(0, 4, "post(3)") + st(0, 4, "wait(3)") + "end\n"), IsEmpty());
  EXPECT_THAT(kinds(ld(0, 4) + "fence\n" + st(0, 4) + "end\n"), IsEmpty());
  EXPECT_THAT(kinds(ld(0, 4) + st(64, 4) + "end\n"), IsEmpty());
}

TEST(ProgramCheckerTest, UnorderedLinesThatShareBytesRace) {
  std::vector<Finding> findings = check(ld(0, 4) + st(48, 4) + "end\n");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].kind, FindingKind::Race);
  EXPECT_EQ(findings[0].first, 0);
  EXPECT_EQ(findings[0].line, 1);
  EXPECT_THAT(findings[0].text, testing::HasSubstr("race with line 0 (ld region=4"));
  EXPECT_THAT(findings[0].text, testing::HasSubstr("of LA on SPM 48 to 63: no semaphore orders them"));
  // Two reads do not race, a write after a read does.
  EXPECT_THAT(kinds(st(0, 4) + ld(0, 1) + "end\n"), ElementsAre(FindingKind::Race));
}

TEST(ProgramCheckerTest, OrderIsTransitiveAndFollowsQueues) {
  // LA -> MX -> RQ orders LA before RQ, through two semaphores.
  std::string program = kRecord + ld(0x8000, 1, "post(1)") + gemm(0, 4, "wait(1) post(2)") +
                        drq(0, 4, "wait(2, 30) post(4)") + st(0x4000, 4, "wait(4)") + "end\n";
  EXPECT_THAT(kinds(program), IsEmpty());
  // The second load is ordered before the store because it posts; the first because its queue ends in order.
  EXPECT_THAT(kinds(ld(0, 4) + ld(64, 4, "post(1)") + st(0, 8, "wait(1)") + "end\n"), IsEmpty());
  // The other way round is not: the second load may still run.
  EXPECT_THAT(kinds(ld(0, 4, "post(1)") + ld(64, 4) + st(0, 8, "wait(1)") + "end\n"), ElementsAre(FindingKind::Race));
}

TEST(ProgramCheckerTest, TheKthWaitTakesThePostsInOrder) {
  EXPECT_THAT(kinds(ld(0, 4, "post(1)") + ld(64, 4, "post(1)") + st(64, 4, "wait(1:2)") + "end\n"), IsEmpty());
  EXPECT_THAT(kinds(ld(0, 4, "post(1)") + ld(64, 4, "post(1)") + st(64, 4, "wait(1)") + st(0, 4, "wait(1)") + "end\n"),
              ElementsAre(FindingKind::Race));
}

TEST(ProgramCheckerTest, MatrixAndDrainOwnHalvesOfAcc) {
  std::string start = kRecord + gemm(0, 4, "post(1)") + drq(0, 4, "wait(1, 30)");
  // Other rows of the same half race, rows of the other half do not.
  EXPECT_THAT(kinds(start + gemm(100, 4) + "end\n"), ElementsAre(FindingKind::Race));
  EXPECT_THAT(kinds(start + gemm(512, 4) + "end\n"), IsEmpty());
}

TEST(ProgramCheckerTest, RegionsAreMemoryToo) {
  std::string store = "st region=5 spm=0 n0=1 n1=3 n2=1 n3=1 ds1=64 ss1=16\n";
  auto load = [](int offset) {
    return "ldw region=5 spm=0x8000 n0=1 n1=1 n2=1 n3=1 offset=" + std::to_string(offset) + "\n";
  };
  EXPECT_THAT(kinds(store + load(64) + "end\n"), ElementsAre(FindingKind::Race));
  EXPECT_THAT(kinds(store + load(80) + "end\n"), IsEmpty()); // between two rows
}

TEST(ProgramCheckerTest, WaitsNeedEarlierPosts) {
  std::vector<Finding> findings = check(ld(0, 1, "post(1:2)") + st(0, 1, "wait(1:3)") + "end\n");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].kind, FindingKind::UncoveredWait);
  EXPECT_EQ(findings[0].fault, FaultCode::UncoveredWait);
  EXPECT_THAT(findings[0].text, testing::HasSubstr("waits for 3 of semaphore 1, but earlier lines leave only 2"));
}

TEST(ProgramCheckerTest, SemaphoresHaveOneQueueOnEachSide) {
  EXPECT_THAT(kinds(ld(0, 1, "post(1)") + "ldw region=4 spm=16 n0=1 n1=1 n2=1 n3=1 post(1)\n" + st(64, 1, "wait(1:2)") +
                    "end\n"),
              ElementsAre(FindingKind::TwoPosters));
  EXPECT_THAT(kinds(ld(0, 1, "post(1:2)") + st(0, 1, "wait(1)") + gemm(0, 1, "wait(1)") + "end\n"),
              ElementsAre(FindingKind::TwoWaiters));
  // A fence gives the semaphore to others.
  EXPECT_THAT(kinds(ld(0, 1, "post(1:2)") + st(0, 1, "wait(1)") + "fence\n" + gemm(0, 1, "wait(1)") + "end\n"),
              IsEmpty());
}

TEST(ProgramCheckerTest, CountersStayBelowTheirLimit) {
  std::string posts, waits;
  for (int i = 0; i != 8; ++i) {
    posts += ld(0, 1, "post(1:8)");
    waits += st(64, 1, "wait(1:8)");
  }
  EXPECT_THAT(kinds(posts + waits + "end\n"), ElementsAre(FindingKind::SemaphoreOverflow));
  // Interleaved in the stream, nothing forces the stores to be taken before the last load posts.
  std::string interleaved;
  for (int i = 0; i != 8; ++i)
    interleaved += ld(0, 1, "post(1:8)") + st(64, 1, "wait(1:8)");
  EXPECT_THAT(kinds(interleaved + "end\n"), ElementsAre(FindingKind::SemaphoreOverflow));
  // A credit back to the poster bounds it.
  std::string credit = ld(0, 1, "post(1:8)");
  for (int i = 0; i != 8; ++i)
    credit += st(64, 1, "wait(1:8) post(2)") + ld(0, 1, "wait(2) post(1:8)");
  EXPECT_THAT(kinds(credit + st(64, 1, "wait(1:8)") + "end\n"), IsEmpty());
}

TEST(ProgramCheckerTest, SemaphoresAreZeroAtTheEnd) {
  std::vector<Finding> findings = check(ld(0, 1, "post(9:2)") + "end\n");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].kind, FindingKind::SemaphoreLeak);
  EXPECT_EQ(findings[0].text, "line 1 (end): semaphore 9 is 2, not 0");
}

TEST(ProgramCheckerTest, ProgramsStopWithOneEnd) {
  EXPECT_THAT(kinds(""), ElementsAre(FindingKind::NoEnd));
  EXPECT_THAT(kinds(ld(0, 1)), ElementsAre(FindingKind::NoEnd));
  EXPECT_THAT(kinds("end\nend\n"), ElementsAre(FindingKind::NoEnd));
}

TEST(ProgramCheckerTest, IllegalLinesAreReportedWithTheirFault) {
  std::vector<Finding> findings =
      check("ld region=4 spm=8 n0=1 n1=1 n2=1 n3=1\n.line " + std::string(128, '0') + "\nend\n");
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].fault, FaultCode::Misaligned);
  EXPECT_EQ(findings[1].fault, FaultCode::IllegalOpcode);
}

TEST(ProgramCheckerTest, ParametersAreLoadedBeforeUse) {
  EXPECT_THAT(kinds(gemm(0, 4, "post(1)") + drq(0, 4, "wait(1)") + "end\n"), ElementsAre(FindingKind::UninitParam));
  EXPECT_THAT(kinds("lut n0=1 n1=1 n2=1 y=64 table=2\nend\n"), ElementsAre(FindingKind::UninitParam));
}

TEST(ProgramCheckerTest, AnInstructionMustNotRunIntoItsOwnResults) {
  std::string record = kRecord + "fence\n";
  auto ewadd = [](const std::string &y) {
    return "ewadd n0=4 n1=1 n2=1 a=0 a_s0=16 b=0x1000 param=0 " + y + "\nend\n";
  };
  auto findings = [&](const std::string &y) { return kinds("ldp region=4 dst=0 count=3\nfence\n" + ewadd(y)); };
  EXPECT_THAT(findings("y=0 y_s0=16"), IsEmpty()); // in place
  EXPECT_THAT(findings("y=16 y_s0=16"), ElementsAre(FindingKind::SelfOverlap));
  EXPECT_THAT(findings("y=16 y_s0=128"), ElementsAre(FindingKind::SelfOverlap));
  auto other = [&](const std::string &fields) {
    return kinds("ldp region=4 dst=0 count=3\nfence\newadd n2=1 a=0 b=0x1000 y=0 param=0 " + fields + "\nend\n");
  };
  EXPECT_THAT(other("n0=4 n1=1"), ElementsAre(FindingKind::SelfOverlap)); // one row again and again
  EXPECT_THAT(other("n0=2 n1=2 a_s0=16 a_s1=32 y_s0=32 y_s1=16"), ElementsAre(FindingKind::SelfOverlap));
  EXPECT_THAT(other("n0=2 n1=2 a_s0=16 a_s1=32 y_s0=16 y_s1=32"), IsEmpty());
}

TEST(ProgramCheckerTest, AWindowMustNotRunIntoItsOwnResults) {
  auto poolmax = [](const std::string &fields) {
    return kinds("ldp region=4 dst=0 count=3\nfence\npoolmax stride_h=1 stride_w=1 dil_h=1 kh_n=1 oc_n=1 "
                 "param=0 x=0 y=0 " +
                 fields + "\nend\n");
  };
  // The tile's only row, walked by columns, and an output column at the same addresses: the last output reads what the
  // one before it wrote.
  EXPECT_THAT(poolmax("x_h=1 x_w=3 x_ws=16 pad_t=2 pad_l=2 kw_n=2 dil_w=3 oh_n=3 ow_n=1 y_hs=16"),
              ElementsAre(FindingKind::SelfOverlap));
  EXPECT_THAT(poolmax("x_h=3 x_w=1 x_hs=16 pad_t=1 kw_n=1 dil_w=1 oh_n=3 ow_n=1 y_hs=16"),
              ElementsAre(FindingKind::SelfOverlap));
  EXPECT_THAT(poolmax("x_h=1 x_w=1 kw_n=1 dil_w=1 oh_n=1 ow_n=1"), IsEmpty())
      << "one element, read before it is written";
}

TEST(ProgramCheckerTest, TheNumberOfFindingsIsLimited) {
  std::string text;
  for (int i = 0; i != 50; ++i)
    text += ".line " + std::string(128, '0') + "\n";
  EXPECT_EQ(check(text).size(), 20u);
}

} // namespace
