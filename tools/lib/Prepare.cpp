// SPDX-License-Identifier: Apache-2.0
#include "Prepare.h"

#include "Measure.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/CachePruning.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include <chrono>

namespace tw::tools {
namespace {

constexpr uint64_t kCacheBytes = uint64_t(1) << 30;

std::string cacheKey(const std::string &modelBytes, const isa::HwConfig &config,
                     const std::map<std::string, int64_t> &dims) {
  llvm::BLAKE3 hasher;
  auto addNumber = [&](uint64_t number) { hasher.update(llvm::ArrayRef((const uint8_t *)&number, sizeof(number))); };
  hasher.update(modelBytes);
  addNumber(isa::kIsaHash);
  addNumber(isa::configHash(config));
  for (const auto &[name, size] : dims) {
    hasher.update(name);
    addNumber(uint64_t(size));
  }
  // Another build of this program may compile otherwise.
  static const int here = 0;
  llvm::sys::fs::file_status self;
  llvm::sys::fs::status(llvm::sys::fs::getMainExecutable("tilewright", (void *)&here), self);
  addNumber(self.getSize());
  addNumber(uint64_t(self.getLastModificationTime().time_since_epoch().count()));
  return llvm::toHex(llvm::ArrayRef(hasher.final<16>()), true);
}

} // namespace

void addModelOptions(CommandLine &line) {
  line.add()("config,c", po::value<std::string>()->default_value("tw16"),
             "machine: a name, or a YAML file")("dim", po::value<std::vector<std::string>>()->composing(),
                                                "NAME=NUMBER: value of a symbolic dimension; may be repeated");
}

llvm::Error checkMachine(const CommandLine &line, const isa::Package &package) {
  if (line.isDefault("config"))
    return llvm::Error::success();
  auto config = loadMachine(line.text("config"));
  if (!config)
    return config.takeError();
  if (isa::configHash(*config) == isa::configHash(package.config))
    return llvm::Error::success();
  return llvm::createStringError(llvm::formatv("{0}: the package is for {1} (configuration {2}), --config {3} is {4} "
                                               "({5}): compile the model for it, or leave --config out",
                                               line.file(), package.config.name, hex(isa::configHash(package.config)),
                                               line.text("config"), config->name, hex(isa::configHash(*config)))
                                     .str());
}

llvm::Expected<Prepared> prepare(const CommandLine &line, codegen::CompileOptions options,
                                 llvm::function_ref<llvm::Error(mlir::ModuleOp)> change) {
  auto config = loadMachine(line.text("config"));
  if (!config)
    return config.takeError();
  auto dims = line.dims();
  if (!dims)
    return dims.takeError();
  auto model = importModel(line.file(), *dims);
  if (!model)
    return model.takeError();
  if (change)
    if (auto error = change(*model->module))
      return std::move(error);
  options.config = *config;
  options.measure = measure;
  auto compiled = codegen::compile(*model->module, options);
  if (!compiled)
    return errorOf(messagesOf(compiled.takeError(), line.file()));
  return Prepared{std::move(*config), std::move(*model), std::move(*compiled)};
}

std::string packageCacheFolder() {
  llvm::SmallString<128> folder;
  if (!llvm::sys::path::cache_directory(folder))
    return "";
  llvm::sys::path::append(folder, "tilewright");
  return std::string(folder);
}

llvm::Expected<isa::Package> preparePackage(const CommandLine &line, const std::string &folder, std::string &note) {
  std::string kept;
  if (!folder.empty()) {
    auto config = loadMachine(line.text("config"));
    if (!config)
      return config.takeError();
    auto dims = line.dims();
    if (!dims)
      return dims.takeError();
    auto bytes = readFile(line.file());
    if (!bytes)
      return bytes.takeError();
    // The prefix is the one that pruneCache looks for.
    kept = folder + "/llvmcache-" + cacheKey(*bytes, *config, *dims) + ".npk";
    if (auto package = isa::readPackage(kept)) {
      note = "compiled before, kept as " + kept;
      return std::move(*package);
    }
  }
  const auto start = std::chrono::steady_clock::now();
  auto prepared = prepare(line);
  if (!prepared)
    return prepared.takeError();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  note = llvm::formatv("compiled for {0} in {1:F1} s", line.text("config"), seconds.count()).str();
  // Not being able to keep it is no reason to fail.
  if (!kept.empty() && !llvm::sys::fs::create_directories(folder) &&
      isa::writePackage(prepared->compiled.package, kept)) {
    note += ", kept as " + kept;
    llvm::CachePruningPolicy policy;
    policy.MaxSizeBytes = kCacheBytes;
    llvm::pruneCache(folder, policy);
  }
  return std::move(prepared->compiled.package);
}

} // namespace tw::tools
