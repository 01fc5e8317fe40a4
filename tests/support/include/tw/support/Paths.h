// SPDX-License-Identifier: Apache-2.0
// Where the files that a test reads and writes are.
// Called by unit tests and benches; tools and libraries never see it.
// It does not read or create anything except the temporary directory.
#ifndef TW_SUPPORT_PATHS_H
#define TW_SUPPORT_PATHS_H

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tw::test {

/// The root of the source tree (holds isa/configs and the like).
std::filesystem::path sourceDir();

/// The machines of isa/configs/odd, which no tool knows by name: their files, sorted.
std::vector<std::string> oddMachines();

/// The root of the build tree (holds bin/ and generated/).
std::filesystem::path binaryDir();

/// A file or folder of the test material (models, recorded cases): $TW_MATERIAL_DIR, or ../shared/material beside the
/// source tree. Empty if it is not there; a test then says so: `GTEST_SKIP() << tw::test::materialHint(relative)`.
std::optional<std::filesystem::path> material(std::string_view relative);

/// The reason to print when material() found nothing.
std::string materialHint(std::string_view relative);

/// The cases of the ONNX backend suite, of Debian's libonnx-testdata: folders of folders with a model.onnx each. Empty
/// if the package is not installed; a test then says so: `GTEST_SKIP() << tw::test::onnxBackendHint()`.
std::optional<std::filesystem::path> onnxBackend();
std::string onnxBackendHint();

/// A fresh folder for the running test, removed when the object dies.
class TempDir {
public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir &) = delete;
  TempDir &operator=(const TempDir &) = delete;
  const std::filesystem::path &path() const { return path_; }

private:
  std::filesystem::path path_;
};

} // namespace tw::test

#endif // TW_SUPPORT_PATHS_H
