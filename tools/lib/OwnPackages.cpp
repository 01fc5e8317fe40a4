// SPDX-License-Identifier: Apache-2.0
#include "OwnPackages.h"

#include "Common.h"
#include "Prepare.h"
#include "tw/tools/Files.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/CachePruning.h"
#include "llvm/Support/FileSystem.h"

#include <unistd.h>

namespace tw::tools {
namespace {

namespace fs = llvm::sys::fs;

constexpr uint64_t kMostRemembered = 1 << 16; // the longest unused are forgotten

// Beside the folder of kept packages, which has a limit and a pace of its own.
std::string folderOfHashes() {
  const std::string folder = packageCacheFolder();
  return folder.empty() ? "" : folder + "/compiled";
}

// The file that stands for these bytes; empty if there is no place for it. The prefix is the one that pruneCache looks
// for.
std::string markOf(const isa::Package &package) {
  const std::string folder = folderOfHashes();
  if (folder.empty())
    return "";
  auto bytes = packageBytes(package);
  if (!bytes) {
    llvm::consumeError(bytes.takeError());
    return "";
  }
  llvm::BLAKE3 hasher;
  hasher.update(*bytes);
  return folder + "/llvmcache-" + llvm::toHex(llvm::ArrayRef(hasher.final<32>()), true);
}

} // namespace

bool isOwnFolder(const std::string &folder) {
  fs::file_status status;
  return !fs::status(folder, status) && fs::is_directory(status) && status.getUser() == getuid() &&
         (status.permissions() & (fs::group_write | fs::others_write)) == 0;
}

void rememberPackage(const isa::Package &package) {
  if (package.hostCode.empty() && package.others.empty())
    return;
  const std::string mark = markOf(package), folder = folderOfHashes();
  if (mark.empty() || fs::create_directories(folder, true, fs::owner_all) || !isOwnFolder(folder))
    return;
  if (llvm::Error error = writeFile(mark, "")) {
    llvm::consumeError(std::move(error));
    return;
  }
  llvm::CachePruningPolicy policy;
  policy.Expiration = std::chrono::seconds(0); // by number alone
  policy.MaxSizePercentageOfAvailableSpace = 0;
  policy.MaxSizeFiles = kMostRemembered;
  llvm::pruneCache(folder, policy);
}

bool isRemembered(const isa::Package &package) {
  const std::string mark = markOf(package);
  return !mark.empty() && isOwnFolder(folderOfHashes()) && fs::exists(mark);
}

} // namespace tw::tools
