// SPDX-License-Identifier: Apache-2.0
// A shared object of host code, loaded as long as this is there. Called by the tests that run host code without a
// driver. Does not check it: dlopen runs whatever it holds.
#ifndef TW_TESTS_UNIT_CODEGEN_HOSTLIBRARY_H
#define TW_TESTS_UNIT_CODEGEN_HOSTLIBRARY_H

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <string>
#include <vector>

namespace tw::test {

class HostLibrary {
public:
  using Function = int (*)(void *const *, const int64_t *, void *, int64_t, int64_t);

  explicit HostLibrary(const std::vector<uint8_t> &object) : remover(file()) {
    std::error_code error;
    llvm::raw_fd_ostream(path, error).write(reinterpret_cast<const char *>(object.data()), object.size());
    handle = dlopen(path.c_str(), RTLD_NOW);
    EXPECT_TRUE(handle) << dlerror();
  }
  HostLibrary(const HostLibrary &) = delete;
  ~HostLibrary() { dlclose(handle); }
  Function function(const std::string &name) { return reinterpret_cast<Function>(dlsym(handle, name.c_str())); }

private:
  llvm::StringRef file() {
    EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("tw-test", "so", path));
    return path;
  }
  llvm::SmallString<128> path;
  llvm::FileRemover remover;
  void *handle = nullptr;
};

} // namespace tw::test

#endif // TW_TESTS_UNIT_CODEGEN_HOSTLIBRARY_H
