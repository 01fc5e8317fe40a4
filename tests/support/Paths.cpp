// SPDX-License-Identifier: Apache-2.0
#include "tw/support/Paths.h"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace fs = std::filesystem;

namespace tw::test {

fs::path sourceDir() { return TW_SOURCE_DIR; }

std::vector<std::string> oddMachines() {
  std::vector<std::string> files;
  for (const fs::directory_entry &entry : fs::directory_iterator(sourceDir() / "isa" / "configs" / "odd"))
    files.push_back(entry.path().string());
  std::ranges::sort(files);
  return files;
}

fs::path binaryDir() { return TW_BINARY_DIR; }

static fs::path materialRoot() {
  if (const char *root = std::getenv("TW_MATERIAL_DIR"))
    return root;
  return sourceDir().parent_path() / "shared" / "material";
}

std::optional<fs::path> material(std::string_view relative) {
  fs::path path = materialRoot() / relative;
  if (!fs::exists(path))
    return std::nullopt;
  return path;
}

std::string materialHint(std::string_view relative) {
  // One reason for all where nothing is there: whoever counts skips by reason then sees a single line.
  const fs::path missing = fs::exists(materialRoot()) ? materialRoot() / relative : materialRoot();
  return "no test material at '" + missing.string() + "'; set TW_MATERIAL_DIR to the folder that holds it";
}

static constexpr const char *kOnnxBackend = "/usr/share/libonnx-testdata/data";

std::optional<fs::path> onnxBackend() {
  if (!fs::exists(kOnnxBackend))
    return std::nullopt;
  return kOnnxBackend;
}

std::string onnxBackendHint() {
  return std::string("no ONNX backend suite at '") + kOnnxBackend +
         "'; scripts/setup.sh installs it (libonnx-testdata)";
}

TempDir::TempDir() {
  std::string name = (fs::temp_directory_path() / "tw-test-XXXXXX").string();
  if (!::mkdtemp(name.data()))
    std::abort();
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

} // namespace tw::test
