// SPDX-License-Identifier: Apache-2.0
// Weights beside the model: read from its folder and from nowhere else.
#include "OnnxBuilder.h"
#include "OnnxImporting.h"

#include <gmock/gmock.h>

#include <fstream>

namespace tw::ir::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class OnnxExternalDataTest : public testing::Test {
protected:
  OnnxExternalDataTest() {
    fs::create_directories(root / "model/sub");
    write(root / "outside.bin");
    write(root / "model/w.bin");
    write(root / "model/sub/w.bin");
  }

  // 64 bytes of nothing, then 1.0, 2.0, 3.0.
  static void write(const fs::path &path) {
    const std::vector<float> values{1, 2, 3};
    std::ofstream out(path, std::ios::binary);
    out << std::string(64, '\0');
    out.write(reinterpret_cast<const char *>(values.data()), 12);
  }
  // x + w, with w [3] at these entries.
  Import imported(std::vector<std::pair<std::string, std::string>> entries, bool hasFolder = true) {
    OnnxBuilder b;
    b.input("x", {"3"}).output("y", {"3"});
    auto &w = b.floats("w", {3}, {});
    w.set_data_location(::onnx::TensorProto_DataLocation_EXTERNAL);
    for (const auto &[key, value] : entries) {
      auto &entry = *w.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    }
    b.node("Add", {"x", "w"}, "y");
    return Import(b.bytes(), {.folder = hasFolder ? (root / "model").string() : ""});
  }

  const tw::test::TempDir folder;
  const fs::path root = folder.path();
};

TEST_F(OnnxExternalDataTest, BytesAreReadFromTheFileBesideTheModel) {
  for (std::string place : {"w.bin", "sub/w.bin", "./w.bin"})
    EXPECT_EQ(imported({{"location", place}, {"offset", "64"}, {"length", "12"}}).run({floats({3}, {1, 1, 1})})[0],
              floats({3}, {2, 3, 4}))
        << place;
  // Without a length it is what the shape needs; at an odd place nothing is aligned.
  EXPECT_EQ(imported({{"location", "w.bin"}, {"offset", "3"}}).run({floats({3}, {1, 1, 1})})[0],
            floats({3}, {1, 1, 1}));
}

TEST_F(OnnxExternalDataTest, NothingIsReadFromOutsideTheFolder) {
  fs::create_symlink(root / "outside.bin", root / "model/link.bin");
  fs::create_symlink(root, root / "model/up");
  for (std::string place : {"../outside.bin", "sub/../../outside.bin", "/etc/passwd", "", "..", "..\\outside.bin"})
    EXPECT_THAT(imported({{"location", place}}).text(),
                HasSubstr(place.empty() ? "no 'location' names it" : "not a place inside the model's folder"))
        << place;
  for (std::string place : {"link.bin", "up/outside.bin"})
    EXPECT_THAT(imported({{"location", place}}).text(), HasSubstr("'" + place +
                                                                  "', which is a link out of the model's "
                                                                  "folder"));
  fs::create_symlink("sub/w.bin", root / "model/inside.bin");
  EXPECT_EQ(imported({{"location", "inside.bin"}}).text(), "");
}

TEST_F(OnnxExternalDataTest, AFileThatDoesNotFitIsAnError) {
  EXPECT_THAT(imported({{"location", "w.bin"}, {"offset", "65"}}).text(),
              HasSubstr("initializer 'w': its data lies in 'w.bin', from byte 65 on 12 bytes, the file has 76"));
  EXPECT_THAT(imported({{"location", "w.bin"}, {"offset", "9223372036854775807"}}).text(),
              HasSubstr("the file has 76"));
  EXPECT_THAT(imported({{"location", "w.bin"}, {"length", "8"}}).text(),
              HasSubstr("with a length of 8 bytes, its shape needs 12"));
  EXPECT_THAT(imported({{"location", "w.bin"}, {"offset", "-1"}}).text(),
              HasSubstr("has offset '-1', which is no number"));
  EXPECT_THAT(imported({{"location", "ghost.bin"}}).text(),
              HasSubstr("'ghost.bin', which cannot be read: No such file"));
  EXPECT_THAT(imported({{"location", "sub"}}).text(), HasSubstr("'sub', which is not a file"));
  EXPECT_THAT(imported({{"location", "w.bin"}}, false).text(), HasSubstr("the model was not read from a folder"));
}

TEST_F(OnnxExternalDataTest, LargeDataIsMappedAndOutlivesTheImport) {
  std::ofstream(root / "model/w.bin", std::ios::binary) << std::string(1 << 20, '\0');
  Import mapped = imported({{"location", "w.bin"}, {"offset", "65536"}});
  fs::remove(root / "model/w.bin");
  EXPECT_EQ(mapped.run({floats({3}, {1, 2, 3})})[0], floats({3}, {1, 2, 3}));
}

} // namespace
} // namespace tw::ir::test
