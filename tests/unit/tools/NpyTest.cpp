// SPDX-License-Identifier: Apache-2.0
#include "tw/tools/Npy.h"

#include "tw/support/Paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace tw::tools {
namespace {

using ::testing::HasSubstr;

NpyArray sample() { return {"i4", {2, 1}, {1, 0, 0, 0, 2, 0, 0, 0}}; }

template <typename T> std::string failure(llvm::Expected<T> value) {
  return value ? "no error" : llvm::toString(value.takeError());
}

TEST(NpyTest, ArraysSurviveARoundTripThroughAFile) {
  test::TempDir folder;
  auto path = folder.path() / "a.npy";
  ASSERT_FALSE(writeNpy(path, sample()));
  auto read = readNpy(path);
  ASSERT_TRUE(static_cast<bool>(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(*read, sample());
}

TEST(NpyTest, DataStartsAtAMultipleOf64Bytes) {
  for (int rank = 0; rank < 40; ++rank) {
    NpyArray array{"i1", std::vector<int64_t>(rank, 1), {7}};
    EXPECT_EQ((formatNpy(array).size() - 1) % 64, 0u);
    auto parsed = parseNpy(formatNpy(array), "x");
    ASSERT_TRUE(static_cast<bool>(parsed)) << llvm::toString(parsed.takeError());
    EXPECT_EQ(*parsed, array);
  }
}

TEST(NpyTest, ArchivesSurviveARoundTripAndAreReproducible) {
  test::TempDir folder;
  std::map<std::string, NpyArray> arrays{{"x", sample()}, {"y", {"f4", {}, {0, 0, 0, 0}}}};
  ASSERT_FALSE(writeNpz(folder.path() / "a.npz", arrays));
  ASSERT_FALSE(writeNpz(folder.path() / "b.npz", arrays));
  auto read = readNpz(folder.path() / "a.npz");
  ASSERT_TRUE(static_cast<bool>(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(*read, arrays);
  auto bytes = [&](const char *name) {
    std::ifstream stream(folder.path() / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  };
  EXPECT_EQ(bytes("a.npz"), bytes("b.npz"));
}

TEST(NpyTest, EveryTruncationIsAnErrorThatNamesTheFile) {
  std::string bytes = formatNpy(sample());
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_THAT(failure(parseNpy(std::string_view(bytes).substr(0, length), "x.npy")), HasSubstr("x.npy: ")) << length;
}

TEST(NpyTest, ForeignContentIsRefusedWithTheReason) {
  auto swapped = [](std::string from, const std::string &to) {
    std::string bytes = formatNpy(sample());
    bytes.replace(bytes.find(from), from.size(), to);
    return failure(parseNpy(bytes, "x.npy"));
  };
  EXPECT_THAT(swapped("False", "True "), HasSubstr("is in Fortran order"));
  EXPECT_THAT(swapped("<i4", "|O4"), HasSubstr("element type '|O4' is not supported"));
  EXPECT_THAT(swapped("<i4", ">i4"), HasSubstr("element type '>i4' is not supported"));
  EXPECT_THAT(swapped("(2,", "(3,"), HasSubstr("is truncated"));
  EXPECT_THAT(swapped("(2,", "(1,"), HasSubstr("has 8 bytes of data, its shape needs 4"));
  EXPECT_THAT(swapped("(2,", "(x,"), HasSubstr("'x' is not a dimension"));
  EXPECT_THAT(swapped("'shape'", "'shaqe'"), HasSubstr("the header has no shape"));
}

TEST(NpyTest, ACorruptArchiveIsAnError) {
  test::TempDir folder;
  auto path = folder.path() / "a.npz";
  std::ofstream(path) << "PK no";
  EXPECT_THAT(failure(readNpz(path)), HasSubstr("is not a readable zip archive"));
  EXPECT_THAT(failure(readNpz(folder.path() / "absent.npz")), HasSubstr("absent.npz"));
  EXPECT_THAT(failure(readNpy(folder.path() / "absent.npy")), HasSubstr("cannot be read"));
}

} // namespace
} // namespace tw::tools
