// SPDX-License-Identifier: Apache-2.0
// What for: the one way in which tools read and write files: no output hurts anything that is already there.
// Called by: the verbs, and the writers of arrays.
// Does not: know what is in a file.
#ifndef TW_TOOLS_FILES_H
#define TW_TOOLS_FILES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace tw::tools {

inline constexpr uint64_t kMostFileBytes = (uint64_t{1} << 31) - 1; // protobuf holds no larger ONNX file
inline constexpr uint64_t kMostArrayBytes = uint64_t{1} << 33;      // of one .npy, or of all arrays of one .npz

/// A whole file. Folders, devices and pipes are refused, and files of more than `most` bytes before they are read.
llvm::Expected<std::string> readFile(const std::string &path, uint64_t most = kMostFileBytes);

/// A file that appears under its name when it is complete: written under a name that nobody else has, in the same
/// folder, then renamed. Whatever happens before leaves the old file as it was, and nothing else.
class OutputFile {
public:
  /// Refuses a name that is a folder, a device, a pipe or a write-protected file.
  static llvm::Expected<OutputFile> create(const std::string &path);
  OutputFile(OutputFile &&) = default;
  ~OutputFile(); // discards what was not kept

  llvm::Error write(std::string_view bytes);
  llvm::Error keep();

private:
  OutputFile(std::string path, llvm::sys::fs::TempFile file) : path(std::move(path)), file(std::move(file)) {}

  std::string path;
  llvm::sys::fs::TempFile file;
};

/// An OutputFile in one call.
llvm::Error writeFile(const std::string &path, std::string_view bytes);

/// To be called before any work: an output must be writable, and no input and no other output, whatever the spelling
/// or link. Empty names are ignored.
llvm::Error checkOutputs(llvm::ArrayRef<std::string> outputs, llvm::ArrayRef<std::string> inputs);

} // namespace tw::tools

#endif // TW_TOOLS_FILES_H
