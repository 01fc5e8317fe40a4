// SPDX-License-Identifier: Apache-2.0
// What for: tensors in NumPy's files, .npy and .npz, read and written.
// Called by: tools (inputs, outputs, layer dumps) and tests that read recorded data.
// Does not: convert element types or memory order: Fortran order and object arrays are errors.
#ifndef TW_TOOLS_NPY_H
#define TW_TOOLS_NPY_H

#include "llvm/Support/Error.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tw::tools {

// Row-major, little endian. `type` is NumPy's description without the byte order: f4, i1, u1, i4, i8, ...
struct NpyArray {
  std::string type;
  std::vector<int64_t> shape;
  std::vector<char> bytes;

  bool operator==(const NpyArray &other) const = default;
};

// Errors name the file (and the entry of an archive) and what is wrong with it.
llvm::Expected<NpyArray> parseNpy(std::string_view bytes, std::string_view name);
llvm::Expected<NpyArray> readNpy(const std::filesystem::path &path);
llvm::Expected<std::map<std::string, NpyArray>> readNpz(const std::filesystem::path &path);

std::string formatNpy(const NpyArray &array);
// Files appear by rename: a failed write leaves nothing. Archives are stored, not compressed, entries in key order.
llvm::Error writeNpy(const std::filesystem::path &path, const NpyArray &array);
llvm::Error writeNpz(const std::filesystem::path &path, const std::map<std::string, NpyArray> &arrays);

} // namespace tw::tools

#endif // TW_TOOLS_NPY_H
