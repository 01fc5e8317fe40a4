// SPDX-License-Identifier: Apache-2.0
#include "tw/tools/Files.h"

#include "tw/support/Paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace tw::tools {
namespace {

using ::testing::HasSubstr;

class FilesTest : public testing::Test {
protected:
  std::string name(const char *file) const { return (folder.path() / file).string(); }
  size_t count() const {
    return size_t(
        std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator()));
  }
  static std::string textOf(llvm::Error error) { return error ? llvm::toString(std::move(error)) : "no error"; }

  test::TempDir folder;
};

TEST_F(FilesTest, AFileAppearsWhenItIsComplete) {
  ASSERT_FALSE(writeFile(name("a"), "old"));
  {
    auto file = OutputFile::create(name("a"));
    ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
    ASSERT_FALSE(file->write("half of"));
    EXPECT_EQ(*readFile(name("a")), "old");
    EXPECT_EQ(count(), 2u);
  }
  EXPECT_EQ(*readFile(name("a")), "old") << "what was not kept is gone";
  EXPECT_EQ(count(), 1u);
  ASSERT_FALSE(writeFile(name("a"), "new"));
  EXPECT_EQ(*readFile(name("a")), "new");
  EXPECT_EQ(count(), 1u);
}

TEST_F(FilesTest, ALinkGivesWayAndWhatItNamesStays) {
  std::ofstream(name("victim")) << "mine";
  std::filesystem::create_symlink(name("victim"), name("link"));
  ASSERT_FALSE(writeFile(name("link"), "new"));
  EXPECT_EQ(*readFile(name("victim")), "mine");
  EXPECT_EQ(*readFile(name("link")), "new");
}

TEST_F(FilesTest, WhoCouldNotReadTheOldFileCannotReadTheNewOne) {
  namespace fs = std::filesystem;
  ASSERT_FALSE(writeFile(name("a"), "old"));
  fs::permissions(name("a"), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_FALSE(writeFile(name("a"), "new"));
  EXPECT_EQ(fs::status(name("a")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  fs::permissions(name("a"), fs::perms::owner_read);
  EXPECT_THAT(textOf(writeFile(name("a"), "newer")), HasSubstr("a: is write-protected"));
}

TEST_F(FilesTest, OnlyFilesAreWrittenAndRead) {
  EXPECT_THAT(textOf(writeFile(folder.path().string(), "")), HasSubstr("is a folder, not a file: name a file"));
  EXPECT_THAT(textOf(writeFile("/dev/null", "")), HasSubstr("is a name of the system"));
  EXPECT_THAT(textOf(writeFile(name("none/a"), "")), HasSubstr("cannot be written: No such file or directory"));
  EXPECT_THAT(textOf(readFile("/dev/zero").takeError()), HasSubstr("it is a device, not a file"));
  std::ofstream(name("a")) << "12345";
  EXPECT_THAT(textOf(readFile(name("a"), 4).takeError()), HasSubstr("5 bytes, at most 4 are read"));
  EXPECT_TRUE(bool(readFile(name("a"), 5)));
}

TEST_F(FilesTest, NoOutputIsAnInputInWhateverSpelling) {
  std::ofstream(name("in")) << "input";
  std::filesystem::create_symlink(name("in"), name("link"));
  std::filesystem::create_hard_link(name("in"), name("hard"));
  const std::string other = folder.path().string() + "/./in";
  for (const std::string &output : {name("in"), name("link"), name("hard"), other})
    EXPECT_THAT(textOf(checkOutputs({output}, {name("in")})), HasSubstr(": is the input ")) << output;
  EXPECT_THAT(textOf(checkOutputs({name("new"), folder.path().string() + "/./new"}, {})),
              HasSubstr("is wanted for two results"));
  EXPECT_EQ(textOf(checkOutputs({name("new"), "", ""}, {name("in"), "tw16", ""})), "no error");
}

} // namespace
} // namespace tw::tools
